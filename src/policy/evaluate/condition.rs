//! Whether the conditions of a statement hold. Source: IAM user guide, "Condition operators" and "Multivalued context keys".

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::net::IpAddr;

use jiff::Timestamp;

use super::Request;
use super::pattern::{Pattern, Syntax};
use super::statement::Match;
use crate::model::Val;
use crate::policy::{Conditions, Name, Version};

/// Whether all operators hold for all their keys.
pub(super) fn all(request: &Request, conditions: &Conditions, version: Version) -> Match {
    let mut holds = Match::Yes;
    for (name, keys) in conditions {
        let Some(operator) = Operator::read(name) else {
            holds = holds.and(Match::Unknown(format!("the condition operator `{name}` is not known")));
            continue;
        };
        for (key, values) in keys {
            let one = match request.values(key) {
                Ok(given) => operator.holds(given, values, version, request),
                Err(why) => Match::Unknown(why),
            };
            holds = holds.and(one);
        }
    }
    holds
}

/// Whether this is an operator that conditions are decided by.
pub(in crate::policy) fn is_known(name: &Name) -> bool {
    Operator::read(name).is_some()
}

/// How several values of a key in the request count.
#[derive(Clone, Copy, PartialEq)]
enum Many {
    /// There is one value.
    One,
    /// `ForAllValues:`
    All,
    /// `ForAnyValue:`
    Any,
}

#[derive(Clone, Copy, PartialEq)]
enum Test {
    Text { like: bool, case: bool },
    Arn,
    Bool,
    Null,
    Number(Compare),
    Date(Compare),
    Ip,
}

#[derive(Clone, Copy, PartialEq)]
enum Compare {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

struct Operator {
    many: Many,
    test: Test,
    negated: bool,
    if_exists: bool,
}

impl Operator {
    fn read(name: &Name) -> Option<Self> {
        let name = name.folded();
        let (many, name) = match name.split_once(':') {
            Some(("forallvalues", rest)) => (Many::All, rest),
            Some(("foranyvalue", rest)) => (Many::Any, rest),
            Some(_) => return None,
            None => (Many::One, name.as_str()),
        };
        let (name, if_exists) = name.strip_suffix("ifexists").map_or((name, false), |name| (name, true));
        let (test, negated) = test(name)?;
        (!(test == Test::Null && (if_exists || many != Many::One))).then_some(Self { many, test, negated, if_exists })
    }

