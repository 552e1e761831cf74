//! Rules over the whole spec that need more than one kind, one file each. They read data (fields, references, gifts), never the insides
//! of a kind, and touch no cloud. What one kind can have wrong by itself is [`crate::kind::Kind::check`].

mod deputy;
mod directory;
mod keys;
mod locations;
mod notification;
mod trust;

use std::collections::BTreeMap;

use crate::kind::{Batch, Cx, Gifts};
use crate::model::{Address, Context, Fact, Facts, LiveId, Shown};
use crate::spec::{Diagnostic, Diagnostics, Model, Severity};

/// Something a rule found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's stable name.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// The entry.
    pub at: Address,
    /// The field; empty for the whole entry.
    pub field: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: String,
}

/// The rules, in the order of the reference.
const RULES: &[fn(&World<'_>) -> Vec<Finding>] =
    &[locations::check, directory::check, trust::check, deputy::check, keys::check, notification::check];

/// What rules look at.
struct World<'a> {
    /// The fields of each entry, as they would be wanted.
    fields: BTreeMap<Address, BTreeMap<String, Shown>>,
    ids: BTreeMap<Address, LiveId>,
    entries: BTreeMap<LiveId, Address>,
    gifts: Gifts,
    facts: Facts,
    context: &'a Context,
}

/// Everything that can be known of a spec without a cloud, beyond that it loads.
pub fn offline(model: &Model, context: &Context) -> Diagnostics {
    let diagnostic = |finding: Finding| {
        let Finding { code, severity, at, field, message, hint } = finding;
        Diagnostic { severity, ..model.diagnostic(code, &at, field, &message, Some(&hint)) }
    };
    model.report(run(&model.batches, context).into_iter().map(diagnostic).collect())
}

/// Runs all rules.
pub fn run(batches: &[Box<dyn Batch>], context: &Context) -> Vec<Finding> {
    let world = World::new(batches, context);
    RULES.iter().flat_map(|rule| rule(&world)).collect()
}

impl<'a> World<'a> {
    fn new(batches: &[Box<dyn Batch>], context: &'a Context) -> Self {
        let mut facts = Facts::default();
        for (at, name, value) in batches.iter().flat_map(|batch| batch.known(context)) {
            facts.learn(Fact::new(&at, name), value);
        }
        let gifts = Gifts::new(batches.iter().flat_map(|batch| batch.gifts(context)).collect(), &facts);
        let cx = Cx { context, facts: &facts, gifts: &gifts };
        let mut fields = BTreeMap::new();
        for (at, list) in batches.iter().flat_map(|batch| batch.fields(cx)) {
            let set = list.into_iter().filter_map(|field| Some((field.name.into_owned(), field.value?)));
            fields.insert(at, set.collect());
        }
        let ids: BTreeMap<Address, LiveId> = batches.iter().flat_map(|batch| batch.ids(context)).collect();
        let entries = ids.iter().map(|(at, id)| (id.clone(), at.clone())).collect();
        Self { fields, ids, entries, gifts, facts, context }
    }

    /// The entries of a kind.
    fn of_kind<'s>(&'s self, kind: &'s str) -> impl Iterator<Item = (&'s Address, &'s BTreeMap<String, Shown>)> {
        self.fields.iter().filter(move |(at, _)| at.kind() == kind)
    }

    /// The entry that declares a live object.
    fn entry(&self, id: &LiveId) -> Option<&Address> {
        self.entries.get(id)
    }
}

/// A field's text, if it is one that is known.
fn text<'f>(fields: &'f BTreeMap<String, Shown>, name: &str) -> Option<&'f str> {
    match fields.get(name)? {
        Shown::Text(value) | Shown::Lines(value) => value.as_known(),
        Shown::Bool(_) | Shown::Int(_) | Shown::List(_) | Shown::Sensitive => None,
    }
}

/// A field's list of texts, as far as they are known.
fn list<'f>(fields: &'f BTreeMap<String, Shown>, name: &str) -> Vec<&'f str> {
    match fields.get(name) {
        Some(Shown::List(values)) => values.iter().filter_map(|value| value.as_known()).collect(),
        _ => Vec::new(),
    }
}
