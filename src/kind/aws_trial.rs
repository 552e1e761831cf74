//! What the tests of the AWS kinds share: entries from TOML, and a loop from one spec to another over a live object that lives in the
//! test.

use super::{Cx, Entry, Gift, Gifts, Kind, Part, batch};
use crate::model::context::Sight;
use crate::model::{Act, Address, Call, Context, Diff, Facts, Mark, Partition};

/// Who the tests work as.
pub(crate) fn context() -> Context {
    Context {
        stack: "events".into(),
        account: "111122223333".parse().unwrap(),
        partition: Partition::Aws,
        region: "us-east-1".parse().unwrap(),
        sight: Sight::Full,
        snowflake_role: String::new(),
    }
}

/// An entry of a kind with these fields.
pub(crate) fn entry<K: Kind>(toml: &str) -> Entry<K::Spec> {
    let fields: serde_json::Value = toml::from_str(toml).unwrap_or_else(|error| panic!("{toml}: {error}"));
    let spec = serde_json::from_value(fields).unwrap_or_else(|error| panic!("{toml}: {error}"));
    let at = Address::new(K::NAME, "x", None).unwrap();
    let mark = Mark { stack: "events".into(), address: at.clone(), protect: K::PROTECTED };
    Entry { at, mark, spec }
}

/// What an entry with these fields wants, given what others tell.
pub(crate) fn want<K: Kind>(toml: &str, gifts: &[Gift]) -> K::Props {
    let gifts = Gifts::new(gifts.to_vec(), &Facts::default());
    K::want(&entry::<K>(toml), Cx { context: &context(), facts: &Facts::default(), gifts: &gifts })
}

/// The problems of an entry, as `field: message`.
pub(crate) fn problems<K: Kind>(toml: &str) -> Vec<String> {
    let found = K::check(&entry::<K>(toml).spec);
    found.into_iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
}

/// The entry of the kind's example, without its header.
pub(crate) fn example<K: Kind>() -> String {
    let all: toml::Table = toml::from_str(K::EXAMPLE).unwrap();
    let (_, fields) = all[K::NAME].as_table().unwrap().iter().next().unwrap();
    toml::to_string(fields).unwrap()
}

/// The differences, as the planner finds them: of the fields, and of the marks.
pub(crate) fn diff<K: Kind>(want: &K::Props, have: &K::Props) -> Diff {
    let mut diff = batch::compare(K::fields(want), K::fields(have));
    if K::mark(want) != K::mark(have) {
        let text = |mark: &Mark| crate::model::Shown::from(mark.to_string());
        diff.push(crate::model::Change {
            field: "mark".into(),
            before: K::mark(have).map(text),
            after: K::mark(want).map(text),
            effect: crate::model::Effect::InPlace,
        });
    }
    diff
}

/// The calls of parts, in order.
pub(crate) fn calls(parts: &[Part]) -> Vec<Call> {
    let call = |act: &Act| match act {
        Act::Aws(call) => call.clone(),
        other => panic!("not an AWS call: {other:?}"),
    };
    parts.iter().flat_map(|part| &part.ops).map(|op| call(&op.act)).collect()
}

/// The names of calls.
pub(crate) fn names(calls: &[Call]) -> Vec<String> {
    calls.iter().map(Call::operation).collect()
}

/// A live object of a kind: what calls make of it, and how it is read.
pub(crate) trait Live<K: Kind>: Clone {
    /// Before there is anything.
    fn nothing() -> Self;
    /// What one call does.
    fn make(&mut self, call: &Call);
    /// What `observe` would give.
    fn read(&self) -> K::Props;
}

/// Creates an object for a spec, and checks that it is then as wanted.
pub(crate) fn created<K: Kind, L: Live<K>>(want: &K::Props) -> L {
    let mut live = L::nothing();
    let at = Address::new(K::NAME, "x", None).unwrap();
    for call in calls(&K::create(&at, want)) {
        live.make(&call);
    }
    assert_eq!(diff::<K>(want, &live.read()), Diff::default(), "after its creation");
    live
}

/// Leads a live object to what another spec wants: the change must be seen, must lead to calls, and must then be made. Gives the names of
/// the calls.
pub(crate) fn altered<K: Kind, L: Live<K>>(live: &mut L, want: &K::Props) -> Vec<String> {
    let have = live.read();
    let changed = diff::<K>(want, &have);
    assert!(!changed.is_empty(), "no difference is seen");
    assert!(!changed.replaces_object(), "it would be replaced: {changed:?}");
    let at = Address::new(K::NAME, "x", None).unwrap();
    let calls = calls(&K::alter(&at, want, &have, &changed));
    assert!(!calls.is_empty(), "nothing is done about {changed:?}");
    for call in &calls {
        live.make(call);
    }
    assert_eq!(diff::<K>(want, &live.read()), Diff::default(), "after {:?}", names(&calls));
    names(&calls)
}
