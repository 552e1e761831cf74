//! Grants: what a role may do with an object, with all objects of a sort that there are, or with those to come.
//!
//! A grant has no comment, so it carries no mark: an entry speaks for what one role may do on one target, whoever granted it. What else that role holds
//! there is revoked, unless the entry is `additive`; what others hold there is left alone, unless it is `exclusive`. An entry that leaves the spec is
//! not found again, and what it granted stays, until the role or the object goes.
//!
//! Statements: `SHOW GRANTS TO …`, `SHOW FUTURE GRANTS TO …`, for exclusive entries `SHOW GRANTS ON …`, `GRANT` and `REVOKE`.
//! Privileges: OWNERSHIP of the object, the privilege WITH GRANT OPTION, or MANAGE GRANTS.

mod read;
mod target;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value as Json, json};

use self::target::{Container, Object, Plural, Target};
use super::export::Export;
use super::membership::Holder;
use super::words::words;
use super::{Attribute, Cx, Entry, Field, Fields, Gift, Kind, OnReplace, Part, Problem, Ref, Side};
use crate::cloud::{Cloud, CloudError};
use crate::model::{
    Address, Context, DatabaseRoleName, Diff, Ident, LiveId, Mark, Observed, Op, SchemaName, Shown, Text, Val,
};

/// The kind.
pub struct Grant;

/// What one role may do on one target.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "switches of an entry")]
pub struct Spec {
    /// The role of the account that gets them.
    pub to_role: Option<Ident>,
    /// The database role that gets them: `DATABASE.ROLE`.
    pub to_database_role: Option<DatabaseRoleName>,
    /// The privileges, such as `USAGE`, `SELECT` or `CREATE TABLE`. `OWNERSHIP` stands alone.
    pub privileges: BTreeSet<String>,
    /// One object, such as `{ table = "DB.SCHEMA.TABLE" }` or `{ warehouse = "LOAD" }`.
    pub on: Option<Object>,
    /// Whether the account itself is meant.
    #[serde(default)]
    pub on_account: bool,
    /// All objects of a sort that there are, in `in_schema` or `in_database`: `TABLES`, `VIEWS`, `STAGES`, `FILE FORMATS`, `STREAMS`, `TASKS`, `PIPES`,
    /// `ALERTS` or `SCHEMAS`. Those that come later are found by the next plan.
    pub all: Option<Plural>,
    /// All objects of a sort that will be created there. Those of a schema take the place of those of its database for the same sort, entirely.
    pub future: Option<Plural>,
    /// Where `all` or `future` objects are: `DATABASE.SCHEMA`.
    pub in_schema: Option<SchemaName>,
    /// Where `all` or `future` objects are: a database.
    pub in_database: Option<Ident>,
    /// Whether the role may hand them on. Default: false.
    #[serde(default)]
    pub with_grant_option: bool,
    /// Whether other privileges that the role holds there are left alone. Default: false, they are revoked. `all` objects keep theirs anyway.
    #[serde(default)]
    pub additive: bool,
    /// Whether these privileges are taken from all who are not named by entries of this spec. For one object only. Default: false.
    #[serde(default)]
    pub exclusive: bool,
    /// What becomes of the privileges that others hold on an object whose owner changes: `COPY` keeps them, `REVOKE` takes them away. `OWNERSHIP` needs it.
    pub current_grants: Option<CurrentGrants>,
}

