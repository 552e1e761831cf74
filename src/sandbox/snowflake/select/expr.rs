//! Expressions: operators, conditions, casts, paths into VARIANTs.

use sqlparser::ast::{
    AccessExpr, BinaryOperator, CaseWhen, CastKind, CeilFloorKind, DateTimeField, Expr, JsonPathElem, Query, Spanned,
    Subscript, TrimWhereField, UnaryOperator, Value,
};

use super::compile::{Compiler, Typed, folded};
use super::convert::castable;
use super::engine::engine_name;
use super::parse::{STAGE, Source};
use super::query::{comparable, inconsistent};
use super::types::{INTEGER, TEXT, Type, too_many_digits};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::expr::Val;
use crate::sandbox::snowflake::fail::{self, Fallible};

/// A text as the engine reads it.
pub(super) fn literal(text: &str) -> String {
    if text.contains('\0') {
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        return format!("CAST(x'{hex}' AS TEXT)");
    }
    format!("'{}'", text.replace('\'', "''"))
}

/// A text of this length.
pub(super) fn text_constant(text: &str) -> Typed {
    let length = u32::try_from(text.chars().count().max(1)).unwrap_or(super::types::LONGEST);
    Typed::constant(literal(text), Type::Text(length))
}

impl Compiler<'_, '_> {
    /// Compiles an expression.
    pub(super) fn expr(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        let mut typed = self.any(expr, source)?;
        if typed.bare.is_some()
            && let Some(groups) = self.frames.last().and_then(|frame| frame.groups.as_ref())
            && groups.contains(&typed.sql)
        {
            typed.bare = None;
        }
        Ok(typed)
    }

    /// Compiles an expression that holds or not.
    pub(super) fn condition(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        let typed = self.expr(expr, source)?;
        self.converted(typed, Type::Boolean, false)
    }

