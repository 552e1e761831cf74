//! Warehouses.

use serde::{Deserialize, Serialize};

use super::answer::ResultSet;
use super::context::{Claim, Context, Create, created, executed};
use super::fail::{self, Fallible};
use super::params;
use super::parse::Parser;
use super::props::{Props, unset_keys};
use super::show::{Beyond, Cell, DESCRIBE, Filter, NULL, SHOW, Sheet, timestamp, true_false, yes_no};
use super::state::{Body, Id, Kind};

/// A warehouse.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Warehouse {
    pub(super) kind: String,
    /// As SHOW prints it: `X-Small`.
    pub(super) size: String,
    pub(super) generation: Option<String>,
    pub(super) resource_constraint: Option<String>,
    pub(super) min_clusters: u64,
    pub(super) max_clusters: u64,
    pub(super) scaling_policy: String,
    /// Seconds; none for never after an UNSET.
    pub(super) auto_suspend: Option<u64>,
    pub(super) auto_resume: bool,
    pub(super) resource_monitor: Option<Id>,
    pub(super) query_acceleration: bool,
    pub(super) query_acceleration_factor: u64,
    pub(super) suspended: bool,
    pub(super) resumed_on: i64,
    pub(super) updated_on: i64,
    pub(super) uuid: String,
}

/// Sizes as written, in any of their spellings, and as SHOW prints them.
const SIZES: [(&str, &str); 10] = [
    ("XSMALL,X-SMALL", "X-Small"),
    ("SMALL", "Small"),
    ("MEDIUM", "Medium"),
    ("LARGE", "Large"),
    ("XLARGE,X-LARGE", "X-Large"),
    ("XXLARGE,X2LARGE,2X-LARGE,2XLARGE", "2X-Large"),
    ("XXXLARGE,X3LARGE,3X-LARGE,3XLARGE", "3X-Large"),
    ("X4LARGE,4X-LARGE,4XLARGE", "4X-Large"),
    ("X5LARGE,5X-LARGE,5XLARGE", "5X-Large"),
    ("X6LARGE,6X-LARGE,6XLARGE", "6X-Large"),
];

fn size(written: &str) -> Fallible<String> {
    let upper = written.to_uppercase();
    SIZES
        .iter()
        .find(|(names, _)| names.split(',').any(|name| name == upper))
        .map(|(_, shown)| (*shown).to_owned())
        .ok_or_else(|| fail::bad_value(written, "WAREHOUSE_SIZE"))
}

/// Sets what a property list says, on a new warehouse or an old one.
fn apply(cx: &Context<'_>, warehouse: &mut Warehouse, props: &mut Props) -> Fallible<()> {
    if let Some(kind) = props.choice("WAREHOUSE_TYPE", &["STANDARD", "SNOWPARK-OPTIMIZED"])? {
        warehouse.kind = kind;
    }
    if let Some(written) = props.loose("WAREHOUSE_SIZE")? {
        warehouse.size = size(&written)?;
    }
    if let Some(generation) = props.choice("GENERATION", &["1", "2"])? {
        warehouse.generation = Some(generation);
    }
    if let Some(constraint) = props.loose("RESOURCE_CONSTRAINT")? {
        let constraint = constraint.to_uppercase();
        if !constraint.starts_with("STANDARD_GEN_") && !constraint.starts_with("MEMORY_") {
            return Err(fail::bad_value(&constraint, "RESOURCE_CONSTRAINT"));
        }
        warehouse.resource_constraint = Some(constraint);
    }
    if let Some(most) = props.number("MAX_CLUSTER_COUNT", 1..=300)? {
        warehouse.max_clusters = most;
    }
    if let Some(least) = props.number("MIN_CLUSTER_COUNT", 1..=300)? {
        warehouse.min_clusters = least;
    }
    if warehouse.min_clusters > warehouse.max_clusters {
        return Err(fail::bad_combination(
            ("MAX_CLUSTER_COUNT", &warehouse.max_clusters.to_string()),
            ("MIN_CLUSTER_COUNT", &warehouse.min_clusters.to_string()),
        ));
    }
    if let Some(policy) = props.choice("SCALING_POLICY", &["STANDARD", "ECONOMY"])? {
        warehouse.scaling_policy = policy;
    }
    if let Some(written) = props.loose("AUTO_SUSPEND")? {
        warehouse.auto_suspend = match written.to_uppercase().as_str() {
            "NULL" => None,
            digits => Some(digits.parse().map_err(|_| fail::bad_value(&written, "AUTO_SUSPEND"))?),
        };
    }
    if let Some(resume) = props.boolean("AUTO_RESUME")? {
        warehouse.auto_resume = resume;
    }
    if let Some(monitor) = props.name("RESOURCE_MONITOR")? {
        warehouse.resource_monitor = match monitor.last() {
            "NULL" => None,
            _ => Some(cx.object_with(Kind::ResourceMonitor, &monitor, &["MODIFY"], "RESOURCE_MONITOR")?),
        };
    }
    if let Some(on) = props.boolean("ENABLE_QUERY_ACCELERATION")? {
        warehouse.query_acceleration = on;
    }
    if let Some(factor) = props.number("QUERY_ACCELERATION_MAX_SCALE_FACTOR", 0..=100)? {
        warehouse.query_acceleration_factor = factor;
    }
    Ok(())
}

