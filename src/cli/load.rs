//! From the arguments to a model and planner options.

use std::collections::BTreeMap;
use std::path::Path;

use super::args::SpecArgs;
use super::failure::{Exit, Failure};
use super::out::Out;
use crate::model::Address;
use crate::plan::EntryOptions;
use crate::spec::{Diagnostics, Draft, Inputs, Model};
use crate::view::Style;

/// Loads the spec and checks all that can be known without a cloud. Warnings are printed; errors end the command before anything is
/// read.
pub(super) fn model(args: &SpecArgs, out: &Out) -> Result<Model, Failure> {
    with_draft(Some(&args.path), args, None, out)
}

/// The same with the draft of one more file, or of that alone.
pub(super) fn with_draft(
    path: Option<&Path>,
    args: &SpecArgs,
    draft: Option<&Draft>,
    out: &Out,
) -> Result<Model, Failure> {
    let inputs = Inputs { vars: args.vars.clone(), var_files: args.var_files.clone(), env: &super::env };
    let loaded = crate::spec::load_with(path, draft, &inputs, crate::kind::all());
    let model = loaded.map_err(|all| diagnostics(&all, out))?;
    out.hide(&model.sources);
    let context = model.offline_context();
    let findings = model.check().iter().chain(crate::spec::duplicates(&model, &context).iter()).cloned().collect();
    let findings = model.report(findings);
    if findings.has_errors() {
        return Err(diagnostics(&findings, out));
    }
    let findings = crate::check::offline(&model, &context);
    if findings.has_errors() {
        return Err(diagnostics(&findings, out));
    }
    if !findings.is_empty() {
        out.problems(&findings.render(out.message_style() == Style::Colour));
    }
    Ok(model)
}

/// Problems of the spec, laid out with their source lines.
pub(super) fn diagnostics(problems: &Diagnostics, out: &Out) -> Failure {
    let colour = out.message_style() == Style::Colour;
    Failure::rendered(Exit::Error, problems.render(colour))
}

/// What the spec says around the entries' own fields.
pub(super) fn entries(model: &Model) -> BTreeMap<Address, EntryOptions> {
    let one = |(at, info): (&Address, &crate::spec::EntryInfo)| {
        let options = EntryOptions { adopt: info.adopt, protect: info.protect, depends_on: info.depends_on.clone() };
        (at.clone(), options)
    };
    model.entries.iter().map(one).collect()
}
