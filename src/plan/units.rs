//! In which units the work is done, and in which order.
//!
//! An edge exists only where an operation needs a fact, where the cloud demands an order, or where the spec says so.

use std::collections::{BTreeMap, BTreeSet};

use super::drafts::Drafts;
use super::{Problem, Step, World};
use crate::graph::{Cycle, Graph};
use crate::kind::{Cx, Dep, Draft, MAIN, Part, Ref, Unit};
use crate::model::{Action, Address, Call, Fact, LiveId, Op};

/// The part that destroys the old object of a replacement.
const REMOVAL: &str = "removal";

/// The steps of a plan, each after those it waits for.
pub(super) fn steps(world: &World<'_>, wanted: &Drafts) -> Result<Vec<Step>, Vec<Problem>> {
    let units = units(world, wanted);
    let places = Places::new(&units);
    let mut graph = Graph::new(units.len());
    for (node, unit) in units.iter().enumerate() {
        for dep in &unit.after {
            places.part(dep).for_each(|first| graph.edge(first, node, "it comes first"));
        }
    }
    references(wanted, &places, &mut graph);
    declared_order(world, wanted, &places, &mut graph);
    facts(&units, wanted, &mut graph)?;
    let order = graph.order().map_err(|cycle| vec![explain(&units, &cycle)])?;
    let mut place = vec![0; order.len()];
    order.iter().enumerate().for_each(|(at, node)| place[*node] = at);
    let before = graph.predecessors();
    let mut units: Vec<Option<Unit>> = units.into_iter().map(Some).collect();
    let step = |node: &usize| {
        let unit = units[*node].take()?;
        let mut after: Vec<usize> = before[*node].iter().map(|first| place[*first]).collect();
        after.sort_unstable();
        Some(Step {
            serves: unit.serves.into_iter().map(|(at, _, part)| (at, part.to_owned())).collect(),
            ops: unit.ops.iter().map(|op| op.resolve(&wanted.facts)).collect(),
            after,
        })
    };
    Ok(order.iter().filter_map(step).collect())
}

