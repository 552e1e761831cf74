//! The JSON Schema that editors get: every spec and example fits it, and what the loader refuses does not.

use std::path::{Path, PathBuf};

use serde_json::Value as Json;

/// Whether a value fits a schema, as far as the schema of a spec goes: the words that it uses, and no others.
fn fits(root: &Json, schema: &Json, value: &Json) -> bool {
    let Some(map) = schema.as_object() else { return schema != &Json::Bool(false) };
    map.iter().all(|(word, rule)| match word.as_str() {
        "$ref" => root.pointer(rule.as_str().unwrap().trim_start_matches('#')).is_some_and(|to| fits(root, to, value)),
        "type" => match rule {
            Json::Array(types) => types.iter().any(|one| is(one, value)),
            one => is(one, value),
        },
        "enum" => rule.as_array().unwrap().contains(value),
        "const" => rule == value,
        "pattern" => {
            value.as_str().is_none_or(|text| regex_lite::Regex::new(rule.as_str().unwrap()).unwrap().is_match(text))
        }
        "anyOf" => rule.as_array().unwrap().iter().any(|one| fits(root, one, value)),
        "oneOf" => rule.as_array().unwrap().iter().filter(|one| fits(root, one, value)).count() == 1,
        "allOf" => rule.as_array().unwrap().iter().all(|one| fits(root, one, value)),
        "required" => value
            .as_object()
            .is_none_or(|map| rule.as_array().unwrap().iter().all(|key| map.contains_key(key.as_str().unwrap()))),
        "items" => value.as_array().is_none_or(|items| items.iter().all(|one| fits(root, rule, one))),
        "properties" => value.as_object().is_none_or(|map| {
            rule.as_object().unwrap().iter().all(|(key, rule)| map.get(key).is_none_or(|one| fits(root, rule, one)))
        }),
        "additionalProperties" => value.as_object().is_none_or(|map| {
            let known = schema["properties"].as_object();
            map.iter()
                .filter(|(key, _)| known.is_none_or(|known| !known.contains_key(*key)))
                .all(|(_, one)| fits(root, rule, one))
        }),
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
        "$schema" | "$defs" | "title" | "description" | "default" | "format" | "uniqueItems" | "examples" => true,
        other => panic!("the schema of a spec says `{other}`, which this test does not know"),
    })
}

fn is(name: &Json, value: &Json) -> bool {
    match name.as_str().unwrap() {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "null" => value.is_null(),
        other => panic!("no such type: {other}"),
    }
}

fn read(path: &Path) -> Json {
    let table: toml::Table = std::fs::read_to_string(path).unwrap().parse().unwrap();
    serde_json::to_value(table).unwrap()
}

#[test]
fn every_spec_fits_the_schema_and_mistakes_do_not() {
    let schema = snowssi::spec::schema(snowssi::kind::all());
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let inside = |dir: &str| std::fs::read_dir(root.join(dir)).unwrap().map(|entry| entry.unwrap().path());
    let specs: Vec<PathBuf> = inside("specs").chain(inside("examples")).map(|dir| dir.join("snowssi.toml")).collect();
    for path in specs.iter().filter(|path| path.is_file()) {
        let spec = read(path);
        for (section, value) in spec.as_object().unwrap() {
            let rule = &schema["properties"][section];
            let entries = value.as_object().into_iter().flatten();
            let bad: Vec<&String> = entries
                .filter(|(label, _)| {
                    !fits(&schema, rule, &serde_json::json!({ label.as_str(): value[label.as_str()] }))
                })
                .map(|(label, _)| label)
                .collect();
            assert!(fits(&schema, rule, value), "{}: [{section}] {bad:?}", path.display());
        }
        assert!(fits(&schema, &schema, &spec), "{}", path.display());
    }
    for kind in snowssi::kind::all() {
        let example: toml::Table = kind.example().parse().unwrap();
        assert!(fits(&schema, &schema, &serde_json::to_value(example).unwrap()), "{}", kind.name());
    }
    for wrong in [
        "[stak]\nname = 'x'",
        "[stack]\nnam = 'x'",
        "[buket.a]\nname = 'x'",
        "[warehouse.a]\nname = 'X'\nauto_suspnd = 3",
        "[warehouse.a]\nname = 'X'\nauto_suspend = 'soon'",
        "[warehouse.a]\nname = 'X'\nwarehouse_size = 'ENORMOUS'",
        "[warehouse.a]\ncomment = 'no name'",
        "[module.a]\nname = 'no source'",
        "[[moved]]\nfrom = 'a.b'",
        "[data.buket.a]\nname = 'x'",
        "[variable.a]\ntype = 'text'",
    ] {
        let table: toml::Table = wrong.parse().unwrap();
        assert!(!fits(&schema, &schema, &serde_json::to_value(table).unwrap()), "{wrong}");
    }
}
