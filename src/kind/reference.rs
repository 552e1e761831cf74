//! What the kinds say about themselves: the reference, as `docs/kinds.md` has it and as `snowssi explain` prints it.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::{AnyKind, Side, Source};

/// One field of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its name, with dots and `[]` where it is nested.
    pub name: String,
    /// Its type, in words.
    pub of: String,
    /// Whether an entry needs it.
    pub required: bool,
    /// What it means.
    pub about: String,
}

/// All of it, as Markdown.
pub fn markdown() -> String {
    let mut out = String::from(
        "# Kinds\n\nEvery kind of object, generated from the program itself (`UPDATE_DOCS=1 cargo test --test it reference`); \
         [spec.md](spec.md) tells what holds\nfor all of them. Every entry may also have `depends_on`, `for_each`, `protect` and \
         `adopt`. A field without *required* may be left out;\nits text says what that means.\n\n",
    );
    for kind in super::all() {
        let protected = if kind.protected() { ", protected" } else { "" };
        let line = format!("- [{0}](#{0}) ({1}{protected}): {2}\n", kind.name(), cloud(*kind), cell(kind.about()));
        out.push_str(&line);
    }
    super::all().iter().for_each(|kind| one(&mut out, *kind));
    out
}

/// The cloud a kind lives in.
pub fn cloud(kind: &dyn AnyKind) -> &'static str {
    if kind.side() == Side::Aws { "AWS" } else { "Snowflake" }
}

/// When an attribute is known.
pub fn known(from: Source) -> &'static str {
    match from {
        Source::Field(_) | Source::Computed(_) => "always",
        Source::Fact => "if the object exists or names tell it; else after apply",
    }
}

fn one(out: &mut String, kind: &dyn AnyKind) {
    // Writing to a text cannot fail.
    let _ = writeln!(out, "\n## {}\n\n{}\n", kind.name(), cell(kind.about()));
    if kind.protected() {
        out.push_str("Protected unless the entry says `protect = false`.\n\n");
    }
    let _ = writeln!(out, "```toml\n{}\n```\n", kind.example().trim());
    out.push_str("| field | type | |\n|---|---|---|\n");
    for Row { name, of, required, about } in rows(kind) {
        let must = if required { ", *required*" } else { "" };
        let _ = writeln!(out, "| `{name}` | {of}{must} | {} |", about.replace('|', "\\|"));
    }
    out.push_str("\nAttributes, for `{{ ");
    let _ = writeln!(out, "{}.LABEL.ATTRIBUTE }}}}`:\n\n| attribute | | known |\n|---|---|---|", kind.name());
    for attribute in kind.attributes() {
        let _ = writeln!(out, "| `{}` | {} | {} |", attribute.name, cell(attribute.about), known(attribute.from));
    }
}

/// The fields of a kind, those that an entry needs first, each followed by those inside of it.
pub fn rows(kind: &dyn AnyKind) -> Vec<Row> {
    let schema = kind.schema().to_value();
    let mut rows = Vec::new();
    fields(&mut rows, &schema, &schema, "", 0);
    rows
}

