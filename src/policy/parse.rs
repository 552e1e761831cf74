//! From JSON text to documents.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::json::with_tokens;
use super::{Conditions, Document, Effect, Name, Principals, Scope, Statement, Version, Who, unique_json};
use crate::model::Val;
use crate::model::val::token;

/// A text that is not a policy document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the policy document is wrong at `{path}`: {why}")]
pub struct NotAPolicy {
    /// Where, such as `Statement[0].Action`; `$` for the whole document.
    pub path: String,
    /// What is wrong there.
    pub why: String,
}

fn wrong<T>(path: &str, why: impl Into<String>) -> Result<T, NotAPolicy> {
    Err(NotAPolicy { path: path.into(), why: why.into() })
}

impl Document {
    /// Reads a document, as a person wrote it or as AWS gives it back (percent-decoded). An empty text and `{}` are an empty document.
    ///
    /// # Errors
    /// What is not JSON or not of the policy grammar, with its place.
    pub fn parse(text: &str) -> Result<Self, NotAPolicy> {
        if text.trim().is_empty() {
            return Self::from_json(&Value::Object(Map::new()));
        }
        match unique_json(text) {
            Ok(value) => Self::from_json(&value),
            Err(error) => wrong("$", format!("it is not JSON: {error}")),
        }
    }

    /// Reads a document in which facts may stand that are not known.
    pub fn parse_val(text: &Val) -> Result<Self, NotAPolicy> {
        Self::parse(&with_tokens(text))
    }

    /// Reads a document that is JSON already.
    pub fn from_json(value: &Value) -> Result<Self, NotAPolicy> {
        let value = match value {
            Value::Array(items) => match &items[..] {
                [one] => one,
                _ => return wrong("$", "expected one document, not a list"),
            },
            one => one,
        };
        let map = object(value, "$")?;
        known_keys(map, "$", &["Version", "Id", "Statement"])?;
        let version = match map.get("Version").map(|version| text(version, "Version")).transpose()?.as_deref() {
            Some("2012-10-17") => Version::V2012,
            Some("2008-10-17") | None => Version::V2008,
            Some(_) => return wrong("Version", "expected `2012-10-17` or `2008-10-17`"),
        };
        let id = map.get("Id").map(|id| text(id, "Id")).transpose()?;
        let mut document = Self::new(statements(map.get("Statement"))?);
        (document.version, document.id) = (version, id);
        Ok(document)
    }
}

impl Statement {
    /// Reads one statement that is JSON already.
    pub fn from_json(value: &Value) -> Result<Self, NotAPolicy> {
        statement(value, "$")
    }
}

fn statements(value: Option<&Value>) -> Result<Vec<Statement>, NotAPolicy> {
    match value {
        None => Ok(Vec::new()),
        Some(Value::Array(items)) => {
            items.iter().enumerate().map(|(at, item)| statement(item, &format!("Statement[{at}]"))).collect()
        }
        Some(one) => Ok(vec![statement(one, "Statement")?]),
    }
}

const KEYS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

fn statement(value: &Value, path: &str) -> Result<Statement, NotAPolicy> {
    let map = object(value, path)?;
    known_keys(map, path, &KEYS)?;
    let effect = match map.get("Effect") {
        Some(Value::String(effect)) if effect.eq_ignore_ascii_case("Allow") => Effect::Allow,
        Some(Value::String(effect)) if effect.eq_ignore_ascii_case("Deny") => Effect::Deny,
        _ => return wrong(&format!("{path}.Effect"), "expected `Allow` or `Deny`"),
    };
    Ok(Statement {
        sid: map.get("Sid").map(|sid| text(sid, &format!("{path}.Sid"))).transpose()?,
        effect,
        principals: scope(map, path, "Principal", principals)?,
        actions: scope(map, path, "Action", actions)?,
        resources: scope(map, path, "Resource", vals)?,
        conditions: map.get("Condition").map_or(Ok(Conditions::new()), |value| conditions(value, path))?,
    })
}

fn scope<T>(
    map: &Map<String, Value>,
    path: &str,
    name: &str,
    read: impl Fn(&Value, &str) -> Result<T, NotAPolicy>,
) -> Result<Option<Scope<T>>, NotAPolicy> {
    let not = format!("Not{name}");
    match (map.get(name), map.get(&not)) {
        (None, None) => Ok(None),
        (Some(value), None) => read(value, &format!("{path}.{name}")).map(Scope::Only).map(Some),
        (None, Some(value)) => read(value, &format!("{path}.{not}")).map(Scope::AllBut).map(Some),
        (Some(_), Some(_)) => wrong(path, format!("it has both `{name}` and `{not}`")),
    }
}

