//! Reading tasks: rows of `SHOW TASKS`, and `SHOW PARAMETERS` of those whose spec sets parameters.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join_all;

use super::body;
use super::spec::Overlap;
use super::{Body, Entry, Interval, Props, Spec, Task, statements, wanted};
use crate::cloud::{Cloud, CloudError, Row, Which};
use crate::kind::code;
use crate::kind::schedule::Schedule;
use crate::kind::show::{self, Level, Parameters};
use crate::model::{Context, Found, Ident, LiveId, ObjectName, Observed};

pub(super) async fn observe(
    entries: &[Entry<Spec>],
    cloud: &Cloud,
    context: &Context,
) -> Result<Observed<Props>, CloudError> {
    let session = cloud.snowflake()?;
    let names: Vec<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
    let setting = entries.iter().filter(|entry| !entry.spec.parameters().is_empty());
    let parameters = async {
        let read = |name: ObjectName| async move {
            let own = show::parameters(session, Level::Task, &name).await?;
            Ok::<_, CloudError>((name, own.unwrap_or_default()))
        };
        try_join_all(setting.map(|entry| read(entry.spec.full_name()))).await
    };
    let (listing, parameters) =
        futures::future::try_join(show::objects(session, "SHOW TASKS", &names), parameters).await?;
    assemble(entries, context, &listing.index(show::object_of)?, &parameters.into_iter().collect())
}

/// Puts together what was read. Besides declared and marked tasks, all that hang together with them are needed: the root of a graph
/// must be suspended before anything in it changes, whoever owns it.
pub(super) fn assemble(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<ObjectName, Row<'_>>,
    parameters: &BTreeMap<ObjectName, Parameters>,
) -> Result<Observed<Props>, CloudError> {
    let mut live = BTreeMap::new();
    for (name, row) in rows {
        live.insert(name.clone(), read(name, row)?);
    }
    let edges: Vec<(ObjectName, ObjectName)> = live
        .values()
        .flat_map(|task: &Props| task.after.iter().map(|before| (before.clone(), task.name.clone())))
        .collect();
    for (before, task) in edges {
        if let Some(before) = live.get_mut(&before) {
            before.successors.insert(task);
        }
    }
    for entry in entries {
        let name = entry.spec.full_name();
        if let (Some(have), Some(row)) = (live.get_mut(&name), rows.get(&name)) {
            align(have, &wanted(entry), row, parameters.get(&name));
        }
    }
    let related = related(entries, &live);
    let found: BTreeMap<ObjectName, Found<Props>> =
        live.into_iter().map(|(name, props)| (name, Found { props, facts: BTreeMap::new() })).collect();
    let foreign: Vec<(LiveId, Found<Props>)> = found
        .iter()
        .filter(|(name, found)| related.contains(name) && found.props.mark.is_none())
        .filter(|(name, _)| entries.iter().all(|entry| entry.spec.full_name() != **name))
        .map(|(name, found)| (LiveId::new("task", name), found.clone()))
        .collect();
    let mut observed = show::observed::<Task, _>(entries, context, Spec::full_name, found);
    observed.others.extend(foreign);
    Ok(observed)
}

/// All tasks that hang together with declared or marked ones, as they are or as they shall be.
fn related(entries: &[Entry<Spec>], live: &BTreeMap<ObjectName, Props>) -> BTreeSet<ObjectName> {
    let mut neighbours: BTreeMap<&ObjectName, BTreeSet<&ObjectName>> = BTreeMap::new();
    for task in live.values() {
        for other in task.after.iter().chain(&task.finalize) {
            neighbours.entry(&task.name).or_default().insert(other);
            neighbours.entry(other).or_default().insert(&task.name);
        }
    }
    let declared = entries.iter().flat_map(|entry| {
        let Spec { after, finalize, .. } = &entry.spec;
        [entry.spec.full_name()].into_iter().chain(after.iter().chain(finalize).cloned())
    });
    let marked = live.values().filter(|task| task.mark.is_some()).map(|task| task.name.clone());
    let mut open: Vec<ObjectName> = declared.chain(marked).collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        if seen.insert(name.clone()) {
            open.extend(neighbours.get(&name).into_iter().flatten().map(|name| (*name).clone()));
        }
    }
    seen
}

