//! AWS names: accounts, regions, partitions, ARNs, bucket names and S3 URLs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A text that is not the AWS name it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {what}: {why}")]
pub struct NotAws {
    /// The text.
    pub text: String,
    /// What it should have been, with its article.
    pub what: &'static str,
    /// Which rule it breaks.
    pub why: &'static str,
}

fn refuse<T>(text: &str, what: &'static str, why: &'static str) -> Result<T, NotAws> {
    let later = super::val::token::is_in(text);
    let why = if later { "it must be known while planning, and this value is known only after apply" } else { why };
    let text = if later { "(known after apply)" } else { text };
    Err(NotAws { text: text.into(), what, why })
}

/// A 12-digit AWS account ID.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct AccountId(String);

/// An account that nobody has, for work without a cloud.
impl Default for AccountId {
    fn default() -> Self {
        Self("000000000000".into())
    }
}

impl FromStr for AccountId {
    type Err = NotAws;
    fn from_str(text: &str) -> Result<Self, NotAws> {
        if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
            Ok(Self(text.into()))
        } else {
            refuse(text, "an AWS account ID", "expected 12 digits")
        }
    }
}

/// An AWS region, such as `eu-central-1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Region(String);

impl Region {
    /// The partition the region belongs to.
    pub fn partition(&self) -> Partition {
        match self.0.as_str() {
            region if region.starts_with("cn-") => Partition::AwsCn,
            region if region.starts_with("us-gov-") => Partition::AwsUsGov,
            _ => Partition::Aws,
        }
    }
}

/// `us-east-1`, for work without a cloud.
impl Default for Region {
    fn default() -> Self {
        Self("us-east-1".into())
    }
}

impl FromStr for Region {
    type Err = NotAws;
    fn from_str(text: &str) -> Result<Self, NotAws> {
        let parts: Vec<&str> = text.split('-').collect();
        let word = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
        let fits = (3..=4).contains(&parts.len())
            && parts[..parts.len() - 1].iter().all(word)
            && parts.last().is_some_and(|last| !last.is_empty() && last.bytes().all(|b| b.is_ascii_digit()));
        if fits { Ok(Self(text.into())) } else { refuse(text, "an AWS region", "expected a form like `eu-central-1`") }
    }
}

/// An AWS partition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Partition {
    /// The commercial regions.
    Aws,
    /// China.
    AwsCn,
    /// US government.
    AwsUsGov,
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
        })
    }
}

/// An Amazon resource name: `arn:partition:service:region:account:resource`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Arn(String);

impl Arn {
    /// The ARN of an IAM role. `path` begins and ends with `/`.
    pub fn role(partition: Partition, account: &AccountId, path: &str, name: &str) -> Self {
        Self(format!("arn:{partition}:iam::{account}:role{path}{name}"))
    }

    /// The ARN of an IAM user. `path` begins and ends with `/`.
    pub fn user(partition: Partition, account: &AccountId, path: &str, name: &str) -> Self {
        Self(format!("arn:{partition}:iam::{account}:user{path}{name}"))
    }

    /// The ARN of a customer managed policy. `path` begins and ends with `/`.
    pub fn policy(partition: Partition, account: &AccountId, path: &str, name: &str) -> Self {
        Self(format!("arn:{partition}:iam::{account}:policy{path}{name}"))
    }

    /// The ARN of an SNS topic.
    pub fn topic(partition: Partition, region: &Region, account: &AccountId, name: &str) -> Self {
        Self(format!("arn:{partition}:sns:{region}:{account}:{name}"))
    }

    /// The ARN of a bucket.
    pub fn bucket(partition: Partition, name: &BucketName) -> Self {
        Self(format!("arn:{partition}:s3:::{name}"))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn field(&self, index: usize) -> &str {
        self.0.splitn(6, ':').nth(index).unwrap_or_default()
    }

    /// The service, such as `iam`.
    pub fn service(&self) -> &str {
        self.field(2)
    }

    /// The account, empty for buckets.
    pub fn account(&self) -> &str {
        self.field(4)
    }

    /// What stands after the account, such as `role/path/name`.
    pub fn resource(&self) -> &str {
        self.field(5)
    }
}

impl FromStr for Arn {
    type Err = NotAws;
    fn from_str(text: &str) -> Result<Self, NotAws> {
        let fields: Vec<&str> = text.splitn(6, ':').collect();
        let fits = matches!(fields[..], ["arn", partition, service, _, _, resource]
            if partition.starts_with("aws") && !service.is_empty() && !resource.is_empty())
            && !text.contains(char::is_whitespace)
            && !super::val::token::is_in(text);
        if fits {
            Ok(Self(text.into()))
        } else {
            refuse(text, "an ARN", "expected `arn:partition:service:region:account:resource`")
        }
    }
}

/// The name of a general-purpose bucket. Source: Amazon S3 user guide, "Bucket naming rules".
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct BucketName(String);

impl BucketName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for BucketName {
    type Err = NotAws;
    fn from_str(text: &str) -> Result<Self, NotAws> {
        let edge = |byte: Option<u8>| byte.is_some_and(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
        let why = if !(3..=63).contains(&text.len()) {
            "a bucket name has 3 to 63 characters"
        } else if !text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.') {
            "a bucket name holds lower-case letters, digits, hyphens and dots"
        } else if !edge(text.bytes().next()) || !edge(text.bytes().last()) {
            "a bucket name begins and ends with a letter or a digit"
        } else if text.contains("..") {
            "a bucket name has no two dots in a row"
        } else if text.parse::<std::net::Ipv4Addr>().is_ok() {
            "a bucket name does not look like an IP address"
        } else if ["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|prefix| text.starts_with(prefix)) {
            "the prefixes `xn--`, `sthree-` and `amzn-s3-demo-` are reserved"
        } else if ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|end| text.ends_with(end)) {
            "the suffixes `-s3alias`, `--ol-s3`, `.mrap`, `--x-s3` and `--table-s3` are reserved"
        } else {
            return Ok(Self(text.into()));
        };
        refuse(text, "a bucket name", why)
    }
}

