//! Managed policies, in a loop over what IAM would hold.

use super::*;
use crate::kind::aws_trial::{self as trial, Live, altered, context, created, example, names, problems};

const BASE: &str = "name = \"p\"\naccess = [{ bucket = \"data\", allow = [\"list\"] }]";
const ARN: &str = "arn:aws:iam::111122223333:policy/snowssi/events/p";

/// A policy that does what IAM does.
#[derive(Clone)]
struct Iam {
    state: Option<PolicyState>,
    next: u32,
    default: u32,
}

impl Iam {
    fn state(&mut self) -> &mut PolicyState {
        self.state.as_mut().unwrap()
    }
}

impl Live<IamPolicy> for Iam {
    fn nothing() -> Self {
        Self { state: None, next: 2, default: 1 }
    }

    fn make(&mut self, call: &Call) {
        let text = |val: &Val| val.as_known().unwrap().to_owned();
        match call.clone() {
            Call::CreatePolicy { policy, path, description, document, tags } => {
                let arn = Arn::policy(context().partition, &context().account, &path, &policy);
                let document = text(&document);
                let (others, attached) = (Vec::new(), Vec::new());
                self.state =
                    Some(PolicyState { arn, name: policy, path, description, document, others, attached, tags });
            }
            Call::CreatePolicyVersion { document, .. } => {
                let (old, new) = (self.default, self.next);
                (self.default, self.next) = (new, new + 1);
                let state = self.state();
                state.others.push(format!("v{old}"));
                assert!(state.others.len() < MOST_VERSIONS, "LimitExceeded");
                state.document = text(&document);
            }
            Call::DeletePolicyVersion { version, .. } => {
                let state = self.state();
                let before = state.others.len();
                state.others.retain(|other| *other != version);
                assert_eq!(state.others.len() + 1, before, "NoSuchEntity");
            }
            Call::TagPolicy { tags, .. } => self.state().tags.extend(tags),
            Call::UntagPolicy { keys, .. } => self.state().tags.retain(|key, _| !keys.contains(key)),
            other => panic!("not about a policy: {other:?}"),
        }
    }

    fn read(&self) -> Props {
        found(self.state.clone().unwrap()).unwrap().props
    }
}

fn want(toml: &str) -> Props {
    trial::want::<IamPolicy>(toml, &[])
}

fn attachment(entity: Entity, stack: Option<&str>, boundary: bool) -> Attachment {
    let mark = stack.map(|stack| Mark { stack: stack.into(), address: "iam_role.r".parse().unwrap(), protect: false });
    Attachment { entity, boundary, tags: mark.map(|mark| mark.tags()).unwrap_or_default() }
}

#[test]
fn the_example_is_sound() {
    assert_eq!(problems::<IamPolicy>(&example::<IamPolicy>()), [""; 0]);
}

#[test]
fn every_field_is_found_and_made() {
    let other = "name = \"p\"\naccess = [{ bucket = \"data\", allow = [\"list\", \"read\"] }]".to_owned();
    let more =
        format!("{BASE}\nstatements = [{{ Effect = \"Allow\", Action = \"sqs:SendMessage\", Resource = \"*\" }}]");
    for (toml, call) in [(other, "CreatePolicyVersion"), (more, "CreatePolicyVersion")] {
        let mut live: Iam = created::<IamPolicy, _>(&want(BASE));
        assert_eq!(altered(&mut live, &want(&toml)), [call], "{toml}");
        assert_eq!(altered(&mut live, &want(BASE)), [call], "back from {toml}");
    }
    let mut live: Iam = created::<IamPolicy, _>(&want(BASE));
    assert_eq!(altered(&mut live, &want(&format!("{BASE}\ntags = {{ a = \"b\" }}"))), ["TagPolicy"]);
    for replacing in ["description = \"d\"", "path = \"/x/\""] {
        assert!(trial::diff::<IamPolicy>(&want(&format!("{BASE}\n{replacing}")), &live.read()).replaces_object());
    }
    assert!(trial::diff::<IamPolicy>(&want(&BASE.replace("\"p\"", "\"q\"")), &live.read()).replaces_object());
}

