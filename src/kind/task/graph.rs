//! What several tasks together can have wrong, found offline. Snowflake finds it only when the root is resumed: after everything else
//! was done. Source: Snowflake documentation, "Task graphs".

use std::collections::{BTreeMap, BTreeSet};

use super::super::Problem;
use super::spec::Spec;
use crate::model::{Address, ObjectName};

/// The most tasks that can run after one.
const CHILDREN: usize = 100;
/// The most tasks in one graph.
const TASKS: usize = 1000;

/// Everything wrong between the declared tasks. Tasks they name but that are not declared are taken for fine.
pub fn graph_problems(tasks: &[(Address, &Spec)]) -> Vec<(Address, Problem)> {
    let graph = Graph::new(tasks);
    let mut problems = Vec::new();
    let cycles = graph.cycles();
    let in_cycle: BTreeSet<&ObjectName> = cycles.iter().flatten().collect();
    for cycle in &cycles {
        let path: Vec<String> = cycle.iter().chain(cycle.first()).map(ToString::to_string).collect();
        let message = format!("these tasks wait for each other: {}", path.join(" runs after "));
        graph.blame(cycle.first(), "after", message, "remove one of the `after`s", &mut problems);
    }
    for name in graph.tasks.keys().filter(|name| !in_cycle.contains(name)) {
        graph.roots_of_one(name, &in_cycle, &mut problems);
        graph.finalizer(name, &mut problems);
        let children = graph.children.get(name).map_or(0, BTreeSet::len);
        if children > CHILDREN {
            let message = format!("{children} tasks run after this one, and at most {CHILDREN} may");
            graph.blame(Some(name), "", message, "put tasks in between", &mut problems);
        }
        let members = graph.descendants(name).len() + 1;
        if graph.is_root(name) && members > TASKS {
            let message = format!("its graph has {members} tasks, and at most {TASKS} are allowed");
            graph.blame(Some(name), "", message, "split the graph", &mut problems);
        }
    }
    problems
}

struct Graph<'a> {
    tasks: BTreeMap<ObjectName, (&'a Address, &'a Spec)>,
    children: BTreeMap<ObjectName, BTreeSet<ObjectName>>,
}

impl<'a> Graph<'a> {
    fn new(tasks: &'a [(Address, &'a Spec)]) -> Self {
        let mut children: BTreeMap<ObjectName, BTreeSet<ObjectName>> = BTreeMap::new();
        for (_, spec) in tasks {
            for before in &spec.after {
                children.entry(before.clone()).or_default().insert(spec.full_name());
            }
        }
        Self { tasks: tasks.iter().map(|(at, spec)| (spec.full_name(), (at, *spec))).collect(), children }
    }

    fn after(&self, name: &ObjectName) -> &'a [ObjectName] {
        self.tasks.get(name).map_or(&[], |(_, spec)| &spec.after)
    }

    fn is_root(&self, name: &ObjectName) -> bool {
        self.tasks.get(name).is_some_and(|(_, spec)| spec.after.is_empty() && spec.finalize.is_none())
    }

    fn descendants(&self, name: &ObjectName) -> BTreeSet<&ObjectName> {
        reach(name, |name| self.children.get(name).into_iter().flatten())
    }

    /// Every cycle once, from its first name on.
    fn cycles(&self) -> Vec<Vec<ObjectName>> {
        let mut found: Vec<Vec<ObjectName>> = Vec::new();
        let mut done: BTreeSet<&ObjectName> = BTreeSet::new();
        for start in self.tasks.keys() {
            // Longer loops through one task than itself; a task after itself is found where the task is checked alone.
            let mut path: Vec<&ObjectName> = vec![start];
            let mut branches = vec![self.after(start).iter()];
            while let Some(branch) = branches.last_mut() {
                match branch.next() {
                    Some(next) if path.last() == Some(&next) => {}
                    Some(next) => match path.iter().position(|on| *on == next) {
                        Some(at) => {
                            let around = path.get(at..).unwrap_or_default();
                            found.push(around.iter().map(|name| (*name).clone()).collect());
                        }
                        None if done.contains(next) => {}
                        None => {
                            path.push(next);
                            branches.push(self.after(next).iter());
                        }
                    },
                    None => {
                        branches.pop();
                        done.extend(path.pop());
                    }
                }
            }
        }
        found
    }

    /// Complains where two graphs first join.
    fn roots_of_one(
        &self,
        name: &ObjectName,
        in_cycle: &BTreeSet<&ObjectName>,
        problems: &mut Vec<(Address, Problem)>,
    ) {
        let above = |of: &ObjectName| {
            let mut names: BTreeSet<ObjectName> =
                reach(of, |name| self.after(name).iter()).into_iter().cloned().collect();
            names.insert(of.clone());
            names
        };
        let roots = |of: &ObjectName| -> BTreeSet<ObjectName> {
            above(of).into_iter().filter(|name| self.is_root(name)).collect()
        };
        let own = roots(name);
        let joined_before = self.after(name).iter().any(|before| roots(before).len() == own.len());
        let tangled = above(name).iter().any(|name| in_cycle.contains(name));
        if own.len() > 1 && !joined_before && !tangled {
            let names: Vec<String> = own.iter().map(ToString::to_string).collect();
            let message =
                format!("a graph has one root task, and this task hangs on {}: {}", own.len(), names.join(", "));
            self.blame(
                Some(name),
                "after",
                message,
                "make one of them run after the other, or split the graph",
                problems,
            );
        }
    }

    fn finalizer(&self, name: &ObjectName, problems: &mut Vec<(Address, Problem)>) {
        let Some((_, spec)) = self.tasks.get(name) else { return };
        let Some(root) = &spec.finalize else { return };
        if self.tasks.contains_key(root) && !self.is_root(root) {
            let message = format!("{root} is not a root task, and only a root task has a finalizer");
            self.blame(Some(name), "finalize", message, "name the root task of the graph", problems);
        }
        if let Some(child) = self.children.get(name).and_then(BTreeSet::first) {
            let message = format!("nothing runs after a finalizer, and {name} is one");
            self.blame(Some(child), "after", message, "move it before the finalizer", problems);
        }
        let others = self.tasks.iter().filter(|(_, (_, spec))| spec.finalize.as_ref() == Some(root));
        if let Some((first, _)) = others.min_by_key(|(name, _)| *name).filter(|(first, _)| *first != name) {
            let message = format!("{first} is the finalizer of {root} already, and a graph has one");
            self.blame(Some(name), "finalize", message, "put both into one task", problems);
        }
    }

    fn blame(
        &self,
        name: Option<&ObjectName>,
        field: &str,
        message: String,
        hint: &str,
        problems: &mut Vec<(Address, Problem)>,
    ) {
        let at = name.and_then(|name| self.tasks.get(name));
        problems.extend(at.map(|(at, _)| ((*at).clone(), Problem::new(field, message).hint(hint))));
    }
}

/// All that can be reached from a task, without itself unless it lies on a cycle.
fn reach<'a, I: Iterator<Item = &'a ObjectName>>(
    from: &ObjectName,
    next: impl Fn(&ObjectName) -> I,
) -> BTreeSet<&'a ObjectName> {
    let mut seen = BTreeSet::new();
    let mut open: Vec<&ObjectName> = next(from).collect();
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(next(name));
        }
    }
    seen
}
