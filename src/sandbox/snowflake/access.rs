//! How the files of a stage are reached: everything that Snowflake checks before it asks AWS.

use super::context::Context;
use super::fail::{self, Fallible};
use super::stage::{Credentials, Link, Stage, disabled};
use super::state::{Id, quoted_if_needed};

/// What Snowflake needs to reach the files of a stage.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access {
    pub(super) stage: Id,
    pub(super) by: By,
    pub(super) bucket: String,
    /// Of keys; what the URL says after the bucket.
    pub(super) prefix: String,
    pub(super) url: String,
}

/// As whom Snowflake reaches AWS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// By a role that its own user assumes.
    Role { principal: String, role_arn: String, external_id: String },
    /// By an access key, with the digest of its secret.
    Key { id: String, digest: String },
}

impl Access {
    /// The key of a path under the stage. A URL that does not end in a slash gets one before the path.
    pub(super) fn key(&self, path: &str) -> String {
        let joint = if path.is_empty() || self.prefix.is_empty() || self.prefix.ends_with('/') { "" } else { "/" };
        format!("{}{joint}{path}", self.prefix)
    }

    /// The URL of a key.
    pub(super) fn url_of(&self, key: &str) -> String {
        let scheme = self.url.split_once("://").map_or("s3", |(scheme, _)| scheme);
        format!("{scheme}://{}/{key}", self.bucket)
    }
}

impl Stage {
    /// How this stage is reached, after all that Snowflake checks before it asks AWS.
    pub(super) fn access(&self, cx: &Context<'_>, id: Id) -> Fallible<Access> {
        let name = cx.see().bare_name(id);
        let (Some((bucket, prefix)), Some(url)) = (self.bucket(), &self.url) else {
            return Err(fail::unsupported("files of internal stages"));
        };
        let role = |role_arn: &str, external_id: &str| By::Role {
            principal: cx.see().iam_user_arn(),
            role_arn: role_arn.to_owned(),
            external_id: external_id.to_owned(),
        };
        let by = match (&self.integration, &self.credentials) {
            (Some(link), _) => {
                let Some(integration) = cx.see().integration(link.id) else { return Err(fail::link_broken(&name)) };
                if !integration.enabled {
                    return Err(disabled(&link.name));
                }
                if !integration.allows(url) {
                    return Err(fail::location_refused(url, &link.name));
                }
                demand_integration(cx, id, link)?;
                role(&integration.role_arn, &integration.external_id)
            }
            (None, Some(Credentials::Role { arn, external_id })) => role(arn, external_id),
            (None, Some(Credentials::Key { id, digest })) => By::Key { id: id.clone(), digest: digest.clone() },
            (None, None) => {
                return Err(fail::stage_failure("Access Denied (Status Code: 403; Error Code: AccessDenied)"));
            }
        };
        Ok(Access { stage: id, by, bucket: bucket.to_owned(), prefix: prefix.to_owned(), url: url.clone() })
    }
}

/// The owner of the stage needs USAGE on the integration when it is used.
fn demand_integration(cx: &Context<'_>, id: Id, link: &Link) -> Fallible<()> {
    let owner = cx.see().get(id).and_then(|o| o.owner).unwrap_or(cx.role);
    let roles = super::context::inherited(cx.see(), owner);
    if cx.holds(&roles, link.id, "USAGE") { Ok(()) } else { Err(fail::insufficient("integration", &link.name)) }
}

/// The URL under which the API gives a file of a directory.
pub(super) fn file_url(cx: &Context<'_>, id: Id, path: &str) -> String {
    let parts: Vec<String> = cx.see().path(id).into_iter().map(quoted_if_needed).collect();
    let account = cx.see().locator.to_lowercase();
    format!("https://{account}.snowflakecomputing.com/api/files/{}/{path}", parts.join("/"))
}
