//! Bucket policies, and whether one is public.

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::super::document::accept;
use super::super::grammar::{Purpose, texts};
use super::super::store::World;
use super::super::wire::{Answer, Asked, Reply, refused};
use super::super::xml::Node;
use super::{Bucket, NAMESPACE, no_such_bucket};
use crate::policy::unique_json;

/// Longest policy, in bytes.
const BYTES: usize = 20_480;

pub(super) fn put(world: &mut World, asked: &Asked, name: &str) -> Answer {
    let malformed = |message: String| refused(400, "MalformedPolicy", message);
    let text = std::str::from_utf8(&asked.body).map_err(|_| malformed("Policies must be valid JSON".into()))?;
    if text.len() > BYTES {
        return Err(malformed(format!("Policy exceeds the maximum allowed document size of {BYTES} bytes")));
    }
    let policy = accept(world, Purpose::Bucket(name), text).map_err(malformed)?;
    let bucket = world.buckets.get(name).ok_or_else(|| no_such_bucket(name))?;
    if blocks_public_policies(bucket) && is_public(text) {
        let message = "public policies are blocked by the BlockPublicPolicy block public access setting.";
        return Err(refused(403, "AccessDenied", message));
    }
    if let Some(bucket) = world.buckets.get_mut(name) {
        bucket.policy = Some(policy);
    }
    Ok(Reply::empty(204))
}

pub(super) fn get(world: &World, name: &str) -> Answer {
    let text = shown(world, name).ok_or_else(none)?;
    Ok(Reply::empty(200).header("content-type", "application/json").body(text.into_bytes()))
}

pub(super) fn status(world: &World, name: &str) -> Answer {
    let text = shown(world, name).ok_or_else(none)?;
    Ok(Reply::xml(&Node::new("PolicyStatus").put("IsPublic", is_public(&text)), NAMESPACE))
}

fn shown(world: &World, name: &str) -> Option<String> {
    Some(world.buckets.get(name)?.policy.as_ref()?.shown(world))
}

fn none() -> super::super::wire::Refused {
    refused(404, "NoSuchBucketPolicy", "The bucket policy does not exist")
}

fn blocks_public_policies(bucket: &Bucket) -> bool {
    let block = bucket.config.get("publicAccessBlock");
    block.and_then(|block| block.text_of("BlockPublicPolicy")) == Some("true")
}

/// Condition keys that, with fixed values, keep a statement for everybody from being public. Source: S3 user guide, "The meaning of
/// 'public'".
const NARROWING: &[&str] = &[
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:userid",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
];

/// Whether a policy allows everybody something, without a condition that narrows it to fixed values. S3 takes every policy for public
/// until it sees that it is not.
fn is_public(text: &str) -> bool {
    let Ok(policy) = unique_json(text) else { return true };
    let statements = match policy.get("Statement") {
        Some(Value::Array(list)) => list.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    };
    statements.into_iter().any(|statement| statement.as_object().is_none_or(is_open))
}

fn is_open(statement: &Map<String, Value>) -> bool {
    let denies = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    let fixed = |value: &Value| texts(value).is_some_and(|names| names.iter().all(|name| !name.contains(['*', '?'])));
    let anyone = match statement.get("Principal") {
        Some(Value::Object(kinds)) => !kinds.values().all(fixed),
        // `"*"`, or `NotPrincipal`.
        _ => true,
    };
    !denies && anyone && !statement.get("Condition").is_some_and(narrows)
}

/// Whether one of the conditions holds for fixed values only, and never without the key.
fn narrows(condition: &Value) -> bool {
    let Value::Object(operators) = condition else { return false };
    let positive = |operator: &str| {
        !operator.contains("Not")
            && operator != "Null"
            && !operator.ends_with("IfExists")
            && !operator.starts_with("ForAllValues:")
    };
    operators.iter().filter(|(operator, _)| positive(operator)).filter_map(|(_, keys)| keys.as_object()).flatten().any(
        |(key, values)| {
            let key = key.to_ascii_lowercase();
            let fixed = |value: &String| {
                !value.contains(['*', '?']) && !value.contains("${") && (key != "aws:sourceip" || is_narrow(value))
            };
            NARROWING.contains(&key.as_str())
                && texts(values).is_some_and(|values| !values.is_empty() && values.iter().all(fixed))
        },
    )
}

/// Whether an address range is so narrow that S3 does not take it for the public: no broader than `/8`, or `/32` for IPv6.
fn is_narrow(range: &str) -> bool {
    let (address, bits) = range.split_once('/').unwrap_or((range, "128"));
    let widest = match address.parse() {
        Ok(IpAddr::V4(_)) => 8,
        Ok(IpAddr::V6(_)) => 32,
        Err(_) => return false,
    };
    bits.parse::<u8>().is_ok_and(|bits| bits >= widest)
}

#[cfg(test)]
mod tests {
    #[test]
    fn public() {
        let policy = |effect, principal, condition| {
            format!(
                r#"{{"Statement":[{{"Effect":"{effect}","Principal":{principal},"Action":"s3:GetObject","Resource":"x","Condition":{condition}}}]}}"#
            )
        };
        let table = [
            (policy("Allow", r#""*""#, "{}"), true),
            (policy("Allow", r#"{"AWS":["*"]}"#, "{}"), true),
            (policy("Allow", r#"{"AWS":["123456789012","*"]}"#, "{}"), true),
            (policy("Deny", r#""*""#, "{}"), false),
            (policy("Allow", r#"{"AWS":"123456789012"}"#, "{}"), false),
            (policy("Allow", r#"{"Service":"logging.s3.amazonaws.com"}"#, "{}"), false),
            (policy("Allow", r#""*""#, r#"{"Bool":{"aws:SecureTransport":"true"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#), false),
            (policy("Allow", r#""*""#, r#"{"StringEquals":{"aws:sourcevpce":["vpce-1","vpce-2"]}}"#), false),
            (policy("Allow", r#""*""#, r#"{"StringEquals":{"aws:SourceVpce":[]}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringEquals":{"aws:PrincipalTag/team":"a"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringEquals":{"aws:UserAgent":"me"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringLike":{"aws:SourceVpce":"vpce-*"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringEquals":{"aws:SourceVpc":"${aws:SourceVpc}"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringNotEquals":{"aws:SourceVpce":"vpce-1"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"StringEqualsIfExists":{"aws:SourceVpce":"vpce-1"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"Null":{"aws:SourceVpce":"false"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":"o-1/"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":"o-1/"}}"#), false),
            (policy("Allow", r#""*""#, r#"{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#), false),
            (policy("Allow", r#""*""#, r#"{"IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/1"]}}"#), true),
            (policy("Allow", r#""*""#, r#"{"NotIpAddress":{"aws:SourceIp":"203.0.113.0/24"}}"#), true),
            (policy("Allow", r#""*""#, r#"{"IpAddress":{"aws:SourceIp":"2001::/16"}}"#), true),
            (policy("Allow", r#""*""#, "{}").replace("\"Principal", "\"NotPrincipal"), true),
            ("{".into(), true),
        ];
        for (text, public) in table {
            assert_eq!(super::is_public(&text), public, "{text}");
        }
    }
}
