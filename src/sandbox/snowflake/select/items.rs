//! The items of a SELECT, what they are grouped by, and what they are ordered by.

use sqlparser::ast::{
    ExcludeSelectItem, Expr, GroupByExpr, ObjectName, OrderBy, OrderByExpr, OrderByKind, OrderByOptions, OrderBySort,
    RenameSelectItem, Select, SelectItem, SelectItemQualifiedWildcardKind, Value, WildcardAdditionalOptions,
};

use super::compile::{Compiler, Field, Relation, Typed, folded, parts};
use super::parse::Source;
use super::types::Type;
use crate::sandbox::snowflake::fail::{self, Fallible};

impl Compiler<'_, '_> {
    /// The items of a SELECT, wildcards spread out.
    pub(super) fn items(&mut self, select: &Select, source: &Source<'_>) -> Fallible<Vec<Item>> {
        let written = source.items(select.select_token.0.span.start);
        let mut items = Vec::new();
        for (at, item) in select.projection.iter().enumerate() {
            match item {
                SelectItem::UnnamedExpr(expr) => {
                    let typed = self.expr(expr, source)?;
                    let name = unnamed(expr, written.get(at).copied());
                    self.alias(&name, &typed);
                    items.push(Item { name, typed });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let typed = self.expr(expr, source)?;
                    let name = folded(alias);
                    self.alias(&name, &typed);
                    items.push(Item { name, typed });
                }
                SelectItem::Wildcard(options) => {
                    if select.from.is_empty() {
                        return Err(fail::error(
                            "002200",
                            "42601",
                            "SQL compilation error:\nSELECT with no FROM clause cannot have *",
                        ));
                    }
                    items.extend(self.star(&[], options, source)?);
                }
                SelectItem::QualifiedWildcard(SelectItemQualifiedWildcardKind::ObjectName(name), options) => {
                    items.extend(self.star(&parts(name)?, options, source)?);
                }
                _ => return Err(fail::beyond("this kind of item in a SELECT")),
            }
        }
        Ok(items)
    }

    fn alias(&mut self, name: &str, typed: &Typed) {
        if let Some(frame) = self.frames.last_mut() {
            frame.aliases.push((name.to_owned(), typed.clone()));
        }
    }

    /// `*` and `t.*`, with EXCLUDE, RENAME, REPLACE and ILIKE.
    fn star(
        &mut self,
        qualifier: &[String],
        options: &WildcardAdditionalOptions,
        source: &Source<'_>,
    ) -> Fallible<Vec<Item>> {
        let Some(frame) = self.frames.last() else { return Ok(Vec::new()) };
        let sources: Vec<&Relation> = frame.sources.iter().filter(|s| s.path.ends_with(qualifier)).collect();
        if sources.is_empty() {
            let (line, position) = super::compile::place(options.wildcard_token.0.span);
            return Err(fail::unknown_column(line, position, &qualifier.join(".")));
        }
        let grouped = frame.groups.is_some();
        let fields: Vec<Field> = sources.iter().flat_map(|s| &s.fields).filter(|f| !f.hidden).cloned().collect();
        let excluded = match &options.opt_exclude {
            None => Vec::new(),
            Some(ExcludeSelectItem::Single(name)) => vec![last(name)?],
            Some(ExcludeSelectItem::Multiple(names)) => names.iter().map(last).collect::<Fallible<_>>()?,
        };
        let renamed: Vec<(String, String)> = match &options.opt_rename {
            None => Vec::new(),
            Some(RenameSelectItem::Single(one)) => vec![(folded(&one.ident), folded(&one.alias))],
            Some(RenameSelectItem::Multiple(many)) => {
                many.iter().map(|one| (folded(&one.ident), folded(&one.alias))).collect()
            }
        };
        if options.opt_except.is_some() {
            return Err(fail::beyond("* EXCEPT"));
        }
        let mut items = Vec::new();
        for field in fields {
            if excluded.contains(&field.name) {
                continue;
            }
            if let Some(pattern) = &options.opt_ilike
                && !super::scalar::like(&field.name, &pattern.pattern, Some('\\'), true)
            {
                continue;
            }
            let replaced =
                options.opt_replace.iter().flat_map(|r| &r.items).find(|r| folded(&r.column_name) == field.name);
            let typed = match replaced {
                Some(replaced) => self.expr(&replaced.expr, source)?,
                None if grouped => self.column(std::slice::from_ref(&field.name), options.wildcard_token.0.span)?,
                None => Typed { constant: false, ..Typed::constant(field.sql, field.kind) },
            };
            let name = renamed.iter().find(|(old, _)| *old == field.name).map_or(field.name, |(_, new)| new.clone());
            items.push(Item { name, typed });
        }
        Ok(items)
    }

    /// The compiled expressions of GROUP BY: by place, by name, or written out.
    pub(super) fn groups(&mut self, select: &Select, items: &[Item], source: &Source<'_>) -> Fallible<Vec<String>> {
        let exprs = match &select.group_by {
            GroupByExpr::All(modifiers) if modifiers.is_empty() => {
                return Ok(items.iter().filter(|i| !i.typed.aggregate).map(|i| i.typed.sql.clone()).collect());
            }
            GroupByExpr::Expressions(exprs, modifiers) if modifiers.is_empty() => exprs,
            _ => return Err(fail::beyond("GROUP BY with ROLLUP, CUBE or TOTALS")),
        };
        let mut groups = Vec::new();
        for expr in exprs {
            let typed = match place_of(expr) {
                Some(place) => match place.checked_sub(1).and_then(|at| items.get(at)) {
                    Some(item) => item.typed.clone(),
                    None => return Err(bad_place("GROUP BY", place)),
                },
                None => self.expr(expr, source)?,
            };
            if typed.aggregate {
                return Err(fail::error(
                    "000979",
                    "42601",
                    format!("SQL compilation error:\n[{expr}] is not a valid group by expression"),
                ));
            }
            groups.push(typed.sql);
        }
        Ok(groups)
    }