/// One row of `SHOW TASKS`.
pub(super) fn read(name: &ObjectName, row: &Row<'_>) -> Result<Props, CloudError> {
    let bad = |what: String| CloudError::unexpected(Which::Snowflake, "SHOW TASKS", format!("{name}: {what}"));
    let ident = |column: &str| {
        let text = row.get(column);
        text.map(|text| Ident::stored(text).map_err(|error| bad(format!("`{column}`: {error}")))).transpose()
    };
    let (comment, mark) = show::comment(row.get("comment"));
    let relations = relations(row.get("task_relations")).map_err(&bad)?;
    let predecessors = match row.get("predecessors") {
        Some(text) => predecessors(text, name).map_err(&bad)?,
        None => names(relations.get("Predecessors"), name).map_err(&bad)?,
    };
    let finalize = names(relations.get("FinalizedRootTask"), name).map_err(&bad)?.pop_first();
    let state = row.get("state").ok_or_else(|| bad("its state is missing".into()))?;
    let overlaps = row.flag("allow_overlapping_execution") == Some(true);
    let overlap = row.get("overlap_policy").and_then(Overlap::read);
    Ok(Props {
        name: name.clone(),
        mark,
        comment,
        warehouse: ident("warehouse")?,
        schedule: row.get("schedule").map(Schedule::live),
        config: row.get("config").map(canonical),
        overlap: overlap.unwrap_or(if overlaps { Overlap::Child } else { Overlap::No }),
        after: predecessors,
        finalize,
        when: row.get("condition").map(Body::new),
        body: statements::body(row.get("definition")),
        error_integration: ident("error_integration")?,
        success_integration: ident("success_integration")?,
        target_completion_interval: row
            .get("target_completion_interval")
            .and_then(|text| text.parse::<Interval>().ok()),
        execute_as_user: ident("execute_as_user")?,
        parameters: BTreeMap::new(),
        own: BTreeMap::new(),
        started: state.eq_ignore_ascii_case("started"),
        successors: BTreeSet::new(),
    })
}

/// Takes for equal what means the same, and for as wanted what this release of Snowflake does not tell.
fn align(have: &mut Props, want: &Props, row: &Row<'_>, own: Option<&Parameters>) {
    if code::same(have.body.as_str(), want.body.as_str()) {
        have.body = want.body.clone();
    }
    if let (Some(live), Some(wanted)) = (&have.when, &want.when)
        && body::same_condition(live.as_str(), wanted.as_str(), &have.name.schema)
    {
        have.when.clone_from(&want.when);
    }
    let overlapping = have.overlap != Overlap::No && want.overlap != Overlap::No;
    if overlapping && row.get("overlap_policy").is_none() {
        have.overlap = want.overlap;
    }
    if !row.has("target_completion_interval") {
        have.target_completion_interval = want.target_completion_interval;
    }
    if !row.has("success_integration") {
        have.success_integration.clone_from(&want.success_integration);
    }
    if !row.has("execute_as_user") {
        have.execute_as_user.clone_from(&want.execute_as_user);
    }
    have.own = own.map(|own| own.iter().map(|(name, value)| (name.into(), value.into())).collect()).unwrap_or_default();
    let live = |name: &str| own.and_then(|own| own.get(name));
    let set = want.parameters.iter().filter_map(|(name, wanted)| Some((name.clone(), wanted.like(live(name)?))));
    have.parameters = set.collect();
}

/// JSON in one form; what is not JSON stays as it is.
pub(super) fn canonical(text: &str) -> String {
    fn sorted(value: serde_json::Value) -> serde_json::Value {
        match value {
            serde_json::Value::Object(fields) => {
                let fields: BTreeMap<String, serde_json::Value> = fields.into_iter().collect();
                serde_json::Value::Object(fields.into_iter().map(|(name, value)| (name, sorted(value))).collect())
            }
            serde_json::Value::Array(items) => serde_json::Value::Array(items.into_iter().map(sorted).collect()),
            other => other,
        }
    }
    serde_json::from_str(text).map_or_else(|_| text.to_owned(), |value| sorted(value).to_string())
}

/// The column `predecessors`: empty, `[]`, a JSON list, or in old releases a bare name.
fn predecessors(text: &str, task: &ObjectName) -> Result<BTreeSet<ObjectName>, String> {
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => names(Some(&value), task),
        Err(_) if text.trim().is_empty() => Ok(BTreeSet::new()),
        Err(_) => names(Some(&serde_json::Value::String(text.into())), task),
    }
}

fn relations(text: Option<&str>) -> Result<serde_json::Value, String> {
    let read = |text| serde_json::from_str(text).map_err(|error| format!("`task_relations` is not JSON: {error}"));
    text.map_or(Ok(serde_json::Value::Null), read)
}

/// Names of tasks in JSON: a text or a list of texts.
fn names(value: Option<&serde_json::Value>, task: &ObjectName) -> Result<BTreeSet<ObjectName>, String> {
    let one = |text: &str| {
        let name = ObjectName::within(text, &task.schema);
        name.map_err(|error| format!("`{text}` is not the name of a task: {error}"))
    };
    match value {
        None | Some(serde_json::Value::Null) => Ok(BTreeSet::new()),
        Some(serde_json::Value::String(text)) => Ok(BTreeSet::from([one(text)?])),
        Some(serde_json::Value::Array(items)) => {
            let text = |item: &serde_json::Value| match item.as_str() {
                Some(text) => one(text),
                None => Err(format!("`{item}` is not the name of a task")),
            };
            items.iter().map(text).collect()
        }
        Some(other) => Err(format!("`{other}` is not a list of tasks")),
    }
}
