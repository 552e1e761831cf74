//! Users, in a loop over what IAM, Secrets Manager and Snowflake would hold.

use super::*;
use crate::kind::aws_trial::{self as trial, context, diff, example, problems};
use crate::model::Act;

const BASE: &str = "name = \"u\"";
const ARN: &str = "arn:aws:iam::111122223333:user/snowssi/events/u";
const KEYED: &str =
    "name = \"u\"\naccess_key = { stages = [\"D.S.A\", \"D.S.B\"], secret = \"keys/u\", generation = \"one\" }";

/// A user, its secrets and stages, and what is done to them.
#[derive(Clone, Default)]
struct Live {
    user: Option<UserState>,
    secrets: BTreeMap<String, SecretState>,
    stages: BTreeMap<ObjectName, String>,
    made: usize,
    /// The key that was made last.
    held: String,
}

fn text(val: &Val) -> String {
    val.as_known().unwrap().to_owned()
}

impl Live {
    fn user(&mut self) -> &mut UserState {
        self.user.as_mut().unwrap()
    }

    /// Runs operations; stops before the one of this number.
    fn run(&mut self, parts: &[Part], until: usize) {
        for op in parts.iter().flat_map(|part| &part.ops).take(until) {
            match &op.act {
                Act::Aws(call) => self.make(call),
                Act::Sql(text) => {
                    let text = text.to_string();
                    assert!(text.contains("'(sensitive)'") && !text.contains("AKIA"), "{text}");
                    let stage = text.split_whitespace().nth(2).unwrap().parse().unwrap();
                    self.stages.insert(stage, self.held.clone());
                }
                Act::Wait(_) => {}
            }
        }
    }

    fn make(&mut self, call: &Call) {
        match call.clone() {
            Call::CreateUser { user, path, boundary, tags } => {
                let arn = crate::model::Arn::user(context().partition, &context().account, &path, &user);
                self.user = Some(UserState {
                    name: user,
                    path,
                    arn,
                    boundary: boundary.as_ref().map(text),
                    inline: BTreeMap::new(),
                    attached: Vec::new(),
                    keys: Vec::new(),
                    tags,
                });
            }
            Call::PutUserPermissionsBoundary { boundary, .. } => self.user().boundary = Some(text(&boundary)),
            Call::PutUserPolicy { policy, document, .. } => drop(self.user().inline.insert(policy, text(&document))),
            Call::DeleteUserPolicy { policy, .. } => drop(self.user().inline.remove(&policy).unwrap()),
            Call::AttachUserPolicy { policy_arn, .. } => self.user().attached.push(text(&policy_arn)),
            Call::DetachUserPolicy { policy_arn, .. } => self.user().attached.retain(|arn| *arn != text(&policy_arn)),
            Call::TagUser { tags, .. } => self.user().tags.extend(tags),
            Call::UntagUser { keys, .. } => self.user().tags.retain(|key, _| !keys.contains(key)),
            Call::CreateAccessKey { .. } => {
                assert!(self.user().keys.len() < 2, "LimitExceeded");
                self.made += 1;
                self.held = format!("AKIA{}", self.made);
                let key = KeyId { id: self.held.clone(), active: true };
                self.user().keys.push(key);
            }
            Call::DeleteAccessKey { access_key, .. } => {
                let before = self.user().keys.len();
                self.user().keys.retain(|key| key.id != access_key);
                assert_eq!(self.user().keys.len() + 1, before, "NoSuchEntity");
            }
            Call::RecordAccessKey { tag, what_for, .. } => {
                let record = format!("{} {what_for}", self.held);
                self.user().tags.insert(tag, record);
            }
            Call::CreateSecret { secret, tags, .. } => {
                let found = self.secrets.entry(secret).or_insert(SecretState { going: false, tags: tags.clone() });
                assert!(tags.iter().all(|(key, value)| found.tags.get(key) == Some(value)), "ResourceExists");
                found.going = false;
            }
            Call::PutSecretValue { secret, tag, .. } => {
                let id = self.held.clone();
                drop(self.secrets.get_mut(&secret).unwrap().tags.insert(tag, id));
            }
            Call::DeleteSecret { secret, .. } => self.secrets.get_mut(&secret).unwrap().going = true,
            Call::DeleteUser { .. } => {
                let user = self.user.take().unwrap();
                assert!(user.keys.is_empty() && user.inline.is_empty() && user.attached.is_empty(), "DeleteConflict");
            }
            other => panic!("not about a user: {other:?}"),
        }
    }

