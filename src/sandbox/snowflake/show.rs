//! What all SHOW statements share: LIKE, IN, STARTS WITH, LIMIT … FROM, the cap on rows, and the shape of their answers.

use super::answer::{Column, ResultSet};
use super::context::Context;
use super::fail::{self, Fallible};
use super::parse::{Name, Parser};
use super::state::{ACCOUNT, Home, Id, Kind, Object};

/// The statement type of SHOW, as the wire protocol numbers it.
pub(super) const SHOW: u32 = 0x4400;
/// The statement type of DESC.
pub(super) const DESCRIBE: u32 = 0x4500;

/// What happens when there are more rows than the cap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// The rest is left out silently.
    Cut,
    /// The statement fails unless it has a LIMIT.
    Fail,
}

/// The clauses of a SHOW.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    like: Option<String>,
    within: Option<Within>,
    starts_with: Option<String>,
    limit: Option<usize>,
    from: Option<String>,
}

#[derive(Clone, Debug)]
enum Within {
    Account,
    Database(Id),
    Schema(Id),
}

impl Filter {
    /// Reads `LIKE … IN … STARTS WITH … LIMIT n FROM …`; the last two only where the kind has them.
    pub(super) fn read(cx: &Context<'_>, p: &mut Parser<'_>, kind: Kind, paged: bool) -> Fallible<Self> {
        let mut filter = Self::default();
        if p.eat("LIKE") {
            filter.like = Some(p.text()?);
        }
        if kind.home() != Home::Account && (p.eat("IN") || p.eat("FOR")) {
            filter.within = Some(within(cx, p, kind)?);
        } else {
            // Not in the documentation, but clients send it and are answered.
            p.eat("IN ACCOUNT");
        }
        if paged && p.eat("STARTS WITH") {
            filter.starts_with = Some(p.text()?);
        }
        if paged && p.eat("LIMIT") {
            let place = p.mark_place();
            let limit = p.number()?;
            if limit > 10_000 {
                return Err(p.unexpected_at(place));
            }
            filter.limit = usize::try_from(limit).ok();
            if p.eat("FROM") {
                filter.from = Some(p.text()?);
            }
        }
        p.end()?;
        Ok(filter)
    }

    /// Whether it looks into one database.
    pub(super) fn in_database(&self) -> bool {
        matches!(self.within, Some(Within::Database(_)))
    }

    /// The visible objects that the clauses leave, in order.
    pub(super) fn objects<'c>(&self, cx: &'c Context<'_>, kind: Kind, beyond: Beyond) -> Fallible<Vec<&'c Object>> {
        let state = cx.see();
        let within = match &self.within {
            Some(within) => within.clone(),
            None => match cx.session.database.as_deref().and_then(|name| state.find(ACCOUNT, Kind::Database, name)) {
                Some(database) if kind.home() != Home::Account => match (kind.home(), cx.session.schema.as_deref()) {
                    (Home::Schema, Some(schema)) => match state.find(database.id, Kind::Schema, schema) {
                        Some(schema) => Within::Schema(schema.id),
                        None => Within::Database(database.id),
                    },
                    _ => Within::Database(database.id),
                },
                _ => Within::Account,
            },
        };
        let databases: Vec<Id> = match within {
            Within::Account => state.of_kind(ACCOUNT, Kind::Database).map(|o| o.id).collect(),
            Within::Database(id) => vec![id],
            Within::Schema(_) => Vec::new(),
        };
        let parents: Vec<Id> = match kind.home() {
            Home::Account => vec![ACCOUNT],
            Home::Database => databases,
            Home::Schema => match within {
                Within::Schema(id) => vec![id],
                _ => databases.iter().flat_map(|db| state.of_kind(*db, Kind::Schema)).map(|o| o.id).collect(),
            },
        };
        let objects = parents.iter().flat_map(|parent| state.of_kind(*parent, kind)).filter(|o| cx.visible(o));
        self.choose(cx, objects.collect(), |o| &o.name, beyond)
    }

    /// Applies the clauses on names and the cap to any rows.
    pub(super) fn choose<T>(
        &self,
        cx: &Context<'_>,
        rows: Vec<T>,
        name: impl Fn(&T) -> &str,
        beyond: Beyond,
    ) -> Fallible<Vec<T>> {
        let mut rows: Vec<T> = rows
            .into_iter()
            .filter(|row| self.like.as_deref().is_none_or(|pattern| like(name(row), pattern, true)))
            .filter(|row| self.starts_with.as_deref().is_none_or(|prefix| name(row).starts_with(prefix)))
            .filter(|row| self.from.as_deref().is_none_or(|from| name(row) > from))
            .collect();
        let cap = cx.switches.show_cap;
        if rows.len() > cap && self.limit.is_none() && beyond == Beyond::Fail {
            let text = format!(
                "The result set size exceeded the max number of rows({cap}) supported for SHOW statements. Use LIMIT option to limit \
                 result set to a smaller number."
            );
            return Err(fail::error("090153", "22000", text));
        }
        rows.truncate(self.limit.unwrap_or(cap).min(cap));
        Ok(rows)
    }
}

