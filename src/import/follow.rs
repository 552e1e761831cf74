//! What hangs together with a named object: everything an integration serves, everything in a schema.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde_json::Value as Json;

use super::{Read, Wish};
use crate::cloud::{Aws, CloudError, Rows, Session};
use crate::kind::show::{self, Listing};
use crate::kind::{code, task};
use crate::model::{AccountId, Address, Arn, Context, Ident, ObjectName, S3Url, SchemaName};

/// An object that was found, not yet under an address.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Lead {
    /// Its kind.
    pub kind: &'static str,
    /// What it is called in its cloud, as [`crate::kind::Kind::named`] takes it.
    pub name: String,
}

impl Lead {
    /// A lead.
    pub fn new(kind: &'static str, name: impl Into<String>) -> Self {
        Self { kind, name: name.into() }
    }

    /// The last part of its name as a label.
    fn label(&self) -> String {
        let last = if let Ok(parts) = crate::model::ident::parts(&self.name) {
            parts.last().map(|part| part.as_str().to_owned()).unwrap_or_default()
        } else {
            let name = self.name.split('@').next().unwrap_or_default();
            name.rsplit(['/', ':']).next().unwrap_or_default().to_owned()
        };
        let word = last.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '_' });
        let word: String = word.take(48).collect();
        if word.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') { word } else { format!("_{word}") }
    }
}

/// Addresses for leads, each once: labels follow from names, and a number is added where one is taken.
pub fn addressed(leads: impl IntoIterator<Item = Lead>, taken: &BTreeSet<(String, String)>) -> Vec<Wish> {
    let mut taken = taken.clone();
    let mut wishes = Vec::new();
    for lead in leads.into_iter().collect::<BTreeSet<_>>() {
        let label = lead.label();
        let tries = std::iter::once(label.clone()).chain((2..).map(|number| format!("{label}_{number}")));
        let free = tries.into_iter().find(|label| !taken.contains(&(lead.kind.to_owned(), label.clone())));
        if let Some(Ok(at)) = free.map(|label| Address::new(lead.kind, &label, None)) {
            taken.insert((lead.kind.to_owned(), at.label().to_owned()));
            wishes.push(Wish { at, name: lead.name });
        }
    }
    wishes
}

/// What objects that were read lead to in AWS: the role of an integration and its buckets, the policies of a role, the key of a bucket.
///
/// # Errors
/// A read that failed.
pub async fn in_aws(read: &[Read], aws: &Aws, context: &Context) -> Result<BTreeSet<Lead>, CloudError> {
    let mut leads = BTreeSet::new();
    for one in read {
        let field = |name: &str| one.fields.iter().find(|(field, _)| *field == name).map(|(_, value)| value);
        let texts = |name: &str| field(name).and_then(Json::as_array).into_iter().flatten();
        let texts = |name: &str| texts(name).filter_map(Json::as_str).map(str::to_owned).collect::<Vec<_>>();
        match one.at.kind() {
            "storage_integration" => {
                let role = field("role").and_then(Json::as_str).filter(|role| is_own(role, &context.account));
                leads.extend(role.map(|role| Lead::new("iam_role", role)));
                let buckets = texts("allowed_locations").into_iter().filter_map(|place| place.parse::<S3Url>().ok());
                leads.extend(buckets.map(|place| Lead::new("bucket", place.bucket().as_str())));
            }
            "iam_role" | "iam_user" => {
                let boundary = field("permissions_boundary").and_then(Json::as_str).map(str::to_owned);
                let policies = texts("managed_policies").into_iter().chain(boundary);
                let own = policies.filter(|arn| is_own(arn, &context.account));
                leads.extend(own.map(|arn| Lead::new("iam_policy", arn)));
            }
            "bucket" => {
                let key = field("encryption").and_then(|encryption| encryption["kms_key"].as_str());
                if let Some(Ok(key)) = key.map(str::parse::<Arn>) {
                    leads.extend(aws.aliases(&key).await?.into_iter().next().map(|alias| Lead::new("kms_key", alias)));
                }
            }
            _ => {}
        }
    }
    Ok(leads)
}

fn is_own(arn: &str, account: &AccountId) -> bool {
    arn.contains(&format!(":{account}:")) && arn.parse::<Arn>().is_ok()
}