words! {
    /// What becomes of privileges when the owner changes.
    CurrentGrants { Copy = "COPY", Revoke = "REVOKE" }
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    to: Holder,
    target: Target,
    /// Words of the lists in [`target`].
    privileges: BTreeSet<&'static str>,
    with_grant_option: bool,
    /// Of a live grant: who else holds what nobody else shall hold.
    strangers: BTreeSet<(&'static str, Holder)>,
    current_grants: Option<CurrentGrants>,
    /// What must be there first.
    needs: Vec<LiveId>,
}

const OWNERSHIP: &str = "OWNERSHIP";

impl Kind for Grant {
    const NAME: &'static str = "grant";
    const SIDE: Side = Side::Snowflake;
    const MARKED: bool = false;
    const ABOUT: &'static str = "What a role may do: privileges on one object, on all of a sort, or on those to come.";
    const EXAMPLE: &'static str = r#"
[role.analyst]
name = "ANALYST"

[warehouse.analysts]
name = "ANALYSTS"

[grant.analysts]
to_role = "{{ role.analyst.name }}"
privileges = ["USAGE"]
on = { warehouse = "{{ warehouse.analysts.name }}" }
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        let to = spec.grantee().map_or_else(String::new, |to| to.text().to_string());
        let on = spec.target().map_or_else(String::new, |target| target.to_string());
        LiveId::new(Self::NAME, format!("{to} ON {on}"))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let mut out = Vec::new();
        match (&spec.to_role, &spec.to_database_role) {
            (None, None) => {
                out.push(Problem::new("", "a grant is to a role").hint("set `to_role` or `to_database_role`"));
            }
            (Some(_), Some(_)) => {
                out.push(Problem::new("to_database_role", "a grant is to one role").hint("make two entries of it"));
            }
            _ => {}
        }
        let on = [spec.on.is_some(), spec.on_account, spec.all.is_some(), spec.future.is_some()];
        let targets = on.into_iter().filter(|set| *set).count();
        if targets != 1 {
            let problem = Problem::new("", format!("a grant has one target, and this has {targets}"));
            out.push(problem.hint("set one of `on`, `on_account`, `all` and `future`"));
        }
        let many = spec.all.is_some() || spec.future.is_some();
        let places = usize::from(spec.in_schema.is_some()) + usize::from(spec.in_database.is_some());
        if many && places != 1 {
            let problem = Problem::new("", "`all` and `future` objects are in one schema or database");
            out.push(problem.hint("set `in_schema` or `in_database`"));
        } else if !many && places > 0 {
            out.push(Problem::new("", "`in_schema` and `in_database` go with `all` and `future`"));
        }
        if [spec.all, spec.future].contains(&Some(Plural::Schemas)) && spec.in_schema.is_some() {
            out.push(Problem::new("in_schema", "schemas are in databases").hint("set `in_database`"));
        }
        if spec.exclusive && spec.on.is_none() {
            let problem = Problem::new("exclusive", "only privileges on one object can be exclusive");
            out.push(problem.hint("name the object with `on`"));
        }
        out.extend(check_privileges(spec));
        out
    }

    fn want(entry: &Entry<Spec>, cx: Cx<'_>) -> Props {
        let spec = &entry.spec;
        // An entry without a role or target is refused before anything is planned.
        let target = spec.target().unwrap_or(Target::Account);
        let declared = cx.gifts.iter().filter_map(|gift| match gift {
            Gift::Declared { id } => Some(id),
            _ => None,
        });
        Props {
            to: spec.grantee().unwrap_or_else(|| Holder::Role(role_of_all())),
            needs: target.ids(declared),
            privileges: spec.privileges(&target),
            target,
            with_grant_option: spec.with_grant_option,
            strangers: BTreeSet::new(),
            current_grants: spec.current_grants,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { to, target, privileges, with_grant_option, strangers, current_grants, needs: _ } = props;
        let list: Vec<Val> = privileges.iter().map(|privilege| Val::known(*privilege)).collect();
        let others: Vec<Val> =
            strangers.iter().map(|(privilege, holder)| Val::known(format!("{}: {privilege}", holder.text()))).collect();
        vec![
            Field::replaces(
                if matches!(to, Holder::DatabaseRole(_)) { "to_database_role" } else { "to_role" },
                Some(to.name()),
            ),
            Field::replaces(target.field(), Some(target.to_string())),
            Field::in_place("privileges", (!list.is_empty()).then_some(Shown::List(list))),
            Field::in_place("with_grant_option", Some(*with_grant_option)),
            Field::in_place("held_by_others", (!others.is_empty()).then_some(Shown::List(others))),
            Field::create_only("current_grants", current_grants.map(CurrentGrants::word)),
        ]
    }

    fn mark(_props: &Props) -> Option<&Mark> {
        None
    }

    fn set_mark(_props: &mut Props, _mark: Option<Mark>) {}

    /// The role and the object. If one of them is created anew, the privileges are granted again.
    fn refs(props: &Props) -> Vec<Ref> {
        let to = |to: LiveId, why| Ref { to, why, on_replace: OnReplace::Relink };
        let role = props.to.id().map(|id| to(id, "the role that gets it"));
        role.into_iter().chain(props.needs.iter().map(|id| to(id.clone(), "what it is granted on"))).collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        read::observe(entries, cloud, context).await
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        vec![Part::main(vec![grant(want, &want.privileges)])]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let mut ops = Vec::new();
        if changed.has("privileges") {
            // In the order of the alphabet READ comes before WRITE, which needs it; so it goes the other way back.
            let gone = have.privileges.iter().rev().filter(|held| !want.privileges.contains(*held));
            ops.extend(gone.map(|gone| revoke(want, gone, &want.to)));
        }
        ops.extend(have.strangers.iter().rev().map(|(privilege, holder)| revoke(want, privilege, holder)));
        let lacking: BTreeSet<&'static str> = want.privileges.difference(&have.privileges).copied().collect();
        let option = changed.has("with_grant_option");
        if option && want.with_grant_option {
            ops.push(grant(want, &want.privileges));
        } else if !lacking.is_empty() {
            ops.push(grant(want, &lacking));
        }
        if option && !want.with_grant_option {
            let words = list("REVOKE GRANT OPTION FOR", want.privileges.intersection(&have.privileges).copied());
            ops.push(Op::sql(words.word("ON").then(want.target.text()).word("FROM").then(want.to.text())));
        }
        vec![Part::main(ops)]
    }

    fn delete(have: &Props) -> Vec<Part> {
        let gone = have.privileges.iter().rev().filter(|privilege| **privilege != OWNERSHIP);
        vec![Part::main(gone.map(|privilege| revoke(have, privilege, &have.to)).collect())]
    }

    fn relinks(_at: &Address, want: &Props, _have: &Props, to: &[LiveId], _changed: &Diff) -> Vec<Op> {
        if to.is_empty() { Vec::new() } else { vec![grant(want, &want.privileges)] }
    }

    fn breaks(have: &Props) -> Vec<String> {
        if have.privileges.contains(OWNERSHIP) {
            return vec![format!(
                "{} goes on being owned by {}: an owner is replaced, not taken away",
                have.target,
                have.to.text()
            )];
        }
        let privileges: Vec<&str> = have.privileges.iter().copied().collect();
        vec![format!("{} can no longer {} on {}", have.to.text(), privileges.join(", "), have.target)]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        read::named(name)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { to, target, privileges, with_grant_option, strangers: _, current_grants: _, needs: _ } = have;
        let mut fields = to_and_target(to, target);
        fields.push(("privileges", json!(privileges)));
        let fields = Export::of(fields).unless(&false, "with_grant_option", *with_grant_option);
        // Who owns an object was settled when it was made over.
        let owner = privileges.contains(OWNERSHIP).then(|| Json::from(CurrentGrants::Copy.word()));
        fields.set("current_grants", owner).done()
    }
}

impl Spec {
    fn grantee(&self) -> Option<Holder> {
        let role = self.to_role.clone().map(Holder::Role);
        role.or_else(|| self.to_database_role.clone().map(Holder::DatabaseRole))
    }

    fn target(&self) -> Option<Target> {
        let place = || {
            let schema = self.in_schema.clone().map(Container::Schema);
            schema.or_else(|| self.in_database.clone().map(Container::Database))
        };
        if self.on_account {
            return Some(Target::Account);
        }
        match (&self.on, self.all, self.future) {
            (Some(object), ..) => Some(Target::One(object.clone())),
            (None, Some(plural), _) => Some(Target::All(plural, place()?)),
            (None, None, Some(plural)) => Some(Target::Future(plural, place()?)),
            (None, None, None) => None,
        }
    }

    /// The privileges as words of the lists; others are refused before anything is planned.
    fn privileges(&self, target: &Target) -> BTreeSet<&'static str> {
        self.privileges.iter().filter_map(|written| word(target, written)).collect()
    }
}

