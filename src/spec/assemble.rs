//! From declarations to a [`Model`]: sections, modules, entries with their instances, dependencies, outputs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::diagnostic::Diagnostic;
use super::files::Call;
use super::model::{EntryInfo, Model, Output};
use super::shape::Shape;
use super::source::Location;
use super::tree::{Item, Table, Value, follow};
use super::world::{Each, Frame, Poisoned, Slot, World};
use super::{check, decode, depends, moves, suggest};
use crate::kind::{Batch, Meta};
use crate::model::address::LONGEST_ADDRESS;
use crate::model::val::token;
use crate::model::{Address, Mark, ModulePath};

/// `[stack]`.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Stack {
    /// The stack's name: the ownership mark on everything the spec creates.
    name: String,
}

/// `[output.NAME]`.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct OutputTable {
    /// What is shown.
    #[expect(dead_code, reason = "its templates are evaluated from the tree")]
    value: Json,
    /// Whether it must not be shown.
    #[serde(default)]
    sensitive: bool,
    /// What it is for.
    description: Option<String>,
}

/// Keys every entry may have besides its kind's.
pub(super) const META: [&str; 4] = ["for_each", "depends_on", "protect", "adopt"];

/// Keys that a module may have besides its inputs.
const CALL: [&str; 3] = ["source", "for_each", "depends_on"];

/// The longest name of a stack.
const LONGEST_STACK: usize = 40;

/// Evaluates and decodes everything. All problems go to the world's report.
pub(super) fn assemble(world: &Arc<World>, nowhere: Location) -> (Option<Model>, BTreeSet<Address>) {
    let stack = stack(world, nowhere);
    let aws = settings(world, "aws");
    let snowflake = settings(world, "snowflake");
    let mut made = Instances {
        world,
        stack: stack.clone().unwrap_or_default(),
        batches: BTreeMap::new(),
        lookups: BTreeMap::new(),
        entries: BTreeMap::new(),
        fields: BTreeMap::new(),
        homes: Vec::new(),
        explained: BTreeSet::new(),
    };
    unknown_kinds(world);
    made.module(&ModulePath::default(), &[]);
    let Instances { mut batches, mut lookups, entries, fields, homes, explained, .. } = made;
    let entries = depends::resolve(world, entries);
    let moves = moves::moves(world, &homes, &entries);
    let outputs = outputs(world, &ModulePath::default());
    let (Some(stack), Some(aws), Some(snowflake)) = (stack, aws, snowflake) else { return (None, explained) };
    let model = Model {
        stack,
        aws,
        snowflake,
        batches: world.kind_names().filter_map(|name| batches.remove(name)).collect(),
        lookups: world.kind_names().filter_map(|name| lookups.remove(name)).collect(),
        entries,
        fields,
        moves,
        outputs,
        sources: super::Sources::default(),
        sheets: super::files::Sheets::default(),
        unknown_place: nowhere,
    };
    (Some(model), explained)
}

fn unknown_kinds(world: &World) {
    let used = world.sheets.iter().flat_map(|declared| &declared.kinds);
    for (kind, at) in used.filter(|(kind, _)| !world.kinds.contains_key(kind.as_str())) {
        let names: Vec<&str> = world.kinds.keys().copied().collect();
        let help = suggest::nearest(kind, names.iter().copied().chain(super::files::SECTIONS));
        let help =
            help.map_or_else(|| suggest::help(kind, "kind", names), |name| Some(format!("did you mean `{name}`?")));
        world.add(Diagnostic::error("unknown-kind", *at, format!("there is no kind `{kind}`")).maybe_help(help));
    }
}

fn stack(world: &Arc<World>, nowhere: Location) -> Option<String> {
    let Some(item) = setting(world, "stack") else {
        let problem = Diagnostic::error("missing-key", nowhere, "the spec has no [stack]");
        world.add(problem.help("begin it with\n[stack]\nname = \"NAME\""));
        return None;
    };
    let name = section::<Stack>(world, "stack", item)?.name;
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
    if (1..=LONGEST_STACK).contains(&name.len()) && name.bytes().all(plain) {
        return Some(name);
    }
    let at = item.node.table().and_then(|table| table.get("name")).map_or(item.key, |item| item.node.at);
    let problem = Diagnostic::error("bad-value", at, format!("`{name}` cannot be the name of a stack"));
    world.add(problem.help(format!("it has 1 to {LONGEST_STACK} lower-case letters, digits, `-` or `_`")));
    None
}

