//! `[[moved]]` and `[[removed]]`: what becomes of objects whose marks carry addresses that the spec no longer has.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;

use super::diagnostic::Diagnostic;
use super::files::Moving;
use super::model::EntryInfo;
use super::source::Location;
use super::tree::Item;
use super::world::World;
use super::{decode, suggest};
use crate::model::{Address, ModulePath};

/// Former addresses: where they lead, and which are given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// From former addresses to present ones. Both may be modules.
    pub moved: Vec<(Address, Address)>,
    /// Former addresses whose objects are forgotten rather than destroyed.
    pub removed: Vec<Address>,
}

/// `[[moved]]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Moved {
    /// The former address.
    from: String,
    /// The present address.
    to: String,
}

/// `[[removed]]`.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Removed {
    /// The former address.
    from: String,
}

/// Reads and checks them all. Those of a module are about that module.
pub(super) fn moves(world: &Arc<World>, homes: &[ModulePath], entries: &BTreeMap<Address, EntryInfo>) -> Moves {
    let mut moves = Moves::default();
    let mut seen: BTreeMap<Address, Location> = BTreeMap::new();
    for home in homes {
        let declared = world.declared(home).map(|declared| declared.moves.as_slice()).unwrap_or_default();
        for (what, item) in declared {
            let (from, to) = match what {
                Moving::Moved => {
                    let read = world.report(|report| decode::section::<Moved>(item, "[[moved]]", report));
                    let Some(Moved { from, to }) = read else { continue };
                    let Some(to) = address(world, item, "to", &to) else { continue };
                    (from, Some(home.within(&to)))
                }
                Moving::Removed => {
                    let read = world.report(|report| decode::section::<Removed>(item, "[[removed]]", report));
                    let Some(Removed { from }) = read else { continue };
                    (from, None)
                }
            };
            let Some(from) = address(world, item, "from", &from).map(|from| home.within(&from)) else { continue };
            let place = |key: &str| place(item, key);
            if let Some(first) = seen.get(&from) {
                let problem = Diagnostic::error("duplicate", place("from"), format!("`{from}` is named twice"));
                world.add(problem.detail("again here").related(*first, "first here"));
                continue;
            }
            seen.insert(from.clone(), place("from"));
            if let Some((at, info)) = entries.iter().find(|(at, _)| from.selects(at)) {
                let problem = Diagnostic::error("bad-value", place("from"), format!("`{at}` is still in the spec"));
                world.add(problem.related(info.location, "here").help("name an address that the spec no longer has"));
                continue;
            }
            match to {
                None => moves.removed.push(from),
                Some(to) => {
                    if let Err(problem) = leads(world, &from, &to, place("to"), entries) {
                        world.add(problem);
                        continue;
                    }
                    moves.moved.push((from, to));
                }
            }
        }
    }
    // A move may lead to an address that has moved on. In the end there must be an entry, or a place for one.
    for (from, to) in &moves.moved {
        let onward = moves.moved.iter().any(|(from, _)| from == to);
        let there = entries.keys().any(|at| to.selects(at)) || world.declares(to);
        if let Some(at) = seen.get(from).filter(|_| !onward && !there) {
            let names: Vec<String> = entries.keys().map(ToString::to_string).collect();
            let problem = Diagnostic::error("unknown-reference", *at, format!("there is no `{to}` in this spec"));
            world.add(problem.maybe_help(suggest::help(&to.to_string(), "entry", names.iter().map(String::as_str))));
        }
    }
    circle(world, &moves, &seen);
    moves
}

/// Whether an object at one address can be at the other.
fn leads(
    world: &World,
    from: &Address,
    to: &Address,
    at: Location,
    entries: &BTreeMap<Address, EntryInfo>,
) -> Result<(), Diagnostic> {
    let module = |address: &Address| address.as_module().is_some();
    if module(from) != module(to) {
        return Err(Diagnostic::error("bad-value", at, "a module moves to a module, an entry to an entry"));
    }
    if from.kind() != to.kind() {
        let summary = format!("a `{}` cannot become a `{}`", from.kind(), to.kind());
        return Err(Diagnostic::error("bad-value", at, summary));
    }
    if from.is_data() || to.is_data() {
        return Err(Diagnostic::error("bad-value", at, "what is only looked up has no mark to rewrite"));
    }
    let instances = !module(to) && to.key().is_none() && from.key().is_some();
    if instances && !entries.contains_key(to) && world.declares(to) {
        let summary = format!("`{to}` has a `for_each`: say which of its instances");
        return Err(Diagnostic::error("bad-value", at, summary));
    }
    Ok(())
}

fn circle(world: &World, moves: &Moves, seen: &BTreeMap<Address, Location>) {
    for (start, _) in &moves.moved {
        let mut at = start;
        for _ in &moves.moved {
            let Some((_, next)) = moves.moved.iter().find(|(from, _)| from == at) else { break };
            if next == start {
                if let Some(at) = seen.get(start) {
                    world.add(Diagnostic::error("cycle", *at, format!("`{start}` is moved back to where it was")));
                }
                return;
            }
            at = next;
        }
    }
}

fn address(world: &World, item: &Item, key: &str, text: &str) -> Option<Address> {
    let parsed = text.parse::<Address>();
    if let Err(error) = &parsed {
        world.add(Diagnostic::error("bad-value", place(item, key), error.to_string()));
    }
    parsed.ok()
}

fn place(item: &Item, key: &str) -> Location {
    item.node.table().and_then(|table| table.get(key)).map_or(item.key, |item| item.node.at)
}
