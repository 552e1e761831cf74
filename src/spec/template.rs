//! The template engine: Jinja by `minijinja`, strict, without files, network, environment or commands.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Value, ValueKind};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde_json::Value as Json;
use std::sync::Arc;

use crate::model::val::{Piece, token};

/// The instructions one template may run.
const FUEL: u64 = 1_000_000;

/// What may follow a `|`.
const FILTERS: [&str; 46] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "chain",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
    "capitalize",
    "safe",
    "pprint",
];

/// What may be called.
const FUNCTIONS: [&str; 3] = ["range", "dict", "namespace"];

/// The engine, set up.
pub(super) fn engine() -> Environment<'static> {
    let mut env = Environment::new();
    env.set_undefined_behavior(UndefinedBehavior::Strict);
    env.set_auto_escape_callback(|_| AutoEscape::None);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        env.set_syntax(syntax);
    }
    env.set_debug(true);
    env.set_fuel(Some(FUEL));
    env.set_recursion_limit(50);
    env.set_formatter(place);
    env.remove_global("debug");
    for filter in ["escape", "e", "urlencode"] {
        env.remove_filter(filter);
    }
    env
}

/// Writes a value into a text.
fn place(out: &mut Output<'_>, _: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    let refuse = |what: &str| Err(Error::new(ErrorKind::InvalidOperation, what.to_owned()));
    if let Some(later) = value.downcast_object_ref::<Later>() {
        return Ok(out.write_str(&later.0)?);
    }
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => refuse("`none` cannot be placed in a text"),
        ValueKind::Seq | ValueKind::Iterable => {
            refuse("a list cannot be placed in a text; join it: `| join(\",\")`, or write it as JSON: `| tojson`")
        }
        ValueKind::Map => {
            refuse("a map cannot be placed in a text; name one of its values, or write it as JSON: `| tojson`")
        }
        ValueKind::Bool => Ok(out.write_str(if value.is_true() { "true" } else { "false" })?),
        _ => Ok(out.write_fmt(format_args!("{value}"))?),
    }
}

/// A text that is known only after apply, as an object that no filter takes for a string by accident.
#[derive(Debug)]
pub(super) struct Later(pub(super) String);

impl minijinja::value::Object for Later {
    fn repr(self: &Arc<Self>) -> minijinja::value::ObjectRepr {
        minijinja::value::ObjectRepr::Plain
    }

    fn render(self: &Arc<Self>, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// How values that are known only after apply enter a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    /// As tokens.
    Tokens,
    /// As an ordinary text that stands for the value. If the outcome is not the one with tokens, with this text put in their place, the
    /// template did more than place the value.
    Probe,
}

/// The text that stands for each token in a [`Pass::Probe`]: something of everything filters react to.
pub(super) fn probed(text: &str) -> String {
    let Ok(val) = token::split(text) else { return text.to_owned() };
    let piece = |piece: &Piece| match piece {
        Piece::Lit(text) => text.clone(),
        Piece::Later(fact) => format!(" :aRn:{fact}/zZ9,x.y;-_=@A|b\tc "),
    };
    val.pieces().iter().map(piece).collect()
}

/// [`probed`] for every text in a value.
pub(super) fn probed_json(json: &Json) -> Json {
    match json {
        Json::String(text) => Json::String(probed(text)),
        Json::Array(items) => items.iter().map(probed_json).collect(),
        Json::Object(map) => map.iter().map(|(key, value)| (probed(key), probed_json(value))).collect(),
        other => other.clone(),
    }
}

/// A value for a template.
pub(super) fn value_of(json: &Json, pass: Pass) -> Value {
    match json {
        Json::Null => Value::from(()),
        Json::Bool(value) => (*value).into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(number), _) => number.into(),
            (_, number) => number.unwrap_or_default().into(),
        },
        Json::String(text) if !token::is_in(text) => Value::from(text.as_str()),
        Json::String(text) if pass == Pass::Probe => Value::from(probed(text)),
        Json::String(text) => Value::from_object(Later(text.clone())),
        Json::Array(items) => items.iter().map(|item| value_of(item, pass)).collect::<Vec<_>>().into(),
        Json::Object(map) => Value::from_pairs(map.iter().map(|(key, value)| (key.clone(), value_of(value, pass)))),
    }
}

/// What an expression gave. Only plain data comes out.
pub(super) fn json_of(value: &Value) -> Result<Json, Error> {
    if let Some(later) = value.downcast_object_ref::<Later>() {
        return Ok(Json::String(later.0.clone()));
    }
    let refuse = |what: &str| Err(Error::new(ErrorKind::InvalidOperation, what.to_owned()));
    match value.kind() {
        ValueKind::Undefined => Err(Error::from(ErrorKind::UndefinedError)),
        ValueKind::None => Ok(Json::Null),
        ValueKind::Bool => Ok(value.is_true().into()),
        ValueKind::String => Ok(Json::String(value.as_str().unwrap_or_default().to_owned())),
        ValueKind::Number => match (value.as_i64(), f64::try_from(value.clone())) {
            (Some(number), _) if value.is_integer() => Ok(number.into()),
            (_, Ok(number)) if number.is_finite() => Ok(number.into()),
            _ => refuse("this number is too large"),
        },
        ValueKind::Seq | ValueKind::Iterable => value.try_iter()?.map(|item| json_of(&item)).collect(),
        ValueKind::Map => {
            let mut map = serde_json::Map::new();
            for key in value.try_iter()? {
                let name = key.as_str().map_or_else(|| key.to_string(), str::to_owned);
                map.insert(name, json_of(&value.get_item(&key)?)?);
            }
            Ok(Json::Object(map))
        }
        _ => refuse("this is not a value that can be used here"),
    }
}

/// The expression, if a text is exactly one `{{ expression }}`, and where in the text it begins.
pub(super) fn sole_expression(text: &str) -> Option<(usize, &str)> {
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let (start, inner) = match inner.strip_prefix(['-', '+']) {
        Some(inner) => (3, inner),
        None => (2, inner),
    };
    Some((start, inner.strip_suffix(['-', '+']).unwrap_or(inner)))
}

/// Whether a text is a template at all.
pub(super) fn is_template(text: &str) -> bool {
    ["{{", "{%", "{#"].iter().any(|open| text.contains(open))
}

/// What an error of the engine means, and what to do.
pub(super) fn explain(error: &Error) -> (&'static str, String, Option<String>) {
    let detail = error.detail().unwrap_or_default();
    let named = |detail: &str| {
        let name = detail.split_whitespace().find(|word| !["filter", "test", "function"].contains(word));
        name.unwrap_or_default().trim_matches(['`', '\'', '"']).to_owned()
    };
    match error.kind() {
        ErrorKind::UnknownFilter => {
            let name = named(detail);
            ("unknown-filter", format!("there is no filter `{name}`"), super::suggest::help(&name, "filter", FILTERS))
        }
        ErrorKind::UnknownFunction => {
            let name = named(detail);
            (
                "unknown-function",
                format!("there is no function `{name}`"),
                super::suggest::help(&name, "function", FUNCTIONS),
            )
        }
        ErrorKind::OutOfFuel => ("template", "this template runs too long".into(), None),
        ErrorKind::UndefinedError if detail.is_empty() => ("unknown-reference", "this has no value".into(), None),
        ErrorKind::UndefinedError => ("unknown-reference", format!("this has no value: {detail}"), None),
        ErrorKind::SyntaxError => ("template", format!("this template is not Jinja: {detail}"), None),
        kind if detail.is_empty() => ("template", format!("this template fails: {kind}"), None),
        _ => ("template", format!("this template fails: {detail}"), None),
    }
}
