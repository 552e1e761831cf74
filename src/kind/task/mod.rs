//! Tasks: SQL that runs on a schedule, after other tasks, or when a stream has data.
//!
//! Everything but the name can be altered in place, but only while the root of the task's graph is suspended, and Snowflake looks at the
//! graph as a whole only when the root is resumed. So a graph is one unit of work ([`weave`]), its rules are checked offline ([`check`],
//! [`graph_problems`]), and what was running is resumed if anything fails in between.

mod body;
mod check;
mod export;
mod graph;
mod read;
mod spec;
mod statements;
mod weave;

use std::collections::{BTreeMap, BTreeSet};

pub use super::schedule::{Interval, Schedule};
pub use body::never_consumes;
pub(crate) use body::streams;
pub use graph::graph_problems;
pub use spec::{LogLevel, Overlap, Setting, Spec};

use super::{
    Attribute, Class, Cx, Drafted, Entry, Field, Fields, Kind, OnReplace, Part, Problem, Ref, Side, Source, Unit,
    qualified,
};
use crate::cloud::{Cloud, CloudError};
use crate::model::sql::Body;
use crate::model::{Address, Context, Diff, Ident, LiveId, Mark, ObjectName, Observed, Shown, Val};

/// The kind `task`.
#[derive(Debug)]
pub struct Task;

/// The longest a run may take.
const TIMEOUT_FIELD: &str = "user_task_timeout_ms";

/// The properties of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    /// Absent for serverless tasks.
    warehouse: Option<Ident>,
    schedule: Option<Schedule>,
    /// JSON in one form.
    config: Option<String>,
    overlap: Overlap,
    after: BTreeSet<ObjectName>,
    /// The root whose finalizer it is.
    finalize: Option<ObjectName>,
    when: Option<Body>,
    body: Body,
    error_integration: Option<Ident>,
    success_integration: Option<Ident>,
    target_completion_interval: Option<Interval>,
    execute_as_user: Option<Ident>,
    /// Those the spec sets.
    parameters: BTreeMap<String, Setting>,
    /// Of a live task whose parameters were asked for: all that are set on it.
    own: BTreeMap<String, String>,
    started: bool,
    /// Of a live task: those that run after it.
    successors: BTreeSet<ObjectName>,
}

/// What is wanted of an entry; it depends on nothing else.
fn wanted(entry: &Entry<Spec>) -> Props {
    let Entry { at: _, mark, spec } = entry;
    Props {
        name: spec.full_name(),
        mark: Some(mark.clone()),
        comment: spec.comment.clone(),
        warehouse: spec.warehouse.clone(),
        schedule: spec.schedule.clone(),
        config: spec.config().map(|config| read::canonical(&config.to_string())),
        overlap: spec.overlap_policy,
        after: spec.after.iter().cloned().collect(),
        finalize: spec.finalize.clone(),
        when: spec.when.as_deref().map(Body::new),
        body: Body::new(&spec.body),
        error_integration: spec.error_integration.clone(),
        success_integration: spec.success_integration.clone(),
        target_completion_interval: spec.target_completion_interval,
        execute_as_user: spec.execute_as_user.clone(),
        parameters: spec.parameters(),
        own: BTreeMap::new(),
        started: spec.started,
        successors: BTreeSet::new(),
    }
}