fn principals(value: &Value, path: &str) -> Result<Principals, NotAPolicy> {
    match value {
        Value::String(text) if text == "*" => Ok(Principals::Anyone),
        Value::Object(types) => {
            let mut of = BTreeMap::new();
            for (kind, value) in types {
                let path = format!("{path}.{kind}");
                if !["AWS", "Service", "Federated", "CanonicalUser"].contains(&kind.as_str()) {
                    return wrong(&path, "expected `AWS`, `Service`, `Federated` or `CanonicalUser`");
                }
                of.insert(kind.clone(), vals(value, &path)?.into_iter().map(Who::new).collect());
            }
            Ok(Principals::Of(of))
        }
        _ => wrong(path, "expected `\"*\"` or a table such as `{\"AWS\": \"…\"}`"),
    }
}

fn actions(value: &Value, path: &str) -> Result<BTreeSet<Name>, NotAPolicy> {
    let mut names = BTreeSet::new();
    for val in vals(value, path)? {
        match val.as_known() {
            Some(text) => names.insert(Name::new(text)),
            None => return wrong(path, "an action must be known while planning"),
        };
    }
    Ok(names)
}

fn conditions(value: &Value, path: &str) -> Result<Conditions, NotAPolicy> {
    let path = format!("{path}.Condition");
    let mut conditions = Conditions::new();
    for (operator, keys) in object(value, &path)? {
        let path = format!("{path}.{operator}");
        let mut read = BTreeMap::new();
        for (key, value) in object(keys, &path)? {
            if read.insert(Name::new(key.clone()), vals(value, &format!("{path}.{key}"))?).is_some() {
                return wrong(&path, format!("`{key}` stands here twice, in different case"));
            }
        }
        if conditions.insert(Name::new(operator.clone()), read).is_some() {
            return wrong(&path, "this operator stands here twice, in different case");
        }
    }
    Ok(conditions)
}

/// One value or a list of values; booleans and numbers are the text that AWS makes of them.
fn vals(value: &Value, path: &str) -> Result<BTreeSet<Val>, NotAPolicy> {
    match value {
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| val(item, &format!("{path}[{at}]"))).collect(),
        one => Ok(BTreeSet::from([val(one, path)?])),
    }
}

fn val(value: &Value, path: &str) -> Result<Val, NotAPolicy> {
    match value {
        Value::String(text) => {
            token::split(text).map_err(|error| NotAPolicy { path: path.into(), why: error.to_string() })
        }
        Value::Bool(value) => Ok(Val::known(value.to_string())),
        Value::Number(value) => Ok(Val::known(value.to_string())),
        Value::Null | Value::Array(_) | Value::Object(_) => wrong(path, "expected a text"),
    }
}

fn text(value: &Value, path: &str) -> Result<String, NotAPolicy> {
    match value {
        Value::String(text) if token::is_in(text) => wrong(path, "it must be known while planning"),
        Value::String(text) => Ok(text.clone()),
        _ => wrong(path, "expected a text"),
    }
}

fn object<'a>(value: &'a Value, path: &str) -> Result<&'a Map<String, Value>, NotAPolicy> {
    value.as_object().map_or_else(|| wrong(path, "expected a table"), Ok)
}

