//! Aggregates and window functions.

use sqlparser::ast::{
    DuplicateTreatment, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    NullTreatment, OrderByExpr, Value, WindowFrame, WindowFrameBound, WindowFrameUnits, WindowSpec, WindowType,
};

use super::call::arity;
use super::compile::{Compiler, Typed};
use super::engine::engine_name;
use super::expr::wrong_types;
use super::items::comparable;
use super::operator::fixed;
use super::parse::Source;
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::fail::{self, Fallible};

const AGGREGATES: [&str; 14] = [
    "COUNT",
    "COUNT_IF",
    "SUM",
    "AVG",
    "MIN",
    "MAX",
    "LISTAGG",
    "ARRAY_AGG",
    "ARRAY_UNIQUE_AGG",
    "BOOLAND_AGG",
    "BOOLOR_AGG",
    "APPROX_COUNT_DISTINCT",
    "MIN_BY",
    "MAX_BY",
];

const WINDOWS: [&str; 11] = [
    "ROW_NUMBER",
    "RANK",
    "DENSE_RANK",
    "PERCENT_RANK",
    "CUME_DIST",
    "NTILE",
    "LAG",
    "LEAD",
    "FIRST_VALUE",
    "LAST_VALUE",
    "NTH_VALUE",
];

/// Whether a function takes many rows to one value.
pub(super) fn is_aggregate(name: &str) -> bool {
    AGGREGATES.contains(&name) || WINDOWS.contains(&name)
}

impl Compiler<'_, '_> {
    /// A call of an aggregate or a window function.
    pub(super) fn aggregate(&mut self, name: &str, function: &Function, source: &Source<'_>) -> Fallible<Typed> {
        if function.filter.is_some() {
            return Err(fail::beyond("FILTER"));
        }
        let FunctionArguments::List(list) = &function.args else { return Err(arity(name, 1, 0)) };
        if !list.clauses.is_empty() {
            return Err(fail::beyond(&format!("clauses inside of {name}()")));
        }
        let window = match &function.over {
            None => None,
            Some(WindowType::WindowSpec(spec)) => Some(spec),
            Some(WindowType::NamedWindow(_)) => return Err(fail::beyond("named windows")),
        };
        if WINDOWS.contains(&name) && window.is_none() {
            let text = format!("SQL compilation error:\nWindow function [{name}] requires OVER clause.");
            return Err(fail::error("002303", "42601", text));
        }
        // The columns inside of an aggregate need not be grouped by; those inside of a window must.
        let hidden = match window {
            None => self.frames.last_mut().and_then(|frame| frame.groups.take()),
            Some(_) => None,
        };
        let compiled = self.computed(name, function, list, window.is_some(), source);
        if window.is_none()
            && let Some(frame) = self.frames.last_mut()
        {
            frame.groups = hidden;
        }
        let (sql, wrap, kind, parts) = compiled?;
        let Some(spec) = window else {
            if parts.iter().any(|part| part.aggregate) {
                let text = format!(
                    "SQL compilation error:\nAggregate functions cannot be nested: [{name}] nested in another."
                );
                return Err(fail::error("002036", "42601", text));
            }
            return Ok(Typed { aggregate: true, constant: false, ..Typed::of(wrap(&sql), kind, &[]) });
        };
        let over = self.window(name, spec, source)?;
        let mut typed = Typed::of(wrap(&format!("{sql} OVER ({})", over.sql)), kind, parts.iter().chain([&over]));
        typed.constant = false;
        Ok(typed)
    }