    fn any(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        match expr {
            Expr::Identifier(ident) if ident.quote_style == Some(STAGE) => {
                Ok(text_constant(&format!("@{}", ident.value)))
            }
            Expr::Identifier(ident) => self.column(&[folded(ident)], ident.span),
            Expr::CompoundIdentifier(idents) => {
                let parts: Vec<String> = idents.iter().map(folded).collect();
                self.column(&parts, expr.span())
            }
            Expr::Value(value) => match &value.value {
                // `$1`: a column by its place.
                Value::Placeholder(mark) if mark.starts_with('$') => self.column(&[mark.clone()], value.span),
                other => constant(other),
            },
            Expr::Nested(inner) => {
                self.expr(inner, source).map(|typed| Typed { sql: format!("({})", typed.sql), ..typed })
            }
            Expr::BinaryOp { .. } => self.chain(expr, source),
            Expr::UnaryOp { op, expr } => self.unary(*op, expr, source),
            Expr::Function(function) => self.call(function, source),
            Expr::Cast { kind, expr, data_type, format: None } => {
                let typed = self.expr(expr, source)?;
                let to = Type::of_ast(data_type)?;
                self.cast(typed, to, matches!(kind, CastKind::TryCast | CastKind::SafeCast))
            }
            Expr::TypedString(typed) => {
                let text = typed.value.value.clone().into_string().unwrap_or_default();
                let to = Type::of_ast(&typed.data_type)?;
                self.cast(text_constant(&text), to, false)
            }
            Expr::JsonAccess { value, path } => {
                let mut typed = self.variant(value, source)?;
                for step in &path.path {
                    typed = self.step(typed, step, source)?;
                }
                Ok(typed)
            }
            Expr::CompoundFieldAccess { root, access_chain } => {
                let mut typed = self.variant(root, source)?;
                for access in access_chain {
                    typed = match access {
                        AccessExpr::Subscript(Subscript::Index { index }) => {
                            let key = self.expr(index, source)?;
                            self.get(typed, key)?
                        }
                        AccessExpr::Dot(Expr::Identifier(ident)) => self.get(typed, text_constant(&ident.value))?,
                        _ => return Err(fail::beyond("this way into a VARIANT")),
                    };
                }
                Ok(typed)
            }
            Expr::IsNull(inner) => self.after(inner, "IS NULL", source),
            Expr::IsNotNull(inner) => self.after(inner, "IS NOT NULL", source),
            Expr::IsTrue(inner) => self.truth(inner, "IS 1", source),
            Expr::IsNotTrue(inner) => self.truth(inner, "IS NOT 1", source),
            Expr::IsFalse(inner) => self.truth(inner, "IS 0", source),
            Expr::IsNotFalse(inner) => self.truth(inner, "IS NOT 0", source),
            Expr::IsDistinctFrom(left, right) => self.compared(left, "IS NOT", right, source),
            Expr::IsNotDistinctFrom(left, right) => self.compared(left, "IS", right, source),
            Expr::InList { expr, list, negated } => self.in_list(expr, list, *negated, source),
            Expr::InSubquery { expr, subquery, negated } => self.in_subquery(expr, subquery, *negated, source),
            Expr::Between { expr, negated, low, high } => {
                let above = self.compared(expr, ">=", low, source)?;
                let below = self.compared(expr, "<=", high, source)?;
                let not = if *negated { "NOT " } else { "" };
                Ok(Typed::of(format!("({not}({} AND {}))", above.sql, below.sql), Type::Boolean, [&above, &below]))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char } => {
                self.like((expr, pattern, escape_char.as_deref()), *negated, false, source)
            }
            Expr::ILike { negated, any: false, expr, pattern, escape_char } => {
                self.like((expr, pattern, escape_char.as_deref()), *negated, true, source)
            }
            Expr::RLike { negated, expr, pattern, .. } => {
                let args = vec![self.expr(expr, source)?, self.expr(pattern, source)?];
                let typed = self.scalar_by_name("REGEXP_LIKE", args)?;
                Ok(if *negated { Typed { sql: format!("(NOT {})", typed.sql), ..typed } } else { typed })
            }
            Expr::Case { operand, conditions, else_result, .. } => {
                self.case(operand.as_deref(), conditions, else_result.as_deref(), source)
            }
            Expr::Exists { subquery, negated } => {
                let output = self.subquery(subquery, source)?;
                let not = if *negated { "NOT " } else { "" };
                let typed = Typed::constant(format!("({not}EXISTS ({}))", output.0), Type::Boolean);
                Ok(Typed { constant: false, ..typed })
            }
            Expr::Subquery(query) => {
                let (sql, kind) = self.subquery(query, source)?;
                let sql = format!(
                    "(SELECT CASE WHEN count(*) > 1 THEN {}() ELSE max(c0) END FROM ({sql}))",
                    engine_name("$ONE")
                );
                Ok(Typed { constant: false, ..Typed::constant(sql, kind) })
            }
            Expr::Ceil { expr, field } => self.ceil_or_floor("CEIL", expr, field, source),
            Expr::Floor { expr, field } => self.ceil_or_floor("FLOOR", expr, field, source),
            Expr::Position { expr, r#in } => {
                let args = vec![self.expr(expr, source)?, self.expr(r#in, source)?];
                self.scalar_by_name("POSITION", args)
            }
            Expr::Substring { expr, substring_from, substring_for, .. } => {
                let mut args = vec![self.expr(expr, source)?];
                args.push(substring_from.as_ref().map_or(Ok(number("1")), |from| self.expr(from, source))?);
                if let Some(length) = substring_for {
                    args.push(self.expr(length, source)?);
                }
                self.scalar_by_name("SUBSTR", args)
            }
            Expr::Trim { trim_where, trim_what, expr, trim_characters } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "LTRIM",
                    Some(TrimWhereField::Trailing) => "RTRIM",
                    _ => "TRIM",
                };
                let mut args = vec![self.expr(expr, source)?];
                for what in trim_what.iter().map(AsRef::as_ref).chain(trim_characters.iter().flatten()) {
                    args.push(self.expr(what, source)?);
                }
                self.scalar_by_name(name, args)
            }
            Expr::Extract { field, expr, .. } => {
                let typed = self.expr(expr, source)?;
                self.date_part(&field.to_string(), typed)
            }
            Expr::Array(array) => {
                let args = array.elem.iter().map(|item| self.expr(item, source)).collect::<Fallible<Vec<_>>>()?;
                self.scalar_by_name("ARRAY_CONSTRUCT", args)
            }
            Expr::Dictionary(fields) => {
                let mut args = Vec::new();
                for field in fields {
                    args.extend([text_constant(&field.key.value), self.expr(&field.value, source)?]);
                }
                self.scalar_by_name("OBJECT_CONSTRUCT", args)
            }
            Expr::Tuple(_) => Err(fail::beyond("rows of values")),
            Expr::Interval(_) => Err(fail::beyond("INTERVAL outside of + and -")),
            _ => Err(fail::beyond("this kind of expression")),
        }
    }

