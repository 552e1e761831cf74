//! Tables.
//!
//! A table holds data, so it is protected, and nothing is replaced that can be altered. Columns are compared by name, never by place. A
//! column that leaves the spec is dropped with its data: that counts as destruction.
//!
//! Statements: `SHOW TABLES`, `DESC TABLE` for declared tables, `SHOW PARAMETERS IN TABLE` where the spec sets one, `CREATE`, `ALTER` and `DROP
//! TABLE`. Privileges: CREATE TABLE on the schema, OWNERSHIP to change it.

mod columns;
mod expression;
mod read;
mod spec;
mod types;

#[cfg(test)]
mod tests;

use super::container::{comment_clause, comment_field};
use super::setting::{self, Form, Setting, Value, Values};
use super::{Attribute, Cx, Entry, Field, Fields, Kind, Part, Problem, Ref, Side, Source, qualified};
use crate::cloud::{Cloud, CloudError};
use crate::model::sql::Body;
use crate::model::{
    Address, Change, Context, Diff, Effect, Ident, LiveId, Mark, ObjectName, Observed, Op, Shown, Text, Val,
};
use columns::Columns;
pub use spec::Spec;
pub use types::DataType;

/// The kind `table`.
#[derive(Debug)]
pub struct Table;

/// The canonical properties.
#[derive(Clone, Debug, PartialEq)]
pub struct Props {
    name: ObjectName,
    mark: Option<Mark>,
    comment: String,
    columns: Columns,
    primary_key: Vec<Ident>,
    /// In canonical form.
    cluster_by: Vec<String>,
    transient: bool,
    change_tracking: Option<bool>,
    enable_schema_evolution: bool,
    parameters: Values,
}

/// The parameters of a table that this kind manages.
const PARAMETERS: [Setting; 2] = [
    Setting::new("data_retention_time_in_days", Form::Int(0, 90)),
    Setting::new("max_data_extension_time_in_days", Form::Int(0, 90)),
];

impl Kind for Table {
    const NAME: &'static str = "table";
    const SIDE: Side = Side::Snowflake;
    const PROTECTED: bool = true;
    const ABOUT: &'static str = "A table, with its columns.";
    const EXAMPLE: &'static str = r#"
[database.analytics]
name = "ANALYTICS"

[table.sessions]
schema = "ANALYTICS.PUBLIC"
name = "SESSIONS"
columns = [
  { name = "RAW_DATA", type = "VARIANT" },
  { name = "SESSION_ID", type = "STRING", nullable = false },
  { name = "LOAD_TIMESTAMP", type = "TIMESTAMP", default = "CURRENT_TIMESTAMP()" },
]
"#;

    type Spec = Spec;
    type Props = Props;

