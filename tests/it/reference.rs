//! `docs/kinds.md` is made of what the kinds say about themselves; `UPDATE_DOCS=1 cargo test` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;
use snowssi::kind::{self, AnyKind, Side, Source};

#[test]
fn the_reference_says_what_the_kinds_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/kinds.md");
    let wanted = reference();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, &wanted).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == wanted,
        "docs/kinds.md is not what the kinds say: run UPDATE_DOCS=1 cargo test --test it reference"
    );
}

fn reference() -> String {
    let mut out = String::from(
        "# Kinds\n\nEvery kind of object, generated from the program itself (`UPDATE_DOCS=1 cargo test --test it reference`); \
         [spec.md](spec.md) tells what holds\nfor all of them. Every entry may also have `depends_on`, `for_each`, `protect` and \
         `adopt`. A field without *required* may be left out;\nits text says what that means.\n\n",
    );
    for kind in kind::all() {
        let cloud = if kind.side() == Side::Aws { "AWS" } else { "Snowflake" };
        let protected = if kind.protected() { ", protected" } else { "" };
        writeln!(out, "- [{0}](#{0}) ({cloud}{protected}): {1}", kind.name(), prose(kind.about())).unwrap();
    }
    kind::all().iter().for_each(|kind| one(&mut out, *kind));
    out
}

fn one(out: &mut String, kind: &dyn AnyKind) {
    writeln!(out, "\n## {}\n\n{}\n", kind.name(), prose(kind.about())).unwrap();
    if kind.protected() {
        out.push_str("Protected unless the entry says `protect = false`.\n\n");
    }
    writeln!(out, "```toml\n{}\n```\n", kind.example().trim()).unwrap();
    let schema = kind.schema().to_value();
    out.push_str("| field | type | |\n|---|---|---|\n");
    fields(out, &schema, &schema, "", 0);
    out.push_str("\nAttributes, for `{{ ");
    writeln!(out, "{}.LABEL.ATTRIBUTE }}}}`:\n\n| attribute | | known |\n|---|---|---|", kind.name()).unwrap();
    for attribute in kind.attributes() {
        let known = match attribute.from {
            Source::Field(_) | Source::Computed(_) => "always",
            Source::Fact => "if the object exists or names tell it; else after apply",
        };
        writeln!(out, "| `{}` | {} | {known} |", attribute.name, prose(attribute.about)).unwrap();
    }
}

/// A row for each field of a table, and for those of the tables in it.
fn fields(out: &mut String, root: &Json, table: &Json, prefix: &str, depth: usize) {
    let required: Vec<&str> = table["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    let mut all: Vec<(&String, &Json)> = table["properties"].as_object().into_iter().flatten().collect();
    all.sort_by_key(|(name, _)| !required.contains(&name.as_str()));
    for (name, field) in all.into_iter().filter(|(name, field)| name.as_str() != "type" || field.get("const").is_none())
    {
        let about = field["description"].as_str().or_else(|| target(root, field)["description"].as_str());
        let mut about = prose(about.unwrap_or_default());
        if let Some(default) = field.get("default").filter(|value| is_telling(value) && !about.contains("Default: ")) {
            write!(about, " Default: `{default}`.").unwrap();
        }
        let must = if required.contains(&name.as_str()) { ", *required*" } else { "" };
        writeln!(out, "| `{prefix}{name}` | {}{must} | {about} |", type_of(root, field, 0)).unwrap();
        let inner = if depth < 3 { tables(root, field, 0) } else { Vec::new() };
        // Tables that are told apart by a word in one field share its row.
        let words: Vec<String> = inner.iter().filter_map(|(table, _)| word(table)).collect();
        if !words.is_empty() {
            writeln!(out, "| `{prefix}{name}.type` | {}, *required* | Which sort it is. |", words.join(" or "))
                .unwrap();
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

/// A doc comment as one cell of a table.
fn prose(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
