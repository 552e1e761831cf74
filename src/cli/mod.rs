//! The command line: parse, run one command, print, exit. Each command is a file; they return a [`Failure`] or an [`Exit`].

pub mod args;
pub mod failure;
pub mod open;
pub mod out;

mod apply;
mod expand;
mod explain;
#[cfg(feature = "sandbox")]
mod fault;
mod import;
mod load;
mod log;
mod output;
mod plan;
mod resume;
#[cfg(feature = "sandbox")]
mod sandbox;
mod signal;
mod specs;
mod validate;

use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

use args::{Cli, Command};
use failure::{Exit, Failure};
use out::Out;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let no_color = env("NO_COLOR").is_some_and(|value| !value.is_empty());
    log::start(cli.common.log_level);
    let out = Out::new(cli.common.color, no_color, cli.common.quiet);
    let exit = match run(cli.command, &out) {
        Ok(exit) => exit,
        Err(failure) => report(&out, failure),
    };
    ExitCode::from(exit as u8)
}

/// The environment; the only place that reads it.
fn env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn run(command: Command, out: &Out) -> Result<Exit, Failure> {
    match command {
        Command::Version => {
            out.result(&format!("snowssi {}\n", env!("CARGO_PKG_VERSION")));
            Ok(Exit::Success)
        }
        Command::Validate(args) => validate::run(&args, out),
        Command::Explain { what } => explain::run(what.as_deref(), out),
        Command::Schema => {
            out.result(&format!("{:#}\n", crate::spec::schema(crate::kind::all())));
            Ok(Exit::Success)
        }
        Command::Expand(args) => expand::run(&args, out),
        Command::Specs(args) => specs::run(args.command, out),
        Command::Plan(args) => on_runtime(plan::run(&args, out)),
        Command::Apply(args) => on_runtime(apply::apply(&args, out)),
        Command::Destroy(args) => on_runtime(apply::destroy(&args, out)),
        Command::Import(args) => on_runtime(import::run(&args, out)),
        Command::Output(args) => on_runtime(output::run(&args, out)),
        #[cfg(feature = "sandbox")]
        Command::Sandbox(args) => on_runtime(sandbox::run(&args, out)),
    }
}

fn on_runtime(work: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Exit::Error, format!("cannot start: {error}")))?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    result
}

fn report(out: &Out, failure: Failure) -> Exit {
    let Failure { exit, messages, rendered } = failure;
    if !rendered.is_empty() {
        out.problems(&rendered);
    }
    messages.iter().for_each(|message| out.error(&message.text, &message.hints));
    exit
}

/// Usage errors exit with 1: 2 means that there are changes.
fn usage(error: &clap::Error) -> ExitCode {
    drop(error.print());
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ => ExitCode::from(Exit::Error as u8),
    }
}
