//! Keys, in a loop over what KMS would hold.

use std::collections::BTreeMap;

use super::*;
use crate::cloud::aws::KeyState;
use crate::kind::aws_trial::{self as trial, Live, altered, context, created, example, names, problems};
use crate::model::{Found, Seen};

const BASE: &str = "alias = \"alias/a\"";
const ARN: &str = "arn:aws:kms:us-east-1:111122223333:key/k1";

/// A key that does what KMS does.
#[derive(Clone)]
struct Kms(Option<KeyState>);

impl Kms {
    fn state(&mut self) -> &mut KeyState {
        self.0.as_mut().unwrap()
    }

    /// The entry, as observation would see it.
    fn seen(&self, toml: &str) -> Seen<Props> {
        observe::of_alias(&trial::entry::<KmsKey>(toml), self.0.clone().unwrap(), &context())
    }
}

impl Live<KmsKey> for Kms {
    fn nothing() -> Self {
        Self(None)
    }

    fn make(&mut self, call: &Call) {
        if let Call::CreateKey { description, policy, tags, multi_region } = call.clone() {
            self.0 = Some(KeyState {
                arn: ARN.parse().unwrap(),
                id: "k1".into(),
                state: "Enabled".into(),
                description,
                multi_region,
                policy: policy.as_known().unwrap().into(),
                rotation_days: None,
                tags,
                alias: None,
            });
            return;
        }
        let key = self.state();
        let usable = |key: &KeyState| assert_eq!(key.state, "Enabled", "KMS refuses {call:?}");
        let not_pending = |key: &KeyState| assert_ne!(key.state, "PendingDeletion", "KMS refuses {call:?}");
        match call.clone() {
            Call::CreateAlias { alias, .. } => {
                not_pending(key);
                key.alias = Some(alias);
            }
            Call::PutKeyPolicy { policy, .. } => key.policy = policy.as_known().unwrap().into(),
            Call::EnableKeyRotation { period_days, .. } => {
                usable(key);
                key.rotation_days = Some(period_days);
            }
            Call::DisableKeyRotation { .. } => {
                usable(key);
                key.rotation_days = None;
            }
            Call::EnableKey { .. } => {
                not_pending(key);
                key.state = "Enabled".into();
            }
            Call::DisableKey { .. } => {
                not_pending(key);
                key.state = "Disabled".into();
            }
            Call::UpdateKeyDescription { description, .. } => {
                not_pending(key);
                key.description = description;
            }
            Call::TagKey { tags, .. } => {
                not_pending(key);
                key.tags.extend(tags);
            }
            Call::UntagKey { keys, .. } => key.tags.retain(|key, _| !keys.contains(key)),
            Call::ScheduleKeyDeletion { .. } => {
                not_pending(key);
                key.state = "PendingDeletion".into();
                key.rotation_days = None;
            }
            Call::CancelKeyDeletion { .. } => {
                assert_eq!(key.state, "PendingDeletion");
                key.state = "Disabled".into();
            }
            Call::DeleteAlias { .. } => key.alias = None,
            other => panic!("not about a key: {other:?}"),
        }
    }

    fn read(&self) -> Props {
        let state = self.0.clone().unwrap();
        let entry = trial::entry::<KmsKey>(&format!("alias = {:?}", state.alias.as_deref().unwrap_or("alias/a")));
        let alias = state.alias.is_some();
        let seen = if alias {
            observe::of_alias(&entry, state, &context())
        } else {
            observe::without_alias(&entry, &mut vec![state])
        };
        match seen {
            Seen::Present(found) => found.props,
            other => panic!("{other:?}"),
        }
    }
}

fn want(more: &str) -> Props {
    trial::want::<KmsKey>(&format!("{BASE}\n{more}"), &[])
}

#[test]
fn the_example_is_sound() {
    assert_eq!(problems::<KmsKey>(&example::<KmsKey>()), [""; 0]);
}

