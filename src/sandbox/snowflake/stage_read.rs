//! What SHOW STAGES and DESC STAGE tell. Encryption, secrets and `REFRESH_ON_CREATE` are write-only: nothing shows them.

use super::answer::ResultSet;
use super::context::Context;
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::show::{Beyond, Cell, DESCRIBE, Filter, NULL, SHOW, Sheet, timestamp, yes_no};
use super::stage::{Credentials, Format, Stage, channel};
use super::state::{Id, Kind};

/// `SHOW STAGES`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Stage, false)?;
    let columns = [
        "created_on:timestamp",
        "name",
        "database_name",
        "schema_name",
        "url",
        "has_credentials",
        "has_encryption_key",
        "owner",
        "comment",
        "region",
        "type",
        "cloud",
        "notification_channel",
        "storage_integration",
        "endpoint",
        "owner_role_type",
        "directory_enabled",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::Stage, Beyond::Cut)? {
        let Some(stage) = cx.see().stage(object.id) else { continue };
        let (database, schema) = cx.see().container_names(object);
        sheet.row([
            timestamp(object.created),
            (&object.name).into(),
            database.into(),
            schema.into(),
            stage.url.clone().unwrap_or_default().into(),
            yes_no(stage.credentials.is_some()),
            yes_no(stage.encryption.as_ref().is_some_and(|e| e.has_key)),
            cx.see().role_name(object.owner).into(),
            (&object.comment).into(),
            stage.region.clone().into(),
            stage.kind().into(),
            if stage.url.is_some() { "AWS".into() } else { NULL },
            notification_channel(cx, stage).into(),
            stage.integration.as_ref().map(|link| link.name.clone()).into(),
            NULL,
            "ROLE".into(),
            yes_no(stage.directory.is_some()),
        ]);
    }
    Ok(sheet.done())
}

/// The queue that tells a directory of changes in its bucket.
pub(super) fn notification_channel(cx: &Context<'_>, stage: &Stage) -> Option<String> {
    stage
        .directory
        .as_ref()
        .filter(|d| d.auto_refresh)
        .and(stage.region.as_deref())
        .and_then(|region| channel(cx.see(), region))
}

/// `DESC STAGE n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(stage) = cx.see().stage(id) else { return Err(fail::nowhere()) };
    let columns = ["parent_property", "property", "property_type", "property_value", "property_default"];
    let mut sheet = Sheet::new(DESCRIBE, &columns);
    let mut row = |parent: &str, property: &str, kind: &str, value: String, default: &str| {
        sheet.row([parent, property, kind, &value, default].map(Cell::from));
    };
    match &stage.format {
        Format::Named(parts) => {
            let quoted: Vec<String> = parts.iter().map(|part| format!("\\\"{part}\\\"")).collect();
            row("STAGE_FILE_FORMAT", "FORMAT_NAME", "String", quoted.join("."), "");
        }
        Format::Inline(format) => {
            for [property, kind, value, default] in format.rows() {
                row("STAGE_FILE_FORMAT", &property, &kind, value, &default);
            }
        }
    }
    for (key, kind, default) in [
        ("ON_ERROR", "String", "ABORT_STATEMENT"),
        ("SIZE_LIMIT", "Long", ""),
        ("PURGE", "Boolean", "false"),
        ("RETURN_FAILED_ONLY", "Boolean", "false"),
        ("ENFORCE_LENGTH", "Boolean", "true"),
        ("TRUNCATECOLUMNS", "Boolean", "false"),
        ("FORCE", "Boolean", "false"),
    ] {
        row(
            "STAGE_COPY_OPTIONS",
            key,
            kind,
            stage.copy_options.get(key).cloned().unwrap_or_else(|| default.into()),
            default,
        );
    }
    let truth = |value: bool| if value { "true" } else { "false" }.to_owned();
    if let Some(url) = &stage.url {
        row("STAGE_LOCATION", "URL", "String", serde_json::json!([url]).to_string(), "");
        row("STAGE_LOCATION", "AWS_ACCESS_POINT_ARN", "String", stage.access_point.clone().unwrap_or_default(), "");
        if let Some(link) = &stage.integration {
            row("STAGE_INTEGRATION", "STORAGE_INTEGRATION", "String", link.name.clone(), "");
        } else {
            let key = match &stage.credentials {
                Some(Credentials::Key { id, digest: _ }) => id.clone(),
                _ => String::new(),
            };
            row("STAGE_CREDENTIALS", "AWS_KEY_ID", "String", key, "");
        }
        let linked = stage.integration.as_ref().and_then(|link| cx.see().integration(link.id));
        let privatelink = linked.map_or(stage.privatelink, |integration| integration.privatelink);
        row("PRIVATELINK", "USE_PRIVATELINK_ENDPOINT", "Boolean", truth(privatelink), "false");
    }
    row("DIRECTORY", "ENABLE", "Boolean", truth(stage.directory.is_some()), "false");
    let auto_refresh = stage.directory.as_ref().is_some_and(|d| d.auto_refresh);
    row("DIRECTORY", "AUTO_REFRESH", "Boolean", truth(auto_refresh), "false");
    if let Some(directory) = &stage.directory {
        if let Some(channel) = notification_channel(cx, stage) {
            row("DIRECTORY", "DIRECTORY_NOTIFICATION_CHANNEL", "String", channel, "");
        }
        let refreshed = directory.refreshed.map(readable).unwrap_or_default();
        row("DIRECTORY", "LAST_REFRESHED_ON", "Timestamp", refreshed, "");
    }
    Ok(sheet.done())
}

/// A time as DESC STAGE prints it: `2023-05-03 12:50:28.000 Z`.
fn readable(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .map(|at| format!("{} Z", at.strftime("%Y-%m-%d %H:%M:%S%.3f")))
        .unwrap_or_default()
}
