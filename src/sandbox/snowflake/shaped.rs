//! What faults make of the answers of statements: rows that are hidden, and a `SHOW` that is as full as can be.

use super::answer::{ResultSet, SqlError};
use super::fail::{self, Fallible};
use crate::sandbox::calls::Call;
use crate::sandbox::fault::{Kind, Passing, Struck};

/// Runs a statement that comes without a session and a connection, unless something is to go wrong with it. What goes wrong with those is
/// told as a refusal.
pub(in crate::sandbox) async fn run(
    passing: &Passing,
    work: impl Future<Output = Fallible<ResultSet>>,
) -> Fallible<ResultSet> {
    let struck = &passing.struck;
    struck.delay().await;
    let instead = |kind: &Kind| match kind {
        Kind::Refuse { code, message, .. } => fail::error("000603", "XX000", format!("{code}: {message}")),
        kind => fail::error("000603", "XX000", format!("Injected fault: {}.", kind.name())),
    };
    if let Some(kind) = struck.before() {
        return Err(instead(kind));
    }
    if let Some(error) = hidden(struck, passing.call()) {
        return Err(error);
    }
    let answer = work.await?;
    match struck.after() {
        Some(kind) => Err(instead(kind)),
        None => Ok(shaped(struck, &answer)),
    }
}

/// The refusal of a statement whose object is hidden. What is hidden from a `SHOW` are rows.
pub(super) fn hidden(struck: &Struck, call: &Call) -> Option<SqlError> {
    let at_work = call.runs() && !call.is_show() && struck.hides(Some(call.resource.trim_start_matches('@')));
    at_work.then(|| not_visible(&call.operation, &call.resource))
}

/// The answer of a statement without what is hidden, and cut where a `SHOW` ends.
pub(super) fn shaped(struck: &Struck, result: &ResultSet) -> ResultSet {
    let mut result = result.clone();
    let column = |result: &ResultSet, name: &str| result.columns.iter().position(|column| column.name == name);
    if let Some(name) = column(&result, "name") {
        let within = ["database_name", "schema_name"].map(|part| column(&result, part));
        result.rows.retain(|row| {
            let cell = |at: usize| row.get(at).and_then(Option::as_deref).unwrap_or_default();
            let parts = within.iter().flatten().map(|at| cell(*at)).chain([cell(name)]);
            let full = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".");
            !struck.hides(Some(&full))
        });
        let cap = |kind: &Kind| if let Kind::ShowCap { rows } = kind { Some(*rows) } else { None };
        if let Some(cap) = struck.kinds().filter_map(cap).min() {
            fill(&mut result, name, cap);
        }
    }
    result
}

/// Fills an answer up to the cap with objects of others, which come first, and cuts off what is beyond it.
fn fill(result: &mut ResultSet, name: usize, cap: usize) {
    let like = result.rows.first().cloned().unwrap_or_else(|| vec![None; result.columns.len()]);
    let others = cap.saturating_sub(result.rows.len());
    let other = |number: usize| {
        let mut row = like.clone();
        if let Some(cell) = row.get_mut(name) {
            *cell = Some(format!("A_OF_OTHERS_{number:05}"));
        }
        row
    };
    let rows: Vec<_> = (0..others).map(other).chain(std::mem::take(&mut result.rows)).collect();
    result.rows = rows;
    result.rows.truncate(cap);
}

/// What Snowflake says of an object that the role may not see.
fn not_visible(operation: &str, name: &str) -> SqlError {
    let kind = operation.split_once(' ').map_or("Object", |(_, kind)| kind);
    let mut letters = kind.chars();
    let title = letters.next().map(|first| first.to_uppercase().collect::<String>() + &letters.as_str().to_lowercase());
    fail::missing(&title.unwrap_or_default(), name)
}
