//! Calls: scalar functions from the tables, the forms that are more than a function, and what the session knows.

use sqlparser::ast::{Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments};

use super::compile::{Compiler, Typed, parts};
use super::conversion::taken_if_conversion;
use super::engine::engine_name;
use super::expr::{literal, text_constant, wrong_types};
use super::parse::Source;
use super::query::inconsistent;
use super::scalar::{self, Scalar, Want};
use super::types::{INTEGER, TEXT, Type};
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::expr::Val;
use crate::sandbox::snowflake::fail::{self, Fallible};
use crate::sandbox::snowflake::functions;

/// Other names of functions.
const ALIASES: [(&str, &str); 37] = [
    ("LEN", "LENGTH"),
    ("CHARACTER_LENGTH", "LENGTH"),
    ("CHAR_LENGTH", "LENGTH"),
    ("SUBSTRING", "SUBSTR"),
    ("CHAR", "CHR"),
    ("RLIKE", "REGEXP_LIKE"),
    ("POW", "POWER"),
    ("TRUNCATE", "TRUNC"),
    ("CEILING", "CEIL"),
    ("IFNULL", "NVL"),
    ("TIMESTAMPADD", "DATEADD"),
    ("TIMEADD", "DATEADD"),
    ("TIMESTAMPDIFF", "DATEDIFF"),
    ("TIMEDIFF", "DATEDIFF"),
    ("DATEFROMPARTS", "DATE_FROM_PARTS"),
    ("TO_CHAR", "TO_VARCHAR"),
    ("TO_NUMERIC", "TO_NUMBER"),
    ("TO_DECIMAL", "TO_NUMBER"),
    ("TRY_TO_NUMERIC", "TRY_TO_NUMBER"),
    ("TRY_TO_DECIMAL", "TRY_TO_NUMBER"),
    ("TO_TIMESTAMP", "TO_TIMESTAMP_NTZ"),
    ("TRY_TO_TIMESTAMP", "TRY_TO_TIMESTAMP_NTZ"),
    ("SHA1_HEX", "SHA1"),
    ("SHA2_HEX", "SHA2"),
    ("MD5_HEX", "MD5"),
    ("ANY_VALUE", "MIN"),
    ("LOCALTIMESTAMP", "CURRENT_TIMESTAMP"),
    ("GETDATE", "CURRENT_TIMESTAMP"),
    ("SYSTIMESTAMP", "CURRENT_TIMESTAMP"),
    ("LOCALTIME", "CURRENT_TIME"),
    ("WEEKOFYEAR", "WEEK"),
    ("DAYOFMONTH", "DAY"),
    ("STRING_AGG", "LISTAGG"),
    ("ARRAYAGG", "ARRAY_AGG"),
    ("COUNTIF", "COUNT_IF"),
    ("AS_CHAR", "AS_VARCHAR"),
    ("INSTR", "CHARINDEX"),
];

/// Parts of times that are functions of their own.
const PARTS: [&str; 14] = [
    "YEAR",
    "QUARTER",
    "MONTH",
    "WEEK",
    "WEEKISO",
    "DAY",
    "DAYOFWEEK",
    "DAYOFWEEKISO",
    "DAYOFYEAR",
    "YEAROFWEEK",
    "HOUR",
    "MINUTE",
    "SECOND",
    "YEAROFWEEKISO",
];

impl Compiler<'_, '_> {
    /// A call.
    pub(super) fn call(&mut self, function: &Function, source: &Source<'_>) -> Fallible<Typed> {
        let name = parts(&function.name)?;
        let [name] = name.as_slice() else {
            let text = format!("SQL compilation error:\nUnknown user-defined function {}", name.join("."));
            return Err(fail::error("002141", "42601", text));
        };
        let name = canonical(name);
        if function.null_treatment.is_some() && function.over.is_none() {
            return Err(fail::beyond("IGNORE NULLS outside of windows"));
        }
        if function.over.is_some() || super::aggregate::is_aggregate(name) {
            return self.aggregate(name, function, source);
        }
        if !function.within_group.is_empty() || function.filter.is_some() {
            return Err(fail::beyond(&format!("WITHIN GROUP and FILTER of {name}")));
        }
        let args: Vec<&Expr> = match &function.args {
            FunctionArguments::None => Vec::new(),
            FunctionArguments::Subquery(_) => return Err(fail::beyond("a query as the only argument")),
            FunctionArguments::List(list) => {
                if list.duplicate_treatment.is_some() || !list.clauses.is_empty() {
                    return Err(fail::beyond(&format!("clauses inside of {name}()")));
                }
                list.args.iter().map(plain).collect::<Fallible<_>>()?
            }
        };
        self.named_call(name, &args, source)
    }