macro_rules! text_type {
    ($($name:ident: $about:literal),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.0
            }
        }
        impl TryFrom<String> for $name {
            type Error = NotAws;
            fn try_from(text: String) -> Result<Self, NotAws> {
                text.parse()
            }
        }
        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $about })
            }
        }
    )*};
}
text_type!(
    AccountId: "A 12-digit AWS account ID",
    Region: "An AWS region",
    Arn: "An Amazon resource name",
    BucketName: "The name of an S3 bucket"
);

/// A place in S3: `s3://bucket/prefix`. The prefix is kept exactly as written; it is a plain string prefix, not a directory.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct S3Url {
    scheme: String,
    bucket: BucketName,
    prefix: String,
    slash: bool,
}

impl S3Url {
    /// `s3://bucket/`.
    pub fn of_bucket(bucket: &BucketName) -> Self {
        Self { scheme: "s3".into(), bucket: bucket.clone(), prefix: String::new(), slash: true }
    }

    /// The bucket.
    pub fn bucket(&self) -> &BucketName {
        &self.bucket
    }

    /// `s3`, `s3gov` or `s3china`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// The key prefix, without a leading slash; empty for the whole bucket.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the text ends in a slash, as directory tables need it.
    pub fn ends_in_slash(&self) -> bool {
        self.slash || self.prefix.ends_with('/')
    }

    /// Whether `inner` lies under this place, by whole path segments.
    pub fn contains(&self, inner: &Self) -> bool {
        let outer = self.prefix.trim_end_matches('/');
        self.scheme == inner.scheme
            && self.bucket == inner.bucket
            && (outer.is_empty()
                || inner.prefix == outer
                || inner.prefix.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/')))
    }
}

impl FromStr for S3Url {
    type Err = NotAws;
    fn from_str(text: &str) -> Result<Self, NotAws> {
        let what = "an S3 URL";
        let Some((scheme @ ("s3" | "s3gov" | "s3china"), rest)) = text.split_once("://") else {
            return refuse(text, what, "expected `s3://bucket/prefix/`");
        };
        let (bucket, prefix, slash) = match rest.split_once('/') {
            Some((bucket, prefix)) => (bucket, prefix, true),
            None => (rest, "", false),
        };
        if prefix.starts_with('/') || prefix.contains("//") {
            return refuse(text, what, "it has two slashes in a row");
        }
        if prefix.contains(['\'', '\\', '*', '?'])
            || prefix.chars().any(char::is_control)
            || super::val::token::is_in(text)
        {
            return refuse(text, what, "a prefix has no quotes, backslashes, wildcards or control characters");
        }
        Ok(Self {
            scheme: scheme.into(),
            bucket: bucket.parse()?,
            prefix: prefix.into(),
            slash: slash && prefix.is_empty(),
        })
    }
}

impl fmt::Display for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let slash = if self.slash || !self.prefix.is_empty() { "/" } else { "" };
        write!(f, "{}://{}{slash}{}", self.scheme, self.bucket, self.prefix)
    }
}

impl fmt::Debug for S3Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<S3Url> for String {
    fn from(url: S3Url) -> Self {
        url.to_string()
    }
}

impl TryFrom<String> for S3Url {
    type Error = NotAws;
    fn try_from(text: String) -> Result<Self, NotAws> {
        text.parse()
    }
}

impl schemars::JsonSchema for S3Url {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "S3Url".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "description": "A place in S3: s3://bucket/prefix/" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bucket_names() {
        for name in ["abc", "a1.b-c", "inbound-events-dev"] {
            assert!(name.parse::<BucketName>().is_ok(), "{name}");
        }
        let bad = ["ab", "Upper", "a_b", "192.168.5.4", "a..b", "xn--abc", "abc-s3alias", "-lead", "trail-", "a--x-s3"];
        for name in bad {
            assert!(name.parse::<BucketName>().is_err(), "{name}");
        }
    }

    #[test]
    fn urls_keep_their_text_and_know_their_inside() {
        for text in ["s3://abc", "s3://abc/", "s3://abc/x", "s3://abc/x/y/", "s3gov://abc/"] {
            assert_eq!(text.parse::<S3Url>().unwrap().to_string(), text);
        }
        let url = |text: &str| text.parse::<S3Url>().unwrap();
        assert!(url("s3://abc").contains(&url("s3://abc/x/")));
        assert!(url("s3://abc/x/").contains(&url("s3://abc/x")));
        assert!(!url("s3://abc/x/").contains(&url("s3://abc/x2/")));
        assert!(!url("s3://abc/x/").contains(&url("s3://abd/x/")));
        for text in ["abc", "s3:/abc", "https://abc/", "s3://a", "s3://abc//x", "s3://abc/x'y"] {
            assert!(text.parse::<S3Url>().is_err(), "{text}");
        }
    }

    #[test]
    fn arns() {
        let arn: Arn = "arn:aws:iam::123456789012:role/a/b".parse().unwrap();
        assert_eq!((arn.service(), arn.account(), arn.resource()), ("iam", "123456789012", "role/a/b"));
        assert!("arn:aws".parse::<Arn>().is_err());
        assert_eq!("us-gov-west-1".parse::<Region>().unwrap().partition(), Partition::AwsUsGov);
        assert!("us-east".parse::<Region>().is_err());
    }
}
