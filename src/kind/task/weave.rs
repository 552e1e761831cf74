//! A graph of tasks as one unit of work.
//!
//! Snowflake refuses any change to a task while the root of its graph is started (091421), whoever owns the root. So for every graph
//! that something changes in: its started roots are suspended once, finalizers that go are dropped, tasks are created and altered with
//! predecessors first, the others that go are dropped with successors first, and what should run is resumed, the root last. A root
//! that was suspended is resumed too if the work fails or is interrupted; what was suspended before stays so.

use std::collections::{BTreeMap, BTreeSet};

use super::super::{Dep, Drafted, Unit};
use super::{Props, Task, statements};
use crate::kind::Kind;
use crate::model::{Act, Address, LiveId, ObjectName, Op};

/// One unit for each graph in which something changes.
pub(super) fn weave(drafts: Vec<Drafted<'_, Props>>, others: &[(&LiveId, &Props)]) -> Vec<Unit> {
    let mut tasks: BTreeMap<&ObjectName, Node<'_>> = BTreeMap::new();
    for (_, props) in others {
        tasks.insert(&props.name, Node { live: Some(props), want: Some(props), work: None });
    }
    for draft in drafts {
        let Some(name) = draft.want.or(draft.have).map(|props| &props.name) else { continue };
        if draft.parts.is_empty() {
            tasks.insert(name, Node { live: draft.have, want: draft.want.or(draft.have), work: None });
        } else {
            tasks.insert(name, Node::new(draft));
        }
    }
    let neighbours = neighbours(&tasks);
    let mut units = Vec::new();
    let at_work: Vec<&ObjectName> =
        tasks.iter().filter(|(_, node)| node.work.is_some()).map(|(name, _)| *name).collect();
    for first in at_work {
        let names = together(first, &neighbours);
        let graph = names.into_iter().filter_map(|name| tasks.remove_entry(name)).collect();
        units.extend(Graph(graph).unit());
    }
    units
}

/// A task of a graph.
struct Node<'a> {
    /// As it is; absent if there is none, or if it is gone before the unit begins.
    live: Option<&'a Props>,
    /// As it shall be; absent if it shall go.
    want: Option<&'a Props>,
    /// What is planned for it; absent if it is kept.
    work: Option<Work<'a>>,
}

struct Work<'a> {
    at: &'a Address,
    id: &'a LiveId,
    parts: Vec<(&'static str, Vec<Op>, Vec<Dep>)>,
}

impl<'a> Node<'a> {
    fn new(draft: Drafted<'a, Props>) -> Self {
        let Drafted { at, id, want, have, parts } = draft;
        // The creating half of a replacement: the old task is dropped by then.
        let creates =
            parts.iter().flat_map(|part| &part.ops).any(|op| want.is_some_and(|want| *op == statements::create(want)));
        let parts = parts.into_iter().map(|part| {
            let after = part.after.into_iter().chain(part.triggers).collect();
            (part.name, part.ops, after)
        });
        Self { live: have.filter(|_| !creates), want, work: Some(Work { at, id, parts: parts.collect() }) }
    }

    fn ops(&self) -> impl Iterator<Item = &Op> {
        self.work.iter().flat_map(|work| work.parts.iter().flat_map(|(_, ops, _)| ops))
    }
}

/// What a task hangs on.
fn links(props: Option<&Props>) -> impl Iterator<Item = &ObjectName> {
    props.into_iter().flat_map(|props| props.after.iter().chain(&props.finalize))
}

fn is_root(props: &Props) -> bool {
    props.after.is_empty() && props.finalize.is_none()
}

type Neighbours<'a> = BTreeMap<&'a ObjectName, Vec<&'a ObjectName>>;

/// What hangs on what, as it is or as it shall be, in both directions.
fn neighbours<'a>(tasks: &BTreeMap<&'a ObjectName, Node<'a>>) -> Neighbours<'a> {
    let mut neighbours = Neighbours::new();
    for (name, node) in tasks {
        for other in links(node.live).chain(links(node.want)) {
            neighbours.entry(name).or_default().push(other);
            neighbours.entry(other).or_default().push(name);
        }
    }
    neighbours
}

/// All tasks that hang together with one.
fn together<'a>(first: &'a ObjectName, neighbours: &Neighbours<'a>) -> BTreeSet<&'a ObjectName> {
    let mut seen = BTreeSet::new();
    let mut open = vec![first];
    while let Some(name) = open.pop() {
        if seen.insert(name) {
            open.extend(neighbours.get(name).into_iter().flatten());
        }
    }
    seen
}

/// A graph, or several that are about to be joined or split.
struct Graph<'a>(BTreeMap<&'a ObjectName, Node<'a>>);

