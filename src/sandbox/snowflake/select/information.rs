//! The views of an INFORMATION_SCHEMA.

use crate::sandbox::snowflake::answer::ResultSet;
use crate::sandbox::snowflake::context::Context;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::load;
use crate::sandbox::snowflake::state::Id;

/// A view of the information schema of a database.
pub(super) fn view(cx: &Context<'_>, database: Id, name: &str) -> Fallible<ResultSet> {
    match name {
        "LOAD_HISTORY" => Ok(load::load_history(cx, &cx.see().bare_name(database))),
        _ => Err(fail::beyond(&format!("INFORMATION_SCHEMA.{name}"))),
    }
}
