//! An account in the process, to try statements in.

use std::sync::Arc;

use futures::executor::block_on;

use crate::cloud::Rows;
use crate::model::{Act, Op};
use crate::sandbox::door::{Assumed, Door, Fut, ObjectInfo, Refusal};
use crate::sandbox::snowflake::Simulator;
use crate::sandbox::snowflake::answer::{Engine as _, SessionState};

/// AWS with one region, where every role can be assumed and every bucket is empty.
struct Empty;

impl Door for Empty {
    fn assume<'a>(&'a self, principal: &'a str, role_arn: &'a str, _: &'a str) -> Fut<'a, Result<Assumed, Refusal>> {
        let assumed = Assumed { session_arn: principal.into(), role_arn: role_arn.into() };
        Box::pin(async { Ok(assumed) })
    }
    fn list<'a>(&'a self, _: &'a Assumed, _: &'a str, _: &'a str) -> Fut<'a, Result<Vec<ObjectInfo>, Refusal>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn get<'a>(&'a self, _: &'a Assumed, _: &'a str, _: &'a str) -> Fut<'a, Result<Vec<u8>, Refusal>> {
        Box::pin(async { Ok(Vec::new()) })
    }
    fn put<'a>(&'a self, _: &'a Assumed, _: &'a str, _: &'a str, _: Vec<u8>) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
    fn delete<'a>(&'a self, _: &'a Assumed, _: &'a str, _: &'a str) -> Fut<'a, Result<(), Refusal>> {
        Box::pin(async { Ok(()) })
    }
    fn bucket_region<'a>(&'a self, _: &'a str) -> Fut<'a, Option<String>> {
        Box::pin(async { Some("us-east-1".to_owned()) })
    }
    fn register_principal<'a>(&'a self, _: &'a str) -> Fut<'a, ()> {
        Box::pin(async {})
    }
}

/// A fresh account with the database D, the schema D.S, two warehouses and two integrations.
pub(crate) struct Account {
    simulator: Simulator,
    session: SessionState,
}

impl Account {
    pub(crate) fn fresh() -> Self {
        let session = SessionState { user: "U".into(), role: "ACCOUNTADMIN".into(), ..SessionState::default() };
        let mut account = Self { simulator: Simulator::in_memory(Arc::new(Empty)), session };
        for sql in [
            "CREATE DATABASE D",
            "CREATE SCHEMA D.S",
            "CREATE WAREHOUSE W INITIALLY_SUSPENDED = TRUE",
            "CREATE TABLE D.S.T (A INT)",
            "CREATE FILE FORMAT D.S.F TYPE = JSON",
            "CREATE STAGE D.S.ST URL = 's3://abc/st/' DIRECTORY = (ENABLE = TRUE REFRESH_ON_CREATE = FALSE)",
            "CREATE STREAM D.S.STR ON STAGE D.S.ST",
        ] {
            account.sql(sql);
        }
        for name in ["I", "J"] {
            account.sql(&format!(
                "CREATE STORAGE INTEGRATION {name} TYPE = EXTERNAL_STAGE STORAGE_PROVIDER = 'S3' ENABLED = TRUE \
                 STORAGE_AWS_ROLE_ARN = 'arn:aws:iam::111122223333:role/r' STORAGE_ALLOWED_LOCATIONS = ('*')"
            ));
        }
        account
    }

    pub(crate) fn sql(&mut self, sql: &str) -> Rows {
        let answer = block_on(self.simulator.run(&mut self.session, sql, "q"));
        let answer = answer.unwrap_or_else(|error| panic!("{sql}\n{} {}", error.code, error.message));
        let columns = answer.columns.into_iter().map(|column| column.name).collect();
        Rows { columns, cells: answer.rows, query_id: "q".into() }
    }

    pub(crate) fn run<'a>(&mut self, ops: impl IntoIterator<Item = &'a Op>) {
        for op in ops {
            let Act::Sql(text) = &op.act else { panic!("not a statement") };
            self.sql(&text.to_string());
        }
    }
}
