//! The cases of the evaluator: what AWS's documentation says of a request, one line each, in the tables beside this file.
//!
//! A case tells what is decided here (`is`), and what AWS decides if that is another thing (`aws`): to refuse what AWS allows is a choice, to
//! allow what AWS refuses is a mistake.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use super::*;
use crate::policy::Statement;

mod rules;

const TABLES: &[(&str, &str)] = &[
    ("published", include_str!("published.toml")),
    ("external_id", include_str!("external_id.toml")),
    ("conditions", include_str!("conditions.toml")),
    ("values", include_str!("values.toml")),
    ("variables", include_str!("variables.toml")),
    ("principals", include_str!("principals.toml")),
    ("elements", include_str!("elements.toml")),
    ("together", include_str!("together.toml")),
    ("keys", include_str!("keys.toml")),
];

/// One file of cases, with what they have in common.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    /// Parts of cases that do not say otherwise.
    common: Common,
    /// Documents by name. In `name: text`, the text takes the place of `@` in the document.
    #[serde(default)]
    policies: BTreeMap<String, String>,
    case: Vec<Case>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Common {
    kind: String,
    asks: String,
    on: String,
    #[serde(rename = "as")]
    who: String,
    /// Whether the policies of the principal cannot be seen.
    #[serde(default)]
    presumed: bool,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    /// Where AWS says so.
    source: String,
    is: String,
    aws: Option<String>,
    #[serde(rename = "as")]
    who: Option<String>,
    kind: Option<String>,
    asks: Option<String>,
    on: Option<String>,
    #[serde(default)]
    given: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    identity: Vec<String>,
    presumed: Option<bool>,
    boundary: Option<String>,
    session: Option<Vec<String>>,
    target: Option<String>,
    /// The statement that decides, or a part of its name.
    by: Option<String>,
    /// A part of the reason.
    why: Option<String>,
}

/// A case with everything it needs.
struct Ready {
    name: String,
    case: Case,
    request: Request,
    kind: Kind,
    presumed: bool,
    identity: Vec<Document>,
    boundary: Option<Document>,
    session: Option<Vec<Document>>,
    target: Option<Document>,
}

impl Ready {
    fn verdict(&self) -> Verdict {
        self.verdict_of(&self.request, &Document::clone)
    }

    /// The verdict when every document is changed first.
    fn verdict_of(&self, request: &Request, change: &dyn Fn(&Document) -> Document) -> Verdict {
        let owner: AccountId = "123456789012".parse().unwrap();
        let all = |documents: &[Document]| documents.iter().map(change).collect::<Vec<_>>();
        let (identity, boundary) = (all(&self.identity), self.boundary.as_ref().map(change));
        let (session, target) = (self.session.as_deref().map(all), self.target.as_ref().map(change));
        let identity = if self.presumed { Identity::Presumed } else { Identity::Policies(&identity) };
        let target = Target { owner: &owner, kind: self.kind, policy: target.as_ref() };
        evaluate(request, &Policies { identity, boundary: boundary.as_ref(), session: session.as_deref(), target })
    }
}

fn who(name: &str) -> Principal {
    let arn = |text: &str| text.parse().unwrap();
    match name {
        "root" => Principal::Account("123456789012".parse().unwrap()),
        "session" => Principal::Session {
            session: arn("arn:aws:sts::123456789012:assumed-role/app/s"),
            role: arn("arn:aws:iam::123456789012:role/app"),
        },
        "pathed" => Principal::Session {
            session: arn("arn:aws:sts::123456789012:assumed-role/app/s"),
            role: arn("arn:aws:iam::123456789012:role/team/app"),
        },
        "foreign-session" => Principal::Session {
            session: arn("arn:aws:sts::999999999999:assumed-role/app/s"),
            role: arn("arn:aws:iam::999999999999:role/app"),
        },
        "eve" => Principal::User(arn("arn:aws:iam::999999999999:user/eve")),
        "snow" => Principal::User(arn("arn:aws:iam::555555555555:user/snow")),
        service if service.ends_with(".amazonaws.com") => Principal::Service(service.into()),
        user => Principal::User(arn(&format!("arn:aws:iam::123456789012:user/{user}"))),
    }
}

