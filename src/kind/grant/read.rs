//! What is granted: the rows of `SHOW GRANTS` as properties, and the name by which `snowssi import` knows a grant.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;
use serde_json::json;

use super::target::{Container, Object, Plural, Target};
use super::{OWNERSHIP, Props, Spec, to_and_target, word};
use crate::cloud::{Cloud, CloudError, Row, Session};
use crate::kind::membership::{self, Holder};
use crate::kind::{Entry, Fields, show};
use crate::model::context::Sight;
use crate::model::{Context, DatabaseRoleName, Found, Ident, ObjectName, Observed, SchemaName, Seen, Text};

/// Reads what each entry speaks for. The same question is asked once, however many entries need its answer.
pub(super) async fn observe(
    entries: &[Entry<Spec>],
    cloud: &Cloud,
    context: &Context,
) -> Result<Observed<Props>, CloudError> {
    if entries.is_empty() {
        return Ok(Observed { declared: BTreeMap::new(), others: BTreeMap::new() });
    }
    let session = cloud.snowflake()?;
    let seen = entries.iter().map(|entry| async move {
        let seen = one(session, entry, entries, context).await?;
        Ok::<_, CloudError>((entry.at.clone(), seen))
    });
    let declared = try_join_all(seen).await?.into_iter().collect();
    Ok(Observed { declared, others: BTreeMap::new() })
}

async fn one(
    session: &Session,
    entry: &Entry<Spec>,
    entries: &[Entry<Spec>],
    context: &Context,
) -> Result<Seen<Props>, CloudError> {
    let spec = &entry.spec;
    let (Some(to), Some(target)) = (spec.grantee(), spec.target()) else { return Ok(Seen::Absent) };
    let wanted = spec.privileges(&target);
    let Some(held) = held(session, &to, &target, &wanted).await? else {
        // Neither is there yet, or it cannot be seen.
        return Ok(match &context.sight {
            Sight::Full => Seen::Absent,
            Sight::Partial(role) => Seen::Hidden(format!("{role} does not see {} or {target}", to.text())),
        });
    };
    let strangers = match &target {
        Target::One(_) if spec.exclusive => strangers(session, &to, &target, &wanted, entries).await?,
        _ => BTreeSet::new(),
    };
    let owns = wanted.contains(OWNERSHIP);
    let counts = |privilege: &str| {
        let named = wanted.contains(privilege);
        named || (!spec.additive && !owns && privilege != OWNERSHIP && !matches!(target, Target::All(..)))
    };
    let privileges: BTreeSet<&'static str> = held.keys().copied().filter(|privilege| counts(privilege)).collect();
    if privileges.is_empty() && strangers.is_empty() {
        return Ok(Seen::Absent);
    }
    let mut options = wanted.iter().filter_map(|privilege| held.get(privilege));
    let with_grant_option =
        if spec.with_grant_option { options.all(|option| *option) } else { options.any(|option| *option) };
    // An owner has the option of everything.
    let with_grant_option = with_grant_option && !owns;
    let needs = target.ids(std::iter::empty());
    let props = Props { to, needs, privileges, target, with_grant_option, strangers, current_grants: None };
    Ok(Seen::Present(Found { props, facts: BTreeMap::new() }))
}

/// What a role holds on a target, each with whether it may be handed on; on all objects of a sort what it holds on each of them. `None` if the role
/// (or the place of the objects) is not there or not visible.
async fn held(
    session: &Session,
    to: &Holder,
    target: &Target,
    wanted: &BTreeSet<&'static str>,
) -> Result<Option<BTreeMap<&'static str, bool>>, CloudError> {
    if let Target::Future(plural, place) = target {
        let text = Text::new("SHOW FUTURE GRANTS TO").then(to.text());
        let Some(rows) = show::whole(session, &text).await? else { return Ok(None) };
        let mut out = BTreeMap::new();
        for row in rows.iter() {
            if future(&row)? == Some((*plural, place.clone())) {
                note(&mut out, target, &row)?;
            }
        }
        return Ok(Some(out));
    }
    let text = Text::new("SHOW GRANTS TO").then(to.text());
    let Some(rows) = show::whole(session, &text).await? else { return Ok(None) };
    let mut by_object: BTreeMap<Object, BTreeMap<&'static str, bool>> = BTreeMap::new();
    let mut account = BTreeMap::new();
    for row in rows.iter() {
        let (on, name) = (cell(&row, "granted_on")?, cell(&row, "name")?);
        if on.eq_ignore_ascii_case("ACCOUNT") {
            note(&mut account, &Target::Account, &row)?;
        } else if let Some(object) = Object::shown(&on, &name) {
            let of = Target::One(object.clone());
            note(by_object.entry(object).or_default(), &of, &row)?;
        }
    }
    match target {
        Target::Account => Ok(Some(account)),
        Target::One(object) => Ok(Some(by_object.remove(object).unwrap_or_default())),
        Target::All(plural, place) => {
            let Some(objects) = objects(session, *plural, place).await? else { return Ok(None) };
            // Where there are no objects, everything is granted on all of them.
            let everything: BTreeMap<&'static str, bool> = wanted.iter().map(|privilege| (*privilege, false)).collect();
            let on_each = objects.iter().map(|object| by_object.get(object).cloned().unwrap_or_default());
            let both = |all: BTreeMap<&'static str, bool>, one: BTreeMap<&'static str, bool>| {
                let joint = all.into_iter().filter_map(|(name, option)| Some((name, *one.get(name)? && option)));
                joint.collect()
            };
            Ok(Some(on_each.reduce(both).unwrap_or(everything)))
        }
        Target::Future(..) => Ok(None),
    }
}

