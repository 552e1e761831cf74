//! `snowssi sandbox`: the embedded clouds by themselves.

use super::args::{SandboxArgs, SandboxCommand};
use super::failure::{Exit, Failure};
use super::out::Out;
use crate::sandbox::Embedded;
use crate::view::escape::line;

/// Resets, or runs one statement.
pub(super) async fn run(args: &SandboxArgs, out: &Out) -> Result<Exit, Failure> {
    let cannot = |what: &str, error: std::io::Error| {
        Failure::new(Exit::Error, format!("cannot {what} the sandbox in {}: {error}", args.dir.display()))
    };
    match &args.command {
        SandboxCommand::Reset => {
            crate::sandbox::reset(&args.dir).map_err(|error| cannot("reset", error))?;
            out.status(&format!("The sandbox in {} is empty.", args.dir.display()));
            Ok(Exit::Success)
        }
        SandboxCommand::Sql { statement, role } => {
            let embedded = Embedded::open(&args.dir).map_err(|error| cannot("open", error))?;
            match embedded.sql(statement, role).await {
                Ok(rows) => {
                    out.result(&table(&rows));
                    Ok(Exit::Success)
                }
                Err(error) => {
                    Err(Failure::new(Exit::Error, format!("{} ({}): {}", error.code, error.sql_state, error.message)))
                }
            }
        }
    }
}

/// Rows as a table.
fn table(rows: &crate::sandbox::snowflake::answer::ResultSet) -> String {
    use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(rows.columns.iter().map(|column| line(&column.name)));
    for row in &rows.rows {
        table.add_row(row.iter().map(|cell| cell.as_deref().map_or_else(|| "NULL".to_owned(), line)));
    }
    format!("{table}\n{} {}\n", rows.rows.len(), if rows.rows.len() == 1 { "row" } else { "rows" })
}