    pub(super) fn named_call(&mut self, name: &str, args: &[&Expr], source: &Source<'_>) -> Fallible<Typed> {
        let name = canonical(name);
        // The first argument of these is a word, not an expression.
        if let "DATEADD" | "DATEDIFF" | "DATE_TRUNC" | "DATE_PART" | "LAST_DAY" = name {
            return self.with_part(name, args, source);
        }
        let mut typed = args.iter().map(|arg| self.expr(arg, source)).collect::<Fallible<Vec<_>>>()?;
        if let Some(special) = self.special(name, &mut typed)? {
            return Ok(special);
        }
        if PARTS.contains(&name) {
            let [arg] = take_exactly(name, typed)?;
            return self.date_part(name, arg);
        }
        if functions::is_known(name) {
            let args = typed.iter().map(|arg| self.constant(arg)).collect::<Fallible<Vec<_>>>()?;
            let value = functions::call(self.cx, name, &args)?;
            return Ok(told(&value));
        }
        if name.starts_with('$') || scalar::find(name).is_none() {
            return Err(fail::unknown_function(name));
        }
        self.scalar_by_name(name, typed)
    }

    /// A function from the tables, its arguments made into what it wants.
    pub(super) fn scalar_by_name(&mut self, name: &str, args: Vec<Typed>) -> Fallible<Typed> {
        let Some(function) = scalar::find(name) else { return Err(fail::unknown_function(name)) };
        let most = function.wants.len();
        if args.len() < function.least || (!function.more && args.len() > most) {
            let wanted = if args.len() < function.least { function.least } else { most };
            return Err(arity(name, wanted, args.len()));
        }
        let mut given = Vec::new();
        for (at, arg) in args.into_iter().enumerate() {
            let want = function.wants.get(at).or(function.wants.last()).copied().unwrap_or(Want::Text);
            given.push(self.wanted(function, want, arg)?);
        }
        let types: Vec<Type> = given.iter().map(|arg| arg.kind).collect();
        let texts: Vec<&str> = given.iter().map(|arg| arg.sql.as_str()).collect();
        let sql = format!("{}({})", engine_name(name), texts.join(", "));
        Ok(Typed::of(sql, (function.gives)(&types), &given))
    }

    fn wanted(&mut self, function: &Scalar, want: Want, arg: Typed) -> Fallible<Typed> {
        let to = match (want, arg.kind) {
            (Want::Number, kind) if kind.is_number() => return Ok(arg),
            // These work on what the compiler took apart itself.
            (Want::Whole | Want::Text, _) if function.name.starts_with('$') && function.name != "$LIKE" => {
                return Ok(arg);
            }
            (Want::Text, _) => TEXT,
            (Want::Whole, _) | (Want::Number, Type::Null) => INTEGER,
            (Want::Number, Type::Text(_)) => Type::Fixed { precision: 38, scale: 5 },
            (Want::Number | Want::Real, _) => Type::Real,
            (Want::Boolean, _) => Type::Boolean,
            (Want::Moment, _) => Type::Ntz(9),
            (Want::Json, Type::Object | Type::Array) => return Ok(arg),
            (Want::Json, _) => Type::Variant,
        };
        if to == Type::Real && !arg.kind.is_number() && !matches!(arg.kind, Type::Null | Type::Variant | Type::Text(_))
        {
            return Err(wrong_types(function.name, &[arg.kind]));
        }
        self.converted(arg, to, false)
    }

    // --- forms that are more than a function -----------------------------------------------------------------------------------------