fn note(out: &mut BTreeMap<&'static str, bool>, target: &Target, row: &Row<'_>) -> Result<(), CloudError> {
    // Privileges that have no word here are none that an entry could name.
    let Some(privilege) = word(target, &cell(row, "privilege")?) else { return Ok(()) };
    // What comes down from a container is not held here.
    if row.flag("is_inherited") == Some(true) {
        return Ok(());
    }
    let option = row.flag("grant_option") == Some(true);
    out.entry(privilege).and_modify(|known| *known |= option).or_insert(option);
    Ok(())
}

fn cell(row: &Row<'_>, name: &'static str) -> Result<String, CloudError> {
    Ok(show::column(row, name)?.unwrap_or_default().to_owned())
}

/// The sort and place of a row of SHOW FUTURE GRANTS: its name is `DB.<TABLE>` or `DB.SCHEMA.<TABLE>`.
fn future(row: &Row<'_>) -> Result<Option<(Plural, Container)>, CloudError> {
    let (on, name) = (cell(row, "grant_on")?, cell(row, "name")?);
    let Some(plural) = Plural::shown(&on) else { return Ok(None) };
    let Some((place, _)) = name.rsplit_once(".<") else { return Ok(None) };
    let schema = place.parse::<SchemaName>().map(Container::Schema).ok();
    Ok(schema.or_else(|| membership::exact(place).ok().map(Container::Database)).map(|place| (plural, place)))
}

/// The objects of a sort in a place.
async fn objects(session: &Session, plural: Plural, place: &Container) -> Result<Option<Vec<Object>>, CloudError> {
    let text = Text::new(plural.show()).then(place.text());
    let Some(rows) = show::whole(session, &text).await? else { return Ok(None) };
    let mut out = Vec::new();
    for row in rows.iter() {
        let stored = |name: &'static str| -> Result<Option<Ident>, CloudError> {
            Ok(show::column(&row, name)?.and_then(|name| Ident::stored(name).ok()))
        };
        let (Some(database), Some(name)) = (stored("database_name")?, stored("name")?) else { continue };
        let object = if plural == Plural::Schemas {
            (name.as_str() != "INFORMATION_SCHEMA").then_some(Object::Schema(SchemaName { database, schema: name }))
        } else {
            let schema = stored("schema_name")?.filter(|schema| schema.as_str() != "INFORMATION_SCHEMA");
            let full = schema.map(|schema| SchemaName { database, schema }.object(&name));
            full.and_then(|name| Object::shown(singular(plural), &name.to_string()))
        };
        out.extend(object);
    }
    Ok(Some(out))
}

fn singular(plural: Plural) -> &'static str {
    plural.word().trim_end_matches('S')
}

/// Who else holds these privileges on an object, but its owner and those whom entries of this spec name.
async fn strangers(
    session: &Session,
    to: &Holder,
    target: &Target,
    wanted: &BTreeSet<&'static str>,
    entries: &[Entry<Spec>],
) -> Result<BTreeSet<(&'static str, Holder)>, CloudError> {
    let named = |privilege: &str, holder: &Holder| {
        entries.iter().any(|entry| {
            entry.spec.target().is_some_and(|named| named.covers(target))
                && entry.spec.grantee().as_ref() == Some(holder)
                && entry.spec.privileges(target).contains(privilege)
        })
    };
    let text = Text::new("SHOW GRANTS ON").then(target.text());
    let Some(rows) = show::whole(session, &text).await? else { return Ok(BTreeSet::new()) };
    let database = match target {
        Target::One(object) => object.database(),
        _ => None,
    };
    let mut out = BTreeSet::new();
    for row in rows.iter() {
        let Some(privilege) = word(target, &cell(&row, "privilege")?).filter(|one| wanted.contains(one)) else {
            continue;
        };
        let Some(holder) = membership::holder(&row, database.as_ref())? else { continue };
        if holder != *to && !matches!(holder, Holder::User(_)) && !named(privilege, &holder) {
            out.insert((privilege, holder));
        }
    }
    Ok(out)
}

