//! The data kinds answer with: fields, references, gifts to other kinds, and parts of work.

use std::borrow::Cow;

use crate::model::{BucketName, Effect, LiveId, Op, Shown, Val};

/// The part that creates, alters or destroys the object itself.
pub const MAIN: &str = "";

/// One property, as a field of the spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its name in the spec, with dots where it is nested.
    pub name: Cow<'static, str>,
    /// Its value; `None` where it is not set.
    pub value: Option<Shown>,
    /// How it is compared.
    pub class: Class,
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Any difference is altered in place.
    InPlace,
    /// Any difference needs a new object.
    Replaces,
    /// Altered in place where the spec sets it; left alone where the spec is silent.
    InPlaceIfSet,
    /// Needs a new object where the spec sets it; left alone where the spec is silent.
    ReplacesIfSet,
    /// Cannot be read back, or has no meaning after creation: shown when the object is created, never compared.
    CreateOnly,
}

impl Class {
    /// What a difference means, if it counts.
    pub fn effect(self, wanted: bool) -> Option<Effect> {
        match self {
            Self::InPlace => Some(Effect::InPlace),
            Self::Replaces => Some(Effect::Replaces),
            Self::InPlaceIfSet => wanted.then_some(Effect::InPlace),
            Self::ReplacesIfSet => wanted.then_some(Effect::Replaces),
            Self::CreateOnly => None,
        }
    }
}

impl Field {
    /// A field that is altered in place.
    pub fn in_place(name: impl Into<Cow<'static, str>>, value: Option<impl Into<Shown>>) -> Self {
        Self { name: name.into(), value: value.map(Into::into), class: Class::InPlace }
    }

    /// A field whose change needs a new object.
    pub fn replaces(name: impl Into<Cow<'static, str>>, value: Option<impl Into<Shown>>) -> Self {
        Self { name: name.into(), value: value.map(Into::into), class: Class::Replaces }
    }

    /// A field that is altered in place if the spec sets it.
    pub fn in_place_if_set(name: impl Into<Cow<'static, str>>, value: Option<impl Into<Shown>>) -> Self {
        Self { name: name.into(), value: value.map(Into::into), class: Class::InPlaceIfSet }
    }

    /// A field whose change needs a new object if the spec sets it.
    pub fn replaces_if_set(name: impl Into<Cow<'static, str>>, value: Option<impl Into<Shown>>) -> Self {
        Self { name: name.into(), value: value.map(Into::into), class: Class::ReplacesIfSet }
    }

    /// A field that is never compared.
    pub fn create_only(name: impl Into<Cow<'static, str>>, value: Option<impl Into<Shown>>) -> Self {
        Self { name: name.into(), value: value.map(Into::into), class: Class::CreateOnly }
    }
}

/// Something the cloud demands to exist before an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ref {
    /// What.
    pub to: LiveId,
    /// Why, for the plan to say: `its database`, `the integration it uses`.
    pub why: &'static str,
    /// What its replacement means.
    pub on_replace: OnReplace,
}

/// What the replacement of a referenced object means for the one that refers to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnReplace {
    /// Nothing: the link is by name.
    Nothing,
    /// The link must be set again ([`super::Kind::relink`]).
    Relink,
    /// It is bound to the old object and must be replaced too.
    Replace,
}

