//! Parameters: where they can be set, what they default to, and at which level their value comes from.

use std::collections::BTreeMap;

use super::answer::ResultSet;
use super::context::{Context, executed};
use super::fail::{self, Fallible};
use super::parse::{Name, Parser};
use super::props::{Props, unset_keys};
use super::show::{SHOW, Sheet, like};
use super::state::{Id, Kind, State};

/// A parameter.
pub(super) struct Param {
    pub(super) key: &'static str,
    kind: Sort,
    default: &'static str,
    /// Where it can be set, beside the account: letters of Database, sChema, Task, Warehouse, tabLe, sEssion.
    at: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Boolean,
    Number(u64, u64),
    Text,
}

const fn boolean(key: &'static str, default: &'static str, at: &'static str) -> Param {
    Param { key, kind: Sort::Boolean, default, at }
}
const fn number(key: &'static str, default: &'static str, least: u64, most: u64, at: &'static str) -> Param {
    Param { key, kind: Sort::Number(least, most), default, at }
}
const fn text(key: &'static str, default: &'static str, at: &'static str) -> Param {
    Param { key, kind: Sort::Text, default, at }
}

/// The parameters that this account knows, by name.
static PARAMS: [Param; 44] = [
    boolean("ABORT_DETACHED_QUERY", "false", "ET"),
    boolean("AUTOCOMMIT", "true", "ET"),
    text("BINARY_INPUT_FORMAT", "HEX", "ET"),
    text("BINARY_OUTPUT_FORMAT", "HEX", "ET"),
    text("CATALOG", "", "DCL"),
    boolean("CLIENT_SESSION_KEEP_ALIVE", "false", "E"),
    number("DATA_RETENTION_TIME_IN_DAYS", "1", 0, 90, "DCL"),
    text("DATE_INPUT_FORMAT", "AUTO", "ET"),
    text("DATE_OUTPUT_FORMAT", "YYYY-MM-DD", "ET"),
    text("DEFAULT_DDL_COLLATION", "", "DCL"),
    text("EXTERNAL_VOLUME", "", "DCL"),
    text("GO_QUERY_RESULT_FORMAT", "ARROW", "E"),
    number("JSON_INDENT", "2", 0, 16, "ET"),
    number("LOCK_TIMEOUT", "43200", 0, u64::MAX, "ET"),
    text("LOG_LEVEL", "OFF", "DCTE"),
    number("MAX_CONCURRENCY_LEVEL", "8", 1, 128, "W"),
    number("MAX_DATA_EXTENSION_TIME_IN_DAYS", "14", 0, 90, "DCL"),
    text("METRIC_LEVEL", "NONE", "DCE"),
    number("MULTI_STATEMENT_COUNT", "1", 0, u64::MAX, "ET"),
    boolean("PIPE_EXECUTION_PAUSED", "false", "C"),
    text("PYTHON_CONNECTOR_QUERY_RESULT_FORMAT", "ARROW", "E"),
    text("QUERY_TAG", "", "ET"),
    boolean("QUOTED_IDENTIFIERS_IGNORE_CASE", "false", "DCTE"),
    boolean("REPLACE_INVALID_CHARACTERS", "false", "DCL"),
    number("ROWS_PER_RESULTSET", "0", 0, u64::MAX, "ET"),
    text("SERVERLESS_TASK_MAX_STATEMENT_SIZE", "X2Large", "DCT"),
    text("SERVERLESS_TASK_MIN_STATEMENT_SIZE", "XSMALL", "DCT"),
    number("STATEMENT_QUEUED_TIMEOUT_IN_SECONDS", "0", 0, u64::MAX, "WET"),
    number("STATEMENT_TIMEOUT_IN_SECONDS", "172800", 0, 604_800, "WET"),
    text("STORAGE_SERIALIZATION_POLICY", "OPTIMIZED", "DCL"),
    number("SUSPEND_TASK_AFTER_NUM_FAILURES", "10", 0, u64::MAX, "DCT"),
    number("TASK_AUTO_RETRY_ATTEMPTS", "0", 0, 30, "DCT"),
    text("TIMESTAMP_INPUT_FORMAT", "AUTO", "ET"),
    text("TIMESTAMP_NTZ_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3", "ET"),
    text("TIMESTAMP_OUTPUT_FORMAT", "YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM", "ET"),
    text("TIMESTAMP_TYPE_MAPPING", "TIMESTAMP_NTZ", "ET"),
    text("TIMEZONE", "America/Los_Angeles", "ET"),
    text("TRACE_LEVEL", "OFF", "DCE"),
    boolean("TRANSACTION_ABORT_ON_ERROR", "false", "ET"),
    number("TWO_DIGIT_CENTURY_START", "1970", 1900, 2100, "ET"),
    text("USER_TASK_MANAGED_INITIAL_WAREHOUSE_SIZE", "Medium", "DCT"),
    number("USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS", "30", 10, 604_800, "DCT"),
    number("USER_TASK_TIMEOUT_MS", "3600000", 0, 604_800_000, "DCT"),
    number("WEEK_START", "0", 0, 7, "ET"),
];

