//! Databases.
//!
//! Statements: `SHOW DATABASES`, `SHOW PARAMETERS IN DATABASE` where the spec sets one, `CREATE`, `ALTER` and `DROP DATABASE`.
//! Privileges: CREATE DATABASE on the account, OWNERSHIP to change it.

use std::collections::BTreeMap;

use futures::future::try_join;
use schemars::JsonSchema;
use serde::Deserialize;

use super::container::{self, LogLevel, MetricLevel, SerializationPolicy, TraceLevel};
use super::export::Export;
use super::setting::{self, Value, Values};
use super::show::{self, Level, Parameters};
use super::words::Size;
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source};
use crate::cloud::{Cloud, CloudError, Row};
use crate::model::{Address, Context, Diff, Found, Ident, LiveId, Mark, Observed, Op, Seen, Text};

/// The kind.
pub struct Database;

/// A database. Its schema PUBLIC comes with it. A parameter that is not set here is inherited from the account, or left as it is.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// Whether its data has no fail-safe period. Left as it is where not set; a change needs a new database, with the loss of all data.
    pub transient: Option<bool>,
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
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    transient: Option<bool>,
    parameters: Values,
}

impl Kind for Database {
    const NAME: &'static str = "database";
    const SIDE: Side = Side::Snowflake;
    const PROTECTED: bool = true;
    const ABOUT: &'static str = "A database, the container of schemas.";
    const EXAMPLE: &'static str = r#"
[database.raw]
name = "RAW"
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "Its name", from: Source::Field("name") },
            Attribute { name: "fqn", about: "Its name, quoted", from: Source::Computed(fqn) },
        ]
    }

    fn id(spec: &Spec, _context: &Context) -> LiveId {
        LiveId::new(Self::NAME, &spec.name)
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        container::check(&parameters(spec), spec.transient)
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        Props {
            name: entry.spec.name.clone(),
            comment: entry.spec.comment.clone(),
            mark: Some(entry.mark.clone()),
            transient: entry.spec.transient,
            parameters: parameters(&entry.spec),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, transient, parameters } = props;
        let mut fields = vec![container::comment_field(comment), Field::replaces_if_set("transient", *transient)];
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
        container::refs(&props.parameters).into_iter().collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let listing = show::account(session, "SHOW DATABASES", entries.iter().map(|entry| &entry.spec.name));
        let own =
            entries.iter().filter(|entry| !parameters(&entry.spec).is_empty()).map(|entry| entry.spec.name.clone());
        let (listing, own) = try_join(listing, show::parameters_of(session, Level::Database, own)).await?;
        gather(entries, context, &listing.index(show::name_of)?, &own)
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let words = if want.transient == Some(true) { "CREATE TRANSIENT DATABASE" } else { "CREATE DATABASE" };
        let rest = container::clauses(&want.parameters, &want.comment, want.mark.as_ref());
        vec![Part::main(vec![Op::sql(Text::new(words).name(&want.name).then(rest))])]
    }

    fn alter(_at: &Address, want: &Props, _have: &Props, changed: &Diff) -> Vec<Part> {
        let set = container::changed(&want.parameters, &want.comment, want.mark.as_ref(), changed);
        vec![Part::main(vec![Op::sql(Text::new("ALTER DATABASE").name(&want.name).word("SET").then(set))])]
    }

    /// `RESTRICT` refuses where tables elsewhere refer to tables in it by foreign keys.
    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP DATABASE").name(&have.name).word("RESTRICT"))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![format!(
            "everything in {name} goes with it, also what this spec does not declare; `UNDROP DATABASE {name}` brings it back within its retention time, unless a new one has taken the name"
        )]
    }

    /// One parameter is asked for, so that all are read.
    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let name: Ident = name.parse().map_err(|error| format!("`{name}` is not the name of a database: {error}"))?;
        Ok(vec![("name", name.written().into()), ("data_retention_time_in_days", 1.into())])
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, transient, parameters } = have;
        let fields = Export::default().field("name", name.written()).text("comment", comment);
        let fields = fields.unless(&false, "transient", *transient == Some(true));
        fields.and(setting::exported(&container::PARAMETERS, parameters)).done()
    }
}

fn parameters(spec: &Spec) -> Values {
    let Spec {
        name: _,
        comment: _,
        transient: _,
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
    ])
}

fn fqn(field: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let name: Ident = field("name").ok_or("it has no name")?.parse().map_err(|error| format!("{error}"))?;
    Ok(name.to_string())
}

/// Joins the rows with the parameters. What is there but is not a database of this account's own, or cannot be read, is hidden.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<Ident, Row<'_>>,
    own: &BTreeMap<Ident, Parameters>,
) -> Result<Observed<Props>, CloudError> {
    let ordinary = rows.iter().filter(|(_, row)| foreign(row).is_none());
    let found = ordinary.map(|(name, row)| Ok((name.clone(), read(name, row, own.get(name))?)));
    let found = found.collect::<Result<_, CloudError>>()?;
    let mut out = show::observed::<Database, _>(entries, context, |spec| spec.name.clone(), found);
    for entry in entries {
        let name = &entry.spec.name;
        let (Some(seen), Some(row)) = (out.declared.get_mut(&entry.at), rows.get(name)) else { continue };
        if let Some(kind) = foreign(row) {
            let kind = kind.to_lowercase();
            *seen =
                Seen::Hidden(format!("{name} is the name of another kind of database ({kind}): choose another name"));
        } else if !parameters(&entry.spec).is_empty() && !own.contains_key(name) {
            let role = &context.snowflake_role;
            *seen =
                Seen::Hidden(format!("{role} sees database {name} but not its parameters: grant the role USAGE on it"));
        }
    }
    Ok(out)
}

/// What kind of database it is, if it is shared, replicated or installed.
fn foreign<'a>(row: &Row<'a>) -> Option<&'a str> {
    row.get("kind").filter(|kind| !kind.eq_ignore_ascii_case("STANDARD"))
}

fn read(name: &Ident, row: &Row<'_>, own: Option<&Parameters>) -> Result<Found<Props>, CloudError> {
    let (comment, mark) = show::comment(row.get("comment"));
    let props = Props {
        name: name.clone(),
        comment,
        mark,
        transient: Some(container::options(show::column(row, "options")?).contains("TRANSIENT")),
        parameters: own.map(container::live).unwrap_or_default(),
    };
    Ok(Found { props, facts: BTreeMap::new() })
}

#[cfg(test)]
pub(crate) mod tests;