/// The stages that use an integration, the pipes and streams on them, and the tasks that these streams start, with those that run after them.
///
/// # Errors
/// A read that failed.
pub async fn in_snowflake(integration: &Ident, session: &Session) -> Result<BTreeSet<Lead>, CloudError> {
    let nothing = || std::iter::empty::<&ObjectName>();
    let shows = ["SHOW STAGES", "SHOW PIPES", "SHOW STREAMS", "SHOW TASKS"];
    let all = try_join_all(shows.map(|show| show::objects(session, show, nothing()))).await?;
    let [stages, pipes, streams, tasks] = &all[..] else { return Ok(BTreeSet::new()) };
    let named = |listing: &Listing, keep: &dyn Fn(&ObjectName, &crate::cloud::Row<'_>) -> bool| {
        let rows = listing.index(show::object_of)?;
        let kept = rows.iter().filter(|(name, row)| keep(name, row)).map(|(name, _)| name.clone());
        Ok::<BTreeSet<ObjectName>, CloudError>(kept.collect())
    };
    let stages = named(stages, &|_, row| row.get("storage_integration") == Some(integration.as_str()))?;
    let pipes = named(pipes, &|name, row| {
        let stage = row.get("definition").and_then(|text| code::staged(text, &name.schema));
        stage.is_some_and(|(stage, _)| stages.contains(&stage))
    })?;
    let streams = named(streams, &|name, row| {
        let source = row.get("table_name").and_then(|text| ObjectName::within(text, &name.schema).ok());
        let on_stage = row.get("source_type").is_some_and(|sort| sort.eq_ignore_ascii_case("stage"));
        on_stage && source.is_some_and(|source| stages.contains(&source))
    })?;
    let started = named(tasks, &|name, row| {
        let when = row.get("condition").unwrap_or_default();
        task::streams(when, &name.schema).iter().any(|stream| streams.contains(stream))
    })?;
    let tasks = after(started, tasks)?;
    let mut leads = BTreeSet::new();
    for (kind, names) in [("stage", stages), ("pipe", pipes), ("stream", streams), ("task", tasks)] {
        leads.extend(names.iter().map(|name| Lead::new(kind, name.written())));
    }
    Ok(leads)
}

/// Tasks with all that run after them.
fn after(mut tasks: BTreeSet<ObjectName>, listing: &Listing) -> Result<BTreeSet<ObjectName>, CloudError> {
    let rows = listing.index(show::object_of)?;
    loop {
        let follows = |name: &ObjectName, text: &str| {
            let before: Vec<String> = serde_json::from_str(text).unwrap_or_default();
            let mut before = before.iter().filter_map(|text| ObjectName::within(text, &name.schema).ok());
            before.any(|before| tasks.contains(&before))
        };
        let next = rows.iter().filter(|(name, row)| {
            !tasks.contains(name) && row.get("predecessors").is_some_and(|text| follows(name, text))
        });
        let next: Vec<ObjectName> = next.map(|(name, _)| name.clone()).collect();
        if next.is_empty() {
            return Ok(tasks);
        }
        tasks.extend(next);
    }
}

/// The kinds of objects in schemas, and how they are listed.
const IN_SCHEMA: [(&str, &str); 7] = [
    ("file_format", "SHOW FILE FORMATS"),
    ("stage", "SHOW STAGES"),
    ("table", "SHOW TABLES"),
    ("view", "SHOW VIEWS"),
    ("pipe", "SHOW PIPES"),
    ("stream", "SHOW STREAMS"),
    ("task", "SHOW TASKS"),
];

/// A schema and everything in it that a kind can manage.
///
/// # Errors
/// A read that failed.
pub async fn in_schema(schema: &SchemaName, session: &Session) -> Result<BTreeSet<Lead>, CloudError> {
    let listed = |(kind, show): (&'static str, &'static str)| async move {
        let text = crate::model::Text::new(show).word("IN SCHEMA").name(schema);
        let rows = show::about(session, &text).await?;
        let listing = rows.map_or_else(Listing::default, |rows| Listing::from(Rows::clone(&rows)));
        let names = listing.index(|row| if is_plain(row) { show::object_of(row) } else { Ok(None) })?;
        let leads = names.keys().filter(|name| name.schema == *schema).map(|name| Lead::new(kind, name.written()));
        Ok::<Vec<Lead>, CloudError>(leads.collect())
    };
    let all = try_join_all(IN_SCHEMA.map(listed)).await?;
    let own = Lead::new("schema", schema.written());
    Ok(all.into_iter().flatten().chain([own]).collect())
}

/// Tables and views that are nothing else besides, and stages that outlive their session.
fn is_plain(row: &crate::cloud::Row<'_>) -> bool {
    let others = ["is_external", "is_dynamic", "is_iceberg", "is_hybrid", "is_event", "is_materialized"];
    let temporary = |column: &str| row.get(column).is_some_and(|text| text.to_ascii_uppercase().contains("TEMPORARY"));
    others.iter().all(|column| row.flag(column) != Some(true)) && !temporary("type") && !temporary("kind")
}

/// Labels that objects of the stack had before, by what they are called: those of their marks.
pub fn remembered(read: &[Read], stack: &str) -> BTreeMap<Address, Address> {
    let mine = |one: &Read| {
        let mark = one.mark.as_ref().filter(|mark| mark.stack == stack && mark.address.key().is_none())?;
        Some((one.at.clone(), mark.address.clone()))
    };
    read.iter().filter_map(mine).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_follow_from_names_and_are_unique() {
        let leads = [
            Lead::new("stage", "DB.S.LANDING"),
            Lead::new("stage", "DB.T.LANDING"),
            Lead::new("stage", "DB.T.\"9 lives\""),
            Lead::new("iam_role", "arn:aws:iam::111122223333:role/x/Snow-Flake"),
            Lead::new("bucket", "acme.events-in@eu-west-1"),
            Lead::new("kms_key", "alias/acme/events"),
        ];
        let taken = BTreeSet::from([("iam_role".to_owned(), "snow_flake".to_owned())]);
        let found: Vec<String> = addressed(leads, &taken).iter().map(|wish| wish.at.to_string()).collect();
        let wanted = [
            "bucket.acme_events_in",
            "iam_role.snow_flake_2",
            "kms_key.events",
            "stage.landing",
            "stage._9_lives",
            "stage.landing_2",
        ];
        assert_eq!(found, wanted);
    }
}
