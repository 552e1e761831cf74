//! What a statement answers, before it becomes JSON on the wire.

use std::future::Future;
use std::pin::Pin;

use crate::sandbox::clock::Clock;

/// A result set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultSet {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its cells in the wire's encoding: every cell is a text or NULL.
    pub rows: Vec<Vec<Option<String>>>,
    /// The kind of statement, as the protocol numbers them: 0x1000 SELECT, 0x3000 DML, 0x4000 system command (0x4400 SHOW, 0x4500
    /// DESCRIBE, 0x4701 LIST, 0x4300 USE, 0x4100 ALTER SESSION), 0x6000 DDL, 0x9000 CALL.
    pub statement_type: u32,
}

/// A column of a result set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name; lower case for SHOW and DESC.
    pub name: String,
    /// The wire's type in lower case: `text`, `fixed`, `boolean`, `timestamp_ltz`, `variant`.
    pub kind: &'static str,
    /// Characters of a text, bytes of a binary.
    pub length: Option<u64>,
    /// Digits of a number.
    pub precision: Option<u32>,
    /// Digits after the point: of a number, or of the seconds of a time. Cells must have just as many: clients cut by it.
    pub scale: Option<u32>,
    /// Whether it may hold NULL.
    pub nullable: bool,
}

impl Column {
    /// A column of the greatest size its type has; times in milliseconds, as SHOW tells them.
    pub fn new(name: impl Into<String>, kind: &'static str) -> Self {
        let (length, precision, scale) = match kind {
            "fixed" => (None, Some(38), Some(0)),
            "text" => (Some(16_777_216), None, None),
            "binary" => (Some(8_388_608), None, None),
            "timestamp_ltz" | "timestamp_ntz" | "timestamp_tz" | "time" => (None, Some(0), Some(3)),
            _ => (None, None, None),
        };
        Self { name: name.into(), kind, length, precision, scale, nullable: true }
    }

    /// The same, with so many digits and so many of them after the point.
    #[must_use]
    pub fn digits(mut self, precision: u32, scale: u32) -> Self {
        (self.precision, self.scale) = (Some(precision), Some(scale));
        self
    }
}

/// The type of an answer for several statements at once.
pub const SEVERAL: u32 = 0xA000;

impl ResultSet {
    /// The answer for several statements, each of which has an answer of its own.
    pub fn several() -> Self {
        let columns = vec![Column { nullable: false, ..Column::new("multiple statement execution", "text") }];
        let rows = vec![vec![Some("Multiple statements executed successfully.".to_owned())]];
        Self { columns, rows, statement_type: SEVERAL }
    }

    /// About what its rows take in memory.
    pub fn size(&self) -> usize {
        let cell = |cell: &Option<String>| size_of::<Option<String>>() + cell.as_ref().map_or(0, String::len);
        self.rows.iter().flatten().map(cell).sum()
    }

    /// The answer of a DDL statement: one row with the column `status`.
    pub fn status(text: impl Into<String>) -> Self {
        Self {
            columns: vec![Column::new("status", "text")],
            rows: vec![vec![Some(text.into())]],
            statement_type: 0x6000,
        }
    }
}

/// A refusal, with Snowflake's code and SQL state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// Six digits, such as `002003`.
    pub code: &'static str,
    /// Such as `02000`.
    pub sql_state: &'static str,
    /// What Snowflake says.
    pub message: String,
}

/// What one client session has set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionState {
    /// Its number, which tells sessions apart; 0 outside of any.
    pub id: u64,
    /// The user.
    pub user: String,
    /// Current role, as stored.
    pub role: String,
    /// Current warehouse, as stored.
    pub warehouse: Option<String>,
    /// Current database, as stored.
    pub database: Option<String>,
    /// Current schema, as stored.
    pub schema: Option<String>,
    /// Session parameters that differ from their defaults, upper case.
    pub parameters: std::collections::BTreeMap<String, String>,
    /// The run of a task that it is for.
    pub task: Option<Box<super::InTask>>,
}

/// What runs statements; the wire protocol stands in front of it.
pub trait Engine: Send + Sync {
    /// Runs one statement in a session. `query_id` is the ID the wire gave the statement.
    fn run<'a>(
        &'a self,
        session: &'a mut SessionState,
        sql: &'a str,
        query_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<ResultSet, SqlError>> + Send + 'a>>;

    /// Whether a role exists and is a user's to take, for logins.
    fn role_granted(&self, user: &str, role: &str) -> bool;

    /// What a session that begins asks to work in and cannot, because it is not there or not for its role: the session forgets it.
    /// Gives what kinds of objects these are.
    fn begin(&self, session: &mut SessionState) -> Vec<&'static str> {
        let _ = session;
        Vec::new()
    }

    /// What one statement would answer, without its rows and without running it.
    fn describe(&self, session: &SessionState, sql: &str, query_id: &str) -> Result<ResultSet, SqlError> {
        let _ = (session, sql, query_id);
        let message = "Unsupported feature 'describing a statement without running it'.".to_owned();
        Err(SqlError { code: "000002", sql_state: "0A000", message })
    }

    /// The time, in milliseconds since the epoch.
    fn now_ms(&self) -> i64 {
        Clock::default().now_ms()
    }
}
