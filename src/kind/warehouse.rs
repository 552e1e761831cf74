//! Warehouses: what computes.
//!
//! What costs money is always stated: size, suspension and clusters have documented defaults. What Snowflake decides by account, region
//! and release (generation, query acceleration) is left alone where the spec is silent. A column that `SHOW` does not have, as those of
//! clusters in the Standard edition, says nothing and is taken as wanted.
//!
//! Statements: `SHOW WAREHOUSES`, `SHOW PARAMETERS IN WAREHOUSE` where the spec sets one, `CREATE`, `ALTER` and `DROP WAREHOUSE`.
//! Privileges: CREATE WAREHOUSE on the account, MODIFY and OPERATE to change it.

use std::collections::BTreeMap;

use futures::future::try_join;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;

use super::container::{comment_clause, comment_field};
use super::export::Export;
use super::setting::{self, Form, Setting, Value, Values};
use super::show::{self, Level, Parameters};
use super::words::{Size, words};
use super::{Attribute, Class, Cx, Entry, Field, Fields, Kind, OnReplace, Part, Problem, Ref, Side, Source};
use crate::cloud::{Cloud, CloudError, Row};
use crate::model::{Act, Address, Context, Diff, Found, Ident, LiveId, Mark, Observed, Op, Seen, Text};

/// The kind.
pub struct Warehouse;

/// A warehouse.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name, unique in the account.
    pub name: Ident,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// `STANDARD` or `SNOWPARK-OPTIMIZED`. Default: `STANDARD`. A change suspends the warehouse for a moment.
    #[serde(default = "standard")]
    pub warehouse_type: WarehouseType,
    /// `XSMALL`, `SMALL`, `MEDIUM`, `LARGE`, `XLARGE`, `XXLARGE`, `XXXLARGE`, `X4LARGE`, `X5LARGE` or `X6LARGE`. Default: `XSMALL`, for
    /// `SNOWPARK-OPTIMIZED` `MEDIUM`.
    pub warehouse_size: Option<Size>,
    /// The generation of its hardware, 1 or 2. Left as it is where not set: Snowflake chooses by region.
    pub generation: Option<i64>,
    /// Memory and processor of `SNOWPARK-OPTIMIZED` warehouses, such as `MEMORY_16X`. Left as it is where not set.
    pub resource_constraint: Option<ResourceConstraint>,
    /// The least number of clusters. Default: 1. More than one needs the Enterprise edition.
    #[serde(default = "one")]
    pub min_cluster_count: i64,
    /// The greatest number of clusters. Default: 1.
    #[serde(default = "one")]
    pub max_cluster_count: i64,
    /// When clusters are added: `STANDARD`, at once, or `ECONOMY`, for enough load. Default: `STANDARD`.
    #[serde(default = "prompt")]
    pub scaling_policy: ScalingPolicy,
    /// After how many idle seconds it is suspended; 0 for never. Default: 60.
    #[serde(default = "minute")]
    pub auto_suspend: i64,
    /// Whether a query resumes it. Default: true.
    #[serde(default = "yes")]
    pub auto_resume: bool,
    /// Whether it is created suspended, so that it costs nothing until used. Default: true. Has no meaning afterwards.
    #[serde(default = "yes")]
    pub initially_suspended: bool,
    /// The resource monitor that limits its credits, such as `{{ resource_monitor.limit.name }}`. Left as it is where not set.
    pub resource_monitor: Option<Ident>,
    /// Whether parts of large queries may be given to shared compute. Left as it is where not set.
    pub enable_query_acceleration: Option<bool>,
    /// How much shared compute at most, as a multiple of the warehouse: 0 to 100, 0 for no limit. Left as it is where not set.
    pub query_acceleration_max_scale_factor: Option<i64>,
    /// How many statements run at the same time in a cluster: 1 to 32. Left as it is where not set.
    pub max_concurrency_level: Option<i64>,
    /// After how many seconds in the queue a statement is cancelled; 0 for never. Left as it is where not set.
    pub statement_queued_timeout_in_seconds: Option<i64>,
    /// After how many seconds a running statement is cancelled: 0 to 604800. Left as it is where not set.
    pub statement_timeout_in_seconds: Option<i64>,
}

