//! Reading stages: `SHOW STAGES` once, and `DESC STAGE` of those that are declared. A stage holds on to a hidden ID of its integration and
//! goes on showing the name when another one has it; where that may have happened, the stage is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::{join_all, try_join, try_join_all};

use super::format::Format;
use super::{CHANNEL, Entry, Keys, Listing, Place, Props, Spec, Stage, wanted};
use crate::cloud::{Cloud, CloudError, Row, Rows, Session, Which};
use crate::kind::show;
use crate::model::{Context, Found, Ident, ObjectName, Observed, Seen, Text};

pub(super) async fn observe(
    entries: &[Entry<Spec>],
    cloud: &Cloud,
    context: &Context,
) -> Result<Observed<Props>, CloudError> {
    let session = cloud.snowflake()?;
    let names: Vec<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
    let describe = |name: ObjectName| async move {
        let rows = show::about(session, &Text::new("DESC STAGE").name(&name)).await?;
        Ok::<_, CloudError>(rows.map(|rows| (name, rows)))
    };
    let details = try_join_all(names.iter().cloned().map(describe));
    let (listing, details) = try_join(show::objects(session, "SHOW STAGES", &names), details).await?;
    let rows = listing.index(durable)?;
    let dangling = dangling(session, &names, &rows).await?;
    let mut observed = assemble(entries, context, &rows, &details.into_iter().flatten().collect())?;
    for seen in observed.declared.values_mut() {
        if let Seen::Present(found) = seen {
            found.props.dangles = dangling.contains(&found.props.name);
        }
    }
    Ok(observed)
}

/// The stages whose integration was dropped while another one took its name. Only stages that are older than the integration of that name
/// can be such, and only they are asked, each with one statement that finds no files.
async fn dangling(
    session: &Session,
    declared: &[ObjectName],
    rows: &BTreeMap<ObjectName, Row<'_>>,
) -> Result<BTreeSet<ObjectName>, CloudError> {
    let linked = |name: &ObjectName| {
        let row = rows.get(name)?;
        let integration = Ident::stored(row.get("storage_integration")?).ok()?;
        Some((name.clone(), integration, row.get("created_on").map(str::to_owned)))
    };
    let stages: Vec<_> = declared.iter().filter_map(linked).collect();
    if stages.is_empty() {
        return Ok(BTreeSet::new());
    }
    let integrations = show::account(session, "SHOW INTEGRATIONS", stages.iter().map(|(_, name, _)| name)).await?;
    let integrations = integrations.index(show::name_of)?;
    let suspect = |(name, integration, created): (ObjectName, Ident, Option<String>)| {
        let theirs = integrations.get(&integration)?.get("created_on");
        is_older(created.as_deref(), theirs).then_some(name)
    };
    let asked = stages.into_iter().filter_map(suspect).map(|name| async move {
        let probe = Text::new("LIST").literal(format!("@{name}/{}", show::PROBE));
        match session.shared(&probe).await {
            Err(refusal) if refusal.code.trim_start_matches('0') == NO_INTEGRATION => Some(name),
            // Whatever else is wrong is found and told elsewhere.
            Ok(_) | Err(_) => None,
        }
    });
    Ok(join_all(asked).await.into_iter().flatten().collect())
}

/// "Integration associated with the stage … cannot be found." Source: Snowflake documentation, "Troubleshooting storage integrations".
const NO_INTEGRATION: &str = "3139";

/// Whether a stage may be older than an integration; times that cannot be read do not say no.
fn is_older(stage: Option<&str>, integration: Option<&str>) -> bool {
    let seconds = |text: Option<&str>| text?.split_whitespace().next()?.parse::<f64>().ok();
    seconds(stage).zip(seconds(integration)).is_none_or(|(stage, integration)| stage < integration)
}

/// The name of a stage; `None` for the temporary stages of other sessions.
pub(super) fn durable(row: &Row<'_>) -> Result<Option<ObjectName>, CloudError> {
    let temporary = row.get("type").is_some_and(|text| text.to_ascii_uppercase().contains("TEMPORARY"));
    if temporary { Ok(None) } else { show::object_of(row) }
}

