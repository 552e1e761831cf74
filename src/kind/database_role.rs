//! Roles in a database: what may be done inside it, to be given to roles of the account.
//!
//! Statements: `SHOW DATABASE ROLES IN DATABASE` for the databases of the entries and all others of this stack, `SHOW GRANTS OF DATABASE
//! ROLE` where the spec says to whom it is granted, `CREATE`, `ALTER` and `DROP DATABASE ROLE`, `GRANT` and `REVOKE DATABASE ROLE`.
//! Privileges: CREATE DATABASE ROLE on the database; OWNERSHIP of the role, or MANAGE GRANTS, to grant it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join_all};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::container::{comment_clause, comment_field};
use super::membership::{self, DatabaseRoleGrantedTo, Holder, Holders};
use super::{Attribute, Cx, Entry, Field, Fields, Kind, OnReplace, Part, Problem, Ref, Side, Source, show};
use crate::cloud::{Cloud, CloudError, Session};
use crate::model::{Address, Context, DatabaseRoleName, Diff, Found, Ident, LiveId, Mark, Observed, Op, Seen, Text};

/// The kind.
pub struct DatabaseRole;

/// A role in a database. It holds privileges inside its database only, and nobody works as it: roles of the account have it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The name of its database.
    pub database: Ident,
    /// Its name, unique in the database.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Who has it. Left as it is where not set.
    pub granted_to: Option<DatabaseRoleGrantedTo>,
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: DatabaseRoleName,
    comment: String,
    mark: Option<Mark>,
    holders: Holders,
}

impl Kind for DatabaseRole {
    const NAME: &'static str = "database_role";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A role in a database, which roles of the account have.";
    const EXAMPLE: &'static str = r#"
[database.sales]
name = "SALES"

[database_role.reader]
database = "SALES"
name = "READER"
granted_to = { roles = ["SYSADMIN"] }
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "database", about: "The name of its database", from: Source::Field("database") },
            Attribute { name: "fqn", about: "Its full name, quoted", from: Source::Computed(fqn) },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, name(spec))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let own = spec.granted_to.as_ref().is_some_and(|to| to.database_roles.contains(&spec.name));
        let problem =
            || Problem::new("granted_to.database_roles", "a role cannot be granted to itself").hint("remove it");
        own.then(problem).into_iter().collect()
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        Props {
            name: name(&entry.spec),
            comment: entry.spec.comment.clone(),
            mark: Some(entry.mark.clone()),
            holders: Holders { these: named_holders(&entry.spec), others: BTreeSet::new() },
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, holders } = props;
        let mut fields = vec![comment_field(comment)];
        fields.extend(holders.fields().into_iter().filter(|field| field.name != "granted_to.users"));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let to = LiveId::new("database", &props.name.database);
        let database = Ref { to, why: "its database", on_replace: OnReplace::Replace };
        [database].into_iter().chain(props.holders.refs()).collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names: Vec<DatabaseRoleName> = entries.iter().map(|entry| name(&entry.spec)).collect();
        let asked = entries.iter().filter(|entry| entry.spec.granted_to.is_some()).map(|entry| name(&entry.spec));
        let holders = try_join_all(asked.map(|name| holders_of(session, name)));
        let (rows, holders) = try_join(in_databases(session, &names, context), holders).await?;
        Ok(gather(entries, context, rows, &holders.into_iter().flatten().collect()))
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let comment = comment_clause(&want.comment, want.mark.as_ref());
        let mut ops = vec![Op::sql(Text::new("CREATE DATABASE ROLE").name(&want.name).then(comment))];
        ops.extend(want.holders.grant(&text(&want.name)));
        vec![Part::main(ops)]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let mut ops = Vec::new();
        if changed.has("comment") || changed.has("mark") {
            let set = comment_clause(&want.comment, want.mark.as_ref());
            ops.push(Op::sql(Text::new("ALTER DATABASE ROLE").name(&want.name).word("SET").then(set)));
        }
        if Holders::changed(changed) {
            ops.extend(want.holders.change(&have.holders, &text(&want.name)));
        }
        vec![Part::main(ops)]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP DATABASE ROLE").name(&have.name))])]
    }

    fn relinks(_at: &Address, want: &Props, have: &Props, to: &[LiveId], changed: &Diff) -> Vec<Op> {
        want.holders.relink(&have.holders, to, changed, &text(&want.name))
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!("whoever has {name} loses what it may do; every grant to it and of it goes with it"),
            format!("what {name} owns becomes the property of the role that drops it"),
        ]
    }

    /// Names are written `DATABASE.ROLE`.
    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let name: DatabaseRoleName =
            name.parse().map_err(|error| format!("`{name}` is not `DATABASE.ROLE`: {error}"))?;
        Ok(vec![("database", json!(name.database)), ("name", json!(name.role)), ("granted_to", json!({}))])
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, holders } = have;
        let mut fields: Fields = vec![("database", json!(name.database)), ("name", json!(name.role))];
        if !comment.is_empty() {
            fields.push(("comment", json!(comment)));
        }
        fields.extend(holders.exported().map(|to| ("granted_to", to)));
        fields
    }
}

