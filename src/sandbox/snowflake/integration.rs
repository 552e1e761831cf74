//! Storage integrations on S3: the identity with which Snowflake assumes a role, and where that role may be used.

use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, DESCRIBE, Filter, SHOW, Sheet, timestamp, true_false};
use super::state::{Body, Id, Kind};

/// A storage integration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Integration {
    /// `S3`, `S3CHINA` or `S3GOV`.
    pub(super) provider: String,
    pub(super) enabled: bool,
    pub(super) role_arn: String,
    pub(super) external_id: String,
    pub(super) object_acl: Option<String>,
    pub(super) privatelink: bool,
    /// As written, in their order.
    pub(super) allowed: Vec<String>,
    pub(super) blocked: Vec<String>,
}

impl Integration {
    /// Whether a URL lies under an allowed location and touches no blocked one. Locations end at a slash; where Snowflake may take a URL or
    /// a blocked location without one for a bare prefix of keys, both readings must keep clear of each other.
    pub(super) fn allows(&self, url: &str) -> bool {
        let under = |location: &String| location == "*" || with_slash(url).starts_with(&with_slash(location));
        let touches = |location: &String| {
            under(location) || url.starts_with(location.as_str()) || (!url.ends_with('/') && location.starts_with(url))
        };
        self.allowed.iter().any(under) && !self.blocked.iter().any(touches)
    }
}

fn with_slash(url: &str) -> String {
    if url.ends_with('/') { url.to_owned() } else { format!("{url}/") }
}

/// The scheme of the URLs of a provider.
fn scheme(provider: &str) -> &'static str {
    match provider {
        "S3CHINA" => "s3china://",
        "S3GOV" => "s3gov://",
        _ => "s3://",
    }
}

fn check_locations(locations: &[String], provider: &str) -> Fallible<()> {
    match locations.iter().find(|url| *url != "*" && !url.starts_with(scheme(provider))) {
        Some(_) => Err(fail::bad_url(provider)),
        None => Ok(()),
    }
}

/// `CREATE [OR REPLACE] STORAGE INTEGRATION …`, after the kind.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.end()?;
    let kind = props.choice("TYPE", &["EXTERNAL_STAGE"])?;
    let provider = props.choice("STORAGE_PROVIDER", &["S3", "S3CHINA", "S3GOV"])?;
    let enabled = props.boolean("ENABLED")?;
    let role = props.text("STORAGE_AWS_ROLE_ARN")?;
    let allowed = props.texts("STORAGE_ALLOWED_LOCATIONS")?;
    let blocked = props.texts("STORAGE_BLOCKED_LOCATIONS")?.unwrap_or_default();
    let external_id = props.text("STORAGE_AWS_EXTERNAL_ID")?;
    let object_acl = acl(&mut props)?;
    let privatelink = props.boolean("USE_PRIVATELINK_ENDPOINT")?.unwrap_or(false);
    let comment = props.text("COMMENT")?;
    props.finish()?;

    let enabled = enabled.or(cx.switches.integration_enabled_by_default.then_some(true));
    let (Some(_), Some(provider), Some(role_arn), Some(allowed), Some(enabled)) =
        (&kind, &provider, &role, &allowed, enabled)
    else {
        let lacking = [
            ("TYPE", kind.is_none()),
            ("ENABLED", enabled.is_none()),
            ("STORAGE_PROVIDER", provider.is_none()),
            ("STORAGE_AWS_ROLE_ARN", role.is_none()),
            ("STORAGE_ALLOWED_LOCATIONS", allowed.is_none()),
        ];
        let names: Vec<&str> = lacking.iter().filter(|(_, missing)| *missing).map(|(name, _)| *name).collect();
        return Err(fail::missing_options(&names));
    };
    check_locations(allowed, provider)?;
    check_locations(&blocked, provider)?;
    if allowed.is_empty() {
        return Err(fail::missing_options(&["STORAGE_ALLOWED_LOCATIONS"]));
    }
    let slot = match cx.claim(Kind::Integration, &name, create, &["CREATE STORAGE INTEGRATION"])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let integration = Integration {
        provider: provider.clone(),
        enabled,
        role_arn: role_arn.clone(),
        external_id: external_id.unwrap_or_else(|| cx.see().new_external_id()),
        object_acl,
        privatelink,
        allowed: allowed.clone(),
        blocked,
    };
    cx.put(&slot, comment, Body::Integration(integration));
    Ok(created("Integration", &slot.name))
}

