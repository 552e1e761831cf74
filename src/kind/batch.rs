//! Type erasure, once, at the batch: all entries of one kind. Everything that leaves a batch is plain data.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;

use super::{Attribute, Class, Cx, Drafted, Entry, Field, Fields, Gift, Kind, Part, Problem, Ref, Side};
use crate::cloud::{Cloud, CloudError};
use crate::model::{Action, Address, Change, Context, Diff, Effect, LiveId, Mark, Observed, Op, Seen};

/// A boxed future, written out so that the traits stay usable as objects.
pub type Fut<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A kind without its types.
pub trait AnyKind: Send + Sync {
    /// [`Kind::NAME`].
    fn name(&self) -> &'static str;
    /// [`Kind::SIDE`].
    fn side(&self) -> Side;
    /// [`Kind::PROTECTED`].
    fn protected(&self) -> bool;
    /// [`Kind::MARKED`].
    fn marked(&self) -> bool;
    /// [`Kind::ABOUT`].
    fn about(&self) -> &'static str;
    /// [`Kind::EXAMPLE`].
    fn example(&self) -> &'static str;
    /// [`Kind::attributes`].
    fn attributes(&self) -> &'static [Attribute];
    /// The JSON schema of an entry.
    fn schema(&self) -> schemars::Schema;
    /// [`Kind::named`].
    ///
    /// # Errors
    /// Why the name cannot be one.
    fn named(&self, name: &str, context: &Context) -> Result<Fields, String>;
    /// A batch with no entries yet.
    fn batch(&self) -> Box<dyn Batch>;
}

/// What stands around an entry's own fields.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Where it stands.
    pub at: Address,
    /// The mark it shall carry.
    pub mark: Mark,
}

/// Why an entry could not be decoded.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// The field, with dots where it is nested.
    pub field: String,
    /// What is wrong with it.
    pub message: String,
}