#[test]
fn everything_the_create_call_takes_is_in_it() {
    let parts = KmsKey::create(&"kms_key.x".parse().unwrap(), &want("description = \"d\"\nenabled = false"));
    let calls = trial::calls(&parts);
    assert_eq!(names(&calls), ["CreateKey", "CreateAlias", "EnableKeyRotation", "DisableKey"]);
    let learned: Vec<&str> = parts[0].ops[0].learn.iter().map(|learn| learn.fact.name.as_str()).collect();
    assert_eq!(learned, ["arn", "id"]);
    let Call::CreateKey { tags, policy, .. } = &calls[0] else { panic!() };
    assert!(Mark::take(&mut tags.clone()).is_some());
    insta::assert_snapshot!(policy);
}

#[test]
fn every_field_is_found_and_made() {
    let table: [(&str, &[&str], &[&str]); 6] = [
        ("description = \"d\"", &["UpdateKeyDescription"], &["UpdateKeyDescription"]),
        ("enabled = false", &["DisableKey"], &["EnableKey"]),
        ("rotation = false", &["DisableKeyRotation"], &["EnableKeyRotation"]),
        ("rotation_days = 90", &["EnableKeyRotation"], &["EnableKeyRotation"]),
        (
            "policy_statements = [{ Effect = \"Allow\", Principal = { AWS = \"999999999999\" }, Action = \"kms:Decrypt\", Resource = \"*\" }]",
            &["PutKeyPolicy"],
            &["PutKeyPolicy"],
        ),
        (
            "enabled = false\nrotation = false",
            &["DisableKeyRotation", "DisableKey"],
            &["EnableKey", "EnableKeyRotation"],
        ),
    ];
    for (toml, there, back) in table {
        let mut live: Kms = created::<KmsKey, _>(&want(""));
        assert_eq!(altered(&mut live, &want(toml)), there, "{toml}");
        assert_eq!(altered(&mut live, &want("")), back, "back from {toml}");
        created::<KmsKey, Kms>(&want(toml));
    }
    let mut live: Kms = created::<KmsKey, _>(&want(""));
    assert_eq!(altered(&mut live, &want("tags = { a = \"b\" }")), ["TagKey"]);
    assert!(trial::diff::<KmsKey>(&want(""), &live.read()).is_empty(), "a tag that leaves the spec stays");
    assert!(trial::diff::<KmsKey>(&want("multi_region = true"), &live.read()).replaces_object());
    assert!(trial::diff::<KmsKey>(&want("deletion_window_days = 7"), &live.read()).is_empty());
}

#[test]
fn the_rotation_of_a_disabled_key_is_changed_while_it_is_enabled() {
    let mut live: Kms = created::<KmsKey, _>(&want("enabled = false"));
    assert_eq!(
        altered(&mut live, &want("enabled = false\nrotation_days = 90")),
        ["EnableKey", "EnableKeyRotation", "DisableKey"]
    );
}

#[test]
fn a_key_on_its_way_out_is_brought_back() {
    let mut live: Kms = created::<KmsKey, _>(&want(""));
    live.make(&Call::ScheduleKeyDeletion { key: "k".into(), window_days: 30 });
    assert_eq!(
        altered(&mut live, &want("description = \"d\"")),
        ["CancelKeyDeletion", "EnableKey", "UpdateKeyDescription", "EnableKeyRotation"]
    );
    live.make(&Call::ScheduleKeyDeletion { key: "k".into(), window_days: 30 });
    let calls = altered(&mut live, &want("description = \"d\"\nenabled = false\nrotation = false"));
    assert_eq!(calls, ["CancelKeyDeletion"]);
}

#[test]
fn a_foreign_key_on_its_way_out_is_not_touched() {
    let mut live: Kms = created::<KmsKey, _>(&want(""));
    live.make(&Call::ScheduleKeyDeletion { key: "k".into(), window_days: 30 });
    assert!(matches!(live.seen(BASE), Seen::Present(_)));
    live.state().tags.insert("snowssi:stack".into(), "other".into());
    assert!(matches!(live.seen(BASE), Seen::Hidden(why) if why.contains("scheduled for deletion")));
    live.state().tags.clear();
    assert!(matches!(live.seen(BASE), Seen::Hidden(_)));
}