    fn read(&self, want: &Props) -> Props {
        let state = self.user.clone().unwrap();
        let record = state.tags.get(TAG).and_then(|text| Record::read(text));
        let secret = record.as_ref().and_then(|record| self.secrets.get(record.secret.as_ref()?));
        let wanted = want.key.as_ref().map(|key| &key.stages);
        let holds = |stage: &&ObjectName| self.stages.get(*stage) == record.as_ref().map(|record| &record.id);
        let holders = wanted.into_iter().flatten().filter(holds).cloned().collect();
        assemble(state, record.clone(), secret, holders, wanted).unwrap().props
    }

    fn changed(&self, want: &Props) -> Vec<String> {
        diff::<IamUser>(want, &self.read(want)).changes().iter().map(|change| change.field.clone()).collect()
    }

    /// Leads it to what is wanted, and gives the names of the operations.
    fn lead(&mut self, want: &Props) -> Vec<String> {
        let have = self.read(want);
        let changed = diff::<IamUser>(want, &have);
        assert!(!changed.is_empty() && !changed.replaces_object(), "{changed:?}");
        let parts = IamUser::alter(&at(), want, &have, &changed);
        self.run(&parts, usize::MAX);
        assert_eq!(self.changed(want), [""; 0], "after {:?}", told(&parts));
        told(&parts)
    }
}

fn at() -> Address {
    Address::new("iam_user", "x", None).unwrap()
}

fn told(parts: &[Part]) -> Vec<String> {
    let op = |op: &Op| match &op.act {
        Act::Aws(call) => call.operation(),
        Act::Sql(_) => "ALTER STAGE".to_owned(),
        Act::Wait(_) => "wait".to_owned(),
    };
    parts.iter().flat_map(|part| &part.ops).map(op).collect()
}

fn want(toml: &str) -> Props {
    trial::want::<IamUser>(toml, &[])
}

fn created(toml: &str) -> Live {
    let mut live = Live::default();
    live.run(&IamUser::create(&at(), &want(toml)), usize::MAX);
    assert_eq!(live.changed(&want(toml)), [""; 0]);
    live
}

const DELIVERY: [&str; 7] =
    ["CreateSecret", "CreateAccessKey", "ALTER STAGE", "ALTER STAGE", "wait", "PutSecretValue", "RecordAccessKey"];

#[test]
fn the_example_is_sound() {
    assert_eq!(problems::<IamUser>(&example::<IamUser>()), [""; 0]);
}

#[test]
fn every_field_is_found_and_made() {
    let access = "access = [{ bucket = \"data\", allow = [\"list\"] }]";
    let table = [
        (access, "PutUserPolicy", Some("DeleteUserPolicy")),
        ("permissions_boundary = \"arn:aws:iam::111122223333:policy/b\"", "PutUserPermissionsBoundary", None),
        ("managed_policies = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\"]", "AttachUserPolicy", None),
        ("tags = { a = \"b\" }", "TagUser", None),
    ];
    for (toml, there, back) in table {
        let with = format!("{BASE}\n{toml}");
        let mut live = created(BASE);
        assert_eq!(live.lead(&want(&with)), [there], "{toml}");
        match back {
            Some(back) => assert_eq!(live.lead(&want(BASE)), [back], "back from {toml}"),
            None => assert_eq!(live.changed(&want(BASE)), [""; 0], "{toml} leaves the spec and stays"),
        }
        created(&with);
    }
    let live = created(BASE);
    for other in ["name = \"v\"", "name = \"u\"\npath = \"/x/\""] {
        assert!(diff::<IamUser>(&want(other), &live.read(&want(other))).replaces_object());
    }
}

#[test]
fn a_key_is_made_delivered_and_only_then_written_down() {
    let parts = IamUser::create(&at(), &want(KEYED));
    assert_eq!(told(&parts)[1..], DELIVERY);
    let plan = serde_json::to_string(&parts[0].ops).unwrap();
    assert!(!plan.contains("AKIA"), "{plan}");
    let holds: Vec<&str> = parts[0].ops.iter().flat_map(|op| &op.hold).map(|hold| hold.field.as_str()).collect();
    assert_eq!(holds, ["AccessKeyId", "SecretAccessKey"]);
    assert!(parts[0].ops.iter().all(|op| op.learn.is_empty()), "the key is no fact");
    let live = created(KEYED);
    assert_eq!(live.user.unwrap().keys.len(), 1);
}