    // --- operators ---------------------------------------------------------------------------------------------------------------

    /// A chain of binary operators is deep on its left side: it is walked, not recursed into.
    fn chain(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
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

    fn unary(&mut self, op: UnaryOperator, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
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

    fn compared(&mut self, left: &Expr, op: &str, right: &Expr, source: &Source<'_>) -> Fallible<Typed> {
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

    fn after(&mut self, expr: &Expr, words: &str, source: &Source<'_>) -> Fallible<Typed> {
        let typed = self.expr(expr, source)?;
        Ok(Typed { sql: format!("({} {words})", typed.sql), kind: Type::Boolean, ..typed })
    }

    fn truth(&mut self, expr: &Expr, words: &str, source: &Source<'_>) -> Fallible<Typed> {
        let typed = self.condition(expr, source)?;
        Ok(Typed { sql: format!("({} {words})", typed.sql), ..typed })
    }

    fn in_list(&mut self, expr: &Expr, list: &[Expr], negated: bool, source: &Source<'_>) -> Fallible<Typed> {
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

    fn in_subquery(&mut self, expr: &Expr, query: &Query, negated: bool, source: &Source<'_>) -> Fallible<Typed> {
        let left = self.expr(expr, source)?;
        let (sql, kind) = self.subquery(query, source)?;
        let column = Typed { constant: false, ..Typed::constant("c0", kind) };
        let (left, column) = self.alike(left, column)?;
        let not = if negated { "NOT " } else { "" };
        let sql = format!("({} {not}IN (SELECT {} FROM ({sql})))", comparable(&left), comparable(&column));
        Ok(Typed { constant: false, ..Typed::of(sql, Type::Boolean, [&left]) })
    }

    /// A query of one column.
    fn subquery(&mut self, query: &Query, source: &Source<'_>) -> Fallible<(String, Type)> {
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

    fn like(
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

    fn case(
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

    fn ceil_or_floor(
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

    // --- variants ----------------------------------------------------------------------------------------------------------------

    fn variant(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        let typed = self.expr(expr, source)?;
        if typed.kind.is_json() || typed.kind == Type::Null {
            return Ok(typed);
        }
        Err(wrong_types("GET", &[typed.kind, TEXT]))
    }

    fn step(&mut self, typed: Typed, step: &JsonPathElem, source: &Source<'_>) -> Fallible<Typed> {
        let key = match step {
            JsonPathElem::Dot { key, .. } => text_constant(key),
            JsonPathElem::Bracket { key } | JsonPathElem::ColonBracket { key } => self.expr(key, source)?,
        };
        self.get(typed, key)
    }

    fn get(&mut self, typed: Typed, key: Typed) -> Fallible<Typed> {
        self.scalar_by_name("GET", vec![typed, key])
    }

    // --- types -------------------------------------------------------------------------------------------------------------------

    /// An explicit cast.
    pub(super) fn cast(&mut self, typed: Typed, to: Type, quietly: bool) -> Fallible<Typed> {
        if !castable(typed.kind, to) {
            let text = format!(
                "SQL compilation error:\ninvalid type [CAST({} AS {})] for parameter 'TO_{}'",
                typed.kind.kind(),
                to.kind(),
                to.kind().split('(').next().unwrap_or_default()
            );
            return Err(fail::error("001007", "22023", text));
        }
        let from = typed.kind;
        let sql = format!("f_cast({}, '{}', '{}', {})", typed.sql, from.kind(), to.kind(), i64::from(quietly));
        // Texts that are known to be short enough stay as they are.
        let same = from == to || matches!((from, to), (Type::Text(one), Type::Text(two)) if one <= two);
        Ok(if same { Typed { kind: to, ..typed } } else { Typed { sql, kind: to, ..typed } })
    }

    /// Makes a value of one type into one of another where they meet; the same type costs nothing.
    pub(super) fn converted(&mut self, typed: Typed, to: Type, quietly: bool) -> Fallible<Typed> {
        let same = match (typed.kind, to) {
            (one, two) if one == two => true,
            (Type::Null, _) | (_, Type::Null) | (Type::Text(_), Type::Text(_)) => true,
            (Type::Fixed { scale: 0, .. }, Type::Fixed { scale, .. }) => scale == 0,
            (Type::Fixed { .. }, Type::Fixed { scale, .. }) => scale > 0,
            (Type::Ntz(_), Type::Ntz(_)) | (Type::Ltz(_), Type::Ltz(_)) | (Type::Tz(_), Type::Tz(_)) => true,
            (Type::Time(_), Type::Time(_)) | (Type::Object | Type::Array, Type::Variant) => true,
            _ => false,
        };
        if same {
            return Ok(Typed { kind: to, ..typed });
        }
        self.cast(typed, to, quietly)
    }

    /// The value of an expression that is the same for all rows.
    pub(super) fn constant(&mut self, typed: &Typed) -> Fallible<Val> {
        if !typed.constant || typed.aggregate {
            return Err(fail::beyond("arguments that differ from row to row here"));
        }
        let found = self.engine.values(&format!("SELECT {}", typed.sql), 1)?;
        let value = found.into_iter().flatten().next().unwrap_or(rusqlite::types::Value::Null);
        let env = self.engine.env().clone();
        Ok(match (typed.kind, value) {
            (_, rusqlite::types::Value::Null) => Val::Null,
            (Type::Boolean, rusqlite::types::Value::Integer(value)) => Val::Bool(value != 0),
            (Type::Fixed { .. }, rusqlite::types::Value::Integer(value)) => Val::Number(value as f64),
            (_, rusqlite::types::Value::Real(value)) => Val::Number(value),
            (kind @ (Type::Date | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_)), value) => {
                Val::Moment(super::convert::instant(&env, &value, kind)?.div_euclid(1000))
            }
            (kind, value) => Val::Text(super::convert::text(&env, &value, kind)?),
        })
    }
}

fn is_date(kind: Type) -> bool {
    matches!(kind, Type::Date | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) | Type::Time(_))
}

/// Rounds what arithmetic left behind the last digit; whole numbers stay exact.
pub(super) fn fixed(sql: &str, scale: u8) -> String {
    format!("{}({sql}, {scale})", engine_name("$FIXED"))
}

fn number(digits: &str) -> Typed {
    Typed::constant(digits, INTEGER)
}

fn constant(value: &Value) -> Fallible<Typed> {
    Ok(match value {
        Value::Number(digits, _) => numeric(digits)?,
        Value::SingleQuotedString(text) => text_constant(text),
        Value::Boolean(value) => Typed::constant(if *value { "1" } else { "0" }, Type::Boolean),
        Value::Null => Typed::constant("NULL", Type::Null),
        Value::Placeholder(mark) => {
            let text = format!("SQL compilation error:\nBind variable {mark} not set.");
            return Err(fail::error("002049", "42601", text));
        }
        _ => return Err(fail::beyond("this kind of literal")),
    })
}

/// A number as it is written: its digits are its type.
fn numeric(digits: &str) -> Fallible<Typed> {
    if let Some((mantissa, power)) = digits.split_once(['e', 'E']) {
        let plain = mantissa.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        return match (plain, digits.parse::<f64>(), power.parse::<i32>()) {
            (true, Ok(number), Ok(_)) if number.is_finite() => Ok(Typed::constant(format!("{number:?}"), Type::Real)),
            _ => Err(too_many_digits()),
        };
    }
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if !whole.bytes().chain(fraction.bytes()).all(|b| b.is_ascii_digit()) {
        return Err(fail::syntax(1, 0, digits));
    }
    let whole = whole.trim_start_matches('0');
    let figures = whole.len() + fraction.len();
    if figures > if fraction.is_empty() { 18 } else { 15 } {
        return Err(too_many_digits());
    }
    let (precision, scale) = (u8::try_from(figures.max(1)).unwrap_or(38), u8::try_from(fraction.len()).unwrap_or(0));
    let whole = if whole.is_empty() { "0" } else { whole };
    let sql = if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") };
    Ok(Typed::constant(sql, Type::Fixed { precision, scale }))
}

/// Arguments or operands of types that do not go together.
pub(super) fn wrong_types(function: &str, types: &[Type]) -> SqlError {
    let shown: Vec<String> = types.iter().map(|kind| kind.kind()).collect();
    let text =
        format!("SQL compilation error:\nInvalid argument types for function '{function}': ({})", shown.join(", "));
    fail::error("001044", "42P13", text)
}
