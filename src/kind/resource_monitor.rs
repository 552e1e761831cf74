//! Resource monitors: how many credits warehouses may spend, and what happens when they have.
//!
//! `CREATE RESOURCE MONITOR` takes no comment, so the mark is set by `COMMENT ON`, in the same step; if that is refused, the monitor that was
//! just made is dropped again, so that none is left without an owner. Triggers are replaced as a whole and cannot be taken away: a monitor
//! that shall have none is created anew, and the warehouses of the spec are given the new one.
//!
//! Statements: `SHOW RESOURCE MONITORS`, `CREATE`, `ALTER` and `DROP RESOURCE MONITOR`, `COMMENT ON RESOURCE MONITOR`.
//! Privileges: ACCOUNTADMIN to create it, MODIFY to change it.

mod moment;

use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use self::moment::Moment;
use super::container::comment_field;
use super::export::Export;
use super::setting::Value;
use super::words::words;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, show};
use crate::cloud::{Cloud, CloudError, Row};
use crate::model::{
    Act, Address, Change, Context, Diff, Effect, Found, Ident, LiveId, Mark, Observed, Op, Shown, Text, Val,
};

/// The kind.
pub struct ResourceMonitor;

/// A resource monitor.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// How many credits its warehouses may spend in an interval. Default: no limit, so that nothing is ever triggered.
    pub credit_quota: Option<i64>,
    /// How often the count begins anew: `MONTHLY`, `DAILY`, `WEEKLY`, `YEARLY` or `NEVER`. Default: `MONTHLY`.
    #[serde(default = "monthly")]
    pub frequency: Frequency,
    /// When the first interval begins, in UTC: `2030-01-31` or `2030-01-31 08:00`. Default: at once. It is said when the monitor is created and when
    /// `frequency` changes, which begins a new count; afterwards it has no meaning.
    pub start_timestamp: Option<Moment>,
    /// When the monitor ends and suspends its warehouses, in UTC: `2030-12-31` or `2030-12-31 08:00`. Default: never.
    pub end_timestamp: Option<Moment>,
    /// At which percentages of the quota somebody is told, at most five. Default: none.
    #[serde(default)]
    pub notify_at: BTreeSet<i64>,
    /// At which percentage of the quota warehouses are suspended as soon as what runs is done. Default: never. A monitor that loses its last
    /// trigger is created anew, and its count with it.
    pub suspend_at: Option<i64>,
    /// At which percentage of the quota warehouses are suspended at once, cancelling what runs. Default: never.
    pub suspend_immediately_at: Option<i64>,
    /// Users who are told by e-mail beside the account administrators. Default: none.
    #[serde(default)]
    pub notify_users: BTreeSet<Ident>,
}

fn monthly() -> Frequency {
    Frequency::Monthly
}

words! {
    /// How often the count begins anew.
    Frequency { Monthly = "MONTHLY", Daily = "DAILY", Weekly = "WEEKLY", Yearly = "YEARLY", Never = "NEVER" }
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    quota: Option<Value>,
    /// A word; live perhaps one that nobody knows here.
    frequency: String,
    /// Nothing that is read back.
    start: Option<Moment>,
    end: Option<Moment>,
    notify: BTreeSet<i64>,
    suspend: Option<i64>,
    suspend_immediately: Option<i64>,
    users: BTreeSet<Ident>,
}

