//! Who owns what: what may be changed, what may be destroyed, what is left alone.

use std::collections::{BTreeMap, BTreeSet};

use super::drafts::Drafts;
use super::{Adopt, Denial, Mode, Problem, World};
use crate::kind::Draft;
use crate::model::{Action, Address, Effect, LiveId, Seen};

/// What ownership allows.
#[derive(Debug, Default)]
pub(super) struct Owned {
    /// Declared objects that are there and ours (or to be adopted).
    pub(super) present: BTreeSet<Address>,
    /// Objects of this stack that the spec no longer declares, by batch.
    pub(super) orphans: Vec<(usize, LiveId)>,
    /// Orphans that carry the address of a declared entry whose own object is absent: it was renamed.
    pub(super) renamed: BTreeMap<Address, (usize, LiveId)>,
    /// Objects of this stack that the spec gives up, by batch.
    pub(super) forgotten: Vec<(usize, LiveId)>,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
}

/// Sorts all objects by owner. Objects without our mark are never touched unless they are adopted.
pub(super) fn settle(world: &World<'_>, problems: &mut Vec<Problem>) -> Owned {
    let mut owned = Owned::default();
    let mut absent = BTreeSet::new();
    for batch in &world.live.batches {
        for (at, seen) in batch.states() {
            let id = world.id_of[&at].clone();
            match seen {
                Seen::Absent => drop(absent.insert(at)),
                Seen::Hidden(why) => problems.push(Problem::Hidden { address: at, id, why }),
                Seen::Present(_) if unmarked(batch.kind()) => drop(owned.present.insert(at)),
                Seen::Present(found) => match found.props {
                    Some(mark) if mark.stack == world.options.context.stack => drop(owned.present.insert(at)),
                    Some(mark) if world.options.mode == Mode::Destroy => {
                        owned.notes.push(format!("{id} is left alone: it belongs to the stack `{}`", mark.stack));
                    }
                    Some(mark) => {
                        problems.push(Problem::OtherStack { address: at, id, stack: mark.stack, other: mark.address });
                    }
                    None if world.options.mode == Mode::Destroy => {
                        owned.notes.push(format!("{id} is left alone: it does not carry this stack's mark"));
                    }
                    None if adopts(world, &at) => drop(owned.present.insert(at)),
                    None => problems.push(Problem::Unmarked { address: at, id }),
                },
            }
        }
    }
    for (index, batch) in world.live.batches.iter().enumerate() {
        for other in batch.others() {
            let Some(mark) = other.mark.filter(|mark| mark.stack == world.options.context.stack) else { continue };
            if world.entry_of.contains_key(&other.id) {
                continue;
            }
            let moves = world.options.moves;
            let now = moves.present(&mark.address);
            if moves.forgets(&mark.address) || moves.forgets(&now) {
                match world.options.mode {
                    Mode::Apply => owned.forgotten.push((index, other.id)),
                    Mode::Destroy => owned
                        .notes
                        .push(format!("{} is left alone: the spec says that it is removed from this stack", other.id)),
                }
            } else if absent.contains(&now) && world.options.mode == Mode::Apply {
                owned.renamed.insert(now, (index, other.id));
            } else if now != mark.address && world.options.mode == Mode::Apply && world.id_of.contains_key(&now) {
                let id = world.id_of[&now].clone();
                problems.push(Problem::MovedOnto { address: now, id, from: mark.address, old: other.id });
            } else {
                owned.orphans.push((index, other.id));
            }
        }
    }
    owned
}

/// Whether objects of this kind cannot carry a mark. Whoever declares one speaks for it.
fn unmarked(kind: &str) -> bool {
    crate::kind::by_name(kind).is_some_and(|kind| !kind.marked())
}

fn adopts(world: &World<'_>, at: &Address) -> bool {
    let named = match world.options.adopt {
        Adopt::All => true,
        Adopt::Named(names) => names.iter().any(|name| name.selects(at)),
    };
    named || world.options.entries.get(at).is_some_and(|entry| entry.adopt)
}

/// Destructions and replacements of protected objects that nobody allowed. The live mark counts as much as the spec: taking an
/// entry out of the spec does not lift its protection.
pub(super) fn denials(world: &World<'_>, drafts: &Drafts) -> Vec<Denial> {
    let protected = |draft: &&Draft| {
        let spec = world.options.entries.get(&draft.at).is_some_and(|entry| entry.protect);
        let live = draft.mark.as_ref().is_some_and(|mark| mark.protect);
        live || (spec && draft.action != Action::Delete)
    };
    let loses = |draft: &&Draft| draft.changes.iter().any(|change| change.effect == Effect::LosesData);
    let allowed = |draft: &&Draft| world.options.allow_destroy.iter().any(|given| given.selects(&draft.at));
    let Drafts { drafts, facts: _, renamed } = drafts;
    drafts
        .iter()
        .filter(|draft| !renamed.contains(&draft.id))
        .filter(|draft| matches!(draft.action, Action::Delete | Action::Replace) || loses(draft))
        .filter(protected)
        .filter(|draft| !allowed(draft))
        .map(|draft| Denial {
            address: draft.at.clone(),
            reason: format!(
                "{} is protected: it may not be {}; to allow it, give --allow-destroy {}",
                draft.id,
                match draft.action {
                    Action::Replace => "replaced",
                    Action::Delete => "destroyed",
                    Action::Keep | Action::Create | Action::Update | Action::Adopt | Action::Forget => {
                        "changed so that it loses data"
                    }
                },
                draft.at
            ),
        })
        .collect()
}