    fn special(&mut self, name: &str, args: &mut Vec<Typed>) -> Fallible<Option<Typed>> {
        let taken = |args: &mut Vec<Typed>| std::mem::take(args);
        Ok(Some(match name {
            "COALESCE" | "NVL" => {
                if args.is_empty() || (name == "NVL" && args.len() != 2) {
                    return Err(arity(name, 2, args.len()));
                }
                self.first_of("coalesce", taken(args))?
            }
            "GREATEST" | "LEAST" => {
                if args.is_empty() {
                    return Err(arity(name, 1, 0));
                }
                self.first_of(if name == "GREATEST" { "max" } else { "min" }, taken(args))?
            }
            "IFF" => {
                let [condition, yes, no] = take_exactly(name, taken(args))?;
                let condition = self.converted(condition, Type::Boolean, false)?;
                self.branches(vec![(condition, yes)], Some(no))?
            }
            "NVL2" => {
                let [value, yes, no] = take_exactly(name, taken(args))?;
                let there = Typed { sql: format!("({} IS NOT NULL)", value.sql), kind: Type::Boolean, ..value };
                self.branches(vec![(there, yes)], Some(no))?
            }
            "NULLIF" => {
                let [one, two] = take_exactly(name, taken(args))?;
                let same = self.compare(one.clone(), "=", two)?;
                let null = Typed::constant("NULL", Type::Null);
                self.branches(vec![(same, null)], Some(one))?
            }
            "EQUAL_NULL" => {
                let [one, two] = take_exactly(name, taken(args))?;
                self.compare(one, "IS", two)?
            }
            "ZEROIFNULL" => {
                let [one] = take_exactly(name, taken(args))?;
                self.first_of("coalesce", vec![one, Typed::constant("0", INTEGER)])?
            }
            "NULLIFZERO" => {
                let [one] = take_exactly(name, taken(args))?;
                let zero = self.compare(one.clone(), "=", Typed::constant("0", INTEGER))?;
                self.branches(vec![(zero, Typed::constant("NULL", Type::Null))], Some(one))?
            }
            "DECODE" => self.decode(taken(args))?,
            "ROUND" | "CEIL" | "FLOOR" | "TRUNC" => {
                if args
                    .first()
                    .is_some_and(|arg| matches!(arg.kind, Type::Date | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_)))
                {
                    return Err(fail::beyond(&format!("{name} of times")));
                }
                self.rounding(name, taken(args))?
            }
            "SEQ1" | "SEQ2" | "SEQ4" | "SEQ8" => {
                let sql = "(row_number() OVER () - 1)";
                Typed { constant: false, ..Typed::constant(sql, Type::Fixed { precision: 18, scale: 0 }) }
            }
            "CHARINDEX" => self.scalar_by_name("POSITION", taken(args))?,
            "CURRENT_TIMESTAMP" => Typed::constant(self.engine.env().now.to_string(), Type::Ltz(9)),
            "SYSDATE" => Typed::constant(self.engine.env().now.to_string(), Type::Ntz(9)),
            "CURRENT_DATE" => {
                let now = Typed::constant(self.engine.env().now.to_string(), Type::Ltz(9));
                self.cast(now, Type::Date, false)?
            }
            "CURRENT_TIME" => {
                let now = Typed::constant(self.engine.env().now.to_string(), Type::Ltz(9));
                self.cast(now, Type::Time(9), false)?
            }
            "SYSTEM$TYPEOF" => {
                let [arg] = take_exactly(name, taken(args))?;
                text_constant(&type_shown(arg.kind))
            }
            "CONVERT_TIMEZONE" => self.convert_timezone(taken(args))?,
            "BUILD_SCOPED_FILE_URL" | "BUILD_STAGE_FILE_URL" => self.file_url(taken(args))?,
            "GET_RELATIVE_PATH" => self.relative_path(taken(args))?,
            _ => return self.conversion(name, taken_if_conversion(name, args)),
        }))
    }

    fn first_of(&mut self, function: &str, args: Vec<Typed>) -> Fallible<Typed> {
        let mut kind = Type::Null;
        for arg in &args {
            kind = kind.meet(arg.kind).ok_or_else(|| inconsistent(kind, arg.kind))?;
        }
        let args = args.into_iter().map(|arg| self.converted(arg, kind, false)).collect::<Fallible<Vec<_>>>()?;
        let texts: Vec<&str> = args.iter().map(|arg| arg.sql.as_str()).collect();
        // With one argument these names would be aggregates.
        let sql = if let [only] = texts.as_slice() {
            (*only).to_owned()
        } else {
            format!("{function}({})", texts.join(", "))
        };
        Ok(Typed::of(sql, kind, &args))
    }

    fn decode(&mut self, args: Vec<Typed>) -> Fallible<Typed> {
        let mut args = args.into_iter();
        let (Some(value), true) = (args.next(), args.len() >= 2) else { return Err(arity("DECODE", 3, 0)) };
        let mut branches = Vec::new();
        let mut otherwise = None;
        while let Some(search) = args.next() {
            match args.next() {
                Some(result) => branches.push((self.compare(value.clone(), "IS", search)?, result)),
                None => otherwise = Some(search),
            }
        }
        self.branches(branches, otherwise)
    }

    /// The digits that are asked for are part of the type if they are written out.
    pub(super) fn rounding(&mut self, name: &str, args: Vec<Typed>) -> Fallible<Typed> {
        let digits = args.get(1).and_then(|arg| arg.sql.parse::<u8>().ok());
        let given = args.len();
        let first = args.first().map(|arg| arg.kind);
        let typed = self.scalar_by_name(name, args)?;
        match (first, given, digits) {
            (Some(Type::Fixed { scale: 0, .. }), ..) => Ok(Typed { kind: INTEGER, ..typed }),
            (Some(Type::Fixed { .. }), 1, _) => {
                // Without a fraction it is a whole number, for the engine too.
                Ok(Typed { sql: super::operator::fixed(&typed.sql, 0), ..typed })
            }
            (Some(Type::Fixed { precision, scale }), _, Some(digits)) => {
                let scale = scale.min(digits);
                Ok(Typed {
                    sql: super::operator::fixed(&typed.sql, scale),
                    kind: Type::Fixed { precision, scale },
                    ..typed
                })
            }
            _ => Ok(typed),
        }
    }

    // --- files -----------------------------------------------------------------------------------------------------------------------------

    /// The stage is the same for all rows, the path is not.
    fn file_url(&mut self, args: Vec<Typed>) -> Fallible<Typed> {
        let [stage, path] = take_exactly("BUILD_SCOPED_FILE_URL", args)?;
        let Val::Text(stage) = self.constant(&stage)? else { return Ok(Typed::constant("NULL", TEXT)) };
        let prefix = functions::stage_url_prefix(self.cx, &stage)?;
        let path = self.converted(path, TEXT, false)?;
        Ok(Typed { sql: format!("({} || {})", literal(&prefix), path.sql), kind: TEXT, ..path })
    }

    /// The path of a file below the stage's URL.
    fn relative_path(&mut self, args: Vec<Typed>) -> Fallible<Typed> {
        let [stage, url] = take_exactly("GET_RELATIVE_PATH", args)?;
        let Val::Text(stage) = self.constant(&stage)? else { return Ok(Typed::constant("NULL", TEXT)) };
        let Val::Text(location) = functions::stage_location(self.cx, &stage)? else {
            return Ok(Typed::constant("NULL", TEXT));
        };
        let pieces = vec![url, text_constant(&location), text_constant("")];
        self.scalar_by_name("REPLACE", pieces)
    }
}

