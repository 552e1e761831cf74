//! Functions of VARIANT, OBJECT and ARRAY.

use std::sync::atomic::Ordering;

use rusqlite::types::Value;
use serde_json::{Map, Value as Json};

use super::{
    Scalar, Want, a_boolean, a_number, a_text, a_variant, an_array, an_object, bounded, count, given, open, strict,
    text_at, truth, whole_at,
};
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::select::convert::parse_json;
use crate::sandbox::snowflake::select::types::real_text;

const T1: &[Want] = &[Want::Text];
const J1: &[Want] = &[Want::Json];
const J2: &[Want] = &[Want::Json, Want::Json];
const PATH: &[Want] = &[Want::Json, Want::Text];

pub(super) static FUNCTIONS: &[Scalar] = &[
    strict("PARSE_JSON", T1, 1, a_variant, |_, a| match text_at(a, 0).trim() {
        "" => Ok(Value::Null),
        text => given(parse_json(text)?.to_string()),
    }),
    strict("TRY_PARSE_JSON", T1, 1, a_variant, |_, a| {
        Ok(parse_json(text_at(a, 0)).map_or(Value::Null, |json| Value::Text(json.to_string())))
    }),
    strict("CHECK_JSON", T1, 1, a_text, |_, a| {
        Ok(parse_json(text_at(a, 0)).map_or_else(|error| Value::Text(error.message), |_| Value::Null))
    }),
    strict("TO_JSON", J1, 1, a_text, |_, a| given(text_at(a, 0))),
    strict("TO_VARIANT", J1, 1, a_variant, |_, a| given(text_at(a, 0))),
    strict("TO_OBJECT", J1, 1, an_object, |_, a| match json_at(a, 0)? {
        json @ Json::Object(_) => given(json.to_string()),
        Json::Null => Ok(Value::Null),
        other => Err(fail::error("100071", "22000", format!("Failed to cast variant value {other} to OBJECT"))),
    }),
    strict("TO_ARRAY", J1, 1, an_array, |_, a| match json_at(a, 0)? {
        json @ Json::Array(_) => given(json.to_string()),
        Json::Null => Ok(Value::Null),
        other => given(Json::Array(vec![other]).to_string()),
    }),
    strict("TYPEOF", J1, 1, a_text, |_, a| given(type_of(&json_at(a, 0)?))),
    strict("IS_NULL_VALUE", J1, 1, a_boolean, |_, a| truth(json_at(a, 0)?.is_null())),
    strict("IS_OBJECT", J1, 1, a_boolean, |_, a| truth(json_at(a, 0)?.is_object())),
    strict("IS_ARRAY", J1, 1, a_boolean, |_, a| truth(json_at(a, 0)?.is_array())),
    strict("IS_VARCHAR", J1, 1, a_boolean, |_, a| truth(json_at(a, 0)?.is_string())),
    strict("IS_BOOLEAN", J1, 1, a_boolean, |_, a| truth(json_at(a, 0)?.is_boolean())),
    strict("IS_INTEGER", J1, 1, a_boolean, |_, a| truth(json_at(a, 0)?.is_i64())),
    strict("ARRAY_SIZE", J1, 1, a_number, |_, a| match json_at(a, 0)? {
        Json::Array(items) => count(items.len()),
        _ => Ok(Value::Null),
    }),
    strict("OBJECT_KEYS", J1, 1, an_array, |_, a| match json_at(a, 0)? {
        Json::Object(map) => given(serde_json::json!(map.keys().collect::<Vec<_>>()).to_string()),
        _ => Ok(Value::Null),
    }),
    strict("ARRAY_CONTAINS", J2, 2, a_boolean, |_, a| {
        let wanted = json_at(a, 0)?;
        truth(json_at(a, 1)?.as_array().is_some_and(|items| items.contains(&wanted)))
    }),
    strict("ARRAY_POSITION", J2, 2, a_number, |_, a| {
        let wanted = json_at(a, 0)?;
        let found = json_at(a, 1)?.as_array().and_then(|items| items.iter().position(|item| *item == wanted));
        found.map_or(Ok(Value::Null), count)
    }),
    strict("ARRAY_TO_STRING", PATH, 2, a_text, |_, a| match json_at(a, 0)? {
        Json::Array(items) => {
            let texts: Vec<String> =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned)).collect();
            bounded(texts.join(text_at(a, 1)))
        }
        _ => Ok(Value::Null),
    }),
    strict("ARRAY_DISTINCT", J1, 1, an_array, |_, a| {
        let mut kept: Vec<Json> = Vec::new();
        for item in json_at(a, 0)?.as_array().cloned().unwrap_or_default() {
            if !kept.contains(&item) {
                kept.push(item);
            }
        }
        given(Json::Array(kept).to_string())
    }),
    strict("ARRAY_APPEND", J2, 2, an_array, |_, a| {
        let mut items = json_at(a, 0)?.as_array().cloned().unwrap_or_default();
        items.push(json_at(a, 1)?);
        bounded(Json::Array(items).to_string())
    }),
    strict("ARRAY_CAT", J2, 2, an_array, |_, a| {
        let mut items = json_at(a, 0)?.as_array().cloned().unwrap_or_default();
        items.extend(json_at(a, 1)?.as_array().cloned().unwrap_or_default());
        bounded(Json::Array(items).to_string())
    }),
    open("ARRAY_CONSTRUCT", J1, 0, an_array, |_, a| {
        let items = (0..a.len()).map(|at| json_at(a, at)).collect::<Fallible<Vec<_>>>()?;
        bounded(Json::Array(items).to_string())
    }),
    // Keys with NULL do not get in.
    open("OBJECT_CONSTRUCT", J1, 0, an_object, |_, a| object(a, false)),
    open("OBJECT_CONSTRUCT_KEEP_NULL", J1, 0, an_object, |_, a| object(a, true)),
    strict("OBJECT_DELETE", PATH, 2, an_object, |_, a| {
        let mut json = json_at(a, 0)?;
        if let Some(map) = json.as_object_mut() {
            map.remove(text_at(a, 1));
        }
        given(json.to_string())
    }),
    // One step into a value, by name or by number.
    strict("GET", PATH, 2, a_variant, |_, a| {
        let json = json_at(a, 0)?;
        let found = match (&json, text_at(a, 1).parse::<usize>()) {
            (Json::Array(items), Ok(at)) => items.get(at),
            (Json::Object(map), _) => map.get(text_at(a, 1)),
            _ => None,
        };
        Ok(found.map_or(Value::Null, |found| Value::Text(found.to_string())))
    }),
    // A path such as `a.b[0]."c d"`.
    strict("GET_PATH", PATH, 2, a_variant, |_, a| {
        let mut json = json_at(a, 0)?;
        for step in steps(text_at(a, 1))? {
            let next = match (&mut json, step) {
                (Json::Array(items), Step::Index(at)) if at < items.len() => items.swap_remove(at),
                (Json::Object(map), Step::Key(key)) => match map.remove(&key) {
                    Some(found) => found,
                    None => return Ok(Value::Null),
                },
                _ => return Ok(Value::Null),
            };
            json = next;
        }
        given(json.to_string())
    }),
    // Texts of JSON in an array, as the values they are: what ARRAY_AGG ends with.
    strict("$UNTEXT", T1, 1, an_array, |_, a| {
        let texts: Vec<Option<String>> = serde_json::from_str(text_at(a, 0)).unwrap_or_default();
        let items = texts.into_iter().flatten().map(|text| parse_json(&text)).collect::<Fallible<Vec<_>>>()?;
        bounded(Json::Array(items).to_string())
    }),
    // What a VARIANT compares and sorts by.
    strict("$KEY", J1, 1, a_variant, |_, a| {
        Ok(match json_at(a, 0)? {
            Json::Number(number) => match (number.as_i64(), number.as_f64()) {
                (Some(whole), _) => Value::Integer(whole),
                (_, Some(number)) => Value::Real(number),
                _ => Value::Null,
            },
            Json::String(text) => Value::Text(text),
            other => Value::Text(other.to_string()),
        })
    }),
    // The rows of a FLATTEN: the value, the path, OUTER, RECURSIVE, MODE.
    open("$FLATTEN", &[Want::Json, Want::Text, Want::Boolean, Want::Boolean, Want::Text], 5, a_text, |env, a| {
        flatten(env.sequence.fetch_add(1, Ordering::Relaxed) + 1, a)
    }),
];

