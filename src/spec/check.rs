//! What can be said about a table from its schema alone, before anything is evaluated: unknown keys, missing keys, literal secrets.

use serde_json::Value as Json;

use super::diagnostic::{Diagnostic, Report};
use super::shape::Shape;
use super::source::Location;
use super::suggest;
use super::tree::{Node, Table, Value};
use crate::model::val::token;

/// Checks a table at every depth. `what` names it in messages; `meta` are keys that are allowed besides those of the schema.
/// Gives whether required keys are missing.
pub(super) fn table(
    table: &Table,
    at: Location,
    what: &str,
    meta: &[&str],
    shape: &Shape<'_>,
    report: &mut Report,
) -> bool {
    let keys = shape.keys();
    for (name, item) in table {
        let allowed = keys.as_ref().is_none_or(|keys| keys.contains(name.as_str())) || meta.contains(&name.as_str());
        if !allowed {
            let names = keys.iter().flatten().copied().chain(meta.iter().copied());
            let problem = Diagnostic::error("unknown-key", item.key, format!("{what} has no key `{name}`"));
            report.add(problem.maybe_help(suggest::help(name, "key", names)));
        } else if !meta.contains(&name.as_str()) {
            node(&item.node, name, &shape.field(name), report);
        }
    }
    let missing: Vec<&str> = shape.required().into_iter().filter(|key| !table.contains_key(*key)).collect();
    for key in &missing {
        let problem = Diagnostic::error("missing-key", at, format!("{what} needs the key `{key}`"));
        report.add(problem.maybe_help(shape.about(key).map(|about| format!("`{key}`: {about}"))));
    }
    !missing.is_empty()
}

fn node(node_: &Node, name: &str, shape: &Shape<'_>, report: &mut Report) {
    match &node_.value {
        Value::Text(_) if shape.is_secret() => {
            let problem = Diagnostic::error(
                "literal-secret",
                node_.at,
                format!("`{name}` is a secret and must not be written here"),
            );
            report.add(problem.help("a secret is given by reference: { env = \"NAME\" } or { file = \"…\" }"));
        }
        Value::Table(inner) if is_file(inner, name, shape) => {}
        Value::Table(inner) => {
            table(inner, node_.at, &format!("`{name}`"), &[], shape, report);
        }
        Value::List(items) => {
            let shape = shape.item();
            for item in items {
                node(item, name, &shape, report);
            }
        }
        _ => {}
    }
}

/// Fields that may be given as a file even if their schema does not say that they are texts.
const TEXTS: [&str; 4] = ["as", "when", "definition", "policy"];

/// Whether a table, the value of the key `name`, stands for the text of a file.
pub(super) fn is_file(table: &Table, name: &str, shape: &Shape<'_>) -> bool {
    let text = shape.takes_text() || TEXTS.contains(&name) && !shape.is_secret();
    text && table.len() == 1 && table.contains_key("file")
}

/// Where an evaluated value holds something that is known only after apply although a plain text is wanted: paths such as `tags.key`.
pub(super) fn too_late(value: &Json, path: &str, shape: &Shape<'_>, found: &mut Vec<String>) {
    match value {
        Json::String(text) if token::is_in(text) && shape.is_plain_text() => found.push(path.to_owned()),
        Json::Array(items) => {
            let shape = shape.item();
            items.iter().enumerate().for_each(|(at, item)| too_late(item, &format!("{path}[{at}]"), &shape, found));
        }
        Json::Object(map) => {
            map.iter().for_each(|(key, item)| too_late(item, &format!("{path}.{key}"), &shape.field(key), found));
        }
        _ => {}
    }
}
