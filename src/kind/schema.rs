//! Schemas.
//!
//! Every database comes with a schema PUBLIC. Declared, it is altered, never created, and given back when it is destroyed, never dropped.
//!
//! Statements: `SHOW SCHEMAS`, `SHOW PARAMETERS IN SCHEMA` where the spec sets one, `CREATE`, `ALTER` and `DROP SCHEMA`.
//! Privileges: CREATE SCHEMA on the database, OWNERSHIP to change it.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::try_join3;
use schemars::JsonSchema;
use serde::Deserialize;

use super::container::{self, LogLevel, MetricLevel, SerializationPolicy, TraceLevel};
use super::export::Export;
use super::setting::{self, Value, Values};
use super::show::{self, Level, Parameters};
use super::words::Size;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, OnReplace, Part, Problem, Ref, Side, Source};
use crate::cloud::{Cloud, CloudError, Row, Session};
use crate::model::{Address, Context, Diff, Found, Ident, LiveId, Mark, Observed, Op, SchemaName, Seen, Text};

/// The kind.
pub struct Schema;

/// A schema. A parameter that is not set here is inherited from the database, or left as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The name of its database.
    pub database: Ident,
    /// Its name, unique in the database. `PUBLIC` comes with the database: it is altered, never created or dropped.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Whether its data has no fail-safe period. Left as it is where not set; a change needs a new schema, with the loss of all data.
    pub transient: Option<bool>,
    /// Whether only the owner of the schema grants privileges on the objects in it. Default: false.
    #[serde(default)]
    pub managed_access: bool,
    /// Days for which old states can be queried and restored: 0 to 90, or 0 to 1 for transient objects and in the Standard edition.
    pub data_retention_time_in_days: Option<i64>,
    /// Days by which Snowflake may prolong the retention to keep streams from becoming stale: 0 to 90.
    pub max_data_extension_time_in_days: Option<i64>,
    /// The external volume of new Iceberg tables, such as `{{ external_volume.lake.name }}`.
    pub external_volume: Option<Ident>,
    /// The catalog integration of new Iceberg tables.
    pub catalog: Option<Ident>,
    /// Whether invalid UTF-8 becomes the replacement character in new Iceberg tables.
    pub replace_invalid_characters: Option<bool>,
    /// The collation of new text columns, such as `en-ci`; an empty text for none.
    pub default_ddl_collation: Option<String>,
    /// How new Iceberg tables encode their files: `COMPATIBLE` or `OPTIMIZED`.
    pub storage_serialization_policy: Option<SerializationPolicy>,
    /// The least severe log message that is kept: `TRACE`, `DEBUG`, `INFO`, `WARN`, `ERROR`, `FATAL` or `OFF`.
    pub log_level: Option<LogLevel>,
    /// Which trace events are kept: `ALWAYS`, `ON_EVENT`, `PROPAGATE` or `OFF`.
    pub trace_level: Option<TraceLevel>,
    /// Which metrics are kept: `ALL` or `NONE`.
    pub metric_level: Option<MetricLevel>,
    /// After how many failures in a row a task is suspended; 0 for never.
    pub suspend_task_after_num_failures: Option<i64>,
    /// How often a failed task graph is tried again: 0 to 30.
    pub task_auto_retry_attempts: Option<i64>,
    /// The size with which serverless tasks begin, `XSMALL` to `XXLARGE`.
    pub user_task_managed_initial_warehouse_size: Option<Size>,
    /// How long a task may run, in milliseconds: 0 to 604800000.
    pub user_task_timeout_ms: Option<i64>,
    /// How many seconds lie between two runs of a triggered task at least: 10 to 604800.
    pub user_task_minimum_trigger_interval_in_seconds: Option<i64>,
    /// Whether quoted names ignore case. Not advisable: names of this spec are exact.
    pub quoted_identifiers_ignore_case: Option<bool>,
    /// Whether its pipes are paused.
    pub pipe_execution_paused: Option<bool>,
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: SchemaName,
    comment: String,
    mark: Option<Mark>,
    transient: Option<bool>,
    managed_access: bool,
    parameters: Values,
}