#[test]
fn every_part_of_the_delivery_asks_for_a_new_key_and_the_old_one_goes_last() {
    for (from, to, field) in [
        ("\"one\"", "\"two\"", "access_key.generation"),
        (", \"D.S.B\"", "", "access_key.stages"),
        (", \"D.S.B\"", ", \"D.S.C\"", "access_key.stages"),
        ("keys/u", "keys/other", "access_key.secret"),
        (", secret = \"keys/u\"", "", "access_key.secret"),
    ] {
        let mut live = created(KEYED);
        let other = want(&KEYED.replace(from, to));
        assert_eq!(live.changed(&other), [field], "{to}");
        let said = IamUser::conflicts(&other, &live.read(&other)).join("");
        assert!(said.contains("AKIA1 is deleted once another is delivered"), "{said}");
        let told = live.lead(&other);
        let recorded = told.iter().position(|op| op == "RecordAccessKey").unwrap();
        assert_eq!(told[recorded + 1], "DeleteAccessKey", "{told:?}");
        assert_eq!(live.user().keys, [KeyId { id: "AKIA2".into(), active: true }]);
        assert_eq!(live.secrets["keys/u"].going, field == "access_key.secret");
    }
}

#[test]
fn wherever_a_run_is_cut_off_the_next_one_brings_a_key_and_leaves_no_other() {
    let (first, second) = (want(KEYED), want(&KEYED.replace("\"one\"", "\"two\"")));
    let creation = IamUser::create(&at(), &first);
    for cut in 1..creation[0].ops.len() {
        let mut live = Live::default();
        live.run(&creation, cut);
        live.lead(&first);
        assert_eq!(live.user().keys.len(), 1, "creation cut at {cut}");
    }
    let base = created(KEYED);
    let have = base.read(&second);
    let rotation = IamUser::alter(&at(), &second, &have, &diff::<IamUser>(&second, &have));
    for cut in 0..rotation[0].ops.len() {
        let mut live = base.clone();
        live.run(&rotation, cut);
        let old = live.user().keys.iter().any(|key| key.id == "AKIA1");
        assert!(old, "the old key lives until the new one is written down: cut at {cut}");
        live.lead(&second);
        assert_eq!(live.user().keys.len(), 1, "rotation cut at {cut}");
    }
}

type Spoil = fn(&mut Live);

#[test]
fn a_key_that_is_gone_off_or_moved_is_found() {
    let keyed = want(KEYED);
    let spoil: [(&str, Spoil); 6] = [
        ("access_key.state", |live| live.user().keys.clear()),
        ("access_key.state", |live| live.user().keys[0].active = false),
        ("access_key.stages", |live| drop(live.stages.remove(&"D.S.A".parse().unwrap()))),
        ("access_key.secret", |live| live.secrets.clear()),
        ("access_key.secret", |live| live.secrets.get_mut("keys/u").unwrap().going = true),
        ("access_key.secret", |live| drop(live.secrets.get_mut("keys/u").unwrap().tags.remove(TAG))),
    ];
    for (at, (field, spoil)) in spoil.into_iter().enumerate() {
        let mut live = created(KEYED);
        spoil(&mut live);
        assert_eq!(live.changed(&keyed), [field], "{at}");
        live.lead(&keyed);
        assert_eq!(live.user().keys.len(), 1, "{at}");
    }
    let mut live = created(KEYED);
    live.user().keys.push(KeyId { id: "AKIAX".into(), active: true });
    assert_eq!(live.lead(&keyed), ["DeleteAccessKey"], "the good key stays");
    assert_eq!(live.user().keys[0].id, "AKIA1");
}

#[test]
fn keys_that_were_there_before_the_user_was_ours_are_left_to_be_seen() {
    let mut live = created(BASE);
    live.user().tags.clear();
    live.user().keys.push(KeyId { id: "AKIAX".into(), active: true });
    let have = live.read(&want(KEYED));
    assert!(IamUser::conflicts(&want(KEYED), &have).join("").contains("AKIAX"));
    let parts = IamUser::alter(&at(), &want(KEYED), &have, &diff::<IamUser>(&want(KEYED), &have));
    assert!(!told(&parts).contains(&"DeleteAccessKey".to_owned()), "{:?}", told(&parts));
    // A user of ours without a key of ours: keys are somebody's business.
    let mut live = created(BASE);
    live.user().keys.push(KeyId { id: "AKIAX".into(), active: true });
    assert_eq!(live.changed(&want(BASE)), [""; 0]);
}

