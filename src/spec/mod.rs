//! TOML text to typed entries with source positions: variables, `for_each`, templates, diagnostics.
//!
//! [`load`] goes from files ([`files`]) to a tree with places ([`tree`]), gives variables their values ([`variable`]), evaluates on
//! demand what refers to what ([`world`], [`scope`], [`render`]), and decodes entries into batches of their kinds ([`assemble`]).
//! Everything that is wrong is collected, and told at once.

mod assemble;
mod check;
mod decode;
mod depends;
mod diagnostic;
mod expand;
mod files;
mod lookup;
mod model;
mod moves;
pub mod ready;
mod render;
mod schema;
mod scope;
mod shape;
mod source;
mod suggest;
mod template;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod variable;
mod world;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use expand::expand;
pub use model::{AssumeRole, AwsSettings, EntryInfo, Model, Output, SnowflakeSettings, Unseen, duplicates};
pub use moves::Moves;
pub use schema::schema;
pub use source::{FileId, Location, Sources};

use crate::kind::AnyKind;

/// Where the values of variables come from. A `--var` wins over a file, a later file over an earlier one, a file over the
/// environment, the environment over a default.
pub struct Inputs<'a> {
    /// `--var name=value`, in order.
    pub vars: Vec<(String, String)>,
    /// `--var-file`: TOML files, the later ones win.
    pub var_files: Vec<PathBuf>,
    /// Looks up an environment variable; asked for `SNOWSSI_VAR_name` only.
    pub env: &'a dyn Fn(&str) -> Option<String>,
}

impl std::fmt::Debug for Inputs<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.vars.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Inputs").field("vars", &names).field("var_files", &self.var_files).finish_non_exhaustive()
    }
}

/// A file that is not written yet, read as if the spec included it.
#[derive(Clone, Debug)]
pub struct Draft {
    /// Where it will be. If there is a file, it is not read.
    pub path: PathBuf,
    /// What will be in it.
    pub text: String,
}

/// Reads a spec: a file, or a directory with a `snowssi.toml`.
///
/// # Errors
/// Everything that is wrong with it, with places.
pub fn load(path: &Path, inputs: &Inputs<'_>, kinds: &[&'static dyn AnyKind]) -> Result<Model, Diagnostics> {
    load_with(Some(path), None, inputs, kinds)
}

/// Reads a spec, if there is one, with a draft beside it.
///
/// # Errors
/// Everything that is wrong with them, with places.
pub fn load_with(
    path: Option<&Path>,
    draft: Option<&Draft>,
    inputs: &Inputs<'_>,
    kinds: &[&'static dyn AnyKind],
) -> Result<Model, Diagnostics> {
    let mut report = diagnostic::Report::default();
    let Some((root, sheets)) = files::read(path, draft, &mut report) else {
        return Err(Diagnostics::new(report.list, report.sources));
    };
    let nowhere = Sources::start();
    if !report.list.is_empty() {
        // What could not be read is missing everywhere else; further findings would be echoes.
        return Err(Diagnostics::new(report.list, report.sources));
    }
    let declared = sheets.iter().next().map(|spec| spec.variables.clone()).unwrap_or_default();
    let variables = variable::values(&declared, inputs, &mut report);
    let world = world::World::new(root, sheets, variables, kinds, report);
    let (model, explained) = assemble::assemble(&world, nowhere);
    let report = world.finish(&explained);
    let diagnostics = Diagnostics::new(report.list, report.sources.clone());
    match (model, Arc::try_unwrap(world)) {
        (Some(model), Ok(world)) if !diagnostics.has_errors() => {
            Ok(Model { sources: report.sources, sheets: world.sheets, ..model })
        }
        _ => Err(diagnostics),
    }
}
