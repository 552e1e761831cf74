//! Evaluation on demand: a value is worked out when something asks for it, once, and a circle of values is found while it is walked.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::Environment;
use serde_json::Value as Json;

use super::check::is_file;
use super::diagnostic::{Diagnostic, Report};
use super::files::{Call, Declared, Sheets, read_beside};
use super::shape::Shape;
use super::source::{FileId, Location};
use super::tree::{Item, Node, Table, Value};
use super::{template, variable};
use crate::kind::{AnyKind, Source};
use crate::model::val::token;
use crate::model::{Address, Fact, ModulePath};

/// The value cannot be had, and the report says why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Poisoned;

/// Values that refer to values may be nested this deep.
const DEEPEST: usize = 40;

/// Something that is worked out at most once.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Slot {
    /// A key of `[stack]`, `[aws]` or `[snowflake]`.
    Setting(String, String),
    /// A variable of a module.
    Variable(ModulePath, String),
    /// A local.
    Local(ModulePath, String),
    /// The instances of an entry: an object from key to value, or null where there is no `for_each`.
    Instances(ModulePath, String, String),
    /// The instances of a module in the module (or spec) that uses it, likewise.
    Modules(ModulePath, String),
    /// A field of an entry.
    Field(Address, String),
    /// An attribute of an entry that is computed from its fields.
    Computed(Address, String),
    /// The fields of a look-up.
    Lookup(Address),
    /// The value of an output.
    Output(ModulePath, String),
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let within = |f: &mut fmt::Formatter<'_>, home: &ModulePath| {
            if home.is_root() { Ok(()) } else { write!(f, "{home}.") }
        };
        match self {
            Self::Setting(section, key) => write!(f, "{section}.{key}"),
            Self::Variable(home, name) => within(f, home).and_then(|()| write!(f, "var.{name}")),
            Self::Local(home, name) => within(f, home).and_then(|()| write!(f, "local.{name}")),
            Self::Instances(home, kind, label) => within(f, home).and_then(|()| write!(f, "{kind}.{label}.for_each")),
            Self::Modules(home, label) => within(f, home).and_then(|()| write!(f, "module.{label}.for_each")),
            Self::Field(at, name) | Self::Computed(at, name) => write!(f, "{at}.{name}"),
            Self::Lookup(at) => write!(f, "{at}"),
            Self::Output(home, name) if home.is_root() => write!(f, "output.{name}"),
            Self::Output(home, name) => write!(f, "{home}.{name}"),
        }
    }
}

impl Slot {
    /// The instances of the entry that this address is in.
    pub(super) fn of_instances(at: &Address) -> Self {
        Self::Instances(at.module().clone(), at.kind().to_owned(), at.label().to_owned())
    }
}

/// One kind, with its schema as JSON.
pub(super) struct Known {
    pub(super) kind: &'static dyn AnyKind,
    pub(super) schema: Json,
}

/// The instance of a `for_each` an entry is evaluated for.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) key: String,
    pub(super) value: Json,
}

/// Where a value is worked out: in which module, and for which instance.
#[derive(Clone, Debug, Default)]
pub(super) struct Frame {
    pub(super) home: ModulePath,
    pub(super) each: Option<Each>,
}

/// Everything that was declared, and what was worked out of it.
pub(super) struct World {
    pub(super) root: PathBuf,
    pub(super) sheets: Sheets,
    /// The variables of the spec itself.
    pub(super) variables: BTreeMap<String, Result<Json, Poisoned>>,
    pub(super) kinds: BTreeMap<&'static str, Known>,
    order: Vec<&'static str>,
    pub(super) engine: Environment<'static>,
    state: Mutex<State>,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("World")
    }
}

struct State {
    done: BTreeMap<Slot, Result<Json, Poisoned>>,
    /// What is being worked out, each with the place that asked for it.
    open: Vec<(Slot, Location)>,
    /// Errors of computed attributes, which are dropped if decoding the entry says it better.
    computed: Vec<(Address, Diagnostic)>,
    files: BTreeMap<(FileId, String), FileId>,
    report: Report,
}

