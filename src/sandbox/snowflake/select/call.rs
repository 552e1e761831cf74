//! Calls: scalar functions from the tables, the forms that are more than a function, and what the session knows.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Interval, Spanned,
};

use super::compile::{Compiler, Typed, parts};
use super::engine::engine_name;
use super::expr::{literal, text_constant, wrong_types};
use super::parse::Source;
use super::query::inconsistent;
use super::scalar::{self, Part, Scalar, Want};
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
        let name = ALIASES.iter().find(|(alias, _)| alias == name).map_or(name.as_str(), |(_, name)| name);
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

    fn named_call(&mut self, name: &str, args: &[&Expr], source: &Source<'_>) -> Fallible<Typed> {
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
            (Want::Whole, _) => INTEGER,
            (Want::Number, Type::Text(_)) => Type::Fixed { precision: 38, scale: 5 },
            (Want::Number, Type::Variant) => Type::Real,
            (Want::Number, Type::Null) => INTEGER,
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
                Ok(Typed { sql: super::expr::fixed(&typed.sql, 0), ..typed })
            }
            (Some(Type::Fixed { precision, scale }), _, Some(digits)) => {
                let scale = scale.min(digits);
                Ok(Typed {
                    sql: super::expr::fixed(&typed.sql, scale),
                    kind: Type::Fixed { precision, scale },
                    ..typed
                })
            }
            _ => Ok(typed),
        }
    }

    // --- dates and times -----------------------------------------------------------------------------------------------------------------

    fn with_part(&mut self, name: &str, args: &[&Expr], source: &Source<'_>) -> Fallible<Typed> {
        if name == "LAST_DAY" {
            let mut typed = match args.first() {
                Some(first) => vec![self.expr(first, source)?],
                None => return Err(arity(name, 1, 0)),
            };
            if let Some(part) = args.get(1) {
                typed.push(text_constant(&word(part)?));
            }
            let day = self.scalar_by_name(name, typed)?;
            return self.cast(day, Type::Date, false);
        }
        let wanted = if matches!(name, "DATEADD" | "DATEDIFF") { 3 } else { 2 };
        if args.len() != wanted {
            return Err(arity(name, wanted, args.len()));
        }
        let Some((first, rest)) = args.split_first() else { return Err(arity(name, wanted, 0)) };
        // DATE_TRUNC takes its arguments in either order.
        let turned = name == "DATE_TRUNC" && word(first).ok().is_none_or(|word| scalar::part(&word).is_err());
        let (part, rest) = match (turned, rest) {
            (true, [part]) => (word(part)?, vec![*first]),
            _ => (word(first)?, rest.to_vec()),
        };
        scalar::part(&part)?;
        let mut typed = rest.iter().map(|arg| self.expr(arg, source)).collect::<Fallible<Vec<_>>>()?;
        match name {
            "DATEADD" => {
                let (Some(time), Some(many)) = (typed.pop(), typed.pop()) else { return Err(arity(name, 3, 0)) };
                self.date_add(&part, many, time)
            }
            "DATEDIFF" => {
                let mut all = vec![text_constant(&part)];
                all.append(&mut typed);
                self.scalar_by_name("$DATEDIFF", all)
            }
            "DATE_TRUNC" => {
                let [time] = take_exactly(name, typed)?;
                let time = self.moment(time)?;
                let cut = self.scalar_by_name("$DATE_TRUNC", vec![text_constant(&part), time.clone()])?;
                self.back(cut, &time)
            }
            _ => {
                let [time] = take_exactly(name, typed)?;
                self.date_part(&part, time)
            }
        }
    }

    /// Texts become times where a time is wanted.
    fn moment(&mut self, typed: Typed) -> Fallible<Typed> {
        match typed.kind {
            Type::Text(_) | Type::Null | Type::Variant => self.cast(typed, Type::Ntz(9), false),
            Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_) => Ok(typed),
            other => Err(wrong_types("DATEADD", &[other])),
        }
    }

    fn date_add(&mut self, part: &str, many: Typed, time: Typed) -> Fallible<Typed> {
        let mut time = self.moment(time)?;
        let whole_days = matches!(
            scalar::part(part)?,
            Part::Year | Part::Quarter | Part::Month | Part::Week | Part::Day | Part::DayOfYear | Part::DayOfWeek
        );
        if time.kind == Type::Date && !whole_days {
            time = self.cast(time, Type::Ntz(9), false)?;
        }
        let many = match many.kind {
            kind if kind == INTEGER => many,
            _ => self.converted(many, INTEGER, false)?,
        };
        let moved = self.scalar_by_name("$DATEADD", vec![text_constant(part), many, time.clone()])?;
        self.back(moved, &time)
    }

    /// A wall clock as a time of the type it came from.
    fn back(&mut self, moved: Typed, time: &Typed) -> Fallible<Typed> {
        match time.kind {
            Type::Tz(scale) => {
                let typed = self.scalar_by_name("$RETZ", vec![moved, time.clone()])?;
                Ok(Typed { kind: Type::Tz(scale), ..typed })
            }
            kind => self.converted(moved, kind, false),
        }
    }

    pub(super) fn date_part(&mut self, part: &str, time: Typed) -> Fallible<Typed> {
        let epoch = matches!(
            scalar::part(part)?,
            Part::EpochSecond | Part::EpochMillisecond | Part::EpochMicrosecond | Part::EpochNanosecond
        );
        let mut time = self.moment(time)?;
        if epoch && matches!(time.kind, Type::Ltz(_) | Type::Tz(_)) {
            // What counts is the instant, not what a clock shows.
            time = self.converted(time, Type::Ltz(9), false)?;
            time.kind = Type::Ntz(9);
        }
        self.scalar_by_name("$DATE_PART", vec![text_constant(part), time])
    }

    /// `time + INTERVAL '1 day, 2 hours'`.
    pub(super) fn interval(
        &mut self,
        time: Typed,
        op: &BinaryOperator,
        interval: &Interval,
        source: &Source<'_>,
    ) -> Fallible<Typed> {
        let sign = match op {
            BinaryOperator::Plus => "",
            BinaryOperator::Minus => "-",
            other => return Err(fail::beyond(&format!("INTERVAL behind {other}"))),
        };
        let value = self.expr(&interval.value, source)?;
        let Val::Text(text) = self.constant(&value)? else { return Err(fail::beyond("INTERVAL of a number")) };
        let text = match &interval.leading_field {
            Some(field) => format!("{text} {field}"),
            None => text,
        };
        let mut time = time;
        for piece in text.split(',') {
            let mut words = piece.split_whitespace();
            let many: Option<i64> = words.next().and_then(|many| many.parse().ok());
            let part = words.next().unwrap_or("second");
            let Some(many) = many.filter(|_| words.next().is_none()) else {
                let text = format!("SQL compilation error:\nInvalid interval '{text}'.");
                return Err(fail::error("001008", "22023", text));
            };
            time = self.date_add(part, Typed::constant(format!("({sign}({many}))"), INTEGER), time)?;
        }
        Ok(time)
    }

    fn convert_timezone(&mut self, mut args: Vec<Typed>) -> Fallible<Typed> {
        let (Some(time), Some(to)) = (args.pop(), args.pop()) else { return Err(arity("CONVERT_TIMEZONE", 2, 0)) };
        let zone = |c: &mut Self, typed: &Typed| {
            let Val::Text(name) = c.constant(typed)? else { return Err(fail::nowhere()) };
            let zone = jiff::tz::TimeZone::get(&name);
            zone.map(|_| name.clone())
                .map_err(|_| fail::error("100097", "22023", format!("Unknown timezone: '{name}'")))
        };
        let to = zone(self, &to)?;
        let from = args.pop().map(|from| zone(self, &from)).transpose()?;
        let time = self.moment(time)?;
        match from {
            // From a wall clock to a wall clock.
            Some(from) => {
                let local = self.converted(time, Type::Ntz(9), false)?;
                let sql = format!("f_zone({}, {}, {})", local.sql, literal(&from), literal(&to));
                Ok(Typed { sql, kind: Type::Ntz(9), ..local })
            }
            None => {
                let instant = self.converted(time, Type::Ltz(9), false)?;
                let sql = format!("f_zone({}, '', {})", instant.sql, literal(&to));
                Ok(Typed { sql, kind: Type::Tz(9), ..instant })
            }
        }
    }

    // --- conversions ---------------------------------------------------------------------------------------------------------------------

    /// `TO_X` and `TRY_TO_X`.
    fn conversion(&mut self, name: &str, args: Vec<Typed>) -> Fallible<Option<Typed>> {
        let Some((to, quietly)) = conversion_target(name) else { return Ok(None) };
        let mut args = args.into_iter();
        let Some(value) = args.next() else { return Err(arity(name, 1, 0)) };
        let rest: Vec<Typed> = args.collect();
        if quietly && !matches!(value.kind, Type::Text(_) | Type::Null) {
            return Err(wrong_types(name, &[value.kind]));
        }
        if let (Type::Fixed { .. }, digits) = (to, rest.as_slice())
            && !digits.is_empty()
        {
            let number = |at: usize| digits.get(at).and_then(|digit| digit.sql.parse::<u8>().ok());
            let (Some(precision), scale) = (number(0), number(1).unwrap_or(0)) else {
                return Err(fail::beyond(&format!("formats in {name}")));
            };
            return self
                .cast(value, Type::Fixed { precision: precision.min(38), scale: scale.min(37) }, quietly)
                .map(Some);
        }
        let is_time = matches!(to, Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_));
        match (is_time, value.kind, rest.into_iter().next()) {
            (true, Type::Text(_) | Type::Null, Some(format)) => {
                let quiet = Typed::constant(i64::from(quietly).to_string(), Type::Boolean);
                let format = self.converted(format, TEXT, false)?;
                let read = self.scalar_by_name("$READ", vec![value, format, quiet])?;
                self.converted(read, to, false).map(Some)
            }
            (true, Type::Fixed { .. }, Some(scale)) => {
                // A number of parts of a second.
                let sql = format!("f_epoch({}, {})", value.sql, scale.sql);
                let at = Typed::of(sql, Type::Ntz(9), [&value, &scale]);
                self.converted(at, to, false).map(Some)
            }
            (false, kind, Some(format)) if matches!(to, Type::Text(_)) && time_like(kind) => {
                self.formatted(value, format).map(Some)
            }
            (false, Type::Text(_), Some(_)) => Err(fail::beyond(&format!("formats in {name}"))),
            (_, _, Some(_)) => Err(fail::beyond(&format!("formats in {name}"))),
            (_, _, None) => self.cast(value, to, quietly).map(Some),
        }
    }

    /// A time in a format.
    fn formatted(&mut self, time: Typed, format: Typed) -> Fallible<Typed> {
        let format = self.converted(format, TEXT, false)?;
        let offset = match time.kind {
            Type::Tz(_) => format!("{}({})", engine_name("$OFFSET"), time.sql),
            Type::Ltz(_) => {
                let tz = self.converted(time.clone(), Type::Tz(9), false)?;
                format!("{}({})", engine_name("$OFFSET"), tz.sql)
            }
            _ => "0".to_owned(),
        };
        let local = match time.kind {
            Type::Time(_) => time.clone(),
            _ => self.converted(time.clone(), Type::Ntz(9), false)?,
        };
        let sql = format!("{}({}, {offset}, {})", engine_name("$FORMAT"), local.sql, format.sql);
        Ok(Typed::of(sql, TEXT, [&time, &format]))
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

fn taken_if_conversion(name: &str, args: &mut Vec<Typed>) -> Vec<Typed> {
    if conversion_target(name).is_some() { std::mem::take(args) } else { Vec::new() }
}

fn time_like(kind: Type) -> bool {
    matches!(kind, Type::Date | Type::Time(_) | Type::Ntz(_) | Type::Ltz(_) | Type::Tz(_))
}

/// The type that a conversion function makes, and whether it is NULL where it fails.
fn conversion_target(name: &str) -> Option<(Type, bool)> {
    let (name, quietly) = match name.strip_prefix("TRY_") {
        Some(rest) => (rest, true),
        None => (name, false),
    };
    let to = match name {
        "TO_NUMBER" => INTEGER,
        "TO_DOUBLE" | "AS_DOUBLE" => Type::Real,
        "TO_VARCHAR" | "AS_VARCHAR" => TEXT,
        "TO_BOOLEAN" | "AS_BOOLEAN" => Type::Boolean,
        "TO_DATE" | "DATE" | "AS_DATE" => Type::Date,
        "TO_TIME" | "TIME" => Type::Time(9),
        "TO_TIMESTAMP_NTZ" => Type::Ntz(9),
        "TO_TIMESTAMP_LTZ" => Type::Ltz(9),
        "TO_TIMESTAMP_TZ" => Type::Tz(9),
        "TO_BINARY" => Type::Binary,
        "AS_INTEGER" => INTEGER,
        _ => return None,
    };
    Some((to, quietly))
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

/// A part of a date, as a word or as a text.
fn word(expr: &Expr) -> Fallible<String> {
    match expr {
        Expr::Identifier(ident) => Ok(ident.value.clone()),
        Expr::Value(value) => value.value.clone().into_string().ok_or_else(|| not_a_part(expr)),
        _ => Err(not_a_part(expr)),
    }
}

fn not_a_part(expr: &Expr) -> SqlError {
    let (line, position) = super::compile::place(expr.span());
    let text = format!(
        "SQL compilation error: error line {line} at position {position}\n'{expr}' is not a valid date/time component"
    );
    fail::error("001008", "22023", text)
}

fn plain(arg: &FunctionArg) -> Fallible<&Expr> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Ok(expr),
        _ => Err(fail::beyond("named arguments of scalar functions")),
    }
}

fn take_exactly<const N: usize>(name: &str, args: Vec<Typed>) -> Fallible<[Typed; N]> {
    <[Typed; N]>::try_from(args).map_err(|args| arity(name, N, args.len()))
}

pub(super) fn arity(name: &str, wanted: usize, got: usize) -> SqlError {
    let what = if got < wanted { "not enough" } else { "too many" };
    let text = format!("SQL compilation error:\n{what} arguments for function [{name}], expected {wanted}, got {got}");
    fail::error(if got < wanted { "000938" } else { "000939" }, "22023", text)
}
