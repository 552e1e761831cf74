//! Policy statements as they are written in a spec, and what documents refer to.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use super::{OnReplace, Problem, Ref};
use crate::model::{Arn, LiveId};
use crate::policy::{Document, NotAPolicy, PolicyKind, Principals, Severity, Statement, Version, lint};

/// Policy statements, each as a table with AWS's own keys (`Effect`, `Principal`, `Action`, `Resource`, `Condition`) or as JSON text.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(try_from = "Vec<Value>")]
#[schemars(with = "Vec<Value>")]
pub struct Statements(pub Vec<Statement>);

impl TryFrom<Vec<Value>> for Statements {
    type Error = String;
    fn try_from(values: Vec<Value>) -> Result<Self, String> {
        let read = |value: Value| {
            let value = match &value {
                Value::String(text) => {
                    serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?
                }
                _ => value,
            };
            Statement::from_json(&value).map_err(|error| error.to_string())
        };
        let numbered = (1..).zip(values);
        numbered
            .map(|(at, value)| read(value).map_err(|why| format!("statement {at}: {why}")))
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

/// A live document, without what means nothing and what a spec does not say: its own name, and an old version where there are no variables
/// that the newer one would know.
///
/// # Errors
/// What cannot be read.
pub(crate) fn live(text: &str) -> Result<Document, NotAPolicy> {
    let mut document = Document::parse(text)?;
    document.id = None;
    if !text.contains("${") {
        document.version = Version::V2012;
    }
    Ok(document)
}

/// Statements as the fields that hold them have them, for import.
pub(crate) fn written(statements: impl IntoIterator<Item = Statement>) -> Value {
    let text = Document::new(statements).to_val().to_string();
    let mut policy: Value = serde_json::from_str(&text).unwrap_or_default();
    policy.get_mut("Statement").map(Value::take).unwrap_or_default()
}

/// What a document has so wrong that it must not be applied.
pub(crate) fn check(field: &str, document: &Document, kind: PolicyKind<'_>, most: usize) -> Vec<Problem> {
    let findings = lint(document, kind).into_iter().filter(|finding| finding.severity == Severity::Error);
    let mut problems: Vec<Problem> = findings
        .map(|finding| match finding.sid {
            Some(sid) => Problem::new(field, format!("{} (statement `{sid}`)", finding.message)),
            None => Problem::new(field, finding.message),
        })
        .collect();
    let length = document.length();
    if length > most {
        problems.push(
            Problem::new(field, format!("the policy has {length} characters, AWS takes {most}"))
                .hint("join statements, or shorten prefixes and names"),
        );
    }
    problems
}

/// The roles a resource policy names. AWS resolves them when the policy is written, and binds the policy to that very role: a new role of
/// the same name is another one, so the policy must be written again.
pub(crate) fn roles(document: &Document, why: &'static str) -> Vec<Ref> {
    let principals = document.statements().iter().filter_map(|statement| statement.principals.as_ref());
    let mut roles: Vec<LiveId> = Vec::new();
    for principals in principals {
        let Principals::Of(types) = principals.set() else { continue };
        for who in types.values().flatten() {
            let arn = who.val().as_known().and_then(|text| text.parse::<Arn>().ok());
            roles.extend(
                arn.filter(|arn| arn.service() == "iam" && arn.resource().starts_with("role/"))
                    .map(|arn| LiveId::new("iam_role", arn)),
            );
        }
    }
    roles.sort();
    roles.dedup();
    roles.into_iter().map(|to| Ref { to, why, on_replace: OnReplace::Relink }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_and_texts_are_read_alike() {
        let table = r#"[{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "*" }]"#;
        let text = r#"["{\"Effect\":\"Allow\",\"Action\":[\"s3:GetObject\"],\"Resource\":\"*\"}"]"#;
        let read = |json| serde_json::from_str::<Statements>(json);
        assert_eq!(read(table).unwrap(), read(text).unwrap());
        let error = read(r#"[{ "Effect": "Allow" }, { "Effect": "Maybe" }]"#).unwrap_err().to_string();
        assert!(error.contains("statement 2") && error.contains("Effect"), "{error}");
    }

    #[test]
    fn finds_the_roles_a_policy_is_bound_to() {
        let text = r#"{"Statement":{"Effect":"Allow","Principal":{"AWS":["123456789012","arn:aws:iam::123456789012:role/a/r",
            "arn:aws:iam::123456789012:user/u"]},"Action":"*","Resource":"*"}}"#;
        let found = roles(&Document::parse(text).unwrap(), "its policy names it");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].to, LiveId::new("iam_role", "arn:aws:iam::123456789012:role/a/r"));
    }
}
