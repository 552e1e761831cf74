//! What observation found.

use std::collections::BTreeMap;

use super::{Address, LiveId};

/// One declared object, as seen in its cloud. Only [`Seen::Absent`] may lead to a create.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<P> {
    /// It is certain that there is none.
    Absent,
    /// It is there.
    Present(Found<P>),
    /// Nobody can tell with the caller's rights; the text says why.
    Hidden(String),
}

/// A live object.
#[derive(Clone, Debug, PartialEq)]
pub struct Found<P> {
    /// Its canonical properties.
    pub props: P,
    /// The facts it tells, by name.
    pub facts: BTreeMap<&'static str, String>,
}

/// Everything one kind's observation found.
#[derive(Clone, Debug)]
pub struct Observed<P> {
    /// The declared objects; every address asked for has an entry.
    pub declared: BTreeMap<Address, Seen<P>>,
    /// Live objects of this kind that the spec does not declare, as far as bulk reads showed them: those with a mark (orphans of
    /// this stack, or another stack's), and those the kind needs to know to plan safely.
    pub others: BTreeMap<LiveId, Found<P>>,
}

impl<P> Default for Observed<P> {
    fn default() -> Self {
        Self { declared: BTreeMap::new(), others: BTreeMap::new() }
    }
}
