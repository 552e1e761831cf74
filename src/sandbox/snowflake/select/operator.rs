//! Operators, comparisons and CASE.

use sqlparser::ast::{BinaryOperator, CaseWhen, CeilFloorKind, DateTimeField, Expr, Query, UnaryOperator};

use super::compile::{Compiler, Typed};
use super::engine::engine_name;
use super::expr::{constant, text_constant, wrong_types};
use super::items::comparable;
use super::parse::Source;
use super::query::inconsistent;
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::fail::{self, Fallible};

impl Compiler<'_, '_> {
    /// A chain of binary operators is deep on its left side: it is walked, not recursed into.
    pub(super) fn chain(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        let mut rest = Vec::new();
        let mut first = expr;
        while let Expr::BinaryOp { left, op, right } = first {
            rest.push((op, right.as_ref()));
            first = left.as_ref();
        }
        let mut typed = self.expr(first, source)?;
        for (op, right) in rest.into_iter().rev() {
            typed = match right {
                Expr::Interval(interval) => self.interval(typed, op, interval, source)?,
                right => {
                    let right = self.expr(right, source)?;
                    self.binary(typed, op, right)?
                }
            };
            if let Some(groups) = self.frames.last().and_then(|frame| frame.groups.as_ref())
                && groups.contains(&typed.sql)
            {
                typed.bare = None;
            }
        }
        Ok(typed)
    }