fn role_of_all() -> Ident {
    "PUBLIC".parse().unwrap_or_else(|_| unreachable!("a plain name"))
}

/// A privilege as the lists spell it.
fn word(target: &Target, written: &str) -> Option<&'static str> {
    let known = target.privileges().iter().copied().chain([OWNERSHIP]);
    known.into_iter().find(|known| known.eq_ignore_ascii_case(written.trim()))
}

fn check_privileges(spec: &Spec) -> Vec<Problem> {
    let mut out = Vec::new();
    if spec.privileges.is_empty() {
        out.push(Problem::new("privileges", "no privilege is named").hint("name at least one, or remove the entry"));
    }
    let Some(target) = spec.target() else { return out };
    let known = target.privileges();
    for written in spec.privileges.iter().filter(|written| word(&target, written).is_none()) {
        let all = ["ALL", "ALL PRIVILEGES"].contains(&written.to_ascii_uppercase().as_str());
        let problem = if all {
            Problem::new("privileges", "`ALL` is not the same tomorrow: Snowflake adds privileges")
        } else {
            Problem::new("privileges", format!("`{written}` is no privilege on {target}"))
        };
        out.push(problem.hint(format!("it is one of {}", known.join(", "))));
    }
    let owns = spec.privileges.iter().any(|written| written.eq_ignore_ascii_case(OWNERSHIP));
    if owns && (spec.privileges.len() > 1 || spec.with_grant_option || spec.exclusive) {
        let problem = Problem::new("privileges", "OWNERSHIP stands alone: an owner may do everything");
        out.push(problem.hint("make an entry of its own for it"));
    }
    let moves = matches!(target, Target::One(ref object) if !matches!(object, Object::Task(_) | Object::Pipe(_)));
    if owns && !moves {
        let problem = Problem::new("privileges", format!("the ownership of {target} cannot be made over here"));
        out.push(
            problem.hint(
                "tasks and pipes must stand still for it, and many objects at once are not undone: do it by hand",
            ),
        );
    }
    match (owns, spec.current_grants) {
        (true, None) => {
            let problem =
                Problem::new("current_grants", "it must be said what becomes of the privileges that others hold");
            out.push(problem.hint("`COPY` keeps them, `REVOKE` takes them away"));
        }
        (false, Some(_)) => out.push(Problem::new("current_grants", "this goes with OWNERSHIP").hint("remove it")),
        _ => {}
    }
    out
}

