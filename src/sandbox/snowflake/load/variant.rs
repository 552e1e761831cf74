//! Semi-structured values as files carry them: sorted keys, numbers with all their digits.

use std::collections::BTreeMap;
use std::fmt::Write as _;

/// A value of type VARIANT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::sandbox::snowflake) enum Variant {
    Null,
    Bool(bool),
    /// The digits as Snowflake prints them.
    Number(String),
    Text(String),
    List(Vec<Variant>),
    Object(BTreeMap<String, Variant>),
}

impl Variant {
    /// Compact JSON, the form in which tables keep values.
    pub(in crate::sandbox::snowflake) fn json(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::Text(text) => quoted(text, out),
            Self::List(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (at, (key, value)) in members.iter().enumerate() {
                    if at > 0 {
                        out.push(',');
                    }
                    quoted(key, out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// As text: a string without its quotes, everything else as JSON.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            other => other.json(),
        }
    }

    /// Without the members of objects that are null; elements of lists stay (they have places).
    pub(super) fn without_nulls(self) -> Self {
        match self {
            Self::Object(members) => Self::Object(
                members
                    .into_iter()
                    .filter(|(_, value)| *value != Self::Null)
                    .map(|(key, value)| (key, value.without_nulls()))
                    .collect(),
            ),
            Self::List(items) => Self::List(items.into_iter().map(Self::without_nulls).collect()),
            other => other,
        }
    }

    /// The number of a literal: whole and decimal numbers keep their digits up to 38, all others are doubles.
    pub(super) fn number(literal: &str) -> Option<Self> {
        let digits = literal.bytes().filter(u8::is_ascii_digit).count();
        if digits <= 38 && !literal.contains(['e', 'E']) {
            return Some(Self::Number(if literal == "-0" { "0".to_owned() } else { literal.to_owned() }));
        }
        literal.parse::<f64>().ok().and_then(Self::double)
    }

    /// A double as Snowflake prints it: `1.912000000000000e+02`. There is no JSON for what is not finite.
    pub(super) fn double(value: f64) -> Option<Self> {
        if !value.is_finite() {
            return None;
        }
        let text = format!("{value:.15e}");
        let (mantissa, exponent) = text.split_once('e')?;
        let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
        Some(Self::Number(format!("{mantissa}e{sign}{exponent:0>2}")))
    }
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            // Writing into a text cannot fail.
            c if c < ' ' => drop(write!(out, "\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}
