//! Alerts: a query that is asked again and again, and what is done when it gives a row.
//!
//! Snowflake creates alerts suspended, and this program resumes them, as it does with tasks. A change is made while the alert is suspended, so that no
//! run sees the new question with the old answer; what was running runs again if the change fails.
//!
//! Statements: `SHOW ALERTS`, `CREATE`, `ALTER` and `DROP ALERT`. Privileges: CREATE ALERT on the schema; EXECUTE ALERT on the account for its owner,
//! and USAGE on the warehouse, or EXECUTE MANAGED ALERT without one; OWNERSHIP to change it. Source: Snowflake documentation, "CREATE ALERT".

mod spec;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

pub use self::spec::Spec;
use super::container::{comment_clause, comment_field};
use super::schedule::Schedule;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, OnReplace, Part, Problem, Ref, Side, Source};
use super::{code, qualified, show};
use crate::cloud::{Cloud, CloudError, Row};
use crate::model::sql::Body;
use crate::model::{
    Act, Address, Context, Diff, Found, Ident, LiveId, Mark, ObjectName, Observed, Op, Seen, Shown, Text, Val,
};

/// The kind `alert`.
#[derive(Debug)]
pub struct Alert;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    /// Absent: serverless.
    warehouse: Option<Ident>,
    /// Absent: whenever there is new data.
    schedule: Option<Schedule>,
    condition: Body,
    action: Body,
    started: bool,
}

impl Kind for Alert {
    const NAME: &'static str = "alert";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str =
        "An alert: a query that is asked again and again, and what is done when it gives a row.";
    const EXAMPLE: &'static str = r#"
[database.events]
name = "EVENTS"

[table.failures]
schema = "EVENTS.PUBLIC"
name = "FAILURES"
columns = [{ name = "AT", type = "TIMESTAMP_LTZ" }]

[alert.failed_loads]
schema = "EVENTS.PUBLIC"
name = "FAILED_LOADS"
schedule = "15 MINUTES"
if = "SELECT 1 FROM EVENTS.PUBLIC.FAILURES"
then = "INSERT INTO EVENTS.PUBLIC.FAILURES SELECT CURRENT_TIMESTAMP()"
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The alert's name.", from: Source::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: Source::Field("schema") },
            qualified::FQN,
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec.check()
    }

    fn want(entry: &Entry<Spec>, _: Cx<'_>) -> Props {
        let Spec { schema: _, name: _, warehouse, schedule, condition, action, started, comment } = &entry.spec;
        Props {
            name: entry.spec.full_name(),
            mark: Some(entry.mark.clone()),
            comment: comment.clone(),
            warehouse: warehouse.clone(),
            schedule: schedule.clone(),
            condition: Body::new(condition),
            action: Body::new(action),
            started: *started,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name, mark: _, comment, warehouse, schedule, condition, action, started } = props;
        let lines = |body: &Body| Some(Shown::Lines(Val::known(body.as_str())));
        vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
            Field::in_place("warehouse", warehouse.as_ref().map(ToString::to_string)),
            Field::in_place("schedule", schedule.as_ref().map(ToString::to_string)),
            Field::in_place("if", lines(condition)),
            Field::in_place("then", lines(action)),
            Field::in_place("started", Some(*started)),
            comment_field(comment),
        ]
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    /// Its home, its warehouse, and what its query and its action read or fill: a run before that is there would only fail.
    fn refs(props: &Props) -> Vec<Ref> {
        let by_name = |to: LiveId, why: &'static str| Ref { to, why, on_replace: OnReplace::Nothing };
        let home = &props.name.schema;
        let mut refs = qualified::home(home);
        let warehouse = props.warehouse.iter().map(|name| LiveId::new("warehouse", name));
        refs.extend(warehouse.map(|to| by_name(to, "the warehouse it runs in")));
        let texts = [&props.condition, &props.action];
        let named: BTreeSet<ObjectName> =
            texts.into_iter().flat_map(|body| code::named(body.as_str(), home).relations).collect();
        for kind in ["table", "view", "stream"] {
            refs.extend(named.iter().map(|name| by_name(LiveId::new(kind, name), "what it looks at or fills")));
        }
        refs
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let names: BTreeSet<ObjectName> = entries.iter().map(|entry| entry.spec.full_name()).collect();
        let listing = show::objects(cloud.snowflake()?, "SHOW ALERTS", &names).await?;
        Ok(gather(entries, context, &listing.index(show::object_of)?))
    }

    fn create(_: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE ALERT").name(&want.name);
        if let Some(warehouse) = &want.warehouse {
            text = text.word("WAREHOUSE =").name(warehouse);
        }
        if let Some(schedule) = &want.schedule {
            text = text.then(scheduled(schedule));
        }
        let text = text.then(comment_clause(&want.comment, want.mark.as_ref()));
        let text = text.word("IF (").then(exists(want)).word(") THEN").body(&want.action);
        let resume = want.started.then(|| Op::sql(resume(&want.name)));
        vec![Part::main([Op::sql(text)].into_iter().chain(resume).collect())]
    }

    fn alter(_: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let texts = altered(want, changed);
        let mut ops = Vec::new();
        if have.started && (!texts.is_empty() || !want.started) {
            let suspend = Op::sql(Text::new("ALTER ALERT").name(&want.name).word("SUSPEND"));
            let back = Act::Sql(resume(&want.name));
            ops.push(if want.started { suspend.undone_by(back) } else { suspend });
        }
        let suspended = !ops.is_empty();
        ops.extend(texts.into_iter().map(Op::sql));
        if want.started && (suspended || !have.started) {
            ops.push(Op::sql(resume(&want.name)));
        }
        if ops.is_empty() { Vec::new() } else { vec![Part::main(ops)] }
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP ALERT IF EXISTS").name(&have.name))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!("nobody asks any more what {name} asks, until there is another one"),
            format!("the privileges that were granted on {name} are lost"),
        ]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let mut fields = qualified::named(name)?;
        fields.push(("if", json!("SELECT 1")));
        fields.push(("then", json!("SELECT 1")));
        Ok(fields)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, mark: _, comment, warehouse, schedule, condition, action, started } = have;
        let mut fields = qualified::exported(name);
        fields.extend(warehouse.iter().map(|name| ("warehouse", json!(name.to_string()))));
        fields.extend(schedule.iter().map(|schedule| ("schedule", json!(schedule.to_string()))));
        fields.push(("if", json!(condition.as_str())));
        fields.push(("then", json!(action.as_str())));
        if !started {
            fields.push(("started", json!(false)));
        }
        if !comment.is_empty() {
            fields.push(("comment", json!(comment)));
        }
        fields
    }
}

