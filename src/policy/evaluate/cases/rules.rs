//! What must hold for every case, whatever it is about.

use super::*;

/// A document of these statements, of the same version.
fn versioned(like: &Document, statements: impl IntoIterator<Item = Statement>) -> Document {
    let mut document = Document::new(statements);
    document.version = like.version;
    document
}

/// The documents as AWS would give them back, in another order, from their text for people.
#[test]
fn spelling_and_order_decide_nothing() {
    let compact = |document: &Document| Document::parse(&document.to_val().to_string()).unwrap();
    let pretty = |document: &Document| Document::parse(&document.pretty().to_string()).unwrap();
    let reversed = |document: &Document| versioned(document, document.statements().iter().rev().cloned());
    // Names of objects sorted the other way round, every list turned.
    let shuffled = |document: &Document| {
        let text = turned(&serde_json::from_str(&document.to_val().to_string()).unwrap());
        Document::parse(&text).unwrap()
    };
    for ready in cases() {
        let decided = ready.verdict();
        let changes: [&dyn Fn(&Document) -> Document; 4] = [&compact, &pretty, &reversed, &shuffled];
        for change in changes {
            assert_eq!(ready.verdict_of(&ready.request, change), decided, "{}", ready.name);
        }
    }
}

/// JSON text with all names and all lists in reverse.
fn turned(value: &Value) -> String {
    match value {
        Value::Object(pairs) => {
            let pairs: Vec<_> = pairs
                .iter()
                .rev()
                .map(|(name, value)| format!("{}:{}", Value::from(name.as_str()), turned(value)))
                .collect();
            format!("{{{}}}", pairs.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().rev().map(turned).collect::<Vec<_>>().join(",")),
        one => one.to_string(),
    }
}

#[test]
fn a_deny_anywhere_ends_it() {
    let everything = [Statement::new(Effect::Deny, "Stop", &["*"])];
    for mut ready in cases() {
        let stop = |resources: bool, principals: bool| {
            let mut statement = everything[0].clone();
            if resources {
                statement = statement.resources(["*".into()]);
            }
            if principals {
                statement = statement.principals(crate::policy::Principals::Anyone);
            }
            Document::new([statement])
        };
        ready.target = Some(stop(ready.kind != Kind::Role, true));
        assert_eq!(ready.verdict().decision, Decision::ExplicitDeny, "{}", ready.name);
        ready.target = None;
        ready.boundary = Some(stop(true, false));
        assert_eq!(ready.verdict().decision, Decision::ExplicitDeny, "{}", ready.name);
    }
}

/// Turning every allowance into nothing, or every condition of a denial into none, lets nobody in.
#[test]
fn less_allowed_or_more_denied_lets_nobody_in() {
    let without = |document: &Document| {
        versioned(document, document.statements().iter().filter(|one| one.effect == Effect::Deny).cloned())
    };
    let stricter = |document: &Document| {
        let harden = |one: &Statement| match one.effect {
            Effect::Deny => Statement { conditions: crate::policy::Conditions::new(), ..one.clone() },
            Effect::Allow => one.clone(),
        };
        versioned(document, document.statements().iter().map(harden))
    };
    for ready in cases() {
        if !ready.presumed {
            assert!(!ready.verdict_of(&ready.request, &without).is_allowed(), "{}", ready.name);
        }
        if !ready.verdict().is_allowed() {
            assert!(!ready.verdict_of(&ready.request, &stricter).is_allowed(), "{}", ready.name);
        }
    }
}

/// What is allowed without knowing is allowed whatever turns out: every key that a policy speaks of and the request does not, given any
/// value or none, leaves the allowance as it is.
#[test]
fn what_is_not_known_never_turns_an_allowance_round() {
    for ready in cases() {
        if !ready.verdict().is_allowed() {
            continue;
        }
        let documents = ready.identity.iter().chain(&ready.boundary).chain(ready.session.iter().flatten());
        let statements = documents.chain(&ready.target).flat_map(Document::statements);
        let keys: Vec<_> = statements.flat_map(|one| one.conditions.values()).flat_map(|keys| keys.keys()).collect();
        for key in keys.into_iter().filter(|key| ready.request.values(key).is_err()) {
            for values in [&[][..], &["x"], &["true"], &["10.0.0.1"], &["arn:aws:s3:::b"], &["a", "b"]] {
                let request = ready.request.clone().with(key.as_str(), values);
                assert!(
                    ready.verdict_of(&request, &Document::clone).is_allowed(),
                    "{}: {key} = {values:?}",
                    ready.name
                );
            }
        }
    }
}