/// A row for each field of a table, and for those of the tables in it.
fn fields(out: &mut Vec<Row>, root: &Json, table: &Json, prefix: &str, depth: usize) {
    let required: Vec<&str> = table["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let mut all: Vec<(&String, &Json)> = table["properties"].as_object().into_iter().flatten().collect();
    all.sort_by_key(|(name, _)| !required.contains(&name.as_str()));
    for (name, field) in all.into_iter().filter(|(name, field)| name.as_str() != "type" || field.get("const").is_none())
    {
        let about = field["description"].as_str().or_else(|| target(root, field)["description"].as_str());
        let mut about = prose(about.unwrap_or_default());
        if let Some(default) = field.get("default").filter(|value| is_telling(value) && !about.contains("Default: ")) {
            let _ = write!(about, " Default: `{default}`.");
        }
        let required = required.contains(&name.as_str());
        out.push(Row { name: format!("{prefix}{name}"), of: type_of(root, field, 0), required, about });
        let inner = if depth < 3 { tables(root, field, 0) } else { Vec::new() };
        // Tables that are told apart by a word in one field share its row.
        let words: Vec<String> = inner.iter().filter_map(|(table, _)| word(table)).collect();
        if !words.is_empty() {
            let about = "Which sort it is.".to_owned();
            out.push(Row { name: format!("{prefix}{name}.type"), of: words.join(" or "), required: true, about });
        }
        for (table, many) in inner {
            let dots = if many { "[]." } else { "." };
            fields(out, root, table, &format!("{prefix}{name}{dots}"), depth + 1);
        }
    }
}

/// The value of `type` that makes a table one of several sorts.
fn word(table: &Json) -> Option<String> {
    table["properties"]["type"].get("const").map(|word| format!("`{word}`"))
}

/// A default that says something the text does not: not an empty one, nor a table whose fields have their own.
fn is_telling(default: &Json) -> bool {
    match default {
        Json::Null | Json::Object(_) => false,
        Json::String(text) => !text.is_empty(),
        Json::Array(items) => !items.is_empty(),
        Json::Bool(_) | Json::Number(_) => true,
    }
}

/// The schema behind a reference.
fn target<'a>(root: &'a Json, schema: &'a Json) -> &'a Json {
    let path = schema["$ref"].as_str().and_then(|path| path.strip_prefix('#'));
    path.and_then(|path| root.pointer(path)).unwrap_or(schema)
}

fn alternatives(schema: &Json) -> impl Iterator<Item = &Json> {
    ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|several| schema[several].as_array()).flatten()
}

/// The tables that may stand at a place, and whether in a list.
fn tables<'a>(root: &'a Json, schema: &'a Json, depth: usize) -> Vec<(&'a Json, bool)> {
    if depth > 6 || secret_ref(schema) {
        return Vec::new();
    }
    let schema = target(root, schema);
    let mut found = Vec::new();
    if schema["properties"].is_object() {
        found.push((schema, false));
    }
    found.extend(
        schema.get("items").into_iter().flat_map(|item| tables(root, item, depth + 1)).map(|(table, _)| (table, true)),
    );
    found.extend(alternatives(schema).flat_map(|one| tables(root, one, depth + 1)));
    found
}

fn secret_ref(schema: &Json) -> bool {
    schema["$ref"].as_str().is_some_and(|path| path.ends_with("/SecretRef"))
}

/// The type of a field, in words.
fn type_of(root: &Json, schema: &Json, depth: usize) -> String {
    if secret_ref(schema) {
        return "secret".to_owned();
    }
    let schema = target(root, schema);
    if depth > 6 {
        return "value".to_owned();
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> =
            values.iter().filter(|value| !value.is_null()).map(|value| format!("`{value}`")).collect();
        return values.join(", ");
    }
    if let Some(value) = schema.get("const") {
        return format!("`{value}`");
    }
    let mut types: Vec<String> = Vec::new();
    let mut add = |name: String| {
        if !name.is_empty() && !types.contains(&name) {
            types.push(name);
        }
    };
    let plain = schema["type"].as_str().into_iter();
    for name in plain.chain(schema["type"].as_array().into_iter().flatten().filter_map(Json::as_str)) {
        add(match name {
            "null" => String::new(),
            "integer" | "number" => "number".to_owned(),
            "array" => format!(
                "list of {}",
                schema.get("items").map_or("values".to_owned(), |item| type_of(root, item, depth + 1))
            ),
            "object" => "table".to_owned(),
            other => other.to_owned(),
        });
    }
    alternatives(schema).for_each(|one| add(type_of(root, one, depth + 1)));
    match types.is_empty() {
        true if schema["properties"].is_object() => "table".to_owned(),
        true => "values".to_owned(),
        false => types.join(" or "),
    }
}

/// A doc comment on one line.
pub fn prose(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The same as a cell of a table.
fn cell(text: &str) -> String {
    prose(text).replace('|', "\\|")
}