fn within(cx: &Context<'_>, p: &mut Parser<'_>, kind: Kind) -> Fallible<Within> {
    if p.eat("ACCOUNT") {
        return Ok(Within::Account);
    }
    let names_follow = |p: &Parser<'_>| {
        !p.at_end() && !p.is_mark(";") && !p.is("STARTS WITH") && !p.is("LIMIT") && !p.is("ROOT ONLY") && !p.is("LIKE")
    };
    if p.eat("DATABASE") {
        let name = if names_follow(p) { p.ident()? } else { cx.session.database.clone().ok_or_else(fail::nowhere)? };
        return cx.database(&name).map(|o| Within::Database(o.id)).map_err(|_| fail::nowhere());
    }
    let schema = p.eat("SCHEMA");
    let name = if names_follow(p) {
        p.name()?
    } else {
        match (&cx.session.database, &cx.session.schema) {
            (Some(database), Some(schema)) => Name(vec![database.clone(), schema.clone()]),
            _ => return Err(fail::nowhere()),
        }
    };
    // Without the keyword, one part names a database for SHOW SCHEMAS and a schema for the rest.
    if !schema && name.0.len() == 1 && kind.home() == Home::Database {
        return cx.database(name.last()).map(|o| Within::Database(o.id)).map_err(|_| fail::nowhere());
    }
    cx.schema(&name).map(|o| Within::Schema(o.id)).map_err(|_| fail::nowhere())
}

/// SQL's LIKE: `%` for any run, `_` for one character, a backslash takes the next one literally.
pub(super) fn like(text: &str, pattern: &str, ignore_case: bool) -> bool {
    let fold = |s: &str| if ignore_case { s.to_lowercase() } else { s.to_owned() };
    let (text, pattern): (Vec<char>, Vec<char>) = (fold(text).chars().collect(), fold(pattern).chars().collect());
    matches_from(&text, &pattern)
}

fn matches_from(text: &[char], pattern: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some(('%', rest)) => (0..=text.len()).any(|skip| text.get(skip..).is_some_and(|text| matches_from(text, rest))),
        Some(('_', rest)) => text.split_first().is_some_and(|(_, text)| matches_from(text, rest)),
        Some(('\\', rest)) if !rest.is_empty() => match (rest.split_first(), text.split_first()) {
            (Some((wanted, rest)), Some((found, text))) => wanted == found && matches_from(text, rest),
            _ => false,
        },
        Some((wanted, rest)) => {
            text.split_first().is_some_and(|(found, text)| wanted == found && matches_from(text, rest))
        }
    }
}

/// A result under construction.
pub(super) struct Sheet(ResultSet);

impl Sheet {
    /// Columns are text unless their name ends in `:timestamp`, `:fixed` or `:boolean`.
    pub(super) fn new(statement_type: u32, columns: &[&str]) -> Self {
        let columns = columns
            .iter()
            .map(|column| match column.split_once(':') {
                Some((name, "timestamp")) => Column::new(name, "timestamp_ltz"),
                Some((name, "fixed")) => Column::new(name, "fixed"),
                Some((name, "boolean")) => Column::new(name, "boolean"),
                _ => Column::new(*column, "text"),
            })
            .collect();
        Self(ResultSet { columns, rows: Vec::new(), statement_type })
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [Cell; N]) {
        debug_assert_eq!(N, self.0.columns.len());
        self.0.rows.push(cells.into_iter().map(|cell| cell.0).collect());
    }

    pub(super) fn done(self) -> ResultSet {
        self.0
    }
}

/// A cell: text or NULL.
pub(super) struct Cell(pub(super) Option<String>);

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self(Some(text.to_owned()))
    }
}
impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self(Some(text))
    }
}
impl From<&String> for Cell {
    fn from(text: &String) -> Self {
        Self(Some(text.clone()))
    }
}
impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        Self(text)
    }
}
impl From<u64> for Cell {
    fn from(number: u64) -> Self {
        Self(Some(number.to_string()))
    }
}
impl From<usize> for Cell {
    fn from(number: usize) -> Self {
        Self(Some(number.to_string()))
    }
}

/// SQL NULL.
pub(super) const NULL: Cell = Cell(None);

/// `Y` or `N`.
pub(super) fn yes_no(value: bool) -> Cell {
    if value { "Y".into() } else { "N".into() }
}

/// `true` or `false`.
pub(super) fn true_false(value: bool) -> Cell {
    if value { "true".into() } else { "false".into() }
}

/// `ON` or `OFF`.
pub(super) fn on_off(value: bool) -> Cell {
    if value { "ON".into() } else { "OFF".into() }
}

/// A timestamp in the wire's encoding: seconds since the epoch with three decimals.
pub(super) fn timestamp(ms: i64) -> Cell {
    format!("{}.{:03}", ms.div_euclid(1000), ms.rem_euclid(1000)).into()
}

#[cfg(test)]
mod tests {
    use super::like;

    #[test]
    fn like_has_wildcards_and_escapes() {
        for (text, pattern, wanted) in [
            ("MY_STAGE", "my_stage", true),
            ("MYXSTAGE", "my_stage", true),
            ("MYXSTAGE", "my\\_stage", false),
            ("MY_STAGE", "my\\_stage", true),
            ("ABC", "%b%", true),
            ("ABC", "ab", false),
            ("", "%", true),
        ] {
            assert_eq!(like(text, pattern, true), wanted, "{text} LIKE {pattern}");
        }
        assert!(!like("ABC", "abc", false));
    }
}
