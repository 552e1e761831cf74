//! Storage integrations: the identity under which Snowflake reaches S3.
//!
//! An integration is created with the ARN of a role that need not exist yet. Its answer tells who must be trusted (`user_arn`) and
//! with which external ID; the role is then created with its final trust. It is only ever altered: a new integration of the same name
//! has a new hidden ID, which its stages do not follow, and a new external ID, which the role does not trust.
//!
//! Statements: `SHOW INTEGRATIONS`, `DESC`, `CREATE`, `ALTER` and `DROP STORAGE INTEGRATION`, `SYSTEM$VALIDATE_STORAGE_INTEGRATION`.
//! Privileges: CREATE INTEGRATION on the account, OWNERSHIP to change it.

mod check;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::future::{try_join, try_join_all};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::export::Export;
use super::words::words;
use super::{Attribute, Cx, Entry, Field, Fields, Gift, Kind, Part, Problem, Ref, Side, Source, show};
use crate::cloud::{Cloud, CloudError, Row, Rows, Session};
use crate::model::{
    Address, Context, Diff, Fact, Found, Ident, LiveId, Mark, Observed, Op, Partition, S3Url, Seen, Shown, Text, Val,
};

/// The kind.
pub struct StorageIntegration;

/// A storage integration for S3.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Whether stages may use it. Default: true.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The ARN of the IAM role Snowflake assumes, such as `{{ iam_role.snowflake.arn }}`. The role need not exist yet.
    pub role: Val,
    /// Where its stages may point: `s3://bucket/` or `s3://bucket/prefix/`, in any order. `["*"]` alone allows every bucket.
    #[schemars(with = "Vec<String>")]
    pub allowed_locations: Vec<Location>,
    /// Where its stages may not point, though it is under an allowed location. Default: none.
    #[serde(default)]
    pub blocked_locations: Vec<S3Url>,
    /// Pins the external ID that Snowflake sends when it assumes the role; unique per integration. Default: Snowflake generates one and
    /// it is left as it is. Taking a pin out of the spec leaves the pinned ID in force.
    pub external_id: Option<String>,
    /// The canned ACL of unloaded files, `bucket-owner-full-control`. Default: none, right for buckets with ACLs off.
    pub object_acl: Option<ObjectAcl>,
    /// Whether S3 is reached through outbound private connectivity. Default: false.
    #[serde(default)]
    pub use_privatelink_endpoint: bool,
    /// Whether an apply waits until Snowflake can assume the role and list the first location. Set it to false where somebody else owns the role and
    /// must first be told the IAM user and the external ID. Default: true.
    #[serde(default = "yes")]
    pub wait_for_role: bool,
    /// `S3`, `S3GOV` or `S3CHINA`. Default: that of the partition of the AWS account. A change needs a new integration.
    pub storage_provider: Option<Provider>,
}

fn yes() -> bool {
    true
}

words! {
    /// Where S3 is.
    Provider { S3 = "S3", S3Gov = "S3GOV", S3China = "S3CHINA" }
}

impl Provider {
    fn of(partition: Partition) -> Self {
        match partition {
            Partition::Aws => Self::S3,
            Partition::AwsCn => Self::S3China,
            Partition::AwsUsGov => Self::S3Gov,
        }
    }
}

words! {
    /// A canned ACL.
    ObjectAcl { BucketOwnerFullControl = "bucket-owner-full-control" | "BUCKET-OWNER-FULL-CONTROL" }
}

/// An allowed location.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub enum Location {
    /// `*`
    Any,
    /// A place in S3.
    At(S3Url),
}

impl TryFrom<String> for Location {
    type Error = crate::model::arn::NotAws;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text == "*" { Ok(Self::Any) } else { text.parse().map(Self::At) }
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::At(url) => url.fmt(f),
        }
    }
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    enabled: bool,
    role: Val,
    /// Exactly as written: Snowflake keeps their text, and compares it as a prefix.
    allowed: BTreeSet<String>,
    blocked: BTreeSet<String>,
    external_id: Option<String>,
    object_acl: Option<String>,
    privatelink: bool,
    /// Whether to wait for the role; nothing that the live object has.
    wait: bool,
    /// A word for S3; live it may be another cloud.
    provider: String,
}

