//! A stream as it is written.

use std::fmt;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::Problem;
use super::On;
use crate::model::{Ident, ObjectName, SchemaName, Text};

/// A stream. Exactly one of the `on_…` fields names what it listens to.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// The stage whose directory table it listens to; the stage needs `directory.enable = true`.
    pub on_stage: Option<ObjectName>,
    /// The table it listens to.
    pub on_table: Option<ObjectName>,
    /// The view it listens to.
    pub on_view: Option<ObjectName>,
    /// The external table it listens to. Such streams hand out new rows only (`INSERT_ONLY = TRUE`).
    pub on_external_table: Option<ObjectName>,
    /// The dynamic table it listens to.
    pub on_dynamic_table: Option<ObjectName>,
    /// Hands out inserts only. For tables and views. A change replaces the stream.
    #[serde(default)]
    pub append_only: bool,
    /// Hands out the rows that are there already, once. For tables and views. Has no meaning after creation and is not compared.
    #[serde(default)]
    pub show_initial_rows: bool,
    /// Where in the past it begins, this moment included. For tables and views. Has no meaning after creation and is not compared.
    pub at: Option<Offset>,
    /// Where in the past it begins, this moment not included. For tables and views. Has no meaning after creation and is not compared.
    pub before: Option<Offset>,
    /// A comment.
    #[serde(default)]
    pub comment: String,
}

/// A moment in the past of a table.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Offset {
    /// A time, such as `2026-01-31 12:00:00 +0000`.
    Timestamp(String),
    /// Seconds from now, negative.
    Offset(i64),
    /// The ID of a query: the moment it ran.
    Statement(String),
    /// Where another stream stands.
    Stream(ObjectName),
}

/// Whether the moment itself is included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    At,
    Before,
}

impl Side {
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::At => "at",
            Self::Before => "before",
        }
    }

    pub(super) fn words(self) -> &'static str {
        match self {
            Self::At => "AT (",
            Self::Before => "BEFORE (",
        }
    }
}

impl Offset {
    pub(super) fn text(&self) -> Text {
        match self {
            Self::Timestamp(time) => Text::new("TIMESTAMP => TO_TIMESTAMP_TZ (").literal(time.as_str()).word(")"),
            Self::Offset(seconds) => Text::new("OFFSET =>").int(*seconds),
            Self::Statement(id) => Text::new("STATEMENT =>").literal(id.as_str()),
            Self::Stream(name) => Text::new("STREAM =>").literal(name.to_string()),
        }
    }
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timestamp(text) | Self::Statement(text) => f.write_str(text),
            Self::Offset(seconds) => write!(f, "{seconds} s"),
            Self::Stream(name) => write!(f, "{name}"),
        }
    }
}

impl Spec {
    /// Its full name.
    pub fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }

    fn sources(&self) -> Vec<(On, &ObjectName)> {
        let of = |on: On| match on {
            On::Stage => &self.on_stage,
            On::Table => &self.on_table,
            On::View => &self.on_view,
            On::ExternalTable => &self.on_external_table,
            On::DynamicTable => &self.on_dynamic_table,
        };
        On::ALL.into_iter().filter_map(|on| Some((on, of(on).as_ref()?))).collect()
    }

    /// What it listens to; [`check`] makes sure that there is exactly one.
    pub(super) fn source(&self) -> (On, Option<ObjectName>) {
        self.sources().first().map_or((On::Table, None), |(on, name)| (*on, Some((*name).clone())))
    }

    pub(super) fn from(&self) -> Option<(Side, Offset)> {
        let at = self.at.iter().map(|offset| (Side::At, offset.clone()));
        at.chain(self.before.iter().map(|offset| (Side::Before, offset.clone()))).next()
    }
}

/// What one stream alone can have wrong. Source: Snowflake documentation, "CREATE STREAM".
pub(super) fn check(spec: &Spec) -> Vec<Problem> {
    let mut problems = Vec::new();
    let sources = spec.sources();
    let on = match sources[..] {
        [(on, _)] => on,
        [] => {
            let hint = "add `on_stage`, `on_table` or `on_view`";
            return vec![Problem::new("", "a stream listens to something").hint(hint)];
        }
        [_, (second, _), ..] => {
            let message = "a stream listens to one object only";
            return vec![Problem::new(second.field(), message).hint("remove all `on_…` fields but one")];
        }
    };
    let set = [
        ("append_only", spec.append_only),
        ("show_initial_rows", spec.show_initial_rows),
        ("at", spec.at.is_some()),
        ("before", spec.before.is_some()),
    ];
    for (field, _) in set.into_iter().filter(|(_, set)| *set) {
        let fits = match on {
            On::Table | On::View => true,
            On::ExternalTable | On::DynamicTable => field == "at" || field == "before",
            On::Stage => false,
        };
        if !fits {
            let message = format!("`{field}` has no meaning with `{}`", on.field());
            problems.push(Problem::new(field, message).hint("remove it"));
        }
    }
    if spec.at.is_some() && spec.before.is_some() {
        problems.push(Problem::new("before", "`at` and `before` exclude each other").hint("remove one of them"));
    }
    for (field, offset) in [("at", &spec.at), ("before", &spec.before)] {
        if matches!(offset, Some(Offset::Offset(1..))) {
            let message = "an offset lies in the past: seconds from now, zero or negative";
            problems.push(Problem::new(field, message).hint("put a minus sign before it"));
        }
    }
    problems
}
