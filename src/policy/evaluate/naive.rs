//! A second evaluator, written down the flow chart of "Determining whether a request is allowed or denied within an account" and nothing
//! else, over a few words: plain JSON, no pattern but a star at the end, no value but a letter. What is allowed here must be allowed there.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::*;

const ANN: &str = "arn:aws:iam::123456789012:user/ann";
const ROLE: &str = "arn:aws:iam::123456789012:role/app";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/app/s";
const EVE: &str = "arn:aws:iam::999999999999:user/eve";

/// A request of the few words. A key without an entry is one nobody knows.
#[derive(Clone, Debug)]
struct Ask {
    who: &'static str,
    action: &'static str,
    resource: &'static str,
    keys: Vec<(&'static str, Vec<&'static str>)>,
}

/// The documents of a request.
#[derive(Clone, Debug)]
struct Case {
    kind: Kind,
    identity: Vec<Value>,
    boundary: Option<Value>,
    session: Option<Value>,
    target: Option<Value>,
}

mod chart {
    use super::{ANN, Ask, Case, EVE, Kind, ROLE, SESSION, Value};

    fn list(value: &Value) -> Vec<&str> {
        match value {
            Value::Array(items) => items.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        }
    }

    fn fits(pattern: &str, text: &str) -> bool {
        match pattern.strip_suffix('*') {
            Some(start) => text.starts_with(start),
            None => pattern == text,
        }
    }

    fn all_names(who: &str) -> Vec<&str> {
        match who {
            SESSION => vec![SESSION, ROLE, "123456789012"],
            ANN => vec![ANN, "123456789012"],
            _ => vec![EVE, "999999999999"],
        }
    }

    /// 3 for the principal itself, 2 for what it is part of, 1 for its account.
    fn principal(statement: &Value, who: &str) -> u8 {
        let names = all_names(who);
        if let Some(except) = statement.get("NotPrincipal") {
            // All of its names must be spared.
            let spared = list(&except["AWS"]);
            return if names.iter().all(|name| spared.contains(name)) { 0 } else { 2 };
        }
        let element = &statement["Principal"];
        if element == "*" {
            return 2;
        }
        let account = *names.last().unwrap();
        list(&element["AWS"])
            .into_iter()
            .map(|name| match name {
                "*" => 2,
                name if name == account => 1,
                name if name == who => 3,
                name if names.contains(&name) => 2,
                _ => 0,
            })
            .max()
            .unwrap_or(0)
    }

    fn operator(name: &str, given: &[&str], wanted: &[&str]) -> bool {
        let one = |given: &str| match name.rsplit(':').next().unwrap_or(name) {
            "StringLike" => wanted.iter().any(|pattern| fits(pattern, given)),
            "StringNotEquals" => !wanted.contains(&given),
            _ => wanted.contains(&given),
        };
        match (name, given) {
            ("Null", given) => wanted.contains(&if given.is_empty() { "true" } else { "false" }),
            (name, given) if name.starts_with("ForAllValues:") => given.iter().all(|given| one(given)),
            (name, given) if name.starts_with("ForAnyValue:") => given.iter().any(|given| one(given)),
            ("StringEqualsIfExists" | "StringNotEquals", []) => true,
            (_, []) => false,
            (_, given) => given.len() == 1 && one(given[0]),
        }
    }

    fn statement(statement: &Value, ask: &Ask) -> bool {
        let within = |element: &str, text: &str| {
            let not = format!("Not{element}");
            match (statement.get(element), statement.get(&not)) {
                (Some(patterns), _) => list(patterns).iter().any(|pattern| fits(pattern, text)),
                (None, Some(patterns)) => !list(patterns).iter().any(|pattern| fits(pattern, text)),
                (None, None) => true,
            }
        };
        let conditions = statement.get("Condition").and_then(Value::as_object).into_iter().flatten();
        within("Action", ask.action)
            && within("Resource", ask.resource)
            && conditions.flat_map(|(name, keys)| keys.as_object().unwrap().iter().map(move |pair| (name, pair))).all(
                |(name, (key, wanted))| {
                    let given = ask.keys.iter().find(|(had, _)| had == key).map(|(_, values)| values.clone());
                    operator(name, &given.unwrap_or_default(), &list(wanted))
                },
            )
    }