fn standard() -> WarehouseType {
    WarehouseType::Standard
}
fn prompt() -> ScalingPolicy {
    ScalingPolicy::Standard
}
fn one() -> i64 {
    1
}
fn minute() -> i64 {
    60
}
fn yes() -> bool {
    true
}

words! {
    /// What a warehouse is made for.
    WarehouseType { Standard = "STANDARD", SnowparkOptimized = "SNOWPARK-OPTIMIZED" | "SNOWPARK_OPTIMIZED" }
}

words! {
    /// When clusters are added.
    ScalingPolicy { Standard = "STANDARD", Economy = "ECONOMY" }
}

words! {
    /// Memory and processor.
    ResourceConstraint {
        StandardGen1 = "STANDARD_GEN_1",
        StandardGen2 = "STANDARD_GEN_2",
        Memory1x = "MEMORY_1X",
        Memory1xX86 = "MEMORY_1X_X86",
        Memory16x = "MEMORY_16X",
        Memory16xX86 = "MEMORY_16X_X86",
        Memory64x = "MEMORY_64X",
        Memory64xX86 = "MEMORY_64X_X86",
    }
}

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: Ident,
    comment: String,
    mark: Option<Mark>,
    settings: Values,
    initially_suspended: Option<bool>,
    /// Whether it runs at the moment: it must not while its type changes. Never compared.
    running: bool,
}

/// Every setting that is read back, with how it is compared.
const SETTINGS: [(Setting, Class); 15] = [
    (Setting::new("warehouse_type", Form::Upper), Class::InPlace),
    (Setting::new("warehouse_size", Form::Word(size)), Class::InPlace),
    (Setting::new("generation", Form::Upper), Class::InPlaceIfSet),
    (Setting::new("resource_constraint", Form::Word(constraint)), Class::InPlaceIfSet),
    (Setting::new("min_cluster_count", Form::Int(1, 300)), Class::InPlace),
    (Setting::new("max_cluster_count", Form::Int(1, 300)), Class::InPlace),
    (Setting::new("scaling_policy", Form::Word(policy)), Class::InPlace),
    (Setting::new("auto_suspend", Form::Int(0, i64::MAX)), Class::InPlace),
    (Setting::new("auto_resume", Form::Bool), Class::InPlace),
    (Setting::new("resource_monitor", Form::Name), Class::InPlaceIfSet),
    (Setting::new("enable_query_acceleration", Form::Bool), Class::InPlaceIfSet),
    (Setting::new("query_acceleration_max_scale_factor", Form::Int(0, 100)), Class::InPlaceIfSet),
    (Setting::new("max_concurrency_level", Form::Int(1, 32)), Class::InPlaceIfSet),
    (Setting::new("statement_queued_timeout_in_seconds", Form::Int(0, i64::MAX)), Class::InPlaceIfSet),
    (Setting::new("statement_timeout_in_seconds", Form::Int(0, 604_800)), Class::InPlaceIfSet),
];

fn size(text: &str) -> Option<&'static str> {
    Size::read(text).map(Size::word)
}
fn constraint(text: &str) -> Option<&'static str> {
    ResourceConstraint::read(text).map(ResourceConstraint::word)
}
fn policy(text: &str) -> Option<&'static str> {
    ScalingPolicy::read(text).map(ScalingPolicy::word)
}

/// Those that are parameters: not in `SHOW WAREHOUSES`, and inherited from the account.
const PARAMETERS: [&str; 3] =
    ["max_concurrency_level", "statement_queued_timeout_in_seconds", "statement_timeout_in_seconds"];

