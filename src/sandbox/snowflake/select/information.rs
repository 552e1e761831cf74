//! The views of an INFORMATION_SCHEMA.

use crate::sandbox::snowflake::answer::ResultSet;
use crate::sandbox::snowflake::context::Context;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::state::Id;

/// A view of the information schema of a database.
pub(super) fn view(_cx: &Context<'_>, _database: Id, name: &str) -> Fallible<ResultSet> {
    Err(fail::beyond(&format!("INFORMATION_SCHEMA.{name}")))
}
