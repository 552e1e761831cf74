//! Roles, in a loop over what IAM would hold.

use super::*;
use crate::kind::Gifts;
use crate::kind::aws_trial::{self as trial, Live, altered, context, created, example, names, problems};
use crate::model::Arn;
use crate::model::Facts;

const BASE: &str = "name = \"r\"";
const ARN: &str = "arn:aws:iam::111122223333:role/snowssi/events/r";
const MANAGED: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A role that does what IAM does.
#[derive(Clone)]
struct Iam(Option<RoleState>);

impl Iam {
    fn state(&mut self) -> &mut RoleState {
        self.0.as_mut().unwrap()
    }
}

impl Live<IamRole> for Iam {
    fn nothing() -> Self {
        Self(None)
    }

    fn make(&mut self, call: &Call) {
        let text = |val: &Val| val.as_known().unwrap().to_owned();
        if let Call::CreateRole { role, path, description, max_session_seconds, trust, boundary, tags } = call.clone() {
            let arn = Arn::role(context().partition, &context().account, &path, &role);
            let (trust, boundary) = (text(&trust), boundary.as_ref().map(text));
            let (inline, attached) = (BTreeMap::new(), Vec::new());
            self.0 = Some(RoleState {
                name: role,
                path,
                arn,
                description,
                max_session_seconds,
                trust,
                boundary,
                inline,
                attached,
                tags,
            });
            return;
        }
        let role = self.state();
        match call.clone() {
            Call::UpdateRole { description, max_session_seconds, .. } => {
                role.description = description;
                role.max_session_seconds = max_session_seconds;
            }
            Call::UpdateAssumeRolePolicy { trust, .. } => role.trust = text(&trust),
            Call::PutRolePermissionsBoundary { boundary, .. } => role.boundary = Some(text(&boundary)),
            Call::PutRolePolicy { policy, document, .. } => {
                role.inline.insert(policy, text(&document));
            }
            Call::DeleteRolePolicy { policy, .. } => {
                role.inline.remove(&policy).unwrap();
            }
            Call::AttachRolePolicy { policy_arn, .. } => role.attached.push(text(&policy_arn)),
            Call::TagRole { tags, .. } => role.tags.extend(tags),
            Call::UntagRole { keys, .. } => role.tags.retain(|key, _| !keys.contains(key)),
            other => panic!("not about a role: {other:?}"),
        }
    }

    fn read(&self) -> Props {
        found(self.0.clone().unwrap()).unwrap().props
    }
}

fn want(more: &str) -> Props {
    trial::want::<IamRole>(&format!("{BASE}\n{more}"), &[])
}

fn gift(role: &str, external_id: &str) -> Gift {
    let principal = "arn:aws:iam::999999999999:user/snow".into();
    Gift::Trust { role: role.into(), principal, external_id: external_id.into() }
}

#[test]
fn the_example_is_sound() {
    assert_eq!(problems::<IamRole>(&example::<IamRole>()), [""; 0]);
}