fn acl(props: &mut Props) -> Fallible<Option<String>> {
    match props.text("STORAGE_AWS_OBJECT_ACL")? {
        Some(acl) if acl != "bucket-owner-full-control" => Err(fail::bad_property(&acl, "STORAGE_AWS_OBJECT_ACL")),
        acl => Ok(acl),
    }
}

/// `ALTER [STORAGE] INTEGRATION n SET … | UNSET …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    cx.demand(id, &[])?;
    let Some(mut next) = cx.see().integration(id).cloned() else { return Err(fail::nowhere()) };
    let mut comment = None;
    if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        if let Some(enabled) = props.boolean("ENABLED")? {
            next.enabled = enabled;
        }
        if let Some(role) = props.text("STORAGE_AWS_ROLE_ARN")? {
            next.role_arn = role;
        }
        if let Some(external_id) = props.text("STORAGE_AWS_EXTERNAL_ID")? {
            next.external_id = external_id;
        }
        if let Some(acl) = acl(&mut props)? {
            next.object_acl = Some(acl);
        }
        if let Some(privatelink) = props.boolean("USE_PRIVATELINK_ENDPOINT")? {
            next.privatelink = privatelink;
        }
        if let Some(allowed) = props.texts("STORAGE_ALLOWED_LOCATIONS")? {
            check_locations(&allowed, &next.provider)?;
            if allowed.is_empty() {
                return Err(fail::missing_options(&["STORAGE_ALLOWED_LOCATIONS"]));
            }
            next.allowed = allowed;
        }
        if let Some(blocked) = props.texts("STORAGE_BLOCKED_LOCATIONS")? {
            check_locations(&blocked, &next.provider)?;
            next.blocked = blocked;
        }
        comment = props.text("COMMENT")?;
        props.finish()?;
    } else {
        p.need("UNSET")?;
        let keys = unset_keys(p)?;
        p.end()?;
        for (key, complaint) in keys {
            match key.as_str() {
                "ENABLED" => next.enabled = cx.switches.integration_enabled_by_default,
                "STORAGE_BLOCKED_LOCATIONS" => next.blocked.clear(),
                "STORAGE_AWS_EXTERNAL_ID" => next.external_id = cx.see().new_external_id(),
                "STORAGE_AWS_OBJECT_ACL" => next.object_acl = None,
                "COMMENT" => comment = Some(String::new()),
                "USE_PRIVATELINK_ENDPOINT" | "STORAGE_ALLOWED_LOCATIONS" | "STORAGE_AWS_ROLE_ARN" => {
                    let text = format!("SQL compilation error:\nCannot unset property '{key}' on integration");
                    return Err(fail::error("001422", "22023", text));
                }
                _ => return Err(complaint),
            }
        }
    }
    let state = cx.edit();
    if let Some(integration) = state.integration_mut(id) {
        *integration = next;
    }
    if let (Some(comment), Some(object)) = (comment, state.objects.get_mut(&id)) {
        object.comment = comment;
    }
    Ok(executed())
}

/// `SHOW INTEGRATIONS`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    list(cx, p, &[Kind::Integration, Kind::NotificationIntegration])
}

/// `SHOW STORAGE INTEGRATIONS`.
pub(super) fn show_storage(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    list(cx, p, &[Kind::Integration])
}

/// `SHOW NOTIFICATION INTEGRATIONS`.
pub(super) fn show_notification(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    list(cx, p, &[Kind::NotificationIntegration])
}

fn list(cx: &Context<'_>, p: &mut Parser<'_>, kinds: &[Kind]) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Integration, false)?;
    let mut sheet = Sheet::new(SHOW, &["name", "type", "category", "enabled", "comment", "created_on:timestamp"]);
    let mut objects = Vec::new();
    for kind in kinds {
        objects.extend(filter.objects(cx, *kind, Beyond::Cut)?);
    }
    objects.sort_by(|a, b| a.name.cmp(&b.name));
    for object in objects {
        let (sort, category, enabled) = match &object.body {
            Body::Integration(it) => ("EXTERNAL_STAGE", "STORAGE", it.enabled),
            Body::NotificationIntegration(it) => (it.sort(), "NOTIFICATION", it.enabled),
            _ => continue,
        };
        sheet.row([
            (&object.name).into(),
            sort.into(),
            category.into(),
            true_false(enabled),
            (&object.comment).into(),
            timestamp(object.created),
        ]);
    }
    Ok(sheet.done())
}

