//! `snowssi validate`: everything that can be known without a cloud.

use super::args::SpecArgs;
use super::failure::{Exit, Failure};
use super::load;
use super::out::Out;
use crate::model::Context;
use crate::spec::Model;

/// Checks the spec; all of that is part of loading it.
pub(super) fn run(args: &SpecArgs, out: &Out) -> Result<Exit, Failure> {
    let model = load::model(args, out)?;
    let entries = model.entries.len();
    out.result(&format!("Valid: {entries} {}.\n", if entries == 1 { "object" } else { "objects" }));
    Ok(Exit::Success)
}

/// Two entries for one live object would fight over it. Asked again once the real account is known.
pub(super) fn names(model: &Model, context: &Context) -> Result<(), Failure> {
    let problems = crate::spec::duplicates(model, context);
    if problems.has_errors() { Err(Failure::rendered(Exit::Error, problems.render(false))) } else { Ok(()) }
}