/// A section of the spec itself. Those of modules mean nothing: a module works with the accounts and for the stack of the spec that uses it.
fn setting<'a>(world: &'a World, name: &str) -> Option<&'a Item> {
    world.declared(&ModulePath::default()).ok()?.settings.get(name)
}

/// An optional section: the outer `None` says that it is there and wrong.
#[expect(clippy::option_option, reason = "absent and wrong are two things")]
fn settings<T: serde::de::DeserializeOwned + schemars::JsonSchema>(
    world: &Arc<World>,
    name: &str,
) -> Option<Option<T>> {
    match setting(world, name) {
        Some(item) => section(world, name, item).map(Some),
        None => Some(None),
    }
}

fn section<T: serde::de::DeserializeOwned + schemars::JsonSchema>(
    world: &Arc<World>,
    name: &str,
    item: &Item,
) -> Option<T> {
    let Some(table) = item.node.table() else {
        world.add(Diagnostic::error("bad-value", item.node.at, format!("`{name}` is a section: expected `[{name}]`")));
        return None;
    };
    let field = |(key, item): (&String, &Item)| {
        let value = world.get(&Slot::Setting(name.into(), key.clone()), item.node.at);
        value.map(|value| (key.clone(), value))
    };
    let values: Vec<_> = table.iter().map(field).collect();
    let fields = values.into_iter().collect::<Result<Map<_, _>, Poisoned>>().ok()?;
    world.report(|report| decode::fields_of(table, item.key, &format!("[{name}]"), fields, report))
}

struct Instances<'a> {
    world: &'a Arc<World>,
    stack: String,
    batches: BTreeMap<&'static str, Box<dyn Batch>>,
    lookups: BTreeMap<&'static str, Box<dyn Batch>>,
    entries: BTreeMap<Address, EntryInfo>,
    /// The evaluated fields of each entry.
    fields: BTreeMap<Address, Map<String, Json>>,
    /// The spec and every instance of every module.
    homes: Vec<ModulePath>,
    /// Entries whose decoding found something.
    explained: BTreeSet<Address>,
}

