//! What the kinds of objects are, one file each, and the contract they keep.
//!
//! A kind is handed names and a [`Cloud`] to read from, or plain values; it returns values. It cannot call the planner, the executor or another
//! kind. What two kinds must know of each other goes through [`LiveId`]s, facts and [`Gift`]s, which are data.
//!
//! Adding a kind: its file, one line here in [`all`], its statements in the simulator, one case directory.

pub mod access;
pub mod alert;
pub mod batch;
pub mod bucket;
pub(crate) mod code;
pub mod container;
pub mod database;
pub mod database_role;
mod export;
pub mod external_volume;
pub mod file_format;
mod gifts;
pub mod grant;
pub mod iam_policy;
pub mod iam_role;
pub mod iam_user;
pub mod kms_key;
mod membership;
pub mod notification_integration;
pub mod part;
pub mod pipe;
pub mod qualified;
pub mod reference;
pub mod resource_monitor;
pub mod role;
pub mod schedule;
pub mod schema;
pub mod setting;
pub mod show;
pub mod sns_topic;
pub mod stage;
pub mod storage_integration;
pub mod stream;
pub mod table;
pub mod tag;
pub mod task;
#[cfg(test)]
mod trial;
pub mod view;
pub mod warehouse;
pub mod words;

#[cfg(test)]
pub(crate) mod aws_trial;
pub(crate) mod iam;
pub(crate) mod statements;
pub(crate) mod tags;

pub use batch::{AnyKind, Batch, Decoded, Draft, Forced, LiveBatch, Meta, Other, Typed, Unit};
pub use gifts::Gifts;
pub use part::{Class, Dep, Field, Gift, MAIN, OnReplace, Part, Ref};

use std::fmt::Debug;
use std::future::Future;

use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use crate::cloud::{Cloud, CloudError};
use crate::model::{Address, Change, Context, Effect, Facts, LiveId, Mark, Observed, Op};

/// Every kind, in the order of the reference.
pub fn all() -> &'static [&'static dyn AnyKind] {
    &[
        &Typed::<bucket::Bucket>::NEW,
        &Typed::<kms_key::KmsKey>::NEW,
        &Typed::<sns_topic::SnsTopic>::NEW,
        &Typed::<iam_policy::IamPolicy>::NEW,
        &Typed::<iam_role::IamRole>::NEW,
        &Typed::<iam_user::IamUser>::NEW,
        &Typed::<storage_integration::StorageIntegration>::NEW,
        &Typed::<notification_integration::NotificationIntegration>::NEW,
        &Typed::<external_volume::ExternalVolume>::NEW,
        &Typed::<database::Database>::NEW,
        &Typed::<schema::Schema>::NEW,
        &Typed::<resource_monitor::ResourceMonitor>::NEW,
        &Typed::<warehouse::Warehouse>::NEW,
        &Typed::<file_format::FileFormat>::NEW,
        &Typed::<stage::Stage>::NEW,
        &Typed::<table::Table>::NEW,
        &Typed::<view::View>::NEW,
        &Typed::<tag::Tag>::NEW,
        &Typed::<pipe::Pipe>::NEW,
        &Typed::<stream::Stream>::NEW,
        &Typed::<task::Task>::NEW,
        &Typed::<grant::Grant>::NEW,
        &Typed::<role::Role>::NEW,
        &Typed::<database_role::DatabaseRole>::NEW,
        &Typed::<alert::Alert>::NEW,
    ]
}

/// The kind of this name.
pub fn by_name(name: &str) -> Option<&'static dyn AnyKind> {
    all().iter().copied().find(|kind| kind.name() == name)
}

/// Which cloud a kind lives in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Amazon Web Services.
    Aws,
    /// Snowflake.
    Snowflake,
}

/// How templates may refer to an entry of a kind: `{{ stage.inbound.fqn }}`.
#[derive(Clone, Copy, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// What it is, for the reference.
    pub about: &'static str,
    /// Where it comes from.
    pub from: Source,
}

/// Computes an attribute from other fields, which it asks for by name.
pub type Compute = fn(&dyn Fn(&str) -> Option<String>) -> Result<String, String>;

