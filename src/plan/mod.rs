//! The pure planner: what is wanted and what is live in, operations in order out. No I/O, no clock, no environment.
//!
//! [`plan`] reads like its steps: who owns what ([`ownership`]), what is to be done to each object ([`drafts`]), in which units and order
//! ([`units`]).

mod drafts;
mod lookups;
mod ownership;
mod units;

pub use lookups::learn;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::kind::{Gift, Gifts, LiveBatch};
use crate::model::{Action, Address, BucketName, Change, Context, Fact, Facts, LiveId, Op};
use crate::observe::Live;

/// What an apply is to do, and in which order: complete data, with typed holes for facts that are learned on the way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The objects that change, in the order of their addresses.
    pub resources: Vec<ResourceChange>,
    /// The steps, each after those it waits for.
    pub steps: Vec<Step>,
    /// What may not be done. A plan with denials is shown but never applied.
    pub denials: Vec<Denial>,
    /// What a reader should know besides: things left alone and why.
    pub notes: Vec<String>,
    /// The facts known before the apply, for outputs.
    #[serde(skip)]
    pub facts: Facts,
}

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceChange {
    /// The entry, or for an orphan the address in its mark.
    pub address: Address,
    /// The live object.
    pub id: LiveId,
    /// What is done.
    pub action: Action,
    /// The fields that differ; for a creation or deletion all that are set.
    pub changes: Vec<Change>,
    /// Why, where the changes do not say it.
    pub reason: Option<String>,
    /// What stops working while or after it is done.
    pub breaks: Vec<String>,
}

/// Operations that run one after the other.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// What it serves: addresses, each with the part of its work (`""` for the object itself).
    pub serves: Vec<(Address, String)>,
    /// What to do.
    pub ops: Vec<Op>,
    /// The steps (by index) that must be done before it starts.
    pub after: Vec<usize>,
}

/// Something that may not be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Denial {
    /// The object.
    pub address: Address,
    /// Why not, and how to allow it.
    pub reason: String,
}

/// What the planner is asked for.
#[derive(Clone)]
pub struct Options<'a> {
    /// Who we are.
    pub context: &'a Context,
    /// What the spec says around the entries' own fields.
    pub entries: &'a BTreeMap<Address, EntryOptions>,
    /// Bring up what is declared, or destroy what is ours.
    pub mode: Mode,
    /// Restrict the plan to these and what they need; empty for all.
    pub targets: &'a [Address],
    /// Replace these although nothing demands it.
    pub replace: &'a [Address],
    /// Adopt these (or, with [`Adopt::All`], all) unmarked objects, as if the spec said so.
    pub adopt: &'a Adopt,
    /// Protected objects that may be destroyed or replaced.
    pub allow_destroy: &'a [Address],
    /// Buckets whose content may be deleted with them.
    pub empty_buckets: &'a [BucketName],
    /// What is only looked up, as it is.
    pub lookups: &'a [Box<dyn LiveBatch>],
    /// What the spec says of former addresses.
    pub moves: &'a Moves,
}

/// What becomes of objects whose marks carry addresses that the spec no longer has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moves {
    /// From former addresses to present ones.
    pub moved: Vec<(Address, Address)>,
    /// Former addresses whose objects are forgotten rather than destroyed.
    pub removed: Vec<Address>,
}

impl Moves {
    /// The present address of a former one: by as many moves as there are.
    fn present(&self, at: &Address) -> Address {
        let mut at = at.clone();
        // Each move is made once, so that a circle ends.
        for _ in &self.moved {
            match self.moved.iter().find_map(|(from, to)| at.moved(from, to)) {
                Some(next) if next != at => at = next,
                _ => break,
            }
        }
        at
    }

    fn forgets(&self, at: &Address) -> bool {
        self.removed.iter().any(|from| from.selects(at))
    }
}

/// What the spec says around an entry's own fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EntryOptions {
    /// Take over a live object without a mark.
    pub adopt: bool,
    /// Refuse destruction and replacement unless named.
    pub protect: bool,
    /// Comes after these.
    pub depends_on: Vec<Address>,
}

/// What a plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Make what is live as the spec says.
    Apply,
    /// Destroy everything of the stack.
    Destroy,
}

/// Which unmarked objects are taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// Those whose entries say so, and these.
    Named(Vec<Address>),
    /// All that are declared.
    All,
}

/// Why no plan can be made. All problems of a run are reported at once.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// A declared object exists and nobody owns it.
    #[error("{id} exists already and does not belong to this stack")]
    Unmarked {
        /// The entry.
        address: Address,
        /// The object.
        id: LiveId,
    },
    /// A declared object belongs to another stack.
    #[error("{id} belongs to the stack `{stack}` (its {other})")]
    OtherStack {
        /// The entry.
        address: Address,
        /// The object.
        id: LiveId,
        /// The other stack.
        stack: String,
        /// The address in the other stack.
        other: Address,
    },
    /// What is only looked up is not there.
    #[error("{id} does not exist")]
    NotFound {
        /// The look-up.
        address: Address,
        /// The object.
        id: LiveId,
    },
    /// A former object is to become an entry whose own object is there.
    #[error("{from} was moved to {address}, but both {old} and {id} exist")]
    MovedOnto {
        /// The entry.
        address: Address,
        /// Its own object.
        id: LiveId,
        /// The former address.
        from: Address,
        /// The former object.
        old: LiveId,
    },
    /// It cannot be told whether a declared object exists.
    #[error("cannot tell whether {id} exists: {why}")]
    Hidden {
        /// The entry.
        address: Address,
        /// The object.
        id: LiveId,
        /// Why.
        why: String,
    },
    /// A target, a replacement or a permission names nothing.
    #[error("`{given}` (given with {option}) is not an address of this stack")]
    NoSuchAddress {
        /// What was given.
        given: Address,
        /// The option.
        option: &'static str,
        /// The nearest address there is.
        nearest: Option<Address>,
    },
    /// Steps wait for each other in a circle.
    #[error("these steps wait for each other: {}", .0.join(", "))]
    Cycle(Vec<String>),
    /// An operation needs a fact that its live owner does not tell, and nothing in the plan creates that owner anew.
    #[error("this needs {fact}, which the live object does not tell")]
    Untold {
        /// Whose operation.
        address: Address,
        /// The fact.
        fact: Fact,
    },
}

