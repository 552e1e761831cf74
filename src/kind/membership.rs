//! Who has a role: the roles, database roles and users it is granted to.
//!
//! A role may be granted by many hands: what else has it is left alone, unless the spec says that it names all. Source: Snowflake
//! documentation, "GRANT ROLE", "GRANT DATABASE ROLE", "SHOW GRANTS".

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use super::show;
use super::{Field, OnReplace, Ref};
use crate::cloud::{CloudError, Row, Rows, Session, Which};
use crate::model::{DatabaseRoleName, Diff, Ident, LiveId, Op, Shown, Text, Val};

/// To whom a role is granted.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantedTo {
    /// The roles above it, which may do all that it may. Default: none.
    #[serde(default)]
    pub roles: Vec<Ident>,
    /// The users who may work as it. Default: none.
    #[serde(default)]
    pub users: Vec<Ident>,
    /// Whether it is taken from all others. Default: false, who else has it keeps it.
    #[serde(default)]
    pub exclusive: bool,
}

/// To whom a database role is granted. Users have it through roles.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatabaseRoleGrantedTo {
    /// The roles of the account above it. Default: none.
    #[serde(default)]
    pub roles: Vec<Ident>,
    /// The roles above it in its own database, by their bare names. Default: none.
    #[serde(default)]
    pub database_roles: Vec<Ident>,
    /// Whether it is taken from all others. Default: false, who else has it keeps it.
    #[serde(default)]
    pub exclusive: bool,
}

/// One that has a role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Holder {
    Role(Ident),
    DatabaseRole(DatabaseRoleName),
    User(Ident),
}

impl Holder {
    /// As GRANT and REVOKE name it.
    pub(super) fn text(&self) -> Text {
        match self {
            Self::Role(name) => Text::new("ROLE").name(name),
            Self::DatabaseRole(name) => Text::new("DATABASE ROLE").name(name),
            Self::User(name) => Text::new("USER").name(name),
        }
    }

    /// The object that must be there first. Users are not objects of a spec.
    pub(super) fn id(&self) -> Option<LiveId> {
        match self {
            Self::Role(name) => Some(LiveId::new("role", name)),
            Self::DatabaseRole(name) => Some(LiveId::new("database_role", name)),
            Self::User(_) => None,
        }
    }

    fn field(&self) -> &'static str {
        match self {
            Self::Role(_) => "granted_to.roles",
            Self::DatabaseRole(_) => "granted_to.database_roles",
            Self::User(_) => "granted_to.users",
        }
    }

    /// Its name as a spec writes it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Role(name) | Self::User(name) => name.written(),
            Self::DatabaseRole(name) => name.to_string(),
        }
    }

    fn bare(&self) -> &Ident {
        match self {
            Self::Role(name) | Self::User(name) => name,
            Self::DatabaseRole(name) => &name.role,
        }
    }
}

/// The sorts of holders, in the order of the reference.
const FIELDS: [&str; 3] = ["granted_to.roles", "granted_to.database_roles", "granted_to.users"];

/// Who has a role.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Holders {
    /// Those that are compared: all that the spec names, and for an exclusive list all there are.
    pub(super) these: BTreeSet<Holder>,
    /// Who else has it, of live objects; left alone.
    pub(super) others: BTreeSet<Holder>,
}

impl Holders {
    /// The live holders, of whom a list that is not exclusive leaves those alone that it does not name.
    pub(super) fn sorted(live: BTreeSet<Holder>, named: &BTreeSet<Holder>, exclusive: bool) -> Self {
        let (these, others) = live.into_iter().partition(|holder| exclusive || named.contains(holder));
        Self { these, others }
    }

    /// One field for each sort of holder.
    pub(super) fn fields(&self) -> Vec<Field> {
        let field = |name: &'static str| {
            let list: Vec<Val> = of(&self.these, name).map(|holder| Val::from(holder.bare().to_string())).collect();
            Field::in_place(name, (!list.is_empty()).then_some(Shown::List(list)))
        };
        FIELDS.map(field).into()
    }

    /// The roles that must be there first; new ones have nothing yet.
    pub(super) fn refs(&self) -> impl Iterator<Item = Ref> {
        let to = |to: LiveId| Ref { to, why: "the role it is granted to", on_replace: OnReplace::Relink };
        self.these.iter().filter_map(Holder::id).map(to)
    }

    /// Grants it to all of them.
    pub(super) fn grant(&self, role: &Text) -> Vec<Op> {
        self.these.iter().map(|holder| grant(role, holder)).collect()
    }

    /// Grants and revokes what makes these of those.
    pub(super) fn change(&self, have: &Self, role: &Text) -> Vec<Op> {
        let gone = have.these.difference(&self.these).map(|holder| {
            let words = Text::new("REVOKE").then(role.clone()).word("FROM").then(holder.text());
            Op::sql(words)
        });
        gone.chain(self.these.difference(&have.these).map(|holder| grant(role, holder))).collect()
    }

    /// Grants it again to roles that are new under their old names, unless that happens anyway.
    pub(super) fn relink(&self, have: &Self, to: &[LiveId], changed: &Diff, role: &Text) -> Vec<Op> {
        let given = |holder: &&Holder| changed.has(holder.field()) && !have.these.contains(*holder);
        let renewed = |holder: &&Holder| holder.id().is_some_and(|id| to.contains(&id));
        self.these.iter().filter(renewed).filter(|holder| !given(holder)).map(|holder| grant(role, holder)).collect()
    }

    /// Whether a change is about who has it.
    pub(super) fn changed(changed: &Diff) -> bool {
        FIELDS.iter().any(|field| changed.has(field))
    }

    /// As an entry has them; `None` if there are none.
    pub(super) fn exported(&self) -> Option<Json> {
        let all: BTreeSet<Holder> = self.these.union(&self.others).cloned().collect();
        let list = |name: &'static str| {
            let names: Vec<String> = of(&all, name).map(|holder| holder.bare().to_string()).collect();
            (!names.is_empty()).then(|| (name.trim_start_matches("granted_to.").to_owned(), json!(names)))
        };
        let table: serde_json::Map<String, Json> = FIELDS.into_iter().filter_map(list).collect();
        (!table.is_empty()).then_some(Json::Object(table))
    }
}