impl Kind for ResourceMonitor {
    const NAME: &'static str = "resource_monitor";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A resource monitor: how many credits warehouses may spend.";
    const EXAMPLE: &'static str = r#"
[resource_monitor.limit]
name = "LIMIT"
credit_quota = 100
notify_at = [75]
suspend_at = 100
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
        if spec.credit_quota.is_some_and(|quota| quota < 1) {
            let problem = Problem::new("credit_quota", "a quota is at least one credit");
            out.push(problem.hint("write a whole number, or remove it for no limit"));
        }
        if spec.notify_at.len() > 5 {
            out.push(Problem::new("notify_at", "a resource monitor tells of at most five percentages"));
        }
        let percentages = spec.notify_at.iter().map(|percent| ("notify_at", percent));
        let percentages = percentages.chain(spec.suspend_at.iter().map(|percent| ("suspend_at", percent)));
        let percentages =
            percentages.chain(spec.suspend_immediately_at.iter().map(|percent| ("suspend_immediately_at", percent)));
        for (field, percent) in percentages.filter(|(_, percent)| **percent < 1) {
            let problem = Problem::new(field, format!("{percent} is no percentage of the quota"));
            out.push(problem.hint("write a whole number from 1; it may be above 100"));
        }
        out
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        let Spec {
            name,
            comment,
            credit_quota,
            frequency,
            start_timestamp,
            end_timestamp,
            notify_at,
            suspend_at,
            suspend_immediately_at,
            notify_users,
        } = &entry.spec;
        Props {
            name: name.clone(),
            comment: comment.clone(),
            mark: Some(entry.mark.clone()),
            quota: credit_quota.map(Value::Int),
            frequency: frequency.word().to_owned(),
            start: start_timestamp.clone(),
            end: end_timestamp.clone(),
            notify: notify_at.clone(),
            suspend: *suspend_at,
            suspend_immediately: *suspend_immediately_at,
            users: notify_users.clone(),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            name: _,
            comment,
            mark: _,
            quota,
            frequency,
            start,
            end,
            notify,
            suspend,
            suspend_immediately,
            users,
        } = props;
        let percentages = || notify.iter().map(|percent| Val::known(percent.to_string())).collect();
        let names = || users.iter().map(|name| Val::known(name.to_string())).collect();
        vec![
            comment_field(comment),
            Field::in_place("credit_quota", quota.as_ref().map(Value::shown)),
            Field::in_place("frequency", Some(frequency.clone())),
            Field::create_only("start_timestamp", start.as_ref().map(ToString::to_string)),
            Field::in_place("end_timestamp", end.as_ref().map(ToString::to_string)),
            Field::in_place("notify_at", (!notify.is_empty()).then(|| Shown::List(percentages()))),
            Field::in_place("suspend_at", *suspend),
            Field::in_place("suspend_immediately_at", *suspend_immediately),
            Field::in_place("notify_users", (!users.is_empty()).then(|| Shown::List(names()))),
        ]
    }

    fn effect(want: &Props, have: &Props, change: &Change) -> Option<Effect> {
        match change.field.as_str() {
            "notify_at" | "suspend_at" | "suspend_immediately_at" if !triggered(want) => Some(Effect::Replaces),
            // Whether Snowflake keeps the time of day is not documented.
            "end_timestamp" if have.end.as_ref().is_some_and(|end| want.end.as_ref().is_some_and(|w| end.dates(w))) => {
                None
            }
            _ => Some(change.effect),
        }
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(_props: &Props) -> Vec<Ref> {
        Vec::new()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names = entries.iter().map(|entry| &entry.spec.name);
        let listing = show::account(session, "SHOW RESOURCE MONITORS", names).await?;
        gather(entries, context, &listing)
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE RESOURCE MONITOR").name(&want.name).word("WITH");
        if want.quota.is_some() {
            text = text.then(quota(want));
        }
        text = text.then(schedule(want));
        if want.end.is_some() {
            text = text.then(end(want));
        }
        if !want.users.is_empty() {
            text = text.then(users(want));
        }
        let made = Op::sql(text.then(triggers(want))).undone_by(Act::Sql(drop(&want.name)));
        vec![Part::main(vec![made, Op::sql(comment(want))])]
    }

    fn alter(_at: &Address, want: &Props, _have: &Props, changed: &Diff) -> Vec<Part> {
        let clauses = [
            ("credit_quota", quota(want)),
            ("frequency", schedule(want)),
            ("end_timestamp", end(want)),
            ("notify_users", users(want)),
        ];
        let set = clauses.into_iter().filter(|(field, _)| changed.has(field)).map(|(_, clause)| clause);
        let set = set.fold(Text::default(), Text::then);
        let set = if set.is_empty() { set } else { Text::new("SET").then(set) };
        let triggered = ["notify_at", "suspend_at", "suspend_immediately_at"].iter().any(|field| changed.has(field));
        let set = if triggered { set.then(triggers(want)) } else { set };
        let mut ops = Vec::new();
        // First the mark: whoever is interrupted here owns what was changed.
        if changed.has("comment") || changed.has("mark") {
            ops.push(Op::sql(comment(want)));
        }
        if !set.is_empty() {
            ops.push(Op::sql(Text::new("ALTER RESOURCE MONITOR").name(&want.name).then(set)));
        }
        vec![Part::main(ops)]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(drop(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!(
                "nothing limits the credits of the warehouses that {name} watches, nor of the account if it watches that"
            ),
            format!("what was spent so far in the interval of {name} is forgotten"),
        ]
    }

    fn named(name: &str, _context: &Context) -> Result<Fields, String> {
        let name: Ident =
            name.parse().map_err(|error| format!("`{name}` is not the name of a resource monitor: {error}"))?;
        Ok(Export::default().field("name", name.written()).done())
    }

    /// When its count began has no meaning for an entry.
    fn export(have: &Props, _context: &Context) -> Fields {
        let Props {
            name,
            comment,
            mark: _,
            quota,
            frequency,
            start: _,
            end,
            notify,
            suspend,
            suspend_immediately,
            users,
        } = have;
        let users: Vec<String> = users.iter().map(Ident::written).collect();
        Export::default()
            .field("name", name.written())
            .text("comment", comment)
            .set("credit_quota", quota.as_ref().map(Value::json))
            .unless(&Frequency::Monthly.word().to_owned(), "frequency", frequency.clone())
            .set("end_timestamp", end.as_ref().map(ToString::to_string))
            .filled("notify_at", json!(notify))
            .set("suspend_at", *suspend)
            .set("suspend_immediately_at", *suspend_immediately)
            .filled("notify_users", json!(users))
            .done()
    }
}

fn triggered(props: &Props) -> bool {
    !props.notify.is_empty() || props.suspend.is_some() || props.suspend_immediately.is_some()
}

fn drop(name: &Ident) -> Text {
    Text::new("DROP RESOURCE MONITOR").name(name)
}

fn comment(want: &Props) -> Text {
    let text = want.mark.as_ref().map_or_else(|| want.comment.clone(), |mark| mark.comment(&want.comment));
    Text::new("COMMENT ON RESOURCE MONITOR").name(&want.name).word("IS").literal(text)
}

fn quota(want: &Props) -> Text {
    let text = Text::new("CREDIT_QUOTA =");
    match &want.quota {
        Some(Value::Int(credits)) => text.int(*credits),
        _ => text.word("NULL"),
    }
}

/// A frequency is never without a start.
fn schedule(want: &Props) -> Text {
    let text = match Frequency::read(&want.frequency) {
        Some(frequency) => Text::new("FREQUENCY =").word(frequency.word()),
        None => Text::default(),
    };
    let text = text.word("START_TIMESTAMP =");
    match &want.start {
        Some(moment) => text.literal(moment.to_string()),
        None => text.word("IMMEDIATELY"),
    }
}

fn end(want: &Props) -> Text {
    let text = Text::new("END_TIMESTAMP =");
    match &want.end {
        Some(moment) => text.literal(moment.to_string()),
        None => text.word("NULL"),
    }
}

fn users(want: &Props) -> Text {
    let names = want.users.iter().map(|name| Text::default().name(name));
    Text::new("NOTIFY_USERS = (").list(names).word(")")
}

/// All triggers; Snowflake replaces what there was.
fn triggers(want: &Props) -> Text {
    let on = |percent: &i64, action: &'static str| Text::new("ON").int(*percent).word("PERCENT DO").word(action);
    let notify = want.notify.iter().map(|percent| on(percent, "NOTIFY"));
    let suspend = want.suspend.iter().map(|percent| on(percent, "SUSPEND"));
    let suspend_immediately = want.suspend_immediately.iter().map(|percent| on(percent, "SUSPEND_IMMEDIATE"));
    let all = notify.chain(suspend).chain(suspend_immediately).fold(Text::default(), Text::then);
    if all.is_empty() { all } else { Text::new("TRIGGERS").then(all) }
}

fn gather(entries: &[Entry<Spec>], context: &Context, listing: &show::Listing) -> Result<Observed<Props>, CloudError> {
    let rows = listing.index(show::name_of)?;
    let found = rows.into_iter().map(|(name, row)| Ok((name.clone(), read(name, &row)?)));
    let found = found.collect::<Result<BTreeMap<_, _>, CloudError>>()?;
    Ok(show::observed::<ResourceMonitor, _>(entries, context, |spec| spec.name.clone(), found))
}

fn read(name: Ident, row: &Row<'_>) -> Result<Found<Props>, CloudError> {
    let (comment, mark) = show::comment(show::column(row, "comment")?);
    let percentages = |column: &str| -> BTreeSet<i64> {
        let parts = row.get(column).unwrap_or_default().split(',');
        parts.filter_map(|part| part.trim().trim_end_matches('%').trim().parse().ok()).collect()
    };
    let props = Props {
        name,
        comment,
        mark,
        quota: show::column(row, "credit_quota")?.and_then(credits),
        frequency: row.get("frequency").unwrap_or(Frequency::Monthly.word()).to_ascii_uppercase(),
        start: None,
        end: row.get("end_time").map(Moment::read),
        notify: percentages("notify_at"),
        suspend: percentages("suspend_at").first().copied(),
        suspend_immediately: percentages("suspend_immediately_at").first().copied(),
        users: row.get("notify_users").map(names).unwrap_or_default(),
    };
    Ok(Found { props, facts: BTreeMap::new() })
}

/// `1000.00`; zero is no quota.
fn credits(text: &str) -> Option<Value> {
    let whole = match text.split_once('.') {
        Some((whole, rest)) if rest.bytes().all(|digit| digit == b'0') => whole,
        _ => text,
    };
    match whole.parse() {
        Ok(0) => None,
        Ok(credits) => Some(Value::Int(credits)),
        Err(_) => Some(Value::from(text)),
    }
}

/// `JOHN, "jane doe"`; some answers have brackets around it.
fn names(text: &str) -> BTreeSet<Ident> {
    let inner = text.trim().trim_start_matches('[').trim_end_matches(']');
    let name = |part: &str| {
        if part.starts_with('"') { part.parse().ok() } else { Ident::stored(part).ok() }
    };
    inner.split(',').map(str::trim).filter(|part| !part.is_empty()).filter_map(name).collect()
}

#[cfg(test)]
mod tests;
