//! `snowssi expand`: the plain objects that modules, `for_each` and variables stand for.

use super::args::SpecArgs;
use super::failure::{Exit, Failure};
use super::load;
use super::out::Out;

/// Loads and prints.
pub(super) fn run(args: &SpecArgs, out: &Out) -> Result<Exit, Failure> {
    let model = load::model(args, out)?;
    out.result(&crate::spec::expand(&model));
    Ok(Exit::Success)
}