impl World {
    pub(super) fn new(
        root: PathBuf,
        sheets: Sheets,
        variables: BTreeMap<String, Result<Json, Poisoned>>,
        kinds: &[&'static dyn AnyKind],
        report: Report,
    ) -> Arc<Self> {
        let known =
            |kind: &&'static dyn AnyKind| (kind.name(), Known { kind: *kind, schema: kind.schema().to_value() });
        let state =
            State { done: BTreeMap::new(), open: Vec::new(), computed: Vec::new(), files: BTreeMap::new(), report };
        Arc::new(Self {
            root,
            sheets,
            variables,
            kinds: kinds.iter().map(known).collect(),
            order: kinds.iter().map(|kind| kind.name()).collect(),
            engine: template::engine(),
            state: Mutex::new(state),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a finding.
    pub(super) fn add(&self, one: Diagnostic) {
        self.state().report.add(one);
    }

    /// The names of all kinds, in their order.
    pub(super) fn kind_names(&self) -> impl Iterator<Item = &'static str> {
        self.order.iter().copied()
    }

    /// Does something with the report.
    pub(super) fn report<T>(&self, with: impl FnOnce(&mut Report) -> T) -> T {
        with(&mut self.state().report)
    }

    /// Takes out the report, with the errors of computed attributes of those entries for which nothing better was found.
    pub(super) fn finish(&self, explained: &std::collections::BTreeSet<Address>) -> Report {
        let mut state = self.state();
        let computed = std::mem::take(&mut state.computed);
        let mut report = std::mem::take(&mut state.report);
        report.list.extend(computed.into_iter().filter(|(at, _)| !explained.contains(at)).map(|(_, one)| one));
        report
    }

    /// The value of a slot.
    pub(super) fn get(self: &Arc<Self>, slot: &Slot, asked_at: Location) -> Result<Json, Poisoned> {
        {
            let mut state = self.state();
            if let Some(done) = state.done.get(slot) {
                return done.clone();
            }
            if let Some(from) = state.open.iter().position(|(open, _)| open == slot) {
                let circle = circle(&state.open[from..], asked_at);
                state.report.add(circle);
                return Err(Poisoned);
            }
            if state.open.len() >= DEEPEST {
                let problem = format!("values refer to values more than {DEEPEST} deep here");
                state.report.add(Diagnostic::error("template", asked_at, problem));
                return Err(Poisoned);
            }
            state.open.push((slot.clone(), asked_at));
        }
        let value = self.work_out(slot, asked_at);
        let mut state = self.state();
        state.open.pop();
        state.done.insert(slot.clone(), value.clone());
        value
    }

    fn work_out(self: &Arc<Self>, slot: &Slot, asked_at: Location) -> Result<Json, Poisoned> {
        let anything = Json::Null;
        match slot {
            Slot::Setting(section, key) => {
                let table =
                    self.declared(&ModulePath::default())?.settings.get(section).and_then(|item| item.node.table());
                let item = table.and_then(|table| table.get(key)).ok_or(Poisoned)?;
                self.eval(&item.node, &Frame::default(), "", &Shape::of(&anything))
            }
            Slot::Variable(home, name) => self.input(home, name, asked_at),
            Slot::Local(home, name) => {
                let item = self.declared(home)?.locals.get(name).ok_or(Poisoned)?;
                self.eval(&item.node, &Frame { home: home.clone(), each: None }, "", &Shape::of(&anything))
            }
            Slot::Output(home, name) => {
                let table =
                    self.declared(home)?.outputs.get(name).and_then(|item| item.node.table()).ok_or(Poisoned)?;
                let item = table.get("value").ok_or(Poisoned)?;
                // An output of the spec is shown, so it is a text. One of a module is a value among others.
                let shape = if home.is_root() { serde_json::json!({ "type": "string" }) } else { anything };
                self.eval(&item.node, &Frame { home: home.clone(), each: None }, "", &Shape::of(&shape))
            }
            Slot::Instances(home, kind, label) => {
                let key = (kind.clone(), label.clone());
                let table =
                    self.declared(home)?.entries.get(&key).and_then(|item| item.node.table()).ok_or(Poisoned)?;
                self.instances_of(home, table)
            }
            Slot::Modules(home, label) => {
                let table = self.call(home, label)?.item.node.table().ok_or(Poisoned)?;
                self.instances_of(home, table)
            }
            Slot::Field(at, name) => {
                let (item, known) = self.field(at, name).ok_or(Poisoned)?;
                let frame = self.frame(at, asked_at)?;
                self.eval(&item.node, &frame, name, &Shape::of(&known.schema).field(name))
            }
            Slot::Lookup(at) => super::lookup::fields(self, at),
            Slot::Computed(at, name) => self.compute(at, name, asked_at),
        }
    }

    /// What the spec or a module declares.
    pub(super) fn declared(&self, home: &ModulePath) -> Result<&Declared, Poisoned> {
        self.sheets.of(home).ok_or(Poisoned)
    }

    fn call(&self, home: &ModulePath, label: &str) -> Result<&Call, Poisoned> {
        self.declared(home)?.calls.get(label).ok_or(Poisoned)
    }

    /// Whether the spec speaks of this entry or module, though it may have no instances.
    pub(super) fn declares(&self, at: &Address) -> bool {
        match at.as_module().as_ref().and_then(ModulePath::split) {
            Some((home, step)) => self.call(&home, &step.name).is_ok() && step.key.is_none(),
            None => self.entry(at).is_some() && at.key().is_none(),
        }
    }

    /// The table of an entry.
    pub(super) fn entry(&self, at: &Address) -> Option<(&Item, &Table)> {
        let item = self.sheets.entry(at)?;
        Some((item, item.node.table()?))
    }

    fn field(&self, at: &Address, name: &str) -> Option<(&Item, &Known)> {
        let (_, table) = self.entry(at)?;
        Some((table.get(name)?, self.kinds.get(at.kind())?))
    }

    /// The value of a variable of a module: what its user gives, or its default.
    fn input(self: &Arc<Self>, home: &ModulePath, name: &str, asked_at: Location) -> Result<Json, Poisoned> {
        let (outer, step) = home.split().ok_or(Poisoned)?;
        let call = &self.call(&outer, &step.name)?.item;
        let item = self.declared(home)?.variables.get(name).ok_or(Poisoned)?;
        let given = match call.node.table().and_then(|table| table.get(name)) {
            Some(given) => {
                let each = match &step.key {
                    Some(key) => Some(self.each(&Slot::Modules(outer.clone(), step.name.clone()), key, asked_at)?),
                    None => None,
                };
                let value = self.eval(&given.node, &Frame { home: outer, each }, "", &Shape::of(&Json::Null))?;
                Some((given.node.at, value)).filter(|(_, value)| !value.is_null())
            }
            None => None,
        };
        self.report(|report| variable::input(name, item, given, call.key, report)).ok_or(Poisoned)
    }

    /// The instances of an entry: `None` without a `for_each`.
    pub(super) fn instances(
        self: &Arc<Self>,
        slot: &Slot,
        asked_at: Location,
    ) -> Result<Option<serde_json::Map<String, Json>>, Poisoned> {
        match self.get(slot, asked_at)? {
            Json::Object(map) => Ok(Some(map)),
            _ => Ok(None),
        }
    }

    /// The paths of the modules that one `[module.LABEL]` stands for.
    pub(super) fn modules(
        self: &Arc<Self>,
        home: &ModulePath,
        label: &str,
        asked_at: Location,
    ) -> Result<Vec<ModulePath>, Poisoned> {
        let instances = self.instances(&Slot::Modules(home.clone(), label.to_owned()), asked_at)?;
        Ok(match instances {
            Some(map) => map.keys().map(|key| home.inner(label, Some(key))).collect(),
            None => vec![home.inner(label, None)],
        })
    }

    /// Where the fields of an entry are worked out.
    fn frame(self: &Arc<Self>, at: &Address, asked_at: Location) -> Result<Frame, Poisoned> {
        let each = match at.key() {
            Some(key) => Some(self.each(&Slot::of_instances(at), key, asked_at)?),
            None => None,
        };
        Ok(Frame { home: at.module().clone(), each })
    }

    fn each(self: &Arc<Self>, slot: &Slot, key: &str, asked_at: Location) -> Result<Each, Poisoned> {
        let instances = self.instances(slot, asked_at)?.ok_or(Poisoned)?;
        let value = instances.get(key).cloned().ok_or(Poisoned)?;
        Ok(Each { key: key.into(), value })
    }

    fn instances_of(self: &Arc<Self>, home: &ModulePath, table: &Table) -> Result<Json, Poisoned> {
        let Some(item) = table.get("for_each") else { return Ok(Json::Null) };
        let at = item.node.at;
        let refuse = |summary: String| {
            let help = "give a list of words, `for_each = [\"a\", \"b\"]`, or a table whose keys are words";
            self.add(Diagnostic::error("for-each", at, summary).help(help));
            Err(Poisoned)
        };
        let pairs: Vec<(String, Json)> =
            match self.eval(&item.node, &Frame { home: home.clone(), each: None }, "", &Shape::of(&Json::Null))? {
                Json::Object(map) => map.into_iter().collect(),
                Json::Array(items) => {
                    let mut pairs = Vec::new();
                    for item in items {
                        let Json::String(key) = &item else {
                            return refuse(format!("`for_each` lists words, and {item} is not one"));
                        };
                        pairs.push((key.clone(), item.clone()));
                    }
                    pairs
                }
                other => return refuse(format!("`for_each` is a list or a table, not {other}")),
            };
        let mut map = serde_json::Map::new();
        for (key, value) in pairs {
            if token::is_in(&key) {
                self.add(Diagnostic::error(
                    "known-after-apply",
                    at,
                    "the keys of `for_each` must be known while planning",
                ));
                return Err(Poisoned);
            }
            if !Address::is_word(&key) {
                return refuse(format!(
                    "`{key}` cannot be a key of `for_each`: it has 1 to 64 letters, digits, `_` or `-`"
                ));
            }
            if map.insert(key.clone(), value).is_some() {
                return refuse(format!("`{key}` is twice in `for_each`"));
            }
        }
        Ok(Json::Object(map))
    }

    fn compute(self: &Arc<Self>, at: &Address, name: &str, asked_at: Location) -> Result<Json, Poisoned> {
        let known = self.kinds.get(at.kind()).ok_or(Poisoned)?;
        let attribute = known.kind.attributes().iter().find(|attribute| attribute.name == name).ok_or(Poisoned)?;
        let Source::Computed(function) = attribute.from else { return Err(Poisoned) };
        let poisoned = std::cell::Cell::new(false);
        let ask = |field: &str| -> Option<String> {
            let value = match self.field(at, field) {
                Some(_) => self.get(&Slot::Field(at.clone(), field.into()), asked_at),
                None => Ok(Shape::of(&known.schema).default_of(field)?.clone()),
            };
            match value {
                Ok(Json::Null) => None,
                Ok(Json::String(text)) => Some(text),
                Ok(other) => Some(other.to_string()),
                Err(Poisoned) => {
                    poisoned.set(true);
                    None
                }
            }
        };
        let value = function(&ask);
        if poisoned.get() {
            return Err(Poisoned);
        }
        value.map(Json::String).map_err(|why| {
            let header = self.entry(at).map_or(asked_at, |(item, _)| item.key);
            let why = plain_words(&why);
            let problem = Diagnostic::error("bad-value", header, format!("`{at}.{name}` cannot be told: {why}"));
            self.state().computed.push((at.clone(), problem.related(asked_at, "asked for here")));
            Poisoned
        })
    }

    /// The value of an attribute, as `{{ kind.label.attribute }}` sees it. The inner error is a summary for the asking template.
    pub(super) fn attribute(self: &Arc<Self>, at: &Address, name: &str, asked_at: Location) -> Attribute {
        if at.is_data() {
            return self.looked_up(at, name, asked_at);
        }
        let Some(known) = self.kinds.get(at.kind()) else { return Attribute::Poisoned };
        let attributes = known.kind.attributes();
        let Some(attribute) = attributes.iter().find(|attribute| attribute.name == name) else {
            let help = super::suggest::help(name, "attribute", attributes.iter().map(|attribute| attribute.name));
            return Attribute::Fault(format!("`{}` has no attribute `{name}`", at.kind()), help);
        };
        let value = match attribute.from {
            Source::Fact => return Attribute::Value(Json::String(token::of(&Fact::new(at, name)))),
            Source::Computed(_) => self.get(&Slot::Computed(at.clone(), name.into()), asked_at),
            Source::Field(path) => {
                let (field, rest) = path.split_once('.').map_or((path, None), |(field, rest)| (field, Some(rest)));
                let whole = match self.field(at, field) {
                    Some(_) => self.get(&Slot::Field(at.clone(), field.into()), asked_at),
                    None => Ok(Shape::of(&known.schema).default_of(field).cloned().unwrap_or_default()),
                };
                let inner = |value: Json| match rest {
                    Some(rest) => value.pointer(&format!("/{}", rest.replace('.', "/"))).cloned().unwrap_or_default(),
                    None => value,
                };
                whole.map(inner)
            }
        };
        match value {
            Ok(Json::Null) => Attribute::Fault(
                format!("`{at}` does not set `{name}`"),
                Some(format!("set `{name}` in `{}.{}`", at.kind(), at.label())),
            ),
            Ok(value) => Attribute::Value(value),
            Err(Poisoned) => Attribute::Poisoned,
        }
    }

    /// The value of a node that stands under the key `name`, with its templates filled in. All errors below it are reported.
    pub(super) fn eval(
        self: &Arc<Self>,
        node: &Node,
        frame: &Frame,
        name: &str,
        shape: &Shape<'_>,
    ) -> Result<Json, Poisoned> {
        match &node.value {
            Value::Text(text) if template::is_template(text) => {
                let value = self.render(text, node.at, frame)?;
                Ok(match value {
                    Json::Number(_) | Json::Bool(_) if shape.takes_only_text() => Json::String(value.to_string()),
                    value => value,
                })
            }
            Value::Table(table) if is_file(table, name, shape) => self.file(table, frame),
            Value::Table(table) => {
                let values: Vec<_> = table
                    .iter()
                    .map(|(key, item)| {
                        self.eval(&item.node, frame, key, &shape.field(key)).map(|value| (key.clone(), value))
                    })
                    .collect();
                values.into_iter().collect::<Result<_, _>>().map(Json::Object)
            }
            Value::List(items) => {
                let shape = shape.item();
                let values: Vec<_> = items.iter().map(|item| self.eval(item, frame, name, &shape)).collect();
                values.into_iter().collect::<Result<_, _>>().map(Json::Array)
            }
            _ => Ok(node.plain()),
        }
    }

    /// The text of a file that a field names, itself a template.
    fn file(self: &Arc<Self>, table: &Table, frame: &Frame) -> Result<Json, Poisoned> {
        let item = table.get("file").ok_or(Poisoned)?;
        let name = match self.eval(&item.node, frame, "", &Shape::of(&Json::Null))? {
            Json::String(name) if !token::is_in(&name) => name,
            _ => {
                self.add(Diagnostic::error(
                    "bad-value",
                    item.node.at,
                    "the name of a file is a string that is known while planning",
                ));
                return Err(Poisoned);
            }
        };
        let mut state = self.state();
        let key = (item.node.at.file, name);
        let file = match state.files.get(&key) {
            Some(file) => *file,
            None => match read_beside(&self.root, key.0, &key.1, &mut state.report) {
                Ok(file) => {
                    state.files.insert(key, file);
                    file
                }
                Err(why) => {
                    state.report.add(Diagnostic::error("file", item.node.at, why));
                    return Err(Poisoned);
                }
            },
        };
        let text = state.report.sources.text(file).to_owned();
        drop(state);
        if !template::is_template(&text) {
            return Ok(Json::String(text));
        }
        match self.render(&text, Location::new(file, 0..text.len()), frame)? {
            text @ Json::String(_) => Ok(text),
            other => Ok(Json::String(other.to_string())),
        }
    }

    /// The names a template may begin with.
    pub(super) fn roots(&self) -> impl Iterator<Item = &str> {
        ["var", "local", "each", "stack", "aws", "module", "data"].into_iter().chain(self.kinds.keys().copied())
    }
}

/// What a slot or an attribute gave.
pub(super) enum Attribute {
    Value(Json),
    Fault(String, Option<String>),
    Poisoned,
}

/// A message in which no token shows.
pub(super) fn plain_words(message: &str) -> String {
    // Messages of decoders show texts as Rust would write them.
    let message = message.replace("\\u{e0f0}", "\u{E0F0}").replace("\\u{e0f1}", "\u{E0F1}");
    if !token::is_in(&message) {
        return message;
    }
    token::split(&message).map_or_else(|broken| broken.to_string(), |val| val.to_string())
}

fn circle(open: &[(Slot, Location)], closing: Location) -> Diagnostic {
    let names: Vec<String> = open.iter().map(|(slot, _)| slot.to_string()).collect();
    let first = names.first().cloned().unwrap_or_default();
    let path = names.iter().chain([&first]).map(|name| format!("`{name}`")).collect::<Vec<_>>().join(" -> ");
    let edges: Vec<(Location, String)> = open
        .iter()
        .skip(1)
        .map(|(_, at)| *at)
        .chain([closing])
        .zip(names.iter().zip(names.iter().skip(1).chain([&first])))
        .map(|(at, (from, to))| (at, format!("`{from}` needs `{to}`")))
        .collect();
    let mut edges = edges.into_iter();
    let (at, what) = edges.next().unwrap_or((closing, String::new()));
    let problem = Diagnostic::error("cycle", at, format!("these values need each other: {path}")).detail(what);
    edges.fold(problem, |problem, (at, what)| problem.related(at, what))
}