#[test]
fn the_oldest_version_makes_room_for_the_sixth() {
    let mut live: Iam = created::<IamPolicy, _>(&want(BASE));
    let nth = |n: u32| {
        want(&format!(
            "{BASE}\nstatements = [{{ Effect = \"Allow\", Action = \"sqs:SendMessage\", Resource = \"arn:aws:sqs:us-east-1:111122223333:q{n}\" }}]"
        ))
    };
    for n in 2..=5 {
        assert_eq!(altered(&mut live, &nth(n)), ["CreatePolicyVersion"], "{n}");
    }
    assert_eq!(altered(&mut live, &nth(6)), ["DeletePolicyVersion", "CreatePolicyVersion"]);
    assert_eq!(live.state().others, ["v2", "v3", "v4", "v5"], "the default before stays, to go back to");
}

#[test]
fn it_is_taken_from_our_own_before_it_goes() {
    let mut live: Iam = created::<IamPolicy, _>(&want(BASE));
    live.state().others = vec!["v1".into()];
    live.state().attached = vec![
        attachment(Entity::Role("r".into()), Some("events"), false),
        attachment(Entity::User("u".into()), Some("events"), false),
    ];
    let have = live.read();
    let calls = names(&trial::calls(&IamPolicy::delete(&have)));
    assert_eq!(calls, ["DetachRolePolicy", "DetachUserPolicy", "DeletePolicyVersion", "DeletePolicy"]);
    assert_eq!(IamPolicy::breaks(&have).len(), 2);
}

#[test]
fn nothing_is_touched_while_others_use_it() {
    let foreign = [
        attachment(Entity::Role("theirs".into()), None, false),
        attachment(Entity::User("theirs".into()), Some("another"), false),
        attachment(Entity::Group("theirs".into()), None, false),
        attachment(Entity::Role("theirs".into()), Some("another"), true),
    ];
    for theirs in foreign {
        let mut live: Iam = created::<IamPolicy, _>(&want(BASE));
        live.state().others = vec!["v1".into()];
        live.state().attached = vec![attachment(Entity::Role("r".into()), Some("events"), false), theirs.clone()];
        let have = live.read();
        assert_eq!(names(&trial::calls(&IamPolicy::delete(&have))), ["DeletePolicy"], "{theirs:?}");
        let breaks = IamPolicy::breaks(&have).join("\n");
        assert!(breaks.contains("theirs") && breaks.contains("IAM refuses"), "{breaks}");
    }
    // A limit is never lifted, not even from our own.
    let mut live: Iam = created::<IamPolicy, _>(&want(BASE));
    live.state().attached = vec![attachment(Entity::Role("r".into()), Some("events"), true)];
    assert_eq!(names(&trial::calls(&IamPolicy::delete(&live.read()))), ["DeletePolicy"]);
}

#[test]
fn the_arn_follows_from_the_name() {
    let entry = trial::entry::<IamPolicy>(BASE);
    assert_eq!(IamPolicy::known(&entry.spec, &context()), [("arn", ARN.to_owned())]);
    assert_eq!(IamPolicy::id(&entry.spec, &context()), LiveId::new("iam_policy", ARN));
}

#[test]
fn what_is_written_out_is_what_is_there() {
    for more in ["", "\npath = \"/x/\"\ndescription = \"d\"\ntags = { a = \"b\" }"] {
        let live: Iam = created::<IamPolicy, _>(&want(&format!("{BASE}{more}")));
        let have = live.read();
        let fields: serde_json::Map<String, serde_json::Value> =
            IamPolicy::export(&have, &context()).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let again = want(&toml::to_string(&fields).unwrap());
        assert_eq!(trial::diff::<IamPolicy>(&again, &have), Diff::default(), "{fields:?}");
    }
}

#[test]
fn says_what_is_wrong() {
    let table = [
        ("name = \"p\"", "access"),
        ("name = \"a b\"\nstatements = [{ Effect = \"Allow\", Action = \"s3:ListBucket\", Resource = \"*\" }]", "name"),
        (&format!("{BASE}\npath = \"x\""), "path"),
        (&format!("{BASE}\ndescription = \"\u{4e00}\""), "description"),
        (&format!("{BASE}\nstatements = [{{ Effect = \"Allow\", Action = \"s3:*\" }}]"), "statements"),
        (&format!("{BASE}\ntags = {{ \"aws:x\" = \"\" }}"), "tags"),
        ("name = \"p\"\naccess = [{ bucket = \"data\", allow = [] }]", "access[0].allow"),
    ];
    for (toml, field) in table {
        let found = problems::<IamPolicy>(toml);
        assert!(found.len() == 1 && found[0].starts_with(field), "{toml}: {found:?}");
    }
}
