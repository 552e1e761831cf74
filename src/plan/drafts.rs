//! What is to be done to each object: differences, forced replacements, links that must be set again.

use std::collections::{BTreeMap, BTreeSet};

use super::ownership::Owned;
use super::{Mode, ResourceChange, World};
use crate::kind::{Cx, Draft, Forced, OnReplace, Ref};
use crate::model::{Action, Address, Change, Effect, Fact, Facts, LiveId, Shown};

/// All drafts, and what is known when the apply begins.
#[derive(Debug)]
pub(super) struct Drafts {
    /// One for each declared object, kept ones too (they may have follow-ups), and one for each object to be destroyed.
    #[expect(clippy::struct_field_names, reason = "they are the drafts")]
    pub(super) drafts: Vec<Draft>,
    /// What is known.
    pub(super) facts: Facts,
    /// Old names of renamed objects: their removal is half of a replacement.
    pub(super) renamed: BTreeSet<LiveId>,
}

/// Drafts every object.
pub(super) fn draft(world: &World<'_>, owned: &Owned) -> Drafts {
    let mut all = match world.options.mode {
        Mode::Apply => wanted(world, owned),
        Mode::Destroy => unwanted(world, owned),
    };
    let orphans = owned.orphans.iter();
    all.drafts.extend(orphans.filter_map(|(batch, id)| world.live.batches[*batch].remove_other(id)));
    let forgotten = owned.forgotten.iter();
    all.drafts.extend(forgotten.filter_map(|(batch, id)| world.live.batches[*batch].forget(id)));
    all
}

/// Destroys all that is ours.
fn unwanted(world: &World<'_>, owned: &Owned) -> Drafts {
    let facts = live_facts(world, &BTreeSet::new());
    let cx = Cx { context: world.options.context, facts: &facts, gifts: &world.gifts };
    let remove = |at: &Address| world.live.batches[world.batch_of[at]].remove(at, cx);
    let drafts = owned.present.iter().filter_map(remove).collect();
    Drafts { drafts, facts, renamed: BTreeSet::new() }
}

/// Brings everything declared to what is wanted. Replacing an object forgets its facts and forces others, so this repeats until nothing
/// new is forced; that is one round unless something is created or replaced under objects that live on.
fn wanted(world: &World<'_>, owned: &Owned) -> Drafts {
    let mut forced: BTreeMap<Address, Forced> = BTreeMap::new();
    for at in world.id_of.keys().filter(|at| world.options.replace.iter().any(|given| given.selects(at))) {
        forced.entry(at.clone()).or_default().replace = Some("asked for with --replace".into());
    }
    let mut forgotten = BTreeSet::new();
    loop {
        let facts = live_facts(world, &forgotten);
        let cx = Cx { context: world.options.context, facts: &facts, gifts: &world.gifts };
        let nothing = Forced::default();
        let one = |(at, batch): (&Address, &usize)| {
            world.live.batches[*batch].draft(at, cx, forced.get(at).unwrap_or(&nothing))
        };
        let mut drafts: Vec<Draft> = world.batch_of.iter().map(one).collect();
        let again = force(&drafts, &mut forced, &mut forgotten);
        if !again {
            let renamed = rename(world, owned, &mut drafts);
            return Drafts { drafts, facts, renamed };
        }
    }
}

/// What is known: what follows from names, and what live objects tell that are not about to be replaced.
fn live_facts(world: &World<'_>, forgotten: &BTreeSet<Address>) -> Facts {
    let mut facts = world.known.clone();
    for batch in &world.live.batches {
        for (at, name, value) in batch.facts() {
            if !forgotten.contains(&at) {
                facts.learn(Fact::new(&at, name), value);
            }
        }
    }
    facts
}

/// Works out what new objects mean for those that refer to them. Says whether anything was added.
fn force(drafts: &[Draft], forced: &mut BTreeMap<Address, Forced>, forgotten: &mut BTreeSet<Address>) -> bool {
    let mut more = false;
    let renewed: BTreeMap<&LiveId, &Draft> = drafts
        .iter()
        .filter(|draft| matches!(draft.action, Action::Create | Action::Replace))
        .map(|draft| (&draft.id, draft))
        .collect();
    for draft in renewed.values().filter(|draft| draft.action == Action::Replace) {
        more |= forgotten.insert(draft.at.clone());
    }
    for draft in drafts.iter().filter(|draft| !matches!(draft.action, Action::Create | Action::Replace)) {
        for Ref { to, on_replace, .. } in draft.refs.iter().filter(|r| renewed.contains_key(&r.to)) {
            match on_replace {
                OnReplace::Nothing => {}
                OnReplace::Replace => {
                    let slot = &mut forced.entry(draft.at.clone()).or_default().replace;
                    more |= slot.is_none();
                    slot.get_or_insert_with(|| format!("it is bound to {to}, which is created anew"));
                }
                OnReplace::Relink => {
                    let links = &mut forced.entry(draft.at.clone()).or_default().relink;
                    if !links.contains(to) {
                        links.push(to.clone());
                        more = true;
                    }
                }
            }
        }
    }
    more
}