#[test]
fn every_field_is_found_and_made() {
    let access = "access = [{ bucket = \"data\", allow = [\"list\"] }]";
    let statement = "statements = [{ Effect = \"Allow\", Action = \"sqs:SendMessage\", Resource = \"*\" }]";
    let table = [
        ("description = \"d\"", "UpdateRole", Some("UpdateRole")),
        ("max_session_seconds = 7200", "UpdateRole", Some("UpdateRole")),
        ("trust = [{ principal = \"999999999999\" }]", "UpdateAssumeRolePolicy", Some("UpdateAssumeRolePolicy")),
        ("trust = [{ service = \"lambda.amazonaws.com\" }]", "UpdateAssumeRolePolicy", Some("UpdateAssumeRolePolicy")),
        (access, "PutRolePolicy", Some("DeleteRolePolicy")),
        (statement, "PutRolePolicy", Some("DeleteRolePolicy")),
        ("permissions_boundary = \"arn:aws:iam::111122223333:policy/b\"", "PutRolePermissionsBoundary", None),
        ("managed_policies = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]", "AttachRolePolicy", None),
        ("tags = { a = \"b\" }", "TagRole", None),
    ];
    for (toml, there, back) in table {
        let mut live: Iam = created::<IamRole, _>(&want(""));
        assert_eq!(altered(&mut live, &want(toml)), [there], "{toml}");
        match back {
            Some(back) => assert_eq!(altered(&mut live, &want("")), [back], "back from {toml}"),
            None => {
                assert!(trial::diff::<IamRole>(&want(""), &live.read()).is_empty(), "{toml} leaves the spec and stays");
            }
        }
        created::<IamRole, Iam>(&want(toml));
    }
    let live: Iam = created::<IamRole, _>(&want(""));
    for other in ["name = \"s\"", "name = \"r\"\npath = \"/x/\""] {
        assert!(trial::diff::<IamRole>(&trial::want::<IamRole>(other, &[]), &live.read()).replaces_object());
    }
}

#[test]
fn those_who_name_the_role_may_assume_it() {
    let later = |name| Val::later(Fact::new(&"storage_integration.s".parse().unwrap(), name));
    let own = Gift::Trust {
        role: Val::later(Fact::new(&"iam_role.x".parse().unwrap(), "arn")),
        principal: later("iam_user_arn"),
        external_id: later("external_id"),
    };
    let unknown = trial::want::<IamRole>(BASE, &[own, gift(&format!("{ARN}2"), "other")]);
    assert_eq!(unknown.trust.to_val().facts().count(), 2);
    assert!(!unknown.trust.to_val().to_string().contains("other"));

    let two = trial::want::<IamRole>(BASE, &[gift(ARN, "b"), gift(ARN, "a")]);
    let mut live: Iam = created::<IamRole, _>(&two);
    let swapped = trial::want::<IamRole>(BASE, &[gift(ARN, "a"), gift(ARN, "b")]);
    assert!(trial::diff::<IamRole>(&swapped, &live.read()).is_empty());
    let one = trial::want::<IamRole>(BASE, &[gift(ARN, "a")]);
    assert_eq!(altered(&mut live, &one), ["UpdateAssumeRolePolicy"]);
    insta::assert_snapshot!(one.trust.to_val());
}

#[test]
fn a_role_nobody_names_refuses_everyone() {
    let trust = want("").trust.to_val().to_string();
    assert!(trust.contains("\"Deny\"") && !trust.contains("\"Allow\""), "{trust}");
}

#[test]
fn a_role_gets_the_keys_of_its_buckets() {
    let access = "access = [{ bucket = \"data\", prefix = \"in/\", allow = [\"read\", \"write\"] }]";
    let key = |bucket: &str, key: &str| Gift::Encrypted { bucket: bucket.parse().unwrap(), key: key.into() };
    let toml = format!("{BASE}\n{access}");
    let with = trial::want::<IamRole>(&toml, &[key("data", "arn:k"), key("other", "arn:o")]);
    let text = with.policy.unwrap().to_val().to_string();
    assert!(text.contains("arn:k") && text.contains("kms:GenerateDataKey") && !text.contains("arn:o"), "{text}");
    assert!(!want(access).policy.unwrap().to_val().to_string().contains("kms:"));
    let explicit = toml.replace("allow", "kms_key = \"arn:e\", allow");
    let text = trial::want::<IamRole>(&explicit, &[key("data", "arn:k")]).policy.unwrap().to_val().to_string();
    assert!(text.contains("arn:e") && !text.contains("arn:k"), "{text}");
}

