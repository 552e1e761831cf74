//! What a policy document says, in canonical form.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Name, Who};
use crate::model::{Facts, Val};

/// A policy document. `==` is equality of meaning as far as AWS's own rewriting goes: the order of statements and of values, one value
/// or a list of one, the case of actions and condition keys and the two spellings of an account do not matter; version, ID and statement
/// IDs do. Equal statements count once; others are never joined or split: two documents that allow the same through different statements differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Document {
    /// The language version; it decides whether `${…}` is a variable.
    pub version: Version,
    /// The document's own name.
    pub id: Option<String>,
    statements: Vec<Statement>,
}

impl Document {
    /// A document of the current language version.
    pub fn new(statements: impl IntoIterator<Item = Statement>) -> Self {
        let mut statements: Vec<_> = statements.into_iter().map(Statement::canonical).collect();
        statements.sort();
        statements.dedup();
        Self { version: Version::V2012, id: None, statements }
    }

    /// The statements, in canonical order.
    pub fn statements(&self) -> &[Statement] {
        &self.statements
    }

    /// Whether the document has no statement, so that it says nothing (AWS refuses such a document).
    pub fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// This document with more statements.
    #[must_use]
    pub fn with(self, more: impl IntoIterator<Item = Statement>) -> Self {
        let joined = Self::new(self.statements.into_iter().chain(more));
        Self { version: self.version, id: self.id, ..joined }
    }

    /// Puts in every fact that is known; the others stay.
    #[must_use]
    pub fn resolve(&self, facts: &Facts) -> Self {
        let resolved = Self::new(self.statements.iter().map(|statement| statement.resolve(facts)));
        Self { version: self.version, id: self.id.clone(), ..resolved }
    }
}

/// The version of the policy language. A document without one is read as the old version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// `2008-10-17`: no policy variables.
    V2008,
    /// `2012-10-17`.
    #[default]
    V2012,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::V2008 => "2008-10-17",
            Self::V2012 => "2012-10-17",
        })
    }
}

/// What a statement does to the requests it matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// It allows them, unless something denies them.
    Allow,
    /// It denies them, whatever allows them.
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// A set, or all but a set: `Action` and `NotAction`, and so on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scope<T> {
    /// These.
    Only(T),
    /// All but these.
    AllBut(T),
}

impl<T> Scope<T> {
    /// The set itself.
    pub fn set(&self) -> &T {
        match self {
            Self::Only(set) | Self::AllBut(set) => set,
        }
    }

    /// The same scope over another set.
    pub fn map<U>(&self, change: impl FnOnce(&T) -> U) -> Scope<U> {
        match self {
            Self::Only(set) => Scope::Only(change(set)),
            Self::AllBut(set) => Scope::AllBut(change(set)),
        }
    }
}

/// Whom a statement is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Principals {
    /// `"*"`.
    Anyone,
    /// By type: `AWS`, `Service`, `Federated`, `CanonicalUser`. `{"AWS": "*"}` is kept apart from `"*"`, as AWS keeps it.
    Of(BTreeMap<String, BTreeSet<Who>>),
}

impl Principals {
    /// Principals of type `AWS`.
    pub fn aws(who: impl IntoIterator<Item = Who>) -> Self {
        Self::Of(BTreeMap::from([("AWS".to_owned(), who.into_iter().collect())]))
    }

    /// One AWS service, such as `logging.s3.amazonaws.com`.
    pub fn service(name: &str) -> Self {
        Self::Of(BTreeMap::from([("Service".to_owned(), BTreeSet::from([Who::new(name)]))]))
    }
}

/// Operator to key to values. All operators and keys must hold; one value is enough.
pub type Conditions = BTreeMap<Name, BTreeMap<Name, BTreeSet<Val>>>;

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Statement {
    /// Its name, unique in the document.
    pub sid: Option<String>,
    /// Allow or deny.
    pub effect: Effect,
    /// Whom it is about; absent in policies of an identity.
    pub principals: Option<Scope<Principals>>,
    /// What may be done. A statement without it is accepted by some services and does nothing.
    pub actions: Option<Scope<BTreeSet<Name>>>,
    /// On what; absent in trust policies.
    pub resources: Option<Scope<BTreeSet<Val>>>,
    /// When.
    pub conditions: Conditions,
}

impl Statement {
    /// A statement that allows or denies these actions, without anything else yet.
    pub fn new(effect: Effect, sid: &str, actions: &[&str]) -> Self {
        Self {
            sid: Some(sid.into()),
            effect,
            principals: None,
            actions: Some(Scope::Only(actions.iter().copied().map(Name::from).collect())),
            resources: None,
            conditions: Conditions::new(),
        }
    }

    /// For these principals.
    #[must_use]
    pub fn principals(mut self, principals: Principals) -> Self {
        self.principals = Some(Scope::Only(principals));
        self
    }

    /// On these resources.
    #[must_use]
    pub fn resources(mut self, resources: impl IntoIterator<Item = Val>) -> Self {
        self.resources = Some(Scope::Only(resources.into_iter().collect()));
        self
    }

    /// Only if the key compares with one of the values.
    #[must_use]
    pub fn when(mut self, operator: &str, key: &str, values: impl IntoIterator<Item = Val>) -> Self {
        self.conditions.entry(operator.into()).or_default().insert(key.into(), values.into_iter().collect());
        self
    }

    /// What AWS does not tell apart becomes one form: empty sets of principals, operators without keys, empty statement IDs are absent.
    fn canonical(mut self) -> Self {
        self.sid = self.sid.filter(|sid| !sid.is_empty());
        if let Some(Scope::Only(Principals::Of(types)) | Scope::AllBut(Principals::Of(types))) = &mut self.principals {
            types.retain(|_, who| !who.is_empty());
            if types.is_empty() {
                self.principals = None;
            }
        }
        self.conditions.retain(|_, keys| !keys.is_empty());
        self
    }

    fn resolve(&self, facts: &Facts) -> Self {
        let vals = |set: &BTreeSet<Val>| set.iter().map(|val| val.resolve(facts)).collect::<BTreeSet<_>>();
        let principals = |principals: &Principals| match principals {
            Principals::Anyone => Principals::Anyone,
            Principals::Of(types) => Principals::Of(
                types
                    .iter()
                    .map(|(kind, who)| (kind.clone(), who.iter().map(|who| who.resolve(facts)).collect()))
                    .collect(),
            ),
        };
        Self {
            sid: self.sid.clone(),
            effect: self.effect,
            principals: self.principals.as_ref().map(|scope| scope.map(principals)),
            actions: self.actions.clone(),
            resources: self.resources.as_ref().map(|scope| scope.map(vals)),
            conditions: self
                .conditions
                .iter()
                .map(|(operator, keys)| {
                    (operator.clone(), keys.iter().map(|(key, values)| (key.clone(), vals(values))).collect())
                })
                .collect(),
        }
    }
}