fn json_at(args: &[Value], at: usize) -> Fallible<Json> {
    match args.get(at) {
        Some(Value::Text(text)) => parse_json(text),
        _ => Ok(Json::Null),
    }
}

fn type_of(json: &Json) -> &'static str {
    match json {
        Json::Null => "NULL_VALUE",
        Json::Bool(_) => "BOOLEAN",
        Json::Number(number) if number.is_i64() || number.is_u64() => "INTEGER",
        Json::Number(number) => {
            let digits = number.as_f64().map(real_text).unwrap_or_default();
            if digits.contains('e') { "DOUBLE" } else { "DECIMAL" }
        }
        Json::String(_) => "VARCHAR",
        Json::Array(_) => "ARRAY",
        Json::Object(_) => "OBJECT",
    }
}

fn object(args: &[Value], keep_null: bool) -> Fallible<Value> {
    let mut map = Map::new();
    for at in (0..args.len()).step_by(2) {
        let (Json::String(key), value) = (json_at(args, at)?, json_at(args, at + 1)?) else { continue };
        if args.get(at + 1).is_some_and(|value| *value != Value::Null) || keep_null {
            map.insert(key, value);
        }
    }
    bounded(Json::Object(map).to_string())
}

enum Step {
    Key(String),
    Index(usize),
}

