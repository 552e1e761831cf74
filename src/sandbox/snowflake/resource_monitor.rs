//! Resource monitors. Nothing here costs credits, so none is ever used up.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::parse::Parser;
use super::props::Props;
use super::show::{Beyond, Cell, Filter, NULL, SHOW, Sheet, timestamp};
use super::state::{ACCOUNT, Body, Id, Kind};

/// A resource monitor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct ResourceMonitor {
    pub(super) credit_quota: u64,
    pub(super) frequency: String,
    /// Milliseconds since the epoch.
    pub(super) start: i64,
    pub(super) end: Option<i64>,
    pub(super) notify_users: Vec<String>,
    pub(super) notify_at: Vec<u64>,
    pub(super) suspend_at: Option<u64>,
    pub(super) suspend_immediately_at: Option<u64>,
}

/// Sets what a property list says.
fn apply(cx: &Context<'_>, monitor: &mut ResourceMonitor, props: &mut Props) -> Fallible<()> {
    if let Some(quota) = props.loose("CREDIT_QUOTA")? {
        monitor.credit_quota = match quota.to_uppercase().as_str() {
            "NULL" => 0,
            digits => digits.parse().map_err(|_| fail::bad_value(&quota, "CREDIT_QUOTA"))?,
        };
    }
    let frequency = props.choice("FREQUENCY", &["MONTHLY", "DAILY", "WEEKLY", "YEARLY", "NEVER"])?;
    let start = props.loose("START_TIMESTAMP")?;
    if frequency.is_some() && start.is_none() {
        return Err(fail::missing_options(&["START_TIMESTAMP"]));
    }
    if let Some(frequency) = frequency {
        monitor.frequency = frequency;
    }
    if let Some(start) = start {
        monitor.start = if start.eq_ignore_ascii_case("IMMEDIATELY") {
            cx.now
        } else {
            moment(&start).ok_or_else(|| fail::bad_value(&start, "START_TIMESTAMP"))?
        };
    }
    if let Some(end) = props.loose("END_TIMESTAMP")? {
        monitor.end = if end.eq_ignore_ascii_case("NULL") {
            None
        } else {
            Some(moment(&end).ok_or_else(|| fail::bad_value(&end, "END_TIMESTAMP"))?)
        };
    }
    if let Some(users) = props.names("NOTIFY_USERS")? {
        let known = |user: &String| cx.see().user_roles.contains_key(user) || cx.session.user == *user;
        if let Some(unknown) = users.iter().find(|user| !known(user)) {
            return Err(fail::missing("User", unknown));
        }
        monitor.notify_users = users;
    }
    Ok(())
}

