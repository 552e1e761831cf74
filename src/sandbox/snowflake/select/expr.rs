//! Expressions: operators, conditions, casts, paths into VARIANTs.

use sqlparser::ast::{AccessExpr, CastKind, Expr, JsonPathElem, Spanned, Subscript, TrimWhereField, Value};

use super::compile::{Compiler, Typed, folded};
use super::convert::castable;
use super::engine::engine_name;
use super::parse::{STAGE, Source};
use super::types::{INTEGER, TEXT, Type, too_many_digits};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::expr::Val;
use crate::sandbox::snowflake::fail::{self, Fallible};

/// Functions that may be called without brackets.
const BARE_CALLS: [&str; 6] =
    ["CURRENT_DATE", "CURRENT_TIME", "CURRENT_TIMESTAMP", "CURRENT_USER", "LOCALTIME", "LOCALTIMESTAMP"];

/// A text as the engine reads it.
pub(super) fn literal(text: &str) -> String {
    if text.contains('\0') {
        let hex = super::types::hex(text.as_bytes()).to_lowercase();
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

    #[expect(clippy::too_many_lines, reason = "one arm for each kind of expression")]
    fn any(&mut self, expr: &Expr, source: &Source<'_>) -> Fallible<Typed> {
        match expr {
            Expr::Identifier(ident) if ident.quote_style == Some(STAGE) => {
                Ok(text_constant(&format!("@{}", ident.value)))
            }
            Expr::Identifier(ident) => {
                let name = folded(ident);
                match self.column(std::slice::from_ref(&name), ident.span) {
                    // These may stand without brackets.
                    Err(_) if ident.quote_style.is_none() && BARE_CALLS.contains(&name.as_str()) => {
                        self.named_call(&name, &[], source)
                    }
                    found => found,
                }
            }
            Expr::CompoundIdentifier(idents) => {
                let parts: Vec<String> = idents.iter().map(folded).collect();
                self.column(&parts, expr.span())
            }
            Expr::Value(value) => match &value.value {
                // `$1`: a column by its place.
                Value::Placeholder(mark) if mark.starts_with('$') => {
                    self.column(std::slice::from_ref(mark), value.span)
                }
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

    pub(super) fn get(&mut self, typed: Typed, key: Typed) -> Fallible<Typed> {
        self.scalar_by_name("GET", vec![typed, key])
    }

    // --- types -------------------------------------------------------------------------------------------------------------------

    /// An explicit cast.
    #[expect(clippy::unused_self, reason = "called like its neighbours")]
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
    #[expect(clippy::match_same_arms, reason = "one line for each group of types")]
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
    #[expect(clippy::cast_precision_loss, reason = "arguments this large mean nothing to any function")]
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

fn number(digits: &str) -> Typed {
    Typed::constant(digits, INTEGER)
}

pub(super) fn constant(value: &Value) -> Fallible<Typed> {
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