/// `CREATE [OR REPLACE] WAREHOUSE …`: starts it, and makes it the session's warehouse.
pub(super) fn create(cx: &mut Context<'_>, p: &mut Parser<'_>, create: Create) -> Fallible<ResultSet> {
    let create = create.if_not_exists(p)?;
    let name = p.name()?;
    p.eat("WITH");
    let mut props = Props::read(p)?;
    p.end()?;
    let comment = props.text("COMMENT")?;
    let suspended = props.boolean("INITIALLY_SUSPENDED")?.unwrap_or(false);
    let params = params::take(&mut props, Kind::Warehouse)?;
    let mut warehouse = Warehouse {
        kind: "STANDARD".into(),
        size: "X-Small".into(),
        generation: None,
        resource_constraint: None,
        min_clusters: 1,
        max_clusters: 1,
        scaling_policy: "STANDARD".into(),
        auto_suspend: Some(600),
        auto_resume: true,
        resource_monitor: None,
        query_acceleration: false,
        query_acceleration_factor: 8,
        suspended,
        resumed_on: cx.now,
        updated_on: cx.now,
        uuid: uuid::Uuid::new_v4().to_string(),
    };
    let (sized, fast) = (props.has("WAREHOUSE_SIZE"), props.has("ENABLE_QUERY_ACCELERATION"));
    let factor = props.has("QUERY_ACCELERATION_MAX_SCALE_FACTOR");
    apply(cx, &mut warehouse, &mut props)?;
    props.finish()?;
    if warehouse.kind == "SNOWPARK-OPTIMIZED" {
        if !sized {
            warehouse.size = "Medium".into();
        }
    } else {
        let gen2 = "2".to_owned();
        if warehouse.resource_constraint.is_none() {
            warehouse.generation.get_or_insert(gen2);
        }
        // Second-generation multi-cluster warehouses accelerate queries by default (behaviour change 2269).
        if warehouse.generation.as_deref() == Some("2") && warehouse.max_clusters > 1 {
            if !fast {
                warehouse.query_acceleration = true;
            }
            if !factor {
                warehouse.query_acceleration_factor = 2;
            }
        }
    }
    let slot = match cx.claim(Kind::Warehouse, &name, create, &[])? {
        Claim::Free(slot) => slot,
        Claim::Taken(answer) => return Ok(answer),
    };
    let id = cx.put(&slot, comment, Body::Warehouse(warehouse));
    if let Some(object) = cx.edit().objects.get_mut(&id) {
        object.params = params;
    }
    cx.session.warehouse = Some(slot.name.clone());
    Ok(created("Warehouse", &slot.name))
}

/// `ALTER WAREHOUSE n …`, after the name.
pub(super) fn alter(cx: &mut Context<'_>, p: &mut Parser<'_>, id: Id) -> Fallible<ResultSet> {
    let Some(mut next) = cx.see().warehouse(id).cloned() else { return Err(fail::nowhere()) };
    let mut comment = None;
    let mut set_params = std::collections::BTreeMap::new();
    let mut unset = Vec::new();
    if p.eat("SUSPEND") || p.is("RESUME") {
        let resume = p.eat("RESUME");
        let only_if = resume && p.eat("IF SUSPENDED");
        p.end()?;
        cx.demand(id, &["OPERATE"])?;
        let name = cx.see().bare_name(id);
        match (resume, next.suspended) {
            (false, true) => {
                return Err(fail::error(
                    "090064",
                    "22000",
                    format!("Invalid state. Warehouse '{name}' cannot be suspended."),
                ));
            }
            (true, false) if !only_if => {
                return Err(fail::error(
                    "090063",
                    "22000",
                    format!("Invalid state. Warehouse '{name}' cannot be resumed."),
                ));
            }
            _ => next.suspended = !resume,
        }
        if resume {
            next.resumed_on = cx.now;
        }
    } else if p.eat("ABORT ALL QUERIES") {
        p.end()?;
        cx.demand(id, &["OPERATE"])?;
    } else if p.eat("SET") {
        let mut props = Props::read(p)?;
        if props.is_empty() {
            return Err(p.unexpected());
        }
        p.end()?;
        cx.demand(id, &["MODIFY"])?;
        comment = props.text("COMMENT")?;
        set_params = params::take(&mut props, Kind::Warehouse)?;
        // Waiting for queries and the old name of the switch change nothing here.
        props.boolean("WAIT_FOR_COMPLETION")?;
        apply(cx, &mut next, &mut props)?;
        props.finish()?;
    } else {
        p.need("UNSET")?;
        let keys = unset_keys(p)?;
        p.end()?;
        cx.demand(id, &["MODIFY"])?;
        for (key, complaint) in keys {
            match key.as_str() {
                "WAREHOUSE_TYPE" => next.kind = "STANDARD".into(),
                "RESOURCE_CONSTRAINT" => next.resource_constraint = None,
                "MAX_CLUSTER_COUNT" => next.max_clusters = 1,
                "MIN_CLUSTER_COUNT" => next.min_clusters = 1,
                "SCALING_POLICY" => next.scaling_policy = "STANDARD".into(),
                "AUTO_SUSPEND" => next.auto_suspend = None,
                "AUTO_RESUME" => next.auto_resume = true,
                "RESOURCE_MONITOR" => next.resource_monitor = None,
                "ENABLE_QUERY_ACCELERATION" => next.query_acceleration = false,
                "QUERY_ACCELERATION_MAX_SCALE_FACTOR" => next.query_acceleration_factor = 8,
                "COMMENT" => comment = Some(String::new()),
                "WAREHOUSE_SIZE" => {
                    return Err(fail::error(
                        "001422",
                        "22023",
                        "SQL compilation error: Cannot unset property 'WAREHOUSE_SIZE' on warehouse",
                    ));
                }
                key if params::settable(key, Kind::Warehouse) => unset.push(key.to_owned()),
                _ => return Err(complaint),
            }
        }
    }
    next.updated_on = cx.now;
    params::unset(cx, id, Kind::Warehouse, &unset);
    let state = cx.edit();
    if let Some(warehouse) = state.warehouse_mut(id) {
        *warehouse = next;
    }
    if let Some(object) = state.objects.get_mut(&id) {
        object.params.extend(set_params);
        if let Some(comment) = comment {
            object.comment = comment;
        }
    }
    Ok(executed())
}

