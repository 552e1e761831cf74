//! What an apply did: done, failed, not started, and how to go on.

use super::escape::{clean, line};
use super::plan::{counts, served};
use super::{Label, Style};
use crate::apply::{Cause, End, Outcome, StepError};
use crate::plan::{Mode, Plan};

/// The summary. `resume` is the command that goes on where this one stopped.
pub fn text(plan: &Plan, outcome: &Outcome, mode: Mode, resume: &str, style: Style) -> String {
    if outcome.is_complete() {
        return style.paint(Label::Add, &complete(plan, mode)) + "\n";
    }
    let mut out = String::new();
    let mut group = |title: &str, label: Label, rows: Vec<String>| {
        if !rows.is_empty() {
            out.push_str(&style.paint(label, &format!("{title} ({}):", rows.len())));
            out.push('\n');
            rows.iter().for_each(|row| out.push_str(row));
        }
    };
    let name = |index: usize| plan.steps.get(index).map(served).unwrap_or_default();
    let ends = || outcome.ends.iter().enumerate();
    group(
        "Done",
        Label::Add,
        ends().filter(|(_, end)| matches!(end, End::Done)).map(|(i, _)| format!("  {}\n", name(i))).collect(),
    );
    let failed = ends().filter_map(|(index, end)| match end {
        End::Failed(error) => Some(failure(&name(index), error)),
        End::Done | End::Skipped { .. } | End::NotStarted => None,
    });
    group("Failed", Label::Danger, failed.collect());
    let not_started = ends().filter_map(|(index, end)| match end {
        End::Skipped { because } => Some(format!("  {}: needs {}\n", name(index), name(*because))),
        End::NotStarted => Some(format!("  {}\n", name(index))),
        End::Done | End::Failed(_) => None,
    });
    group("Not started", Label::Change, not_started.collect());
    if outcome.interrupted {
        out.push_str("Interrupted.\n");
    }
    let counts = counts(plan);
    let planned = counts.strip_prefix("Plan: ").unwrap_or(&counts).trim_end_matches('.');
    out.push_str(&format!("Planned were {planned}. To go on, run the same command again: {resume}\n"));
    out
}

/// One line for an apply in which everything was done.
fn complete(plan: &Plan, mode: Mode) -> String {
    let done = plan.counts();
    if mode == Mode::Destroy {
        return format!("Destroy complete! Resources: {} destroyed.", done.destroy);
    }
    let adopted = if done.adopt > 0 { format!("{} adopted, ", done.adopt) } else { String::new() };
    let forgotten = if done.forget > 0 { format!("{} forgotten, ", done.forget) } else { String::new() };
    format!(
        "Apply complete! Resources: {adopted}{forgotten}{} added, {} changed, {} destroyed.",
        done.add, done.change, done.destroy
    )
}

/// As many characters of an operation tell it from others.
const TELLING: usize = 40;

fn failure(name: &str, error: &StepError) -> String {
    let mut out = format!("  {name}\n");
    let cause = error.cause.to_string();
    // A refusal begins with the beginning of its statement.
    let begin: String = error.op.chars().take(TELLING).collect();
    if !begin.is_empty() && !cause.contains(&begin) {
        out.push_str(&format!("    while running: {}\n", line(&error.op)));
    }
    out.push_str(&format!("    {}\n", clean(&cause).replace('\n', "\n    ")));
    if let Cause::TimedOut { diagnosis, .. } = &error.cause {
        diagnosis.iter().for_each(|link| out.push_str(&format!("    - {}\n", line(link))));
    }
    if let Cause::Cloud(refusal) = &error.cause {
        crate::cloud::error::advice(refusal).into_iter().for_each(|hint| out.push_str(&format!("    hint: {hint}\n")));
    }
    for (what, failed) in &error.undone {
        match failed {
            None => out.push_str(&format!("    restored: {}\n", line(what))),
            Some(why) => out.push_str(&format!("    LEFT AS IT IS, restoring failed: {}: {}\n", line(what), line(why))),
        }
    }
    out
}