fn known_keys(map: &Map<String, Value>, path: &str, keys: &[&str]) -> Result<(), NotAPolicy> {
    match map.keys().find(|key| !keys.contains(&key.as_str())) {
        Some(key) => wrong(path, format!("`{key}` is not part of the policy language, expected {}", keys.join(", "))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(statement: &str) -> Document {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{statement}}}]}}"#);
        Document::parse(&text.replace('\'', "\"")).unwrap()
    }

    /// The spellings that AWS turns into each other.
    #[test]
    fn spellings_that_are_equal() {
        let table = [
            ("'Action':'s3:GetObject'", "'Action':['S3:getobject','s3:GetObject']"),
            ("'Resource':['b','a','b']", "'Resource':['a','b']"),
            ("'NotAction':'a:B'", "'NotAction':['a:b']"),
            ("'Principal':{'AWS':'123456789012'}", "'Principal':{'AWS':['arn:aws:iam::123456789012:root']}"),
            ("'Principal':{'AWS':'123456789012'}", "'Principal':{'AWS':'arn:aws-cn:iam::123456789012:root'}"),
            ("'Principal':{'AWS':[],'Service':'s'}", "'Principal':{'Service':['s']}"),
            ("'Principal':{}", "'Sid':''"),
            (
                "'Condition':{'Bool':{'aws:SecureTransport':false}}",
                "'Condition':{'Bool':{'AWS:securetransport':['false']}}",
            ),
            ("'Condition':{'NumericEquals':{'k':5}}", "'Condition':{'NumericEquals':{'k':'5'}}"),
            ("'Condition':{'Bool':{}}", "'Condition':{}"),
        ];
        for (one, other) in table {
            assert_eq!(of(one), of(other), "{one} {other}");
            let pretty = |text| of(text).pretty().to_string().to_lowercase();
            assert_eq!(pretty(one), pretty(other));
        }
    }

    #[test]
    fn spellings_that_differ() {
        let table = [
            ("'Principal':'*'", "'Principal':{'AWS':'*'}"),
            ("'Sid':'A'", "'Sid':'B'"),
            ("'Action':'a:b'", "'NotAction':'a:b'"),
            ("'Resource':'a'", "'Resource':'A'"),
            ("'Principal':{'AWS':'arn:aws:iam::123456789012:role/r'}", "'Principal':{'AWS':'AROAABCDEFGHIJKLMNOPQ'}"),
            ("'Principal':{'AWS':'123456789012'}", "'Principal':{'AWS':'arn:aws:iam::123456789012:user/root'}"),
            ("'Condition':{'StringEquals':{'k':'a'}}", "'Condition':{'StringEquals':{'k':'A'}}"),
        ];
        for (one, other) in table {
            assert_ne!(of(one), of(other), "{one} {other}");
        }
        assert_ne!(Document::parse(r#"{"Version":"2012-10-17"}"#), Document::parse(r#"{"Version":"2008-10-17"}"#));
        assert_ne!(Document::parse(r#"{"Id":"a"}"#), Document::parse("{}"));
        let two = r#"{"Statement":[{"Effect":"Allow","Action":"a:a"},{"Effect":"Allow","Action":"a:b"}]}"#;
        let one = r#"{"Statement":[{"Effect":"Allow","Action":["a:a","a:b"]}]}"#;
        assert_ne!(Document::parse(two), Document::parse(one));
    }

    #[test]
    fn the_wrappings_of_a_document_do_not_matter() {
        let one = r#"{"Effect":"Allow","Action":"a:b"}"#;
        let other = r#"{"Effect":"Deny","Action":"a:b"}"#;
        let plain = Document::parse(&format!(r#"{{"Statement":[{one}]}}"#)).unwrap();
        assert_eq!(Document::parse(&format!(r#"[{{"Statement":{one}}}]"#)).unwrap(), plain);
        assert_eq!(Document::parse("").unwrap(), Document::parse("{}").unwrap());
        let order = |a, b| Document::parse(&format!(r#"{{"Statement":[{a},{b}]}}"#)).unwrap();
        assert_eq!(order(one, other), order(other, one));
    }

    #[test]
    fn errors_say_where() {
        let table = [
            ("[1", "$"),
            ("[]", "$"),
            (r#"{"Statement":{"Effect":"Deny","Effect":"Allow"}}"#, "$"),
            (
                r#"{"Statement":{"Effect":"Allow","Condition":{"StringEquals":{"a:b":"1"},"StringEquals":{"a:c":"1"}}}}"#,
                "$",
            ),
            (r#"{"Version":"2020-01-01"}"#, "Version"),
            (r#"{"Statements":[]}"#, "$"),
            (r#"{"Statement":[{"Effect":"Allow"},{"Effect":"Permit"}]}"#, "Statement[1].Effect"),
            (r#"{"Statement":{"Effect":"Allow","Action":[{}]}}"#, "Statement.Action[0]"),
            (r#"{"Statement":{"Effect":"Allow","Action":"a","NotAction":"b"}}"#, "Statement"),
            (r#"{"Statement":{"Effect":"Allow","Principal":{"Aws":"1"}}}"#, "Statement.Principal.Aws"),
            (r#"{"Statement":{"Effect":"Allow","Principal":"me"}}"#, "Statement.Principal"),
            (r#"{"Statement":{"Effect":"Allow","Condition":{"Bool":{"a":"1","A":"1"}}}}"#, "Statement.Condition.Bool"),
            (r#"{"Statement":{"Effect":"Allow","Condition":{"Bool":{"a":null}}}}"#, "Statement.Condition.Bool.a"),
        ];
        for (text, path) in table {
            assert_eq!(Document::parse(text).unwrap_err().path, path, "{text}");
        }
    }
}
