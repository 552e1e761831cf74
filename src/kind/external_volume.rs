//! External volumes: where Iceberg tables keep their files, and the identity under which Snowflake reaches them.
//!
//! The handshake is that of storage integrations: a volume is created with the ARN of a role that need not exist yet, tells whom the role must
//! trust, and the role is created with its final trust. All locations of a volume share one external ID: one alone may leave it to Snowflake,
//! several need a pin.
//!
//! Locations are added and removed in place where their order allows it. The active one cannot be removed, and none can be changed: that needs
//! a new volume, which Snowflake refuses while tables use the old one.
//!
//! Statements: `SHOW EXTERNAL VOLUMES`, `DESC`, `CREATE`, `ALTER` and `DROP EXTERNAL VOLUME`, `SYSTEM$VERIFY_EXTERNAL_VOLUME`.
//! Privileges: CREATE EXTERNAL VOLUME on the account, OWNERSHIP to change and to verify it.

mod live;
mod location;
mod work;

use std::collections::BTreeSet;

use futures::future::try_join;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use self::location::{Location, Place};
use super::container::{comment_clause, comment_field};
use super::export::Export;
use super::{Attribute, Cx, Entry, Field, Fields, Gift, Kind, Part, Problem, Ref, Side, Source, show};
use crate::cloud::{Cloud, CloudError};
use crate::model::{Address, Change, Context, Diff, Effect, Fact, Ident, LiveId, Mark, Observed, Op, Shown, Text, Val};

/// The kind.
pub struct ExternalVolume;

/// An external volume on S3.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Where it keeps files, the preferred location first. One is added or removed in place, unless it is the active one; any other change needs a
    /// new volume, which Snowflake refuses while tables use it.
    pub storage_locations: Vec<Location>,
    /// Pins the external ID that Snowflake sends when it assumes the roles; needed where there are several locations. Default: Snowflake generates
    /// one and it is left as it is. A change needs a new volume.
    pub external_id: Option<String>,
    /// Whether tables may write to it. Default: true.
    #[serde(default = "yes")]
    pub allow_writes: bool,
    /// Whether an apply waits until Snowflake can assume the role and, where writes are allowed, write, read, list and delete a file. Set it to false
    /// where somebody else owns the role, or where a bucket with versions must not keep those of that file. Default: true.
    #[serde(default = "yes")]
    pub wait_for_role: bool,
}

fn yes() -> bool {
    true
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    places: Vec<Place>,
    external_id: Option<String>,
    writes: bool,
    /// Whether to wait for the role; nothing that the live object has.
    wait: bool,
    /// The location in use; only of a live volume.
    active: Option<String>,
}