/// What one entry tells about itself for the sake of others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Gift {
    /// Whoever is `principal`, with this external ID, assumes `role`. Told by integrations, taken by the role for its trust policy.
    Trust {
        /// The ARN of the role.
        role: Val,
        /// The IAM user on Snowflake's side.
        principal: Val,
        /// The external ID Snowflake sends.
        external_id: Val,
    },
    /// A queue wants to hear of objects in a bucket. Told by auto-refreshed stages (and pipes), taken by the bucket.
    Notify {
        /// The bucket.
        bucket: BucketName,
        /// Keys it is about; empty for all.
        prefix: String,
        /// The queue's ARN.
        queue: Val,
        /// Such as `s3:ObjectCreated:*`.
        events: Vec<String>,
    },
    /// The files of a stage lie here. Told by stages on S3, for pipes.
    Located {
        /// The stage.
        stage: LiveId,
        /// The bucket.
        bucket: BucketName,
        /// Begins the keys of its files; empty for all.
        prefix: String,
    },
    /// A queue wants to hear of new objects below a path of a stage. Told by pipes; becomes [`Gift::Notify`] where the stage tells where it lies.
    Ingests {
        /// The stage.
        stage: LiveId,
        /// The path under it.
        path: String,
        /// The queue's ARN.
        queue: Val,
    },
    /// A bucket is encrypted with this key. Told by the bucket, taken by roles that are given access to it.
    Encrypted {
        /// The bucket.
        bucket: BucketName,
        /// The key's ARN.
        key: Val,
    },
    /// A topic is encrypted with this key. Told by the topic, taken by roles that may publish to it.
    EncryptedTopic {
        /// The topic's ARN as templates give it.
        topic: Val,
        /// The same as a text.
        arn: String,
        /// The key's ARN.
        key: Val,
    },
    /// An alarm is told to a topic. Told by the alarm, taken by the topic for its policy.
    Publishes {
        /// The topic's ARN.
        topic: Val,
        /// The alarm's ARN.
        alarm: String,
    },
    /// A bucket's access is logged into another. Told by the bucket, taken by the other for its policy: S3 delivers nothing where that
    /// does not allow it, and says nothing. Source: Amazon S3 user guide, "Enabling Amazon S3 server access logging".
    Logs {
        /// The bucket the logs go to.
        bucket: BucketName,
        /// Begins the keys of the logs.
        prefix: String,
        /// The bucket whose access is logged.
        of: BucketName,
    },
    /// An entry declares this object. Told by the planner about every entry, for kinds that speak of all objects of a sort.
    Declared {
        /// The object.
        id: LiveId,
    },
    /// Something reads a stage's directory, so it must be there before the directory is filled. Told by streams, taken by the stage.
    Watches {
        /// The stage.
        stage: LiveId,
        /// What reads it.
        by: LiveId,
    },
    /// Whoever makes an access key brings it to a stage. Told by users, taken by the stage: its directory is filled after that.
    Delivers {
        /// The stage.
        stage: LiveId,
        /// The user whose key it is.
        by: LiveId,
    },
}

/// Part of the work on one object: operations that run one after the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// [`MAIN`], or a name such as `notification`, `ready`, `refresh`.
    pub name: &'static str,
    /// What to do.
    pub ops: Vec<Op>,
    /// Runs after these, where they are in the plan. References and facts are added by the planner.
    pub after: Vec<Dep>,
    /// For [`super::Kind::follow_ups`]: runs only if one of these is in the plan.
    pub triggers: Vec<Dep>,
}

/// A part of an object's work, as another part refers to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Dep {
    /// The object.
    pub of: LiveId,
    /// The part.
    pub part: &'static str,
}

impl Dep {
    /// A part of an object.
    pub fn new(of: LiveId, part: &'static str) -> Self {
        Self { of, part }
    }
}

impl Part {
    /// The main part.
    pub fn main(ops: Vec<Op>) -> Self {
        Self::named(MAIN, ops)
    }

    /// A part with a name.
    pub fn named(name: &'static str, ops: Vec<Op>) -> Self {
        Self { name, ops, after: Vec::new(), triggers: Vec::new() }
    }

    /// Runs after these.
    #[must_use]
    pub fn after(mut self, deps: impl IntoIterator<Item = Dep>) -> Self {
        self.after.extend(deps);
        self
    }

    /// Runs only if one of these is in the plan, and after them.
    #[must_use]
    pub fn triggered_by(mut self, deps: impl IntoIterator<Item = Dep>) -> Self {
        self.triggers.extend(deps);
        self
    }
}