/// Where an attribute comes from.
#[derive(Clone, Copy, Debug)]
pub enum Source {
    /// A field of the entry, as written.
    Field(&'static str),
    /// Computed from fields of the entry alone. The function may ask for other fields by name; it gets `None` for absent ones.
    Computed(Compute),
    /// A fact: known from names and identities ([`Kind::known`]) or told by the live object.
    Fact,
}

/// Fields of an entry as a spec writes them, in the order in which they are written.
pub type Fields = Vec<(&'static str, serde_json::Value)>;

/// One entry of a kind, decoded.
#[derive(Clone, Debug)]
pub struct Entry<S> {
    /// Where it stands.
    pub at: Address,
    /// The mark its live object carries, or shall carry.
    pub mark: Mark,
    /// What the spec says.
    pub spec: S,
}

/// What a kind may use to work out what is wanted.
#[derive(Clone, Copy, Debug)]
pub struct Cx<'a> {
    /// Who we are.
    pub context: &'a Context,
    /// What is known.
    pub facts: &'a Facts,
    /// What entries told about themselves for the sake of others.
    pub gifts: &'a Gifts,
}

/// A problem of one entry that its kind found without any cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The field it is about, with dots where it is nested; empty for the whole entry.
    pub field: String,
    /// What is wrong, a sentence without a period.
    pub message: String,
    /// What to do, an imperative.
    pub hint: Option<String>,
}

impl Problem {
    /// A problem of a field.
    pub fn new(field: &str, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), hint: None }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The contract one kind keeps in its one file. The essential methods have no defaults.