    fn attributes() -> &'static [Attribute] {
        &[
            Attribute { name: "name", about: "The table's name.", from: Source::Field("name") },
            Attribute { name: "schema", about: "The schema it is in.", from: Source::Field("schema") },
            qualified::FQN,
        ]
    }

    fn id(spec: &Spec, _: &Context) -> LiveId {
        LiveId::new(Self::NAME, spec.full_name())
    }

    fn check(spec: &Spec) -> Vec<Problem> {
        spec::check(spec)
    }

    fn want(entry: &Entry<Spec>, _: Cx<'_>) -> Props {
        let Entry { at: _, mark, spec } = entry;
        Props {
            name: spec.full_name(),
            mark: Some(mark.clone()),
            comment: spec.comment.clone(),
            columns: Columns::wanted(&spec.columns),
            primary_key: spec.primary_key.clone(),
            cluster_by: spec.cluster_by.iter().map(|by| expression::canonical(by)).collect(),
            transient: spec.transient,
            change_tracking: spec.change_tracking,
            enable_schema_evolution: spec.enable_schema_evolution,
            parameters: parameters(spec),
        }
    }

    fn fields(props: &Props) -> Vec<Field> {
        let Props {
            name,
            mark: _,
            comment,
            columns,
            primary_key,
            cluster_by,
            transient,
            change_tracking,
            enable_schema_evolution,
            parameters,
        } = props;
        let list = |values: Vec<Val>| (!values.is_empty()).then_some(Shown::List(values));
        let key = primary_key.iter().map(|name| Val::known(name.to_string())).collect();
        let by = cluster_by.iter().map(|by| Val::known(by.as_str())).collect();
        let mut fields = vec![
            Field::replaces("schema", Some(name.schema.to_string())),
            Field::replaces("name", Some(name.name.to_string())),
        ];
        fields.extend(columns.fields());
        fields.extend([
            Field::in_place("primary_key", list(key)),
            Field::in_place("cluster_by", list(by)),
            Field::replaces("transient", Some(*transient)),
            Field::in_place_if_set("change_tracking", *change_tracking),
            Field::in_place("enable_schema_evolution", Some(*enable_schema_evolution)),
        ]);
        fields.extend(setting::fields_if_set(&PARAMETERS, parameters));
        fields.push(comment_field(comment));
        fields
    }

    fn effect(want: &Props, have: &Props, change: &Change) -> Option<Effect> {
        match change.field.strip_prefix("columns.") {
            Some(path) => want.columns.effect(&have.columns, path, change, want.enable_schema_evolution),
            None => Some(change.effect),
        }
    }

    fn mark(props: &Props) -> Option<&Mark> {
        props.mark.as_ref()
    }

    fn set_mark(props: &mut Props, mark: Option<Mark>) {
        props.mark = mark;
    }

    fn refs(props: &Props) -> Vec<Ref> {
        qualified::home(&props.name.schema)
    }

    async fn observe(entries: &[Entry<Spec>], cloud: &Cloud, context: &Context) -> Result<Observed<Props>, CloudError> {
        read::observe(entries, cloud, context).await
    }

    fn create(_: &Address, want: &Props) -> Vec<Part> {
        let words = if want.transient { "CREATE TRANSIENT TABLE" } else { "CREATE TABLE" };
        let columns = want.columns.in_order().map(|(name, column)| column.definition(name));
        let key = (!want.primary_key.is_empty()).then(|| Text::new("PRIMARY KEY").then(names(&want.primary_key)));
        let mut text = Text::new(words).name(&want.name).word("(").list(columns.chain(key)).word(")");
        if !want.cluster_by.is_empty() {
            text = text.word("CLUSTER BY").then(expressions(&want.cluster_by));
        }
        if want.enable_schema_evolution {
            text = text.word("ENABLE_SCHEMA_EVOLUTION = TRUE");
        }
        if let Some(on) = want.change_tracking {
            text = text.word("CHANGE_TRACKING =").bool(on);
        }
        let text = text.then(setting::clauses(&PARAMETERS, &want.parameters));
        vec![Part::main(vec![Op::sql(text.then(comment_clause(&want.comment, want.mark.as_ref())))])]
    }

    fn alter(_: &Address, want: &Props, have: &Props, changed: &Diff) -> Vec<Part> {
        let alter = || Text::new("ALTER TABLE").name(&want.name);
        let mut texts = Vec::new();
        // A column that goes may be part of the key, and one that comes may become part of it.
        if changed.has("primary_key") && !have.primary_key.is_empty() {
            texts.push(alter().word("DROP PRIMARY KEY"));
        }
        let columns = want.columns.changes(&have.columns, changed);
        texts.extend(columns.into_iter().map(|column| alter().then(column)));
        if changed.has("primary_key") && !want.primary_key.is_empty() {
            texts.push(alter().word("ADD PRIMARY KEY").then(names(&want.primary_key)));
        }
        if changed.has("cluster_by") {
            texts.push(if want.cluster_by.is_empty() {
                alter().word("DROP CLUSTERING KEY")
            } else {
                alter().word("CLUSTER BY").then(expressions(&want.cluster_by))
            });
        }
        let mut set = Text::default();
        if changed.has("enable_schema_evolution") {
            set = set.word("ENABLE_SCHEMA_EVOLUTION =").bool(want.enable_schema_evolution);
        }
        if let Some(on) = want.change_tracking.filter(|_| changed.has("change_tracking")) {
            set = set.word("CHANGE_TRACKING =").bool(on);
        }
        let these = want.parameters.iter().filter(|(field, _)| changed.has(field));
        set = set.then(setting::clauses(&PARAMETERS, &these.map(|(field, value)| (*field, value.clone())).collect()));
        if changed.has("comment") || changed.has("mark") {
            set = set.then(comment_clause(&want.comment, want.mark.as_ref()));
        }
        if !set.is_empty() {
            texts.push(alter().word("SET").then(set));
        }
        vec![Part::main(texts.into_iter().map(Op::sql).collect())]
    }

    /// `RESTRICT` refuses where foreign keys of other tables refer to it.
    fn delete(have: &Props) -> Vec<Part> {
        vec![Part::main(vec![Op::sql(Text::new("DROP TABLE IF EXISTS").name(&have.name).word("RESTRICT"))])]
    }

    fn breaks(have: &Props) -> Vec<String> {
        let name = &have.name;
        vec![
            format!(
                "all rows of {name} go; `UNDROP TABLE {name}` brings them back within its retention time, unless a new one has taken the name"
            ),
            format!(
                "streams on {name} become stale, views that read it fail, and the privileges granted on it are lost"
            ),
            format!(
                "which files were loaded into {name} is forgotten, so that COPY INTO and pipes may load them again"
            ),
        ]
    }

    fn named(name: &str, _: &Context) -> Result<Fields, String> {
        let mut fields = qualified::named(name)?;
        fields.push(("columns", serde_json::json!([{ "name": "FILLER", "type": "INT" }])));
        Ok(fields)
    }

    fn export(have: &Props, _: &Context) -> Fields {
        read::export(have)
    }
}

/// `("A", "B")`.
fn names(names: &[Ident]) -> Text {
    Text::new("(").list(names.iter().map(|name| Text::default().name(name))).word(")")
}

/// `(A, TO_DATE(B))`.
fn expressions(list: &[String]) -> Text {
    Text::new("(").list(list.iter().map(|one| Text::default().body(&Body::new(one)))).word(")")
}

fn parameters(spec: &Spec) -> Values {
    setting::collect([
        ("data_retention_time_in_days", spec.data_retention_time_in_days.map(Value::from)),
        ("max_data_extension_time_in_days", spec.max_data_extension_time_in_days.map(Value::from)),
    ])
}