fn of<'a>(holders: &'a BTreeSet<Holder>, field: &'static str) -> impl Iterator<Item = &'a Holder> {
    holders.iter().filter(move |holder| holder.field() == field)
}

fn grant(role: &Text, holder: &Holder) -> Op {
    Op::sql(Text::new("GRANT").then(role.clone()).word("TO").then(holder.text()))
}

/// Who has a role, as `SHOW GRANTS OF …` tells; `None` if the role is not there or not visible. `database` is where a database role lies.
pub(super) async fn read(
    session: &Session,
    role: &Text,
    database: Option<&Ident>,
) -> Result<Option<BTreeSet<Holder>>, CloudError> {
    let text = Text::new("SHOW GRANTS OF").then(role.clone());
    let Some(rows) = show::whole(session, &text).await? else { return Ok(None) };
    holders(&rows, database).map(Some)
}

fn holders(rows: &Rows, database: Option<&Ident>) -> Result<BTreeSet<Holder>, CloudError> {
    let mut out = BTreeSet::new();
    for row in rows.iter() {
        out.extend(holder(&row, database)?);
    }
    Ok(out)
}

/// Shares and applications may have a database role too: they are none of ours.
pub(super) fn holder(row: &Row<'_>, database: Option<&Ident>) -> Result<Option<Holder>, CloudError> {
    let name = show::column(row, "grantee_name")?.unwrap_or_default();
    let bad = |error| CloudError::unexpected(Which::Snowflake, "SHOW GRANTS", format!("`{name}` is no name: {error}"));
    Ok(match show::column(row, "granted_to")?.unwrap_or_default().replace(' ', "_").to_ascii_uppercase().as_str() {
        "ROLE" => Some(Holder::Role(exact(name).map_err(bad)?)),
        "USER" => Some(Holder::User(exact(name).map_err(bad)?)),
        "DATABASE_ROLE" => match (name.parse::<DatabaseRoleName>(), database) {
            (Ok(name), _) => Some(Holder::DatabaseRole(name)),
            // Before the full name was printed there was the bare one; a database role is granted only within its database.
            (Err(_), Some(database)) => Some(Holder::DatabaseRole(DatabaseRoleName {
                database: database.clone(),
                role: exact(name).map_err(bad)?,
            })),
            (Err(error), None) => return Err(bad(error)),
        },
        _ => None,
    })
}

/// A name as stored, which may be printed in quotes where it needs them.
pub(super) fn exact(name: &str) -> Result<Ident, crate::model::ident::NotAName> {
    if name.len() > 1 && name.starts_with('"') && name.ends_with('"') { name.parse() } else { Ident::stored(name) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kind::trial::rows;

    #[test]
    fn holders_are_read_in_both_spellings() {
        let database: Ident = "d".parse().unwrap();
        let answer = rows(
            &["created_on", "role", "granted_to", "grantee_name", "granted_by"],
            &[
                &[None, Some("R"), Some("ROLE"), Some("lower case"), Some("")],
                &[None, Some("R"), Some("ROLE"), Some("\"quoted\""), Some("")],
                &[None, Some("R"), Some("USER"), Some("ANNA.B"), Some("")],
                &[None, Some("R"), Some("DATABASE_ROLE"), Some("BARE"), Some("")],
                &[None, Some("R"), Some("DATABASE_ROLE"), Some("D.\"full\""), Some("")],
                &[None, Some("R"), Some("SHARE"), Some("ORG.SHARE"), Some("")],
            ],
        );
        let found: Vec<String> =
            holders(&answer, Some(&database)).unwrap().iter().map(|holder| holder.text().to_string()).collect();
        let wanted = [
            "ROLE \"lower case\"",
            "ROLE \"quoted\"",
            "DATABASE ROLE \"D\".\"BARE\"",
            "DATABASE ROLE \"D\".\"full\"",
            "USER \"ANNA.B\"",
        ];
        assert_eq!(found, wanted);
        assert!(holders(&answer, None).is_err(), "a bare name of a database role that lies nowhere");
    }
}
