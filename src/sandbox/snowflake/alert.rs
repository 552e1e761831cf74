//! Alerts: kept, altered and shown. The sandbox never asks what an alert asks: time that passes runs tasks, not alerts.

use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::lex::Tok;
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::schedule::Schedule;
use super::show::{Beyond, DESCRIBE, Filter, NULL, SHOW, Sheet, timestamp};
use super::state::{ACCOUNT, Body, Id, Kind, Object};

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Alert {
    /// None for a serverless alert.
    warehouse: Option<String>,
    /// As written; none for one that runs when there is new data.
    schedule: Option<String>,
    condition: String,
    action: String,
    started: bool,
}

/// `CREATE [OR REPLACE] ALERT n [options] IF (EXISTS (…)) THEN …`: always suspended.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    let mut props = Props::read(p)?;
    p.need("IF")?;
    p.need_mark("(")?;
    let condition = condition(p)?;
    p.need_mark(")")?;
    p.need("THEN")?;
    let action = action(p)?;
    let slot = match cx.claim(Kind::Alert, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let mut alert = Alert { condition, action, ..Alert::default() };
    let comment = apply(cx, &mut alert, &mut props)?;
    props.finish()?;
    cx.put(&slot, comment, Body::Alert(Box::new(alert)));
    Ok(created("Alert", &slot.name))
}

/// Sets what a property list says, and gives back the comment.
fn apply(cx: &Context<'_>, alert: &mut Alert, props: &mut Props) -> Fallible<Option<String>> {
    if let Some(name) = props.name("WAREHOUSE")? {
        cx.object_with(Kind::Warehouse, &name, &["USAGE"], "CREATE ALERT")?;
        alert.warehouse = Some(name.last().to_owned());
    }
    if let Some(schedule) = props.text("SCHEDULE")? {
        // Alerts know no unit but minutes.
        let minutes = schedule.to_uppercase().contains("MINUTE") || schedule.to_uppercase().contains("CRON");
        Schedule::read(&schedule).filter(|_| minutes).ok_or_else(|| fail::bad_property(&schedule, "SCHEDULE"))?;
        alert.schedule = Some(schedule);
    }
    props.text("COMMENT")
}

/// `EXISTS ( … )`: what stands in the brackets, trimmed.
fn condition(p: &mut Parser<'_>) -> Fallible<String> {
    p.need("EXISTS")?;
    p.need_mark("(")?;
    let from = p.mark_place();
    let mut depth = 0_usize;
    loop {
        match p.peek() {
            None => return Err(p.unexpected()),
            Some(Tok::Mark("(")) => depth += 1,
            Some(Tok::Mark(")")) if depth == 0 => break,
            Some(Tok::Mark(")")) => depth -= 1,
            Some(_) => {}
        }
        p.advance();
    }
    let text = p.between(from, p.mark_place()).trim().to_owned();
    let verb = text.split(|c: char| !c.is_alphabetic()).find(|word| !word.is_empty()).unwrap_or_default();
    if !["SELECT", "WITH", "SHOW", "CALL"].contains(&verb.to_uppercase().as_str()) {
        p.back_to(from);
        return Err(p.unexpected());
    }
    p.need_mark(")")?;
    Ok(text)
}

fn action(p: &mut Parser<'_>) -> Fallible<String> {
    if p.at_end() {
        return Err(p.unexpected());
    }
    Ok(p.rest().trim().trim_end_matches(';').trim_end().to_owned())
}

/// `ALTER ALERT n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    for (verb, started) in [("RESUME", true), ("SUSPEND", false)] {
        if p.eat(verb) {
            p.end()?;
            cx.demand(id, &["OPERATE"])?;
            if started {
                may_run(cx, id)?;
            }
            if let Some(alert) = cx.edit().alert_mut(id) {
                alert.started = started;
            }
            return Ok(executed());
        }
    }
    cx.demand(id, &[])?;
    let Some(mut next) = cx.see().alert(id).cloned() else { return Err(fail::nowhere()) };
    let mut comment = None;
    if p.eat("MODIFY CONDITION") {
        next.condition = condition(p)?;
        p.end()?;
    } else if p.eat("MODIFY ACTION") {
        next.action = action(p)?;
    } else if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        comment = apply(cx, &mut next, &mut props)?;
        props.finish()?;
    } else {
        p.need("UNSET")?;
        let keys = unset_keys(p)?;
        p.end()?;
        for (key, complaint) in keys {
            match key.as_str() {
                "WAREHOUSE" => next.warehouse = None,
                "SCHEDULE" => next.schedule = None,
                "COMMENT" => comment = Some(String::new()),
                _ => return Err(complaint),
            }
        }
    }
    let state = cx.edit();
    if let Some(alert) = state.alert_mut(id) {
        *alert = next;
    }
    if let (Some(comment), Some(object)) = (comment, state.objects.get_mut(&id)) {
        object.comment = comment;
    }
    Ok(executed())
}

/// The owner needs the account's leave to run alerts. The words are the simulator's.
fn may_run(cx: &Context<'_>, id: Id) -> Fallible<()> {
    let owner = super::context::inherited(cx.see(), cx.see().get(id).and_then(|o| o.owner).unwrap_or(cx.role));
    let serverless = cx.see().alert(id).is_some_and(|alert| alert.warehouse.is_none());
    for (needed, privilege) in [(true, "EXECUTE ALERT"), (serverless, "EXECUTE MANAGED ALERT")] {
        if needed && !cx.holds(&owner, ACCOUNT, privilege) {
            let text = format!("Cannot execute alert, {privilege} privilege must be granted to owner role");
            return Err(fail::error("091089", "23001", text));
        }
    }
    Ok(())
}

const COLUMNS: [&str; 12] = [
    "created_on:timestamp",
    "name",
    "database_name",
    "schema_name",
    "owner",
    "comment",
    "warehouse",
    "schedule",
    "state",
    "condition",
    "action",
    "owner_role_type",
];

/// `SHOW ALERTS`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Alert, true)?;
    let mut sheet = Sheet::new(SHOW, &COLUMNS);
    for object in filter.objects(cx, Kind::Alert, Beyond::Fail)? {
        row(cx, object, &mut sheet);
    }
    Ok(sheet.done())
}

/// `DESC ALERT n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let mut sheet = Sheet::new(DESCRIBE, &COLUMNS);
    if let Some(object) = cx.see().get(id) {
        row(cx, object, &mut sheet);
    }
    sheet.done()
}

fn row(cx: &Context<'_>, object: &Object, sheet: &mut Sheet) {
    let state = cx.see();
    let Some(alert) = state.alert(object.id) else { return };
    let (database, schema) = state.container_names(object);
    sheet.row([
        timestamp(object.created),
        (&object.name).into(),
        database.into(),
        schema.into(),
        state.role_name(object.owner).into(),
        if object.comment.is_empty() { NULL } else { (&object.comment).into() },
        alert.warehouse.clone().into(),
        alert.schedule.clone().into(),
        if alert.started { "started".into() } else { "suspended".into() },
        (&alert.condition).into(),
        (&alert.action).into(),
        "ROLE".into(),
    ]);
}