/// `SHOW WAREHOUSES`.
pub(super) fn show(cx: &Context<'_>, p: &mut Parser<'_>) -> Fallible<ResultSet> {
    let filter = Filter::read(cx, p, Kind::Warehouse, true)?;
    let columns = [
        "name",
        "state",
        "type",
        "size",
        "min_cluster_count:fixed",
        "max_cluster_count:fixed",
        "started_clusters:fixed",
        "running:fixed",
        "queued:fixed",
        "is_default",
        "is_current",
        "auto_suspend:fixed",
        "auto_resume",
        "available",
        "provisioning",
        "quiescing",
        "other",
        "created_on:timestamp",
        "resumed_on:timestamp",
        "updated_on:timestamp",
        "owner",
        "comment",
        "enable_query_acceleration",
        "query_acceleration_max_scale_factor:fixed",
        "resource_monitor",
        "actives:fixed",
        "pendings:fixed",
        "failed:fixed",
        "suspended:fixed",
        "uuid",
        "scaling_policy",
        "budget",
        "owner_role_type",
        "resource_constraint",
        "generation",
    ];
    let mut sheet = Sheet::new(SHOW, &columns);
    for object in filter.objects(cx, Kind::Warehouse, Beyond::Cut)? {
        let Some(it) = cx.see().warehouse(object.id) else { continue };
        let started = if it.suspended { 0 } else { it.min_clusters };
        let percent: fn(bool) -> Cell = |all| if all { "100".into() } else { "".into() };
        sheet.row([
            (&object.name).into(),
            if it.suspended { "SUSPENDED".into() } else { "STARTED".into() },
            (&it.kind).into(),
            (&it.size).into(),
            it.min_clusters.into(),
            it.max_clusters.into(),
            started.into(),
            0_u64.into(),
            0_u64.into(),
            "N".into(),
            yes_no(cx.session.warehouse.as_deref() == Some(&object.name)),
            it.auto_suspend.map_or(NULL, Cell::from),
            true_false(it.auto_resume),
            percent(!it.suspended),
            "".into(),
            "".into(),
            "".into(),
            timestamp(object.created),
            timestamp(it.resumed_on),
            timestamp(it.updated_on),
            cx.see().role_name(object.owner).into(),
            (&object.comment).into(),
            true_false(it.query_acceleration),
            it.query_acceleration_factor.into(),
            // A monitor that is gone watches nothing.
            it.resource_monitor.and_then(|id| cx.see().get(id)).map_or("null", |monitor| &monitor.name).into(),
            started.into(),
            0_u64.into(),
            0_u64.into(),
            (it.max_clusters - started.min(it.max_clusters)).into(),
            (&it.uuid).into(),
            (&it.scaling_policy).into(),
            NULL,
            "ROLE".into(),
            it.resource_constraint.clone().into(),
            it.generation.clone().into(),
        ]);
    }
    Ok(sheet.done())
}

/// `DESC WAREHOUSE n`.
pub(super) fn describe(cx: &Context<'_>, id: Id) -> ResultSet {
    let mut sheet = Sheet::new(DESCRIBE, &["created_on:timestamp", "name", "kind"]);
    if let Some(object) = cx.see().get(id) {
        sheet.row([timestamp(object.created), (&object.name).into(), "WAREHOUSE".into()]);
    }
    sheet.done()
}
