//! Expressions of queries: literals, columns, comparisons and calls.

use super::context::Context;
use super::fail::{self, Fallible};
use super::functions;
use super::lex::Tok;
use super::parse::Parser;
use super::show::like;

/// A value while it is being computed.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Val {
    Null,
    Text(String),
    Number(f64),
    Bool(bool),
}

impl Val {
    /// As a cell on the wire.
    pub(super) fn cell(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Text(text) => Some(text.clone()),
            Self::Number(number) => Some(number.to_string()),
            Self::Bool(value) => Some(if *value { "1" } else { "0" }.to_owned()),
        }
    }

    /// The wire's type.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "fixed",
            Self::Bool(_) => "boolean",
            _ => "text",
        }
    }

    /// As text, for functions and `||`.
    pub(super) fn text(&self) -> Option<String> {
        match self {
            Self::Bool(value) => Some(value.to_string()),
            other => other.cell(),
        }
    }

    fn truth(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            Self::Text(text) => match text.to_lowercase().as_str() {
                "true" | "1" => Some(true),
                "false" | "0" => Some(false),
                _ => None,
            },
            Self::Number(number) => Some(*number != 0.0),
            Self::Null => None,
        }
    }
}

/// An expression.
#[derive(Clone, Debug)]
pub(super) enum Expr {
    Literal(Val),
    /// A column, and where it stands for the complaint.
    Column(String, (usize, usize)),
    Call(String, Vec<Expr>),
    Not(Box<Expr>),
    And(Box<Expr>, Box<Expr>),
    Or(Box<Expr>, Box<Expr>),
    Compare(&'static str, Box<Expr>, Box<Expr>),
    /// Text, pattern, and whether case counts.
    Like(Box<Expr>, Box<Expr>, bool),
    In(Box<Expr>, Vec<Expr>),
    IsNull(Box<Expr>),
    Concat(Box<Expr>, Box<Expr>),
}

/// Words that end an expression.
const ENDS: [&str; 14] =
    ["FROM", "WHERE", "AS", "AND", "OR", "LIMIT", "ORDER", "GROUP", "THEN", "UNION", "ASC", "DESC", "IN", "LIKE"];

pub(super) fn read(p: &mut Parser<'_>) -> Fallible<Expr> {
    let mut left = and(p)?;
    while p.eat("OR") {
        left = Expr::Or(Box::new(left), Box::new(and(p)?));
    }
    Ok(left)
}

fn and(p: &mut Parser<'_>) -> Fallible<Expr> {
    let mut left = not(p)?;
    while p.eat("AND") {
        left = Expr::And(Box::new(left), Box::new(not(p)?));
    }
    Ok(left)
}

fn not(p: &mut Parser<'_>) -> Fallible<Expr> {
    if p.eat("NOT") {
        return Ok(Expr::Not(Box::new(not(p)?)));
    }
    let left = concat(p)?;
    if p.eat("IS NOT NULL") {
        return Ok(Expr::Not(Box::new(Expr::IsNull(Box::new(left)))));
    }
    if p.eat("IS NULL") {
        return Ok(Expr::IsNull(Box::new(left)));
    }
    let negated = p.eat("NOT");
    let inner = if p.eat("LIKE") {
        Expr::Like(Box::new(left), Box::new(concat(p)?), false)
    } else if p.eat("ILIKE") {
        Expr::Like(Box::new(left), Box::new(concat(p)?), true)
    } else if p.eat("IN") {
        p.need_mark("(")?;
        let mut list = vec![read(p)?];
        while p.mark(",") {
            list.push(read(p)?);
        }
        p.need_mark(")")?;
        Expr::In(Box::new(left), list)
    } else if negated {
        return Err(p.unexpected());
    } else {
        for operator in ["=", "<>", "!=", "<=", ">=", "<", ">"] {
            if p.mark(operator) {
                return Ok(Expr::Compare(operator, Box::new(left), Box::new(concat(p)?)));
            }
        }
        left
    };
    Ok(if negated { Expr::Not(Box::new(inner)) } else { inner })
}

fn concat(p: &mut Parser<'_>) -> Fallible<Expr> {
    let mut left = primary(p)?;
    while p.mark("||") {
        left = Expr::Concat(Box::new(left), Box::new(primary(p)?));
    }
    Ok(left)
}

fn primary(p: &mut Parser<'_>) -> Fallible<Expr> {
    let expr = match p.peek() {
        Some(Tok::Text(_)) => Expr::Literal(Val::Text(p.text()?)),
        Some(Tok::Number(digits)) => {
            let Ok(number) = digits.parse() else { return Err(p.unexpected()) };
            p.advance();
            Expr::Literal(Val::Number(number))
        }
        Some(Tok::Stage(raw)) => {
            let raw = format!("@{raw}");
            p.advance();
            Expr::Literal(Val::Text(raw))
        }
        Some(Tok::Mark("(")) => {
            p.advance();
            let inner = read(p)?;
            p.need_mark(")")?;
            inner
        }
        Some(Tok::Word(_)) if p.is("TRUE") => {
            p.advance();
            Expr::Literal(Val::Bool(true))
        }
        Some(Tok::Word(_)) if p.is("FALSE") => {
            p.advance();
            Expr::Literal(Val::Bool(false))
        }
        Some(Tok::Word(_)) if p.is("NULL") => {
            p.advance();
            Expr::Literal(Val::Null)
        }
        Some(Tok::Word(word)) if matches!(p.peek_at(1), Some(Tok::Mark("("))) => {
            let name = word.to_uppercase();
            p.advance();
            p.advance();
            let mut args = Vec::new();
            if !p.mark(")") {
                loop {
                    args.push(read(p)?);
                    if p.mark(")") {
                        break;
                    }
                    p.need_mark(",")?;
                }
            }
            Expr::Call(name, args)
        }
        Some(Tok::Word(word)) if matches!(word.to_uppercase().as_str(), "CURRENT_USER" | "CURRENT_TIMESTAMP") => {
            let name = word.to_uppercase();
            p.advance();
            Expr::Call(name, Vec::new())
        }
        Some(Tok::Word(word)) if ENDS.contains(&word.to_uppercase().as_str()) => return Err(p.unexpected()),
        Some(Tok::Word(_) | Tok::Quoted(_)) => {
            let (line, position, _) = p.place_of(p.mark_place());
            let name = p.name()?;
            Expr::Column(name.last().to_owned(), (line, position))
        }
        _ => return Err(p.unexpected()),
    };
    cast(p, expr)
}

/// `x::TEXT`: the simulator's values are texts already, so a cast changes nothing.
fn cast(p: &mut Parser<'_>, expr: Expr) -> Fallible<Expr> {
    while p.mark("::") {
        p.ident()?;
        if p.mark("(") {
            p.number()?;
            p.need_mark(")")?;
        }
    }
    Ok(expr)
}

/// A row to compute in.
pub(super) struct Scope<'r> {
    pub(super) columns: &'r [super::answer::Column],
    pub(super) row: &'r [Option<String>],
}

