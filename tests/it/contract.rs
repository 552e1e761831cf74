//! The contract every kind keeps, against the embedded clouds. `tests/contract/<kind>.toml` holds a spec, the entry it is about, changes of
//! single fields, and changes made behind the program's back.
//!
//! Create, then observe what was wanted. Change one field: the plan finds exactly it, one apply converges, and back again. Destroy, and
//! nothing is left. No secret is ever in a plan.

mod coverage;
mod data;
mod export;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::rc::Rc;

use snowssi::kind;
use snowssi::model::{Action, Address};
use snowssi::plan::{Mode, Plan};
use snowssi::spec::Model;
use toml::Table;

use self::data::{Contract, Drift, FieldChange};
use crate::world::{SECRET, World};

/// Reads the contract of a kind.
fn read(kind: &str) -> Contract {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/contract").join(format!("{kind}.toml"));
    let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{kind} has no {}", path.display()));
    let contract: Contract = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(contract.subject.kind(), kind);
    contract
}

#[test]
fn every_kind_keeps_its_contract() {
    // One kind alone: `CONTRACT=stage cargo test contract`.
    let only = std::env::var("CONTRACT").ok();
    let wanted = |kind: &&str| only.as_deref().is_none_or(|only| only == *kind);
    let kinds: Vec<&str> = kind::all().iter().map(|kind| kind.name()).filter(wanted).collect();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let runs: Vec<_> = kinds.iter().map(|kind| (kind, scope.spawn(move || keeps(&read(kind))))).collect();
        let failure = |(kind, run): (&&str, std::thread::ScopedJoinHandle<'_, Vec<String>>)| match run.join() {
            Ok(failures) => failures.into_iter().map(|failure| format!("{kind}: {failure}")).collect(),
            Err(_) => vec![format!("{kind}: panicked, see above")],
        };
        runs.into_iter().flat_map(failure).collect()
    });
    assert!(failures.is_empty(), "\n{}", failures.join("\n"));
}

/// A contract that is being checked.
struct Check<'a> {
    contract: &'a Contract,
    world: World,
    base: Rc<Model>,
    failures: Vec<String>,
}

/// What a plan has to be.
struct Expected {
    at: Address,
    action: Action,
    fields: BTreeSet<String>,
}

fn keeps(contract: &Contract) -> Vec<String> {
    let world = World::new();
    for statement in &contract.prepare {
        world.sql(statement);
    }
    contract.prepare_calls.iter().for_each(|call| world.call(call));
    let base = world.read(&toml::to_string(&contract.spec).unwrap()).unwrap_or_else(|problems| panic!("{problems}"));
    let mut check = Check { contract, world, base: Rc::new(base), failures: Vec::new() };
    check.create();
    contract.change.iter().for_each(|change| check.change(change));
    contract.drift.iter().for_each(|drift| check.drift(drift));
    check.quiet(&Rc::clone(&check.base), Mode::Apply, "the last change");
    check.created();
    if contract.secret && check.world.fetched() == 0 {
        check.fail("no secret was ever sent");
    }
    check.failures
}