fn name(spec: &Spec) -> DatabaseRoleName {
    DatabaseRoleName { database: spec.database.clone(), role: spec.name.clone() }
}

fn text(name: &DatabaseRoleName) -> Text {
    Text::new("DATABASE ROLE").name(name)
}

fn fqn(field: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let part = |name: &str| -> Result<Ident, String> {
        field(name).ok_or_else(|| format!("it has no {name}"))?.parse().map_err(|error| format!("{error}"))
    };
    Ok(DatabaseRoleName { database: part("database")?, role: part("name")? }.to_string())
}

fn named_holders(spec: &Spec) -> BTreeSet<Holder> {
    let Some(DatabaseRoleGrantedTo { roles, database_roles, exclusive: _ }) = &spec.granted_to else {
        return BTreeSet::new();
    };
    let inside =
        |role: &Ident| Holder::DatabaseRole(DatabaseRoleName { database: spec.database.clone(), role: role.clone() });
    roles.iter().cloned().map(Holder::Role).chain(database_roles.iter().map(inside)).collect()
}

async fn holders_of(
    session: &Session,
    name: DatabaseRoleName,
) -> Result<Option<(DatabaseRoleName, BTreeSet<Holder>)>, CloudError> {
    let found = membership::read(session, &text(&name), Some(&name.database)).await?;
    Ok(found.map(|holders| (name, holders)))
}

/// A comment, with its mark, of every database role in the databases of these names and in those that carry a mark of this stack: `SHOW
/// DATABASE ROLES` looks into one database at a time.
async fn in_databases(
    session: &Session,
    names: &[DatabaseRoleName],
    context: &Context,
) -> Result<BTreeMap<DatabaseRoleName, (String, Option<Mark>)>, CloudError> {
    let mut databases: BTreeSet<Ident> = names.iter().map(|name| name.database.clone()).collect();
    let listing = show::account(session, "SHOW DATABASES", &databases.clone()).await?;
    for (name, row) in listing.index(show::name_of)? {
        let (_, mark) = show::comment(row.get("comment"));
        if mark.is_some_and(|mark| mark.stack == context.stack) {
            databases.insert(name);
        }
    }
    let read = databases.into_iter().map(|database| in_database(session, database));
    Ok(try_join_all(read).await?.into_iter().flatten().collect())
}

async fn in_database(
    session: &Session,
    database: Ident,
) -> Result<Vec<(DatabaseRoleName, (String, Option<Mark>))>, CloudError> {
    let text = Text::new("SHOW DATABASE ROLES IN DATABASE").name(&database);
    let Some(rows) = show::whole(session, &text).await? else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for row in rows.iter() {
        if let Some(role) = show::name_of(&row)? {
            out.push((DatabaseRoleName { database: database.clone(), role }, show::comment(row.get("comment"))));
        }
    }
    Ok(out)
}

fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: BTreeMap<DatabaseRoleName, (String, Option<Mark>)>,
    live: &BTreeMap<DatabaseRoleName, BTreeSet<Holder>>,
) -> Observed<Props> {
    let mut holders = BTreeMap::new();
    for Entry { spec, .. } in entries {
        if let (Some(to), Some(live)) = (&spec.granted_to, live.get(&name(spec))) {
            holders.insert(name(spec), Holders::sorted(live.clone(), &named_holders(spec), to.exclusive));
        }
    }
    let found = rows.into_iter().map(|(name, (comment, mark))| {
        let holders = holders.remove(&name).unwrap_or_default();
        (name.clone(), Found { props: Props { name, comment, mark, holders }, facts: BTreeMap::new() })
    });
    let found = found.collect();
    let mut out = show::observed::<DatabaseRole, _>(entries, context, name, found);
    for Entry { at, spec, .. } in entries {
        let unread = spec.granted_to.is_some() && !live.contains_key(&name(spec));
        if let (true, Some(seen @ Seen::Present(_))) = (unread, out.declared.get_mut(at)) {
            let (role, name) = (&context.snowflake_role, name(spec));
            *seen =
                Seen::Hidden(format!("{role} sees database role {name} but not who has it: give {role} MANAGE GRANTS"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
