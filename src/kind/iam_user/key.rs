//! The access key of a user: where it is brought, what is written down about that, and the operations of a change.
//!
//! IAM tells the secret of a key once, so a key whose delivery was cut off is worth nothing: what was delivered is written down on the user
//! after the delivery and not before, and a key that is not written down is deleted. A new key is made, delivered and written down before the
//! old one is deleted; until then the old one works.

use std::collections::BTreeSet;

use super::spec::AccessKey;
use crate::kind::{Field, show};
use crate::model::mark::{ADDRESS_TAG, STACK_TAG};
use crate::model::{Address, Call, Condition, Held, Mark, ObjectName, Op, Probe, Shown, Tags, Text, Val, Wait};

/// The tag of the user that says which key was delivered, and what for; and that of the secret that says which key is in it.
pub(super) const TAG: &str = "snowssi:access_key";
/// For how many days a secret that is no longer wanted can be restored. The longest there is.
const WINDOW_DAYS: i32 = 30;
/// How long S3 may take to learn of a new key, in seconds. Source: the time Terraform waits for changes of IAM.
const KNOWN_WITHIN: u32 = 120;

/// The access key of a user, as it is wanted or as it was delivered.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Key {
    pub(super) generation: String,
    /// Wanted: where to. Live: those wanted that hold it.
    pub(super) stages: BTreeSet<ObjectName>,
    /// Live: whether it went to stages that are not wanted any more.
    pub(super) elsewhere: bool,
    /// Live: only if it holds the key.
    pub(super) secret: Option<String>,
    pub(super) state: State,
}

/// What has become of the key that was delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Active,
    Inactive,
    Gone,
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Gone => "gone",
        }
    }
}

/// What of a live user belongs to its keys.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Kept {
    /// The ID of the key that was delivered, if it is still there.
    pub(super) delivered: Option<String>,
    /// IDs of other keys.
    pub(super) strays: Vec<String>,
    /// The secret it was delivered to, if there still is one of that name that is ours.
    pub(super) secret: Option<String>,
}

impl Key {
    pub(super) fn wanted(spec: &AccessKey) -> Self {
        let AccessKey { stages, secret, generation } = spec.clone();
        Self { generation, stages, elsewhere: false, secret, state: State::Active }
    }

    /// What is written down behind the ID of the key.
    fn record(&self) -> String {
        let secret = self.secret.iter().map(|name| format!(" {name}"));
        format!("{} {}{}", self.generation, digest(&self.stages), secret.collect::<String>())
    }

    /// One field for each part.
    pub(super) fn fields(&self, strays: &[String]) -> Vec<Field> {
        let Self { generation, stages, elsewhere, secret, state } = self;
        let others = elsewhere.then(|| Val::known("(others)"));
        let stages: Vec<Val> = stages.iter().map(|name| Val::known(name.to_string())).chain(others).collect();
        let state = match strays {
            [] => state.word().to_owned(),
            strays => format!("{}; never delivered: {}", state.word(), strays.join(", ")),
        };
        vec![
            Field::in_place("access_key.generation", Some(generation.as_str())),
            Field::in_place("access_key.stages", (!stages.is_empty()).then_some(Shown::List(stages))),
            Field::in_place("access_key.secret", secret.as_deref()),
            Field::in_place("access_key.state", Some(state)),
            Field::create_only("access_key.key", Some(Shown::Sensitive)),
        ]
    }
}

/// What is written down about a delivered key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) id: String,
    pub(super) generation: String,
    pub(super) digest: String,
    pub(super) secret: Option<String>,
}

impl Record {
    pub(super) fn read(text: &str) -> Option<Self> {
        let mut words = text.split(' ').map(str::to_owned);
        let (id, generation, digest) = (words.next()?, words.next()?, words.next()?);
        Some(Self { id, generation, digest, secret: words.next() })
    }
}

