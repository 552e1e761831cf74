//! What is only looked up: facts for the plan, and never a change.

use serde_json::Value as Json;

use super::{Mode, Options, Problem};
use crate::kind::{AnyKind, Cx, Gift, Gifts, LiveBatch, Meta};
use crate::model::{Context, Fact, Facts, Mark, Seen};

/// What is not there, or cannot be seen. What goes does not need it.
pub(super) fn problems(options: &Options<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for batch in options.lookups.iter().filter(|_| options.mode == Mode::Apply) {
        let ids = batch.ids(options.context);
        for (address, seen) in batch.states() {
            let Some((_, id)) = ids.iter().find(|(at, _)| *at == address).cloned() else { continue };
            match seen {
                Seen::Present(_) => {}
                Seen::Absent => problems.push(Problem::NotFound { address, id }),
                Seen::Hidden(why) => problems.push(Problem::Hidden { address, id, why }),
            }
        }
    }
    problems
}

/// Everything that can be told of what is there: what follows from its name, what it tells, and its fields. What is told last counts most.
pub fn learn(lookups: &[Box<dyn LiveBatch>], context: &Context, facts: &mut Facts) {
    let nothing = (Facts::default(), Gifts::default());
    let cx = Cx { context, facts: &nothing.0, gifts: &nothing.1 };
    for batch in lookups {
        for at in batch.addresses() {
            for (name, value) in batch.export(&at, cx).and_then(Result::ok).into_iter().flatten() {
                flat(name, &value, &mut |name, value| facts.learn(Fact::new(&at, name), value));
            }
        }
        for (at, name, value) in batch.known(context).into_iter().chain(batch.facts()) {
            facts.learn(Fact::new(&at, name), value);
        }
    }
}

/// What looked-up objects mean for ours: whoever is given access to a bucket needs its key too. Nothing that would change an object of ours for the
/// sake of one that is only looked up.
pub(super) fn gifts(options: &Options<'_>) -> Vec<Gift> {
    let nothing = (Facts::default(), Gifts::default());
    let cx = Cx { context: options.context, facts: &nothing.0, gifts: &nothing.1 };
    let mut gifts = Vec::new();
    for live in options.lookups {
        let Some(mut batch) = crate::kind::by_name(live.kind()).map(AnyKind::batch) else { continue };
        for at in live.addresses() {
            let Some(Ok(fields)) = live.export(&at, cx) else { continue };
            let fields: Json = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            let mark = Mark { stack: options.context.stack.clone(), address: at.clone(), protect: false };
            // What an entry cannot say is not told.
            drop(batch.push(Meta { at, mark }, fields));
        }
        gifts.extend(batch.gifts(options.context).into_iter().filter(|gift| matches!(gift, Gift::Encrypted { .. })));
    }
    gifts
}

/// The texts, numbers and flags of a field, with dots where they are nested.
fn flat(name: &str, value: &Json, tell: &mut dyn FnMut(&str, String)) {
    match value {
        Json::String(text) => tell(name, text.clone()),
        Json::Bool(_) | Json::Number(_) => tell(name, value.to_string()),
        Json::Object(map) => map.iter().for_each(|(key, value)| flat(&format!("{name}.{key}"), value, tell)),
        Json::Null | Json::Array(_) => {}
    }
}