    pub(super) fn order(&mut self, order: Option<&OrderBy>, items: &[Typed], source: &Source<'_>) -> Fallible<String> {
        let keys = self.order_keys(order, items, source)?;
        Ok(if keys.is_empty() { String::new() } else { format!(" ORDER BY {}", keys.join(", ")) })
    }

    pub(super) fn order_keys(
        &mut self,
        order: Option<&OrderBy>,
        items: &[Typed],
        source: &Source<'_>,
    ) -> Fallible<Vec<String>> {
        match order.map(|order| &order.kind) {
            None => Ok(Vec::new()),
            Some(OrderByKind::All(options)) => {
                items.iter().map(|item| Ok(format!("{}{}", comparable(item), direction(options)?))).collect()
            }
            Some(OrderByKind::Expressions(exprs)) => {
                exprs.iter().map(|by| self.order_key(by, Some(items), source)).collect()
            }
        }
    }

    /// One key of an ORDER BY; NULLs count as the greatest.
    pub(super) fn order_key(
        &mut self,
        by: &OrderByExpr,
        items: Option<&[Typed]>,
        source: &Source<'_>,
    ) -> Fallible<String> {
        let typed = match (items, place_of(&by.expr)) {
            (Some(items), Some(place)) => match place.checked_sub(1).and_then(|at| items.get(at)) {
                Some(item) => item.clone(),
                None => return Err(bad_place("ORDER BY", place)),
            },
            // A name given in the SELECT goes before a column.
            (Some(_), None) => match self.alias_of(&by.expr) {
                Some(typed) => typed,
                None => self.expr(&by.expr, source)?,
            },
            _ => self.expr(&by.expr, source)?,
        };
        if let Some(bare) = typed.bare {
            return Err(*bare);
        }
        Ok(format!("{}{}", comparable(&typed), direction(&by.options)?))
    }

    fn alias_of(&self, expr: &Expr) -> Option<Typed> {
        let Expr::Identifier(ident) = expr else { return None };
        let name = folded(ident);
        self.frames.last()?.aliases.iter().find(|(alias, _)| *alias == name).map(|(_, typed)| typed.clone())
    }
}

const DIRECTIONS: [&str; 4] = [" ASC NULLS LAST", " ASC NULLS FIRST", " DESC NULLS LAST", " DESC NULLS FIRST"];

/// An item of a SELECT.
pub(super) struct Item {
    pub(super) name: String,
    pub(super) typed: Typed,
}

/// What a value sorts and compares by.
pub(super) fn comparable(typed: &Typed) -> String {
    match typed.kind {
        kind if kind.is_json() => format!("{}({})", super::engine::engine_name("$KEY"), typed.sql),
        Type::Tz(_) => format!("{}({})", super::engine::engine_name("$INSTANT"), typed.sql),
        // A bare number would be a place.
        _ if typed.constant => format!("({})", typed.sql),
        _ => typed.sql.clone(),
    }
}

fn direction(options: &OrderByOptions) -> Fallible<&'static str> {
    let descending = match &options.sort {
        None | Some(OrderBySort::Asc) => false,
        Some(OrderBySort::Desc) => true,
        Some(OrderBySort::Using(_)) => return Err(fail::beyond("ORDER BY … USING")),
    };
    Ok(match (descending, options.nulls_first.unwrap_or(descending)) {
        (false, false) => " ASC NULLS LAST",
        (false, true) => " ASC NULLS FIRST",
        (true, false) => " DESC NULLS LAST",
        (true, true) => " DESC NULLS FIRST",
    })
}

pub(super) fn key_of(key: &str) -> &str {
    DIRECTIONS.iter().find_map(|direction| key.strip_suffix(direction)).unwrap_or(key)
}

pub(super) fn direction_of(key: &str) -> &str {
    DIRECTIONS.iter().find(|direction| key.ends_with(**direction)).copied().unwrap_or_default()
}

/// The place that a bare number in ORDER BY or GROUP BY means.
fn place_of(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn bad_place(clause: &str, place: usize) -> crate::sandbox::snowflake::answer::SqlError {
    fail::error(
        "000984",
        "42601",
        format!("SQL compilation error:\n{clause} position {place} is not in the select list"),
    )
}

fn last(name: &ObjectName) -> Fallible<String> {
    Ok(parts(name)?.pop().unwrap_or_default())
}

/// The name of an item that was given none: the column's, or the text as it is written, in upper case.
fn unnamed(expr: &Expr, written: Option<&str>) -> String {
    match expr {
        Expr::Identifier(ident) => folded(ident),
        Expr::CompoundIdentifier(idents) => idents.last().map(folded).unwrap_or_default(),
        Expr::Value(_) => written.map_or_else(|| expr.to_string(), str::to_owned),
        _ => written.map_or_else(|| expr.to_string(), str::to_owned).to_uppercase(),
    }
}
