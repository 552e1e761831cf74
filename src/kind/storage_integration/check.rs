//! What one storage integration can have wrong, found offline.

use std::collections::BTreeSet;

use super::{EXTERNAL_ID, Location, Spec};
use crate::kind::Problem;
use crate::model::Arn;

/// All problems of an entry.
pub(super) fn all(spec: &Spec) -> Vec<Problem> {
    [role(spec), locations(spec), external_id(spec), provider(spec)].concat()
}

fn role(spec: &Spec) -> Vec<Problem> {
    let wrong = |text: &str| match text.parse::<Arn>() {
        Ok(arn) => arn.service() != "iam" || !arn.resource().starts_with("role/"),
        Err(_) => true,
    };
    let known = spec.role.as_known();
    let problem = |text| {
        Problem::new("role", format!("`{text}` is not the ARN of an IAM role")).hint(
            "refer to a role of this spec, `{{ iam_role.NAME.arn }}`, or write `arn:aws:iam::ACCOUNT:role/PATH/NAME`",
        )
    };
    known.filter(|text| wrong(text)).map(problem).into_iter().collect()
}

fn locations(spec: &Spec) -> Vec<Problem> {
    let mut out = Vec::new();
    let allowed = "allowed_locations";
    if spec.allowed_locations.is_empty() {
        out.push(Problem::new(allowed, "at least one location must be allowed").hint("list the URLs of the buckets"));
    }
    if spec.allowed_locations.contains(&Location::Any) && spec.allowed_locations.len() > 1 {
        out.push(Problem::new(allowed, "`*` allows everything, so it stands alone or not at all").hint("remove `*`"));
    }
    let texts: Vec<String> = spec.allowed_locations.iter().map(ToString::to_string).collect();
    out.extend(twice_or_comma(allowed, &texts));
    let texts: Vec<String> = spec.blocked_locations.iter().map(ToString::to_string).collect();
    out.extend(twice_or_comma("blocked_locations", &texts));
    let usable = |location: &Location| match location {
        Location::Any => true,
        Location::At(url) => !spec.blocked_locations.iter().any(|blocked| blocked.contains(url)),
    };
    if !spec.allowed_locations.is_empty() && !spec.allowed_locations.iter().any(usable) {
        let message = "every allowed location is blocked, so nothing can be used";
        out.push(Problem::new("blocked_locations", message).hint("block only places inside the allowed ones"));
    }
    out
}

fn twice_or_comma(field: &str, texts: &[String]) -> Vec<Problem> {
    let mut seen = BTreeSet::new();
    let twice = texts
        .iter()
        .filter(|text| !seen.insert(*text))
        .map(|text| Problem::new(field, format!("`{text}` is listed twice")).hint("list each location once"));
    let twice: Vec<Problem> = twice.collect();
    let comma = texts.iter().filter(|text| text.contains(',')).map(|text| {
        Problem::new(field, format!("`{text}` holds a comma, which Snowflake reads back as two locations"))
            .hint("use a shorter prefix without the comma")
    });
    twice.into_iter().chain(comma).collect()
}

/// Source: AWS STS documentation, `AssumeRole`, `ExternalId`.
fn external_id(spec: &Spec) -> Vec<Problem> {
    let fits = |pin: &String| {
        (2..=1224).contains(&pin.len()) && pin.chars().all(|c| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c))
    };
    let problem = |_| {
        Problem::new(EXTERNAL_ID, "an external ID has 2 to 1224 letters, digits or characters of `_+=,.@:/-`")
            .hint("choose a long random text, one per integration")
    };
    spec.external_id.iter().filter(|pin| !fits(pin)).map(problem).collect()
}

fn provider(spec: &Spec) -> Vec<Problem> {
    let urls = spec.allowed_locations.iter().filter_map(|location| match location {
        Location::Any => None,
        Location::At(url) => Some(url),
    });
    let schemes: BTreeSet<String> =
        urls.chain(&spec.blocked_locations).map(|url| url.scheme().to_ascii_uppercase()).collect();
    let mut out = Vec::new();
    if schemes.len() > 1 {
        out.push(Problem::new("allowed_locations", "all locations of one integration have the same scheme"));
    }
    if let Some(provider) = spec.storage_provider
        && schemes.iter().any(|scheme| scheme != provider.word())
    {
        let scheme = provider.word().to_ascii_lowercase();
        let message = format!("the locations of the provider {provider} begin with `{scheme}://`");
        out.push(Problem::new("storage_provider", message).hint("make the provider and the locations agree"));
    }
    out
}
