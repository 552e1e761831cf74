//! What was applied can be imported: it is read by its name alone, written as a spec, and that spec changes nothing.

use serde_json::Value as Json;
use snowssi::import::{Read, Wish};
use snowssi::kind;
use snowssi::model::Address;
use snowssi::observe::Live;
use snowssi::spec::Model;
use toml::{Table, Value};

use super::Contract;
use crate::world::World;

/// The spec that reading everything by its name gives.
///
/// # Errors
/// What cannot be read.
pub(super) fn spec(world: &World, contract: &Contract, from: &Table, model: &Model) -> Result<String, String> {
    let (cloud, context) = world.open(model);
    let ids = model.batches.iter().flat_map(|batch| batch.ids(&context));
    // One more of an entry is told as little as the entry itself.
    let of = |at: &Address, whole: &Address| {
        let rest = at.label().strip_prefix(whole.label()).filter(|_| at.kind() == whole.kind());
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_'))
    };
    let (untold, told): (Vec<_>, Vec<_>) = ids.partition(|(at, _)| contract.untold.keys().any(|whole| of(at, whole)));
    let wishes: Vec<Wish> = told.into_iter().map(|(at, id)| Wish { at, name: id.name }).collect();
    let nothing = Live { batches: Vec::new() };
    let read = world.wait(snowssi::import::read(&wishes, &nothing, &cloud, &context));
    let (read, refused) = read.map_err(|errors| format!("{errors:?}"))?;
    if !refused.is_empty() {
        return Err(format!("{refused:?}"));
    }
    let mut spec: Table = from.clone();
    spec.retain(|section, _| kind::by_name(section).is_none());
    for (at, _) in &untold {
        let entry = from[at.kind()][at.label()].clone();
        let entries = spec.entry(at.kind()).or_insert_with(|| Value::Table(Table::new()));
        entries.as_table_mut().unwrap().insert(at.label().to_owned(), entry);
    }
    for one in read {
        let entries = spec.entry(one.at.kind()).or_insert_with(|| Value::Table(Table::new()));
        entries.as_table_mut().unwrap().insert(one.at.label().to_owned(), Value::Table(entry(&one)));
    }
    Ok(toml::to_string(&spec).unwrap())
}

fn entry(one: &Read) -> Table {
    let mut table: Table = one.fields.iter().map(|(name, value)| ((*name).to_owned(), plain(value))).collect();
    if let Some(mark) = &one.mark {
        table.insert("protect".into(), Value::Boolean(mark.protect));
    }
    table
}

/// The value in TOML, with nothing in it that a template would read.
fn plain(value: &Json) -> Value {
    match value {
        Json::String(text) => Value::String(text.replace("{{", "{{ '{{' }}")),
        Json::Array(items) => Value::Array(items.iter().map(plain).collect()),
        Json::Object(fields) => Value::Table(fields.iter().map(|(name, value)| (name.clone(), plain(value))).collect()),
        other => Value::try_from(other).unwrap(),
    }
}