impl Kind for ExternalVolume {
    const NAME: &'static str = "external_volume";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str =
        "An external volume: where Iceberg tables keep their files in S3, and which role reaches them.";
    const EXAMPLE: &'static str = r#"
[bucket.lake]
name = "lake-example"

[iam_role.lake]
name = "snowflake-lake"
access = [{ bucket = "lake-example", allow = ["list", "read", "write", "delete"] }]

[external_volume.lake]
name = "LAKE"
storage_locations = [{ name = "main", base_url = "s3://lake-example/", role = "{{ iam_role.lake.arn }}" }]
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: USER_ARN, about: "The IAM user on Snowflake's side", from: Source::Fact },
            Attribute { name: EXTERNAL_ID, about: "The external ID Snowflake sends", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, &spec.name)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        location::check(spec)
    }

    fn known(spec: &Spec, _context: &Context) -> Vec<(&'static str, String)> {
        spec.external_id.iter().map(|pin| (EXTERNAL_ID, pin.clone())).collect()
    }

    fn gifts(entry: &Entry<Spec>, _context: &Context) -> Vec<Gift> {
        let later = |name| Val::later(Fact::new(&entry.at, name));
        let external_id = || entry.spec.external_id.as_deref().map_or_else(|| later(EXTERNAL_ID), Val::known);
        let mut roles: Vec<&Val> = Vec::new();
        for location in &entry.spec.storage_locations {
            if !roles.contains(&&location.role) {
                roles.push(&location.role);
            }
        }
        let trust =
            |role: &Val| Gift::Trust { role: role.clone(), principal: later(USER_ARN), external_id: external_id() };
        roles.into_iter().map(trust).collect()
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let Spec { name, comment, storage_locations, external_id, allow_writes, wait_for_role } = &entry.spec;
        Props {
            name: name.clone(),
            comment: comment.clone(),
            mark: Some(entry.mark.clone()),
            places: storage_locations.iter().map(|location| Place::wanted(location, cx.facts)).collect(),
            external_id: external_id.clone(),
            writes: *allow_writes,
            wait: *wait_for_role,
            active: None,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, places, external_id, writes, wait: _, active: _ } = props;
        vec![
            comment_field(comment),
            Field::in_place(LOCATIONS, Some(Shown::List(places.iter().map(Place::shown).collect()))),
            Field::replaces_if_set(EXTERNAL_ID, external_id.clone()),
            Field::in_place("allow_writes", Some(*writes)),
        ]
    }

    fn effect(want: &Props, have: &Props, change: &Change) -> Option<Effect> {
        if change.field == LOCATIONS && work::moves(want, have).is_none() {
            return Some(Effect::Replaces);
        }
        Some(change.effect)
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// None: the roles need not exist, and neither need the buckets.
    fn refs(_props: &Props) -> Vec<Ref> {
        Vec::new()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names: BTreeSet<&Ident> = entries.iter().map(|entry| &entry.spec.name).collect();
        let listing = show::account(session, "SHOW EXTERNAL VOLUMES", names.iter().copied());
        let (listing, mut answers) = try_join(listing, live::describe(session, &names)).await?;
        let rows = listing.index(show::name_of)?;
        let marked = |row: &crate::cloud::Row<'_>| show::comment(row.get("comment")).1.is_some();
        let orphans = rows.iter().filter(|(name, row)| !names.contains(name) && marked(row));
        answers.extend(live::describe(session, &orphans.map(|(name, _)| name).collect()).await?);
        live::gather(entries, context, &rows, &answers)
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(work::create(want)), work::learn(at, &want.name)])]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let alter = || Text::new("ALTER EXTERNAL VOLUME").name(&want.name);
        let mut ops = Vec::new();
        if changed.has("comment") || changed.has("mark") {
            ops.push(Op::sql(alter().word("SET").then(comment_clause(&want.comment, want.mark.as_ref()))));
        }
        if changed.has("allow_writes") {
            ops.push(Op::sql(alter().word("SET ALLOW_WRITES =").bool(want.writes)));
        }
        if let (true, Some(moves)) = (changed.has(LOCATIONS), work::moves(want, have)) {
            ops.extend(moves.into_iter().map(Op::sql));
        }
        vec![Part::main(ops)]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP EXTERNAL VOLUME").name(&have.name))])]
    }

    fn follow_ups(_at: &Address, want: &Props) -> Vec<Part> {
        work::ready(want).into_iter().collect()
    }

    fn breaks(have: &Props) -> Vec<String> {
        vec![
            format!("Snowflake refuses to drop {} while Iceberg tables use it; its files stay in S3", have.name),
            format!("grants on {} are lost", have.name),
            "the external ID changes unless it is pinned, so the trust policy of the role must follow".to_owned(),
        ]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let name: Ident =
            name.parse().map_err(|error| format!("`{name}` is not the name of an external volume: {error}"))?;
        let filler =
            json!([{ "name": "filler", "base_url": "s3://filler/", "role": "arn:aws:iam::111122223333:role/filler" }]);
        Ok(Export::default().field("name", name.written()).field(LOCATIONS, filler).done())
    }

    /// Whether its external ID is pinned nobody can tell, so it is left as it is unless several locations share it.
    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, places, external_id, writes, wait: _, active: _ } = have;
        let places_json: Vec<_> = places.iter().map(Place::json).collect();
        Export::default()
            .field("name", name.written())
            .text("comment", comment)
            .field(LOCATIONS, json!(places_json))
            .set(EXTERNAL_ID, external_id.as_deref().filter(|_| places.len() > 1))
            .unless(&true, "allow_writes", *writes)
            .done()
    }
}

const USER_ARN: &str = "user_arn";
const EXTERNAL_ID: &str = "external_id";
const LOCATIONS: &str = "storage_locations";

#[cfg(test)]
mod tests;
