//! What Snowflake says when it refuses, with the code and SQL state it says it under.
//!
//! Where no public source tells the code, the text is plainly the simulator's own and the code is of the class that the documentation
//! suggests; programs must not rely on either.

use super::answer::SqlError;
use crate::sandbox::door::Refusal;

/// The result of everything that can be refused.
pub(super) type Fallible<T> = Result<T, SqlError>;

/// The code of refusals in task graphs whose number no public source tells.
pub(super) const GRAPH: &str = "091000";

/// Any refusal.
pub(super) fn error(code: &'static str, sql_state: &'static str, message: impl Into<String>) -> SqlError {
    SqlError { code, sql_state, message: message.into() }
}

pub(super) fn syntax(line: usize, position: usize, unexpected: &str) -> SqlError {
    let text =
        format!("SQL compilation error:\nsyntax error line {line} at position {position} unexpected '{unexpected}'.");
    error("001003", "42000", text)
}

/// A named object that is not there, or that the role must not know of.
pub(super) fn missing(title: &str, name: &str) -> SqlError {
    error("002003", "02000", format!("SQL compilation error:\n{title} '{name}' does not exist or not authorized."))
}

/// A place that is not there: the scope of a SHOW, the target of a USE.
pub(super) fn nowhere() -> SqlError {
    error(
        "002043",
        "02000",
        "SQL compilation error:\nObject does not exist, or operation cannot be performed.".to_owned(),
    )
}

pub(super) fn already_exists(name: &str) -> SqlError {
    error("002002", "42710", format!("SQL compilation error:\nObject '{name}' already exists."))
}

/// The name is taken by an object of another kind.
pub(super) fn exists_as(name: &str, other: &str) -> SqlError {
    error("001998", "42710", format!("SQL compilation error:\nObject '{name}' already exists as {other}"))
}

/// The name is taken by an object that the role may not see.
pub(super) fn exists_unseen(title: &str, name: &str) -> SqlError {
    let text = format!(
        "SQL compilation error:{title} {name} already exists, but current role has no privileges on it. If this is unexpected and you \
         cannot resolve this problem, contact your system administrator. ACCOUNTADMIN role may be required to manage the privileges on \
         the object."
    );
    error("003041", "42710", text)
}

pub(super) fn insufficient(kind: &str, name: &str) -> SqlError {
    let text = format!("SQL access control error:\nInsufficient privileges to operate on {kind} '{name}'.");
    error("003001", "42501", text)
}

pub(super) fn missing_options(options: &[&str]) -> SqlError {
    error("002029", "42601", format!("SQL compilation error: Missing option(s): {}", options.join(", ")))
}

/// A value outside an enumeration or range.
pub(super) fn bad_value(value: &str, parameter: &str) -> SqlError {
    error("001008", "22023", format!("SQL compilation error:\ninvalid value [{value}] for parameter '{parameter}'"))
}

/// A property that has a value it cannot have.
pub(super) fn bad_property(value: &str, property: &str) -> SqlError {
    error("001422", "22023", format!("SQL compilation error: invalid value '{value}' for property '{property}'"))
}

pub(super) fn bad_combination(one: (&str, &str), other: (&str, &str)) -> SqlError {
    let text = format!(
        "SQL compilation error:\ninvalid property combination '{}'='{}' and '{}'='{}'",
        one.0, one.1, other.0, other.1
    );
    error("001425", "22023", text)
}

pub(super) fn unsupported(feature: &str) -> SqlError {
    error("000002", "0A000", format!("Unsupported feature '{feature}'."))
}

/// Something that Snowflake can do and this sandbox cannot.
pub(super) fn beyond(what: &str) -> SqlError {
    error("000002", "0A000", format!("Unsupported feature: not supported by the sandbox: {what}."))
}

pub(super) fn bad_url(url: &str) -> SqlError {
    error("001011", "42601", format!("SQL compilation error: invalid URL prefix found in: '{url}'"))
}

pub(super) fn location_refused(url: &str, integration: &str) -> SqlError {
    let text = format!(
        "SQL compilation error:Location '{url}' is not allowed by integration {integration}. Please use DESC INTEGRATION to check out \
         allowed and blocked locations."
    );
    error("003127", "42601", text)
}

/// The hidden link of a stage leads to an integration that is gone.
pub(super) fn link_broken(stage: &str) -> SqlError {
    let text = format!("SQL compilation error:\nIntegration associated with the stage {stage} cannot be found.");
    error("003139", "02000", text)
}

pub(super) fn no_database(what: &str) -> SqlError {
    let text = format!(
        "Cannot perform {what}. This session does not have a current database. Call 'USE DATABASE', or use a qualified name."
    );
    error("090105", "22000", text)
}

pub(super) fn no_schema(what: &str) -> SqlError {
    let text = format!(
        "Cannot perform {what}. This session does not have a current schema. Call 'USE SCHEMA', or use a qualified name."
    );
    error("090106", "22000", text)
}

/// STS refused: the trust policy, the external ID or the role is not right (or not yet known everywhere).
pub(super) fn assume_refused(refusal: &Refusal) -> SqlError {
    error("003167", "42601", format!("SQL execution error: Error assuming AWS_ROLE:\n{}", refusal.message))
}

/// S3 or KMS refused.
pub(super) fn stage_refused(refusal: &Refusal) -> SqlError {
    stage_failure(&cause(refusal))
}

pub(super) fn stage_failure(cause: &str) -> SqlError {
    error("091003", "22000", format!("Failure using stage area. Cause: [{cause}]"))
}

/// A refusal of AWS as Snowflake passes it on.
pub(super) fn cause(refusal: &Refusal) -> String {
    format!("{} (Status Code: {}; Error Code: {})", refusal.message, refusal.status, refusal.code)
}

/// The same failure, met while the directory of a stage was being refreshed.
pub(super) fn while_refreshing(mut inner: SqlError) -> SqlError {
    inner.message.insert_str(0, "An error occurred while trying to refresh the directory table: ");
    inner
}

pub(super) fn root_not_suspended(root: &str) -> SqlError {
    error(
        "091421",
        "22000",
        format!("Unable to update graph with root task {root} since that root task is not suspended."),
    )
}

pub(super) fn unknown_function(name: &str) -> SqlError {
    error("001044", "42601", format!("SQL compilation error: Unknown function {name}"))
}

pub(super) fn unknown_column(line: usize, position: usize, name: &str) -> SqlError {
    let text = format!("SQL compilation error: error line {line} at position {position}\ninvalid identifier '{name}'");
    error("000904", "42000", text)
}