impl Instances<'_> {
    /// Everything in a module, or in the spec itself; all of it comes after `first`.
    fn module(&mut self, home: &ModulePath, first: &[Address]) {
        let world = self.world;
        let Ok(declared) = world.declared(home) else { return };
        self.homes.push(home.clone());
        for ((kind, label), item) in &declared.entries {
            self.entry(home, kind, label, item, first);
        }
        for ((kind, label), item) in &declared.lookups {
            self.lookup(home, kind, label, item);
        }
        for (name, item) in &declared.locals {
            // Locals that nothing uses are checked too. What went wrong is in the report.
            let _ = world.get(&Slot::Local(home.clone(), name.clone()), item.node.at);
        }
        if !home.is_root() {
            for (name, item) in &declared.variables {
                let _ = world.get(&Slot::Variable(home.clone(), name.clone()), item.node.at);
            }
            outputs(world, home);
        }
        for (label, call) in &declared.calls {
            self.call(home, label, call, first);
        }
    }

    fn lookup(&mut self, home: &ModulePath, kind: &str, label: &str, item: &Item) {
        let world = self.world;
        let Some(known) = world.kinds.get(kind) else { return };
        if !is_label(world, label, item.key) {
            return;
        }
        let Ok(at) = Address::new(kind, label, None) else { return };
        let at = home.within(&at.as_data());
        let Ok(fields) = world.get(&Slot::Lookup(at.clone()), item.key) else { return };
        let frame = Frame { home: home.clone(), each: None };
        if let Some(Ok(name)) = item
            .node
            .table()
            .and_then(|table| table.get("name"))
            .map(|name| world.eval(&name.node, &frame, "", &Shape::of(&Json::Null)))
        {
            self.fields.insert(at.clone(), Map::from_iter([("name".to_owned(), name)]));
        }
        let mark = Mark { stack: self.stack.clone(), address: at.clone(), protect: false };
        let batch = self.lookups.entry(known.kind.name()).or_insert_with(|| known.kind.batch());
        if let Err(problem) = batch.push(Meta { at: at.clone(), mark }, fields) {
            world.add(Diagnostic::error("bad-value", item.key, format!("`{at}`: {}", problem.message)));
        }
    }

    /// What the use of a module stands for.
    fn call(&mut self, home: &ModulePath, label: &str, call: &Call, first: &[Address]) {
        let world = self.world;
        let item = &call.item;
        if !is_label(world, label, item.key) {
            return;
        }
        let Some(table) = item.node.table() else {
            let problem = Diagnostic::error("bad-value", item.key, "`module` needs a label before its keys");
            world.add(problem.help("write `[module.LABEL]`"));
            return;
        };
        if !table.contains_key("source") {
            let problem =
                Diagnostic::error("missing-key", item.key, format!("`module.{label}` needs the key `source`"));
            world.add(
                problem
                    .help("`source`: a directory, such as `./feed`, or a ready-made spec, such as `snowssi:snowpipe`"),
            );
            return;
        }
        let depends_on = depends::named(world, table, &Frame { home: home.clone(), each: None });
        let first: Vec<Address> = first.iter().chain(&depends_on).cloned().collect();
        let Ok(paths) = world.modules(home, label, item.key) else { return };
        let inputs = world.declared(&home.inner(label, None)).map(|declared| &declared.variables);
        let Ok(inputs) = inputs else { return };
        for (name, given) in table.iter().filter(|(name, _)| !CALL.contains(&name.as_str())) {
            if !inputs.contains_key(name) {
                let summary = format!("the module `{label}` has no input `{name}`");
                let names = inputs.keys().map(String::as_str).chain(CALL);
                world.add(
                    Diagnostic::error("unknown-key", given.key, summary)
                        .maybe_help(suggest::help(name, "input", names)),
                );
            }
        }
        for path in paths {
            self.module(&path, &first);
        }
    }

    fn entry(&mut self, home: &ModulePath, kind: &str, label: &str, item: &Item, first: &[Address]) {
        let world = self.world;
        let Some(known) = world.kinds.get(kind) else { return };
        let Some(table) = item.node.table() else {
            let problem = Diagnostic::error("bad-value", item.key, format!("`{kind}` needs a label before its keys"));
            world.add(problem.help(format!("write `[{kind}.LABEL]`")));
            return;
        };
        if !is_label(world, label, item.key) {
            return;
        }
        let shape = Shape::of(&known.schema);
        let what = format!("`{kind}`");
        let missing = world.report(|report| check::table(table, item.key, &what, &META, &shape, report));
        let slot = Slot::Instances(home.clone(), kind.to_owned(), label.to_owned());
        let Ok(instances) = world.instances(&slot, item.key) else { return };
        let keys = match &instances {
            Some(map) => map.iter().map(|(key, value)| Some(Each { key: key.clone(), value: value.clone() })).collect(),
            None => vec![None],
        };
        for each in keys {
            let Ok(at) = Address::new(kind, label, each.as_ref().map(|each| each.key.as_str())) else { continue };
            let at = home.within(&at);
            if at.to_string().len() > LONGEST_ADDRESS {
                let summary = format!("the address `{at}` is longer than {LONGEST_ADDRESS} characters");
                world.add(Diagnostic::error("bad-value", item.key, summary).help("give the modules shorter names"));
                continue;
            }
            let frame = Frame { home: home.clone(), each };
            self.instance(at, item, table, &frame, missing, first);
        }
    }

    fn instance(&mut self, at: Address, item: &Item, table: &Table, frame: &Frame, missing: bool, first: &[Address]) {
        let Some(known) = self.world.kinds.get(at.kind()) else { return };
        let shape = Shape::of(&known.schema);
        let keys = shape.keys();
        let protect = self.flag(table, "protect", frame);
        let adopt = self.flag(table, "adopt", frame);
        let own = depends::named(self.world, table, frame);
        let depends_on = first.iter().cloned().chain(own).collect();
        let mut fields = Map::new();
        let mut poisoned = false;
        for (name, field) in table.iter().filter(|(name, _)| !META.contains(&name.as_str())) {
            if keys.as_ref().is_some_and(|keys| !keys.contains(name.as_str())) {
                continue;
            }
            match self.world.get(&Slot::Field(at.clone(), name.clone()), field.node.at) {
                Ok(Json::Null) => {}
                Ok(value) => {
                    let value = without_nulls(value);
                    let mut late = Vec::new();
                    check::too_late(&value, name, &shape.field(name), &mut late);
                    poisoned |= !late.is_empty();
                    for path in &late {
                        self.refuse_late(table, item, path);
                    }
                    if late.is_empty() {
                        fields.insert(name.clone(), value);
                    }
                }
                Err(Poisoned) => poisoned = true,
            }
        }
        let protect = protect.unwrap_or(known.kind.protected());
        let info = EntryInfo { adopt: adopt.unwrap_or(false), protect, depends_on, location: item.key };
        self.entries.insert(at.clone(), info);
        if has_literal_secret(table, &shape) {
            return;
        }
        self.fields.insert(at.clone(), fields.clone());
        let mark = Mark { stack: self.stack.clone(), address: at.clone(), protect };
        let batch = self.batches.entry(known.kind.name()).or_insert_with(|| known.kind.batch());
        let push = |fields| batch.push(Meta { at: at.clone(), mark: mark.clone() }, fields);
        let problems = decode::errors(table, item.key, &format!("`{at}`"), fields, missing || poisoned, push);
        if !problems.is_empty() || missing {
            self.explained.insert(at);
        }
        for problem in problems {
            self.world.add(problem);
        }
    }

    fn refuse_late(&self, table: &Table, item: &Item, path: &str) {
        let at = follow(table, path).unwrap_or(item.key);
        let summary = format!("`{path}` must be known while planning, and this value is known only after apply");
        let help = "refer to attributes that follow from the spec alone, such as a name";
        self.world.add(Diagnostic::error("known-after-apply", at, summary).help(help));
    }

    fn flag(&self, table: &Table, name: &str, frame: &Frame) -> Option<bool> {
        let item = table.get(name)?;
        let value = self.world.eval(&item.node, frame, "", &Shape::of(&Json::Null)).ok()?;
        if !value.is_boolean() {
            self.world.add(Diagnostic::error("bad-value", item.node.at, format!("`{name}` is `true` or `false`")));
        }
        value.as_bool()
    }
}