/// An object that is absent under its new name, while one with its address lives under another name, was renamed: one replacement.
fn rename(world: &World<'_>, owned: &Owned, drafts: &mut Vec<Draft>) -> BTreeSet<LiveId> {
    let mut removals = Vec::new();
    for draft in drafts.iter_mut().filter(|draft| draft.action == Action::Create) {
        let Some((batch, old)) = owned.renamed.get(&draft.at) else { continue };
        let Some(removal) = world.live.batches[*batch].remove_other(old) else { continue };
        draft.action = Action::Replace;
        draft.changes = between(&removal, draft);
        draft.mark.clone_from(&removal.mark);
        draft.breaks.clone_from(&removal.breaks);
        removals.push(removal);
    }
    let names = removals.iter().map(|removal: &Draft| removal.id.clone()).collect();
    drafts.extend(removals);
    names
}

/// How a renamed object differs from the one under the old name. What only the old one has is what the spec leaves alone.
fn between(old: &Draft, new: &Draft) -> Vec<Change> {
    let had: BTreeMap<&str, &Change> = old.changes.iter().map(|change| (change.field.as_str(), change)).collect();
    let pair = |change: &Change| {
        let before = had.get(change.field.as_str()).and_then(|had| had.before.clone());
        Change { before, ..change.clone() }
    };
    let mut changes: Vec<Change> =
        new.changes.iter().map(pair).filter(|change| change.before != change.after).collect();
    // Not every kind has its name among its fields.
    if !new.changes.iter().any(|change| change.field == "name") {
        let name = |id: &LiveId| Some(Shown::from(id.name.clone()));
        let change =
            Change { field: "name".into(), before: name(&old.id), after: name(&new.id), effect: Effect::Replaces };
        changes.insert(0, change);
    }
    changes
}

/// Keeps what the targets select, and what that needs.
pub(super) fn targeted(world: &World<'_>, all: Drafts) -> Drafts {
    let targets = world.options.targets;
    if targets.is_empty() {
        return all;
    }
    let by_id: BTreeMap<&LiveId, usize> = all.drafts.iter().enumerate().map(|(i, draft)| (&draft.id, i)).collect();
    let by_at: BTreeMap<&Address, usize> = all.drafts.iter().enumerate().map(|(i, draft)| (&draft.at, i)).collect();
    let selected = |draft: &Draft| targets.iter().any(|target| target.selects(&draft.at));
    let mut todo: Vec<usize> = (0..all.drafts.len()).filter(|i| selected(&all.drafts[*i])).collect();
    let mut keep = BTreeSet::new();
    while let Some(index) = todo.pop() {
        if !keep.insert(index) {
            continue;
        }
        let draft = &all.drafts[index];
        if draft.action == Action::Delete {
            // To destroy something, what refers to it goes first.
            let refers = |d: &Draft| d.action == Action::Delete && d.refs.iter().any(|r| r.to == draft.id);
            todo.extend(all.drafts.iter().enumerate().filter(|(_, d)| refers(d)).map(|(i, _)| i));
            continue;
        }
        todo.extend(draft.refs.iter().filter_map(|r| by_id.get(&r.to)));
        let ops = draft.parts.iter().chain(&draft.follow_ups).flat_map(|part| &part.ops);
        todo.extend(ops.flat_map(crate::model::Op::needs).filter_map(|fact| by_at.get(&fact.of).copied()));
        // A follow-up waits for things that are there only if they are in the plan too.
        let after = draft.parts.iter().flat_map(|part| &part.after);
        let follow_ups = draft.follow_ups.iter().flat_map(|part| part.after.iter().chain(&part.triggers));
        todo.extend(after.chain(follow_ups).filter_map(|dep| by_id.get(&dep.of)));
        let depends = world.options.entries.get(&draft.at).map(|entry| &entry.depends_on);
        todo.extend(depends.into_iter().flatten().filter_map(|at| by_at.get(at)));
    }
    let mut index = 0;
    let mut all = all;
    let mut drafts = std::mem::take(&mut all.drafts);
    drafts.retain(|_| {
        index += 1;
        keep.contains(&(index - 1))
    });
    Drafts { drafts, ..all }
}

/// What the plan says of a draft; nothing if it is kept.
pub(super) fn resource(draft: Draft) -> Option<ResourceChange> {
    let Draft {
        at,
        id,
        action,
        changes,
        reason,
        refs: _,
        had: _,
        mark: _,
        parts: _,
        removal: _,
        follow_ups: _,
        breaks,
    } = draft;
    (action != Action::Keep).then_some(ResourceChange { address: at, id, action, changes, reason, breaks })
}