/// All entries of one kind.
pub trait Batch: Send + Sync {
    /// The kind.
    fn kind(&self) -> &'static str;
    /// Decodes and adds an entry.
    fn push(&mut self, meta: Meta, fields: serde_json::Value) -> Result<(), Decoded>;
    /// The addresses, in order.
    fn addresses(&self) -> Vec<Address>;
    /// The live name of each entry.
    fn ids(&self, context: &Context) -> Vec<(Address, LiveId)>;
    /// [`Kind::check`] of each entry.
    fn check(&self) -> Vec<(Address, Problem)>;
    /// [`Kind::known`] of each entry.
    fn known(&self, context: &Context) -> Vec<(Address, &'static str, String)>;
    /// [`Kind::gifts`] of each entry.
    fn gifts(&self, context: &Context) -> Vec<Gift>;
    /// The references each entry would have if all were absent; for offline checks.
    fn refs(&self, cx: Cx<'_>) -> Vec<(Address, Vec<Ref>)>;
    /// The fields each entry would have if all were absent; for offline checks.
    fn fields(&self, cx: Cx<'_>) -> Vec<(Address, Vec<Field>)>;
    /// Reads all of them.
    fn observe<'a>(&'a self, cloud: &'a Cloud, context: &'a Context)
    -> Fut<'a, Result<Box<dyn LiveBatch>, CloudError>>;
    /// The batch as it would be if nothing existed; for plans without a cloud.
    fn absent(&self) -> Box<dyn LiveBatch>;
    /// The batch as it would be if everything were as wanted; for tests and benchmarks of the planner.
    fn settled(&self, cx: Cx<'_>) -> Box<dyn LiveBatch>;
}

/// All entries of one kind, with what observation found.
pub trait LiveBatch: Send + Sync {
    /// The kind.
    fn kind(&self) -> &'static str;
    /// The entries.
    fn addresses(&self) -> Vec<Address>;
    /// The live name of each entry.
    fn ids(&self, context: &Context) -> Vec<(Address, LiveId)>;
    /// [`Kind::known`] of each entry.
    fn known(&self, context: &Context) -> Vec<(Address, &'static str, String)>;
    /// [`Kind::gifts`] of each entry.
    fn gifts(&self, context: &Context) -> Vec<Gift>;
    /// The facts each live object tells.
    fn facts(&self) -> Vec<(Address, &'static str, String)>;
    /// Whether each entry is there, and with which mark.
    fn states(&self) -> Vec<(Address, Seen<Option<Mark>>)>;
    /// [`Kind::export_among`] of one entry's live object; `None` if it is not there.
    fn export(&self, at: &Address, cx: Cx<'_>) -> Option<Result<Fields, String>>;
    /// Undeclared live objects.
    fn others(&self) -> Vec<Other>;
    /// What is to be done about one entry.
    fn draft(&self, at: &Address, cx: Cx<'_>, forced: &Forced) -> Draft;
    /// How to destroy one entry's live object; `None` if it is absent.
    fn remove(&self, at: &Address, cx: Cx<'_>) -> Option<Draft>;
    /// How to destroy an undeclared live object.
    fn remove_other(&self, id: &LiveId) -> Option<Draft>;
    /// How to forget an undeclared live object: its mark is removed, everything else stays.
    fn forget(&self, id: &LiveId) -> Option<Draft>;
    /// Puts drafts of this kind together ([`Kind::weave`]). `drafts` are those with something to do.
    fn weave(&self, drafts: &[&Draft], cx: Cx<'_>) -> Vec<Unit>;
}

/// An undeclared live object.
#[derive(Clone, Debug)]
pub struct Other {
    /// Its name.
    pub id: LiveId,
    /// Its mark.
    pub mark: Option<Mark>,
}

/// What the planner demands of a draft beyond what the differences say.
#[derive(Clone, Debug, Default)]
pub struct Forced {
    /// Replace it, for this reason.
    pub replace: Option<String>,
    /// Restore the links to these replaced objects.
    pub relink: Vec<LiveId>,
}

/// What is planned for one object.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The entry, or for an orphan the address in its mark.
    pub at: Address,
    /// The live object.
    pub id: LiveId,
    /// What is done.
    pub action: Action,
    /// The differences; for a creation or deletion all fields that are set.
    pub changes: Vec<Change>,
    /// Why, where the changes do not say it.
    pub reason: Option<String>,
    /// What it refers to.
    pub refs: Vec<Ref>,
    /// What the live object refers to, where it is kept or altered.
    pub had: Vec<Ref>,
    /// The mark the live object carries.
    pub mark: Option<Mark>,
    /// Creates or alters it; for a replacement the creating half.
    pub parts: Vec<Part>,
    /// Destroys it; for a replacement the destroying half.
    pub removal: Vec<Part>,
    /// [`Kind::follow_ups`] that are not among `parts`.
    pub follow_ups: Vec<Part>,
    /// [`Kind::breaks`], for replacements and deletions; [`Kind::conflicts`] for changes.
    pub breaks: Vec<String>,
}

/// Operations that run as one, one after the other.
#[derive(Clone, Debug)]
pub struct Unit {
    /// The objects it serves, each with the part of it that this is.
    pub serves: Vec<(Address, LiveId, &'static str)>,
    /// What to do.
    pub ops: Vec<Op>,
    /// Runs after these, where they are in the plan.
    pub after: Vec<super::Dep>,
}

/// Every part as a unit of its own.
pub fn separate(at: &Address, id: &LiveId, parts: Vec<Part>) -> Vec<Unit> {
    let unit = |part: Part| Unit {
        serves: vec![(at.clone(), id.clone(), part.name)],
        ops: part.ops,
        after: part.after.into_iter().chain(part.triggers).collect(),
    };
    parts.into_iter().map(unit).collect()
}

/// The one adapter between a typed kind and the rest.
pub struct Typed<K>(std::marker::PhantomData<fn() -> K>);

impl<K> Typed<K> {
    /// The adapter.
    pub const NEW: Self = Self(std::marker::PhantomData);
}

impl<K: Kind> AnyKind for Typed<K> {
    fn name(&self) -> &'static str {
        K::NAME
    }
    fn side(&self) -> Side {
        K::SIDE
    }
    fn protected(&self) -> bool {
        K::PROTECTED
    }
    fn marked(&self) -> bool {
        K::MARKED
    }
    fn about(&self) -> &'static str {
        K::ABOUT
    }
    fn example(&self) -> &'static str {
        K::EXAMPLE
    }
    fn attributes(&self) -> &'static [Attribute] {
        K::attributes()
    }
    fn schema(&self) -> schemars::Schema {
        schemars::schema_for!(K::Spec)
    }
    fn named(&self, name: &str, context: &Context) -> Result<Fields, String> {
        K::named(name, context)
    }
    fn batch(&self) -> Box<dyn Batch> {
        Box::new(Entries::<K>(Vec::new()))
    }
}

struct Entries<K: Kind>(Vec<Entry<K::Spec>>);

struct LiveEntries<K: Kind> {
    entries: BTreeMap<Address, Entry<K::Spec>>,
    observed: Observed<K::Props>,
}

impl<K: Kind> Batch for Entries<K> {
    fn kind(&self) -> &'static str {
        K::NAME
    }

    fn push(&mut self, meta: Meta, fields: serde_json::Value) -> Result<(), Decoded> {
        let Meta { at, mark } = meta;
        let spec = serde_path_to_error::deserialize(fields).map_err(|error| {
            let field = error.path().to_string();
            Decoded { field: if field == "." { String::new() } else { field }, message: error.into_inner().to_string() }
        })?;
        self.0.push(Entry { at, mark, spec });
        Ok(())
    }

    fn addresses(&self) -> Vec<Address> {
        self.0.iter().map(|entry| entry.at.clone()).collect()
    }

    fn ids(&self, context: &Context) -> Vec<(Address, LiveId)> {
        self.0.iter().map(|entry| (entry.at.clone(), K::id(&entry.spec, context))).collect()
    }

    fn check(&self) -> Vec<(Address, Problem)> {
        let of = |entry: &Entry<K::Spec>| {
            let at = entry.at.clone();
            K::check(&entry.spec).into_iter().map(move |problem| (at.clone(), problem))
        };
        self.0.iter().flat_map(of).chain(K::check_together(&self.0)).collect()
    }

    fn known(&self, context: &Context) -> Vec<(Address, &'static str, String)> {
        known::<K>(self.0.iter(), context)
    }

    fn gifts(&self, context: &Context) -> Vec<Gift> {
        self.0.iter().flat_map(|entry| K::gifts(entry, context)).collect()
    }

    fn refs(&self, cx: Cx<'_>) -> Vec<(Address, Vec<Ref>)> {
        self.0.iter().map(|entry| (entry.at.clone(), K::refs(&K::want(entry, cx)))).collect()
    }

    fn fields(&self, cx: Cx<'_>) -> Vec<(Address, Vec<Field>)> {
        self.0.iter().map(|entry| (entry.at.clone(), K::fields(&K::want(entry, cx)))).collect()
    }

    fn observe<'a>(
        &'a self,
        cloud: &'a Cloud,
        context: &'a Context,
    ) -> Fut<'a, Result<Box<dyn LiveBatch>, CloudError>> {
        Box::pin(async move {
            let observed = K::observe(&self.0, cloud, context).await?;
            Ok(self.with(observed))
        })
    }

    fn absent(&self) -> Box<dyn LiveBatch> {
        let declared = self.0.iter().map(|entry| (entry.at.clone(), Seen::Absent)).collect();
        self.with(Observed { declared, others: BTreeMap::new() })
    }

    fn settled(&self, cx: Cx<'_>) -> Box<dyn LiveBatch> {
        let found = |entry| crate::model::Found { props: K::want(entry, cx), facts: BTreeMap::new() };
        let declared = self.0.iter().map(|entry| (entry.at.clone(), Seen::Present(found(entry)))).collect();
        self.with(Observed { declared, others: BTreeMap::new() })
    }
}

/// A batch with what observation found, put together by hand: for tests of the planner.
pub fn live<K: Kind>(entries: Vec<Entry<K::Spec>>, observed: Observed<K::Props>) -> Box<dyn LiveBatch> {
    Entries::<K>(entries).with(observed)
}

impl<K: Kind> Entries<K> {
    fn with(&self, observed: Observed<K::Props>) -> Box<dyn LiveBatch> {
        let entries = self.0.iter().map(|entry| (entry.at.clone(), entry.clone())).collect();
        Box::new(LiveEntries::<K> { entries, observed })
    }
}

fn known<'a, K: Kind>(
    entries: impl Iterator<Item = &'a Entry<K::Spec>>,
    context: &Context,
) -> Vec<(Address, &'static str, String)>
where
    K::Spec: 'a,
{
    let of = |entry: &'a Entry<K::Spec>| {
        K::known(&entry.spec, context).into_iter().map(|(name, value)| (entry.at.clone(), name, value))
    };
    entries.flat_map(of).collect()
}

impl<K: Kind> LiveBatch for LiveEntries<K> {
    fn kind(&self) -> &'static str {
        K::NAME
    }

