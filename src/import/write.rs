//! Entries as TOML that a person would have written: one table for each, short lists in a line and long ones in lines, SQL as it is.

use serde_json::Value as Json;
use toml_edit::{Array, Decor, DocumentMut, InlineTable, Item, Table, Value};

use super::reference::{Known, References};
use super::{Read, Settings};
use crate::kind;

/// How long a line may be before a list is broken up.
const WIDTH: usize = 100;

/// Keys of inner tables that stand first; the others follow by name.
const FIRST: [&str; 13] = [
    "id",
    "name",
    "type",
    "principal",
    "enable",
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
];

/// The text of a spec, or of a file that a spec includes: the entries in the order of the reference. `beside` are objects that other entries
/// manage.
pub fn write(all: &[Read], beside: &[Known], settings: Option<&Settings>) -> String {
    let mut known: Vec<Known> = beside.to_vec();
    known.extend(all.iter().map(Read::known));
    let references = References::new(&known);
    let mut document = DocumentMut::new();
    if let Some(Settings { stack, region }) = settings {
        document.insert("stack", Item::Table(section("name", stack)));
        if let Some(region) = region {
            document.insert("aws", Item::Table(section("region", region)));
        }
    }
    for kind in kind::all() {
        let mut entries = Table::new();
        entries.set_implicit(true);
        for one in all.iter().filter(|one| one.at.kind() == kind.name()) {
            entries.insert(one.at.label(), Item::Table(entry(one, &references, kind.protected())));
        }
        if !entries.is_empty() {
            document.insert(kind.name(), Item::Table(entries));
        }
    }
    document.to_string().trim_start().to_owned()
}

fn section(key: &str, value: &str) -> Table {
    let mut table = Table::new();
    table.insert(key, Item::Value(text(&super::reference::escape(value))));
    table
}

fn entry(one: &Read, references: &References<'_>, protected: bool) -> Table {
    let mut table = Table::new();
    for (name, value) in &one.fields {
        let value = references.field(&one.at, name, value);
        table.insert(name, Item::Value(laid_out(name, &value)));
    }
    match &one.mark {
        None => drop(table.insert("adopt", Item::Value(true.into()))),
        Some(mark) if mark.protect != protected => {
            table.insert("protect", Item::Value(mark.protect.into()));
        }
        Some(_) => {}
    }
    table
}

/// A value, in several lines if it is a list that does not fit in one.
fn laid_out(name: &str, json: &Json) -> Value {
    let mut value = plain(json);
    let long = name.len() + 3 + value.to_string().chars().count() > WIDTH;
    if let (Value::Array(list), true) = (&mut value, long) {
        list.iter_mut().for_each(|item| *item.decor_mut() = Decor::new("\n  ", ""));
        list.set_trailing("\n");
        list.set_trailing_comma(true);
    }
    value
}

fn plain(json: &Json) -> Value {
    match json {
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match number.as_i64() {
            Some(number) => number.into(),
            None => number.as_f64().unwrap_or_default().into(),
        },
        Json::String(value) => text(value),
        Json::Array(items) => Value::Array(items.iter().map(plain).collect::<Array>()),
        Json::Object(fields) => {
            let mut known: Vec<_> = fields.iter().filter(|(_, value)| !value.is_null()).collect();
            let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
            known.sort_by_key(|(name, _)| rank(name));
            Value::InlineTable(
                known.into_iter().map(|(name, value)| (name.as_str(), plain(value))).collect::<InlineTable>(),
            )
        }
        // TOML has no such value; kinds do not write one.
        Json::Null => text(""),
    }
}

/// A text; one of several lines as it is, between `'''`, where TOML can hold it so.
fn text(value: &str) -> Value {
    if value.contains('\n')
        && let Ok(lines) = format!("'''\n{value}'''").parse::<Value>()
        && lines.as_str() == Some(value)
    {
        return lines;
    }
    value.into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::{Address, LiveId, Mark};

    fn read(at: &str, name: &str, fields: Vec<(&'static str, Json)>, mark: Option<Mark>) -> Read {
        let at: Address = at.parse().unwrap();
        Read { id: LiveId::new(at.kind(), name), at, mark, fields, facts: BTreeMap::new() }
    }

    #[test]
    fn entries_are_laid_out_for_people() {
        let mark = Mark { stack: "s".into(), address: "schema.s".parse().unwrap(), protect: false };
        let long: Vec<String> = (0..4).map(|n| format!("s3://a-bucket-with-a-long-name/{n}/")).collect();
        let all = [
            read(
                "task.t",
                "\"D\".\"S\".\"T\"",
                vec![("schema", json!("D.S")), ("name", json!("T")), ("as", json!("SELECT 1\n  FROM \"x\""))],
                None,
            ),
            read("schema.s", "\"D\".\"S\"", vec![("database", json!("D")), ("name", json!("S"))], Some(mark)),
            read(
                "storage_integration.i",
                "\"I\"",
                vec![
                    ("name", json!("I")),
                    ("role", json!("arn:aws:iam::111122223333:role/r")),
                    ("allowed_locations", json!(long)),
                ],
                None,
            ),
        ];
        let settings = Settings { stack: "toys".into(), region: Some("eu-west-1".into()) };
        insta::assert_snapshot!(write(&all, &[], Some(&settings)));
    }

    proptest! {
        #[test]
        fn every_text_is_read_back_as_it_is(value in "[ -~\n\r\t'\"\\\\{}%#\u{e4}\u{1}]{0,24}") {
            let all = [read("view.v", "v", vec![("comment", json!(value))], None)];
            let written = write(&all, &[], None);
            let parsed: toml::Table = written.parse().unwrap();
            let template = parsed["view"]["v"]["comment"].as_str().unwrap();
            let escaped = crate::import::reference::escape(&value);
            prop_assert_eq!(template, escaped.as_str());
        }
    }
}
