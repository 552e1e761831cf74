//! TOML as a tree in which every key and value knows its place.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::source::{FileId, Location};

/// A value and its place.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) at: Location,
    pub(super) value: Value,
}

/// A TOML value.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Text(String),
    Int(i64),
    Float(f64),
    Bool(bool),
    /// Dates and times, as written.
    Date(String),
    List(Vec<Node>),
    Table(Table),
}

/// The keys of a table.
pub(super) type Table = BTreeMap<String, Item>;

/// A key and its value.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) key: Location,
    pub(super) node: Node,
}

/// How many syntax errors of one file are reported: most of those after the first few are echoes.
const MOST_SYNTAX_ERRORS: usize = 5;

/// Parses a file.
pub(super) fn parse(text: &str, file: FileId) -> Result<Table, Vec<Diagnostic>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut out = Vec::new();
    let tree = table_of(table.get_ref(), file, &mut out);
    let syntax = |error: &toml::de::Error| {
        let span = error.span().unwrap_or_default();
        Diagnostic::error("syntax", Location::new(file, span), format!("this is not TOML: {}", error.message()))
    };
    let mut lines = std::collections::BTreeSet::new();
    let mut problems: Vec<Diagnostic> = errors
        .iter()
        .filter(|error| {
            let at = error.span().unwrap_or_default().start.min(text.len());
            lines.insert(text.as_bytes()[..at].iter().rposition(|byte| *byte == b'\n'))
        })
        .take(MOST_SYNTAX_ERRORS)
        .map(syntax)
        .collect();
    problems.extend(out);
    if problems.is_empty() { Ok(tree) } else { Err(problems) }
}

/// Parses the text of one value, such as a list given with `--var`.
pub(super) fn parse_value(text: &str) -> Option<Json> {
    let value = DeValue::parse(text).ok()?;
    let mut problems = Vec::new();
    let place = super::Sources::start();
    let value = value_of(value.get_ref(), place, &mut problems);
    problems.is_empty().then(|| Node { at: place, value }.plain())
}

fn table_of(table: &DeTable<'_>, file: FileId, problems: &mut Vec<Diagnostic>) -> Table {
    let mut item = |key: &toml::Spanned<std::borrow::Cow<'_, str>>, value: &toml::Spanned<DeValue<'_>>| {
        let at = Location::new(file, value.span());
        let node = Node { at, value: value_of(value.get_ref(), at, problems) };
        (key.get_ref().to_string(), Item { key: Location::new(file, key.span()), node })
    };
    table.iter().map(|(key, value)| item(key, value)).collect()
}

fn value_of(value: &DeValue<'_>, at: Location, problems: &mut Vec<Diagnostic>) -> Value {
    match value {
        DeValue::String(text) => Value::Text(text.to_string()),
        DeValue::Boolean(value) => Value::Bool(*value),
        DeValue::Datetime(date) => Value::Date(date.to_string()),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix());
            Value::Int(parsed.unwrap_or_else(|_| {
                problems.push(Diagnostic::error("syntax", at, "this number does not fit into 64 bits"));
                0
            }))
        }
        DeValue::Float(number) => match number.as_str().parse::<f64>() {
            Ok(parsed) if parsed.is_finite() => Value::Float(parsed),
            _ => {
                problems.push(Diagnostic::error("syntax", at, "this is not a finite number"));
                Value::Float(0.0)
            }
        },
        DeValue::Array(items) => {
            let item = |item: &toml::Spanned<DeValue<'_>>| {
                let at = Location::new(at.file, item.span());
                Node { at, value: value_of(item.get_ref(), at, problems) }
            };
            Value::List(items.iter().map(item).collect())
        }
        DeValue::Table(table) => Value::Table(table_of(table, at.file, problems)),
    }
}

impl Node {
    /// The table, if it is one.
    pub(super) fn table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// What it is, with its article.
    pub(super) fn what(&self) -> &'static str {
        match self.value {
            Value::Text(_) => "a string",
            Value::Int(_) => "an integer",
            Value::Float(_) => "a float",
            Value::Bool(_) => "a boolean",
            Value::Date(_) => "a date",
            Value::List(_) => "a list",
            Value::Table(_) => "a table",
        }
    }

    /// The value as it stands, without evaluating templates.
    pub(super) fn plain(&self) -> Json {
        match &self.value {
            Value::Text(text) | Value::Date(text) => Json::String(text.clone()),
            Value::Int(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Bool(value) => (*value).into(),
            Value::List(items) => items.iter().map(Self::plain).collect(),
            Value::Table(table) => table.iter().map(|(key, item)| (key.clone(), item.node.plain())).collect(),
        }
    }
}

/// The place a path such as `access[0].bucket` leads to: as deep as the path can be followed.
pub(super) fn follow(table: &Table, path: &str) -> Option<Location> {
    let mut found: Option<Location> = None;
    let mut node: Option<&Node> = None;
    for step in path.split(['.', '[']).map(|step| step.trim_end_matches(']')) {
        let next = match node.map(|node| &node.value) {
            None => table.get(step).map(|item| &item.node),
            Some(Value::Table(table)) => table.get(step).map(|item| &item.node),
            Some(Value::List(items)) => step.parse::<usize>().ok().and_then(|index| items.get(index)),
            Some(_) => None,
        };
        let Some(next) = next else { break };
        found = Some(next.at);
        node = Some(next);
    }
    found
}
