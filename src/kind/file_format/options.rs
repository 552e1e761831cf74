//! The options of file formats, as one table: which types have them, their defaults, how they are read back and written.
//!
//! Source: Snowflake documentation, "CREATE FILE FORMAT"; the JSON in the column `format_options` of "SHOW FILE FORMATS".

use serde_json::Value as Json;

use super::FileType::{self, Avro, Csv, Json as JsonType, Orc, Parquet, Xml};
use crate::kind::setting::{Value, Values};

/// How an option is read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// A flag.
    Bool,
    /// A number.
    Int,
    /// One of a few words, in any letter case.
    Word,
    /// Characters, in which escape sequences may stand for one.
    Text,
    /// The name of a character set.
    Encoding,
    /// Texts whose order matters.
    List,
}

/// One option. Its name in statements is that of the field in upper case.
#[derive(Clone, Copy, Debug)]
pub(super) struct Choice {
    /// Its name in the spec.
    pub(super) field: &'static str,
    /// The types that have it.
    pub(super) types: &'static [FileType],
    form: Form,
    default: Default,
}

#[derive(Clone, Copy, Debug)]
enum Default {
    Bool(bool),
    Zero,
    Word(&'static str),
    Text(&'static str),
    NullIf,
}

const fn choice(field: &'static str, types: &'static [FileType], form: Form, default: Default) -> Choice {
    Choice { field, types, form, default }
}

const AUTO: Default = Default::Word("AUTO");
const NONE: Default = Default::Word("NONE");
const ON: Default = Default::Bool(true);
const OFF: Default = Default::Bool(false);
const ALL: &[FileType] = &[Csv, JsonType, Avro, Orc, Parquet, Xml];

/// Every option, in the order of the reference.
pub(super) const OPTIONS: [Choice; 34] = [
    choice("compression", &[Csv, JsonType, Avro, Parquet, Xml], Form::Word, AUTO),
    choice("record_delimiter", &[Csv], Form::Text, Default::Text("\n")),
    choice("field_delimiter", &[Csv], Form::Text, Default::Text(",")),
    choice("file_extension", &[Csv, JsonType], Form::Text, NONE),
    choice("parse_header", &[Csv], Form::Bool, OFF),
    choice("skip_header", &[Csv], Form::Int, Default::Zero),
    choice("skip_blank_lines", &[Csv], Form::Bool, OFF),
    choice("date_format", &[Csv, JsonType], Form::Text, AUTO),
    choice("time_format", &[Csv, JsonType], Form::Text, AUTO),
    choice("timestamp_format", &[Csv, JsonType], Form::Text, AUTO),
    choice("binary_format", &[Csv, JsonType], Form::Word, Default::Word("HEX")),
    choice("escape", &[Csv], Form::Text, NONE),
    choice("escape_unenclosed_field", &[Csv], Form::Text, Default::Text("\\")),
    choice("trim_space", &[Csv, JsonType, Avro, Orc, Parquet], Form::Bool, OFF),
    choice("field_optionally_enclosed_by", &[Csv], Form::Text, NONE),
    choice("null_if", &[Csv, JsonType, Avro, Orc, Parquet], Form::List, Default::NullIf),
    choice("error_on_column_count_mismatch", &[Csv], Form::Bool, ON),
    choice("replace_invalid_characters", ALL, Form::Bool, OFF),
    choice("empty_field_as_null", &[Csv], Form::Bool, ON),
    choice("skip_byte_order_mark", &[Csv, JsonType, Xml], Form::Bool, ON),
    choice("encoding", &[Csv], Form::Encoding, Default::Word("UTF8")),
    choice("multi_line", &[Csv, JsonType], Form::Bool, ON),
    choice("enable_octal", &[JsonType], Form::Bool, OFF),
    choice("allow_duplicate", &[JsonType], Form::Bool, OFF),
    choice("strip_outer_array", &[JsonType], Form::Bool, OFF),
    choice("strip_null_values", &[JsonType], Form::Bool, OFF),
    choice("ignore_utf8_errors", &[JsonType, Xml], Form::Bool, OFF),
    choice("binary_as_text", &[Parquet], Form::Bool, ON),
    choice("use_logical_type", &[Parquet], Form::Bool, OFF),
    choice("use_vectorized_scanner", &[Parquet], Form::Bool, OFF),
    choice("preserve_space", &[Xml], Form::Bool, OFF),
    choice("strip_outer_element", &[Xml], Form::Bool, OFF),
    choice("disable_snowflake_data", &[Xml], Form::Bool, OFF),
    choice("disable_auto_convert", &[Xml], Form::Bool, OFF),
];

impl Choice {
    /// The options of a type.
    pub(super) fn of(kind: FileType) -> impl Iterator<Item = &'static Self> {
        OPTIONS.iter().filter(move |choice| choice.types.contains(&kind))
    }

    /// What it is where nobody sets it.
    pub(super) fn default(&self, kind: FileType) -> Value {
        match self.default {
            Default::Bool(value) => Value::Bool(value),
            Default::Zero => Value::Int(0),
            Default::Word(word) => self.text(word),
            Default::Text(text) => Value::from(text),
            Default::NullIf if kind == Csv => Value::List(vec!["\\N".into()]),
            Default::NullIf => Value::List(Vec::new()),
        }
    }

    /// The canonical value of a text of the spec or of Snowflake.
    fn text(&self, text: &str) -> Value {
        let none = || (text.eq_ignore_ascii_case("NONE")).then_some(Value::Word("NONE"));
        let auto = || (text.eq_ignore_ascii_case("AUTO")).then_some(Value::Word("AUTO"));
        match self.form {
            Form::Word => Value::Text(text.to_ascii_uppercase()),
            Form::Encoding => Value::Text(text.to_ascii_uppercase().replace("UTF-", "UTF")),
            Form::Text if self.field.ends_with("_format") => auto().unwrap_or_else(|| Value::from(text)),
            Form::Text => none().unwrap_or_else(|| Value::Text(characters(text))),
            Form::Bool | Form::Int | Form::List => Value::from(text),
        }
    }

    /// A value so that it is read back as the same: a backslash that begins no sequence may stand alone, any other is doubled.
    fn written(&self, value: &Value) -> Json {
        let doubled = |text: &str| text.replace('\\', "\\\\");
        match value {
            Value::Text(text) if self.text(text) != *value => doubled(text).into(),
            Value::List(texts) if Self::list(texts) != *value => texts.iter().map(|text| doubled(text)).collect(),
            value => value.json(),
        }
    }

    /// The canonical value of a list.
    pub(super) fn list(texts: &[String]) -> Value {
        Value::List(texts.iter().map(|text| text.replace("\\\\", "\\")).collect())
    }

    /// The canonical value of what `format_options` shows.
    fn json(&self, json: &Json) -> Value {
        match json {
            Json::Bool(value) => Value::Bool(*value),
            Json::Number(number) => number.as_i64().map_or_else(|| Value::Text(number.to_string()), Value::Int),
            Json::Null if self.form == Form::List => Value::List(Vec::new()),
            Json::Null => Value::Word("NONE"),
            Json::Array(items) => {
                let text = |item: &Json| item.as_str().map_or_else(|| item.to_string(), str::to_owned);
                Self::list(&items.iter().map(text).collect::<Vec<_>>())
            }
            Json::String(text) => match self.form {
                Form::Bool => text.to_ascii_lowercase().parse().map_or_else(|_| self.text(text), Value::Bool),
                Form::Int => text.parse().map_or_else(|_| self.text(text), Value::Int),
                Form::Word | Form::Text | Form::Encoding | Form::List => self.text(text),
            },
            Json::Object(_) => Value::Text(json.to_string()),
        }
    }
}

/// The canonical value of a text of the spec, for the option of this name.
pub(super) fn text(field: &str, text: &str) -> Option<Value> {
    OPTIONS.iter().find(|choice| choice.field == field).map(|choice| choice.text(text))
}

/// The options a live file format shows. One it does not show is unknown and taken as wanted.
pub(super) fn live(kind: FileType, shown: &serde_json::Map<String, Json>, unknown: &Values) -> Values {
    let value = |choice: &Choice| {
        let json = shown.iter().find(|(name, _)| name.eq_ignore_ascii_case(choice.field));
        let wanted = || unknown.get(choice.field).cloned().unwrap_or_else(|| choice.default(kind));
        (choice.field, json.map_or_else(wanted, |(_, json)| choice.json(json)))
    };
    Choice::of(kind).map(value).collect()
}

/// The options that do not have their defaults, as fields of a spec.
pub(super) fn exported(kind: FileType, options: &Values) -> Vec<(&'static str, Json)> {
    let field = |choice: &Choice| {
        let value = options.get(choice.field).filter(|value| **value != choice.default(kind))?;
        Some((choice.field, choice.written(value)))
    };
    Choice::of(kind).filter_map(field).collect()
}

/// Resolves escape sequences, so that `\n` and a line end are the same. Snowflake reads both as one character and may show either.
fn characters(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (read, length) = sequence(rest).unwrap_or((c, c.len_utf8()));
        out.push(read);
        rest = rest.get(length..).unwrap_or_default();
    }
    out
}

