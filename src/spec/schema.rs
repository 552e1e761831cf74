//! The JSON Schema of a spec, for editors: what `snowssi schema` prints.
//!
//! It is what the kinds say about their entries, with what holds for all of them: any value may be a template, and any text may be a file.

use serde_json::{Map, Value as Json, json};

use super::assemble::{OutputTable, Stack};
use super::lookup::Lookup;
use super::model::{AwsSettings, SnowflakeSettings};
use super::moves::{Moved, Removed};
use super::variable::Variable;
use crate::kind::AnyKind;

/// The schema of a whole spec file.
pub fn schema(kinds: &[&'static dyn AnyKind]) -> Json {
    let mut defs = Map::new();
    defs.insert("template".into(), json!({ "type": "string", "pattern": "\\{\\{|\\{%" }));
    defs.insert("file".into(), closed(&[("file", json!({ "type": "string" }))], &["file"]));
    let mut place = |name: &str, schema: schemars::Schema, templates: bool| -> Json {
        let mut schema = schema.to_value();
        let inner = schema.as_object_mut().and_then(|schema| schema.remove("$defs"));
        let own = |path: &str| format!("#/$defs/{name}.{}", path.trim_start_matches("#/$defs/"));
        for (key, mut one) in inner.and_then(|inner| inner.as_object().cloned()).into_iter().flatten() {
            rewrite(&mut one, &own, templates);
            defs.insert(format!("{name}.{key}"), one);
        }
        rewrite(&mut schema, &own, templates);
        schema
    };
    let mut sections = Map::new();
    sections.insert("stack".into(), place("stack", schemars::schema_for!(Stack), true));
    sections.insert("aws".into(), place("aws", schemars::schema_for!(AwsSettings), true));
    sections.insert("snowflake".into(), place("snowflake", schemars::schema_for!(SnowflakeSettings), true));
    sections.insert("variable".into(), labelled(&place("variable", schemars::schema_for!(Variable), false)));
    sections.insert("local".into(), json!({ "type": "object" }));
    sections.insert("output".into(), labelled(&place("output", schemars::schema_for!(OutputTable), true)));
    sections.insert("include".into(), json!({ "type": "array", "items": { "type": "string" } }));
    let each = json!({ "anyOf": [{ "type": "array" }, { "type": "object" }, { "$ref": "#/$defs/template" }] });
    let after =
        json!({ "anyOf": [{ "type": "array", "items": { "type": "string" } }, { "$ref": "#/$defs/template" }] });
    let flag = json!({ "anyOf": [{ "type": "boolean" }, { "$ref": "#/$defs/template" }] });
    let module = json!({
        "type": "object", "required": ["source"],
        "properties": { "source": { "type": "string" }, "for_each": each, "depends_on": after }
    });
    sections.insert("module".into(), labelled(&module));
    let list = |one: Json| json!({ "type": "array", "items": one });
    sections.insert("moved".into(), list(place("moved", schemars::schema_for!(Moved), false)));
    sections.insert("removed".into(), list(place("removed", schemars::schema_for!(Removed), false)));
    let lookup = labelled(&place("data", schemars::schema_for!(Lookup), true));
    let lookups = kinds.iter().map(|kind| (kind.name().to_owned(), lookup.clone())).collect();
    sections.insert(
        "data".into(),
        json!({ "type": "object", "properties": Json::Object(lookups), "additionalProperties": false }),
    );
    for kind in kinds {
        let mut entry = place(kind.name(), kind.schema(), true);
        if let Some(properties) = entry.get_mut("properties").and_then(Json::as_object_mut) {
            let meta = [("for_each", &each), ("depends_on", &after), ("protect", &flag), ("adopt", &flag)];
            properties.extend(meta.map(|(key, value)| (key.to_owned(), value.clone())));
        }
        let mut section = labelled(&entry);
        section["description"] = Json::from(kind.about());
        sections.insert(kind.name().into(), section);
    }
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A spec of snowssi",
        "type": "object",
        "properties": Json::Object(sections),
        "additionalProperties": false,
        "$defs": Json::Object(defs),
    })
}

/// A table of such tables, by label.
fn labelled(one: &Json) -> Json {
    json!({ "type": "object", "additionalProperties": one })
}

fn closed(properties: &[(&str, Json)], required: &[&str]) -> Json {
    let properties: Map<String, Json> =
        properties.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// Points references at where the parts of this schema are, and lets every value inside of it be a template or, where it is a text, a file.
fn rewrite(schema: &mut Json, own: &dyn Fn(&str) -> String, templates: bool) {
    let Some(map) = schema.as_object_mut() else { return };
    map.remove("$schema");
    map.remove("title");
    if let Some(Json::String(path)) = map.get_mut("$ref") {
        *path = own(path);
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        map.get_mut(several)
            .and_then(Json::as_array_mut)
            .into_iter()
            .flatten()
            .for_each(|one| rewrite(one, own, templates));
    }
    for one in ["items", "additionalProperties"] {
        if let Some(inner) = map.get_mut(one).filter(|inner| inner.is_object()) {
            rewrite(inner, own, templates);
            loosen(inner, templates);
        }
    }
    for property in
        map.get_mut("properties").and_then(Json::as_object_mut).into_iter().flatten().map(|(_, value)| value)
    {
        rewrite(property, own, templates);
        loosen(property, templates);
    }
}

fn loosen(schema: &mut Json, templates: bool) {
    if !templates || schema.as_object().is_none_or(Map::is_empty) {
        return;
    }
    let description = schema.as_object_mut().and_then(|schema| schema.remove("description"));
    let default = schema.as_object_mut().and_then(|schema| schema.remove("default"));
    let strict = schema.take();
    *schema = json!({ "anyOf": [strict, { "$ref": "#/$defs/template" }, { "$ref": "#/$defs/file" }] });
    if let Some(description) = description {
        schema["description"] = description;
    }
    if let Some(default) = default {
        schema["default"] = default;
    }
}