    fn statements<'a>(document: &'a Value, effect: &'static str) -> impl Iterator<Item = &'a Value> {
        document["Statement"].as_array().unwrap().iter().filter(move |one| one["Effect"] == effect)
    }

    pub(super) fn allows(case: &Case, ask: &Ask) -> bool {
        let own: Vec<&Value> = case.identity.iter().chain(&case.boundary).chain(&case.session).collect();
        let bounded = case.boundary.is_some();
        let denied = own.iter().any(|document| statements(document, "Deny").any(|one| statement(one, ask)))
            || case.target.iter().flat_map(|document| statements(document, "Deny")).any(|one| {
                let meant = principal(one, ask.who) > 0 || (bounded && one.get("NotPrincipal").is_some());
                meant && statement(one, ask)
            });
        if denied {
            return false;
        }
        let allow = |document: &Value| statements(document, "Allow").any(|one| statement(one, ask));
        let by_identity = case.identity.iter().any(allow);
        let within = case.boundary.iter().chain(&case.session).all(allow);
        let target = case.target.iter().flat_map(|document| statements(document, "Allow"));
        let reach = target.filter(|one| statement(one, ask)).map(|one| principal(one, ask.who)).max().unwrap_or(0);
        let same_account = ask.who != EVE;
        match (case.kind, reach) {
            (Kind::Resource, 3) if same_account => true,
            (_, 2 | 3) if same_account => within,
            (_, 1..=3) => within && by_identity,
            (Kind::Resource, _) if same_account => within && by_identity,
            _ => false,
        }
    }
}

fn values(of: &'static [&'static str]) -> impl Strategy<Value = Value> {
    proptest::sample::subsequence(of, 1..=of.len().min(2)).prop_map(|texts| json!(texts))
}

fn condition() -> impl Strategy<Value = Value> {
    let operators = &[
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringEqualsIfExists",
        "Null",
        "ForAllValues:StringEquals",
        "ForAnyValue:StringEquals",
        "ForAllValues:StringNotEquals",
        "ForAnyValue:StringNotEquals",
    ][..];
    let one = (select(operators), select(&["x:a", "x:b"][..]), any::<bool>(), values(&["p", "q", "p*"]));
    proptest::collection::vec(one, 0..3).prop_map(|all| {
        let mut condition = json!({});
        for (operator, key, truth, values) in all {
            condition[operator][key] = if operator == "Null" { json!(truth.to_string()) } else { values };
        }
        condition
    })
}

fn statement(target: bool) -> impl Strategy<Value = Value> {
    let actions = values(&["s3:GetObject", "s3:PutObject", "s3:Get*", "*"]);
    let resources = values(&["arn:aws:s3:::b/x", "arn:aws:s3:::b/*", "arn:aws:s3:::c", "*"]);
    let principal = prop_oneof![
        Just(json!("*")),
        values(&[ANN, ROLE, SESSION, EVE, "123456789012", "999999999999"]).prop_map(|names| json!({ "AWS": names })),
    ];
    (any::<bool>(), actions, any::<bool>(), resources, any::<bool>(), principal, any::<bool>(), condition()).prop_map(
        move |(deny, actions, not_action, resources, not_resource, principal, not_principal, condition)| {
            let mut statement = json!({ "Effect": if deny { "Deny" } else { "Allow" }, "Condition": condition });
            statement[if not_action { "NotAction" } else { "Action" }] = actions;
            statement[if not_resource { "NotResource" } else { "Resource" }] = resources;
            if target {
                let name = if not_principal && principal != "*" { "NotPrincipal" } else { "Principal" };
                statement[name] = principal;
            }
            statement
        },
    )
}

fn document(target: bool) -> impl Strategy<Value = Value> {
    proptest::collection::vec(statement(target), 0..4)
        .prop_map(|statements| json!({ "Version": "2012-10-17", "Statement": statements }))
}

