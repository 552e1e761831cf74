//! A stage's URL must lie inside what its integration allows: Snowflake refuses it otherwise (003127).

use super::{Finding, Severity, World, list, text};
use crate::model::{LiveId, S3Url};

pub(super) fn check(world: &World<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, stage) in world.of_kind("stage") {
        let url = text(stage, "url").and_then(|url| url.parse::<S3Url>().ok());
        let integration = text(stage, "storage_integration")
            .and_then(|name| world.entry(&LiveId::new("storage_integration", name)))
            .and_then(|entry| world.fields.get(entry).map(|fields| (entry, fields)));
        let (Some(url), Some((entry, integration))) = (url, integration) else { continue };
        let holds = |name: &str| list(integration, name).into_iter().any(|place| place == "*" || contains(place, &url));
        if !holds("allowed_locations") {
            let allowed = list(integration, "allowed_locations").join(", ");
            findings.push(Finding {
                code: "stage-outside-integration",
                severity: Severity::Error,
                at: at.clone(),
                field: "url",
                message: format!("{url} is not inside a location that {entry} allows ({allowed})"),
                hint: format!("add it to `allowed_locations` of {entry}, or change the URL"),
            });
        } else if holds("blocked_locations") {
            findings.push(Finding {
                code: "stage-outside-integration",
                severity: Severity::Error,
                at: at.clone(),
                field: "url",
                message: format!("{url} is inside a location that {entry} blocks"),
                hint: format!("take it out of `blocked_locations` of {entry}, or change the URL"),
            });
        }
    }
    findings
}

fn contains(place: &str, url: &S3Url) -> bool {
    place.parse::<S3Url>().is_ok_and(|place| place.contains(url))
}