/// Where the parts of objects are among the units.
struct Places(BTreeMap<LiveId, BTreeMap<&'static str, usize>>);

impl Places {
    fn new(units: &[Unit]) -> Self {
        let mut places: BTreeMap<LiveId, BTreeMap<&'static str, usize>> = BTreeMap::new();
        for (node, unit) in units.iter().enumerate() {
            for (_, id, part) in &unit.serves {
                places.entry(id.clone()).or_default().insert(part, node);
            }
        }
        Self(places)
    }

    fn part(&self, dep: &Dep) -> impl Iterator<Item = usize> {
        self.0.get(&dep.of).and_then(|parts| parts.get(dep.part)).copied().into_iter()
    }

    /// All units of an object but its removal.
    fn all(&self, id: &LiveId) -> impl Iterator<Item = usize> {
        let parts = self.0.get(id).into_iter().flatten();
        parts.filter(|(part, _)| **part != REMOVAL).map(|(_, node)| *node)
    }

    fn main(&self, id: &LiveId) -> Option<usize> {
        self.0.get(id).and_then(|parts| parts.get(MAIN)).copied()
    }

    /// What destroys an object: its removal, or the main unit of an object that is only destroyed.
    fn removal(&self, draft: &Draft) -> Option<usize> {
        let parts = self.0.get(&draft.id)?;
        let only = (draft.action == Action::Delete).then(|| parts.get(MAIN)).flatten();
        parts.get(REMOVAL).or(only).copied()
    }
}

/// Turns drafts into units: each kind puts its own together, replacements fall into two halves, follow-ups join if something sets them off.
fn units(world: &World<'_>, wanted: &Drafts) -> Vec<Unit> {
    let cx = Cx { context: world.options.context, facts: &wanted.facts, gifts: &world.gifts };
    let halved = halved(wanted);
    let mut units = Vec::new();
    let mut by_batch: BTreeMap<usize, Vec<Draft>> = BTreeMap::new();
    for draft in wanted.drafts.iter().filter(|draft| draft.action != Action::Keep) {
        let mut draft = draft.clone();
        if draft.action == Action::Replace && !draft.removal.is_empty() {
            if halved.contains(&draft.id) {
                let ops = draft.removal.iter().flat_map(|part| part.ops.clone()).collect();
                let serves = vec![(draft.at.clone(), draft.id.clone(), REMOVAL)];
                units.push(Unit { serves, ops, after: Vec::new() });
            } else {
                let removal = std::mem::take(&mut draft.removal);
                let before = removal.into_iter().flat_map(|part| part.ops);
                match draft.parts.iter_mut().find(|part| part.name == MAIN) {
                    Some(main) => main.ops.splice(0..0, before).for_each(drop),
                    None => draft.parts.insert(0, Part::main(before.collect())),
                }
            }
        }
        if draft.action == Action::Delete {
            empty_first(world, &mut draft);
        }
        by_batch.entry(batch_of(world, &draft)).or_default().push(draft);
    }
    for (batch, drafts) in &by_batch {
        let drafts: Vec<&Draft> = drafts.iter().collect();
        units.extend(world.live.batches[*batch].weave(&drafts, cx));
    }
    follow(wanted, &mut units);
    units
}

/// Replacements whose destroying half must be a unit of its own, because the removal of something else comes before it or after it.
fn halved(wanted: &Drafts) -> BTreeSet<LiveId> {
    let removed = |draft: &&Draft| matches!(draft.action, Action::Delete | Action::Replace);
    let gone: BTreeSet<&LiveId> = wanted.drafts.iter().filter(removed).map(|draft| &draft.id).collect();
    let mut halved = BTreeSet::new();
    for draft in wanted.drafts.iter().filter(removed) {
        let refs = if draft.action == Action::Delete { &draft.refs } else { &draft.had };
        for r in refs.iter().filter(|r| gone.contains(&r.to)) {
            halved.extend([draft.id.clone(), r.to.clone()]);
        }
    }
    halved
}

/// The batch of a draft; an orphan belongs to the batch of its kind.
fn batch_of(world: &World<'_>, draft: &Draft) -> usize {
    let by_kind = || world.live.batches.iter().position(|batch| batch.kind() == draft.id.kind);
    by_kind().or_else(|| world.batch_of.get(&draft.at).copied()).unwrap_or_default()
}

/// A bucket whose content may go is emptied before it is deleted.
fn empty_first(world: &World<'_>, draft: &mut Draft) {
    for bucket in world.options.empty_buckets {
        let deletes =
            |op: &Op| matches!(&op.act, crate::model::Act::Aws(Call::DeleteBucket { bucket: b }) if b == bucket);
        for part in &mut draft.removal {
            if let Some(at) = part.ops.iter().position(deletes) {
                part.ops.insert(at, Op::aws(Call::EmptyBucket { bucket: bucket.clone() }));
            }
        }
    }
}

/// Adds the follow-ups that something in the plan sets off, until nothing more is set off.
fn follow(wanted: &Drafts, units: &mut Vec<Unit>) {
    let mut there: BTreeSet<Dep> = BTreeSet::new();
    let serves = |unit: &Unit| unit.serves.iter().map(|(_, id, part)| Dep::new(id.clone(), part)).collect::<Vec<_>>();
    there.extend(units.iter().flat_map(serves));
    let mut waiting: Vec<(&Draft, &Part)> = wanted
        .drafts
        .iter()
        .filter(|draft| draft.action != Action::Delete)
        .flat_map(|draft| draft.follow_ups.iter().map(move |part| (draft, part)))
        .collect();
    loop {
        let (now, later): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|(_, part)| part.triggers.iter().any(|dep| there.contains(dep)));
        if now.is_empty() {
            return;
        }
        for (draft, part) in now {
            there.insert(Dep::new(draft.id.clone(), part.name));
            units.extend(crate::kind::batch::separate(&draft.at, &draft.id, vec![part.clone()]));
        }
        waiting = later;
    }
}

