//! `snowssi sandbox`: the embedded clouds by themselves.

mod calls;
mod put;
mod serve;
mod settings;

use std::path::Path;

use super::args::{SandboxArgs, SandboxCommand};
use super::failure::{Exit, Failure};
use super::out::Out;
use crate::sandbox::{Reach, Rows};
use crate::view::escape::{clean, line};

/// Runs one command on the embedded clouds.
pub(super) async fn run(args: &SandboxArgs, out: &Out) -> Result<Exit, Failure> {
    match &args.command {
        SandboxCommand::Reset => {
            crate::sandbox::reset(&args.dir).map_err(|error| cannot("reset", &args.dir, &error))?;
            out.status(&format!("The sandbox in {} is empty.", args.dir.display()));
            Ok(Exit::Success)
        }
        SandboxCommand::Sql { statement, role, fault } => {
            let reach = reach(&args.dir).await?;
            if fault.is_some() {
                let served = || Failure::new(Exit::Error, "the sandbox is being served by another process");
                let plan = super::fault::load(fault.as_deref(), out)?;
                reach.set_faults(plan).ok_or_else(|| served().hint("give --fault to `snowssi sandbox serve`"))?;
            }
            let rows = reach.sql(statement, role).await.map_err(|error| refused(&error))?;
            out.result(&table(&rows));
            Ok(Exit::Success)
        }
        SandboxCommand::Calls(args_of_calls) => calls::run(&args.dir, args_of_calls, out),
        SandboxCommand::Put { file, to } => put::run(&args.dir, file, to, out).await,
        SandboxCommand::Tick { by } => {
            let happened = reach(&args.dir).await?.tick(*by).await.map_err(|error| refused(&error))?;
            happened.iter().for_each(|what| out.result(&format!("{}\n", line(what))));
            if happened.is_empty() {
                out.status("Nothing happened.");
            }
            Ok(Exit::Success)
        }
        SandboxCommand::Serve(serve) => serve::run(&args.dir, serve, out).await,
    }
}

/// The clouds of the directory: served by another process, or opened here.
async fn reach(dir: &Path) -> Result<Reach, Failure> {
    Reach::find(dir).await.map_err(|error| cannot("open", dir, &error))
}

fn cannot(what: &str, dir: &Path, error: &std::io::Error) -> Failure {
    Failure::new(Exit::Error, format!("cannot {what} the sandbox in {}: {error}", dir.display()))
}

/// What a cloud refused.
fn refused(error: &str) -> Failure {
    Failure::new(Exit::Error, clean(error))
}

/// Rows as a table.
fn table(rows: &Rows) -> String {
    use comfy_table::{Table, presets::UTF8_FULL_CONDENSED};
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(rows.columns.iter().map(|column| line(column)));
    for row in &rows.rows {
        table.add_row(row.iter().map(|cell| cell.as_deref().map_or_else(|| "NULL".to_owned(), line)));
    }
    format!("{table}\n{} {}\n", rows.rows.len(), if rows.rows.len() == 1 { "row" } else { "rows" })
}