#[test]
fn taking_the_key_away_deletes_it() {
    let mut live = created(KEYED);
    assert_eq!(live.lead(&want(BASE)), ["DeleteAccessKey", "UntagUser", "DeleteSecret"]);
    assert!(live.user().keys.is_empty() && live.secrets["keys/u"].going);
    live.lead(&want(KEYED));
    assert!(!live.secrets["keys/u"].going, "it is restored");
}

#[test]
fn a_new_stage_gets_a_new_key_once() {
    let live = created(KEYED);
    let (keyed, stages) = (want(KEYED), ["D.S.A", "D.S.B"].map(|name| stage(&name.parse().unwrap())));
    let have = live.read(&keyed);
    let ops = IamUser::relinks(&at(), &keyed, &have, &stages, &Diff::default());
    let names = told(&[Part::main(ops)]);
    assert_eq!(names[..7], DELIVERY);
    assert_eq!(names[7..], ["DeleteAccessKey"]);
    let rotated = want(&KEYED.replace("\"one\"", "\"two\""));
    let changed = diff::<IamUser>(&rotated, &live.read(&rotated));
    assert!(IamUser::relinks(&at(), &rotated, &have, &stages, &changed).is_empty(), "the change does it");
    let refs = IamUser::refs(&keyed);
    assert!(stages.iter().all(|id| refs.iter().any(|r| r.to == *id && r.on_replace == OnReplace::Relink)));
}

#[test]
fn everything_comes_off_before_the_user_goes() {
    let mut live = created(&format!("{KEYED}\naccess = [{{ bucket = \"data\", allow = [\"list\"] }}]"));
    live.user().inline.insert("extra".into(), "{}".into());
    live.user().attached.push("arn:aws:iam::aws:policy/ReadOnlyAccess".into());
    live.user().keys.push(KeyId { id: "AKIAX".into(), active: false });
    let have = live.read(&want(KEYED));
    let breaks = IamUser::breaks(&have).join("\n");
    for named in ["AKIA1", "AKIAX", "keys/u", "`extra`", "ReadOnlyAccess"] {
        assert!(breaks.contains(named), "{named}: {breaks}");
    }
    live.run(&IamUser::delete(&have), usize::MAX);
    assert!(live.user.is_none() && live.secrets["keys/u"].going);
}

#[test]
fn a_secret_of_somebody_else_is_never_ours() {
    let mut live = created(KEYED);
    live.secrets.get_mut("keys/u").unwrap().tags.insert("snowssi:address".into(), "iam_user.other".into());
    let have = live.read(&want(KEYED));
    assert_eq!(have.kept.secret, None);
    assert!(!told(&IamUser::delete(&have)).contains(&"DeleteSecret".to_owned()));
}

#[test]
fn the_arn_follows_from_the_name() {
    let entry = trial::entry::<IamUser>(BASE);
    assert_eq!(IamUser::known(&entry.spec, &context()), [("arn", ARN.to_owned())]);
}

#[test]
fn what_is_written_out_is_what_is_there() {
    let rich = "name = \"u\"\npath = \"/x/\"\npermissions_boundary = \"arn:aws:iam::aws:policy/A\"\n\
        managed_policies = [\"arn:aws:iam::aws:policy/B\"]\ntags = { a = \"b\" }\n\
        access = [{ bucket = \"data\", allow = [\"list\"] }]\naccess_key = { secret = \"keys/u\" }";
    for toml in [BASE, rich] {
        let have = created(toml).read(&want(toml));
        let fields: serde_json::Map<String, serde_json::Value> =
            IamUser::export(&have, &context()).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let again = want(&toml::to_string(&fields).unwrap());
        assert_eq!(diff::<IamUser>(&again, &have), Diff::default(), "{fields:?}");
    }
}

#[test]
fn says_what_is_wrong() {
    let table = [
        ("access_key = {}", "access_key: "),
        ("access_key = { secret = \"a b\" }", "access_key.secret"),
        ("access_key = { secret = \"a\", generation = \"a b\" }", "access_key.generation"),
        ("access_key = { secret = \"a\", generation = \"\" }", "access_key.generation"),
        ("path = \"x\"", "path"),
        ("managed_policies = [\"x\"]", "managed_policies"),
        ("statements = [{ Effect = \"Allow\", Action = \"s3:*\" }]", "statements"),
    ];
    for (toml, field) in table {
        let found = problems::<IamUser>(&format!("{BASE}\n{toml}"));
        assert!(found.len() == 1 && found[0].starts_with(field), "{toml}: {found:?}");
    }
}
