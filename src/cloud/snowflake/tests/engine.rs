//! A tiny engine: counts, remembers, waits.

use std::pin::Pin;
use std::sync::Mutex;
use std::time::Duration;

use crate::sandbox::snowflake::answer::{Column, Engine, ResultSet, SessionState, SqlError};

/// `SHOW ROWS <n>` gives n rows, `CREATE …` is remembered, `CALL sleep` never ends, `SELECT fail` is refused.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) ran: Mutex<Vec<String>>,
    pub(super) sessions: Mutex<Vec<SessionState>>,
}

impl Fake {
    pub(super) fn times(&self, sql: &str) -> usize {
        self.ran.lock().unwrap().iter().filter(|ran| ran.starts_with(sql)).count()
    }
}

fn rows(names: &[&str], rows: Vec<Vec<Option<String>>>, statement_type: u32) -> ResultSet {
    let columns = names.iter().map(|name| Column::new(*name, "text")).collect();
    ResultSet { columns, rows, statement_type }
}

impl Engine for Fake {
    fn run<'a>(
        &'a self,
        session: &'a mut SessionState,
        sql: &'a str,
        _query_id: &'a str,
    ) -> Pin<Box<dyn Future<Output = Result<ResultSet, SqlError>> + Send + 'a>> {
        Box::pin(async move {
            self.ran.lock().unwrap().push(sql.to_owned());
            self.sessions.lock().unwrap().push(session.clone());
            let text = |text: &str| Some(text.to_owned());
            if let Some(count) = sql.strip_prefix("SHOW ROWS ") {
                let count: usize = count.parse().unwrap();
                let all = (0..count).map(|n| vec![Some(format!("row {n}")), None]).collect();
                return Ok(rows(&["name", "comment"], all, 0x4400));
            }
            if let Some(role) = sql.strip_prefix("USE ROLE ") {
                role.clone_into(&mut session.role);
            }
            if sql == "CALL sleep" {
                tokio::time::sleep(Duration::from_mins(1)).await;
            }
            if let Some(rest) = sql.strip_prefix("SELECT fail ") {
                let message = format!("SQL compilation error:\nsyntax error line 1 at position 7 unexpected {rest}.");
                return Err(SqlError { code: "001003", sql_state: "42000", message });
            }
            if sql.starts_with("DESC STAGE") {
                let message = "SQL compilation error:\nStage 'A.B.C' does not exist or not authorized.".to_owned();
                return Err(SqlError { code: "002003", sql_state: "02000", message });
            }
            if sql.contains("CURRENT_ORGANIZATION_NAME()") {
                let names =
                    ["organization", "account", "locator", "region", "user", "role", "accountadmin", "securityadmin"];
                let admin = text(if session.role == "ACCOUNTADMIN" { "true" } else { "false" });
                let cells = vec![
                    text("MYORG"),
                    text("MYACCT"),
                    text("XY12345"),
                    text("AWS_US_EAST_1"),
                    text(&session.user),
                    text(&session.role),
                    admin.clone(),
                    admin,
                ];
                return Ok(rows(&names, vec![cells], 0x1000));
            }
            if sql.starts_with("SHOW GRANTS TO ROLE") {
                let privilege = text(if sql.contains("\"DEPLOY\"") { "MANAGE GRANTS" } else { "CREATE DATABASE" });
                let names = ["created_on", "privilege", "granted_on", "name"];
                return Ok(rows(&names, vec![vec![None, privilege, text("ACCOUNT"), text("MYACCT")]], 0x4400));
            }
            Ok(ResultSet::status("Statement executed successfully."))
        })
    }

    fn role_granted(&self, _: &str, role: &str) -> bool {
        matches!(role, "ACCOUNTADMIN" | "DEPLOY" | "PLAIN" | "mixed Case")
    }
}