impl Graph<'_> {
    fn unit(self) -> Option<Unit> {
        let works = || self.0.values().filter_map(|node| node.work.as_ref());
        works().next()?;
        let mut unit = Unit { serves: Vec::new(), ops: Vec::new(), after: Vec::new() };
        for work in works() {
            for (part, _, after) in &work.parts {
                unit.serves.push((work.at.clone(), work.id.clone(), part));
                let own = |dep: &&Dep| dep.of.kind != Task::NAME || works().all(|work| *work.id != dep.of);
                unit.after.extend(after.iter().filter(own).cloned());
            }
        }
        let suspended = self.suspend(&mut unit.ops);
        self.change(&mut unit.ops);
        self.resume(&suspended, &mut unit.ops);
        Some(unit)
    }

    /// Suspends started roots, and then what shall not run any more. Gives all that are suspended in the end.
    fn suspend(&self, ops: &mut Vec<Op>) -> BTreeSet<&ObjectName> {
        let started = |node: &Node<'_>| node.live.is_some_and(|live| live.started);
        let unwanted = |node: &Node<'_>| node.work.is_some() && node.want.is_some_and(|want| !want.started);
        let mut roots: Vec<_> =
            self.0.iter().filter(|(_, node)| started(node) && node.live.is_some_and(is_root)).collect();
        // Compensation goes backwards, so the roots that stay roots come first and are resumed last.
        roots.sort_by_key(|(name, node)| (!node.want.is_some_and(is_root), **name));
        let mut suspended: BTreeSet<&ObjectName> =
            self.0.iter().filter(|(_, node)| !started(node)).map(|(name, _)| *name).collect();
        for (name, node) in roots {
            let op = Op::sql(statements::suspend(name));
            let back = Act::Sql(statements::resume_if_exists(name));
            ops.push(if unwanted(node) { op } else { op.undone_by(back) });
            suspended.insert(name);
        }
        for (name, node) in &self.0 {
            if unwanted(node) && !suspended.contains(name) {
                ops.push(Op::sql(statements::suspend(name)));
                suspended.insert(name);
            }
        }
        suspended
    }

    fn change(&self, ops: &mut Vec<Op>) {
        let goes = |node: &Node<'_>| node.want.is_none();
        let finalizer = |node: &Node<'_>| node.live.is_some_and(|live| live.finalize.is_some());
        // A root has one finalizer, so the old one goes before a new one comes.
        for node in self.0.values().filter(|node| goes(node) && finalizer(node)) {
            ops.extend(node.ops().cloned());
        }
        for node in self.ordered(|node| node.want).into_iter().filter(|node| !goes(node)) {
            ops.extend(node.ops().cloned());
        }
        for node in self.ordered(|node| node.live).into_iter().rev().filter(|node| goes(node) && !finalizer(node)) {
            ops.extend(node.ops().cloned());
        }
    }

    /// Resumes what should run and does not: children and finalizers before what they hang on, roots last.
    fn resume(&self, suspended: &BTreeSet<&ObjectName>, ops: &mut Vec<Op>) {
        let order: Vec<_> = self.ordered(|node| node.want).into_iter().rev().collect();
        let (roots, inner): (Vec<_>, Vec<_>) = order.into_iter().partition(|node| node.want.is_some_and(is_root));
        for node in inner.into_iter().chain(roots) {
            let Some(want) = node.want.filter(|want| want.started) else { continue };
            // A child or finalizer that is made into something else is a root in between, and a new root is suspended.
            let shape = |props: &Props| (props.after.is_empty(), props.finalize.is_none());
            let unhinged =
                node.work.is_some() && node.live.is_some_and(|live| !is_root(live) && shape(live) != shape(want));
            if suspended.contains(&want.name) || unhinged {
                ops.push(Op::sql(statements::resume(&want.name)));
            }
        }
    }

    /// Every task after those it hangs on; who gives up the place of a finalizer before who takes it.
    fn ordered<'b>(&'b self, side: impl Fn(&'b Node<'b>) -> Option<&'b Props>) -> Vec<&'b Node<'b>> {
        let takes = |node: &Node<'_>| node.want.and_then(|want| want.finalize.clone());
        let holds = |node: &Node<'_>| node.live.and_then(|live| live.finalize.clone());
        let mut waits: BTreeMap<&ObjectName, BTreeSet<&ObjectName>> = BTreeMap::new();
        for (name, node) in &self.0 {
            let mut before: BTreeSet<&ObjectName> =
                links(side(node)).filter_map(|link| self.0.get_key_value(link).map(|(name, _)| *name)).collect();
            if let Some(root) = takes(node).filter(|_| takes(node) != holds(node)) {
                let gives_up =
                    |other: &Node<'_>| holds(other).as_ref() == Some(&root) && takes(other).as_ref() != Some(&root);
                before.extend(self.0.iter().filter(|(_, other)| gives_up(other)).map(|(name, _)| *name));
            }
            before.remove(*name);
            waits.insert(name, before);
        }
        let mut order = Vec::new();
        while let Some(next) =
            waits.iter().find(|(_, before)| before.is_empty()).or(waits.iter().next()).map(|(name, _)| *name)
        {
            // Without a task that waits for nothing there is a cycle, which the checks refuse; then any order is as good.
            waits.remove(next);
            for before in waits.values_mut() {
                before.remove(next);
            }
            order.extend(self.0.get(next));
        }
        order
    }
}
