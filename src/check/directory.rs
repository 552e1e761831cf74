//! A stream on a stage sees the stage's directory table: without one it cannot exist, and one that nothing refreshes never changes.

use super::{Finding, Severity, World, text};
use crate::model::{LiveId, Shown};

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, stream) in world.of_kind("stream") {
        let stage = text(stream, "on_stage").and_then(|name| world.entry(&LiveId::new("stage", name)));
        let Some((stage, fields)) = stage.and_then(|stage| Some((stage, world.fields.get(stage)?))) else { continue };
        let is_on = |name: &str| matches!(fields.get(name), Some(Shown::Bool(true)));
        if !is_on("directory.enable") {
            findings.push(Finding {
                code: "stream-without-directory",
                severity: Severity::Error,
                at: at.clone(),
                field: "on_stage",
                message: format!("{stage} has no directory table, so a stream on it cannot exist"),
                hint: format!("set `directory = {{ enable = true, auto_refresh = true }}` in [{stage}]"),
            });
        } else if !is_on("directory.auto_refresh") {
            findings.push(Finding {
                code: "directory-never-refreshed",
                severity: Severity::Warning,
                at: at.clone(),
                field: "on_stage",
                message: format!(
                    "the directory table of {stage} does not refresh itself, so this stream sees no new files"
                ),
                hint: format!("set `auto_refresh = true` in [{stage}], or run ALTER STAGE … REFRESH on a schedule"),
            });
        }
    }
    findings
}