    fn addresses(&self) -> Vec<Address> {
        self.entries.keys().cloned().collect()
    }

    fn ids(&self, context: &Context) -> Vec<(Address, LiveId)> {
        self.entries.values().map(|entry| (entry.at.clone(), K::id(&entry.spec, context))).collect()
    }

    fn known(&self, context: &Context) -> Vec<(Address, &'static str, String)> {
        known::<K>(self.entries.values(), context)
    }

    fn gifts(&self, context: &Context) -> Vec<Gift> {
        self.entries.values().flat_map(|entry| K::gifts(entry, context)).collect()
    }

    fn facts(&self) -> Vec<(Address, &'static str, String)> {
        let mut out = Vec::new();
        for (at, seen) in &self.observed.declared {
            if let Seen::Present(found) = seen {
                out.extend(found.facts.iter().map(|(name, value)| (at.clone(), *name, value.clone())));
            }
        }
        out
    }

    fn states(&self) -> Vec<(Address, Seen<Option<Mark>>)> {
        let state = |at: &Address| match self.observed.declared.get(at) {
            Some(Seen::Present(found)) => {
                Seen::Present(crate::model::Found { props: K::mark(&found.props).cloned(), facts: BTreeMap::new() })
            }
            Some(Seen::Absent) => Seen::Absent,
            Some(Seen::Hidden(why)) => Seen::Hidden(why.clone()),
            None => Seen::Hidden(format!("bug in snowssi: {at} was not observed")),
        };
        self.entries.keys().map(|at| (at.clone(), state(at))).collect()
    }

