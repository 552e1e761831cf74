//! What a request asks to be run: which statements, with which values and parameters, and how it wants to hear of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::envelope::Refused;
use super::{Asked, bindings, split};
use crate::sandbox::snowflake::answer::SqlError;

/// What a request asks to be run.
pub(super) struct Order {
    /// The text as it was sent.
    pub(super) sql: String,
    /// How many places for values it has.
    pub(super) binds: usize,
    pub(super) work: Work,
    /// Session parameters for these statements alone.
    pub(super) parameters: BTreeMap<String, String>,
    /// The client does not wait.
    pub(super) later: bool,
}

/// What there is to do.
pub(super) enum Work {
    One(String),
    /// Only the columns of the answer are asked for, and running it to see them changes nothing.
    Read(String),
    /// Only the columns of the answer are asked for.
    Described(String),
    Several(Vec<String>),
    /// The request itself is refused, as a statement is.
    Refused(SqlError),
}

/// The parameter that says how many statements a text has.
const COUNT: &str = "MULTI_STATEMENT_COUNT";

impl Order {
    /// Reads a request; `count` is what the session says of the number of statements.
    pub(super) fn read(asked: &Asked, count: Option<&str>) -> Result<Self, Refused> {
        let Some(sql) = asked.text("sqlText")? else {
            return Err(Refused::malformed("'sqlText' is missing."));
        };
        let mut parameters = asked.object("parameters")?.map(settings).transpose()?.unwrap_or_default();
        let (given, values) = (parameters.remove(COUNT), asked.object("bindings")?);
        let described = asked.flag("describeOnly")?;
        let later = asked.flag("asyncExec")?;
        let bound = if described { bindings::put_in_described(sql, values) } else { bindings::put_in(sql, values) };
        let binds = bound.as_ref().map_or(0, |bound| bound.places);
        let work = bound.and_then(|bound| divide(bound.sql, given.as_deref().or(count), described));
        Ok(Self { sql: sql.to_owned(), binds, work: work.unwrap_or_else(Work::Refused), parameters, later })
    }
}

/// Parameters as texts, by their names in upper case.
pub(super) fn settings(given: &Map<String, Value>) -> Result<BTreeMap<String, String>, Refused> {
    let one = |(name, value): (&String, &Value)| match value {
        Value::String(text) => Ok((name.to_ascii_uppercase(), text.clone())),
        Value::Bool(_) | Value::Number(_) => Ok((name.to_ascii_uppercase(), value.to_string())),
        _ => Err(Refused::malformed(format!("The parameter '{name}' must be a text, a number or a truth value."))),
    };
    given.iter().filter(|(_, value)| !value.is_null()).map(one).collect()
}

/// One statement, or as many as were announced; 0 stands for any number.
fn divide(sql: String, count: Option<&str>, described: bool) -> Result<Work, SqlError> {
    let desired: usize = match count {
        None => 1,
        Some(count) => count.trim().parse().map_err(|_| SqlError {
            code: "001008",
            sql_state: "22023",
            message: format!("SQL compilation error:\ninvalid value [{count}] for parameter '{COUNT}'"),
        })?,
    };
    let all = split::statements(&sql);
    // An empty text is refused as SQL, whatever was announced.
    if desired != 0 && all.len() != desired && !all.is_empty() {
        let message =
            format!("Actual statement count {} did not match the desired statement count {desired}.", all.len());
        return Err(SqlError { code: "000008", sql_state: "0A000", message });
    }
    if all.len() > 1 {
        if described {
            return Err(unsupported("describing several statements at once"));
        }
        return Ok(Work::Several(all.into_iter().map(|sql| sql.trim().to_owned()).collect()));
    }
    if !described {
        return Ok(Work::One(sql));
    }
    let verb = split::first_word(&sql).to_ascii_uppercase();
    let reads = ["SELECT", "WITH", "SHOW", "DESC", "DESCRIBE", "LIST", "LS", "VALUES", "EXPLAIN"];
    Ok(if reads.contains(&verb.as_str()) { Work::Read(sql) } else { Work::Described(sql) })
}

fn unsupported(feature: &str) -> SqlError {
    SqlError { code: "000002", sql_state: "0A000", message: format!("Unsupported feature '{feature}'.") }
}