/// A timestamp of the session, whose time zone is taken for UTC.
fn moment(text: &str) -> Option<i64> {
    let time = DateTime::strptime("%Y-%m-%d %H:%M", text)
        .or_else(|_| DateTime::strptime("%Y-%m-%d %H:%M:%S", text))
        .or_else(|_| Date::strptime("%Y-%m-%d", text).map(|date| date.at(0, 0, 0, 0)));
    Some(time.ok()?.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// `TRIGGERS ON p PERCENT DO …`, which replaces all triggers there were.
fn triggers(p: &mut Parser<'_>, monitor: &mut ResourceMonitor) -> Fallible<bool> {
    if !p.eat("TRIGGERS") {
        return Ok(false);
    }
    monitor.notify_at.clear();
    (monitor.suspend_at, monitor.suspend_immediately_at) = (None, None);
    p.need("ON")?;
    loop {
        let percent = p.number()?;
        p.need("PERCENT DO")?;
        // The texts about more than one are measured; the code is not.
        let too_many = |what: &str| {
            let text = format!("SQL compilation error:\nA resource monitor can have at most {what} trigger.");
            Err(fail::error("001003", "42601", text))
        };
        match p.eat_one(&["SUSPEND_IMMEDIATE", "SUSPEND", "NOTIFY"]) {
            Some("SUSPEND_IMMEDIATE") if monitor.suspend_immediately_at.is_some() => {
                return too_many("one suspend_immediate");
            }
            Some("SUSPEND") if monitor.suspend_at.is_some() => return too_many("one suspend"),
            Some("NOTIFY") if monitor.notify_at.len() == 5 => return too_many("five notify"),
            Some("SUSPEND_IMMEDIATE") => monitor.suspend_immediately_at = Some(percent),
            Some("SUSPEND") => monitor.suspend_at = Some(percent),
            Some(_) => monitor.notify_at.push(percent),
            None => return Err(p.unexpected()),
        }
        if !p.eat("ON") {
            return Ok(true);
        }
    }
}

/// `CREATE [OR REPLACE] RESOURCE MONITOR …`: of the account administrators alone.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    p.eat("WITH");
    let mut props = Props::read(p)?;
    let mut monitor = ResourceMonitor { frequency: "MONTHLY".into(), start: cx.now, ..ResourceMonitor::default() };
    triggers(p, &mut monitor)?;
    p.end()?;
    apply(cx, &mut monitor, &mut props)?;
    props.finish()?;
    let slot = match cx.claim(Kind::ResourceMonitor, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    cx.put(&slot, None, Body::ResourceMonitor(monitor));
    Ok(created("Resource monitor", &slot.name))
}

/// Whether the role may create resource monitors.
pub(super) fn may_create(cx: &Context<'_>) -> bool {
    cx.see().role_id("ACCOUNTADMIN").is_some_and(|admin| cx.roles.contains(&admin))
}

/// `ALTER RESOURCE MONITOR n [SET …] [TRIGGERS …]`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(mut next) = cx.see().resource_monitor(id).cloned() else { return Err(fail::nowhere()) };
    let mut props = Props::default();
    let set = p.eat("SET");
    if set {
        props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
    }
    if !triggers(p, &mut next)? && !set {
        return Err(p.unexpected());
    }
    p.end()?;
    cx.demand(id, &["MODIFY"])?;
    apply(cx, &mut next, &mut props)?;
    props.finish()?;
    if let Some(monitor) = cx.edit().resource_monitor_mut(id) {
        *monitor = next;
    }
    Ok(executed())
}

/// `SHOW RESOURCE MONITORS`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::ResourceMonitor, false)?;
    let columns = [
        "name",
        "credit_quota",
        "used_credits",
        "remaining_credits",
        "level",
        "frequency",
        "start_time:timestamp",
        "end_time:timestamp",
        "notify_at",
        "suspend_at",
        "suspend_immediately_at",
        "created_on:timestamp",
        "owner",
        "comment",
        "notify_users",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::ResourceMonitor, Beyond::Cut)? {
        let Some(it) = cx.see().resource_monitor(object.id) else { continue };
        let watches = cx.see().of_kind(ACCOUNT, Kind::Warehouse).any(|warehouse| {
            cx.see().warehouse(warehouse.id).is_some_and(|warehouse| warehouse.resource_monitor == Some(object.id))
        });
        let percent = |percent: Option<u64>| percent.map_or(NULL, |percent| format!("{percent}%").into());
        let notify: Vec<String> = it.notify_at.iter().map(|percent| format!("{percent}%")).collect();
        let notify: Cell = if notify.is_empty() { NULL } else { notify.join(",").into() };
        sheet.row([
            (&object.name).into(),
            format!("{}.00", it.credit_quota).into(),
            "0.00".into(),
            format!("{}.00", it.credit_quota).into(),
            if watches { "WAREHOUSE".into() } else { NULL },
            (&it.frequency).into(),
            timestamp(it.start),
            it.end.map_or(NULL, timestamp),
            notify,
            percent(it.suspend_at),
            percent(it.suspend_immediately_at),
            timestamp(object.created),
            cx.see().role_name(object.owner).into(),
            (&object.comment).into(),
            it.notify_users.join(", ").into(),
        ]);
    }
    Ok(sheet.done())
}
