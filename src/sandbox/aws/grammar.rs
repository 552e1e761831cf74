//! What each service demands of a policy document before it stores it.
//!
//! Source: IAM user guide, "Grammar of the IAM JSON policy language"; the services' documentation of `MalformedPolicy…` errors. The grammar
//! of a document is one thing, what it allows another: that is the evaluator's.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::s3::actions;
use crate::policy::unique_json;

/// Which service is asked to store a document, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose<'a> {
    /// The trust policy of a role.
    Trust,
    /// A policy attached to a role.
    Identity,
    /// The policy of a KMS key.
    Key,
    /// The policy of this bucket.
    Bucket(&'a str),
    /// The policy of the topic of this ARN.
    Topic(&'a str),
}

const OPERATORS: &[&str] = &[
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// What the policy of a topic may be about. Source: Amazon SNS developer guide, "Amazon SNS API permissions".
const TOPIC_ACTIONS: &[&str] = &[
    "sns:addpermission",
    "sns:deletetopic",
    "sns:getdataprotectionpolicy",
    "sns:gettopicattributes",
    "sns:listsubscriptionsbytopic",
    "sns:listtagsforresource",
    "sns:publish",
    "sns:putdataprotectionpolicy",
    "sns:removepermission",
    "sns:settopicattributes",
    "sns:subscribe",
];

const ELEMENTS: &[&str] =
    &["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// The first rule a document breaks, in AWS's words. Principals are only looked at for their form.
pub(super) fn check(purpose: Purpose<'_>, text: &str) -> Result<Value, String> {
    let policy: Value = unique_json(text).map_err(|_| match purpose {
        Purpose::Bucket(_) => "Policies must be valid JSON and the first byte must be '{'".to_owned(),
        Purpose::Trust | Purpose::Identity => "This policy contains invalid Json".to_owned(),
        Purpose::Key => "Policy contains invalid JSON".to_owned(),
        Purpose::Topic(_) => "Policy is not valid JSON".to_owned(),
    })?;
    let Value::Object(fields) = &policy else { return Err("Syntax errors in policy.".into()) };
    if let Some(odd) = fields.keys().find(|name| !["Version", "Id", "Statement"].contains(&name.as_str())) {
        return Err(format!("Syntax errors in policy: unknown field {odd}"));
    }
    match fields.get("Version") {
        None => {}
        Some(Value::String(version)) if version == "2012-10-17" || version == "2008-10-17" => {}
        Some(_) => return Err("The policy must contain a valid version string".into()),
    }
    let statements = match fields.get("Statement") {
        Some(Value::Array(list)) if !list.is_empty() => list.iter().collect(),
        Some(one @ Value::Object(_)) => vec![one],
        Some(Value::Array(_)) => return Err("Syntax errors in policy: the statement is empty".into()),
        Some(_) => return Err("Syntax errors in policy.".into()),
        None => return Err("Missing required field Statement".into()),
    };
    let mut sids = BTreeSet::new();
    for statement in statements {
        let Value::Object(statement) = statement else { return Err("Syntax errors in policy.".into()) };
        if let Some(sid) = statement.get("Sid") {
            let sid = sid.as_str().ok_or("Syntax errors in policy.")?;
            let plain = sid.bytes().all(|b| b.is_ascii_alphanumeric());
            if !plain && matches!(purpose, Purpose::Trust | Purpose::Identity) {
                return Err("Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular \
                            expression [0-9A-Za-z]*"
                    .into());
            }
            if !sid.is_empty() && !sids.insert(sid) {
                return Err(format!("Statement IDs (SID) in a single policy must be unique: {sid}"));
            }
        }
        one(purpose, statement)?;
    }
    Ok(policy)
}

fn one(purpose: Purpose<'_>, statement: &Map<String, Value>) -> Result<(), String> {
    if let Some(odd) = statement.keys().find(|name| !ELEMENTS.contains(&name.as_str())) {
        return Err(format!("Syntax errors in policy: unknown field {odd}"));
    }
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err("Invalid effect: the policy must say Allow or Deny".into());
    }
    principals(purpose, statement)?;
    let actions = either(statement, "Action", "NotAction")?;
    let resources = either(statement, "Resource", "NotResource")?;
    if actions.is_none() && purpose != Purpose::Key {
        return Err("Policy statement must contain actions.".into());
    }
    for action in actions.iter().flatten() {
        let well_formed =
            action == "*" || action.split_once(':').is_some_and(|(vendor, name)| word(vendor) && word(name));
        if !well_formed {
            return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".into());
        }
        if purpose == Purpose::Trust && !action.to_ascii_lowercase().starts_with("sts:") {
            return Err("AssumeRole policy may only specify STS AssumeRole actions.".into());
        }
    }
    match (purpose, &resources) {
        (Purpose::Trust, Some(_)) => return Err("Has prohibited field Resource".into()),
        (Purpose::Identity | Purpose::Bucket(_) | Purpose::Topic(_), None) => {
            return Err("Policy statement must contain resources.".into());
        }
        _ => {}
    }
    if purpose == Purpose::Identity {
        for resource in resources.iter().flatten() {
            let arn = resource.starts_with("arn:") && resource.splitn(6, ':').count() == 6;
            if resource != "*" && !arn {
                return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
            }
        }
    }
    if let Purpose::Topic(arn) = purpose {
        if actions.iter().flatten().any(|action| !TOPIC_ACTIONS.contains(&action.to_ascii_lowercase().as_str())) {
            return Err("Policy statement action out of service scope!".into());
        }
        if resources.iter().flatten().any(|resource| resource != arn) {
            return Err("Policy statement resource is not the topic".into());
        }
    }
    if let Purpose::Bucket(bucket) = purpose {
        let negated = statement.contains_key("NotAction") || statement.contains_key("NotResource");
        applies(bucket, &actions.unwrap_or_default(), &resources.unwrap_or_default(), negated)?;
    }
    conditions(statement.get("Condition"))
}

fn word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'*' | b'?'))
}