impl Kind for StorageIntegration {
    const NAME: &'static str = "storage_integration";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str =
        "The identity under which Snowflake reaches S3: which role it assumes, and where it may go.";
    const EXAMPLE: &'static str = r#"
[bucket.inbound]
name = "inbound-events-example"

[iam_role.snowflake]
name = "snowflake-events"
access = [{ bucket = "inbound-events-example", allow = ["list", "read"] }]

[storage_integration.s3]
name = "EVENTS"
role = "{{ iam_role.snowflake.arn }}"
allowed_locations = ["s3://inbound-events-example/"]
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "role", about: "The ARN of the role it assumes", from: Source::Field("role") },
            Attribute { name: USER_ARN, about: "The IAM user on Snowflake's side", from: Source::Fact },
            Attribute { name: EXTERNAL_ID, about: "The external ID Snowflake sends", from: Source::Fact },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, &spec.name)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        check::all(spec)
    }

    fn known(spec: &Spec, _context: &Context) -> Vec<(&'static str, String)> {
        spec.external_id.iter().map(|pin| (EXTERNAL_ID, pin.clone())).collect()
    }

    fn gifts(entry: &Entry<Spec>, _context: &Context) -> Vec<Gift> {
        let later = |name| Val::later(Fact::new(&entry.at, name));
        let external_id = entry.spec.external_id.as_deref().map_or_else(|| later(EXTERNAL_ID), Val::known);
        vec![Gift::Trust { role: entry.spec.role.clone(), principal: later(USER_ARN), external_id }]
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let Spec {
            name,
            comment,
            enabled,
            role,
            allowed_locations,
            blocked_locations,
            external_id,
            object_acl,
            use_privatelink_endpoint,
            wait_for_role,
            storage_provider,
        } = &entry.spec;
        Props {
            name: name.clone(),
            comment: comment.clone(),
            mark: Some(entry.mark.clone()),
            enabled: *enabled,
            role: role.resolve(cx.facts),
            allowed: allowed_locations.iter().map(ToString::to_string).collect(),
            blocked: blocked_locations.iter().map(ToString::to_string).collect(),
            external_id: external_id.clone(),
            object_acl: object_acl.map(|acl| acl.word().to_owned()),
            privatelink: *use_privatelink_endpoint,
            wait: *wait_for_role,
            provider: storage_provider.unwrap_or_else(|| Provider::of(cx.context.partition)).word().to_owned(),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            name: _,
            comment,
            mark: _,
            enabled,
            role,
            allowed,
            blocked,
            external_id,
            object_acl,
            privatelink,
            wait: _,
            provider,
        } = props;
        let list = |set: &BTreeSet<String>| Shown::List(set.iter().map(|text| Val::known(text.as_str())).collect());
        vec![
            Field::in_place("comment", (!comment.is_empty()).then(|| comment.clone())),
            Field::in_place("enabled", Some(*enabled)),
            Field::in_place("role", Some(role.clone())),
            Field::in_place("allowed_locations", Some(list(allowed))),
            Field::in_place("blocked_locations", (!blocked.is_empty()).then(|| list(blocked))),
            Field::in_place_if_set(EXTERNAL_ID, external_id.clone()),
            Field::in_place("object_acl", object_acl.clone()),
            Field::in_place("use_privatelink_endpoint", Some(*privatelink)),
            Field::replaces("storage_provider", Some(provider.clone())),
        ]
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// None: the role need not exist, and neither need the buckets.
    fn refs(_props: &Props) -> Vec<Ref> {
        Vec::new()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names: BTreeSet<&Ident> = entries.iter().map(|entry| &entry.spec.name).collect();
        let listing = show::account(session, "SHOW INTEGRATIONS", names.iter().copied());
        let (listing, mut answers) = try_join(listing, describe(session, &names)).await?;
        let rows = listing.index(show::name_of)?;
        let orphans =
            rows.iter().filter(|(name, row)| !names.contains(name) && foreign(row).is_none() && is_marked(row));
        answers.extend(describe(session, &orphans.map(|(name, _)| name).collect()).await?);
        Ok(gather(entries, context, &rows, &answers))
    }

    fn create(at: &Address, want: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(work::create(want)), work::learn(at, &want.name)])]
    }

    fn alter(at: &Address, want: &Props, _have: &Props, changed: &Diff) -> Vec<Part> {
        let mut ops: Vec<Op> =
            [work::unset(want, changed), work::set(want, changed)].into_iter().flatten().map(Op::sql).collect();
        if changed.has(EXTERNAL_ID) {
            ops.push(work::learn(at, &want.name));
        }
        vec![Part::main(ops)]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP STORAGE INTEGRATION").name(&have.name))])]
    }

    fn follow_ups(_at: &Address, want: &Props) -> Vec<Part> {
        work::ready(want).into_iter().collect()
    }

    fn breaks(have: &Props) -> Vec<String> {
        vec![
            format!(
                "stages that use {} lose their access to S3, also those of other stacks: a stage follows the hidden ID, not the name, until `ALTER STAGE … SET STORAGE_INTEGRATION` is run",
                have.name
            ),
            format!("grants on {} are lost", have.name),
            "the external ID changes unless it is pinned, so the trust policy of the role must follow".to_owned(),
            "credentials that Snowflake has cached may go on working for up to 60 minutes".to_owned(),
        ]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let name: Ident =
            name.parse().map_err(|error| format!("`{name}` is not the name of a storage integration: {error}"))?;
        let fields = Export::default().field("name", name.written());
        Ok(fields
            .field("role", "arn:aws:iam::111122223333:role/filler")
            .field("allowed_locations", json!(["*"]))
            .done())
    }

    /// Whether its external ID is pinned nobody can tell, so it is left as it is.
    fn export(have: &Props, context: &Context) -> Fields {
        let Props {
            name,
            comment,
            mark: _,
            enabled,
            role,
            allowed,
            blocked,
            external_id: _,
            object_acl,
            privatelink,
            wait: _,
            provider,
        } = have;
        let fields = Export::default().field("name", name.written()).text("comment", comment);
        let fields = fields.unless(&true, "enabled", *enabled).field("role", role.to_string());
        let fields = fields.field("allowed_locations", json!(allowed)).filled("blocked_locations", json!(blocked));
        let fields = fields.set("object_acl", object_acl.as_deref());
        let fields = fields.unless(&false, "use_privatelink_endpoint", *privatelink);
        fields.unless(&Provider::of(context.partition).word(), "storage_provider", provider.as_str()).done()
    }
}