/// Computes an expression.
pub(super) fn eval(cx: &mut Context<'_>, scope: &Scope<'_>, expr: &Expr) -> Fallible<Val> {
    Ok(match expr {
        Expr::Literal(value) => value.clone(),
        Expr::Column(name, (line, position)) => {
            let Some(at) = scope.columns.iter().position(|c| c.name == *name) else {
                return Err(fail::unknown_column(*line, *position, name));
            };
            let kind = scope.columns.get(at).map_or("text", |c| c.kind);
            match (scope.row.get(at).cloned().flatten(), kind) {
                (None, _) => Val::Null,
                (Some(cell), "fixed") => cell.parse().map_or(Val::Text(cell), Val::Number),
                (Some(cell), "boolean") => Val::Bool(cell == "1"),
                (Some(cell), _) => Val::Text(cell),
            }
        }
        Expr::Call(name, args) => {
            let args = args.iter().map(|arg| eval(cx, scope, arg)).collect::<Fallible<Vec<_>>>()?;
            functions::call(cx, name, &args)?
        }
        Expr::Not(inner) => eval(cx, scope, inner)?.truth().map_or(Val::Null, |value| Val::Bool(!value)),
        Expr::And(left, right) => match eval(cx, scope, left)?.truth() {
            Some(false) => Val::Bool(false),
            left => match (left, eval(cx, scope, right)?.truth()) {
                (_, Some(false)) => Val::Bool(false),
                (Some(true), Some(true)) => Val::Bool(true),
                _ => Val::Null,
            },
        },
        Expr::Or(left, right) => match eval(cx, scope, left)?.truth() {
            Some(true) => Val::Bool(true),
            left => match (left, eval(cx, scope, right)?.truth()) {
                (_, Some(true)) => Val::Bool(true),
                (Some(false), Some(false)) => Val::Bool(false),
                _ => Val::Null,
            },
        },
        Expr::Compare(operator, left, right) => {
            let (left, right) = (eval(cx, scope, left)?, eval(cx, scope, right)?);
            compare(&left, &right).map_or(Val::Null, |order| {
                Val::Bool(match *operator {
                    "=" => order.is_eq(),
                    "<>" | "!=" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    _ => order.is_ge(),
                })
            })
        }
        Expr::Like(text, pattern, ignore_case) => {
            match (eval(cx, scope, text)?.text(), eval(cx, scope, pattern)?.text()) {
                (Some(text), Some(pattern)) => Val::Bool(like(&text, &pattern, *ignore_case)),
                _ => Val::Null,
            }
        }
        Expr::In(left, list) => {
            let left = eval(cx, scope, left)?;
            let mut found = false;
            for item in list {
                let item = eval(cx, scope, item)?;
                found |= compare(&left, &item).is_some_and(std::cmp::Ordering::is_eq);
            }
            Val::Bool(found)
        }
        Expr::IsNull(inner) => Val::Bool(eval(cx, scope, inner)? == Val::Null),
        Expr::Concat(left, right) => match (eval(cx, scope, left)?.text(), eval(cx, scope, right)?.text()) {
            (Some(left), Some(right)) => Val::Text(left + &right),
            _ => Val::Null,
        },
    })
}

/// Whether a condition holds; NULL does not.
pub(super) fn holds(cx: &mut Context<'_>, scope: &Scope<'_>, condition: &Expr) -> Fallible<bool> {
    Ok(eval(cx, scope, condition)?.truth() == Some(true))
}

/// The order of two values; numbers against texts that are numbers compare as numbers.
pub(super) fn compare(left: &Val, right: &Val) -> Option<std::cmp::Ordering> {
    match (left, right) {
        (Val::Null, _) | (_, Val::Null) => None,
        (Val::Bool(_), _) | (_, Val::Bool(_)) => left.truth().partial_cmp(&right.truth()),
        (Val::Number(left), Val::Number(right)) => left.partial_cmp(right),
        (Val::Number(left), Val::Text(right)) => left.partial_cmp(&right.parse().ok()?),
        (Val::Text(left), Val::Number(right)) => left.parse::<f64>().ok()?.partial_cmp(right),
        (Val::Text(left), Val::Text(right)) => Some(left.cmp(right)),
    }
}
