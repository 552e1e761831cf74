//! What templates see: `var`, `local`, `each`, `stack`, `aws`, and the kinds with their entries.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::Value;
use minijinja::value::{Enumerator, Object, ObjectRepr};
use serde_json::Value as Json;

use super::files::Declared;
use super::source::Location;
use super::suggest;
use super::template::{Pass, value_of};
use super::world::{Attribute, Each, Frame, Poisoned, Slot, World};
use crate::model::val::token;
use crate::model::{Address, ModulePath};

/// One run of one template.
#[derive(Debug)]
pub(super) struct Run {
    world: Arc<World>,
    frame: Frame,
    at: Location,
    pass: Pass,
    trace: Mutex<Trace>,
}

/// What happened during a run.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    /// The first thing that was asked for and is not there.
    pub(super) fault: Option<Fault>,
    /// Something it needs failed and is reported already.
    pub(super) poisoned: bool,
    /// It looked at a value that is known only after apply.
    pub(super) later: bool,
    /// The first name that nothing answers to; not a fault by itself, for functions are asked for in the same way.
    pub(super) missing: Option<String>,
}

/// Something that is not there.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    /// What was asked for, as templates usually write it: `var.name`.
    pub(super) path: String,
    pub(super) summary: String,
    pub(super) help: Option<String>,
}

impl Run {
    pub(super) fn new(world: Arc<World>, frame: Frame, at: Location, pass: Pass) -> Arc<Self> {
        Arc::new(Self { world, frame, at, pass, trace: Mutex::default() })
    }

