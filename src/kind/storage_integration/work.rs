//! What is done to a storage integration: its statements, and the wait until the chain of trust holds.

use std::collections::BTreeSet;

use super::{EXTERNAL_ID, Props, StorageIntegration, USER_ARN};
use crate::kind::{Dep, Kind, MAIN, Part};
use crate::model::op::From;
use crate::model::{Address, Condition, Diff, Fact, Ident, LiveId, Op, Probe, S3Url, Text, Wait};

pub(super) fn create(want: &Props) -> Text {
    let mut text = Text::new("CREATE STORAGE INTEGRATION").name(&want.name).word("TYPE = EXTERNAL_STAGE");
    text = text.word("STORAGE_PROVIDER =").literal(want.provider.as_str()).then(role(want)).then(enabled(want));
    text = text.then(allowed(want));
    if !want.blocked.is_empty() {
        text = text.then(blocked(want));
    }
    text = text.then(external_id(want)).then(object_acl(want));
    if want.privatelink {
        text = text.then(privatelink(want));
    }
    text.then(comment(want))
}

pub(super) fn unset(want: &Props, changed: &Diff) -> Option<Text> {
    let gone = [
        ("blocked_locations", want.blocked.is_empty(), "STORAGE_BLOCKED_LOCATIONS"),
        ("object_acl", want.object_acl.is_none(), "STORAGE_AWS_OBJECT_ACL"),
    ];
    let words =
        gone.into_iter().filter(|(field, empty, _)| *empty && changed.has(field)).map(|(_, _, word)| Text::new(word));
    let words: Vec<Text> = words.collect();
    (!words.is_empty()).then(|| Text::new("ALTER STORAGE INTEGRATION").name(&want.name).word("UNSET").list(words))
}

pub(super) fn set(want: &Props, changed: &Diff) -> Option<Text> {
    let clauses = [
        ("role", role(want)),
        ("enabled", enabled(want)),
        ("allowed_locations", allowed(want)),
        ("blocked_locations", if want.blocked.is_empty() { Text::default() } else { blocked(want) }),
        (EXTERNAL_ID, external_id(want)),
        ("object_acl", object_acl(want)),
        ("use_privatelink_endpoint", privatelink(want)),
    ];
    let mut set = clauses
        .into_iter()
        .filter(|(field, _)| changed.has(field))
        .fold(Text::default(), |set, (_, clause)| set.then(clause));
    if changed.has("comment") || changed.has("mark") {
        set = set.then(comment(want));
    }
    (!set.is_empty()).then(|| Text::new("ALTER STORAGE INTEGRATION").name(&want.name).word("SET").then(set))
}

fn role(want: &Props) -> Text {
    Text::new("STORAGE_AWS_ROLE_ARN =").literal(want.role.clone())
}

/// Always sent: accounts differ in what they take for granted.
fn enabled(want: &Props) -> Text {
    Text::new("ENABLED =").bool(want.enabled)
}

fn allowed(want: &Props) -> Text {
    Text::new("STORAGE_ALLOWED_LOCATIONS =").literals(want.allowed.iter().map(String::as_str))
}

fn blocked(want: &Props) -> Text {
    Text::new("STORAGE_BLOCKED_LOCATIONS =").literals(want.blocked.iter().map(String::as_str))
}

fn external_id(want: &Props) -> Text {
    let pin = |pin: &String| Text::new("STORAGE_AWS_EXTERNAL_ID =").literal(pin.as_str());
    want.external_id.as_ref().map_or_else(Text::default, pin)
}

fn object_acl(want: &Props) -> Text {
    let acl = |acl: &String| Text::new("STORAGE_AWS_OBJECT_ACL =").literal(acl.as_str());
    want.object_acl.as_ref().map_or_else(Text::default, acl)
}

fn privatelink(want: &Props) -> Text {
    Text::new("USE_PRIVATELINK_ENDPOINT =").bool(want.privatelink)
}

fn comment(want: &Props) -> Text {
    let text = want.mark.as_ref().map_or_else(|| want.comment.clone(), |mark| mark.comment(&want.comment));
    Text::new("COMMENT =").literal(text)
}

pub(super) fn learn(at: &Address, name: &Ident) -> Op {
    Op::sql(Text::new("DESC STORAGE INTEGRATION").name(name))
        .learns(Fact::new(at, USER_ARN), From::Property("STORAGE_AWS_IAM_USER_ARN".into()))
        .learns(Fact::new(at, EXTERNAL_ID), From::Property("STORAGE_AWS_EXTERNAL_ID".into()))
}

/// Asks Snowflake to assume the role and list the first location that can be used. Runs after whatever changed the integration, the
/// role or the buckets: IAM takes a while to let a new trust be seen, and the first real use should not be the one that fails.
pub(super) fn ready(want: &Props) -> Option<Part> {
    let urls: Vec<S3Url> = want.allowed.iter().filter_map(|text| text.parse().ok()).collect();
    let blocked: Vec<S3Url> = want.blocked.iter().filter_map(|text| text.parse().ok()).collect();
    let location = urls.iter().find(|url| !blocked.iter().any(|blocked| blocked.contains(url)))?;
    if !want.enabled || !want.wait {
        return None;
    }
    let place = format!("{}/", location.to_string().trim_end_matches('/'));
    let probe = Text::new("SELECT SYSTEM$VALIDATE_STORAGE_INTEGRATION(")
        .list([want.name.as_str(), &place, "snowssi-probe", "list"].map(|text| Text::default().literal(text)))
        .word(")");
    let reached = Wait {
        what: format!("Snowflake can assume {} and list {place}", want.role),
        probe: Probe::Sql(probe),
        until: Condition::JsonStatusSuccess,
        at_most_seconds: 120,
        diagnosis: diagnosis(want, location),
    };
    let own = Dep::new(LiveId::new(StorageIntegration::NAME, &want.name), MAIN);
    let role = want.role.as_known().map(|arn| Dep::new(LiveId::new("iam_role", arn), MAIN));
    let buckets: BTreeSet<_> = urls.iter().map(S3Url::bucket).collect();
    let buckets = buckets.into_iter().map(|bucket| Dep::new(LiveId::new("bucket", bucket), MAIN));
    Some(Part::named("ready", vec![Op::wait(reached)]).triggered_by([own].into_iter().chain(role)).after(buckets))
}

/// The links between Snowflake and the objects, in the order in which they break most often.
fn diagnosis(want: &Props, location: &S3Url) -> Vec<String> {
    let (name, role, bucket) = (&want.name, &want.role, location.bucket());
    vec![
        format!(
            "the trust policy of {role} does not name the IAM user and external ID that `DESC STORAGE INTEGRATION {name}` shows"
        ),
        format!("the role {role} does not exist: compare its account, path and name"),
        format!(
            "no policy of the role allows s3:ListBucket on {bucket} for this prefix, or its permissions boundary takes it away"
        ),
        format!("the bucket {bucket} does not exist, belongs to another account, or its bucket policy denies the role"),
        format!("{bucket} is encrypted with a KMS key whose policy does not let the role decrypt"),
        "AWS STS is not active, or the region not opted in, for the region in which the Snowflake account runs"
            .to_owned(),
    ]
}
