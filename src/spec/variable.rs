//! Variables: how they are declared, where their values come from, whether the values fit.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value as Json;

use super::Inputs;
use super::decode;
use super::diagnostic::{Diagnostic, Report};
use super::files::read_given;
use super::source::Location;
use super::suggest;
use super::tree::{self, Table};
use super::world::{Poisoned, plain_words};
use crate::model::val::token;

/// The type of a variable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Type {
    #[default]
    String,
    Int,
    Bool,
    List,
    Map,
}

/// `[variable.NAME]`.
#[derive(Clone, Debug, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Variable {
    /// The type of its value: `string`, `int`, `bool`, `list` or `map`.
    #[serde(default, rename = "type")]
    kind: Type,
    /// The value if none is given. Without a default a value must be given.
    default: Option<Json>,
    /// The only values it may have.
    one_of: Option<Vec<Json>>,
    /// A regular expression that matches the whole value.
    pattern: Option<String>,
    /// Whether its value must not be shown.
    #[serde(default)]
    sensitive: bool,
    /// What it is for.
    description: Option<String>,
}

/// A value that somebody gave, and where.
struct Given {
    at: Location,
    value: GivenValue,
}

enum GivenValue {
    /// From a TOML file: it has a type.
    Typed(Json),
    /// From the command line or the environment: it is read as the variable's type says.
    Text(String),
}

/// The values of all declared variables.
pub(super) fn values(
    declared: &Table,
    inputs: &Inputs<'_>,
    report: &mut Report,
) -> BTreeMap<String, Result<Json, Poisoned>> {
    let mut given = from_files(inputs, report);
    for (name, value) in &inputs.vars {
        let at = report.sources.add_place("--var", name);
        given.insert(name.clone(), Given { at, value: GivenValue::Text(value.clone()) });
    }
    for (name, given) in &given {
        if !declared.contains_key(name) {
            let problem = Diagnostic::error("unknown-variable", given.at, format!("the spec has no variable `{name}`"));
            report.add(problem.maybe_help(suggest::help(name, "variable", declared.keys().map(String::as_str))));
        }
    }
    let mut values = BTreeMap::new();
    for (name, item) in declared {
        let what = format!("[variable.{name}]");
        let value = match decode::section::<Variable>(item, &what, report) {
            Some(variable) => {
                let given = given.remove(name).or_else(|| from_environment(name, inputs, report));
                value(name, &variable, item.key, item.node.table(), given, report).ok_or(Poisoned)
            }
            None => Err(Poisoned),
        };
        values.insert(name.clone(), value);
    }
    values
}

/// The value of a variable of a module, out of what its user gives (with its place) and its default. `call` is the place of its use.
pub(super) fn input(
    name: &str,
    item: &super::tree::Item,
    given: Option<(Location, Json)>,
    call: Location,
    report: &mut Report,
) -> Option<Json> {
    let variable = decode::section::<Variable>(item, &format!("[variable.{name}]"), report)?;
    if given.is_none() && variable.default.is_none() {
        let problem = Diagnostic::error("missing-key", call, format!("this module needs the input `{name}`"));
        let about = variable.description.map(|about| format!("`{name}`: {about}"));
        report.add(problem.related(item.key, "declared here").maybe_help(about));
        return None;
    }
    let later = given.as_ref().filter(|(_, value)| token::is_in(&value.to_string()));
    if let Some((at, _)) = later.filter(|_| variable.one_of.is_some() || variable.pattern.is_some()) {
        let summary = format!("the input `{name}` must be known while planning: only certain values are allowed");
        report.add(Diagnostic::error("known-after-apply", *at, summary).related(item.key, "declared here"));
        return None;
    }
    let given = given.map(|(at, value)| Given { at, value: GivenValue::Typed(value) });
    value(name, &variable, item.key, item.node.table(), given, report)
}

fn from_files(inputs: &Inputs<'_>, report: &mut Report) -> BTreeMap<String, Given> {
    let mut given = BTreeMap::new();
    for path in &inputs.var_files {
        let file = match read_given(path, report) {
            Ok(file) => file,
            Err(why) => {
                let at = report.sources.add_place("--var-file", &path.display().to_string());
                report.add(Diagnostic::error("file", at, why));
                continue;
            }
        };
        match tree::parse(report.sources.text(file), file) {
            Ok(table) => {
                given.extend(table.into_iter().map(|(name, item)| {
                    (name, Given { at: item.node.at, value: GivenValue::Typed(item.node.plain()) })
                }));
            }
            Err(problems) => {
                for problem in problems {
                    report.add(problem);
                }
            }
        }
    }
    given
}