    /// What happened.
    pub(super) fn trace(&self) -> Trace {
        self.trace.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, note: impl FnOnce(&mut Trace)) {
        note(&mut self.trace.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn fault(&self, path: &str, summary: String, help: Option<String>) -> Option<Value> {
        self.note(|trace| {
            trace.fault.get_or_insert_with(|| Fault { path: path.to_owned(), summary, help });
        });
        None
    }

    fn poison(&self) -> Option<Value> {
        self.note(|trace| trace.poisoned = true);
        None
    }

    fn give(&self, value: &Json) -> Value {
        if token::is_in(&value.to_string()) {
            self.note(|trace| trace.later = true);
        }
        value_of(value, self.pass)
    }

    /// The module (or spec) that the template stands in.
    fn home(&self) -> &ModulePath {
        &self.frame.home
    }

    /// What that declares.
    fn declared(&self) -> Option<&Declared> {
        self.world.sheets.of(self.home())
    }

    fn give_slot(&self, slot: &Slot) -> Option<Value> {
        match self.world.get(slot, self.at) {
            Ok(value) => Some(self.give(&value)),
            Err(Poisoned) => self.poison(),
        }
    }
}

/// A name space of a template.
#[derive(Debug)]
pub(super) struct Scope {
    run: Arc<Run>,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Root,
    Variables,
    Locals,
    Each(Each),
    Setting(&'static str),
    Kind(String),
    /// All instances of an entry with `for_each`.
    Instances(String, String),
    Entry(Address),
    Data,
    DataKind(String),
    Modules,
    /// All instances of a module with `for_each`.
    ModuleInstances(String),
    Module(ModulePath),
}

impl Scope {
    /// Where every template begins.
    pub(super) fn root(run: Arc<Run>) -> Self {
        Self { run, place: Place::Root }
    }

    fn open(&self, place: Place) -> Value {
        Value::from_object(Self { run: self.run.clone(), place })
    }

    fn at_root(&self, name: &str) -> Option<Value> {
        match name {
            "var" => Some(self.open(Place::Variables)),
            "local" => Some(self.open(Place::Locals)),
            "stack" => Some(self.open(Place::Setting("stack"))),
            "aws" => Some(self.open(Place::Setting("aws"))),
            "module" => Some(self.open(Place::Modules)),
            "data" => Some(self.open(Place::Data)),
            "each" => self.each(),
            kind if self.run.world.kinds.contains_key(kind) => Some(self.open(Place::Kind(kind.into()))),
            other => {
                self.run.note(|trace| {
                    trace.missing.get_or_insert_with(|| other.to_owned());
                });
                None
            }
        }
    }

    fn each(&self) -> Option<Value> {
        if let Some(each) = &self.run.frame.each {
            return Some(self.open(Place::Each(each.clone())));
        }
        let help = "add `for_each = [\"a\", \"b\"]` to the entry".to_owned();
        self.run.fault("each", "`each` exists only in an entry with `for_each`".into(), Some(help))
    }

    fn variable(&self, name: &str) -> Option<Value> {
        let declared = self.run.declared().map(|declared| &declared.variables);
        if !self.run.home().is_root() && declared.is_some_and(|declared| declared.contains_key(name)) {
            return self.run.give_slot(&Slot::Variable(self.run.home().clone(), name.into()));
        }
        match self.run.world.variables.get(name).filter(|_| self.run.home().is_root()) {
            Some(Ok(value)) => Some(self.run.give(value)),
            Some(Err(Poisoned)) => self.run.poison(),
            None => {
                let names = declared.into_iter().flatten().map(|(name, _)| name.as_str());
                let help =
                    suggest::help(name, "variable", names).unwrap_or_else(|| format!("declare it: [variable.{name}]"));
                self.run.fault(&format!("var.{name}"), format!("there is no variable `{name}`"), Some(help))
            }
        }
    }

    fn local(&self, name: &str) -> Option<Value> {
        let locals = self.run.declared().map(|declared| &declared.locals);
        if locals.is_some_and(|locals| locals.contains_key(name)) {
            return self.run.give_slot(&Slot::Local(self.run.home().clone(), name.into()));
        }
        self.run.fault(
            &format!("local.{name}"),
            format!("there is no local `{name}`"),
            suggest::help(name, "local", locals.into_iter().flatten().map(|(name, _)| name.as_str())),
        )
    }

    fn setting(&self, section: &'static str, name: &str) -> Option<Value> {
        let path = format!("{section}.{name}");
        let known: &[&str] = if section == "stack" { &["name"] } else { &["region", "account"] };
        if !known.contains(&name) {
            let help = suggest::help(name, "name", known.iter().copied());
            return self.run.fault(&path, format!("there is no `{path}`"), help);
        }
        let spec = self.run.world.sheets.of(&ModulePath::default());
        let table = spec.and_then(|spec| spec.settings.get(section)?.node.table());
        if table.is_some_and(|table| table.contains_key(name)) {
            return self.run.give_slot(&Slot::Setting(section.into(), name.into()));
        }
        self.run.fault(&path, format!("the spec does not set `{path}`"), Some(format!("set `{name}` in [{section}]")))
    }

    fn label(&self, kind: &str, label: &str) -> Option<Value> {
        let Some(declared) = self.run.declared() else { return self.run.poison() };
        match declared.entries.get(&(kind.to_owned(), label.to_owned())).map(|item| item.node.table()) {
            Some(Some(_)) => {}
            Some(None) => return self.run.poison(),
            None => {
                let labels = declared.entries.keys().filter(|(of, _)| of == kind).map(|(_, label)| label.as_str());
                let help = suggest::help(label, "label", labels);
                let path = format!("{kind}.{label}");
                let whole = if self.run.home().is_root() { "spec" } else { "module" };
                return self.run.fault(&path, format!("there is no `{path}` in this {whole}"), help);
            }
        }
        match self.instances(kind, label) {
            Ok(Some(_)) => Some(self.open(Place::Instances(kind.into(), label.into()))),
            Ok(None) => match Address::new(kind, label, None) {
                Ok(at) => Some(self.open(Place::Entry(self.run.home().within(&at)))),
                Err(_) => self.run.poison(),
            },
            Err(Poisoned) => self.run.poison(),
        }
    }

    fn instances(&self, kind: &str, label: &str) -> Result<Option<serde_json::Map<String, Json>>, Poisoned> {
        let slot = Slot::Instances(self.run.home().clone(), kind.to_owned(), label.to_owned());
        self.run.world.instances(&slot, self.run.at)
    }

    fn instance(&self, kind: &str, label: &str, key: &str) -> Option<Value> {
        let path = format!("{kind}.{label}.{key}");
        let instances = match self.instances(kind, label) {
            Ok(instances) => instances.unwrap_or_default(),
            Err(Poisoned) => return self.run.poison(),
        };
        match Address::new(kind, label, Some(key)) {
            Ok(at) if instances.contains_key(key) => Some(self.open(Place::Entry(self.run.home().within(&at)))),
            _ => {
                let attributes =
                    self.run.world.kinds.get(kind).map(|known| known.kind.attributes()).unwrap_or_default();
                let is_attribute = attributes.iter().any(|attribute| attribute.name == key);
                self.no_instance(&format!("{kind}.{label}"), &path, key, &instances, is_attribute)
            }
        }
    }

    /// Says that there is no such instance of an entry or module, or that the instance was left out.
    fn no_instance(
        &self,
        of: &str,
        path: &str,
        key: &str,
        instances: &serde_json::Map<String, Json>,
        is_attribute: bool,
    ) -> Option<Value> {
        let keys: Vec<&str> = instances.keys().map(String::as_str).collect();
        if is_attribute {
            let first = keys.first().copied().unwrap_or("KEY");
            let help = format!("write `{of}.{first}.{key}`; its keys are: {}", keys.join(", "));
            let summary = format!("`{of}` has a `for_each`: say which of its instances");
            return self.run.fault(path, summary, Some(help));
        }
        let help = suggest::help(key, "key", keys);
        self.run.fault(path, format!("`{of}` has no instance `{key}`"), help)
    }

    fn data_kind(&self, kind: &str) -> Option<Value> {
        let kinds = &self.run.world.kinds;
        if kinds.contains_key(kind) {
            return Some(self.open(Place::DataKind(kind.into())));
        }
        let help = suggest::help(kind, "kind", kinds.keys().copied());
        self.run.fault(&format!("data.{kind}"), format!("there is no kind `{kind}`"), help)
    }

    fn lookup(&self, kind: &str, label: &str) -> Option<Value> {
        let Some(declared) = self.run.declared() else { return self.run.poison() };
        if !declared.lookups.contains_key(&(kind.to_owned(), label.to_owned())) {
            let labels = declared.lookups.keys().filter(|(of, _)| of == kind).map(|(_, label)| label.as_str());
            let path = format!("data.{kind}.{label}");
            let help = suggest::help(label, "label", labels)
                .unwrap_or_else(|| format!("declare it: [{path}] with the object's `name`"));
            return self.run.fault(&path, format!("there is no `{path}` in this spec"), Some(help));
        }
        match Address::new(kind, label, None) {
            Ok(at) => Some(self.open(Place::Entry(self.run.home().within(&at.as_data())))),
            Err(_) => self.run.poison(),
        }
    }

    fn module(&self, label: &str) -> Option<Value> {
        let Some(declared) = self.run.declared() else { return self.run.poison() };
        if !declared.calls.contains_key(label) {
            let help = suggest::help(label, "module", declared.calls.keys().map(String::as_str));
            let path = format!("module.{label}");
            return self.run.fault(&path, format!("there is no `{path}` here"), help);
        }
        match self.module_instances(label) {
            Ok(Some(_)) => Some(self.open(Place::ModuleInstances(label.into()))),
            Ok(None) => Some(self.open(Place::Module(self.run.home().inner(label, None)))),
            Err(Poisoned) => self.run.poison(),
        }
    }

    fn module_instances(&self, label: &str) -> Result<Option<serde_json::Map<String, Json>>, Poisoned> {
        self.run.world.instances(&Slot::Modules(self.run.home().clone(), label.to_owned()), self.run.at)
    }

    fn module_instance(&self, label: &str, key: &str) -> Option<Value> {
        let instances = match self.module_instances(label) {
            Ok(instances) => instances.unwrap_or_default(),
            Err(Poisoned) => return self.run.poison(),
        };
        let path = self.run.home().inner(label, Some(key));
        if instances.contains_key(key) {
            return Some(self.open(Place::Module(path)));
        }
        let outputs = self.run.world.sheets.of(&path).map(|declared| &declared.outputs);
        let is_output = outputs.is_some_and(|outputs| outputs.contains_key(key));
        self.no_instance(&format!("module.{label}"), &format!("module.{label}.{key}"), key, &instances, is_output)
    }

    fn output(&self, path: &ModulePath, name: &str) -> Option<Value> {
        let Some(declared) = self.run.world.sheets.of(path) else { return self.run.poison() };
        if declared.outputs.contains_key(name) {
            return self.run.give_slot(&Slot::Output(path.clone(), name.into()));
        }
        let shown = path.split().map_or(String::new(), |(_, step)| match &step.key {
            Some(key) => format!("module.{}.{key}", step.name),
            None => format!("module.{}", step.name),
        });
        let help = suggest::help(name, "output", declared.outputs.keys().map(String::as_str));
        self.run.fault(&format!("{shown}.{name}"), format!("`{shown}` has no output `{name}`"), help)
    }

    fn attribute(&self, at: &Address, name: &str) -> Option<Value> {
        match self.run.world.attribute(at, name, self.run.at) {
            Attribute::Value(value) => Some(self.run.give(&value)),
            Attribute::Fault(summary, help) => self.run.fault(&format!("{at}.{name}"), summary, help),
            Attribute::Poisoned => self.run.poison(),
        }
    }
}

impl Object for Scope {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Map
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        let name = key.as_str()?;
        match &self.place {
            Place::Root => self.at_root(name),
            Place::Variables => self.variable(name),
            Place::Locals => self.local(name),
            Place::Setting(section) => self.setting(section, name),
            Place::Kind(kind) => self.label(kind, name),
            Place::Instances(kind, label) => self.instance(kind, label, name),
            Place::Entry(at) => self.attribute(at, name),
            Place::Data => self.data_kind(name),
            Place::DataKind(kind) => self.lookup(kind, name),
            Place::Modules => self.module(name),
            Place::ModuleInstances(label) => self.module_instance(label, name),
            Place::Module(path) => self.output(path, name),
            Place::Each(each) => match name {
                "key" => Some(self.run.give(&Json::String(each.key.clone()))),
                "value" => Some(self.run.give(&each.value)),
                _ => self.run.fault(
                    &format!("each.{name}"),
                    format!("there is no `each.{name}`"),
                    Some("there are `each.key` and `each.value`".into()),
                ),
            },
        }
    }

    /// Only the instances of an entry or module can be walked.
    fn enumerate(self: &Arc<Self>) -> Enumerator {
        let instances = match &self.place {
            Place::Instances(kind, label) => self.instances(kind, label),
            Place::ModuleInstances(label) => self.module_instances(label),
            _ => return Enumerator::NonEnumerable,
        };
        let instances = instances.ok().flatten().unwrap_or_default();
        Enumerator::Values(instances.keys().map(|key| Value::from(key.as_str())).collect())
    }
}