    fn export(&self, at: &Address, cx: Cx<'_>) -> Option<Result<Fields, String>> {
        match self.observed.declared.get(at)? {
            Seen::Present(found) => Some(K::export_among(&found.props, cx)),
            Seen::Absent | Seen::Hidden(_) => None,
        }
    }

    fn others(&self) -> Vec<Other> {
        let other = |(id, found): (&LiveId, &crate::model::Found<K::Props>)| Other {
            id: id.clone(),
            mark: K::mark(&found.props).cloned(),
        };
        self.observed.others.iter().map(other).collect()
    }

    fn draft(&self, at: &Address, cx: Cx<'_>, forced: &Forced) -> Draft {
        let entry = &self.entries[at];
        let want = K::want(entry, cx);
        let id = K::id(&entry.spec, cx.context);
        let mut draft = Draft {
            at: at.clone(),
            id,
            action: Action::Keep,
            changes: Vec::new(),
            reason: None,
            refs: K::refs(&want),
            had: Vec::new(),
            mark: None,
            parts: Vec::new(),
            removal: Vec::new(),
            follow_ups: Vec::new(),
            breaks: Vec::new(),
        };
        match self.observed.declared.get(at) {
            Some(Seen::Present(found)) => revise::<K>(&mut draft, &want, &entry.mark, &found.props, forced),
            Some(Seen::Absent) => {
                draft.action = Action::Create;
                draft.changes = all_set(K::fields(&want), true);
                draft.parts = K::create(at, &want);
            }
            Some(Seen::Hidden(_)) | None => {}
        }
        let present: BTreeSet<&str> = draft.parts.iter().map(|part| part.name).collect();
        draft.follow_ups = K::follow_ups(at, &want).into_iter().filter(|part| !present.contains(part.name)).collect();
        draft
    }