/// A null means that a key is not set, at any depth.
fn without_nulls(value: Json) -> Json {
    match value {
        Json::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, without_nulls(value)))
            .collect(),
        Json::Array(items) => items.into_iter().map(without_nulls).collect(),
        other => other,
    }
}

/// Such a table is reported before; decoding it would only say the same in other words.
fn has_literal_secret(table: &Table, shape: &Shape<'_>) -> bool {
    table.iter().any(|(name, item)| {
        let shape = shape.field(name);
        match &item.node.value {
            Value::Text(_) => shape.is_secret(),
            Value::Table(table) => has_literal_secret(table, &shape),
            _ => false,
        }
    })
}

fn is_label(world: &World, label: &str, at: Location) -> bool {
    if !Address::is_word(label) {
        let problem = Diagnostic::error("bad-value", at, format!("`{label}` cannot be a label"));
        world.add(problem.help("a label has 1 to 64 letters, digits, `_` or `-`"));
    }
    Address::is_word(label)
}

fn outputs(world: &Arc<World>, home: &ModulePath) -> Vec<Output> {
    let mut outputs = Vec::new();
    let declared = world.declared(home).map(|declared| &declared.outputs);
    for (name, item) in declared.into_iter().flatten() {
        let what = format!("[output.{name}]");
        let Some(declared) = world.report(|report| decode::section::<OutputTable>(item, &what, report)) else {
            continue;
        };
        let Ok(value) = world.get(&Slot::Output(home.clone(), name.clone()), item.node.at) else { continue };
        let at = item.node.table().and_then(|table| table.get("value")).map_or(item.key, |item| item.node.at);
        let text = match value {
            Json::String(text) => text,
            other => other.to_string(),
        };
        if !declared.sensitive && world.report(|report| report.sources.redact(&text) != text) {
            let problem =
                Diagnostic::error("literal-secret", at, format!("the output `{name}` holds a sensitive value"));
            world.add(problem.help(format!("set `sensitive = true` in [output.{name}]")));
        }
        match token::split(&text) {
            Ok(value) => outputs.push(Output {
                name: name.clone(),
                value,
                sensitive: declared.sensitive,
                description: declared.description,
            }),
            Err(broken) => world.add(Diagnostic::error("known-after-apply", at, broken.to_string())),
        }
    }
    outputs
}