impl Kind for Warehouse {
    const NAME: &'static str = "warehouse";
    const SIDE: Side = Side::Snowflake;
    const ABOUT: &'static str = "A warehouse: what computes, and what costs.";
    const EXAMPLE: &'static str = r#"
[warehouse.load]
name = "LOAD"
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
        let mut out = setting::check(&SETTINGS.map(|(setting, _)| setting), &settings(spec));
        if spec.min_cluster_count > spec.max_cluster_count {
            let problem = Problem::new("min_cluster_count", "it is greater than `max_cluster_count`");
            out.push(problem.hint("raise `max_cluster_count` too"));
        }
        if spec.generation.is_some_and(|generation| !(1..=2).contains(&generation)) {
            out.push(Problem::new("generation", "the generation is 1 or 2"));
        }
        if spec.generation.is_some() && spec.resource_constraint.is_some() {
            let problem =
                Problem::new("resource_constraint", "`generation` and `resource_constraint` exclude each other");
            out.push(problem.hint("keep `generation` for STANDARD, `resource_constraint` for SNOWPARK-OPTIMIZED"));
        }
        if spec.generation.is_some() && spec.warehouse_type == WarehouseType::SnowparkOptimized {
            out.push(Problem::new("generation", "only STANDARD warehouses have a generation").hint("remove it"));
        }
        out
    }

    fn want(entry: &Entry<Spec>, _cx: Cx<'_>) -> Props {
        Props {
            name: entry.spec.name.clone(),
            comment: entry.spec.comment.clone(),
            mark: Some(entry.mark.clone()),
            settings: settings(&entry.spec),
            initially_suspended: Some(entry.spec.initially_suspended),
            running: false,
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props { name: _, comment, mark: _, settings, initially_suspended, running: _ } = props;
        let field = |(setting, class): &(Setting, Class)| Field {
            name: setting.field.into(),
            value: settings.get(setting.field).map(Value::shown),
            class: *class,
        };
        let mut fields = vec![comment_field(comment)];
        fields.extend(SETTINGS.iter().map(field));
        fields.push(Field::create_only("initially_suspended", *initially_suspended));
        fields
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        let monitor = monitor(props).map(|to| Ref {
            to,
            why: "the resource monitor that limits its credits",
            on_replace: OnReplace::Relink,
        });
        monitor.into_iter().collect()
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        let session = cloud.snowflake()?;
        let listing = show::account(session, "SHOW WAREHOUSES", entries.iter().map(|entry| &entry.spec.name));
        let own = entries.iter().filter(|entry| needs_parameters(&entry.spec)).map(|entry| entry.spec.name.clone());
        let (listing, own) = try_join(listing, show::parameters_of(session, Level::Warehouse, own)).await?;
        Ok(gather(entries, context, &listing.index(show::name_of)?, &own))
    }

    fn create(_at: &Address, want: &Props) -> Vec<Part> {
        let mut text = Text::new("CREATE WAREHOUSE").name(&want.name);
        for (setting, _) in &SETTINGS {
            // What editions without clusters do not know is not mentioned unless it is asked for.
            let asked = |value: &&Value| {
                !(setting.field.ends_with("_cluster_count") && **value == Value::Int(1)
                    || setting.field == "scaling_policy" && **value == Value::Word(ScalingPolicy::Standard.word()))
            };
            if let Some(value) = want.settings.get(setting.field).filter(asked) {
                text = text.then(setting.clause(value));
            }
        }
        let suspended = want.initially_suspended.unwrap_or(true);
        let text = text.word("INITIALLY_SUSPENDED =").bool(suspended);
        vec![Part::main(vec![Op::sql(text.then(comment_clause(&want.comment, want.mark.as_ref())))])]
    }

    fn alter(_at: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let mut set = Text::default();
        for (setting, _) in SETTINGS.iter().filter(|(setting, _)| changed.has(setting.field)) {
            if let Some(value) = want.settings.get(setting.field) {
                set = set.then(setting.clause(value));
            }
        }
        if changed.has("comment") || changed.has("mark") {
            set = set.then(comment_clause(&want.comment, want.mark.as_ref()));
        }
        let set = Op::sql(alter(&want.name).word("SET").then(set));
        if !(changed.has("warehouse_type") && have.running) {
            return vec![Part::main(vec![set])];
        }
        let resume = alter(&want.name).word("RESUME IF SUSPENDED");
        let suspend = Op::sql(alter(&want.name).word("SUSPEND")).undone_by(Act::Sql(resume.clone()));
        vec![Part::main(vec![suspend, set, Op::sql(resume)])]
    }

    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP WAREHOUSE").name(&have.name))])]
    }

    fn relink(_: &Address, want: &Props, to: &LiveId) -> Vec<Op> {
        let setting = Setting::new("resource_monitor", Form::Name);
        let value = want.settings.get(setting.field).filter(|_| monitor(want).as_ref() == Some(to));
        value.map(|value| Op::sql(alter(&want.name).word("SET").then(setting.clause(value)))).into_iter().collect()
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![format!(
            "tasks and sessions that use {name} fail, and what runs in it is cancelled; a warehouse cannot be undropped"
        )]
    }

    /// One parameter is asked for, so that all are read.
    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let name: Ident = name.parse().map_err(|error| format!("`{name}` is not the name of a warehouse: {error}"))?;
        Ok(vec![("name", name.written().into()), ("max_concurrency_level", 8.into())])
    }

    fn export(have: &Props, _: &Context) -> Fields {
        let Props { name, comment, mark: _, settings, initially_suspended: _, running: _ } = have;
        let fields = Export::default().field("name", name.written()).text("comment", comment);
        fields.and(SETTINGS.iter().filter_map(|(setting, _)| exported(setting.field, settings))).done()
    }
}