    fn remove(&self, at: &Address, cx: Cx<'_>) -> Option<Draft> {
        match self.observed.declared.get(at)? {
            Seen::Present(found) => {
                let id = K::id(&self.entries[at].spec, cx.context);
                Some(removal::<K>(at, &id, &found.props))
            }
            Seen::Absent | Seen::Hidden(_) => None,
        }
    }

    fn remove_other(&self, id: &LiveId) -> Option<Draft> {
        let found = self.observed.others.get(id)?;
        let mark = K::mark(&found.props)?;
        Some(removal::<K>(&mark.address, id, &found.props))
    }

    fn forget(&self, id: &LiveId) -> Option<Draft> {
        let found = self.observed.others.get(id)?;
        let mark = K::mark(&found.props)?;
        let mut want = found.props.clone();
        K::set_mark(&mut want, None);
        let mut diff = Diff::default();
        let before = Some(crate::model::Shown::from(mark.to_string()));
        diff.push(Change { field: "mark".into(), before, after: None, effect: Effect::InPlace });
        Some(Draft {
            at: mark.address.clone(),
            id: id.clone(),
            action: Action::Forget,
            parts: K::alter(&mark.address, &want, &found.props, &diff),
            changes: diff.into_changes(),
            reason: None,
            refs: Vec::new(),
            had: Vec::new(),
            mark: Some(mark.clone()),
            removal: Vec::new(),
            follow_ups: Vec::new(),
            breaks: Vec::new(),
        })
    }

    fn weave(&self, drafts: &[&Draft], cx: Cx<'_>) -> Vec<Unit> {
        let wants: Vec<Option<K::Props>> = drafts
            .iter()
            .map(|draft| match draft.action {
                Action::Delete => None,
                Action::Forget => self.observed.others.get(&draft.id).map(|found| {
                    let mut props = found.props.clone();
                    K::set_mark(&mut props, None);
                    props
                }),
                Action::Keep | Action::Create | Action::Update | Action::Adopt | Action::Replace => {
                    self.entries.get(&draft.at).map(|entry| K::want(entry, cx))
                }
            })
            .collect();
        let have = |draft: &Draft| match self.observed.declared.get(&draft.at) {
            Some(Seen::Present(found)) if !self.observed.others.contains_key(&draft.id) => Some(&found.props),
            _ => self.observed.others.get(&draft.id).map(|found| &found.props),
        };
        let drafted = drafts.iter().zip(&wants).map(|(draft, want)| Drafted {
            at: &draft.at,
            id: &draft.id,
            want: want.as_ref(),
            have: have(draft),
            parts: if draft.action == Action::Delete { draft.removal.clone() } else { draft.parts.clone() },
        });
        let at_work: BTreeSet<&Address> = drafts.iter().map(|draft| &draft.at).collect();
        let kept = self.entries.values().filter(|entry| !at_work.contains(&entry.at)).filter_map(|entry| {
            match self.observed.declared.get(&entry.at) {
                Some(Seen::Present(found)) => Some((K::id(&entry.spec, cx.context), &found.props)),
                Some(Seen::Absent | Seen::Hidden(_)) | None => None,
            }
        });
        let kept: Vec<(LiveId, &K::Props)> = kept.collect();
        let going: BTreeSet<&LiveId> = drafts.iter().map(|draft| &draft.id).collect();
        let foreign = self.observed.others.iter().filter(|(id, _)| !going.contains(id));
        let others = foreign.map(|(id, found)| (id, &found.props)).chain(kept.iter().map(|(id, props)| (id, *props)));
        K::weave(drafted.collect(), &others.collect::<Vec<_>>())
    }
}