fn from_environment(name: &str, inputs: &Inputs<'_>, report: &mut Report) -> Option<Given> {
    let key = format!("SNOWSSI_VAR_{name}");
    let value = (inputs.env)(&key)?;
    let at = report.sources.add_place("environment", &key);
    Some(Given { at, value: GivenValue::Text(value) })
}

fn value(
    name: &str,
    variable: &Variable,
    header: Location,
    table: Option<&Table>,
    given: Option<Given>,
    report: &mut Report,
) -> Option<Json> {
    let place = |key: &str| table.and_then(|table| table.get(key)).map_or(header, |item| item.node.at);
    let (at, value) = match (given, &variable.default) {
        (Some(Given { at, value: GivenValue::Typed(value) }), _) => (at, value),
        (Some(Given { at, value: GivenValue::Text(text) }), _) => {
            if variable.sensitive {
                report.sources.hide(&text);
            }
            let Some(value) = read_as(variable.kind, &text) else {
                let shown = if variable.sensitive { "the value".into() } else { format!("`{text}`") };
                report.add(wrong_type(name, variable.kind, &shown, at));
                return None;
            };
            (at, value)
        }
        (None, Some(default)) => (place("default"), default.clone()),
        (None, None) => {
            let problem = Diagnostic::error("missing-variable", header, format!("the variable `{name}` has no value"));
            let help =
                format!("give it with `--var {name}=…`, in a `--var-file`, as SNOWSSI_VAR_{name}, or set a `default`");
            report.add(problem.maybe_help(Some(help)));
            return None;
        }
    };
    if variable.sensitive {
        hide(&value, report);
    }
    let shown = if variable.sensitive { "the value".to_owned() } else { format!("`{}`", bare(&value)) };
    if !fits(variable.kind, &value) {
        report.add(wrong_type(name, variable.kind, &shown, at));
        return None;
    }
    let related = |problem: Diagnostic, key: &str| match place(key) {
        rule if rule == at => problem,
        rule => problem.related(rule, "the rule"),
    };
    if let Some(allowed) = variable.one_of.as_ref().filter(|allowed| !allowed.contains(&value)) {
        let list = allowed.iter().map(|one| format!("`{}`", bare(one))).collect::<Vec<_>>().join(", ");
        let problem = Diagnostic::error("bad-value", at, format!("the variable `{name}` cannot be {shown}"));
        report.add(related(problem, "one_of").help(format!("it is one of {list}")));
        return None;
    }
    if let Some(pattern) = &variable.pattern {
        match regex_lite::Regex::new(&format!("^(?:{pattern})$")) {
            Ok(regex) if regex.is_match(&bare(&value)) => {}
            Ok(_) => {
                let problem = Diagnostic::error("bad-value", at, format!("the variable `{name}` cannot be {shown}"));
                report.add(related(problem, "pattern").help(format!("the whole value must match `{pattern}`")));
                return None;
            }
            Err(error) => {
                let summary = format!("this is not a regular expression: {error}");
                report.add(Diagnostic::error("bad-value", place("pattern"), summary));
                return None;
            }
        }
    }
    Some(value)
}

/// Hides every text and number in a value.
fn hide(value: &Json, report: &mut Report) {
    match value {
        Json::Array(items) => items.iter().for_each(|item| hide(item, report)),
        Json::Object(map) => map.values().for_each(|item| hide(item, report)),
        Json::String(text) => {
            report.sources.hide(text);
            text.lines().filter(|line| *line != text).for_each(|line| report.sources.hide(line));
        }
        Json::Number(number) => report.sources.hide(&number.to_string()),
        Json::Bool(_) | Json::Null => {}
    }
}

fn bare(value: &Json) -> String {
    plain_words(&value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn wrong_type(name: &str, kind: Type, shown: &str, at: Location) -> Diagnostic {
    let wanted = match kind {
        Type::String => "a string",
        Type::Int => "an integer",
        Type::Bool => "`true` or `false`",
        Type::List => "a list, such as `[\"a\", \"b\"]`",
        Type::Map => "a map, such as `{ a = \"b\" }`",
    };
    Diagnostic::error("bad-value", at, format!("the variable `{name}` is {wanted}, and {shown} is not"))
}

fn fits(kind: Type, value: &Json) -> bool {
    match kind {
        Type::String => value.is_string(),
        Type::Int => value.is_i64() || value.is_u64(),
        Type::Bool => value.is_boolean(),
        Type::List => value.is_array(),
        Type::Map => value.is_object(),
    }
}

fn read_as(kind: Type, text: &str) -> Option<Json> {
    match kind {
        Type::String => Some(Json::String(text.to_owned())),
        Type::Int => text.trim().parse::<i64>().ok().map(Json::from),
        Type::Bool => text.trim().parse::<bool>().ok().map(Json::from),
        Type::List | Type::Map => tree::parse_value(text.trim()).or_else(|| serde_json::from_str(text).ok()),
    }
}