/// What the clouds demand: an object after what it refers to, a removal after the removal of what refers to it.
fn references(wanted: &Drafts, places: &Places, graph: &mut Graph) {
    let by_id: BTreeMap<&LiveId, &Draft> = wanted.drafts.iter().map(|draft| (&draft.id, draft)).collect();
    for draft in &wanted.drafts {
        let gone = match draft.action {
            Action::Delete => &draft.refs,
            Action::Keep | Action::Create | Action::Update | Action::Adopt | Action::Replace | Action::Forget => {
                &draft.had
            }
        };
        for r in gone {
            let Some(removed) = by_id.get(&r.to).and_then(|to| places.removal(to)) else { continue };
            // Whatever ends the reference comes first: the removal of the object, or the change that points it elsewhere.
            let ends = places.removal(draft).or_else(|| places.main(&draft.id));
            ends.into_iter().for_each(|first| graph.edge(first, removed, r.why));
        }
        if draft.action == Action::Delete {
            continue;
        }
        for r in &draft.refs {
            let deleted = by_id.get(&r.to).is_some_and(|to| to.action == Action::Delete);
            let Some(first) = places.main(&r.to).filter(|_| !deleted) else { continue };
            places.all(&draft.id).for_each(|then| graph.edge(first, then, r.why));
        }
        if let (Some(removal), Some(main)) = (places.removal(draft), places.main(&draft.id)) {
            graph.edge(removal, main, "the old object goes first");
        }
        // The main part of an object comes before its other parts.
        if let Some(main) = places.main(&draft.id) {
            places.all(&draft.id).for_each(|then| graph.edge(main, then, "it must exist"));
        }
    }
    // A renamed object: the old name goes first, unless something moves from the old one to the new one, which both have to be there for.
    let moves = |old: &LiveId, new: &LiveId| {
        let to = |refs: &[Ref], id: &LiveId| refs.iter().any(|r| r.to == *id);
        let stays = |draft: &&Draft| draft.action != Action::Replace;
        wanted.drafts.iter().filter(stays).any(|draft| to(&draft.had, old) && to(&draft.refs, new))
    };
    let removals = wanted.drafts.iter().filter(|draft| wanted.renamed.contains(&draft.id));
    let by_at: BTreeMap<&Address, &Draft> = wanted
        .drafts
        .iter()
        .filter(|draft| !wanted.renamed.contains(&draft.id))
        .map(|draft| (&draft.at, draft))
        .collect();
    for old in removals {
        let new = by_at.get(&old.at).filter(|draft| draft.id != old.id && !moves(&old.id, &draft.id));
        if let (Some(first), Some(then)) = (places.main(&old.id), new.and_then(|new| places.main(&new.id))) {
            graph.edge(first, then, "the old object goes first");
        }
    }
}

/// What the spec says with `depends_on`; the other way round for removals.
fn declared_order(world: &World<'_>, wanted: &Drafts, places: &Places, graph: &mut Graph) {
    let by_at: BTreeMap<&Address, &Draft> = wanted.drafts.iter().map(|draft| (&draft.at, draft)).collect();
    for draft in &wanted.drafts {
        let Some(entry) = world.options.entries.get(&draft.at) else { continue };
        for other in entry.depends_on.iter().filter_map(|at| by_at.get(at)) {
            match (draft.action, other.action) {
                (Action::Delete, Action::Delete) => {
                    if let (Some(first), Some(then)) = (places.removal(draft), places.removal(other)) {
                        graph.edge(first, then, "depends_on");
                    }
                }
                (Action::Delete, _) | (_, Action::Delete) => {}
                _ => {
                    for first in places.all(&other.id) {
                        places.all(&draft.id).for_each(|then| graph.edge(first, then, "depends_on"));
                    }
                }
            }
        }
    }
}

/// What operations need to know comes from the step that learns it.
fn facts(units: &[Unit], wanted: &Drafts, graph: &mut Graph) -> Result<(), Vec<Problem>> {
    let mut told_by: BTreeMap<&Fact, usize> = BTreeMap::new();
    for (node, unit) in units.iter().enumerate() {
        told_by.extend(unit.ops.iter().flat_map(|op| &op.learn).map(|learn| (&learn.fact, node)));
    }
    let mut problems = Vec::new();
    for (node, unit) in units.iter().enumerate() {
        for fact in unit.ops.iter().flat_map(Op::needs) {
            match told_by.get(&fact) {
                Some(first) => graph.edge(*first, node, format!("it tells {fact}")),
                None if wanted.facts.get(&fact).is_some() => {}
                None => {
                    let address = unit.serves.first().map_or_else(|| fact.of.clone(), |(at, ..)| at.clone());
                    problems.push(Problem::Untold { address, fact });
                }
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn explain(units: &[Unit], Cycle(path): &Cycle) -> Problem {
    let name = |node: usize| units[node].serves.first().map(|(at, ..)| at.to_string()).unwrap_or_default();
    Problem::Cycle(path.iter().map(|(node, why)| format!("{} ({why})", name(*node))).collect())
}