const USER_ARN: &str = "user_arn";
const EXTERNAL_ID: &str = "external_id";

async fn describe(session: &Session, names: &BTreeSet<&Ident>) -> Result<BTreeMap<Ident, Arc<Rows>>, CloudError> {
    let reads: Vec<_> = names.iter().map(|name| described(session, name)).collect();
    Ok(try_join_all(reads).await?.into_iter().flatten().collect())
}

async fn described(session: &Session, name: &Ident) -> Result<Option<(Ident, Arc<Rows>)>, CloudError> {
    let rows = show::about(session, &Text::new("DESC STORAGE INTEGRATION").name(name)).await?;
    Ok(rows.map(|rows| (name.clone(), rows)))
}

/// What kind of integration it is, if it is none for external stages.
fn foreign<'a>(row: &Row<'a>) -> Option<&'a str> {
    let other = |column, ours: &str| row.get(column).filter(|text| !text.eq_ignore_ascii_case(ours));
    other("category", "STORAGE").or_else(|| other("type", "EXTERNAL_STAGE"))
}

fn is_marked(row: &Row<'_>) -> bool {
    show::comment(row.get("comment")).1.is_some()
}

/// Joins what SHOW and DESC told. A listed name that is no storage integration, or cannot be described, is hidden: it must not be
/// taken for absent.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<Ident, Row<'_>>,
    answers: &BTreeMap<Ident, Arc<Rows>>,
) -> Observed<Props> {
    let described = rows.iter().filter(|(_, row)| foreign(row).is_none());
    let found = described.filter_map(|(name, row)| Some((name.clone(), read(name, row, answers.get(name)?)))).collect();
    let mut out = show::observed::<StorageIntegration, _>(entries, context, |spec| spec.name.clone(), found);
    for entry in entries {
        let name = &entry.spec.name;
        let Some(seen) = out.declared.get_mut(&entry.at) else { continue };
        match (seen, rows.get(name)) {
            // A pinned ID is what will be in force, whatever is now.
            (Seen::Present(found), _) => {
                found.facts.extend(entry.spec.external_id.iter().map(|pin| (EXTERNAL_ID, pin.clone())));
            }
            (seen, Some(row)) => {
                let role = &context.snowflake_role;
                *seen = Seen::Hidden(match foreign(row) {
                    Some(kind) => {
                        let kind = kind.to_lowercase();
                        format!("{name} is the name of another kind of integration ({kind}): choose another name")
                    }
                    None => format!(
                        "storage integration {name} is there but {role} cannot describe it: grant the role USAGE on it"
                    ),
                });
            }
            (_, None) => {}
        }
    }
    out
}

fn read(name: &Ident, row: &Row<'_>, desc: &Rows) -> Found<Props> {
    let text = |property: &str| desc.property(property).map(str::to_owned);
    let flag = |property: &str| text(property).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let list = |property: &str| {
        let joined = desc.property(property).unwrap_or_default();
        // Some versions print the brackets of the empty list.
        let inner = joined.trim().trim_start_matches('[').trim_end_matches(']');
        inner.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let (comment, mark) = show::comment(desc.property("COMMENT").or(row.get("comment")));
    let props = Props {
        name: name.clone(),
        comment,
        mark,
        enabled: flag("ENABLED"),
        role: Val::known(text("STORAGE_AWS_ROLE_ARN").unwrap_or_default()),
        allowed: list("STORAGE_ALLOWED_LOCATIONS"),
        blocked: list("STORAGE_BLOCKED_LOCATIONS"),
        external_id: text("STORAGE_AWS_EXTERNAL_ID"),
        object_acl: text("STORAGE_AWS_OBJECT_ACL"),
        privatelink: flag("USE_PRIVATELINK_ENDPOINT"),
        wait: false,
        provider: text("STORAGE_PROVIDER")
            .map_or_else(|| Provider::S3.word().to_owned(), |word| word.to_ascii_uppercase()),
    };
    let fact = |name, property: &str| text(property).map(|value| (name, value));
    let facts = [fact(USER_ARN, "STORAGE_AWS_IAM_USER_ARN"), fact(EXTERNAL_ID, "STORAGE_AWS_EXTERNAL_ID")];
    Found { props, facts: facts.into_iter().flatten().collect() }
}

#[cfg(test)]
mod tests;