fn alter(name: &Ident) -> Text {
    Text::new("ALTER WAREHOUSE").name(name)
}

/// A live setting as a field, if it is not as it would be anyway.
fn exported(field: &'static str, settings: &Values) -> Option<(&'static str, Json)> {
    let value = settings.get(field)?;
    let optimized = settings.get("warehouse_type") == Some(&Value::from(WarehouseType::SnowparkOptimized.word()));
    let least = if optimized { Size::Medium } else { Size::XSmall };
    let default = match field {
        "warehouse_type" => Some(Value::from(WarehouseType::Standard.word())),
        "warehouse_size" => Some(Value::Word(least.word())),
        "min_cluster_count" | "max_cluster_count" => Some(Value::Int(1)),
        "scaling_policy" => Some(Value::Word(ScalingPolicy::Standard.word())),
        "auto_suspend" => Some(Value::Int(60)),
        "auto_resume" => Some(Value::Bool(true)),
        "enable_query_acceleration" => Some(Value::Bool(false)),
        // What Snowflake says where nobody has set it.
        "query_acceleration_max_scale_factor" => Some(Value::Int(8)),
        _ => None,
    };
    // Two words for one thing: a generation, or for warehouses of the other type what they have in its place.
    let other = if optimized { "generation" } else { "resource_constraint" };
    if default.as_ref() == Some(value) || field == other {
        return None;
    }
    let number = |text: &String| text.parse::<i64>().map_or_else(|_| Json::from(text.as_str()), Json::from);
    match value {
        Value::Text(text) if field == "generation" => Some((field, number(text))),
        value => Some((field, value.json())),
    }
}

/// The resource monitor it is limited by.
fn monitor(props: &Props) -> Option<LiveId> {
    match props.settings.get("resource_monitor") {
        Some(Value::Name(name)) => Some(LiveId::new("resource_monitor", name)),
        _ => None,
    }
}

fn needs_parameters(spec: &Spec) -> bool {
    let settings = settings(spec);
    PARAMETERS.iter().any(|field| settings.contains_key(field))
}