/// The texts of one of two elements that exclude each other.
fn either(statement: &Map<String, Value>, plain: &str, negated: &str) -> Result<Option<Vec<String>>, String> {
    let value = match (statement.get(plain), statement.get(negated)) {
        (Some(_), Some(_)) => return Err(format!("Syntax errors in policy: {plain} and {negated} exclude each other")),
        (Some(value), None) | (None, Some(value)) => value,
        (None, None) => return Ok(None),
    };
    let texts = texts(value).ok_or("Syntax errors in policy.")?;
    if texts.is_empty() {
        return Err(format!("Syntax errors in policy: {plain} is empty"));
    }
    Ok(Some(texts))
}

/// A text, or a list of texts.
pub(super) fn texts(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(vec![text.clone()]),
        Value::Array(items) => items.iter().map(|item| item.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}

fn principals(purpose: Purpose<'_>, statement: &Map<String, Value>) -> Result<(), String> {
    let value = match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (None, None) if purpose == Purpose::Identity => return Ok(()),
        (Some(_), _) | (_, Some(_)) if purpose == Purpose::Identity => {
            return Err("Policy document should not specify a principal.".into());
        }
        (None, None) => return Err("Missing required field Principal".into()),
        (Some(_), Some(_)) => {
            return Err("Syntax errors in policy: Principal and NotPrincipal exclude each other".into());
        }
        (Some(value), None) | (None, Some(value)) => value,
    };
    let invalid = || Err("Invalid principal in policy".to_owned());
    match value {
        Value::String(text) if text == "*" => Ok(()),
        Value::Object(kinds) if !kinds.is_empty() => {
            for (kind, names) in kinds {
                let known = match kind.as_str() {
                    "AWS" | "Service" | "Federated" => true,
                    "CanonicalUser" => matches!(purpose, Purpose::Bucket(_)),
                    _ => false,
                };
                let names = texts(names).unwrap_or_default();
                let service = |name: &String| name.ends_with(".amazonaws.com") || name.ends_with(".amazonaws.com.cn");
                if !known || names.is_empty() || (kind == "Service" && !names.iter().all(service)) {
                    return invalid();
                }
            }
            Ok(())
        }
        _ => invalid(),
    }
}

/// Every action must be one of S3's and apply to a resource of the statement, and every resource must be in the bucket.
fn applies(bucket: &str, actions: &[String], resources: &[String], negated: bool) -> Result<(), String> {
    let mut whole = false;
    let mut inside = false;
    for resource in resources {
        let path = resource.splitn(6, ':').nth(5).unwrap_or_default();
        let s3 = resource.starts_with("arn:aws") && resource.split(':').nth(2) == Some("s3");
        match path.strip_prefix(bucket) {
            Some("") if s3 => whole = true,
            Some(rest) if s3 && rest.starts_with('/') => inside = true,
            _ => return Err("Policy has invalid resource".into()),
        }
    }
    for action in actions {
        let mut named = actions::matching(action).peekable();
        if named.peek().is_none() {
            return Err("Policy has invalid action".into());
        }
        if !negated && !named.any(|action| if action.on_objects { inside } else { whole }) {
            return Err("Action does not apply to any resource(s) in statement".into());
        }
    }
    Ok(())
}

fn conditions(condition: Option<&Value>) -> Result<(), String> {
    let Some(condition) = condition else { return Ok(()) };
    let Value::Object(operators) = condition else { return Err("Syntax errors in policy: Condition".into()) };
    for (operator, keys) in operators {
        let set = operator.strip_prefix("ForAllValues:").or_else(|| operator.strip_prefix("ForAnyValue:"));
        let bare = set.unwrap_or(operator);
        let known = OPERATORS.contains(&bare)
            || bare.strip_suffix("IfExists").is_some_and(|bare| bare != "Null" && OPERATORS.contains(&bare));
        if !known {
            return Err(format!("Invalid Condition type : {operator}."));
        }
        let Value::Object(keys) = keys else { return Err("Syntax errors in policy: Condition".into()) };
        let scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
        let fits = |value: &Value| scalar(value) || value.as_array().is_some_and(|list| list.iter().all(scalar));
        if keys.is_empty() || !keys.values().all(fits) {
            return Err("Syntax errors in policy: Condition".into());
        }
        if let Some(key) = keys.keys().find(|key| !key.contains(':')) {
            return Err(format!("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.: {key}"));
        }
    }
    Ok(())
}
