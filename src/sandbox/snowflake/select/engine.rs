//! The engine: an `SQLite` in memory that lives as long as one statement, with limits on what a statement may cost.
//!
//! Nobody's text gets here: what it runs was written by the compiler, and an authorizer lets through nothing but reading, and calls of
//! functions that are known.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use rusqlite::functions::FunctionFlags;
use rusqlite::hooks::{AuthAction, AuthContext, Authorization};
use rusqlite::limits::Limit;
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};

use super::convert::{Env, convert, offset_at, to_instant};
use super::scalar;
use super::types::Type;
use crate::sandbox::snowflake::answer::SqlError;
use crate::sandbox::snowflake::fail::{self, Fallible};

/// How many instructions of its virtual machine a statement may take.
const MOST_STEPS: u32 = 50_000_000;
/// And how long: the account is locked meanwhile.
const LONGEST: Duration = Duration::from_secs(10);
const STEPS_AT_A_TIME: u32 = 10_000;
/// How many cells a result may have.
const MOST_CELLS: usize = 5_000_000;

/// Functions of `SQLite` itself that compiled queries call.
const BUILT_IN: [&str; 29] = [
    "coalesce",
    "count",
    "sum",
    "total",
    "avg",
    "min",
    "max",
    "json_group_array",
    "json_each",
    "json_extract",
    "json",
    "row_number",
    "rank",
    "dense_rank",
    "percent_rank",
    "cume_dist",
    "ntile",
    "lag",
    "lead",
    "first_value",
    "last_value",
    "nth_value",
    "nullif",
    "iif",
    "ifnull",
    "typeof",
    "json_array",
    "abs",
    "like",
];

/// The engine of one statement.
pub(super) struct Engine {
    connection: Connection,
    env: Env,
    /// Why a function refused: `SQLite` passes on no more than a text.
    refusal: Arc<Mutex<Option<SqlError>>>,
    tables: usize,
}

fn name_of(function: &str) -> String {
    format!("f_{}", function.to_lowercase().replace('$', "x_"))
}

/// The name under which the engine knows a function.
pub(super) fn engine_name(function: &str) -> String {
    name_of(function)
}

impl Engine {
    pub(super) fn new(env: Env) -> Fallible<Self> {
        let connection = Connection::open_in_memory().map_err(|error| broken(&error))?;
        let engine = Self { connection, env, refusal: Arc::default(), tables: 0 };
        engine.prepare().map_err(|error| broken(&error))?;
        Ok(engine)
    }

    pub(super) fn env(&self) -> &Env {
        &self.env
    }