/// `DESC [STORAGE] INTEGRATION n`: nine rows, ten with an object ACL.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> Fallible<ResultSet> {
    let (Some(it), Some(object)) = (cx.see().integration(id), cx.see().get(id)) else { return Err(fail::nowhere()) };
    let mut sheet = Sheet::new(DESCRIBE, &["property", "property_type", "property_value", "property_default"]);
    let truth = |value: bool| if value { "true" } else { "false" }.to_owned();
    let mut row = |property: &str, kind: &str, value: String, default: &str| {
        sheet.row([property.into(), kind.into(), value.into(), default.into()]);
    };
    row(
        "ENABLED",
        "Boolean",
        truth(it.enabled),
        if cx.switches.integration_enabled_by_default { "true" } else { "false" },
    );
    row("STORAGE_PROVIDER", "String", it.provider.clone(), "");
    row("STORAGE_ALLOWED_LOCATIONS", "List", it.allowed.join(","), "[]");
    row("STORAGE_BLOCKED_LOCATIONS", "List", it.blocked.join(","), "[]");
    row("STORAGE_AWS_IAM_USER_ARN", "String", cx.see().iam_user_arn(), "");
    row("STORAGE_AWS_ROLE_ARN", "String", it.role_arn.clone(), "");
    row("STORAGE_AWS_EXTERNAL_ID", "String", it.external_id.clone(), "");
    if let Some(acl) = &it.object_acl {
        row("STORAGE_AWS_OBJECT_ACL", "String", acl.clone(), "");
    }
    row("USE_PRIVATELINK_ENDPOINT", "Boolean", truth(it.privatelink), "false");
    row("COMMENT", "String", object.comment.clone(), "");
    Ok(sheet.done())
}

#[cfg(test)]
mod tests {
    use super::Integration;

    #[test]
    fn locations_end_at_a_slash_and_blocked_ones_keep_clear() {
        let integration = |allowed: &[&str], blocked: &[&str]| Integration {
            provider: "S3".into(),
            enabled: true,
            role_arn: String::new(),
            external_id: String::new(),
            object_acl: None,
            privatelink: false,
            allowed: allowed.iter().map(|&url| url.into()).collect(),
            blocked: blocked.iter().map(|&url| url.into()).collect(),
        };
        let table: [(&[&str], &[&str], &str, bool); 20] = [
            (&["s3://b/in/"], &[], "s3://b/in/", true),
            (&["s3://b/in/"], &[], "s3://b/in/sub/", true),
            (&["s3://b/in/"], &[], "s3://b/in", true),
            (&["s3://b/in"], &[], "s3://b/in/", true),
            (&["s3://b/in/"], &[], "s3://b/inside/", false),
            (&["s3://b/in"], &[], "s3://b/inside/", false),
            (&["s3://b/in/"], &[], "s3://b/", false),
            (&["s3://b/in/"], &[], "s3://b/IN/", false),
            (&["s3://b/"], &[], "s3://bb/", false),
            (&["s3://b"], &[], "s3://b.other/", false),
            (&["s3://a/", "s3://b/"], &[], "s3://b/x/", true),
            (&["*"], &[], "s3://anything/", true),
            (&[], &[], "s3://b/", false),
            (&["*"], &["s3://b/"], "s3://b/x/", false),
            (&["*"], &["s3://b/no/"], "s3://b/yes/", true),
            (&["*"], &["s3://b/no/"], "s3://b/no", false),
            (&["*"], &["s3://b/no"], "s3://b/nothing/", false),
            (&["*"], &["s3://b/no/"], "s3://b/n", false),
            (&["*"], &["s3://b/no/"], "s3://b/nothing/", true),
            (&["s3://b/in/"], &["*"], "s3://b/in/", false),
        ];
        for (allowed, blocked, url, expected) in table {
            assert_eq!(integration(allowed, blocked).allows(url), expected, "{allowed:?} {blocked:?} {url}");
        }
    }
}