    /// The call itself, what goes around it (and around its OVER), its type, and its arguments.
    #[expect(clippy::type_complexity, reason = "told to one caller")]
    fn computed(
        &mut self,
        name: &str,
        function: &Function,
        list: &FunctionArgumentList,
        windowed: bool,
        source: &Source<'_>,
    ) -> Fallible<(String, Box<dyn Fn(&str) -> String>, Type, Vec<Typed>)> {
        let distinct = list.duplicate_treatment == Some(DuplicateTreatment::Distinct);
        let word = if distinct { "DISTINCT " } else { "" };
        if let (1, [FunctionArg::Unnamed(FunctionArgExpr::Wildcard | FunctionArgExpr::QualifiedWildcard(_))]) =
            (usize::from(name == "COUNT"), list.args.as_slice())
        {
            return Ok((
                "count(*)".to_owned(),
                Box::new(str::to_owned),
                Type::Fixed { precision: 18, scale: 0 },
                Vec::new(),
            ));
        }
        let mut args = Vec::new();
        for arg in &list.args {
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => args.push(self.expr(expr, source)?),
                _ => return Err(fail::beyond(&format!("this kind of argument of {name}"))),
            }
        }
        let plain: Box<dyn Fn(&str) -> String> = Box::new(str::to_owned);
        let count = Type::Fixed { precision: 18, scale: 0 };
        if WINDOWS.contains(&name) {
            let (sql, kind) = self.ranking(name, function.null_treatment, &mut args)?;
            return Ok((sql, plain, kind, args));
        }
        let Some(first) = args.first().cloned() else { return Err(arity(name, 1, 0)) };
        let one = args.len() == 1;
        Ok(match name {
            "COUNT" if one => (format!("count({word}{})", comparable_arg(&first)), plain, count, args),
            "COUNT" if distinct => return Err(fail::beyond("COUNT(DISTINCT) of more than one column")),
            "COUNT" => {
                let there: Vec<String> = args.iter().map(|arg| format!("{} IS NOT NULL", arg.sql)).collect();
                (format!("count(CASE WHEN {} THEN 1 END)", there.join(" AND ")), plain, count, args)
            }
            "COUNT_IF" if one => {
                let condition = self.converted(first, Type::Boolean, false)?;
                (format!("count(CASE WHEN {} THEN 1 END)", condition.sql), plain, count, args)
            }
            "APPROX_COUNT_DISTINCT" if one => {
                (format!("count(DISTINCT {})", comparable_arg(&first)), plain, count, args)
            }
            "SUM" | "AVG" if one => {
                let number = match first.kind {
                    kind if kind.is_number() => first,
                    Type::Text(_) | Type::Variant => self.converted(first, Type::Real, false)?,
                    Type::Null => self.converted(first, INTEGER, false)?,
                    other => return Err(wrong_types(name, &[other])),
                };
                let call = format!("{}({word}{})", name.to_lowercase(), number.sql);
                match number.kind {
                    Type::Fixed { scale, .. } => {
                        let scale = if name == "SUM" { scale } else { (scale + 6).min(12).max(scale) };
                        (call, Box::new(move |sql| fixed(sql, scale)), Type::Fixed { precision: 38, scale }, args)
                    }
                    kind => (call, plain, kind, args),
                }
            }
            "MIN" | "MAX" if one => {
                if matches!(first.kind, Type::Tz(_)) || first.kind.is_json() {
                    return Err(fail::beyond(&format!("{name} of {}", first.kind.kind())));
                }
                (format!("{}({})", name.to_lowercase(), first.sql), plain, first.kind, args)
            }
            "BOOLAND_AGG" | "BOOLOR_AGG" if one => {
                let condition = self.converted(first, Type::Boolean, false)?;
                let call = if name == "BOOLAND_AGG" { "min" } else { "max" };
                (format!("{call}({})", condition.sql), plain, Type::Boolean, args)
            }
            "MIN_BY" | "MAX_BY" if args.len() == 2 && !windowed => {
                // SQLite takes bare columns beside min() and max() from the row that has it; here that is said with an order.
                let Some(by) = args.get(1) else { return Err(arity(name, 2, 1)) };
                let direction = if name == "MIN_BY" { "ASC" } else { "DESC" };
                let sql = format!(
                    "json_group_array({} ORDER BY ({} IS NULL), {} {direction})",
                    first.sql,
                    by.sql,
                    comparable(by)
                );
                (sql, Box::new(|sql| format!("json_extract({sql}, '$[0]')")), first.kind, args)
            }
            "LISTAGG" => {
                let text = self.converted(first, TEXT, false)?;
                let separator = args.get(1).map_or_else(|| "''".to_owned(), |separator| separator.sql.clone());
                let order = self.within(function, source)?;
                let sql = format!("json_group_array({word}{}{order})", text.sql);
                let join = engine_name("$JOIN");
                (sql, Box::new(move |sql| format!("{join}({sql}, {separator})")), TEXT, args)
            }
            "ARRAY_AGG" | "ARRAY_UNIQUE_AGG" if one => {
                let word = if name == "ARRAY_UNIQUE_AGG" { "DISTINCT " } else { word };
                let json = self.converted(first, Type::Variant, false)?;
                let order = self.within(function, source)?;
                let sql = format!("json_group_array({word}{}{order})", json.sql);
                let untext = engine_name("$UNTEXT");
                (sql, Box::new(move |sql| format!("{untext}({sql})")), Type::Array, args)
            }
            _ => return Err(arity(name, 1, args.len())),
        })
    }

    /// `WITHIN GROUP (ORDER BY …)`.
    fn within(&mut self, function: &Function, source: &Source<'_>) -> Fallible<String> {
        let keys = self.keys(&function.within_group, source)?;
        Ok(if keys.is_empty() { String::new() } else { format!(" ORDER BY {}", keys.join(", ")) })
    }

    fn keys(&mut self, order: &[OrderByExpr], source: &Source<'_>) -> Fallible<Vec<String>> {
        order.iter().map(|by| self.order_key(by, None, source)).collect()
    }

    fn ranking(&mut self, name: &str, nulls: Option<NullTreatment>, args: &mut [Typed]) -> Fallible<(String, Type)> {
        if nulls == Some(NullTreatment::IgnoreNulls) {
            return Err(fail::beyond("IGNORE NULLS"));
        }
        let call = name.to_lowercase();
        let texts = |args: &[Typed]| args.iter().map(|arg| arg.sql.as_str()).collect::<Vec<_>>().join(", ");
        Ok(match (name, args) {
            ("ROW_NUMBER" | "RANK" | "DENSE_RANK", []) => {
                (format!("{call}()"), Type::Fixed { precision: 18, scale: 0 })
            }
            ("PERCENT_RANK" | "CUME_DIST", []) => (format!("{call}()"), Type::Real),
            ("NTILE", [many]) => (format!("ntile({})", many.sql), Type::Fixed { precision: 18, scale: 0 }),
            ("LAG" | "LEAD", [first, rest @ ..]) if rest.len() <= 2 => {
                let kind = match rest.get(1) {
                    Some(default) => {
                        first.kind.meet(default.kind).ok_or_else(|| wrong_types(name, &[first.kind, default.kind]))?
                    }
                    None => first.kind,
                };
                let mut all = vec![self.converted(first.clone(), kind, false)?];
                all.extend(rest.first().cloned());
                if let Some(default) = rest.get(1) {
                    all.push(self.converted(default.clone(), kind, false)?);
                }
                (format!("{call}({})", texts(&all)), kind)
            }
            ("FIRST_VALUE" | "LAST_VALUE", [only]) => (format!("{call}({})", only.sql), only.kind),
            ("NTH_VALUE", [first, place]) => (format!("nth_value({}, {})", first.sql, place.sql), first.kind),
            (_, args) => return Err(arity(name, 1, args.len())),
        })
    }

    /// What stands in OVER ( … ).
    fn window(&mut self, name: &str, spec: &WindowSpec, source: &Source<'_>) -> Fallible<Typed> {
        if spec.window_name.is_some() {
            return Err(fail::beyond("named windows"));
        }
        let mut pieces = Vec::new();
        let mut parts = Vec::new();
        if !spec.partition_by.is_empty() {
            let typed = spec.partition_by.iter().map(|expr| self.expr(expr, source)).collect::<Fallible<Vec<_>>>()?;
            let texts: Vec<String> = typed.iter().map(comparable).collect();
            pieces.push(format!("PARTITION BY {}", texts.join(", ")));
            parts = typed;
        }
        let keys = self.keys(&spec.order_by, source)?;
        let ordered = !keys.is_empty();
        if ordered {
            pieces.push(format!("ORDER BY {}", keys.join(", ")));
        } else if matches!(
            name,
            "ROW_NUMBER" | "RANK" | "DENSE_RANK" | "PERCENT_RANK" | "CUME_DIST" | "NTILE" | "LAG" | "LEAD"
        ) {
            let text = format!(
                "SQL compilation error:\nWindow function type [{name}] requires ORDER BY in window specification"
            );
            return Err(fail::error("002304", "42601", text));
        }
        match &spec.window_frame {
            Some(frame) => pieces.push(written(frame)?),
            // Where the standard says "up to this row", Snowflake says "all rows" for these.
            None if ordered && matches!(name, "FIRST_VALUE" | "LAST_VALUE" | "NTH_VALUE") => {
                pieces.push("ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING".to_owned());
            }
            None => {}
        }
        Ok(Typed::of(pieces.join(" "), Type::Null, &parts))
    }
}