/// The name that a function has here.
fn canonical(name: &str) -> &str {
    ALIASES.iter().find(|(alias, _)| *alias == name).map_or(name, |(_, name)| name)
}

/// What the session told, as a constant.
fn told(value: &Val) -> Typed {
    match value {
        Val::Null => Typed::constant("NULL", TEXT),
        Val::Text(text) => Typed { kind: TEXT, ..text_constant(text) },
        Val::Number(number) if number.fract() == 0.0 => Typed::constant(number.to_string(), INTEGER),
        Val::Number(number) => Typed::constant(format!("{number:?}"), Type::Real),
        Val::Bool(value) => Typed::constant(i64::from(*value).to_string(), Type::Boolean),
        Val::Moment(ms) => Typed::constant(ms.saturating_mul(1000).to_string(), Type::Ltz(9)),
    }
}

/// As SYSTEM$TYPEOF shows it.
fn type_shown(kind: Type) -> String {
    match kind {
        Type::Fixed { precision, .. } => {
            let bytes = match precision {
                0..=2 => 1,
                3..=4 => 2,
                5..=9 => 4,
                10..=18 => 8,
                _ => 16,
            };
            format!("{}[SB{bytes}]", kind.kind())
        }
        Type::Real => "FLOAT[DOUBLE]".to_owned(),
        Type::Null => "NULL[LOB]".to_owned(),
        Type::Text(_) | Type::Variant | Type::Object | Type::Array | Type::Binary => format!("{}[LOB]", kind.kind()),
        Type::Boolean => "BOOLEAN[SB1]".to_owned(),
        Type::Date => "DATE[SB4]".to_owned(),
        Type::Time(_) => format!("{}[SB8]", kind.kind()),
        Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) => format!("{}[SB16]", kind.kind()),
    }
}

fn plain(arg: &FunctionArg) -> Fallible<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
        _ => Err(fail::beyond("named arguments of scalar functions")),
    }
}

pub(super) fn take_exactly<const N: usize>(name: &str, args: Vec<Typed>) -> Fallible<[Typed; N]> {
    <[Typed; N]>::try_from(args).map_err(|args| arity(name, N, args.len()))
}

pub(super) fn arity(name: &str, wanted: usize, got: usize) -> SqlError {
    let what = if got < wanted { "not enough" } else { "too many" };
    let text = format!("SQL compilation error:\n{what} arguments for function [{name}], expected {wanted}, got {got}");
    fail::error(if got < wanted { "000938" } else { "000939" }, "22023", text)
}