/// A run that stopped between `CreateKey` and `CreateAlias` does not lead to a second key.
#[test]
fn a_key_without_its_alias_is_finished() {
    let mut live = Kms(None);
    let calls = trial::calls(&KmsKey::create(&"kms_key.x".parse().unwrap(), &want("")));
    live.make(&calls[0]);
    let facts = match observe::without_alias(&trial::entry::<KmsKey>(BASE), &mut vec![live.0.clone().unwrap()]) {
        Seen::Present(Found { facts, .. }) => facts,
        other => panic!("{other:?}"),
    };
    assert_eq!(facts, BTreeMap::from([("arn", ARN.to_owned()), ("id", "k1".to_owned())]));
    assert_eq!(altered(&mut live, &want("")), ["CreateAlias", "EnableKeyRotation"]);
}

#[test]
fn two_keys_with_one_mark_are_a_question() {
    let live: Kms = created::<KmsKey, _>(&want(""));
    let (one, mut other) = (live.0.clone().unwrap(), live.0.unwrap());
    other.arn = "arn:aws:kms:us-east-1:111122223333:key/k2".parse().unwrap();
    let entry = trial::entry::<KmsKey>(BASE);
    let mut foreign = one.clone();
    foreign.tags.insert("snowssi:address".into(), "kms_key.y".into());
    let mut all = vec![one, foreign, other];
    let seen = observe::without_alias(&entry, &mut all);
    assert!(matches!(seen, Seen::Hidden(why) if why.contains("key/k1") && why.contains("key/k2")));
    assert_eq!(all.len(), 1);
    let mut only_foreign = all;
    assert_eq!(observe::without_alias(&entry, &mut only_foreign), Seen::Absent);
}

#[test]
fn a_key_loses_its_alias_before_it_goes() {
    let live: Kms = created::<KmsKey, _>(&want(""));
    let mut have = live.read();
    have.deletion_window_days = 7;
    let calls = trial::calls(&KmsKey::delete(&have));
    assert_eq!(names(&calls), ["DeleteAlias", "ScheduleKeyDeletion"]);
    assert_eq!(calls[1], Call::ScheduleKeyDeletion { key: ARN.into(), window_days: 7 });
    have.pending = true;
    assert_eq!(names(&trial::calls(&KmsKey::delete(&have))), ["DeleteAlias"]);
}

#[test]
fn a_principal_that_was_deleted_is_drift() {
    let role = "policy_statements = [{ Effect = \"Allow\", Principal = { AWS = \"arn:aws:iam::111122223333:role/r\" }, Action = \"kms:Decrypt\", Resource = \"*\" }]";
    let mut live: Kms = created::<KmsKey, _>(&want(role));
    let policy = live.state().policy.replace("arn:aws:iam::111122223333:role/r", "AROAABCDEFGHIJKLMNOPQ");
    live.state().policy = policy;
    assert_eq!(altered(&mut live, &want(role)), ["PutKeyPolicy"]);
    assert_eq!(KmsKey::refs(&want(role)).len(), 1);
}

#[test]
fn says_what_is_wrong() {
    let deny = "policy_statements = [{ Effect = \"Deny\", Principal = \"*\", Action = \"kms:*\", Resource = \"*\" }]";
    let inert = "policy_statements = [{ Effect = \"Allow\", Principal = \"*\", Action = \"kms:Decrypt\" }]";
    let table = [
        ("rotation_days = 89", "rotation_days"),
        ("rotation_days = 2561", "rotation_days"),
        ("deletion_window_days = 6", "deletion_window_days"),
        (deny, "policy_statements: no statement lets the account"),
        (inert, "policy_statements: a statement without `Resource`"),
    ];
    for (toml, start) in table {
        let found = problems::<KmsKey>(&format!("{BASE}\n{toml}"));
        assert!(found.len() == 1 && found[0].starts_with(start), "{toml}: {found:?}");
    }
}

#[test]
fn aliases() {
    for (text, alias) in [("a", "alias/a"), ("alias/a/b-c_d", "alias/a/b-c_d")] {
        assert_eq!(text.parse::<Alias>().unwrap().as_str(), alias);
    }
    for text in ["", "alias/", "alias/aws/s3", "aws/s3", "a b", "alias/ü"] {
        assert!(text.parse::<Alias>().is_err(), "{text}");
    }
}