/// Tells one set of stages from another where there is no room for their names.
pub(super) fn digest(stages: &BTreeSet<ObjectName>) -> String {
    let names: Vec<String> = stages.iter().map(ToString::to_string).collect();
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, names.join("\n").as_bytes());
    hash.as_ref().iter().take(6).fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// Whose a secret is.
pub(super) fn owner(mark: &Mark) -> Tags {
    let Mark { stack, address, protect: _ } = mark;
    Tags::from([(STACK_TAG.to_owned(), stack.clone()), (ADDRESS_TAG.to_owned(), address.to_string())])
}

/// The operations by which a user comes to the key that is wanted. Its keys that were never delivered go first, because there is room for
/// two; the one in use goes last.
pub(super) fn bring(at: &Address, user: &str, mark: Option<&Mark>, want: &Key, have: &Kept) -> Vec<Op> {
    let (id, secret) = (Held::new(at, "access_key_id"), Held::new(at, "secret_access_key"));
    let user = || user.to_owned();
    let mut ops: Vec<Op> = have.strays.iter().map(|key| delete(&user(), key)).collect();
    if let Some(name) = &want.secret {
        // Before there is a key: a secret of somebody else's is refused here.
        ops.push(Op::aws(Call::CreateSecret {
            secret: name.clone(),
            description: format!("Access key of the IAM user {}", user()),
            tags: mark.map(owner).unwrap_or_default(),
        }));
    }
    let create = Op::aws(Call::CreateAccessKey { user: user() });
    ops.push(create.holds(id.clone(), "AccessKeyId").holds(secret.clone(), "SecretAccessKey"));
    for stage in &want.stages {
        let text = Text::new("ALTER STAGE").name(stage).word("SET CREDENTIALS = ( AWS_KEY_ID =").held(&id);
        ops.push(Op::sql(text.word("AWS_SECRET_KEY =").held(&secret).word(")")));
    }
    ops.extend(want.stages.first().map(|stage| known(&user(), stage)));
    if let Some(name) = &want.secret {
        let (access_key, secret_key) = (id.clone(), secret);
        ops.push(Op::aws(Call::PutSecretValue { secret: name.clone(), tag: TAG.into(), access_key, secret_key }));
    }
    ops.push(Op::aws(Call::RecordAccessKey { user: user(), tag: TAG.into(), access_key: id, what_for: want.record() }));
    ops.extend(have.delivered.iter().map(|key| delete(&user(), key)));
    ops.extend(have.secret.iter().filter(|name| want.secret.as_ref() != Some(name)).map(|name| forget(name)));
    ops
}

/// The operations that leave no key.
pub(super) fn take_away(user: &str, have: &Kept) -> Vec<Op> {
    let keys = have.strays.iter().chain(&have.delivered).map(|key| delete(user, key));
    let untag = Op::aws(Call::UntagUser { user: user.to_owned(), keys: vec![TAG.into()] });
    keys.chain([untag]).chain(have.secret.iter().map(|name| forget(name))).collect()
}

pub(super) fn delete(user: &str, key: &str) -> Op {
    Op::aws(Call::DeleteAccessKey { user: user.to_owned(), access_key: key.to_owned() })
}

pub(super) fn forget(secret: &str) -> Op {
    Op::aws(Call::DeleteSecret { secret: secret.to_owned(), window_days: WINDOW_DAYS })
}

/// Waits until S3 knows the key: whoever reads the stage next shall not be refused, and the old key must live until then.
fn known(user: &str, stage: &ObjectName) -> Op {
    Op::wait(Wait {
        what: format!("S3 knows the new access key of {user}"),
        probe: Probe::Sql(Text::new("LIST").literal(format!("@{stage}/{}", show::PROBE))),
        until: Condition::KeyIsKnown,
        at_most_seconds: KNOWN_WITHIN,
        diagnosis: vec!["IAM has not spread the news of the key yet: run the same command again".into()],
    })
}
