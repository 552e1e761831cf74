//! Settings of the form `NAME = value`: how each is read back, compared, written and checked, as one table a kind.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::{Field, Problem};
use crate::model::{Ident, Shown, Text, Val};

/// The canonical value of a setting.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Value {
    /// A flag.
    Bool(bool),
    /// A number.
    Int(i64),
    /// A string literal.
    Text(String),
    /// A keyword that is written bare.
    Word(&'static str),
    /// The name of an object.
    Name(Ident),
    /// An ordered list of string literals.
    List(Vec<String>),
}

impl Value {
    /// As a statement needs it.
    pub fn text(&self) -> Text {
        let text = Text::default();
        match self {
            Self::Bool(value) => text.bool(*value),
            Self::Int(value) => text.int(*value),
            Self::Text(value) => text.literal(value.as_str()),
            Self::Word(word) => text.word(word),
            Self::Name(name) => text.name(name),
            Self::List(values) => text.literals(values.iter().map(String::as_str)),
        }
    }

    /// As a spec has it.
    pub fn json(&self) -> Json {
        match self {
            Self::Bool(value) => (*value).into(),
            Self::Int(value) => (*value).into(),
            Self::Text(value) => value.as_str().into(),
            Self::Word(word) => (*word).into(),
            Self::Name(name) => name.written().into(),
            Self::List(values) => values.as_slice().into(),
        }
    }

    /// As a view needs it.
    pub fn shown(&self) -> Shown {
        match self {
            Self::Bool(value) => Shown::Bool(*value),
            Self::Int(value) => Shown::Int(*value),
            Self::Text(value) => Shown::from(value.as_str()),
            Self::Word(word) => Shown::from(*word),
            Self::Name(name) => Shown::from(name.to_string()),
            Self::List(values) => Shown::List(values.iter().map(|value| Val::known(value.as_str())).collect()),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

/// How a setting is read back and what it may be.
#[derive(Clone, Copy, Debug)]
pub enum Form {
    /// A flag.
    Bool,
    /// A number between two bounds, both included.
    Int(i64, i64),
    /// Text, exactly as it is.
    Text,
    /// Text that means the same in any letter case, written in quotes and upper case.
    Upper,
    /// One of a few words, by the function that knows them.
    Word(fn(&str) -> Option<&'static str>),
    /// The name of an object, as stored.
    Name,
}

/// One setting. Its name in statements is that of the field in upper case.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Its name in the spec.
    pub field: &'static str,
    /// How it is read and what it may be.
    pub form: Form,
}

/// Values of settings, by field.
pub type Values = BTreeMap<&'static str, Value>;

impl Setting {
    /// A setting.
    pub const fn new(field: &'static str, form: Form) -> Self {
        Self { field, form }
    }

    /// `NAME = value`.
    pub fn clause(&self, value: &Value) -> Text {
        clause(self.field, value)
    }

    /// The canonical value of what Snowflake shows. What does not fit the form is kept as text, so that it differs and can be seen.
    pub fn read(&self, text: &str) -> Value {
        let read = match self.form {
            Form::Bool => flag(text).map(Value::Bool),
            Form::Int(..) => text.trim().parse().ok().map(Value::Int),
            Form::Text => None,
            Form::Upper => Some(Value::Text(text.to_ascii_uppercase())),
            Form::Word(read) => read(text).map(Value::Word),
            // Shown bare, or in quotes.
            Form::Name if text.starts_with('"') => text.parse().ok().map(Value::Name),
            Form::Name => Ident::stored(text).ok().map(Value::Name),
        };
        read.unwrap_or_else(|| Value::Text(text.to_owned()))
    }
}

/// `NAME = value` for a field.
pub fn clause(field: &str, value: &Value) -> Text {
    Text::default().parameter(field).word("=").then(value.text())
}

/// Those of a table that are set, in its order.
pub fn clauses(table: &[Setting], values: &Values) -> Text {
    let set = table.iter().filter_map(|setting| Some(setting.clause(values.get(setting.field)?)));
    set.fold(Text::default(), Text::then)
}

/// Settings of a table as fields that are left alone where the spec is silent.
pub fn fields_if_set(table: &[Setting], values: &Values) -> Vec<Field> {
    let field = |setting: &Setting| Field::in_place_if_set(setting.field, values.get(setting.field).map(Value::shown));
    table.iter().map(field).collect()
}

/// Those of a table that are set, as fields of a spec. A name that is set to nothing is none.
pub fn exported(table: &[Setting], values: &Values) -> Vec<(&'static str, Json)> {
    let field = |setting: &Setting| {
        let value = values.get(setting.field)?;
        let nothing = matches!(setting.form, Form::Name) && *value == Value::Text(String::new());
        (!nothing).then(|| (setting.field, value.json()))
    };
    table.iter().filter_map(field).collect()
}

/// Numbers outside their bounds.
pub fn check(table: &[Setting], values: &Values) -> Vec<Problem> {
    let problem = |setting: &Setting| match (setting.form, values.get(setting.field)?) {
        (Form::Int(least, most), Value::Int(value)) if !(least..=most).contains(value) => {
            let message = format!("{value} is outside {least} to {most}");
            Some(Problem::new(setting.field, message).hint(format!("write a number from {least} to {most}")))
        }
        _ => None,
    };
    table.iter().filter_map(problem).collect()
}

/// The values that are set.
pub fn collect<const N: usize>(values: [(&'static str, Option<Value>); N]) -> Values {
    values.into_iter().filter_map(|(field, value)| Some((field, value?))).collect()
}

fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_uppercase().as_str() {
        "TRUE" => Some(true),
        "FALSE" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::words::Size;

    #[test]
    fn what_is_written_is_read_back_as_the_same() {
        let size = |text: &str| Size::read(text).map(Size::word);
        let table = [
            (Setting::new("a_b", Form::Bool), "TRUE", Value::Bool(true), "A_B = TRUE"),
            (Setting::new("n", Form::Int(0, 9)), "7", Value::Int(7), "N = 7"),
            (Setting::new("t", Form::Text), "it's", Value::Text("it's".into()), "T = 'it''s'"),
            (Setting::new("u", Form::Upper), "warn", Value::Text("WARN".into()), "U = 'WARN'"),
            (Setting::new("w", Form::Word(size)), "X-Small", Value::Word("XSMALL"), "W = XSMALL"),
            (Setting::new("v", Form::Name), "a b", Value::Name("\"a b\"".parse().unwrap()), "V = \"a b\""),
            (Setting::new("v", Form::Name), "\"a b\"", Value::Name("\"a b\"".parse().unwrap()), "V = \"a b\""),
        ];
        for (setting, text, value, clause) in table {
            assert_eq!(setting.read(text), value);
            assert_eq!(setting.clause(&value).to_string(), clause);
        }
        assert_eq!(Setting::new("n", Form::Int(0, 9)).read("x"), Value::Text("x".into()));
    }

    #[test]
    fn numbers_have_bounds() {
        let table = [Setting::new("n", Form::Int(0, 9))];
        assert_eq!(check(&table, &Values::from([("n", Value::Int(9))])), []);
        assert_eq!(check(&table, &Values::from([("n", Value::Int(10))]))[0].field, "n");
    }
}