#[test]
fn facts_that_are_known_are_put_in() {
    let fact = Fact::new(&"kms_key.k".parse().unwrap(), "arn");
    let access = "access = [{ bucket = \"data\", allow = [\"read\"] }]";
    let entry = trial::entry::<IamRole>(&format!("{BASE}\n{access}"));
    let gift = Gift::Encrypted { bucket: "data".parse().unwrap(), key: Val::later(fact.clone()) };
    let gifts = Gifts::new(vec![gift], &Facts::default());
    let mut facts = Facts::default();
    let context = context();
    let needs = |facts: &Facts| {
        let want = IamRole::want(&entry, Cx { context: &context, facts, gifts: &gifts });
        IamRole::create(&entry.at, &want)[0].ops.iter().flat_map(Op::needs).count()
    };
    assert_eq!(needs(&facts), 1);
    facts.learn(fact, "arn:k");
    assert_eq!(needs(&facts), 0);
}

#[test]
fn inline_policies_are_exclusive_and_attached_ones_are_not() {
    let mut live: Iam = created::<IamRole, _>(&want(""));
    live.state().inline.insert("extra".into(), "{}".into());
    live.state().attached.push(MANAGED.into());
    let calls = altered(&mut live, &want(""));
    assert_eq!(calls, ["DeleteRolePolicy"]);
    assert_eq!(live.state().attached, [MANAGED]);
}

#[test]
fn everything_comes_off_before_the_role_goes() {
    let mut live: Iam = created::<IamRole, _>(&want("access = [{ bucket = \"data\", allow = [\"list\"] }]"));
    live.state().inline.insert("extra".into(), "{}".into());
    live.state().attached.push(MANAGED.into());
    let have = live.read();
    let calls = names(&trial::calls(&IamRole::delete(&have)));
    assert_eq!(calls, ["DetachRolePolicy", "DeleteRolePolicy", "DeleteRolePolicy", "DeleteRole"]);
    let breaks = IamRole::breaks(&have).join("\n");
    assert!(breaks.contains(MANAGED) && breaks.contains("`extra`"), "{breaks}");
}

#[test]
fn the_arn_follows_from_the_name() {
    let entry = trial::entry::<IamRole>(BASE);
    assert_eq!(IamRole::known(&entry.spec, &context()), [("arn", ARN.to_owned())]);
    assert_eq!(IamRole::id(&entry.spec, &context()), LiveId::new("iam_role", ARN));
}

#[test]
fn says_what_is_wrong() {
    let table = [
        ("path = \"x/\"", "path"),
        ("max_session_seconds = 60", "max_session_seconds"),
        ("access = [{ bucket = \"data\", allow = [] }]", "access[0].allow"),
        ("access = [{ bucket = \"data\", prefix = \"a*\", allow = [\"list\"] }]", "access[0].prefix"),
        ("access = [{ bucket = \"data\", prefix = \"/a\", allow = [\"list\"] }]", "access[0].prefix"),
        ("trust = [{}]", "trust[0]"),
        ("trust = [{ principal = \"*\" , external_id = \"abc\" }]", "trust[0].principal"),
        ("trust = [{ principal = \"me\" }]", "trust[0].principal"),
        ("trust = [{ principal = \"111122223333\", external_id = \"a b\" }]", "trust[0].external_id"),
        ("trust = [{ service = \"lambda\" }]", "trust[0].service"),
        ("statements = [{ Effect = \"Allow\", Action = \"s3:*\" }]", "statements"),
        ("statements = [{ Effect = \"Allow\", Principal = \"*\", Action = \"s3:*\", Resource = \"*\" }]", "statements"),
    ];
    for (toml, field) in table {
        let found = problems::<IamRole>(&format!("{BASE}\n{toml}"));
        assert!(found.len() == 1 && found[0].starts_with(field), "{toml}: {found:?}");
    }
    let many: Vec<String> =
        (0..40).map(|n| format!("{{ principal = \"arn:aws:iam::111122223333:role/r{n}\" }}")).collect();
    let found = problems::<IamRole>(&format!("{BASE}\ntrust = [{}]", many.join(", ")));
    assert!(found.len() == 1 && found[0].contains("2048"), "{found:?}");
}
