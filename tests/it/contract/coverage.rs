//! Every field of every kind is changed by its contract, alone.

use std::collections::BTreeSet;

use serde_json::Value;
use snowssi::kind;

#[test]
fn every_field_is_changed_by_a_contract() {
    let mut missing = Vec::new();
    for kind in kind::all() {
        let contract = super::read(kind.name());
        let mut changed: BTreeSet<String> =
            contract.change.iter().map(|change| without_places(&change.field)).collect();
        let schema = kind.schema();
        let mut fields = BTreeSet::new();
        collect(schema.as_value(), schema.as_value(), "", &mut fields);
        changed.extend(
            fields
                .iter()
                .filter(|field| {
                    contract.identity.iter().any(|whole| {
                        field.strip_prefix(whole.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
                    })
                })
                .cloned(),
        );
        let is_changed = |field: &String| {
            let inside = format!("{field}.");
            changed.iter().any(|name| name == field || name.starts_with(&inside))
        };
        missing.extend(fields.iter().filter(|field| !is_changed(field)).map(|f| format!("{}.{f}", kind.name())));
    }
    assert!(missing.is_empty(), "no contract changes {}", missing.join(", "));
}

/// `lifecycle.0.prefix` is `lifecycle.prefix` in a schema.
fn without_places(field: &str) -> String {
    let names: Vec<&str> = field.split('.').filter(|name| name.parse::<usize>().is_err()).collect();
    names.join(".")
}

/// The fields of a schema that have no fields of their own.
fn collect(root: &Value, schema: &Value, path: &str, out: &mut BTreeSet<String>) {
    let before = out.len();
    if let Some(to) = schema["$ref"].as_str().and_then(|to| root.pointer(to.trim_start_matches('#'))) {
        collect(root, to, path, out);
    }
    for list in ["anyOf", "oneOf", "allOf"] {
        for one in schema[list].as_array().into_iter().flatten().filter(|one| has_fields(root, one)) {
            collect(root, one, path, out);
        }
    }
    if schema["items"].is_object() && has_fields(root, &schema["items"]) {
        collect(root, &schema["items"], path, out);
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        collect(root, field, &format!("{path}{dot}{name}"), out);
    }
    if out.len() == before && !path.is_empty() {
        out.insert(path.to_owned());
    }
}

fn has_fields(root: &Value, schema: &Value) -> bool {
    let mut out = BTreeSet::new();
    collect(root, schema, "", &mut out);
    !out.is_empty()
}