/// The statements that make the changed fields so, but for whether it runs.
fn altered(want: &Props, changed: &Diff) -> Vec<Text> {
    let alter = || Text::new("ALTER ALERT").name(&want.name);
    let mut texts = Vec::new();
    let gone =
        [("warehouse", want.warehouse.is_none(), "WAREHOUSE"), ("schedule", want.schedule.is_none(), "SCHEDULE")];
    let gone = gone.into_iter().filter(|(field, gone, _)| *gone && changed.has(field));
    texts.extend(gone.map(|(_, _, word)| alter().word("UNSET").word(word)));
    let mut set = Text::default();
    if let Some(warehouse) = want.warehouse.as_ref().filter(|_| changed.has("warehouse")) {
        set = set.word("WAREHOUSE =").name(warehouse);
    }
    if let Some(schedule) = want.schedule.as_ref().filter(|_| changed.has("schedule")) {
        set = set.then(scheduled(schedule));
    }
    if changed.has("comment") || changed.has("mark") {
        set = set.then(comment_clause(&want.comment, want.mark.as_ref()));
    }
    if !set.is_empty() {
        texts.push(alter().word("SET").then(set));
    }
    if changed.has("if") {
        texts.push(alter().word("MODIFY CONDITION").then(exists(want)));
    }
    if changed.has("then") {
        texts.push(alter().word("MODIFY ACTION").body(&want.action));
    }
    texts
}

fn exists(want: &Props) -> Text {
    Text::new("EXISTS (").body(&want.condition).word(")")
}

fn resume(name: &ObjectName) -> Text {
    Text::new("ALTER ALERT").name(name).word("RESUME")
}

/// Alerts know minutes only, and the documentation writes the word without an `S`.
fn scheduled(schedule: &Schedule) -> Text {
    let text = match schedule {
        Schedule::Every(interval) => format!("{} MINUTE", interval.seconds() / 60),
        other => other.to_string(),
    };
    Text::new("SCHEDULE =").literal(text)
}

/// An alert whose question cannot be seen is hidden: it must not be taken for one that asks nothing.
fn gather(entries: &[Entry<Spec>], context: &Context, rows: &BTreeMap<ObjectName, Row<'_>>) -> Observed<Props> {
    let found = rows.iter().filter_map(|(name, row)| {
        let props = read(name, row)?;
        Some((name.clone(), Found { props, facts: BTreeMap::new() }))
    });
    let mut out = show::observed::<Alert, _>(entries, context, Spec::full_name, found.collect());
    for entry in entries {
        let name = entry.spec.full_name();
        match out.declared.get_mut(&entry.at) {
            Some(Seen::Present(found)) => {
                let (condition, action) = (Body::new(&entry.spec.condition), Body::new(&entry.spec.action));
                if code::same(found.props.condition.as_str(), condition.as_str()) {
                    found.props.condition = condition;
                }
                if code::same(found.props.action.as_str(), action.as_str()) {
                    found.props.action = action;
                }
            }
            Some(seen) if rows.contains_key(&name) => {
                let role = &context.snowflake_role;
                *seen = Seen::Hidden(format!(
                    "{role} sees alert {name} but not what it asks and does: grant the role OWNERSHIP of it, or use its owner"
                ));
            }
            Some(_) | None => {}
        }
    }
    out
}

fn read(name: &ObjectName, row: &Row<'_>) -> Option<Props> {
    let text = |column: &str| row.get(column).filter(|text| !text.is_empty() && !text.eq_ignore_ascii_case("null"));
    let (comment, mark) = show::comment(row.get("comment"));
    Some(Props {
        name: name.clone(),
        mark,
        comment,
        warehouse: text("warehouse").and_then(|name| Ident::stored(name).ok()),
        schedule: text("schedule").map(Schedule::live),
        condition: Body::new(question(text("condition")?)),
        action: Body::new(text("action")?),
        started: text("state").is_some_and(|state| state.eq_ignore_ascii_case("started")),
    })
}

/// The query alone, should a release tell it with the words around it: no query begins with EXISTS.
fn question(condition: &str) -> &str {
    let trimmed = condition.trim();
    let inside = || {
        let rest = trimmed.get(..6).filter(|word| word.eq_ignore_ascii_case("EXISTS")).and(trimmed.get(6..))?;
        rest.trim().strip_prefix('(')?.strip_suffix(')').map(str::trim)
    };
    inside().unwrap_or(trimmed)
}
