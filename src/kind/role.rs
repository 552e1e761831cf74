//! Roles of the account: what may be done, and by whom.
//!
//! Statements: `SHOW ROLES`, `SHOW GRANTS OF ROLE` where the spec says to whom it is granted, `CREATE`, `ALTER` and `DROP ROLE`, `GRANT` and
//! `REVOKE ROLE`. Privileges: CREATE ROLE on the account; OWNERSHIP of the role, or MANAGE GRANTS, to grant it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::{try_join, try_join_all};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::container::{comment_clause, comment_field};
use super::membership::{self, GrantedTo, Holder, Holders};
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, show};
use crate::cloud::{Cloud, CloudError, Row, Session};
use crate::model::{Address, Context, Diff, Found, Ident, LiveId, Mark, Observed, Op, Seen, Text};

/// The kind.
pub struct Role;

/// A role of the account. What it may do say entries of the kind `grant`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Who has it. Left as it is where not set.
    pub granted_to: Option<GrantedTo>,
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    holders: Holders,
}

/// The roles that come with every account. Source: Snowflake documentation, "Overview of Access Control".
const SYSTEM: [&str; 7] =
    ["ACCOUNTADMIN", "GLOBALORGADMIN", "ORGADMIN", "PUBLIC", "SECURITYADMIN", "SYSADMIN", "USERADMIN"];

impl Kind for Role {
    const NAME: &'static str = "role";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A role of the account: what may be done, and by whom.";
    const EXAMPLE: &'static str = r#"
[role.analyst]
name = "ANALYST"
granted_to = { roles = ["SYSADMIN"] }
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[Attribute { name: "name", about: "Its name", from: Source::Field("name") }]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, &spec.name)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let mut out = Vec::new();
        if SYSTEM.contains(&spec.name.as_str()) {
            let problem = Problem::new("name", format!("{} comes with the account and cannot be managed", spec.name));
            out.push(problem.hint("name it where something is granted to it; it needs no entry"));
        }
        if spec.granted_to.as_ref().is_some_and(|to| to.roles.contains(&spec.name)) {
            out.push(Problem::new("granted_to.roles", "a role cannot be granted to itself").hint("remove it"));
        }
        out
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        Props {
            name: entry.spec.name.clone(),
            comment: entry.spec.comment.clone(),
            mark: Some(entry.mark.clone()),
            holders: Holders { these: named_holders(&entry.spec), others: BTreeSet::new() },
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, holders } = props;
        let mut fields = vec![comment_field(comment)];
        fields.extend(holders.fields().into_iter().filter(|field| field.name != "granted_to.database_roles"));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        props.holders.refs().collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let listing = show::account(session, "SHOW ROLES", entries.iter().map(|entry| &entry.spec.name));
        let asked = entries.iter().filter(|entry| entry.spec.granted_to.is_some()).map(|entry| &entry.spec.name);
        let holders = try_join_all(asked.map(|name| holders_of(session, name)));
        let (listing, holders) = try_join(listing, holders).await?;
        Ok(gather(entries, context, &listing.index(show::name_of)?, &holders.into_iter().flatten().collect()))
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let create = Text::new("CREATE ROLE").name(&want.name).then(comment_clause(&want.comment, want.mark.as_ref()));
        let mut ops = vec![Op::sql(create)];
        ops.extend(want.holders.grant(&text(&want.name)));
        vec![Part::main(ops)]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let mut ops = Vec::new();
        if changed.has("comment") || changed.has("mark") {
            let set = comment_clause(&want.comment, want.mark.as_ref());
            ops.push(Op::sql(Text::new("ALTER ROLE").name(&want.name).word("SET").then(set)));
        }
        if Holders::changed(changed) {
            ops.extend(want.holders.change(&have.holders, &text(&want.name)));
        }
        vec![Part::main(ops)]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP ROLE").name(&have.name))])]
    }

    fn relinks(_at: &Address, want: &Props, have: &Props, to: &[LiveId], changed: &Diff) -> Vec<Op> {
        want.holders.relink(&have.holders, to, changed, &text(&want.name))
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!("whoever works as {name} loses what it may do; every grant to it and of it goes with it"),
            format!("what {name} owns becomes the property of the role that drops it"),
        ]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let name: Ident = name.parse().map_err(|error| format!("{error}"))?;
        Ok(vec![("name", json!(name)), ("granted_to", json!({}))])
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, holders } = have;
        let mut fields: Fields = vec![("name", json!(name))];
        if !comment.is_empty() {
            fields.push(("comment", json!(comment)));
        }
        fields.extend(holders.exported().map(|to| ("granted_to", to)));
        fields
    }
}

fn text(name: &Ident) -> Text {
    Text::new("ROLE").name(name)
}

fn named_holders(spec: &Spec) -> BTreeSet<Holder> {
    let Some(GrantedTo { roles, users, exclusive: _ }) = &spec.granted_to else { return BTreeSet::new() };
    let roles = roles.iter().cloned().map(Holder::Role);
    roles.chain(users.iter().cloned().map(Holder::User)).collect()
}

async fn holders_of(session: &Session, name: &Ident) -> Result<Option<(Ident, BTreeSet<Holder>)>, CloudError> {
    Ok(membership::read(session, &text(name), None).await?.map(|holders| (name.clone(), holders)))
}

fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<Ident, Row<'_>>,
    live: &BTreeMap<Ident, BTreeSet<Holder>>,
) -> Observed<Props> {
    let mut holders = BTreeMap::new();
    for Entry { spec, .. } in entries {
        if let (Some(to), Some(live)) = (&spec.granted_to, live.get(&spec.name)) {
            holders.insert(&spec.name, Holders::sorted(live.clone(), &named_holders(spec), to.exclusive));
        }
    }
    let found = rows.iter().map(|(name, row)| {
        let (comment, mark) = show::comment(row.get("comment"));
        let holders = holders.get(name).cloned().unwrap_or_default();
        let props = Props { name: name.clone(), comment, mark, holders };
        (name.clone(), Found { props, facts: BTreeMap::new() })
    });
    let mut out = show::observed::<Role, _>(entries, context, |spec| spec.name.clone(), found.collect());
    for Entry { at, spec, .. } in entries {
        let unread = spec.granted_to.is_some() && !live.contains_key(&spec.name);
        if let (true, Some(seen @ Seen::Present(_))) = (unread, out.declared.get_mut(at)) {
            let (role, name) = (&context.snowflake_role, &spec.name);
            *seen = Seen::Hidden(format!("{role} sees role {name} but not who has it: give {role} MANAGE GRANTS"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