/// Compares an object that is there with what is wanted.
fn revise<K: Kind>(draft: &mut Draft, want: &K::Props, mark: &Mark, have: &K::Props, forced: &Forced) {
    let live_mark = K::mark(have);
    let mut diff = compare(K::fields(want), K::fields(have));
    diff.weigh(|change| K::effect(want, have, change));
    let reason = forced.replace.clone().or_else(|| K::broken(have));
    draft.mark = live_mark.cloned();
    draft.had = K::refs(have);
    if reason.is_some() || diff.replaces_object() {
        draft.action = Action::Replace;
        draft.reason = reason;
        draft.changes = diff.into_changes();
        draft.removal = K::delete(have);
        draft.parts = K::create(&draft.at, want);
        draft.breaks = K::breaks(have);
        return;
    }
    if K::MARKED && live_mark != Some(mark) {
        let text = |mark: &Mark| crate::model::Shown::from(mark.to_string());
        let before = live_mark.map(text);
        diff.push(Change { field: "mark".into(), before, after: Some(text(mark)), effect: Effect::InPlace });
        draft.action = if live_mark.is_none() { Action::Adopt } else { Action::Update };
    }
    let relinks = K::relinks(&draft.at, want, have, &forced.relink, &diff);
    if !diff.is_empty() {
        draft.action = if draft.action == Action::Adopt { Action::Adopt } else { Action::Update };
        draft.parts = K::alter(&draft.at, want, have, &diff);
        draft.breaks = K::conflicts(want, have);
        if diff.loses_data() {
            draft.breaks.push("data is lost with what is dropped".into());
        }
        draft.changes = diff.into_changes();
    }
    if !relinks.is_empty() {
        draft.action = if draft.action == Action::Adopt { Action::Adopt } else { Action::Update };
        let names: Vec<String> = forced.relink.iter().map(ToString::to_string).collect();
        draft.reason = Some(format!("its link to {} is set again", names.join(", ")));
        match draft.parts.iter_mut().find(|part| part.name == super::MAIN) {
            Some(main) => main.ops.extend(relinks),
            None => draft.parts.push(Part::main(relinks)),
        }
    }
}

fn removal<K: Kind>(at: &Address, id: &LiveId, have: &K::Props) -> Draft {
    Draft {
        at: at.clone(),
        id: id.clone(),
        action: Action::Delete,
        changes: all_set(K::fields(have), false),
        reason: None,
        refs: K::refs(have),
        had: Vec::new(),
        mark: K::mark(have).cloned(),
        parts: Vec::new(),
        removal: K::delete(have),
        follow_ups: Vec::new(),
        breaks: K::breaks(have),
    }
}

/// The differences of two field lists of one kind.
pub fn compare(want: Vec<Field>, have: Vec<Field>) -> Diff {
    let mut diff = Diff::default();
    let mut have: BTreeMap<_, _> = have.into_iter().map(|field| (field.name.clone(), field)).collect();
    for Field { name, value: after, class } in want {
        let before = have.remove(&name).and_then(|field| field.value);
        if before == after {
            continue;
        }
        if let Some(effect) = class.effect(after.is_some()) {
            diff.push(Change { field: name.into_owned(), before, after, effect });
        }
    }
    for (name, Field { value, class, .. }) in have {
        if let (Some(before), Some(effect)) = (value, class.effect(false)) {
            diff.push(Change { field: name.into_owned(), before: Some(before), after: None, effect });
        }
    }
    diff
}

fn all_set(fields: Vec<Field>, creating: bool) -> Vec<Change> {
    let change = |Field { name, value, class }: Field| {
        let value = value?;
        let effect =
            if matches!(class, Class::Replaces | Class::ReplacesIfSet) { Effect::Replaces } else { Effect::InPlace };
        let (before, after) = if creating { (None, Some(value)) } else { (Some(value), None) };
        Some(Change { field: name.into_owned(), before, after, effect })
    };
    fields.into_iter().filter_map(change).collect()
}