fn settings(spec: &Spec) -> Values {
    let Spec {
        name: _,
        comment: _,
        warehouse_type,
        warehouse_size,
        generation,
        resource_constraint,
        min_cluster_count,
        max_cluster_count,
        scaling_policy,
        auto_suspend,
        auto_resume,
        initially_suspended: _,
        resource_monitor,
        enable_query_acceleration,
        query_acceleration_max_scale_factor,
        max_concurrency_level,
        statement_queued_timeout_in_seconds,
        statement_timeout_in_seconds,
    } = spec;
    let least = match warehouse_type {
        WarehouseType::Standard => Size::XSmall,
        WarehouseType::SnowparkOptimized => Size::Medium,
    };
    setting::collect([
        ("warehouse_type", Some(Value::from(warehouse_type.word()))),
        ("warehouse_size", Some(Value::Word(warehouse_size.unwrap_or(least).word()))),
        ("generation", generation.map(|number| Value::Text(number.to_string()))),
        ("resource_constraint", resource_constraint.map(|constraint| Value::Word(constraint.word()))),
        ("min_cluster_count", Some(Value::Int(*min_cluster_count))),
        ("max_cluster_count", Some(Value::Int(*max_cluster_count))),
        ("scaling_policy", Some(Value::Word(scaling_policy.word()))),
        ("auto_suspend", Some(Value::Int(*auto_suspend))),
        ("auto_resume", Some(Value::Bool(*auto_resume))),
        ("resource_monitor", resource_monitor.clone().map(Value::Name)),
        ("enable_query_acceleration", enable_query_acceleration.map(Value::Bool)),
        ("query_acceleration_max_scale_factor", query_acceleration_max_scale_factor.map(Value::Int)),
        ("max_concurrency_level", max_concurrency_level.map(Value::Int)),
        ("statement_queued_timeout_in_seconds", statement_queued_timeout_in_seconds.map(Value::Int)),
        ("statement_timeout_in_seconds", statement_timeout_in_seconds.map(Value::Int)),
    ])
}

/// Joins the rows with the parameters.
fn gather(
    entries: &[Entry<Spec>],
    context: &Context,
    rows: &BTreeMap<Ident, Row<'_>>,
    own: &BTreeMap<Ident, Parameters>,
) -> Observed<Props> {
    let wanted: BTreeMap<&Ident, Values> =
        entries.iter().map(|entry| (&entry.spec.name, settings(&entry.spec))).collect();
    let found = rows.iter().map(|(name, row)| {
        let unknown = wanted.get(name).cloned().unwrap_or_default();
        (name.clone(), read(name, row, own.get(name), &unknown))
    });
    let mut out = show::observed::<Warehouse, _>(entries, context, |spec| spec.name.clone(), found.collect());
    for entry in entries {
        let name = &entry.spec.name;
        let unread = needs_parameters(&entry.spec) && !own.contains_key(name);
        if let (true, Some(seen @ Seen::Present(_))) = (unread, out.declared.get_mut(&entry.at)) {
            let role = &context.snowflake_role;
            *seen = Seen::Hidden(format!(
                "{role} sees warehouse {name} but not its parameters: grant the role USAGE on it"
            ));
        }
    }
    out
}

fn read(name: &Ident, row: &Row<'_>, own: Option<&Parameters>, unknown: &Values) -> Found<Props> {
    let (comment, mark) = show::comment(row.get("comment"));
    let value = |(setting, _): &(Setting, Class)| {
        let field = setting.field;
        let value = match own.filter(|_| PARAMETERS.contains(&field)) {
            Some(own) => own.get(&field.to_ascii_uppercase()).map(|text| setting.read(text)),
            None => shown(setting, row, unknown),
        };
        Some((field, value?))
    };
    let props = Props {
        name: name.clone(),
        comment,
        mark,
        settings: SETTINGS.iter().filter_map(value).collect(),
        initially_suspended: None,
        running: row.get("state").is_some_and(|state| matches!(state, "STARTED" | "RESUMING" | "RESIZING")),
    };
    Found { props, facts: BTreeMap::new() }
}

/// What a row shows of a setting. Where it shows nothing, that means something for few settings only.
fn shown(setting: &Setting, row: &Row<'_>, unknown: &Values) -> Option<Value> {
    let column = match setting.field {
        "warehouse_type" => "type",
        "warehouse_size" => "size",
        field => field,
    };
    match (row.get(column), setting.field) {
        (Some(text), _) => Some(setting.read(text)),
        (None, "auto_suspend") if row.has(column) => Some(Value::Int(0)),
        (None, "resource_monitor" | "generation" | "resource_constraint") if row.has(column) => None,
        (None, field) => unknown.get(field).cloned(),
    }
}

#[cfg(test)]
mod tests;
