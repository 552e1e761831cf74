//! The columns of a table: how they are compared, and the statements that lead from the live ones to the wanted ones.

use std::collections::BTreeMap;

use super::expression;
use super::spec;
use super::types::DataType;
use crate::kind::Field;
use crate::model::sql::Body;
use crate::model::{Change, Diff, Effect, Ident, Shown, Text};

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) data_type: DataType,
    pub(super) nullable: bool,
    /// As written, or as Snowflake tells it.
    pub(super) default: Option<String>,
    pub(super) comment: String,
}

/// All columns, in order.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    order: Vec<Ident>,
    by_name: BTreeMap<Ident, Column>,
    /// New names of columns, with the old ones.
    renamed: BTreeMap<Ident, Ident>,
}

/// Order has no meaning, nor has what a column was called once.
impl PartialEq for Columns {
    fn eq(&self, other: &Self) -> bool {
        self.by_name == other.by_name
    }
}

impl Column {
    /// `"NAME" TYPE DEFAULT … NOT NULL COMMENT '…'`.
    pub(super) fn definition(&self, name: &Ident) -> Text {
        let mut text = Text::default().name(name).then(type_text(&self.data_type));
        if let Some(default) = &self.default {
            text = text.word("DEFAULT").body(&Body::new(default));
        }
        if !self.nullable {
            text = text.word("NOT NULL");
        }
        if self.comment.is_empty() { text } else { text.word("COMMENT").literal(self.comment.as_str()) }
    }
}

fn type_text(data_type: &DataType) -> Text {
    Text::default().body(&Body::new(&data_type.to_string()))
}

impl Columns {
    /// Those of a spec.
    pub(super) fn wanted(columns: &[spec::Column]) -> Self {
        let mut out = Self::default();
        for column in columns {
            let spec::Column { name, data_type, nullable, default, comment, renamed_from } = column;
            let (data_type, nullable, comment) = (data_type.clone(), *nullable, comment.clone());
            out.push(name.clone(), Column { data_type, nullable, default: default.clone(), comment });
            out.renamed.extend(renamed_from.iter().map(|old| (name.clone(), old.clone())));
        }
        out
    }

    /// Adds a column at the end.
    pub(super) fn push(&mut self, name: Ident, column: Column) {
        self.order.push(name.clone());
        self.by_name.insert(name, column);
    }

    /// The columns, in their order.
    pub(super) fn in_order(&self) -> impl Iterator<Item = (&Ident, &Column)> {
        self.order.iter().filter_map(|name| Some((name, self.by_name.get(name)?)))
    }

    /// `columns.NAME.type` and so on.
    pub(super) fn fields(&self) -> Vec<Field> {
        let of = |(name, column): (&Ident, &Column)| {
            let Column { data_type, nullable, default, comment } = column;
            let field = |part: &str| format!("columns.{name}.{part}");
            let canonical = default.as_deref().map(expression::canonical);
            [
                Field::replaces(field("type"), Some(data_type.to_string())),
                Field::in_place(field("nullable"), Some(*nullable)),
                Field::replaces(field("default"), canonical),
                Field::in_place(field("comment"), (!comment.is_empty()).then(|| Shown::from(comment.as_str()))),
            ]
        };
        self.in_order().flat_map(of).collect()
    }

    /// The live column that a wanted one is, under its own name or its old one.
    fn was<'a>(&self, name: &Ident, have: &'a Self) -> Option<(&'a Ident, &'a Column)> {
        let old = self.renamed.get(name);
        have.by_name.get_key_value(name).or_else(|| have.by_name.get_key_value(old?))
    }

    /// Whether a live column is renamed to a wanted one.
    fn goes_on(&self, old: &Ident, have: &Self) -> bool {
        self.renamed.iter().any(|(new, from)| from == old && !have.by_name.contains_key(new))
    }

    /// What a change of one column means; `None` if it is none. `path` is the field below `columns.`.
    pub(super) fn effect(&self, have: &Self, path: &str, change: &Change, evolves: bool) -> Option<Effect> {
        let (column, part) = path.rsplit_once('.')?;
        let name: Ident = column.parse().ok()?;
        let Some(wanted) = self.by_name.get(&name) else {
            // The type alone stands for a column that goes.
            return match part {
                _ if evolves || self.goes_on(&name, have) => None,
                "type" => Some(Effect::LosesData),
                _ => None,
            };
        };
        match (part, self.was(&name, have)) {
            ("type", Some((_, live))) if wanted.data_type == live.data_type => Some(Effect::InPlace),
            ("type", Some((_, live))) if wanted.data_type.widens(&live.data_type) => Some(Effect::InPlace),
            ("type", Some(_)) => Some(Effect::Replaces),
            ("default", Some((_, live))) => {
                let same = |column: &Column| column.default.as_deref().map(expression::canonical);
                let keeps = same(wanted) == same(live) || change.after.is_none();
                Some(if keeps { Effect::InPlace } else { Effect::Replaces })
            }
            _ => Some(Effect::InPlace),
        }
    }

    /// What follows `ALTER TABLE t` to make the live columns the wanted ones. New ones come before old ones go: a table is never without.
    pub(super) fn changes(&self, have: &Self, changed: &Diff) -> Vec<Text> {
        let mut out = Vec::new();
        for (name, wanted) in self.in_order() {
            match self.was(name, have) {
                Some((old, live)) => {
                    if old != name {
                        out.push(Text::new("RENAME COLUMN").name(old).word("TO").name(name));
                    }
                    out.extend(altered(name, wanted, live));
                }
                None => out.push(Text::new("ADD COLUMN").then(wanted.definition(name))),
            }
        }
        let gone = have.in_order().filter(|(name, _)| !self.by_name.contains_key(*name) && !self.goes_on(name, have));
        // A column that is left alone is not among the changes.
        let counts = |name: &&Ident| changed.has(&format!("columns.{name}"));
        out.extend(gone.map(|(name, _)| name).filter(counts).map(|name| Text::new("DROP COLUMN").name(name)));
        out
    }
}

fn altered(name: &Ident, wanted: &Column, live: &Column) -> Vec<Text> {
    let column = || Text::new("ALTER COLUMN").name(name);
    let mut out = Vec::new();
    if wanted.data_type != live.data_type {
        out.push(column().word("SET DATA TYPE").then(type_text(&wanted.data_type)));
    }
    if wanted.default.is_none() && live.default.is_some() {
        out.push(column().word("DROP DEFAULT"));
    }
    if wanted.nullable != live.nullable {
        out.push(column().word(if wanted.nullable { "DROP NOT NULL" } else { "SET NOT NULL" }));
    }
    if wanted.comment != live.comment {
        out.push(column().word("COMMENT").literal(wanted.comment.as_str()));
    }
    out
}
