//! A table as it is written.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Deserialize;

use super::expression;
use super::types::DataType;
use crate::kind::Problem;
use crate::model::{Ident, ObjectName, SchemaName};

/// A table. Columns are told apart by their names: their order in the spec counts only when the table is created, and new columns are added
/// at the end.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// Its columns, at least one. A column that leaves the list is dropped with its data, which a protected table allows only with
    /// `--allow-destroy`.
    pub columns: Vec<Column>,
    /// The columns of its primary key. Snowflake does not enforce it. Default: none.
    #[serde(default)]
    pub primary_key: Vec<Ident>,
    /// The expressions by which its rows are clustered, such as `TO_DATE(CREATED_AT)`. Default: none.
    #[serde(default)]
    pub cluster_by: Vec<String>,
    /// Whether its data has no fail-safe period. A change needs a new table, with the loss of all data. Default: false.
    #[serde(default)]
    pub transient: bool,
    /// Whether what streams need to know of old rows is kept. A stream switches it on by itself. Left as it is where not set.
    pub change_tracking: Option<bool>,
    /// Whether `COPY INTO` may add columns that files bring; such columns then are left alone. Default: false.
    #[serde(default)]
    pub enable_schema_evolution: bool,
    /// Days for which old states can be queried and restored: 0 to 90, or 0 to 1 for transient tables and in the Standard edition. Left as it
    /// is where not set.
    pub data_retention_time_in_days: Option<i64>,
    /// Days by which Snowflake may prolong the retention to keep streams from becoming stale: 0 to 90. Left as it is where not set.
    pub max_data_extension_time_in_days: Option<i64>,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
}

/// A column.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Its name.
    pub name: Ident,
    /// Its type, in any of Snowflake's spellings. A text without a length is as long as can be, and `TIMESTAMP` is `TIMESTAMP_NTZ`. A longer text
    /// and a number of more digits are altered in place; any other type needs a new table.
    #[serde(rename = "type")]
    pub data_type: DataType,
    /// Whether it may be NULL. Default: true.
    #[serde(default = "yes")]
    pub nullable: bool,
    /// What a row gets that does not say: a constant or an expression such as `CURRENT_TIMESTAMP()`. Snowflake can take a default away from a
    /// column but not give it one later: that needs a new table. Default: none.
    pub default: Option<String>,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
    /// The name it had before: a live column of that name is renamed and keeps its data. Without effect once that is done.
    pub renamed_from: Option<Ident>,
}

fn yes() -> bool {
    true
}

impl Spec {
    pub(super) fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }
}

pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    if spec.columns.is_empty() {
        problems.push(Problem::new("columns", "a table has at least one column"));
    }
    let mut names = BTreeSet::new();
    for (at, column) in spec.columns.iter().enumerate() {
        let field = |name: &str| format!("columns.{at}.{name}");
        if !names.insert(&column.name) {
            problems.push(Problem::new(&field("name"), format!("the column {} is there twice", column.name)));
        }
        if column.renamed_from.as_ref().is_some_and(|old| spec.columns.iter().any(|other| other.name == *old)) {
            let problem = Problem::new(&field("renamed_from"), "the column it was renamed from is still declared");
            problems.push(problem.hint("take the old column out of the list"));
        }
        if let Some(Err(why)) = column.default.as_deref().map(expression::check) {
            problems.push(
                Problem::new(&field("default"), why).hint("write text as `\"'text'\"`, with quotes of SQL inside"),
            );
        }
    }
    for (at, key) in spec.primary_key.iter().enumerate() {
        match spec.columns.iter().find(|column| column.name == *key) {
            None => {
                let message = format!("{key} is not among the columns");
                problems.push(Problem::new(&format!("primary_key.{at}"), message));
            }
            Some(column) if column.nullable => {
                let problem = Problem::new(&format!("primary_key.{at}"), format!("{key} may be NULL, and no key may"));
                problems.push(problem.hint("add `nullable = false` to the column"));
            }
            Some(_) => {}
        }
    }
    for (at, by) in spec.cluster_by.iter().enumerate() {
        if let Err(why) = expression::check(by) {
            problems.push(Problem::new(&format!("cluster_by.{at}"), why));
        }
    }
    for (field, days) in [
        ("data_retention_time_in_days", spec.data_retention_time_in_days),
        ("max_data_extension_time_in_days", spec.max_data_extension_time_in_days),
    ] {
        if days.is_some_and(|days| !(0..=90).contains(&days)) {
            problems.push(Problem::new(field, "it is a number from 0 to 90"));
        }
    }
    if spec.transient && spec.data_retention_time_in_days.is_some_and(|days| days > 1) {
        let problem =
            Problem::new("data_retention_time_in_days", "a transient table keeps its history for at most 1 day");
        problems.push(problem.hint("lower it to 0 or 1, or make the table permanent"));
    }
    problems
}