/// Puts together what was read.
pub(super) fn assemble(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<ObjectName, Row<'_>>,
    details: &BTreeMap<ObjectName, Arc<Rows>>,
) -> Result<Observed<Props>, CloudError> {
    let mut found = BTreeMap::new();
    for (name, row) in rows {
        found.insert(name.clone(), Found { props: listed(name, row)?, facts: BTreeMap::new() });
    }
    let mut hidden = Vec::new();
    for entry in entries {
        let name = entry.spec.full_name();
        match (found.get_mut(&name), details.get(&name)) {
            (Some(found), Some(rows)) => described(found, rows, &wanted(entry))?,
            (Some(_), None) => hidden.push((entry.at.clone(), name)),
            (None, _) => {}
        }
    }
    let mut observed = show::observed::<Stage, _>(entries, context, Spec::full_name, found);
    for (at, name) in hidden {
        let why = format!("stage {name} is listed but cannot be described; use a role that owns it or has USAGE on it");
        observed.declared.insert(at, Seen::Hidden(why));
    }
    Ok(observed)
}

/// What one row of `SHOW STAGES` tells.
fn listed(name: &ObjectName, row: &Row<'_>) -> Result<Props, CloudError> {
    let bad = |what: String| CloudError::unexpected(Which::Snowflake, "SHOW STAGES", format!("{name}: {what}"));
    let (comment, mark) = show::comment(row.get("comment"));
    let integration = row.get("storage_integration").map(|text| Ident::stored(text).map_err(|e| bad(e.to_string())));
    Ok(Props {
        name: name.clone(),
        mark,
        comment,
        place: match row.get("url") {
            Some(url) => url.parse().map_or_else(|_| Place::Elsewhere(url.to_owned()), Place::S3),
            None => Place::Internal,
        },
        storage_integration: integration.transpose()?,
        dangles: false,
        directory: Listing { enable: row.flag("directory_enabled") == Some(true), ..Listing::default() },
        format: Format::default(),
        encryption: None,
        access_point: None,
        privatelink: None,
        keys: if row.flag("has_credentials") == Some(true) { Keys::Hidden } else { Keys::None },
        acknowledged: None,
        watchers: Vec::new(),
    })
}

/// Adds what `DESC STAGE` tells. What it does not tell is taken as wanted.
fn described(found: &mut Found<Props>, rows: &Rows, want: &Props) -> Result<(), CloudError> {
    let cell = |parent: &str, property: &str| {
        let is =
            |row: &Row<'_>, column: &str, text: &str| row.get(column).is_some_and(|t| t.eq_ignore_ascii_case(text));
        rows.iter().find(|row| is(row, "parent_property", parent) && is(row, "property", property))
    };
    let value = |parent: &str, property: &str| cell(parent, property)?.get("property_value");
    let flag = |parent: &str, property: &str| cell(parent, property)?.flag("property_value");
    let have = &mut found.props;
    let enable = flag("DIRECTORY", "ENABLE").unwrap_or(have.directory.enable);
    let sns = value("DIRECTORY", "AWS_SNS_TOPIC").map(str::to_owned);
    have.directory = Listing {
        enable,
        auto_refresh: enable && flag("DIRECTORY", "AUTO_REFRESH") == Some(true),
        sns: sns.or_else(|| want.directory.sns.clone()).filter(|_| enable),
        refresh: enable && value("DIRECTORY", "LAST_REFRESHED_ON").is_some(),
    };
    have.access_point = value("STAGE_LOCATION", "AWS_ACCESS_POINT_ARN").map(str::to_owned);
    have.privatelink = flag("PRIVATELINK", "USE_PRIVATELINK_ENDPOINT");
    have.format = Format::live(rows, &want.format)
        .map_err(|what| CloudError::unexpected(Which::Snowflake, "DESC STAGE", format!("{}: {what}", have.name)))?;
    // One slash at the end makes no difference to where files are found once the stage is there.
    if let (Place::S3(live), Place::S3(wanted)) = (&have.place, &want.place) {
        let (live, wanted_text) = (live.to_string(), wanted.to_string());
        if live.strip_suffix('/').unwrap_or(&live) == wanted_text.strip_suffix('/').unwrap_or(&wanted_text) {
            have.place = Place::S3(wanted.clone());
        }
    }
    let channel = value("DIRECTORY", "DIRECTORY_NOTIFICATION_CHANNEL").map(str::to_owned);
    found.facts.extend(channel.map(|channel| (CHANNEL, channel)));
    Ok(())
}

#[cfg(test)]
mod links {
    use super::is_older;

    #[test]
    fn only_what_is_surely_younger_is_not_asked() {
        let table = [
            (Some("1795186954.819000000"), Some("1795186955.0"), true),
            (Some("1795186955.000000000"), Some("1795186954.9"), false),
            (Some("1795186954.819000000 1440"), Some("1795186954.820000000 1440"), true),
            (Some("2026-01-31 10:00:00"), Some("1795186954.9"), true),
            (None, Some("1795186954.9"), true),
        ];
        for (stage, integration, older) in table {
            assert_eq!(is_older(stage, integration), older, "{stage:?} {integration:?}");
        }
    }
}