impl Check<'_> {
    fn fail(&mut self, what: impl Into<String>) {
        self.failures.push(what.into());
    }

    fn create(&mut self) {
        let subject = &self.contract.subject;
        let Some(plan) = self.apply(&Rc::clone(&self.base), Mode::Apply, "creation") else { return };
        if !plan.resources.iter().any(|resource| resource.address == *subject && resource.action == Action::Create) {
            self.fail(format!("{subject} is not created"));
        }
        self.quiet(&Rc::clone(&self.base), Mode::Apply, "creation");
        self.imported(&self.contract.spec, &Rc::clone(&self.base), "creation");
    }

    /// What is there can be written down as a spec that changes nothing.
    fn imported(&mut self, spec: &Table, model: &Model, after: &str) {
        let read = export::spec(&self.world, self.contract, spec, model);
        let after = format!("{after} and import");
        match read.and_then(|text| Ok((self.world.read(&text)?, text))) {
            Ok((again, text)) => {
                let before = self.failures.len();
                self.quiet(&again, Mode::Apply, &after);
                if self.failures.len() > before {
                    self.fail(format!("after {after} the spec is\n{text}"));
                }
            }
            Err(error) => self.fail(format!("after {after}: {error}")),
        }
    }

    fn change(&mut self, change: &FieldChange) {
        let name = change.label(self.contract);
        let there = format!("the change of {name}");
        let back = format!("changing {name} back");
        let text = toml::to_string(&data::edit(self.contract, change)).unwrap();
        let edited = match self.world.read(&text) {
            Ok(edited) => edited,
            Err(problems) => return self.fail(format!("{there} is refused: {problems}")),
        };
        if change.ignored {
            return self.quiet(&edited, Mode::Apply, &there);
        }
        if let Some(why) = &change.refused {
            match self.world.try_plan(&edited, Mode::Apply) {
                Ok(_) => self.fail(format!("{there} is not refused")),
                Err(error) if !error.contains(why) => self.fail(format!("{there} is refused with {error}")),
                Err(_) => {}
            }
            return;
        }
        let found = match change.untried {
            Some(_) => self.plan(&edited, Mode::Apply, &there),
            None => self.apply(&edited, Mode::Apply, &there),
        };
        let at = change.seen_at(self.contract);
        let action = if change.replaces { Action::Replace } else { Action::Update };
        let expected = Expected { at: at.clone(), action, fields: change.shown() };
        self.exactly(found.as_ref(), expected, &change.along, &there);
        if change.untried.is_some() {
            return;
        }
        self.quiet(&edited, Mode::Apply, &there);
        let base = Rc::clone(&self.base);
        if change.stays {
            return self.quiet(&base, Mode::Apply, &back);
        }
        // What this leaves undone the next change finds, as it has to be found alone.
        let found = self.apply(&base, Mode::Apply, &back);
        let replaced = (change.replaces && !change.altered_back) || change.replaces_back;
        let action = if replaced { Action::Replace } else { Action::Update };
        let expected = Expected { at, action, fields: change.shown_back() };
        let along = change.along_back.as_ref().unwrap_or(&change.along);
        self.exactly(found.as_ref(), expected, along, &back);
    }

    /// Something is changed behind the program's back: the plan finds exactly it and brings it back.
    fn drift(&mut self, drift: &Drift) {
        let when = format!("drift of {}", drift.field);
        drift.sql.iter().for_each(|statement| self.world.sql(statement));
        drift.call.iter().for_each(|call| self.world.call(call));
        let base = Rc::clone(&self.base);
        let found = self.apply(&base, Mode::Apply, &when);
        let at = drift.at.clone().unwrap_or_else(|| self.contract.subject.clone());
        let action = if drift.replaces { Action::Replace } else { Action::Update };
        let fields = drift.also.iter().chain([&drift.field]).cloned().collect();
        self.exactly(found.as_ref(), Expected { at, action, fields }, &drift.along, &when);
    }

    /// What can be changed can be created so: one object more for each change. In the end all is destroyed.
    fn created(&mut self) {
        let mut last = Rc::clone(&self.base);
        for spec in data::with_others(self.contract) {
            match self.world.read(&toml::to_string(&spec).unwrap()) {
                Ok(more) => last = Rc::new(more),
                Err(problems) => return self.fail(format!("others beside it are refused: {problems}")),
            }
            self.apply(&last, Mode::Apply, "the creation of others");
            self.quiet(&last, Mode::Apply, "the creation of others");
            self.imported(&spec, &Rc::clone(&last), "the creation of others");
        }
        self.destroy(&last);
    }

    fn destroy(&mut self, all: &Model) {
        self.apply(all, Mode::Destroy, "destruction");
        self.quiet(all, Mode::Destroy, "destruction");
        if let Some(again) = self.plan(all, Mode::Apply, "the plan after destruction") {
            // A key that is pending deletion is brought back rather than created.
            let new = |action| matches!(action, Action::Create | Action::Update | Action::Adopt);
            let left: Vec<_> = again.resources.iter().filter(|resource| !new(resource.action)).collect();
            if !left.is_empty() || again.resources.len() != all.entries.len() {
                self.fail(format!("something is left after its destruction: {left:?}"));
            }
        }
    }

    /// Plans; what goes wrong is a failure, and so is a secret in the plan.
    fn plan(&mut self, model: &Model, mode: Mode, when: &str) -> Option<Plan> {
        let plan = self.world.try_plan(model, mode);
        self.keep(plan, when)
    }

    fn apply(&mut self, model: &Model, mode: Mode, when: &str) -> Option<Plan> {
        let plan = self.world.try_apply(model, mode);
        self.keep(plan, when)
    }

    fn keep(&mut self, plan: Result<Plan, String>, when: &str) -> Option<Plan> {
        match plan {
            Ok(plan) => {
                if serde_json::to_string(&plan).unwrap().contains(SECRET) {
                    self.fail(format!("{when}: the plan holds the secret"));
                }
                Some(plan)
            }
            Err(error) => {
                self.fail(format!("{when} fails: {error}"));
                None
            }
        }
    }

    fn quiet(&mut self, model: &Model, mode: Mode, after: &str) {
        let plan = self.plan(model, mode, &format!("the plan after {after}"));
        self.empty(plan.as_ref(), after);
    }

    fn empty(&mut self, plan: Option<&Plan>, after: &str) {
        for resource in plan.iter().flat_map(|plan| &plan.resources) {
            let changes: Vec<String> = resource
                .changes
                .iter()
                .map(|change| format!("{}: {:?} -> {:?}", change.field, change.before, change.after))
                .collect();
            let (action, at) = (resource.action, &resource.address);
            self.fail(format!("after {after} the plan has {action:?} {at} [{}]", changes.join("; ")));
        }
    }

    /// The plan changes this, and nothing else but what goes along with it.
    fn exactly(&mut self, plan: Option<&Plan>, expected: Expected, along: &[Address], when: &str) {
        let Some(plan) = plan else { return };
        let Expected { at, action, fields } = expected;
        match plan.resources.iter().find(|resource| resource.address == at) {
            Some(resource) => {
                let shown: BTreeSet<String> = resource.changes.iter().map(|change| change.field.clone()).collect();
                if resource.action != action || shown != fields {
                    let shown = &resource.changes;
                    self.fail(format!(
                        "{when} is a {:?} of {shown:?}, not a {action:?} of {fields:?}",
                        resource.action
                    ));
                }
            }
            None => self.fail(format!("{when} is not found")),
        }
        let others: BTreeSet<&Address> = plan.resources.iter().map(|resource| &resource.address).collect();
        let expected: BTreeSet<&Address> = along.iter().chain([&at]).collect();
        if others != expected {
            self.fail(format!("{when} touches {others:?}, not {expected:?}"));
        }
    }
}
