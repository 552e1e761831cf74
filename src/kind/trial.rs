//! What the tests of kinds share: entries from TOML, and the statements that lead from one to another.

#[cfg(feature = "sandbox")]
pub(crate) mod account;

use super::{Cx, Entry, Kind, Part, batch};
use crate::cloud::Rows;
use crate::model::context::Sight;
use crate::model::{Act, Address, Context, Diff, Facts, Mark, Partition};

/// Who the tests work as: a role that sees everything.
pub(crate) fn context() -> Context {
    Context {
        stack: "events".into(),
        account: "111122223333".parse().unwrap(),
        partition: Partition::Aws,
        region: "us-east-1".parse().unwrap(),
        sight: Sight::Full,
        snowflake_role: "SYSADMIN".into(),
    }
}

/// A role that sees only some objects.
pub(crate) fn partial() -> Context {
    Context { sight: Sight::Partial("role R".into()), ..context() }
}

/// An answer with these columns and cells.
pub(crate) fn rows(columns: &[&str], cells: &[&[Option<&str>]]) -> Rows {
    let cells = cells.iter().map(|row| row.iter().map(|cell| cell.map(str::to_owned)).collect()).collect();
    Rows { columns: columns.iter().map(|name| (*name).to_owned()).collect(), cells, query_id: "q".into() }
}

/// The answer of a `DESC` with one property a row.
pub(crate) fn desc(properties: &[(&str, &str)]) -> Rows {
    let cells = properties.iter().map(|(name, value)| vec![Some((*name).to_owned()), Some((*value).to_owned())]);
    Rows { columns: vec!["property".into(), "property_value".into()], cells: cells.collect(), query_id: "q".into() }
}

/// The address of the test entry of a kind.
pub(crate) fn at<K: Kind>() -> Address {
    Address::new(K::NAME, "x", None).unwrap()
}

/// An entry with these fields.
pub(crate) fn entry<K: Kind>(toml: &str) -> Entry<K::Spec> {
    try_entry::<K>(toml).unwrap_or_else(|error| panic!("{toml}: {error}"))
}

/// An entry with these fields, or what is wrong with them.
pub(crate) fn try_entry<K: Kind>(toml: &str) -> Result<Entry<K::Spec>, String> {
    let fields: serde_json::Value = toml::from_str(toml).map_err(|error| error.to_string())?;
    let spec = serde_json::from_value(fields).map_err(|error| error.to_string())?;
    let at = at::<K>();
    let mark = Mark { stack: "events".into(), address: at.clone(), protect: K::PROTECTED };
    Ok(Entry { at, mark, spec })
}

/// The entry of the kind's example, which must be without problems.
pub(crate) fn example<K: Kind>() -> Entry<K::Spec> {
    let all: toml::Table = toml::from_str(K::EXAMPLE).unwrap();
    let (_, fields) = all[K::NAME].as_table().unwrap().iter().next().unwrap();
    let entry = entry::<K>(&toml::to_string(fields).unwrap());
    assert_eq!(problems::<K>(&entry), Vec::<String>::new());
    entry
}

/// The problems of an entry, as `field: message`.
pub(crate) fn problems<K: Kind>(entry: &Entry<K::Spec>) -> Vec<String> {
    K::check(&entry.spec).into_iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
}

/// What is wanted of an entry, with no fact known.
pub(crate) fn want<K: Kind>(entry: &Entry<K::Spec>) -> K::Props {
    let facts = Facts::default();
    K::want(entry, Cx { context: &context(), facts: &facts, gifts: &crate::kind::Gifts::default() })
}

/// The statements of parts; waits by what they wait for.
pub(crate) fn statements(parts: &[Part]) -> Vec<String> {
    let text = |act: &Act| match act {
        Act::Sql(text) => text.to_string(),
        Act::Aws(call) => call.operation(),
        Act::Wait(wait) => format!("wait: {}", wait.what),
    };
    parts.iter().flat_map(|part| &part.ops).map(|op| text(&op.act)).collect()
}

/// The statements that create an entry with these fields.
pub(crate) fn created<K: Kind>(toml: &str) -> Vec<String> {
    statements(&K::create(&at::<K>(), &want::<K>(&entry::<K>(toml))))
}

/// How two properties differ.
pub(crate) fn diff<K: Kind>(want: &K::Props, have: &K::Props) -> Diff {
    batch::compare(K::fields(want), K::fields(have))
}

/// The statements that lead from one to the other. Each change must be seen, and must lead to a statement.
pub(crate) fn altered<K: Kind>(before: &str, after: &str) -> Vec<String> {
    let (have, want) = (want::<K>(&entry::<K>(before)), want::<K>(&entry::<K>(after)));
    let changed = diff::<K>(&want, &have);
    assert!(!changed.is_empty(), "{after}: no difference is seen");
    assert!(!changed.replaces_object(), "{after}: would be replaced");
    let statements = statements(&K::alter(&at::<K>(), &want, &have, &changed));
    assert!(!statements.is_empty(), "{after}: nothing is done");
    statements
}

/// Whether going from one to the other needs a new object.
pub(crate) fn replaced<K: Kind>(before: &str, after: &str) -> bool {
    diff::<K>(&want::<K>(&entry::<K>(after)), &want::<K>(&entry::<K>(before))).replaces_object()
}
