//! Reads live objects and has their kinds say which entries would manage them.

use std::collections::BTreeMap;

use futures::future::join_all;
use serde_json::{Map, Value as Json};

use super::Known;
use crate::cloud::{Cloud, CloudError};
use crate::kind::{Batch, Cx, Fields, Gifts, LiveBatch, Meta, by_name};
use crate::model::{Address, Context, Fact, Facts, LiveId, Mark, Seen};
use crate::observe::Live;

/// What is to be imported: `stage.landing=DB.S.LANDING`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Wish {
    /// Where it shall stand in the spec.
    pub at: Address,
    /// What it is called in its cloud.
    pub name: String,
}

/// A live object, as the entry that would manage it.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// Where it shall stand.
    pub at: Address,
    /// What it is called in its cloud.
    pub id: LiveId,
    /// The mark it carries.
    pub mark: Option<Mark>,
    /// Its fields, without those that have their defaults.
    pub fields: Fields,
    /// What templates may refer to and only the live object tells, by name.
    pub facts: BTreeMap<&'static str, String>,
}

impl Read {
    /// It, for others to refer to.
    pub fn known(&self) -> Known {
        Known { at: self.at.clone(), id: self.id.clone(), arn: self.facts.get("arn").cloned() }
    }
}

/// An object that cannot be imported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What was asked for.
    pub wish: Wish,
    /// Why it cannot be, a sentence without a period.
    pub why: String,
}

/// How often entries are written anew because others have said more. Chains of kinds that tell each other something are shorter.
const ROUNDS: usize = 4;

/// Reads all of them at once. `beside` is what else the spec declares, as it is live: what its entries tell is not said a second time.
///
/// # Errors
/// Reads that failed. Objects that cannot be imported are no failure: all of them are told beside those that can.
pub async fn read(
    wishes: &[Wish],
    beside: &Live,
    cloud: &Cloud,
    context: &Context,
) -> Result<(Vec<Read>, Vec<Refused>), Vec<CloudError>> {
    let (batches, mut refused) = named(wishes, context);
    let results = join_all(batches.iter().map(|batch| batch.observe(cloud, context))).await;
    let mut live = Vec::with_capacity(results.len());
    let mut errors: Vec<CloudError> = Vec::new();
    for result in results {
        match result {
            Ok(batch) => live.push(batch),
            Err(error) if errors.contains(&error) => {}
            Err(error) => errors.push(error),
        }
    }
    if !errors.is_empty() {
        return Err(errors);
    }
    let (mut facts, mut gifts) = told(&[], beside, context);
    let mut written = write(wishes, &live, context, Said { facts: &facts, gifts: &gifts });
    // What one entry says may leave another with less to say, which may be what a third one waits for.
    for _ in 0..ROUNDS {
        (facts, gifts) = told(&written.0, beside, context);
        let again = write(wishes, &live, context, Said { facts: &facts, gifts: &gifts });
        let settled = again == written;
        written = again;
        if settled {
            break;
        }
    }
    let (all, more) = written;
    refused.extend(more);
    refused.sort_by(|a, b| a.wish.cmp(&b.wish));
    Ok((all, refused))
}

/// Batches of entries that name the objects.
fn named(wishes: &[Wish], context: &Context) -> (Vec<Box<dyn Batch>>, Vec<Refused>) {
    let mut batches: BTreeMap<&'static str, Box<dyn Batch>> = BTreeMap::new();
    let mut refused = Vec::new();
    for wish in wishes {
        let pushed =
            by_name(wish.at.kind()).ok_or_else(|| format!("there is no kind `{}`", wish.at.kind())).and_then(|kind| {
                let fields = kind.named(&wish.name, context)?;
                let batch = batches.entry(kind.name()).or_insert_with(|| kind.batch());
                let meta = Meta { at: wish.at.clone(), mark: mark(&wish.at, kind.protected(), context) };
                batch.push(meta, table(&fields)).map_err(|problem| problem.message)
            });
        refused.extend(pushed.err().map(|why| Refused { wish: wish.clone(), why }));
    }
    (batches.into_values().collect(), refused)
}

fn mark(at: &Address, protect: bool, context: &Context) -> Mark {
    Mark { stack: context.stack.clone(), address: at.clone(), protect }
}

/// Fields as one value.
pub(super) fn table(fields: &Fields) -> Json {
    let named = fields.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
    Json::Object(named.collect::<Map<_, _>>())
}

/// What entries say to each other.
#[derive(Clone, Copy)]
struct Said<'a> {
    facts: &'a Facts,
    gifts: &'a Gifts,
}

/// The entries, and the objects that cannot have one.
fn write(wishes: &[Wish], live: &[Box<dyn LiveBatch>], context: &Context, said: Said<'_>) -> (Vec<Read>, Vec<Refused>) {
    let cx = Cx { context, facts: said.facts, gifts: said.gifts };
    let (mut all, mut refused) = (Vec::new(), Vec::new());
    for batch in live {
        let ids: BTreeMap<Address, LiveId> = batch.ids(context).into_iter().collect();
        let mut facts: BTreeMap<Address, BTreeMap<&'static str, String>> = BTreeMap::new();
        for (at, name, value) in batch.known(context).into_iter().chain(batch.facts()) {
            facts.entry(at).or_default().insert(name, value);
        }
        for (at, seen) in batch.states() {
            let Some(wish) = wishes.iter().find(|wish| wish.at == at) else { continue };
            let Some(id) = ids.get(&at).cloned() else { continue };
            let mut refuse = |why: String| refused.push(Refused { wish: wish.clone(), why });
            match seen {
                Seen::Absent => refuse(format!("there is no {id}")),
                Seen::Hidden(why) => refuse(why),
                Seen::Present(found) => match batch.export(&at, cx) {
                    Some(Ok(fields)) => {
                        let facts = facts.remove(&at).unwrap_or_default();
                        all.push(Read { at, id, mark: found.props, fields, facts });
                    }
                    Some(Err(why)) => refuse(why),
                    None => refuse(format!("there is no {id}")),
                },
            }
        }
    }
    (all, refused)
}

/// What all entries tell, those that are imported and those the spec has.
fn told(read: &[Read], beside: &Live, context: &Context) -> (Facts, Gifts) {
    let mut batches: BTreeMap<&'static str, Box<dyn Batch>> = BTreeMap::new();
    let mut facts = Facts::default();
    for one in read {
        let Some(kind) = by_name(one.at.kind()) else { continue };
        let batch = batches.entry(kind.name()).or_insert_with(|| kind.batch());
        // What cannot be decoded is found when the spec is loaded.
        let _ = batch.push(Meta { at: one.at.clone(), mark: mark(&one.at, false, context) }, table(&one.fields));
        one.facts.iter().for_each(|(name, value)| facts.learn(Fact::new(&one.at, name), value.as_str()));
    }
    let mut gifts = Vec::new();
    for batch in batches.values() {
        gifts.extend(batch.gifts(context));
        for (at, name, value) in batch.known(context) {
            facts.learn(Fact::new(&at, name), value);
        }
    }
    for batch in &beside.batches {
        gifts.extend(batch.gifts(context));
        for (at, name, value) in batch.known(context).into_iter().chain(batch.facts()) {
            facts.learn(Fact::new(&at, name), value);
        }
    }
    let gifts = Gifts::new(gifts, &facts);
    (facts, gifts)
}
