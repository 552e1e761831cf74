//! Who a session works as, and how much it sees.

use super::{Row, Session};
use crate::cloud::{CloudError, Which};
use crate::model::{Ident, Text};

/// Who a session works as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// `CURRENT_ORGANIZATION_NAME()-CURRENT_ACCOUNT_NAME()`.
    pub account: String,
    /// `CURRENT_ACCOUNT()`: the locator.
    pub locator: String,
    /// `CURRENT_REGION()`.
    pub region: String,
    /// The user.
    pub user: String,
    /// The role.
    pub role: String,
    /// Whether the role holds MANAGE GRANTS, and so sees every object.
    pub sees_all: bool,
}

/// Roles that Snowflake made. Their grants are not listed the way others' are, and what they see is known from the hierarchy.
const SYSTEM_ROLES: [&str; 6] = ["ACCOUNTADMIN", "SECURITYADMIN", "SYSADMIN", "USERADMIN", "ORGADMIN", "PUBLIC"];

const ASK: &str = "SELECT CURRENT_ORGANIZATION_NAME() AS \"organization\", CURRENT_ACCOUNT_NAME() AS \"account\", \
    CURRENT_ACCOUNT() AS \"locator\", CURRENT_REGION() AS \"region\", CURRENT_USER() AS \"user\", CURRENT_ROLE() AS \"role\", \
    IS_ROLE_IN_SESSION('ACCOUNTADMIN') AS \"accountadmin\", IS_ROLE_IN_SESSION('SECURITYADMIN') AS \"securityadmin\"";

impl Session {
    /// Who we are.
    pub async fn who(&self) -> Result<Who, CloudError> {
        let rows = self.shared(&Text::new(ASK)).await?;
        let row = rows.iter().next().ok_or_else(|| odd("Snowflake does not say who we are"))?;
        let cell = |column: &str| {
            row.get(column).map(ToOwned::to_owned).ok_or_else(|| odd(&format!("Snowflake does not say our {column}")))
        };
        let role = row.get("role").map(ToOwned::to_owned).ok_or_else(|| {
            odd("the session has no role: set `role` in the connection, or a default role for the user")
        })?;
        let administers =
            |row: Row<'_>| row.flag("accountadmin") == Some(true) || row.flag("securityadmin") == Some(true);
        Ok(Who {
            account: format!("{}-{}", cell("organization")?, cell("account")?),
            locator: cell("locator")?,
            region: cell("region")?,
            user: cell("user")?,
            sees_all: administers(row) || self.manages_grants(&role).await?,
            role,
        })
    }

    /// Whether MANAGE GRANTS was granted to a role itself. A role that only inherits it is taken for one that does not see everything,
    /// which errs on the safe side.
    async fn manages_grants(&self, role: &str) -> Result<bool, CloudError> {
        if SYSTEM_ROLES.contains(&role) {
            return Ok(false);
        }
        let name = Ident::stored(role).map_err(|error| odd(&error.to_string()))?;
        let grants = self.shared(&Text::new("SHOW GRANTS TO ROLE").name(&name)).await?;
        let is_account = |row: Row<'_>| row.get("granted_on").is_some_and(|on| on.eq_ignore_ascii_case("ACCOUNT"));
        let found = grants.iter().any(|row| {
            row.get("privilege").is_some_and(|privilege| privilege.eq_ignore_ascii_case("MANAGE GRANTS"))
                && is_account(row)
        });
        Ok(found)
    }
}

fn odd(why: &str) -> CloudError {
    CloudError::unexpected(Which::Snowflake, "to say who we are", why)
}