    fn holds(&self, given: &[String], wanted: &BTreeSet<Val>, version: Version, request: &Request) -> Match {
        if self.test == Test::Null {
            return null(given, wanted);
        }
        let one = |given: &String| {
            let found = wanted
                .iter()
                .fold(Match::No, |found, wanted| found.or(compare(self.test, given, wanted, version, request)));
            if self.negated { found.not() } else { found }
        };
        match (given, self.many) {
            ([], Many::Any) if self.if_exists => {
                Match::Unknown("`ForAnyValue` with `IfExists` on an absent key is not documented".into())
            }
            ([], Many::Any) => Match::No,
            ([], Many::All) => Match::Yes,
            ([], Many::One) => Match::from_bool(self.if_exists || self.negated),
            ([given], _) => one(given),
            (_, Many::One) => Match::Unknown("a key has several values, and its operator is for one".into()),
            (given, Many::All) => given.iter().fold(Match::Yes, |all, given| all.and(one(given))),
            (given, Many::Any) => given.iter().fold(Match::No, |any, given| any.or(one(given))),
        }
    }
}

/// The test of an operator's name in lower case, and whether the name turns it round.
fn test(name: &str) -> Option<(Test, bool)> {
    let compared = |name: &str| match name {
        "equals" => Some((Compare::Equal, false)),
        "notequals" => Some((Compare::Equal, true)),
        "lessthan" => Some((Compare::Less, false)),
        "lessthanequals" => Some((Compare::LessOrEqual, false)),
        "greaterthan" => Some((Compare::Greater, false)),
        "greaterthanequals" => Some((Compare::GreaterOrEqual, false)),
        _ => None,
    };
    if let Some(name) = name.strip_prefix("numeric") {
        return compared(name).map(|(compare, negated)| (Test::Number(compare), negated));
    }
    if let Some(name) = name.strip_prefix("date") {
        return compared(name).map(|(compare, negated)| (Test::Date(compare), negated));
    }
    Some(match name {
        "stringequals" => (Test::Text { like: false, case: true }, false),
        "stringnotequals" => (Test::Text { like: false, case: true }, true),
        "stringequalsignorecase" => (Test::Text { like: false, case: false }, false),
        "stringnotequalsignorecase" => (Test::Text { like: false, case: false }, true),
        "stringlike" => (Test::Text { like: true, case: true }, false),
        "stringnotlike" => (Test::Text { like: true, case: true }, true),
        "arnequals" | "arnlike" => (Test::Arn, false),
        "arnnotequals" | "arnnotlike" => (Test::Arn, true),
        "bool" => (Test::Bool, false),
        "null" => (Test::Null, false),
        "ipaddress" => (Test::Ip, false),
        "notipaddress" => (Test::Ip, true),
        _ => return None,
    })
}

/// `true` wants the key to be absent.
fn null(given: &[String], wanted: &BTreeSet<Val>) -> Match {
    wanted.iter().fold(Match::No, |found, wanted| {
        found.or(match wanted.as_known() {
            Some(text) if text.eq_ignore_ascii_case("true") => Match::from_bool(given.is_empty()),
            Some(text) if text.eq_ignore_ascii_case("false") => Match::from_bool(!given.is_empty()),
            _ => Match::Unknown("`Null` needs `true` or `false`".into()),
        })
    })
}

fn compare(test: Test, given: &str, wanted: &Val, version: Version, request: &Request) -> Match {
    let wildcards = matches!(test, Test::Text { like: true, .. } | Test::Arn);
    if let Test::Text { .. } | Test::Arn = test {
        return match (Pattern::new(wanted, Syntax { wildcards, version }, request), test) {
            (Err(why), _) => Match::Unknown(why),
            (Ok(pattern), Test::Arn) => Match::from_bool(pattern.matches_arn(given)),
            (Ok(pattern), Test::Text { case: false, .. }) => Match::from_bool(pattern.matches_ignoring_case(given)),
            (Ok(pattern), _) => Match::from_bool(pattern.matches(given)),
        };
    }
    let Some(wanted) = wanted.as_known() else {
        return Match::Unknown("a value in it is known only after apply".into());
    };
    let holds = match test {
        Test::Bool => truth(given).zip(truth(wanted)).map(|(given, wanted)| given == wanted),
        Test::Number(how) => {
            number(given).zip(number(wanted)).and_then(|(a, b)| a.partial_cmp(&b)).map(|o| how.fits(o))
        }
        Test::Date(how) => date(given).zip(date(wanted)).map(|(given, wanted)| how.fits(given.cmp(&wanted))),
        Test::Ip => given.parse().ok().zip(network(wanted)).map(|(given, network)| inside(given, network)),
        Test::Text { .. } | Test::Arn | Test::Null => None,
    };
    holds.map_or_else(|| Match::Unknown(format!("`{given}` and `{wanted}` cannot be compared")), Match::from_bool)
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

fn truth(text: &str) -> Option<bool> {
    text.to_ascii_lowercase().parse().ok()
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

/// A date as ISO 8601 or as seconds since 1970.
fn date(text: &str) -> Option<Timestamp> {
    let seconds = text.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let day =
        || text.parse::<jiff::civil::Date>().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp());
    seconds.or_else(|| text.parse().ok()).or_else(day)
}

fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(address, bits)| (address, Some(bits)));
    let address: IpAddr = address.parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.map_or(Some(width), |bits| bits.parse().ok())?;
    (bits <= width).then_some((address, bits))
}

fn inside(address: IpAddr, (network, bits): (IpAddr, u32)) -> bool {
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let shift = 32_u32.saturating_sub(bits);
            address.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let shift = 128_u32.saturating_sub(bits);
            address.to_bits().checked_shr(shift) == network.to_bits().checked_shr(shift)
        }
        _ => false,
    }
}
