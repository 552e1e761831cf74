//! `depends_on`: the entries that come first although nothing else says so.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::Value as Json;

use super::diagnostic::Diagnostic;
use super::model::EntryInfo;
use super::shape::Shape;
use super::source::Location;
use super::suggest;
use super::tree::{Table, Value};
use super::world::{Frame, World};
use crate::model::Address;

/// The addresses an entry (or the use of a module) names, which are those of its own module. Those that are not addresses are reported.
pub(super) fn named(world: &Arc<World>, table: &Table, frame: &Frame) -> Vec<Address> {
    let Some(item) = table.get("depends_on") else { return Vec::new() };
    let Ok(value) = world.eval(&item.node, frame, "", &Shape::of(&Json::Null)) else { return Vec::new() };
    let Json::Array(names) = value else {
        let problem = Diagnostic::error("bad-value", item.node.at, "`depends_on` is a list of addresses");
        world.add(problem.help("write `depends_on = [\"kind.label\"]`"));
        return Vec::new();
    };
    let mut addresses = BTreeSet::new();
    for (index, name) in names.iter().enumerate() {
        let place = place(table, index);
        match name.as_str().map(str::parse::<Address>) {
            Some(Ok(address)) => drop(addresses.insert(frame.home.within(&address))),
            Some(Err(error)) => {
                world.add(Diagnostic::error("bad-value", place.unwrap_or(item.node.at), error.to_string()));
            }
            None => {
                let summary = "`depends_on` is a list of addresses";
                world.add(Diagnostic::error("bad-value", place.unwrap_or(item.node.at), summary));
            }
        }
    }
    addresses.into_iter().collect()
}

fn place(table: &Table, index: usize) -> Option<Location> {
    match &table.get("depends_on")?.node.value {
        Value::List(items) => items.get(index).map(|item| item.at),
        _ => None,
    }
}

/// Where an entry names an address.
fn place_of(world: &World, from: &Address, to: &Address, fallback: Location) -> Location {
    let Some((_, table)) = world.entry(from) else { return fallback };
    let Some(item) = table.get("depends_on") else { return fallback };
    let Value::List(items) = &item.node.value else { return item.node.at };
    let names = |text: &str| text.parse::<Address>().is_ok_and(|named| from.module().within(&named).selects(to));
    items
        .iter()
        .find(|node| matches!(&node.value, Value::Text(text) if names(text)))
        .map_or(item.node.at, |node| node.at)
}

/// Replaces each address by the instances it stands for; reports those that stand for nothing, and circles.
pub(super) fn resolve(world: &World, mut entries: BTreeMap<Address, EntryInfo>) -> BTreeMap<Address, EntryInfo> {
    let all: BTreeSet<Address> = entries.keys().cloned().collect();
    for (from, info) in &mut entries {
        let mut found = BTreeSet::new();
        for named in &info.depends_on {
            let before = found.len();
            let declared = world.declares(named);
            found.extend(all.iter().filter(|one| named.selects(one)).cloned());
            if found.len() == before && !all.iter().any(|one| named.selects(one)) && !declared {
                let names: Vec<String> = all.iter().map(ToString::to_string).collect();
                let at = place_of(world, from, named, info.location);
                let problem = Diagnostic::error("unknown-reference", at, format!("there is no `{named}` in this spec"));
                world.add(problem.maybe_help(suggest::help(
                    &named.to_string(),
                    "entry",
                    names.iter().map(String::as_str),
                )));
            }
        }
        info.depends_on = found.into_iter().collect();
    }
    circles(world, &entries);
    entries
}

/// Reports every circle once, by walking depth first in the order of addresses.
fn circles(world: &World, entries: &BTreeMap<Address, EntryInfo>) {
    let mut done: BTreeSet<&Address> = BTreeSet::new();
    for start in entries.keys() {
        let mut path: Vec<(&Address, std::slice::Iter<'_, Address>)> = Vec::new();
        let open = |at: &Address| entries.get_key_value(at).map(|(at, info)| (at, info.depends_on.iter()));
        if !done.contains(start) {
            path.extend(open(start));
        }
        while let Some((at, rest)) = path.last_mut() {
            let at = *at;
            match rest.next() {
                None => {
                    done.insert(at);
                    path.pop();
                }
                Some(next) if done.contains(next) => {}
                Some(next) => match path.iter().position(|(open, _)| *open == next) {
                    Some(from) => {
                        let circle: Vec<&Address> = path[from..].iter().map(|(at, _)| *at).collect();
                        report(world, entries, &circle);
                    }
                    None => path.extend(open(next)),
                },
            }
        }
    }
}

fn report(world: &World, entries: &BTreeMap<Address, EntryInfo>, circle: &[&Address]) {
    let Some(first) = circle.first() else { return };
    let path = circle.iter().chain([first]).map(|at| format!("`{at}`")).collect::<Vec<_>>().join(" -> ");
    let mut edges = circle.iter().zip(circle.iter().skip(1).chain([first])).filter_map(|(from, to)| {
        let fallback = entries.get(*from)?.location;
        Some((place_of(world, from, to, fallback), format!("`{from}` comes after `{to}`")))
    });
    let Some((at, what)) = edges.next() else { return };
    let problem = Diagnostic::error("cycle", at, format!("these entries wait for each other: {path}")).detail(what);
    world.add(edges.fold(problem, |problem, (at, what)| problem.related(at, what)));
}
