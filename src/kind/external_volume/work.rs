//! What is done to an external volume: its statements, and the wait until the chain of trust holds.

use std::collections::BTreeSet;

use super::location::Place;
use super::{EXTERNAL_ID, ExternalVolume, Props, USER_ARN};
use crate::kind::container::comment_clause;
use crate::kind::{Dep, Kind, MAIN, Part};
use crate::model::op::From;
use crate::model::{Address, Condition, Fact, Ident, LiveId, Op, Probe, S3Url, Text, Wait};

pub(super) fn create(want: &Props) -> Text {
    let pin = want.external_id.as_deref();
    let text = Text::new("CREATE EXTERNAL VOLUME").name(&want.name).word("STORAGE_LOCATIONS = (");
    let text = text.list(want.places.iter().map(|place| place.clause(pin))).word(")");
    let text = text.word("ALLOW_WRITES =").bool(want.writes);
    text.then(comment_clause(&want.comment, want.mark.as_ref()))
}

pub(super) fn learn(at: &Address, name: &Ident) -> Op {
    let member = |member: &str| From::Member { property: "STORAGE_LOCATION_1".into(), member: member.into() };
    Op::sql(Text::new("DESC EXTERNAL VOLUME").name(name))
        .learns(Fact::new(at, USER_ARN), member("STORAGE_AWS_IAM_USER_ARN"))
        .learns(Fact::new(at, EXTERNAL_ID), member("STORAGE_AWS_EXTERNAL_ID"))
}

/// The statements that lead from the live locations to the wanted ones; `None` if none do. The active one stays, what stays keeps its order,
/// and what is new comes last. Each statement leaves a volume that can be used.
pub(super) fn moves(want: &Props, have: &Props) -> Option<Vec<Text>> {
    let same = |one: &Place, other: &Place| one.shown() == other.shown();
    let stays = |place: &&Place| want.places.iter().any(|wanted| same(wanted, place));
    let (kept, gone): (Vec<&Place>, Vec<&Place>) = have.places.iter().partition(stays);
    let active = have.active.as_ref().or(have.places.first().map(|place| &place.name));
    let begins = kept.len() <= want.places.len() && kept.iter().zip(&want.places).all(|(one, other)| same(one, other));
    if !begins || kept.is_empty() || gone.iter().any(|place| Some(&place.name) == active) {
        return None;
    }
    let alter = || Text::new("ALTER EXTERNAL VOLUME").name(&want.name);
    let pin = want.external_id.as_deref().or(have.external_id.as_deref());
    let removed = gone.iter().map(|place| alter().word("REMOVE STORAGE_LOCATION").literal(place.name.as_str()));
    let new = want.places.iter().skip(kept.len());
    let added = new.map(|place| alter().word("ADD STORAGE_LOCATION =").then(place.clause(pin)));
    Some(removed.chain(added).collect())
}

/// Asks Snowflake to use the volume, after whatever changed it, its roles or its buckets.
pub(super) fn ready(want: &Props) -> Option<Part> {
    if !want.wait {
        return None;
    }
    let name = &want.name;
    let first = want.places.first()?;
    let probe = Text::new("SELECT SYSTEM$VERIFY_EXTERNAL_VOLUME(").literal(name.written()).word(")");
    let urls = || want.places.iter().filter_map(|place| place.url.parse::<S3Url>().ok());
    let (role, url) = (&first.role, &first.url);
    let reached = Wait {
        what: format!("Snowflake can assume {role} and use {url}"),
        probe: Probe::Sql(probe),
        until: Condition::JsonSuccess,
        at_most_seconds: 120,
        diagnosis: vec![
            format!(
                "the trust policy of {role} does not name the IAM user and external ID that `DESC EXTERNAL VOLUME {name}` shows"
            ),
            format!("the role {role} does not exist: compare its account, path and name"),
            format!(
                "no policy of the role allows to list, read, write and delete in {url}, or its permissions boundary takes that away"
            ),
            format!(
                "the bucket of {url} does not exist, belongs to another account, or its bucket policy denies the role"
            ),
            "the files are encrypted with a KMS key whose policy does not let the role use it".to_owned(),
        ],
    };
    let own = Dep::new(LiveId::new(ExternalVolume::NAME, name), MAIN);
    let roles =
        want.places.iter().filter_map(|place| Some(Dep::new(LiveId::new("iam_role", place.role.as_known()?), MAIN)));
    let buckets: BTreeSet<String> = urls().map(|url| url.bucket().to_string()).collect();
    let buckets = buckets.into_iter().map(|bucket| Dep::new(LiveId::new("bucket", bucket), MAIN));
    Some(Part::named("ready", vec![Op::wait(reached)]).triggered_by([own].into_iter().chain(roles)).after(buckets))
}