fn steps(path: &str) -> Fallible<Vec<Step>> {
    let broken = || fail::error("100070", "22000", format!("Invalid path: '{path}'"));
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('[') {
            let (inner, after) = after.split_once(']').ok_or_else(broken)?;
            let inner = inner.trim();
            steps.push(match inner.strip_prefix(['\'', '"']).and_then(|i| i.strip_suffix(['\'', '"'])) {
                Some(key) => Step::Key(key.to_owned()),
                None => Step::Index(inner.parse().map_err(|_| broken())?),
            });
            rest = after;
        } else if let Some(after) = rest.strip_prefix('"') {
            let (inner, after) = after.split_once('"').ok_or_else(broken)?;
            steps.push(Step::Key(inner.to_owned()));
            rest = after;
        } else {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            let (key, after) = rest.split_at_checked(end).ok_or_else(broken)?;
            if !key.is_empty() {
                steps.push(Step::Key(key.to_owned()));
            }
            rest = after;
        }
        rest = rest.strip_prefix('.').unwrap_or(rest);
    }
    Ok(steps)
}

/// A JSON array of `[seq, key, path, index, value, this]`, texts and numbers, for `SQLite` to spread out.
fn flatten(sequence: i64, args: &[Value]) -> Fallible<Value> {
    let path = text_at(args, 1);
    let (outer, recursive) = (whole_at(args, 2) == Some(1), whole_at(args, 3) == Some(1));
    let mode = text_at(args, 4).to_uppercase();
    let mut rows = Vec::new();
    let mut input = json_at(args, 0)?;
    for step in steps(path)? {
        input = match (&mut input, step) {
            (Json::Array(items), Step::Index(at)) if at < items.len() => items.swap_remove(at),
            (Json::Object(map), Step::Key(key)) => map.remove(&key).unwrap_or_default(),
            _ => Json::Null,
        };
    }
    spread(&input, path, &mode, recursive, &mut rows)?;
    let rows_of_all = rows.iter_mut().filter_map(Json::as_array_mut);
    rows_of_all.for_each(|row| row.insert(0, Json::from(sequence)));
    if rows.is_empty() && outer {
        let mut row = vec![Json::Null; 6];
        if let Some(first) = row.first_mut() {
            *first = Json::from(sequence);
        }
        rows.push(Json::Array(row));
    }
    bounded(Json::Array(rows).to_string())
}

fn spread(input: &Json, path: &str, mode: &str, recursive: bool, rows: &mut Vec<Json>) -> Fallible<()> {
    let this = input.to_string();
    let children: Vec<(Json, String, Json, &Json)> = match input {
        Json::Array(items) if mode != "OBJECT" => items
            .iter()
            .enumerate()
            .map(|(at, item)| (Json::Null, format!("{path}[{at}]"), Json::from(at), item))
            .collect(),
        Json::Object(map) if mode != "ARRAY" => map
            .iter()
            .map(|(key, item)| {
                let dot = if path.is_empty() { "" } else { "." };
                (Json::from(key.as_str()), format!("{path}{dot}{key}"), Json::Null, item)
            })
            .collect(),
        _ => Vec::new(),
    };
    for (key, path, index, item) in children {
        if rows.len() > 100_000 {
            return Err(fail::beyond("FLATTEN to more than 100000 rows"));
        }
        rows.push(Json::Array(vec![
            key,
            Json::from(path.as_str()),
            index,
            item.to_string().into(),
            this.clone().into(),
        ]));
        if recursive {
            spread(item, &path, mode, true, rows)?;
        }
    }
    Ok(())
}
