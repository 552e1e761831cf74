//! `[data.KIND.LABEL]`: objects that belong to others and are only looked up. They are named as `snowssi import` names them, read with everything else,
//! and never changed.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::diagnostic::Diagnostic;
use super::shape::Shape;
use super::source::Location;
use super::world::{Attribute, Frame, Poisoned, Slot, World};
use super::{decode, suggest};
use crate::kind::Source;
use crate::model::val::token;
use crate::model::{Address, Context, Fact};

/// `[data.KIND.LABEL]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Lookup {
    /// The object's name in its cloud: `DATABASE.SCHEMA.NAME`, a bucket's name, a role's name, a key's alias.
    pub(super) name: String,
}

/// Fields that are part of a name. The others of an entry are made up until the object has been read.
const NAMING: [&str; 5] = ["name", "schema", "database", "alias", "path"];

/// The fields that name the object, and those that an entry cannot do without.
pub(super) fn fields(world: &Arc<World>, at: &Address) -> Result<Json, Poisoned> {
    let item = world.sheets.entry(at).ok_or(Poisoned)?;
    let known = world.kinds.get(at.kind()).ok_or(Poisoned)?;
    let Some(table) = item.node.table() else {
        let problem = Diagnostic::error("bad-value", item.key, format!("expected `[data.{}.LABEL]`", at.kind()));
        world.add(problem);
        return Err(Poisoned);
    };
    let frame = Frame { home: at.module().clone(), each: None };
    let mut values = Map::new();
    for (key, item) in table {
        values.insert(key.clone(), world.eval(&item.node, &frame, "", &Shape::of(&Json::Null))?);
    }
    let read = world.report(|report| decode::fields_of::<Lookup>(table, item.key, &format!("`{at}`"), values, report));
    let Lookup { name } = read.ok_or(Poisoned)?;
    let place = table.get("name").map_or(item.key, |item| item.node.at);
    if token::is_in(&name) {
        let summary = format!("the name of `{at}` must be known while planning");
        world.add(Diagnostic::error("known-after-apply", place, summary));
        return Err(Poisoned);
    }
    // What a name is does not depend on who asks.
    let context = Context::offline("", None, None);
    match known.kind.named(&name, &context) {
        Ok(fields) => Ok(fields.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()),
        Err(why) => {
            world.add(Diagnostic::error("bad-value", place, why));
            Err(Poisoned)
        }
    }
}

impl World {
    /// The value of an attribute of a look-up: at once if it follows from the name, otherwise when the object has been read.
    pub(super) fn looked_up(self: &Arc<Self>, at: &Address, name: &str, asked_at: Location) -> Attribute {
        let Some(known) = self.kinds.get(at.kind()) else { return Attribute::Poisoned };
        let Ok(fields) = self.get(&Slot::Lookup(at.clone()), asked_at) else { return Attribute::Poisoned };
        let attributes = known.kind.attributes();
        let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name) else {
            let help = suggest::help(name, "attribute", attributes.iter().map(|attribute| attribute.name));
            return Attribute::Fault(format!("`{}` has no attribute `{name}`", at.kind()), help);
        };
        let told = |field: &str| fields.get(field).filter(|_| NAMING.contains(&field)).and_then(Json::as_str);
        let early = match attribute.from {
            Source::Fact => None,
            Source::Field(field) => told(field).map(str::to_owned),
            Source::Computed(compute) => {
                let guessed = std::cell::Cell::new(false);
                let ask = |field: &str| {
                    let told = told(field).map(str::to_owned);
                    guessed.set(guessed.get() || told.is_none());
                    told
                };
                compute(&ask).ok().filter(|_| !guessed.get())
            }
        };
        let later = || token::of(&Fact::new(at, name));
        Attribute::Value(Json::String(early.unwrap_or_else(later)))
    }
}
