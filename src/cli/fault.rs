//! `--fault`: from a file to what is to go wrong in the embedded clouds.

use std::path::Path;

use super::failure::{Exit, Failure};
use super::out::Out;
use crate::sandbox::fault::{Plan, read};
use crate::view::Style;

/// Reads a file of faults; without one nothing goes wrong.
pub(super) fn load(path: Option<&Path>, out: &Out) -> Result<Plan, Failure> {
    let Some(path) = path else { return Ok(Plan::default()) };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(Exit::Error, format!("cannot read {}: {error}", path.display())))?;
    read(&path.display().to_string(), &text)
        .map_err(|problems| Failure::rendered(Exit::Error, problems.render(out.message_style() == Style::Colour)))
}