impl Target {
    fn field(&self) -> &'static str {
        match self {
            Self::Account => "on_account",
            Self::One(_) => "on",
            Self::All(..) => "all",
            Self::Future(..) => "future",
        }
    }
}

fn list(words: &'static str, privileges: impl Iterator<Item = &'static str>) -> Text {
    let mut text = Text::new(words);
    for (index, privilege) in privileges.enumerate() {
        text = if index == 0 { text.word(privilege) } else { text.word(",").word(privilege) };
    }
    text
}

fn grant(want: &Props, privileges: &BTreeSet<&'static str>) -> Op {
    let text = list("GRANT", privileges.iter().copied()).word("ON").then(want.target.text());
    let text = text.word("TO").then(want.to.text());
    Op::sql(match want.current_grants.filter(|_| privileges.contains(OWNERSHIP)) {
        Some(CurrentGrants::Copy) => text.word("COPY CURRENT GRANTS"),
        Some(CurrentGrants::Revoke) => text.word("REVOKE CURRENT GRANTS"),
        None if want.with_grant_option => text.word("WITH GRANT OPTION"),
        None => text,
    })
}

fn revoke(of: &Props, privilege: &'static str, from: &Holder) -> Op {
    Op::sql(Text::new("REVOKE").word(privilege).word("ON").then(of.target.text()).word("FROM").then(from.text()))
}

fn to_and_target(to: &Holder, target: &Target) -> Fields {
    let mut fields: Fields = vec![match to {
        Holder::DatabaseRole(name) => ("to_database_role", json!(name.to_string())),
        other => ("to_role", json!(other.name())),
    }];
    let place = |place: &Container| match place {
        Container::Schema(name) => ("in_schema", json!(name.written())),
        Container::Database(name) => ("in_database", json!(name.written())),
    };
    match target {
        Target::Account => fields.push(("on_account", json!(true))),
        Target::One(object) => fields.push(("on", object.written())),
        Target::All(plural, container) => fields.extend([("all", json!(plural.word())), place(container)]),
        Target::Future(plural, container) => fields.extend([("future", json!(plural.word())), place(container)]),
    }
    fields
}

#[cfg(test)]
mod tests;