/// The character that an escape sequence at the start stands for, and the length of the sequence.
fn sequence(text: &str) -> Option<(char, usize)> {
    let body = text.strip_prefix('\\')?;
    let number = |digits: &str, radix| u8::from_str_radix(digits, radix).ok().map(char::from);
    match body.chars().next()? {
        'n' => Some(('\n', 2)),
        't' => Some(('\t', 2)),
        'r' => Some(('\r', 2)),
        c @ ('\\' | '\'' | '"') => Some((c, 2)),
        'x' => Some((number(body.get(1..3)?, 16)?, 4)),
        '0'..='7' => Some((number(body.get(0..3)?, 8)?, 4)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(field: &str) -> &'static Choice {
        OPTIONS.iter().find(|choice| choice.field == field).unwrap()
    }

    #[test]
    fn spellings_of_one_value_are_the_same() {
        let cases = [
            ("record_delimiter", "\\n", "\n"),
            ("record_delimiter", "\\r\\n", "\r\n"),
            ("field_delimiter", "\\x01", "\u{1}"),
            ("field_delimiter", "\\001", "\u{1}"),
            ("field_delimiter", "none", "NONE"),
            ("escape_unenclosed_field", "\\\\", "\\"),
            ("field_optionally_enclosed_by", "\\\"", "\""),
            ("date_format", "auto", "AUTO"),
            ("compression", "gzip", "GZIP"),
            ("encoding", "utf-8", "UTF8"),
        ];
        for (field, one, other) in cases {
            assert_eq!(of(field).text(one), of(field).text(other), "{field}");
        }
        assert_ne!(of("field_delimiter").text("|"), of("field_delimiter").text(","));
        assert_eq!(Choice::list(&["\\\\N".into()]), Choice::list(&["\\N".into()]));
        assert_ne!(Choice::list(&[String::new()]), Choice::list(&[]), "an empty text is not an empty list");
    }

    #[test]
    fn canonical_texts_stay_as_they_are() {
        proptest::proptest!(|(text in "[a-z|\\\\\"'nxt\n\u{e4}]{0,6}")| {
            let once = characters(&text);
            proptest::prop_assert!(once.chars().count() <= text.chars().count());
            if !once.contains('\\') {
                proptest::prop_assert_eq!(characters(&once), once);
            }
        });
    }
}