fn case() -> impl Strategy<Value = Case> {
    let identity = proptest::collection::vec(document(false), 0..3);
    let one = || proptest::option::weighted(0.3, document(false));
    let target = proptest::option::weighted(0.8, document(true));
    (select(vec![Kind::Resource, Kind::Key]), identity, one(), one(), target)
        .prop_map(|(kind, identity, boundary, session, target)| Case { kind, identity, boundary, session, target })
}

fn ask() -> impl Strategy<Value = Ask> {
    let key =
        || proptest::option::weighted(0.8, select(vec![vec![], vec!["p"], vec!["q"], vec!["pp"], vec!["p", "q"]]));
    let resources = &["arn:aws:s3:::b/x", "arn:aws:s3:::b/y", "arn:aws:s3:::c"][..];
    let words = (select(&[ANN, SESSION, EVE][..]), select(&["s3:GetObject", "s3:PutObject"][..]), select(resources));
    (words, key(), key()).prop_map(|((who, action, resource), a, b)| {
        let keys = [("x:a", a), ("x:b", b)].into_iter().filter_map(|(key, values)| Some((key, values?))).collect();
        Ask { who, action, resource, keys }
    })
}

fn ours(case: &Case, ask: &Ask) -> Verdict {
    let parse = |value: &Value| Document::from_json(value).unwrap();
    let principal = match ask.who {
        SESSION => Principal::Session { session: SESSION.parse().unwrap(), role: ROLE.parse().unwrap() },
        user => Principal::User(user.parse().unwrap()),
    };
    let request = Request::new(principal, ask.action, ask.resource);
    let request = ask.keys.iter().fold(request, |request, (key, values)| request.with(key, values));
    let identity: Vec<Document> = case.identity.iter().map(parse).collect();
    let session = case.session.as_ref().map(|value| [parse(value)]);
    let (boundary, target) = (case.boundary.as_ref().map(parse), case.target.as_ref().map(parse));
    let owner = "123456789012".parse().unwrap();
    let policies = Policies {
        identity: Identity::Policies(&identity),
        boundary: boundary.as_ref(),
        session: session.as_ref().map(<[Document; 1]>::as_slice),
        target: Target { owner: &owner, kind: case.kind, policy: target.as_ref() },
    };
    evaluate(&request, &policies)
}

/// The request with every way in which the keys nobody knows may turn out.
fn completions(ask: &Ask) -> Vec<Ask> {
    ["x:a", "x:b"].into_iter().fold(vec![ask.clone()], |asks, key| {
        let complete = |ask: Ask| {
            if ask.keys.iter().any(|(had, _)| *had == key) {
                return vec![ask];
            }
            let with = |values: Vec<&'static str>| {
                let mut ask = ask.clone();
                ask.keys.push((key, values));
                ask
            };
            vec![with(vec![]), with(vec!["p"]), with(vec!["q"]), with(vec!["z"])]
        };
        asks.into_iter().flat_map(complete).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn allows_nothing_that_the_flow_chart_does_not(case in case(), ask in ask()) {
        let verdict = ours(&case, &ask);
        let chart: Vec<bool> = completions(&ask).iter().map(|ask| chart::allows(&case, ask)).collect();
        if verdict.is_allowed() {
            prop_assert!(chart.iter().all(|&allowed| allowed), "{verdict:?}");
        } else if verdict.unsure.is_none() {
            // Where nothing was in doubt, the two agree: the caution has a reason each time.
            prop_assert!(chart.iter().all(|&allowed| !allowed), "{verdict:?}");
        }
    }
}

#[test]
fn the_flow_chart_is_not_always_of_one_opinion() {
    let open = json!({ "Version": "2012-10-17", "Statement": [{ "Effect": "Allow", "Action": "*", "Resource": "*" }] });
    let case = Case { kind: Kind::Resource, identity: vec![open], boundary: None, session: None, target: None };
    let ask = Ask { who: ANN, action: "s3:GetObject", resource: "arn:aws:s3:::c", keys: Vec::new() };
    assert!(chart::allows(&case, &ask) && ours(&case, &ask).is_allowed());
    let ask = Ask { who: EVE, ..ask };
    assert!(!chart::allows(&case, &ask) && !ours(&case, &ask).is_allowed());
}