/// What COUNT counts by: JSON texts and times of several zones are the same if their values are.
fn comparable_arg(typed: &Typed) -> String {
    comparable(typed)
}

fn written(frame: &WindowFrame) -> Fallible<String> {
    let units = match frame.units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => return Err(fail::beyond("GROUPS in windows")),
    };
    let start = bound(&frame.start_bound)?;
    let end = frame.end_bound.as_ref().map_or_else(|| Ok("CURRENT ROW".to_owned()), bound)?;
    Ok(format!("{units} BETWEEN {start} AND {end}"))
}

fn bound(bound: &WindowFrameBound) -> Fallible<String> {
    let rows = |expr: &Expr| match expr {
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) if digits.bytes().all(|b| b.is_ascii_digit()) => Ok(digits.clone()),
            _ => Err(fail::beyond("window frames that are computed")),
        },
        _ => Err(fail::beyond("window frames that are computed")),
    };
    Ok(match bound {
        WindowFrameBound::CurrentRow => "CURRENT ROW".to_owned(),
        WindowFrameBound::Preceding(None) => "UNBOUNDED PRECEDING".to_owned(),
        WindowFrameBound::Following(None) => "UNBOUNDED FOLLOWING".to_owned(),
        WindowFrameBound::Preceding(Some(expr)) => format!("{} PRECEDING", rows(expr)?),
        WindowFrameBound::Following(Some(expr)) => format!("{} FOLLOWING", rows(expr)?),
    })
}
