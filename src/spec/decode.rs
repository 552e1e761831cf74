//! Plain values to typed ones, with every error at the place of its field.

use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};

use super::check;
use super::diagnostic::{Diagnostic, Report};
use super::shape::Shape;
use super::source::Location;
use super::tree::{Item, Table, follow};
use super::world::plain_words;
use crate::kind::Decoded;

/// Decodes a section that holds no templates.
pub(super) fn section<T: DeserializeOwned + JsonSchema>(item: &Item, what: &str, report: &mut Report) -> Option<T> {
    let Some(table) = item.node.table() else {
        report.add(Diagnostic::error(
            "bad-value",
            item.node.at,
            format!("{what} is a table, not {}", item.node.what()),
        ));
        return None;
    };
    let Json::Object(fields) = item.node.plain() else { return None };
    fields_of(table, item.key, what, fields, report)
}

/// Decodes the evaluated fields of a section.
pub(super) fn fields_of<T: DeserializeOwned + JsonSchema>(
    table: &Table,
    at: Location,
    what: &str,
    mut fields: Map<String, Json>,
    report: &mut Report,
) -> Option<T> {
    let schema = schemars::schema_for!(T).to_value();
    let shape = Shape::of(&schema);
    let missing = check::table(table, at, what, &[], &shape, report);
    if let Some(keys) = shape.keys() {
        fields.retain(|key, _| keys.contains(key.as_str()));
    }
    let mut decoded = None;
    let push = |fields| {
        let read: Result<T, serde_path_to_error::Error<serde_json::Error>> = serde_path_to_error::deserialize(fields);
        let explain = |error: serde_path_to_error::Error<serde_json::Error>| Decoded {
            field: error.path().to_string(),
            message: error.into_inner().to_string(),
        };
        decoded = Some(read.map_err(explain)?);
        Ok(())
    };
    for error in errors(table, at, what, fields, missing, push) {
        report.add(error);
    }
    decoded
}

/// The types of numbers as the spec knows them.
fn in_spec_words(message: &str) -> String {
    let numbers = ["i8", "i16", "i32", "i64", "u8", "u16", "u32", "u64", "usize"];
    let of =
        |ty: &str| message.strip_suffix(&format!("expected {ty}")).map(|head| format!("{head}expected an integer"));
    numbers.into_iter().find_map(of).unwrap_or_else(|| message.to_owned())
}

/// Pushes fields into a decoder; where it fails, sets the field aside and goes on, so that all errors are found. Says nothing of
/// missing fields if those were `missing` before.
pub(super) fn errors(
    table: &Table,
    at: Location,
    what: &str,
    mut fields: Map<String, Json>,
    missing: bool,
    mut push: impl FnMut(Json) -> Result<(), Decoded>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    while let Err(Decoded { field, message }) = push(Json::Object(fields.clone())) {
        if message.starts_with("missing field") && (missing || !found.is_empty()) {
            break;
        }
        let path = field.trim_matches('.');
        let place = follow(table, path).unwrap_or(at);
        let message = in_spec_words(&message);
        let message = match plain_words(&message) {
            words if words == message => words,
            words => format!("this must be known while planning: {words}"),
        };
        let summary = match path {
            "" => format!("{what}: {message}"),
            path => format!("`{path}`: {message}"),
        };
        found.push(Diagnostic::error("bad-value", place, summary));
        let first = path.split(['.', '[']).next().unwrap_or_default();
        if fields.remove(first).is_none() {
            break;
        }
    }
    found
}