impl Plan {
    /// Whether there is anything to do to any object.
    pub fn is_empty(&self) -> bool {
        self.resources.is_empty()
    }

    /// How many objects are created, changed (or adopted) and destroyed; a replacement counts as both.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for resource in &self.resources {
            match resource.action {
                Action::Keep => {}
                Action::Create => counts.add += 1,
                Action::Update => counts.change += 1,
                Action::Adopt => counts.adopt += 1,
                Action::Delete => counts.destroy += 1,
                Action::Forget => counts.forget += 1,
                Action::Replace => {
                    counts.add += 1;
                    counts.destroy += 1;
                }
            }
        }
        counts
    }
}

/// How many objects a plan touches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Created.
    pub add: usize,
    /// Altered in place.
    pub change: usize,
    /// Taken over.
    pub adopt: usize,
    /// Destroyed.
    pub destroy: usize,
    /// Left alone from now on.
    pub forget: usize,
}

/// Works out what to do.
///
/// # Errors
/// Everything that makes a plan impossible; see [`Problem`].
pub fn plan(live: &Live, options: &Options<'_>) -> Result<Plan, Vec<Problem>> {
    let world = World::new(live, options);
    let mut problems = world.unknown_addresses();
    problems.extend(lookups::problems(options));
    let owned = ownership::settle(&world, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    let drafted = drafts::draft(&world, &owned);
    let wanted = drafts::targeted(&world, drafted);
    let denials = ownership::denials(&world, &wanted);
    let steps = units::steps(&world, &wanted)?;
    let drafts::Drafts { drafts, facts, renamed } = wanted;
    let shown = drafts.into_iter().filter(|draft| !renamed.contains(&draft.id));
    let mut resources: Vec<ResourceChange> = shown.filter_map(drafts::resource).collect();
    resources.sort_by(|a, b| (&a.address, &a.id).cmp(&(&b.address, &b.id)));
    Ok(Plan { resources, steps, denials, notes: owned.notes, facts })
}

/// Everything the planner's steps share: indexes over what is live and what is wanted.
struct World<'a> {
    live: &'a Live,
    options: &'a Options<'a>,
    /// For each entry, its batch.
    batch_of: BTreeMap<Address, usize>,
    /// For each entry, its live name.
    id_of: BTreeMap<Address, LiveId>,
    /// For each declared live name, its entry.
    entry_of: BTreeMap<LiveId, Address>,
    /// Facts that follow from names.
    known: Facts,
    gifts: Gifts,
}

impl<'a> World<'a> {
    fn new(live: &'a Live, options: &'a Options<'a>) -> Self {
        let context = options.context;
        let mut known = Facts::default();
        let mut batch_of = BTreeMap::new();
        let mut id_of = BTreeMap::new();
        let mut gifts = Vec::new();
        for (index, batch) in live.batches.iter().enumerate() {
            batch_of.extend(batch.addresses().into_iter().map(|at| (at, index)));
            id_of.extend(batch.ids(context));
            gifts.extend(batch.gifts(context));
            for (at, name, value) in batch.known(context) {
                known.learn(Fact::new(&at, name), value);
            }
        }
        learn(options.lookups, context, &mut known);
        gifts.extend(lookups::gifts(options));
        gifts.extend(id_of.values().map(|id| Gift::Declared { id: id.clone() }));
        let entry_of = id_of.iter().map(|(at, id)| (id.clone(), at.clone())).collect();
        let gifts = Gifts::new(gifts, &known);
        Self { live, options, batch_of, id_of, entry_of, known, gifts }
    }

    /// Addresses on the command line that select nothing.
    fn unknown_addresses(&self) -> Vec<Problem> {
        let marked = self.live.batches.iter().flat_map(|batch| batch.others());
        let orphans: BTreeSet<Address> = marked.filter_map(|other| other.mark).map(|mark| mark.address).collect();
        let all: Vec<&Address> = self.id_of.keys().chain(&orphans).collect();
        let adopted: &[Address] = match self.options.adopt {
            Adopt::Named(names) => names,
            Adopt::All => &[],
        };
        let lists = [
            ("--adopt", adopted),
            ("--target", self.options.targets),
            ("--replace", self.options.replace),
            ("--allow-destroy", self.options.allow_destroy),
        ];
        let mut problems = Vec::new();
        for (option, given) in lists {
            for given in given.iter().filter(|given| !all.iter().any(|at| given.selects(at))) {
                let far = |at: &&&Address| strsim::damerau_levenshtein(&at.to_string(), &given.to_string());
                let nearest = all.iter().min_by_key(far).map(|at| (**at).clone());
                problems.push(Problem::NoSuchAddress { given: given.clone(), option, nearest });
            }
        }
        problems
    }
}
