//! Contracts as they are written.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer};
use snowssi::model::{Address, Call};
use toml::{Table, Value};

/// The contract of a kind.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Contract {
    /// The entry that is changed where a change names no other.
    pub(super) subject: Address,
    /// Statements that make what the spec leans on and does not declare.
    #[serde(default)]
    pub(super) prepare: Vec<String>,
    /// Calls that do the same in AWS.
    #[serde(default)]
    pub(super) prepare_calls: Vec<Call>,
    /// Whether the spec holds a secret, which then must be sent once at least.
    #[serde(default)]
    pub(super) secret: bool,
    /// Entries whose objects the cloud does not tell in full, so that an import cannot be the same, and what it does not tell.
    #[serde(default)]
    pub(super) untold: BTreeMap<Address, String>,
    /// Fields that say which object it is: with another value it is another object, and the old one stays.
    #[serde(default)]
    pub(super) identity: BTreeSet<String>,
    /// How many other objects can be beside those of the spec.
    #[serde(default = "any")]
    pub(super) most: usize,
    /// The spec.
    pub(super) spec: Table,
    /// Single changes.
    pub(super) change: Vec<FieldChange>,
    /// Changes behind the program's back.
    #[serde(default)]
    pub(super) drift: Vec<Drift>,
}

/// One field is changed, and changed back.
#[derive(Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a data file")]
#[serde(deny_unknown_fields)]
pub(super) struct FieldChange {
    /// The entry, if it is not the subject.
    pub(super) at: Option<Address>,
    /// The field, with dots where it is nested and numbers where it is in a list.
    pub(super) field: String,
    /// Its other value; without one the field is taken out.
    pub(super) value: Option<Value>,
    /// The names under which the plan shows it, if they are others.
    #[serde(default, deserialize_with = "one_or_more")]
    pub(super) shown: Option<BTreeSet<String>>,
    /// The names under which the plan shows changing it back, if they are others again.
    #[serde(default, deserialize_with = "one_or_more")]
    pub(super) shown_back: Option<BTreeSet<String>>,
    /// The entry whose object the plan changes, if it is another.
    pub(super) seen_at: Option<Address>,
    /// Whether the object must be replaced.
    #[serde(default)]
    pub(super) replaces: bool,
    /// Whether the object must be replaced to change it back.
    #[serde(default)]
    pub(super) replaces_back: bool,
    /// Whether the object, once replaced, is altered in place to change it back.
    #[serde(default)]
    pub(super) altered_back: bool,
    /// Whether the change is none: the field is never compared, or says that something is left alone.
    #[serde(default)]
    pub(super) ignored: bool,
    /// Whether changing it back is none: the field says that something is left alone.
    #[serde(default)]
    pub(super) stays: bool,
    /// What the program says where it cannot make the change.
    pub(super) refused: Option<String>,
    /// Why no other object is created with it.
    pub(super) uncreated: Option<String>,
    /// Why the change is only planned: the embedded clouds do not have what it names.
    pub(super) untried: Option<String>,
    /// Entries whose objects change with it.
    #[serde(default)]
    pub(super) along: Vec<Address>,
    /// Entries whose objects change with changing it back, if they are others.
    pub(super) along_back: Option<Vec<Address>>,
    /// Fields that change along, in the same edit.
    #[serde(default)]
    pub(super) also: Table,
    /// Fields that are taken out in the same edit.
    #[serde(default)]
    pub(super) without: Vec<String>,
}

/// Something is changed behind the program's back.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drift {
    /// The entry, if it is not the subject.
    pub(super) at: Option<Address>,
    /// The field that the plan finds.
    pub(super) field: String,
    /// Fields it finds with it.
    #[serde(default)]
    pub(super) also: BTreeSet<String>,
    /// Whether the object must be replaced.
    #[serde(default)]
    pub(super) replaces: bool,
    /// Entries whose objects change with it.
    #[serde(default)]
    pub(super) along: Vec<Address>,
    /// Statements that change it.
    #[serde(default)]
    pub(super) sql: Vec<String>,
    /// Calls that change it.
    #[serde(default)]
    pub(super) call: Vec<Call>,
}

fn any() -> usize {
    usize::MAX
}

fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Option<BTreeSet<String>>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        One(String),
        More(BTreeSet<String>),
    }
    Ok(Some(match Names::deserialize(from)? {
        Names::One(name) => BTreeSet::from([name]),
        Names::More(names) => names,
    }))
}