impl Kind for Task {
    const NAME: &'static str = "task";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A task: SQL that runs on a schedule, after other tasks, or when a stream has data.";
    const EXAMPLE: &'static str = r#"
[database.events]
name = "EVENTS"

[task.heartbeat]
schema = "EVENTS.PUBLIC"
name = "HEARTBEAT"
schedule = "60 MINUTES"
as = "SELECT CURRENT_TIMESTAMP()"
"#;
    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The task's name.", from: Source::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: Source::Field("schema") },
            qualified::FQN,
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let mut problems = check::check(spec);
        let when = spec.when.as_deref().filter(|_| spec.is_triggered());
        if let Some(stream) = when.and_then(|when| never_consumes(when, &spec.body)) {
            let message =
                format!("the body never consumes {stream}, so the task would run again every 30 seconds for ever");
            problems.push(Problem::new("as", message).hint(
                "read the stream in a statement that writes, such as `CREATE OR REPLACE TEMPORARY TABLE … AS SELECT * FROM the stream WHERE 1 = 0`",
            ));
        }
        problems
    }

    fn check_together(entries: &[Entry<Spec>]) -> Vec<(Address, Problem)> {
        let tasks: Vec<(Address, &Spec)> = entries.iter().map(|entry| (entry.at.clone(), &entry.spec)).collect();
        graph_problems(&tasks)
    }

    fn want(entry: &Entry<Spec>, _: Cx<'_>) -> Props {
        wanted(entry)
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            name,
            mark: _,
            comment,
            warehouse,
            schedule,
            config,
            overlap,
            after,
            finalize,
            when,
            body,
            error_integration,
            success_integration,
            target_completion_interval,
            execute_as_user,
            parameters,
            own: _,
            started,
            successors: _,
        } = props;
        let text = |value: &Option<Ident>| value.as_ref().map(ToString::to_string);
        let lines = |body: &Body| Shown::Lines(Val::known(body.as_str()));
        let edges: Vec<Val> = after.iter().map(|name| Val::known(name.to_string())).collect();
        let mut fields = vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
            Field::in_place("warehouse", text(warehouse)),
            Field::in_place("target_completion_interval", target_completion_interval.map(|target| target.to_string())),
            Field::in_place("schedule", schedule.as_ref().map(ToString::to_string)),
            Field::in_place("when", when.as_ref().map(lines)),
            Field::in_place("as", Some(lines(body))),
            Field::in_place("after", (!edges.is_empty()).then_some(Shown::List(edges))),
            Field::in_place("finalize", finalize.as_ref().map(ToString::to_string)),
            Field::in_place("config", config.clone().map(|config| Shown::Lines(config.into()))),
            Field::in_place("overlap_policy", Some(overlap.word())),
        ];
        let setting = |(name, value): (&String, &Setting)| Field {
            name: spec::field_of(name).into(),
            value: Some(Shown::from(value.to_string())),
            class: Class::InPlaceIfSet,
        };
        fields.extend(parameters.iter().map(setting));
        fields.extend([
            Field::in_place("error_integration", text(error_integration)),
            Field::in_place("success_integration", text(success_integration)),
            Field::in_place("execute_as_user", text(execute_as_user)),
            Field::in_place("started", Some(*started)),
            Field::in_place("comment", (!comment.is_empty()).then(|| comment.clone())),
        ]);
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let by_name = |to: LiveId, why: &'static str| Ref { to, why, on_replace: OnReplace::Nothing };
        let mut refs = qualified::home(&props.name.schema);
        refs.extend(
            props.warehouse.iter().map(|name| by_name(LiveId::new("warehouse", name), "the warehouse it runs in")),
        );
        refs.extend(props.after.iter().map(|name| by_name(LiveId::new(Self::NAME, name), "the task it runs after")));
        refs.extend(props.finalize.iter().map(|name| by_name(LiveId::new(Self::NAME, name), "the task it finalizes")));
        let integrations = props.error_integration.iter().chain(&props.success_integration);
        let hears =
            |name| by_name(LiveId::new("notification_integration", name), "the integration that hears of its runs");
        refs.extend(integrations.map(hears));
        let when = props.when.as_ref().map_or("", Body::as_str);
        let streams: BTreeSet<ObjectName> = body::streams(when, &props.name.schema).into_iter().collect();
        refs.extend(streams.iter().map(|name| by_name(LiveId::new("stream", name), "the stream that triggers it")));
        refs
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        read::observe(entries, cloud, context).await
    }

    fn create(_: &Address, want: &Props) -> Vec<Part> {
        vec![Part::main(vec![statements::create(want)])]
    }

    fn alter(_: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        vec![Part::main(statements::alter(want, have, changed))]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![statements::drop(&have.name)])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let orphan = |name: &ObjectName| {
            format!("{name} runs after it: unless it runs after others too, it becomes a suspended root")
        };
        have.successors.iter().map(orphan).collect()
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        export::named(name)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        export::fields(have)
    }

    fn weave(drafts: Vec<Drafted<'_, Props>>, others: &[(&LiveId, &Props)]) -> Vec<Unit> {
        weave::weave(drafts, others)
    }
}

#[cfg(test)]
mod tests;
