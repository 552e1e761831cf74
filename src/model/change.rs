//! How what is wanted differs from what is there.

use serde::{Deserialize, Serialize};

use super::Val;

/// What a plan does to one object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Nothing.
    Keep,
    /// Creates it.
    Create,
    /// Changes it in place.
    Update,
    /// Takes over an existing object that carries no mark.
    Adopt,
    /// Destroys and creates it anew.
    Replace,
    /// Destroys it.
    Delete,
    /// Takes its mark away and leaves it as it is.
    Forget,
}

/// What a changed field does to its object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// It is altered in place.
    InPlace,
    /// It is altered in place, and data that others may need goes with what was there: a column that is dropped.
    LosesData,
    /// Only a new object can have it.
    Replaces,
}

/// A value as a view shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// A single value; may hold facts that are not known.
    Text(Val),
    /// Lines to be compared as lines: a policy document, a SQL body.
    Lines(Val),
    /// A flag.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A set or list of values.
    List(Vec<Val>),
    /// Known to have changed, not to be shown.
    Sensitive,
}

impl From<bool> for Shown {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}
impl From<i64> for Shown {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<i32> for Shown {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}
impl From<u32> for Shown {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}
impl From<Val> for Shown {
    fn from(value: Val) -> Self {
        Self::Text(value)
    }
}
impl From<String> for Shown {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}
impl From<&str> for Shown {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

/// One field that differs. `None` means that the field is not set on that side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The field's name in the spec, with dots where it is nested.
    pub field: String,
    /// As it is.
    pub before: Option<Shown>,
    /// As it should be.
    pub after: Option<Shown>,
    /// What that means for the object.
    pub effect: Effect,
}

/// The differences of one object, collected field by field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    changes: Vec<Change>,
}

impl Diff {
    /// Notes a field that can be altered in place, if it differs.
    pub fn in_place<T: PartialEq>(&mut self, field: &str, want: &T, have: &T, show: impl Fn(&T) -> Option<Shown>) {
        self.note(field, want, have, show, Effect::InPlace);
    }

    /// Notes a field whose change needs a new object, if it differs.
    pub fn replaces<T: PartialEq>(&mut self, field: &str, want: &T, have: &T, show: impl Fn(&T) -> Option<Shown>) {
        self.note(field, want, have, show, Effect::Replaces);
    }

    /// Notes a field of an object that is about to be created or destroyed, or a difference the kind found itself.
    pub fn push(&mut self, change: Change) {
        self.changes.push(change);
    }

    fn note<T: PartialEq>(
        &mut self,
        field: &str,
        want: &T,
        have: &T,
        show: impl Fn(&T) -> Option<Shown>,
        effect: Effect,
    ) {
        if want != have {
            self.push(Change { field: field.into(), before: show(have), after: show(want), effect });
        }
    }

    /// Whether this field differs, or one nested in it.
    pub fn has(&self, field: &str) -> bool {
        let inside = |name: &str| name.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        self.changes.iter().any(|change| inside(&change.field))
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Whether altering the object destroys data in it.
    pub fn loses_data(&self) -> bool {
        self.changes.iter().any(|change| change.effect == Effect::LosesData)
    }

    /// Weighs every change anew; those without an effect are left out.
    pub fn weigh(&mut self, effect: impl Fn(&Change) -> Option<Effect>) {
        self.changes.retain_mut(|change| {
            let new = effect(change);
            change.effect = new.unwrap_or(change.effect);
            new.is_some()
        });
    }

    /// Whether the object must be replaced.
    pub fn replaces_object(&self) -> bool {
        self.changes.iter().any(|change| change.effect == Effect::Replaces)
    }

    /// The differences, in the order they were noted.
    pub fn changes(&self) -> &[Change] {
        &self.changes
    }

    /// The differences.
    pub fn into_changes(self) -> Vec<Change> {
        self.changes
    }
}