    fn prepare(&self) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.set_limit(Limit::SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024)?;
        connection.set_limit(Limit::SQLITE_LIMIT_SQL_LENGTH, 32 * 1024 * 1024)?;
        connection.set_limit(Limit::SQLITE_LIMIT_ATTACHED, 0)?;
        connection.set_limit(Limit::SQLITE_LIMIT_TRIGGER_DEPTH, 0)?;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DIRECTONLY;
        for function in scalar::all() {
            let (env, refusal) = (self.env.clone(), Arc::clone(&self.refusal));
            connection.create_scalar_function(name_of(function.name).as_str(), -1, flags, move |ctx| {
                let args = (0..ctx.len()).map(|at| ctx.get::<Value>(at)).collect::<rusqlite::Result<Vec<_>>>()?;
                if function.strict && args.contains(&Value::Null) {
                    return Ok(Value::Null);
                }
                (function.run)(&env, &args).map_err(|error| told(&refusal, error))
            })?;
        }
        // The value, the types from and to, and whether what cannot be cast is NULL.
        let (env, refusal) = (self.env.clone(), Arc::clone(&self.refusal));
        connection.create_scalar_function("f_cast", 4, flags | FunctionFlags::SQLITE_DETERMINISTIC, move |ctx| {
            let value = ctx.get::<Value>(0)?;
            if value == Value::Null {
                return Ok(value);
            }
            let type_at = |at: usize| {
                let kind = ctx.get::<String>(at)?;
                Type::of_kind(&kind).map_err(|error| told(&refusal, error))
            };
            let (from, to) = (type_at(1)?, type_at(2)?);
            match convert(&env, value, from, to) {
                Ok(value) => Ok(value),
                Err(_) if ctx.get::<bool>(3)? => Ok(Value::Null),
                Err(error) => Err(told(&refusal, error)),
            }
        })?;
        // A wall clock of one zone as that of another; or an instant as a time of a zone.
        let refusal = Arc::clone(&self.refusal);
        connection.create_scalar_function("f_zone", 3, flags, move |ctx| {
            let (at, from, to) = (ctx.get::<Value>(0)?, ctx.get::<String>(1)?, ctx.get::<String>(2)?);
            let Value::Integer(at) = at else { return Ok(Value::Null) };
            let zone = |name: &str| {
                let found = TimeZone::get(name)
                    .map_err(|_| fail::error("100097", "22023", format!("Unknown timezone: '{name}'")));
                found.map(|zone| Env { zone, now: 0, sequence: Arc::default() }).map_err(|error| told(&refusal, error))
            };
            let to = zone(&to)?;
            if from.is_empty() {
                return Ok(Value::Text(format!("{at} {}", offset_at(&to, at) + 1440)));
            }
            let instant = to_instant(&zone(&from)?, at);
            Ok(Value::Integer(instant + offset_at(&to, instant) * 60_000_000))
        })?;
        // A number of 10^-scale seconds as a time.
        connection.create_scalar_function("f_epoch", 2, flags, move |ctx| {
            let (Value::Integer(number), Value::Integer(scale)) = (ctx.get::<Value>(0)?, ctx.get::<Value>(1)?) else {
                return Ok(Value::Null);
            };
            let power = |by: i64| 10_i64.pow(u32::try_from(by.clamp(0, 9)).unwrap_or(0));
            Ok(Value::Integer(if scale <= 6 {
                number.saturating_mul(power(6 - scale))
            } else {
                number / power(scale - 6)
            }))
        })?;
        // More than one row where there may be one.
        let refusal = Arc::clone(&self.refusal);
        connection.create_scalar_function("f_x_one", 0, flags, move |_| -> rusqlite::Result<Value> {
            let text = "Single-row subquery returns more than one row.";
            Err(told(&refusal, fail::error("090150", "22000", text)))
        })?;
        Ok(())
    }

    /// Puts rows into a table of their own and gives its name.
    pub(super) fn load(&mut self, types: &[Type], rows: &[Vec<Option<String>>]) -> Fallible<String> {
        self.tables += 1;
        let name = format!("t{}", self.tables);
        let columns = (0..types.len().max(1)).map(|at| format!("c{at}")).collect::<Vec<_>>().join(", ");
        self.connection.execute_batch(&format!("CREATE TABLE {name} ({columns})")).map_err(|error| broken(&error))?;
        let marks = vec!["?"; types.len().max(1)].join(", ");
        let loading = self.connection.unchecked_transaction().map_err(|error| broken(&error))?;
        {
            let sql = format!("INSERT INTO {name} VALUES ({marks})");
            let mut insert = loading.prepare(&sql).map_err(|error| broken(&error))?;
            for row in rows {
                let mut values = Vec::with_capacity(types.len().max(1));
                for (at, kind) in types.iter().enumerate() {
                    values.push(match row.get(at).and_then(Option::as_ref) {
                        Some(cell) => kind.load(cell)?,
                        None => Value::Null,
                    });
                }
                if types.is_empty() {
                    values.push(Value::Null);
                }
                insert.execute(params_from_iter(values)).map_err(|error| broken(&error))?;
            }
        }
        loading.commit().map_err(|error| broken(&error))?;
        Ok(name)
    }

    /// Runs a compiled query; its columns are of these types.
    pub(super) fn run(&mut self, sql: &str, types: &[Type]) -> Fallible<Vec<Vec<Option<String>>>> {
        let rows = self.values(sql, types.len())?;
        rows.into_iter()
            .map(|row| types.iter().zip(row).map(|(kind, value)| kind.cell(value)).collect::<Fallible<Vec<_>>>())
            .collect()
    }

    /// Runs a compiled query.
    pub(super) fn values(&mut self, sql: &str, columns: usize) -> Fallible<Vec<Vec<Value>>> {
        let (mut steps, began) = (0_u32, Instant::now());
        let watch = move || {
            steps += STEPS_AT_A_TIME;
            steps > MOST_STEPS || began.elapsed() > LONGEST
        };
        self.guard(true)?;
        #[expect(clippy::cast_possible_wrap, reason = "a small constant")]
        self.connection.progress_handler(STEPS_AT_A_TIME as i32, Some(watch)).map_err(|error| broken(&error))?;
        let rows = self.collect(sql, columns);
        self.guard(false)?;
        self.connection.progress_handler::<fn() -> bool>(0, None).map_err(|error| broken(&error))?;
        rows
    }

    fn collect(&self, sql: &str, columns: usize) -> Fallible<Vec<Vec<Value>>> {
        let failed = |error: rusqlite::Error| self.failure(&error);
        let mut statement = self.connection.prepare(sql).map_err(failed)?;
        if !statement.readonly() {
            return Err(fail::beyond("queries that write"));
        }
        let mut found = statement.query([]).map_err(failed)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(failed)? {
            if rows.len().saturating_mul(columns) > MOST_CELLS {
                return Err(fail::beyond(&format!("results of more than {MOST_CELLS} cells")));
            }
            let values = (0..columns).map(|at| row.get::<_, Value>(at)).collect::<rusqlite::Result<Vec<_>>>();
            rows.push(values.map_err(failed)?);
        }
        Ok(rows)
    }

    /// While a query runs, nothing but reading is authorised.
    #[expect(clippy::match_same_arms, reason = "what is allowed is said case by case")]
    fn guard(&mut self, on: bool) -> Fallible<()> {
        let check = |asked: AuthContext<'_>| match asked.action {
            AuthAction::Select | AuthAction::Recursive => Authorization::Allow,
            AuthAction::Read { table_name, .. } if !table_name.starts_with("sqlite_") => Authorization::Allow,
            AuthAction::Function { function_name } if is_known(function_name) => Authorization::Allow,
            // Table functions make themselves known as virtual tables.
            AuthAction::CreateVtable { module_name: "json_each", .. }
            | AuthAction::Update { table_name: "sqlite_master", .. } => Authorization::Allow,
            _ => Authorization::Deny,
        };
        let set = if on {
            self.connection.authorizer(Some(check))
        } else {
            self.connection.authorizer::<fn(AuthContext<'_>) -> Authorization>(None)
        };
        set.map_err(|error| broken(&error))
    }

    /// What a failure of `SQLite` means to the one who sent the query.
    fn failure(&self, error: &rusqlite::Error) -> SqlError {
        if let Some(refusal) = self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return refusal;
        }
        match error {
            rusqlite::Error::SqliteFailure(code, _) if code.code == rusqlite::ErrorCode::OperationInterrupted => {
                fail::error("000630", "57014", "Statement reached its statement or warehouse timeout and was canceled.")
            }
            rusqlite::Error::SqliteFailure(_, Some(text)) if text.contains("integer overflow") => {
                super::types::too_many_digits()
            }
            other => fail::beyond(&format!("this query ({other})")),
        }
    }
}

fn is_known(function: &str) -> bool {
    function.starts_with("f_") || BUILT_IN.contains(&function.to_lowercase().as_str())
}

/// Keeps the refusal where it can be found and stops `SQLite`.
fn told(slot: &Mutex<Option<SqlError>>, error: SqlError) -> rusqlite::Error {
    let text = error.message.clone();
    *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    rusqlite::Error::UserFunctionError(text.into())
}

fn broken(error: &rusqlite::Error) -> SqlError {
    fail::error("000603", "XX000", format!("The engine of the sandbox failed: {error}"))
}