/// `ROLE ANALYST ON TABLE DB.S.T`, `DATABASE ROLE DB.READ ON FUTURE TABLES IN SCHEMA DB.S`, `ROLE LOADER ON ACCOUNT`.
pub(super) fn named(name: &str) -> Result<Fields, String> {
    const FORM: &str =
        "expected such as `ROLE ANALYST ON TABLE DB.S.T` or `DATABASE ROLE DB.READ ON FUTURE TABLES IN SCHEMA DB.S`";
    let wrong = || format!("`{name}` is no grant: {FORM}");
    let (to, on) = name.split_once(" ON ").ok_or_else(wrong)?;
    let to = match (to.trim().strip_prefix("DATABASE ROLE "), to.trim().strip_prefix("ROLE ")) {
        (Some(role), _) => Holder::DatabaseRole(role.trim().parse::<DatabaseRoleName>().map_err(|_| wrong())?),
        (None, Some(role)) => Holder::Role(role.trim().parse::<Ident>().map_err(|_| wrong())?),
        (None, None) => return Err(wrong()),
    };
    let on = on.trim();
    let many = |rest: &str| -> Option<(Plural, Container)> {
        let (plural, place) = rest.split_once(" IN ")?;
        let place = match (place.trim().strip_prefix("SCHEMA "), place.trim().strip_prefix("DATABASE ")) {
            (Some(name), _) => Container::Schema(name.trim().parse().ok()?),
            (None, Some(name)) => Container::Database(name.trim().parse().ok()?),
            (None, None) => return None,
        };
        Some((Plural::read(plural.trim())?, place))
    };
    let target = if on == "ACCOUNT" {
        Target::Account
    } else if let Some(rest) = on.strip_prefix("FUTURE ") {
        many(rest).map(|(plural, place)| Target::Future(plural, place)).ok_or_else(wrong)?
    } else if let Some(rest) = on.strip_prefix("ALL ") {
        many(rest).map(|(plural, place)| Target::All(plural, place)).ok_or_else(wrong)?
    } else {
        // The last word is the name, the others say what it is. A name with a blank is in quotes and is not split.
        let cut = on.find('"').unwrap_or(on.len());
        let blank = on[..cut].trim_end().rfind(' ').filter(|_| cut == on.len()).or_else(|| on[..cut].rfind(' '));
        let (sort, name) = on.split_at(blank.ok_or_else(wrong)?);
        Target::One(Object::written_as(sort.trim(), name.trim()).ok_or_else(wrong)?)
    };
    let filler = target.privileges().first().copied().unwrap_or("USAGE");
    let mut fields = to_and_target(&to, &target);
    fields.push(("privileges", json!([filler])));
    Ok(fields)
}

impl Object {
    /// An object as a statement names it.
    fn written_as(sort: &str, name: &str) -> Option<Self> {
        let ident = || name.parse::<Ident>().ok();
        Some(match sort.to_ascii_uppercase().as_str() {
            "DATABASE" => Self::Database(ident()?),
            "WAREHOUSE" => Self::Warehouse(ident()?),
            "INTEGRATION" => Self::Integration(ident()?),
            "EXTERNAL VOLUME" => Self::ExternalVolume(ident()?),
            "RESOURCE MONITOR" => Self::ResourceMonitor(ident()?),
            "SCHEMA" => Self::Schema(name.parse().ok()?),
            _ => Self::shown(sort, &name.parse::<ObjectName>().ok()?.to_string())?,
        })
    }

    /// The database it lies in.
    fn database(&self) -> Option<Ident> {
        match self {
            Self::Database(name) => Some(name.clone()),
            Self::Schema(name) => Some(name.database.clone()),
            Self::Warehouse(_) | Self::Integration(_) | Self::ExternalVolume(_) | Self::ResourceMonitor(_) => None,
            Self::Table(name)
            | Self::View(name)
            | Self::Stage(name)
            | Self::FileFormat(name)
            | Self::Stream(name)
            | Self::Task(name)
            | Self::Pipe(name)
            | Self::Alert(name)
            | Self::Tag(name) => Some(name.schema.database.clone()),
        }
    }

    /// As an entry has it.
    pub(super) fn written(&self) -> serde_json::Value {
        match self {
            Self::Database(name) => json!({ "database": name.written() }),
            Self::Schema(name) => json!({ "schema": name.written() }),
            Self::Warehouse(name) => json!({ "warehouse": name.written() }),
            Self::Integration(name) => json!({ "integration": name.written() }),
            Self::ExternalVolume(name) => json!({ "external_volume": name.written() }),
            Self::ResourceMonitor(name) => json!({ "resource_monitor": name.written() }),
            Self::Table(name) => json!({ "table": name.written() }),
            Self::View(name) => json!({ "view": name.written() }),
            Self::Stage(name) => json!({ "stage": name.written() }),
            Self::FileFormat(name) => json!({ "file_format": name.written() }),
            Self::Stream(name) => json!({ "stream": name.written() }),
            Self::Task(name) => json!({ "task": name.written() }),
            Self::Pipe(name) => json!({ "pipe": name.written() }),
            Self::Alert(name) => json!({ "alert": name.written() }),
            Self::Tag(name) => json!({ "tag": name.written() }),
        }
    }
}