///
/// Laws, tested for every kind: `want` and `observe` give canonical values; what is observed after `create` equals what was wanted; the
/// diff of a value with itself is empty; each field changed alone is found and `alter` makes it so; after `delete` it is absent; only
/// `observe` does I/O; no operation holds a secret in clear.
pub trait Kind: Sized + Send + Sync + 'static {
    /// The kind's name in specs: `stage`.
    const NAME: &'static str;
    /// Which cloud it lives in.
    const SIDE: Side;
    /// Whether its objects are protected unless the spec says otherwise: those that hold data.
    const PROTECTED: bool = false;
    /// Whether its objects carry a mark. Those that cannot belong to whoever declares them: they need no adoption, and what leaves the spec is not found.
    const MARKED: bool = true;
    /// One sentence about it, for the reference.
    const ABOUT: &'static str;
    /// A minimal spec that needs nothing else in TOML; planned and applied by a test.
    const EXAMPLE: &'static str;

    /// The entry as it is written: serde with `deny_unknown_fields`, a doc comment on each field (it becomes the reference). The keys
    /// `for_each`, `depends_on`, `protect` and `adopt` are not part of it.
    type Spec: DeserializeOwned + JsonSchema + Clone + Debug + Send + Sync;
    /// The canonical properties, wanted and live alike. Normalisation happens while it is built, never when it is compared.
    type Props: Clone + PartialEq + Debug + Send + Sync;

    /// What templates may refer to.
    fn attributes() -> &'static [Attribute];

    /// What the live object is called.
    fn id(spec: &Self::Spec, context: &Context) -> LiveId;

    /// What one entry alone can have wrong, found offline.
    fn check(spec: &Self::Spec) -> Vec<Problem>;

    /// What entries of this kind can have wrong together, found offline: the rules of a task graph.
    fn check_together(_entries: &[Entry<Self::Spec>]) -> Vec<(Address, Problem)> {
        Vec::new()
    }

    /// Facts that follow from names and identities alone, such as the ARN of a role; known even before the object exists.
    fn known(_spec: &Self::Spec, _context: &Context) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// What this entry tells about itself for the sake of others. Facts in it may be unknown.
    fn gifts(_entry: &Entry<Self::Spec>, _context: &Context) -> Vec<Gift> {
        Vec::new()
    }

    /// The canonical wanted properties; facts that are not known stay as holes.
    fn want(entry: &Entry<Self::Spec>, cx: Cx<'_>) -> Self::Props;

    /// Every property as a field of the spec, in the order of the reference. Destructure the properties in full.
    fn fields(props: &Self::Props) -> Vec<Field>;

    /// What a difference means where that depends on both sides: a longer text column is altered, a shorter one needs a new table. `None`
    /// if it does not count after all. By default the field's class decides.
    fn effect(_want: &Self::Props, _have: &Self::Props, change: &Change) -> Option<Effect> {
        Some(change.effect)
    }

    /// The mark a live object carries.
    fn mark(props: &Self::Props) -> Option<&Mark>;

    /// Sets or takes away the mark, as [`Kind::mark`] tells it. Without one, [`Kind::alter`] removes it from the live object, which is then forgotten.
    fn set_mark(props: &mut Self::Props, mark: Option<Mark>);

    /// What the cloud demands to exist before it (and to go after it).
    fn refs(props: &Self::Props) -> Vec<Ref>;

    /// Reads all entries, and what else bulk reads show, at once.
    fn observe(
        entries: &[Entry<Self::Spec>],
        cloud: &Cloud,
        context: &Context,
    ) -> impl Future<Output = Result<Observed<Self::Props>, CloudError>> + Send;

    /// Operations that create it.
    fn create(at: &Address, want: &Self::Props) -> Vec<Part>;

    /// Operations that make the changed fields so; `changed.has("comment")` tells which.
    fn alter(at: &Address, want: &Self::Props, have: &Self::Props, changed: &crate::model::Diff) -> Vec<Part>;

    /// Operations that destroy it.
    fn delete(have: &Self::Props) -> Vec<Part>;

    /// Parts that follow when something else changes, even if this object itself is kept: they run only if one of their `triggers` is in
    /// the plan.
    fn follow_ups(_at: &Address, _want: &Self::Props) -> Vec<Part> {
        Vec::new()
    }

    /// Operations that restore the link to an object that is replaced under the same name ([`OnReplace::Relink`]).
    fn relink(_at: &Address, _want: &Self::Props, _to: &LiveId) -> Vec<Op> {
        Vec::new()
    }

    /// [`Kind::relink`] of all objects at once that are replaced under their names, for kinds that need to know the live object, or what is
    /// altered anyway.
    fn relinks(
        at: &Address,
        want: &Self::Props,
        _have: &Self::Props,
        to: &[LiveId],
        _changed: &crate::model::Diff,
    ) -> Vec<Op> {
        to.iter().flat_map(|to| Self::relink(at, want, to)).collect()
    }

    /// What stops working while or after this object is replaced or destroyed, for the plan to say.
    fn breaks(_have: &Self::Props) -> Vec<String> {
        Vec::new()
    }

    /// What of the live object, not ours to change, stands in the way of what is wanted, for the plan to say beside [`Kind::breaks`]: a
    /// notification of somebody else that S3 would refuse beside ours.
    fn conflicts(_want: &Self::Props, _have: &Self::Props) -> Vec<String> {
        Vec::new()
    }

    /// The entry that would manage the live object of this name, for `import`: the fields that name it, and anything valid for those an entry
    /// cannot do without. Names are written as the spec writes them: `DB.S.LANDING`, a bucket's name, a role's name, a key's alias.
    ///
    /// # Errors
    /// Why this cannot be the name of such an object, as a sentence without a period.
    fn named(name: &str, context: &Context) -> Result<Fields, String>;

    /// A live object as the entry a person would write, for `import`: every field that matters, in the order of the reference, without those
    /// that are as they would be anyway. What other entries tell (a trust policy, a notification) is not part of it.
    fn export(have: &Self::Props, context: &Context) -> Fields;

    /// [`Kind::export`] beside other entries: what they tell (whom a role trusts, whose logs a bucket takes) is left out, because it follows.
    ///
    /// # Errors
    /// Why no entry could manage this object as it is, as a sentence without a period.
    fn export_among(have: &Self::Props, cx: Cx<'_>) -> Result<Fields, String> {
        Ok(Self::export(have, cx.context))
    }

    /// A reason why a live object cannot be kept although its properties are as wanted (a stale stream, a source that is gone).
    fn broken(_have: &Self::Props) -> Option<String> {
        None
    }

    /// Puts the parts of all objects of this kind together into units that run as one. By default every part runs for itself.
    ///
    /// `others` are all other live objects of this kind that were read: the undeclared ones, and the declared ones that are kept.
    fn weave(drafts: Vec<Drafted<'_, Self::Props>>, _others: &[(&LiveId, &Self::Props)]) -> Vec<Unit> {
        drafts.into_iter().flat_map(|draft| batch::separate(draft.at, draft.id, draft.parts)).collect()
    }
}

/// One object of a kind with what is planned for it, for [`Kind::weave`].
#[derive(Debug)]
pub struct Drafted<'a, P> {
    /// The entry, or for an orphan the address in its mark.
    pub at: &'a Address,
    /// The live object.
    pub id: &'a LiveId,
    /// What is wanted; absent for a deletion.
    pub want: Option<&'a P>,
    /// What is there; absent for a creation.
    pub have: Option<&'a P>,
    /// What is planned.
    pub parts: Vec<Part>,
}
