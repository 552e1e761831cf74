//! Account identifiers, and the host names that follow from them.

use std::fmt;

/// An account as its user names it: `org-account`, a locator, a locator with its region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountId(String);

/// What every host of Snowflake's ends in.
const DOMAINS: [&str; 3] = [".snowflakecomputing.com", ".snowflakecomputing.cn", ".snowflakecomputing.mil"];

impl AccountId {
    /// Reads an identifier, also from what people paste: a host name or a URL of Snowflake's.
    ///
    /// # Errors
    /// The reason, in words that follow the value.
    pub fn parse(text: &str) -> Result<Self, String> {
        let trimmed = text.trim();
        let (url, bare) = match trimmed.strip_prefix("https://").or_else(|| trimmed.strip_prefix("http://")) {
            Some(rest) => (true, rest.split(['/', '?', '#']).next().unwrap_or_default()),
            None => (false, trimmed),
        };
        let bare = bare.trim_end_matches('.').to_ascii_lowercase();
        let account = match DOMAINS.iter().find_map(|domain| bare.strip_suffix(domain)) {
            Some(account) => account,
            None if url => return Err("is a URL, but not of a Snowflake account; write `organization-account`".into()),
            None => &bare,
        };
        let label = |label: &str| {
            !label.is_empty()
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
                && !label.starts_with('-')
        };
        if !account.split('.').all(label) {
            return Err(
                "is not an account identifier; write `organization-account`, or a locator with its region such as \
                        `xy12345.us-east-2`"
                    .into(),
            );
        }
        Ok(Self(account.to_owned()))
    }

    /// With a region that is given apart, as it used to be.
    #[must_use]
    pub fn in_region(self, region: &str) -> Self {
        if self.0.contains('.') || region.is_empty() {
            self
        } else {
            Self(format!("{}.{}", self.0, region.to_ascii_lowercase()))
        }
    }

    /// The name a login wants: without region, and without the suffix of a `.global` account.
    pub fn name(&self) -> &str {
        let (first, rest) = self.0.split_once('.').unwrap_or((&self.0, ""));
        if rest == "global" { first.rsplit_once('-').map_or(first, |(name, _)| name) } else { first }
    }

    /// The host of its server. Host names have no underscores, and the oldest region has no name.
    pub fn host(&self) -> String {
        let (first, rest) = self.0.split_once('.').unwrap_or((&self.0, ""));
        let first = first.replace('_', "-");
        let top = if rest.starts_with("cn-") { "cn" } else { "com" };
        match rest {
            "" | "us-west-2" => format!("{first}.snowflakecomputing.com"),
            rest => format!("{first}.{rest}.snowflakecomputing.{top}"),
        }
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Checks a host that was given by itself.
pub(super) fn host(text: &str) -> Result<String, String> {
    let host = text.trim().trim_end_matches('.').to_ascii_lowercase();
    if host.contains("://") || host.contains('/') {
        return Err(
            "is a URL; write the host's name alone, and `port` and `protocol` by themselves if they differ".into()
        );
    }
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let valid = match inner {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => host.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        }),
    };
    if valid { Ok(host) } else { Err("is not the name of a host".into()) }
}

/// Whether a host is this very machine.
pub(super) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || address.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host is Snowflake's.
pub(super) fn is_snowflake(host: &str) -> bool {
    DOMAINS.iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_follow_from_accounts() {
        for (account, name, host) in [
            ("MyOrg-MyAcct", "myorg-myacct", "myorg-myacct.snowflakecomputing.com"),
            ("myorg-my_acct", "myorg-my_acct", "myorg-my-acct.snowflakecomputing.com"),
            ("xy12345", "xy12345", "xy12345.snowflakecomputing.com"),
            ("xy12345.us-west-2", "xy12345", "xy12345.snowflakecomputing.com"),
            ("xy12345.us-east-2.aws", "xy12345", "xy12345.us-east-2.aws.snowflakecomputing.com"),
            ("xy12345.us-west-2.privatelink", "xy12345", "xy12345.us-west-2.privatelink.snowflakecomputing.com"),
            ("org-acct.privatelink", "org-acct", "org-acct.privatelink.snowflakecomputing.com"),
            ("xy12345.cn-northwest-1.aws", "xy12345", "xy12345.cn-northwest-1.aws.snowflakecomputing.cn"),
            ("acct-ext123.global", "acct", "acct-ext123.global.snowflakecomputing.com"),
            (
                "https://myorg-myacct.snowflakecomputing.com/console/login",
                "myorg-myacct",
                "myorg-myacct.snowflakecomputing.com",
            ),
            ("xy12345.eu-central-1.snowflakecomputing.com", "xy12345", "xy12345.eu-central-1.snowflakecomputing.com"),
        ] {
            let parsed = AccountId::parse(account).unwrap();
            assert_eq!((parsed.name(), parsed.host().as_str()), (name, host), "{account}");
        }
        assert_eq!(
            AccountId::parse("xy").unwrap().in_region("eu-west-1").host(),
            "xy.eu-west-1.snowflakecomputing.com"
        );
        assert_eq!(AccountId::parse("xy").unwrap().in_region("us-west-2").host(), "xy.snowflakecomputing.com");
    }

    #[test]
    fn what_could_lead_elsewhere_is_refused() {
        for account in [
            "",
            " ",
            "a b",
            "a/b",
            "evil.example/x",
            "a@b",
            "a:1",
            "a..b",
            ".a",
            "https://evil.example",
            "a\\b",
            "a#b",
            "a%2eb",
            "-a",
        ] {
            assert!(AccountId::parse(account).is_err(), "{account}");
        }
        for wrong in ["https://x", "a/b", "a:1", "", "a b", "a@b", "[::1", "[zz]"] {
            assert!(host(wrong).is_err(), "{wrong}");
        }
        assert!(is_loopback("127.0.0.1") && is_loopback("[::1]") && is_loopback("localhost"));
        assert!(!is_loopback("127.0.0.1.evil.example") && !is_loopback("10.0.0.1"));
        assert!(!is_snowflake("snowflakecomputing.com.evil.example") && !is_snowflake("evilsnowflakecomputing.com"));
    }
}