/// A document by its name, as JSON with single quotes, or as statements alone.
fn document(policies: &BTreeMap<String, String>, text: &str) -> Document {
    let text = match text.split_once(": ").and_then(|(name, rest)| Some((policies.get(name)?, rest))) {
        Some((policy, rest)) => policy.replace('@', rest),
        None => policies.get(text).cloned().unwrap_or_else(|| text.to_owned()),
    };
    let json = text.replace('\'', "\"");
    let value: Value = serde_json::from_str(&json).unwrap_or_else(|error| panic!("{json}: {error}"));
    let whole = value.get("Statement").is_some() || value == serde_json::json!({});
    let value = if whole { value } else { serde_json::json!({ "Version": "2012-10-17", "Statement": value }) };
    Document::from_json(&value).unwrap_or_else(|error| panic!("{json}: {error}"))
}

fn decision(word: &str) -> Decision {
    match word {
        "allow" => Decision::Allow,
        "deny" => Decision::ExplicitDeny,
        "implicit" => Decision::ImplicitDeny,
        other => panic!("`{other}` is no decision"),
    }
}

fn ready(table: &str, Table { common, policies, case }: Table) -> Vec<Ready> {
    let document = |text: &String| document(&policies, text);
    let one = |case: Case| {
        let pick = |own: &Option<String>, common: &str| own.clone().unwrap_or_else(|| common.to_owned());
        let request = Request::new(
            who(&pick(&case.who, &common.who)),
            &pick(&case.asks, &common.asks),
            &pick(&case.on, &common.on),
        );
        let request = case.given.iter().fold(request, |request, (key, values)| {
            request.with(key, &values.iter().map(String::as_str).collect::<Vec<_>>())
        });
        let kind = match pick(&case.kind, &common.kind).as_str() {
            "bucket" => Kind::Resource,
            "key" => Kind::Key,
            "role" => Kind::Role,
            other => panic!("`{other}` is no kind"),
        };
        Ready {
            name: format!("{table}: {}", case.name),
            request,
            kind,
            presumed: case.presumed.unwrap_or(common.presumed),
            identity: case.identity.iter().map(document).collect(),
            boundary: case.boundary.as_ref().map(document),
            session: case.session.as_ref().map(|texts| texts.iter().map(document).collect()),
            target: case.target.as_ref().map(document),
            case,
        }
    };
    case.into_iter().map(one).collect()
}

fn cases() -> Vec<Ready> {
    let read = |&(name, text): &(&str, &str)| {
        let table: Table = toml::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
        ready(name, table)
    };
    TABLES.iter().flat_map(read).collect()
}

#[test]
fn decides_like_aws_or_refuses() {
    let cases = cases();
    let mut wrong = Vec::new();
    for ready in &cases {
        let (name, case, verdict) = (&ready.name, &ready.case, ready.verdict());
        let aws = case.aws.as_ref().unwrap_or(&case.is);
        assert!(!case.source.is_empty(), "{name}: nobody says so");
        assert!(case.is != "allow" || aws == "allow", "{name}: the table itself has a false allow");
        let by = verdict.decided_by.as_ref().map(ToString::to_string).unwrap_or_default();
        let is = verdict.decision == decision(&case.is)
            && case.by.as_ref().is_none_or(|part| by.contains(part.as_str()))
            && case.why.as_ref().is_none_or(|part| verdict.reason.contains(part.as_str()));
        if !is {
            wrong
                .push(format!("{name}\n    expected {} by {:?} why {:?}\n    {verdict:?}", case.is, case.by, case.why));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(cases.len() >= 200, "{} cases", cases.len());
}

#[test]
fn names_are_unique_and_every_decision_says_why() {
    let cases = cases();
    let names: std::collections::BTreeSet<&String> = cases.iter().map(|ready| &ready.name).collect();
    assert_eq!(names.len(), cases.len());
    for ready in &cases {
        let verdict = ready.verdict();
        assert!(!verdict.reason.is_empty());
        match verdict.decision {
            Decision::Allow => assert!(verdict.decided_by.is_some() || ready.presumed, "{}", ready.name),
            Decision::ExplicitDeny => assert!(verdict.decided_by.is_some(), "{}", ready.name),
            Decision::ImplicitDeny => {
                assert!(verdict.lacks.is_some() && verdict.decided_by.is_none(), "{}", ready.name);
            }
        }
    }
}