    fn binary(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Fallible<Typed> {
        match op {
            BinaryOperator::And | BinaryOperator::Or => {
                let word = if *op == BinaryOperator::And { "AND" } else { "OR" };
                let (left, right) =
                    (self.converted(left, Type::Boolean, false)?, self.converted(right, Type::Boolean, false)?);
                Ok(Typed::of(format!("({} {word} {})", left.sql, right.sql), Type::Boolean, [&left, &right]))
            }
            BinaryOperator::Eq => self.compare(left, "=", right),
            BinaryOperator::NotEq => self.compare(left, "<>", right),
            BinaryOperator::Lt => self.compare(left, "<", right),
            BinaryOperator::LtEq => self.compare(left, "<=", right),
            BinaryOperator::Gt => self.compare(left, ">", right),
            BinaryOperator::GtEq => self.compare(left, ">=", right),
            BinaryOperator::StringConcat => {
                let (left, right) = (self.converted(left, TEXT, false)?, self.converted(right, TEXT, false)?);
                Ok(Typed::of(format!("({} || {})", left.sql, right.sql), TEXT, [&left, &right]))
            }
            BinaryOperator::Plus | BinaryOperator::Minus if is_date(left.kind) || is_date(right.kind) => {
                self.date_arithmetic(left, op, right)
            }
            BinaryOperator::Plus => self.arithmetic(left, "+", right),
            BinaryOperator::Minus => self.arithmetic(left, "-", right),
            BinaryOperator::Multiply => self.arithmetic(left, "*", right),
            BinaryOperator::Divide => self.arithmetic(left, "/", right),
            BinaryOperator::Modulo => self.scalar_by_name("MOD", vec![left, right]),
            other => Err(fail::beyond(&format!("the operator {other}"))),
        }
    }

    /// A day more or less, or the days between two dates.
    fn date_arithmetic(&mut self, left: Typed, op: &BinaryOperator, right: Typed) -> Fallible<Typed> {
        match (left.kind, op, right.kind) {
            (Type::Date, BinaryOperator::Minus, Type::Date) => {
                Ok(Typed::of(format!("({} - {})", left.sql, right.sql), INTEGER, [&left, &right]))
            }
            (Type::Date, BinaryOperator::Plus | BinaryOperator::Minus, kind) if kind.is_number() => {
                let right = self.converted(right, INTEGER, false)?;
                Ok(Typed::of(format!("({} {op} {})", left.sql, right.sql), Type::Date, [&left, &right]))
            }
            (kind, BinaryOperator::Plus, Type::Date) if kind.is_number() => self.date_arithmetic(right, op, left),
            (one, _, other) => Err(wrong_types(&op.to_string(), &[one, other])),
        }
    }

    fn arithmetic(&mut self, left: Typed, op: &str, right: Typed) -> Fallible<Typed> {
        let number = |typed: &Typed| match typed.kind {
            Type::Text(_) | Type::Null => Some(Type::Fixed { precision: 38, scale: 5 }),
            Type::Variant => Some(Type::Real),
            kind if kind.is_number() => Some(kind),
            _ => None,
        };
        let (Some(one), Some(two)) = (number(&left), number(&right)) else {
            return Err(wrong_types(op, &[left.kind, right.kind]));
        };
        // NULL with a number is a NULL of the number's type.
        let one = if left.kind == Type::Null { two } else { one };
        let two = if right.kind == Type::Null { one } else { two };
        let (left, right) = (self.converted(left, one, false)?, self.converted(right, two, false)?);
        let parts = [&left, &right];
        let (Type::Fixed { precision: p, scale: s }, Type::Fixed { precision: q, scale: t }) = (one, two) else {
            let sql = match op {
                "/" => format!("{}({}, {}, 255)", engine_name("$DIV"), left.sql, right.sql),
                _ => format!("(({}) {op} ({}))", left.sql, right.sql),
            };
            return Ok(Typed::of(sql, Type::Real, parts));
        };
        let lead = |precision: u8, scale: u8| precision.saturating_sub(scale);
        let made = |whole: u8, scale: u8| Type::Fixed { precision: whole.saturating_add(scale).min(38), scale };
        Ok(match op {
            "*" => {
                let scale = (s + t).min(s.max(t).max(12));
                let kind = made(lead(p, s).saturating_add(lead(q, t)), scale);
                Typed::of(fixed(&format!("({} * {})", left.sql, right.sql), scale), kind, parts)
            }
            "/" => {
                let scale = s.max((s + 6).min(12));
                let kind = made(lead(p, s).saturating_add(t), scale);
                Typed::of(format!("{}({}, {}, {scale})", engine_name("$DIV"), left.sql, right.sql), kind, parts)
            }
            _ => {
                let scale = s.max(t);
                let kind = made(lead(p, s).max(lead(q, t)).saturating_add(1), scale);
                Typed::of(fixed(&format!("({} {op} {})", left.sql, right.sql), scale), kind, parts)
            }
        })
    }

    pub(super) fn unary(&mut self, op: UnaryOperator, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        let typed = match op {
            UnaryOperator::Not => self.condition(expr, source)?,
            _ => self.expr(expr, source)?,
        };
        match op {
            UnaryOperator::Not => Ok(Typed { sql: format!("(NOT {})", typed.sql), ..typed }),
            UnaryOperator::Plus | UnaryOperator::Minus => {
                let typed = if typed.kind.is_number() { typed } else { self.converted(typed, INTEGER, false)? };
                let sign = if op == UnaryOperator::Minus { "-" } else { "+" };
                Ok(Typed { sql: format!("({sign} {})", typed.sql), ..typed })
            }
            other => Err(fail::beyond(&format!("the operator {other}"))),
        }
    }

    pub(super) fn compared(&mut self, left: &Expr, op: &str, right: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        let (left, right) = (self.expr(left, source)?, self.expr(right, source)?);
        self.compare(left, op, right)
    }

    /// Compares after both sides have become of one type.
    pub(super) fn compare(&mut self, left: Typed, op: &str, right: Typed) -> Fallible<Typed> {
        let (left, right) = self.alike(left, right)?;
        let sql = format!("({} {op} {})", comparable(&left), comparable(&right));
        Ok(Typed::of(sql, Type::Boolean, [&left, &right]))
    }

    fn alike(&mut self, left: Typed, right: Typed) -> Fallible<(Typed, Typed)> {
        let met = left.kind.meet(right.kind).ok_or_else(|| wrong_types("=", &[left.kind, right.kind]))?;
        Ok((self.converted(left, met, false)?, self.converted(right, met, false)?))
    }

    pub(super) fn after(&mut self, expr: &Expr, words: &str, source: &Source<'_>) -> Fallible<Typed> {
        let typed = self.expr(expr, source)?;
        Ok(Typed { sql: format!("({} {words})", typed.sql), kind: Type::Boolean, ..typed })
    }

    pub(super) fn truth(&mut self, expr: &Expr, words: &str, source: &Source<'_>) -> Fallible<Typed> {
        let typed = self.condition(expr, source)?;
        Ok(Typed { sql: format!("({} {words})", typed.sql), ..typed })
    }

    pub(super) fn in_list(
        &mut self,
        expr: &Expr,
        list: &[Expr],
        negated: bool,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let left = self.expr(expr, source)?;
        let items = list.iter().map(|item| self.expr(item, source)).collect::<Fallible<Vec<_>>>()?;
        let mut met = left.kind;
        for item in &items {
            met = met.meet(item.kind).ok_or_else(|| wrong_types("IN", &[left.kind, item.kind]))?;
        }
        let left = self.converted(left, met, false)?;
        let items = items.into_iter().map(|item| self.converted(item, met, false)).collect::<Fallible<Vec<_>>>()?;
        let texts: Vec<String> = items.iter().map(comparable).collect();
        let not = if negated { "NOT " } else { "" };
        let sql = format!("({} {not}IN ({}))", comparable(&left), texts.join(", "));
        Ok(Typed::of(sql, Type::Boolean, items.iter().chain([&left])))
    }

    pub(super) fn in_subquery(
        &mut self,
        expr: &Expr,
        query: &Query,
        negated: bool,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let left = self.expr(expr, source)?;
        let (sql, kind) = self.subquery(query, source)?;
        let column = Typed { constant: false, ..Typed::constant("c0", kind) };
        let (left, column) = self.alike(left, column)?;
        let not = if negated { "NOT " } else { "" };
        let sql = format!("({} {not}IN (SELECT {} FROM ({sql})))", comparable(&left), comparable(&column));
        Ok(Typed { constant: false, ..Typed::of(sql, Type::Boolean, [&left]) })
    }

    /// A query of one column.
    pub(super) fn subquery(&mut self, query: &Query, source: &Source<'_>) -> Fallible<(String, Type)> {
        let output = self.query(query, source)?;
        match output.columns.as_slice() {
            [(_, kind)] => Ok((output.sql, *kind)),
            [(_, kind), ..] if matches!(&*query.body, sqlparser::ast::SetExpr::Select(_)) => {
                // EXISTS takes any number of columns, everything else one.
                Ok((output.sql, *kind))
            }
            _ => Err(fail::beyond("a query of more than one column as an expression")),
        }
    }

    pub(super) fn like(
        &mut self,
        (expr, pattern, escape): (&Expr, &Expr, Option<&Expr>),
        negated: bool,
        ignore_case: bool,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let mut args = vec![self.expr(expr, source)?, self.expr(pattern, source)?];
        args.push(escape.map_or_else(|| Ok(text_constant("")), |escape| self.expr(escape, source))?);
        args.push(Typed::constant(i64::from(ignore_case).to_string(), Type::Boolean));
        let typed = self.scalar_by_name("$LIKE", args)?;
        Ok(if negated { Typed { sql: format!("(NOT {})", typed.sql), ..typed } } else { typed })
    }

    pub(super) fn case(
        &mut self,
        operand: Option<&Expr>,
        conditions: &[CaseWhen],
        otherwise: Option<&Expr>,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let mut branches = Vec::new();
        for when in conditions {
            let condition = match operand {
                Some(operand) => self.compared(operand, "=", &when.condition, source)?,
                None => self.condition(&when.condition, source)?,
            };
            branches.push((condition, self.expr(&when.result, source)?));
        }
        let otherwise = otherwise.map(|expr| self.expr(expr, source)).transpose()?;
        self.branches(branches, otherwise)
    }

    /// The first branch whose condition holds.
    pub(super) fn branches(&mut self, branches: Vec<(Typed, Typed)>, otherwise: Option<Typed>) -> Fallible<Typed> {
        let mut kind = Type::Null;
        for result in branches.iter().map(|(_, result)| result).chain(&otherwise) {
            kind = kind.meet(result.kind).ok_or_else(|| inconsistent(kind, result.kind))?;
        }
        let mut sql = "CASE".to_owned();
        let mut parts = Vec::new();
        for (condition, result) in branches {
            let result = self.converted(result, kind, false)?;
            sql.push_str(&format!(" WHEN {} THEN {}", condition.sql, result.sql));
            parts.extend([condition, result]);
        }
        if let Some(otherwise) = otherwise {
            let otherwise = self.converted(otherwise, kind, false)?;
            sql.push_str(&format!(" ELSE {}", otherwise.sql));
            parts.push(otherwise);
        }
        Ok(Typed::of(format!("({sql} END)"), kind, &parts))
    }

    pub(super) fn ceil_or_floor(
        &mut self,
        name: &str,
        expr: &Expr,
        field: &CeilFloorKind,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let mut args = vec![self.expr(expr, source)?];
        match field {
            CeilFloorKind::DateTimeField(DateTimeField::NoDateTime) => {}
            CeilFloorKind::Scale(value) => args.push(constant(&value.value)?),
            CeilFloorKind::DateTimeField(_) => return Err(fail::beyond("CEIL and FLOOR of times")),
        }
        self.rounding(name, args)
    }
}

fn is_date(kind: Type) -> bool {
    matches!(kind, Type::Date | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) | Type::Time(_))
}

/// Rounds what arithmetic left behind the last digit; whole numbers stay exact.
pub(super) fn fixed(sql: &str, scale: u8) -> String {
    format!("{}({sql}, {scale})", engine_name("$FIXED"))
}
