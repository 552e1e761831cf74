//! One value of the request and one of a policy. Source: IAM user guide, "Condition operators".

use std::cmp::Ordering;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::Request;
use super::pattern::{Pattern, Syntax};
use super::statement::Match;
use crate::model::Val;
use crate::policy::Version;

/// What an operator looks at.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Test {
    Text { like: bool, case: bool },
    Arn,
    Bool,
    Binary,
    Null,
    Number(Compare),
    Date(Compare),
    Ip,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Compare {
    fn fits(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// Whether a value of the request passes a test against a value of the policy. `Null` compares no values.
pub(super) fn compare(test: Test, given: &str, wanted: &Val, version: Version, request: &Request) -> Match {
    if let Test::Text { .. } | Test::Arn = test {
        let wildcards = matches!(test, Test::Text { like: true, .. } | Test::Arn);
        return match Pattern::new(wanted, Syntax { wildcards, version }, request) {
            Err(why) => Match::Unknown(why),
            Ok(pattern) => text(test, given, &pattern),
        };
    }
    let Some(wanted) = wanted.as_known() else {
        return Match::Unknown("a value in it is known only after apply".into());
    };
    let holds = match test {
        Test::Bool => truth(given).zip(truth(wanted)).map(|(given, wanted)| given == wanted),
        Test::Binary => STANDARD.decode(given).ok().zip(STANDARD.decode(wanted).ok()).map(|(a, b)| a == b),
        Test::Number(how) => number(given).zip(number(wanted)).map(|(given, wanted)| how.fits(given.cmp(&wanted))),
        Test::Date(how) => date(given).zip(date(wanted)).map(|(given, wanted)| how.fits(given.cmp(&wanted))),
        Test::Ip => given.parse().ok().zip(network(wanted)).and_then(|(given, network)| inside(given, network)),
        Test::Text { .. } | Test::Arn | Test::Null => None,
    };
    holds.map_or_else(|| Match::Unknown(format!("`{given}` and `{wanted}` cannot be compared")), Match::from_bool)
}

fn text(test: Test, given: &str, pattern: &Pattern) -> Match {
    match test {
        Test::Arn => match pattern.matches_arn(given) {
            Some(matches) => Match::from_bool(matches),
            None => Match::Unknown(format!("`{given}` is compared as an ARN, and one of the two is none")),
        },
        Test::Text { case: false, .. } => {
            let same = pattern.matches_ignoring_case(given);
            let plain = given.is_ascii() && pattern.is_ascii();
            if !same && !plain {
                return Match::Unknown(format!(
                    "the case of the letters in `{given}` cannot be ignored with certainty"
                ));
            }
            Match::from_bool(same)
        }
        _ => Match::from_bool(pattern.matches(given)),
    }
}

fn truth(text: &str) -> Option<bool> {
    text.parse().ok()
}

/// A decimal number of up to 15 digits, so that it is exact, as an integer of billionths.
fn number(text: &str) -> Option<i128> {
    let (negative, digits) = text.strip_prefix('-').map_or((false, text), |digits| (true, digits));
    let (whole, part) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if !plain(whole) || !plain(part) || part.len() > 9 || whole.len() + part.len() > 15 {
        return None;
    }
    let value: i128 = format!("{whole}{part:0<9}").parse().ok()?;
    Some(if negative { -value } else { value })
}

/// A date as ISO 8601 or as seconds since 1970. Four digits may be a year or a second, so they are neither.
fn date(text: &str) -> Option<Timestamp> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    if digits {
        return (text.len() > 4).then(|| text.parse().ok().and_then(|at| Timestamp::from_second(at).ok())).flatten();
    }
    let day =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    text.parse().ok().or_else(|| (text.len() == 10).then(day).flatten())
}

#[derive(Clone, Copy)]
struct Network {
    address: IpAddr,
    bits: u32,
    /// Whether the length of the prefix was not written.
    bare: bool,
}

fn network(text: &str) -> Option<Network> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bare = bits.is_none();
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok())?;
    (bits <= width).then_some(Network { address, bits, bare })
}

/// Whether an address is in a network. AWS reads an address without a prefix as `/32`; what that means for IPv6 is not said, so there it is
/// only certain for the address itself and for what is in no such network.
fn inside(address: IpAddr, network: Network) -> Option<bool> {
    let Network { address: of, bits, bare } = network;
    match (address, of) {
        (IpAddr::V4(address), IpAddr::V4(of)) => {
            let shift = 32_u32.saturating_sub(bits);
            Some(address.to_bits().checked_shr(shift) == of.to_bits().checked_shr(shift))
        }
        (IpAddr::V6(address), IpAddr::V6(of)) if bare && address != of => {
            (address.to_bits() >> 96 != of.to_bits() >> 96).then_some(false)
        }
        (IpAddr::V6(address), IpAddr::V6(of)) => {
            let shift = 128_u32.saturating_sub(bits);
            Some(address.to_bits().checked_shr(shift) == of.to_bits().checked_shr(shift))
        }
        // An IPv4 address may be written as IPv6.
        (IpAddr::V6(address), IpAddr::V4(_)) if address.to_ipv4_mapped().is_some() => None,
        (IpAddr::V4(_), IpAddr::V6(of)) if of.to_ipv4_mapped().is_some() => None,
        _ => Some(false),
    }
}