/// Sizes that serverless parameters take.
const SIZES: [(&str, &str); 12] = [
    ("XSMALL", "XSMALL"),
    ("X-SMALL", "XSMALL"),
    ("SMALL", "SMALL"),
    ("MEDIUM", "MEDIUM"),
    ("LARGE", "LARGE"),
    ("XLARGE", "XLARGE"),
    ("X-LARGE", "XLARGE"),
    ("XXLARGE", "X2Large"),
    ("X2LARGE", "X2Large"),
    ("2X-LARGE", "X2Large"),
    ("XX-LARGE", "X2Large"),
    ("2XLARGE", "X2Large"),
];

impl Param {
    /// Whether a session can have it.
    pub(super) fn of_session(&self) -> bool {
        self.at.contains('E')
    }
}

/// The letter of a kind in [`Param::at`].
fn letter(kind: Kind) -> char {
    match kind {
        Kind::Database => 'D',
        Kind::Schema => 'C',
        Kind::Task => 'T',
        Kind::Warehouse => 'W',
        Kind::Table => 'L',
        _ => '-',
    }
}

pub(super) fn known(key: &str) -> Option<&'static Param> {
    PARAMS.iter().find(|param| param.key == key)
}

/// Whether a parameter can be set on an object of this kind.
pub(super) fn settable(key: &str, kind: Kind) -> bool {
    known(key).is_some_and(|param| param.at.contains(letter(kind)))
}

/// The value as it is stored; else 001008.
fn check(param: &Param, written: &str) -> Fallible<String> {
    let bad = || fail::bad_value(written, param.key);
    match param.kind {
        Sort::Boolean => match written.to_lowercase().as_str() {
            value @ ("true" | "false") => Ok(value.to_owned()),
            _ => Err(bad()),
        },
        Sort::Number(least, most) => match written.parse::<u64>() {
            Ok(value) if (least..=most).contains(&value) => Ok(value.to_string()),
            _ => Err(bad()),
        },
        Sort::Text if param.key.ends_with("_STATEMENT_SIZE") || param.key.ends_with("_WAREHOUSE_SIZE") => {
            let upper = written.to_uppercase();
            SIZES.iter().find(|(name, _)| *name == upper).map(|(_, size)| (*size).to_owned()).ok_or_else(bad)
        }
        Sort::Text if param.key.ends_with("_LEVEL") => Ok(written.to_uppercase()),
        Sort::Text => Ok(written.to_owned()),
    }
}

/// Takes the parameters of a kind out of a property list.
pub(super) fn take(props: &mut Props, kind: Kind) -> Fallible<BTreeMap<String, String>> {
    take_letter(props, letter(kind))
}

fn take_letter(props: &mut Props, letter: char) -> Fallible<BTreeMap<String, String>> {
    let mut taken = BTreeMap::new();
    for key in props.keys() {
        let Some(param) = known(&key).filter(|param| letter == '*' || param.at.contains(letter)) else { continue };
        if let Some(written) = props.loose(&key)? {
            taken.insert(key, check(param, &written)?);
        }
    }
    Ok(taken)
}

/// The value that holds at an object, and the level it comes from (empty for the default).
pub(super) fn effective(state: &State, id: Id, key: &str) -> (String, &'static str) {
    let mut at = id;
    while let Some(object) = state.get(at) {
        if let Some(value) = object.params.get(key) {
            return (value.clone(), object.kind().words());
        }
        at = object.parent;
    }
    match state.params.get(key) {
        Some(value) => (value.clone(), "ACCOUNT"),
        None => (known(key).map_or("", |param| param.default).to_owned(), ""),
    }
}

/// A parameter as the session has it.
pub(super) fn in_session(cx: &Context<'_>, key: &str) -> String {
    cx.session.parameters.get(key).cloned().unwrap_or_else(|| effective(cx.see(), 0, key).0)
}

/// `ALTER SESSION SET …` and `UNSET …`.
pub(super) fn alter_session(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        let taken = take_letter(&mut props, 'E')?;
        unknown_parameter(&props)?;
        if taken.get("AUTOCOMMIT").is_some_and(|value| value == "false") {
            return Err(fail::unsupported("AUTOCOMMIT = FALSE, for the sandbox keeps no transactions"));
        }
        cx.session.parameters.extend(taken);
    } else {
        p.need("UNSET")?;
        let keys = unset_keys(p)?;
        p.end()?;
        for (key, _) in keys {
            if known(&key).is_none() {
                return Err(invalid_parameter(&key));
            }
            cx.session.parameters.remove(&key);
        }
    }
    let mut answer = executed();
    answer.statement_type = 0x4100;
    Ok(answer)
}