impl Kind for Schema {
    const NAME: &'static str = "schema";
    const SIDE: Side = Side::Snowflake;
    const PROTECTED: bool = true;
    const ABOUT: &'static str = "A schema, the container of stages, streams, tasks and tables.";
    const EXAMPLE: &'static str = r#"
[database.raw]
name = "RAW"

[schema.events]
database = "RAW"
name = "EVENTS"
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "database", about: "The name of its database", from: Source::Field("database") },
            Attribute { name: "fqn", about: "Its full name, quoted", from: Source::Computed(fqn) },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, name(spec))
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        let mut out = container::check(&parameters(spec), spec.transient);
        if spec.name.as_str() == "INFORMATION_SCHEMA" {
            let problem = Problem::new("name", "INFORMATION_SCHEMA belongs to Snowflake and cannot be managed");
            out.push(problem.hint("choose another name"));
        }
        if is_public(&spec.name) && spec.transient.is_some() {
            let problem =
                Problem::new("transient", "PUBLIC comes with its database and is transient if the database is");
            out.push(problem.hint("set `transient` on the database"));
        }
        out
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        Props {
            name: name(&entry.spec),
            comment: entry.spec.comment.clone(),
            mark: Some(entry.mark.clone()),
            transient: entry.spec.transient,
            managed_access: entry.spec.managed_access,
            parameters: parameters(&entry.spec),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, transient, managed_access, parameters } = props;
        let mut fields = vec![
            container::comment_field(comment),
            Field::replaces_if_set("transient", *transient),
            Field::in_place("managed_access", Some(*managed_access)),
        ];
        fields.extend(setting::fields_if_set(&container::PARAMETERS, parameters));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let to = LiveId::new("database", &props.name.database);
        let database = Ref { to, why: "its database", on_replace: OnReplace::Replace };
        std::iter::once(database).chain(container::refs(&props.parameters)).collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let names: Vec<SchemaName> = entries.iter().map(|entry| name(&entry.spec)).collect();
        let own = entries.iter().filter(|entry| !parameters(&entry.spec).is_empty()).map(|entry| name(&entry.spec));
        let own = show::parameters_of(session, Level::Schema, own);
        let (listing, own, ours) =
            try_join3(show::schemas(session, &names), own, our_databases(session, &names, context)).await?;
        gather(entries, context, &listing.index(show::schema_of)?, &own, &ours)
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let rest = container::clauses(&want.parameters, &want.comment, want.mark.as_ref());
        if is_public(&want.name.schema) {
            let access = want.managed_access.then(|| managed_access(want));
            let ops = access.into_iter().chain([Text::new("ALTER SCHEMA").name(&want.name).word("SET").then(rest)]);
            return vec![Part::main(ops.map(Op::sql).collect())];
        }
        let words = if want.transient == Some(true) { "CREATE TRANSIENT SCHEMA" } else { "CREATE SCHEMA" };
        let mut text = Text::new(words).name(&want.name);
        if want.managed_access {
            text = text.word("WITH MANAGED ACCESS");
        }
        vec![Part::main(vec![Op::sql(text.then(rest))])]
    }

    fn alter(_at: &Address, want: &Props, _have: &Props, changed: &Diff) -> Vec<Part> {
        let access = changed.has("managed_access").then(|| managed_access(want));
        let set = container::changed(&want.parameters, &want.comment, want.mark.as_ref(), changed);
        let set = (!set.is_empty()).then(|| Text::new("ALTER SCHEMA").name(&want.name).word("SET").then(set));
        vec![Part::main(access.into_iter().chain(set).map(Op::sql).collect())]
    }

    /// `RESTRICT` refuses where tables elsewhere refer to tables in it by foreign keys. PUBLIC is given back.
    fn delete(have: &Props) -> Vec<Part> {
        let text = if is_public(&have.name.schema) {
            Text::new("ALTER SCHEMA").name(&have.name).word("UNSET COMMENT")
        } else {
            Text::new("DROP SCHEMA").name(&have.name).word("RESTRICT")
        };
        vec![Part::main(vec![Op::sql(text)])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        if is_public(&name.schema) {
            return vec![format!("{name} is not dropped, it only loses its comment; its parameters stay as they are")];
        }
        vec![format!(
            "everything in {name} goes with it, also what this spec does not declare; `UNDROP SCHEMA {name}` brings it back within its retention time, unless a new one has taken the name"
        )]
    }

    /// One parameter is asked for, so that all are read.
    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let SchemaName { database, schema } =
            name.parse().map_err(|error| format!("`{name}` is not `DATABASE.SCHEMA`: {error}"))?;
        let fields = Export::default().field("database", database.written()).field("name", schema.written());
        Ok(fields.field("data_retention_time_in_days", 1).done())
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, transient, managed_access, parameters } = have;
        let fields = Export::default().field("database", name.database.written());
        let fields = fields.field("name", name.schema.written()).text("comment", comment);
        // PUBLIC is transient exactly if its database is.
        let transient = *transient == Some(true) && !is_public(&name.schema);
        let fields = fields.unless(&false, "transient", transient).unless(&false, "managed_access", *managed_access);
        fields.and(setting::exported(&container::PARAMETERS, parameters)).done()
    }
}

fn is_public(name: &Ident) -> bool {
    name.as_str() == "PUBLIC"
}

fn name(spec: &Spec) -> SchemaName {
    SchemaName { database: spec.database.clone(), schema: spec.name.clone() }
}

fn managed_access(want: &Props) -> Text {
    let words = if want.managed_access { "ENABLE MANAGED ACCESS" } else { "DISABLE MANAGED ACCESS" };
    Text::new("ALTER SCHEMA").name(&want.name).word(words)
}