impl FieldChange {
    /// The entry that is edited.
    pub(super) fn at<'a>(&'a self, contract: &'a Contract) -> &'a Address {
        self.at.as_ref().unwrap_or(&contract.subject)
    }

    /// The entry whose object the plan changes.
    pub(super) fn seen_at(&self, contract: &Contract) -> Address {
        self.seen_at.as_ref().unwrap_or(self.at(contract)).clone()
    }

    /// The names under which the plan shows the change.
    pub(super) fn shown(&self) -> BTreeSet<String> {
        let also = self.also.keys().chain(&self.without).cloned();
        // What is in a list is shown with the whole list.
        let up_to_list = |field: &str| {
            let names: Vec<&str> = field.split('.').take_while(|name| name.parse::<usize>().is_err()).collect();
            names.join(".")
        };
        self.shown.clone().unwrap_or_else(|| also.chain([up_to_list(&self.field)]).collect())
    }

    /// The names under which the plan shows changing it back.
    pub(super) fn shown_back(&self) -> BTreeSet<String> {
        self.shown_back.clone().unwrap_or_else(|| self.shown())
    }

    /// What the change is called in failures.
    pub(super) fn label(&self, contract: &Contract) -> String {
        let value = self.value.as_ref().map_or_else(|| "nothing".to_owned(), ToString::to_string);
        format!("{}.{} to {value}", self.at(contract), self.field)
    }
}

/// The spec with one field changed.
pub(super) fn edit(contract: &Contract, change: &FieldChange) -> Table {
    let mut spec = contract.spec.clone();
    let at = change.at(contract);
    let entry = &mut spec[at.kind()][at.label()];
    set(entry, &change.field, change.value.clone());
    for (field, value) in &change.also {
        set(entry, field, Some(value.clone()));
    }
    for field in &change.without {
        set(entry, field, None);
    }
    spec
}

/// The spec with one entry more for each change, as the changed one is but for its name; several specs where they do not fit in one.
pub(super) fn with_others(contract: &Contract) -> Vec<Table> {
    let kind = contract.subject.kind();
    let possible = |change: &&FieldChange| {
        let tried = change.untried.is_none() && change.refused.is_none() && change.uncreated.is_none();
        // What has no name of its own has no others beside it.
        let named = |at: Address| {
            let entry = contract.spec.get(kind).and_then(|entries| entries.get(at.label()));
            entry.is_some_and(|entry| entry.get("name").or_else(|| entry.get("alias")).is_some())
        };
        let at = change.at(contract);
        tried && at.kind() == kind && named(at.clone()) && !["name", "alias"].contains(&change.field.as_str())
    };
    let mut others = contract.change.iter().filter(possible).zip(1..).map(|(change, number)| {
        let label = change.at(contract).label();
        let mut entry = edit(contract, change)[kind][label].clone();
        let name = entry.get_mut(if kind == "kms_key" { "alias" } else { "name" }).unwrap();
        let own = name.as_str().unwrap();
        let between = if own.contains(char::is_uppercase) { "_" } else { "-" };
        *name = Value::String(format!("{own}{between}{number}"));
        (format!("{label}_{number}"), entry)
    });
    let mut specs = Vec::new();
    loop {
        let some: Vec<(String, Value)> = others.by_ref().take(contract.most).collect();
        if some.is_empty() {
            return specs;
        }
        let mut spec = contract.spec.clone();
        spec[kind].as_table_mut().unwrap().extend(some);
        specs.push(spec);
    }
}

fn set(inside: &mut Value, field: &str, value: Option<Value>) {
    let (first, rest) = field.split_once('.').map_or((field, None), |(first, rest)| (first, Some(rest)));
    match (inside, rest) {
        (Value::Array(items), Some(rest)) => set(&mut items[first.parse::<usize>().unwrap()], rest, value),
        (Value::Table(table), Some(rest)) => {
            set(table.entry(first).or_insert_with(|| Value::Table(Table::new())), rest, value);
        }
        (Value::Table(table), None) => match value {
            Some(value) => drop(table.insert(first.to_owned(), value)),
            None => drop(table.remove(first).unwrap_or_else(|| panic!("there is no {field} to take out"))),
        },
        (inside, _) => panic!("there is no {field} in {inside}"),
    }
}