/// `ALTER ACCOUNT SET …` and `UNSET …`, of parameters.
pub(super) fn alter_account(cx: &mut Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let admin = cx.see().role_id("ACCOUNTADMIN").is_some_and(|admin| cx.roles.contains(&admin));
    if !admin {
        return Err(cx.insufficient(0));
    }
    if p.eat("SET") {
        let mut props = Props::read(p)?;
        p.end()?;
        let taken = take_letter(&mut props, '*')?;
        unknown_parameter(&props)?;
        cx.edit().params.extend(taken);
    } else {
        p.need("UNSET")?;
        let keys = unset_keys(p)?;
        p.end()?;
        for (key, _) in keys {
            if known(&key).is_none() {
                return Err(invalid_parameter(&key));
            }
            cx.edit().params.remove(&key);
        }
    }
    Ok(executed())
}

fn unknown_parameter(props: &Props) -> Fallible<()> {
    props.keys().first().map_or(Ok(()), |key| Err(invalid_parameter(key)))
}

fn invalid_parameter(key: &str) -> super::answer::SqlError {
    fail::error("001006", "22023", format!("SQL compilation error:\ninvalid parameter '{key}'"))
}

/// `SHOW PARAMETERS [LIKE …] [IN …]`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let mut pattern = if p.eat("LIKE") { Some(p.text()?) } else { None };
    let target = if p.eat("IN") || p.eat("FOR") { target(cx, p)? } else { Target::Session };
    if p.eat("LIKE") {
        pattern = Some(p.text()?);
    }
    p.end()?;
    let mut sheet = Sheet::new(SHOW, &["key", "value", "default", "level", "description", "type"]);
    for param in &PARAMS {
        if pattern.as_deref().is_some_and(|pattern| !like(param.key, pattern, true)) {
            continue;
        }
        let found = match target {
            Target::Account => Some(effective(cx.see(), 0, param.key)),
            Target::Session => param.at.contains('E').then(|| match cx.session.parameters.get(param.key) {
                Some(value) => (value.clone(), "SESSION"),
                None => effective(cx.see(), 0, param.key),
            }),
            Target::Object(id, kind) => {
                let inside = match kind {
                    Kind::Database => "DCTL",
                    Kind::Schema => "CTL",
                    Kind::Task => "T",
                    Kind::Warehouse => "W",
                    _ => "L",
                };
                let relevant = param.at.chars().any(|at| inside.contains(at))
                    && (kind == Kind::Task || param.at.contains(letter(kind)));
                relevant.then(|| effective(cx.see(), id, param.key))
            }
        };
        if let Some((value, level)) = found {
            let kind = match param.kind {
                Sort::Boolean => "BOOLEAN",
                Sort::Number(..) => "NUMBER",
                Sort::Text => "STRING",
            };
            sheet.row([param.key.into(), value.into(), param.default.into(), level.into(), "".into(), kind.into()]);
        }
    }
    Ok(sheet.done())
}

enum Target {
    Session,
    Account,
    Object(Id, Kind),
}

fn target(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<Target> {
    if p.eat("SESSION") {
        return Ok(Target::Session);
    }
    if p.eat("ACCOUNT") {
        return Ok(Target::Account);
    }
    for kind in [Kind::Database, Kind::Schema, Kind::Task, Kind::Warehouse, Kind::Table] {
        if p.eat(kind.words()) {
            let ended = p.at_end() || p.is_mark(";") || p.is("LIKE");
            let name = match (kind, &cx.session.database, &cx.session.schema) {
                _ if !ended => p.name()?,
                (Kind::Database, Some(database), _) => Name(vec![database.clone()]),
                (Kind::Schema, Some(database), Some(schema)) => Name(vec![database.clone(), schema.clone()]),
                _ => return Err(p.unexpected()),
            };
            return cx.object(kind, &name, "SHOW PARAMETERS").map(|o| Target::Object(o.id, kind));
        }
    }
    Err(p.unexpected())
}

/// The keys of an UNSET that are parameters of a kind are removed from an object; the others come back.
pub(super) fn unset(cx: &mut Context<'_>, id: Id, kind: Kind, keys: &[String]) {
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        for key in keys.iter().filter(|key| settable(key, kind)) {
            object.params.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_sorted_and_its_defaults_are_valid() {
        assert!(PARAMS.is_sorted_by_key(|param| param.key));
        for param in &PARAMS {
            if !param.default.is_empty() && param.kind != Sort::Text {
                assert_eq!(check(param, param.default).unwrap(), param.default, "{}", param.key);
            }
        }
    }
}