fn parameters(spec: &Spec) -> Values {
    let Spec {
        database: _,
        name: _,
        comment: _,
        transient: _,
        managed_access: _,
        data_retention_time_in_days,
        max_data_extension_time_in_days,
        external_volume,
        catalog,
        replace_invalid_characters,
        default_ddl_collation,
        storage_serialization_policy,
        log_level,
        trace_level,
        metric_level,
        suspend_task_after_num_failures,
        task_auto_retry_attempts,
        user_task_managed_initial_warehouse_size,
        user_task_timeout_ms,
        user_task_minimum_trigger_interval_in_seconds,
        quoted_identifiers_ignore_case,
        pipe_execution_paused,
    } = spec;
    setting::collect([
        ("data_retention_time_in_days", data_retention_time_in_days.map(Value::from)),
        ("max_data_extension_time_in_days", max_data_extension_time_in_days.map(Value::from)),
        ("external_volume", external_volume.clone().map(Value::Name)),
        ("catalog", catalog.clone().map(Value::Name)),
        ("replace_invalid_characters", replace_invalid_characters.map(Value::from)),
        ("default_ddl_collation", default_ddl_collation.clone().map(Value::Text)),
        ("storage_serialization_policy", storage_serialization_policy.map(|policy| Value::Word(policy.word()))),
        ("log_level", log_level.map(|level| Value::from(level.word()))),
        ("trace_level", trace_level.map(|level| Value::from(level.word()))),
        ("metric_level", metric_level.map(|level| Value::from(level.word()))),
        ("suspend_task_after_num_failures", suspend_task_after_num_failures.map(Value::from)),
        ("task_auto_retry_attempts", task_auto_retry_attempts.map(Value::from)),
        (
            "user_task_managed_initial_warehouse_size",
            user_task_managed_initial_warehouse_size.map(|size| Value::Word(size.word())),
        ),
        ("user_task_timeout_ms", user_task_timeout_ms.map(Value::from)),
        (
            "user_task_minimum_trigger_interval_in_seconds",
            user_task_minimum_trigger_interval_in_seconds.map(Value::from),
        ),
        ("quoted_identifiers_ignore_case", quoted_identifiers_ignore_case.map(Value::from)),
        ("pipe_execution_paused", pipe_execution_paused.map(Value::from)),
    ])
}

fn fqn(field: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let part = |name: &str| -> Result<Ident, String> {
        field(name).ok_or_else(|| format!("it has no {name}"))?.parse().map_err(|error| format!("{error}"))
    };
    Ok(SchemaName { database: part("database")?, schema: part("name")? }.to_string())
}

/// Databases that carry a mark of this stack; asked only where a PUBLIC is declared.
async fn our_databases(
    session: &Session,
    names: &[SchemaName],
    context: &Context,
) -> Result<BTreeSet<Ident>, CloudError> {
    let publics: Vec<&Ident> = names.iter().filter(|name| is_public(&name.schema)).map(|name| &name.database).collect();
    if publics.is_empty() {
        return Ok(BTreeSet::new());
    }
    let listing = show::account(session, "SHOW DATABASES", publics).await?;
    let ours = |row: &Row<'_>| show::comment(row.get("comment")).1.is_some_and(|mark| mark.stack == context.stack);
    Ok(listing.index(show::name_of)?.into_iter().filter(|(_, row)| ours(row)).map(|(name, _)| name).collect())
}

/// Joins the rows with the parameters. A PUBLIC that came with a database of this stack and that nobody has claimed counts as absent:
/// creating it means claiming it.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<SchemaName, Row<'_>>,
    own: &BTreeMap<SchemaName, Parameters>,
    ours: &BTreeSet<Ident>,
) -> Result<Observed<Props>, CloudError> {
    let found = rows.iter().map(|(name, row)| Ok((name.clone(), read(name, row, own.get(name))?)));
    let found = found.collect::<Result<_, CloudError>>()?;
    let mut out = show::observed::<Schema, _>(entries, context, name, found);
    for entry in entries {
        let name = name(&entry.spec);
        let Some(seen) = out.declared.get_mut(&entry.at) else { continue };
        let Seen::Present(found) = seen else { continue };
        let unclaimed = found.props.mark.is_none() && found.props.comment.is_empty();
        if is_public(&name.schema) && unclaimed && ours.contains(&name.database) {
            *seen = Seen::Absent;
        } else if !parameters(&entry.spec).is_empty() && !own.contains_key(&name) {
            let role = &context.snowflake_role;
            *seen =
                Seen::Hidden(format!("{role} sees schema {name} but not its parameters: grant the role USAGE on it"));
        }
    }
    Ok(out)
}

fn read(name: &SchemaName, row: &Row<'_>, own: Option<&Parameters>) -> Result<Found<Props>, CloudError> {
    let (comment, mark) = show::comment(row.get("comment"));
    let options = container::options(show::column(row, "options")?);
    let props = Props {
        name: name.clone(),
        comment,
        mark,
        transient: Some(options.contains("TRANSIENT")),
        managed_access: options.contains("MANAGED ACCESS"),
        parameters: own.map(container::live).unwrap_or_default(),
    };
    Ok(Found { props, facts: BTreeMap::new() })
}

#[cfg(test)]
mod tests;
