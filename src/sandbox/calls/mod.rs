//! What was asked of the embedded clouds: every call of both, in order. No bodies and no secrets: statements stand without their literals.

mod log;
mod statement;

use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use log::{Log, clear, read};
pub use statement::{about, without_literals};

/// One of the two clouds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cloud {
    /// Amazon Web Services.
    Aws,
    /// Snowflake.
    Snowflake,
}

/// Who Snowflake's own side is, where it calls AWS.
pub const SNOWFLAKE: &str = "snowflake";

/// One call, as it reached a cloud.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The cloud.
    pub cloud: Cloud,
    /// Who calls: an ARN, `USER/ROLE`, or [`SNOWFLAKE`].
    pub who: String,
    /// AWS's service; in Snowflake `sql` for what is about a statement, `session` for what is about a session, `storage` for parts of results.
    pub service: String,
    /// AWS's name of the operation; the class of a statement, such as `CREATE STAGE`; or `login`, `renew`, `result` and so on.
    pub operation: String,
    /// What it is about, if that can be told: a bucket and key, the name of a role, the full name of an object.
    pub resource: String,
    /// The region it was signed for; empty in Snowflake.
    pub region: String,
    /// Whether it changes something.
    pub mutating: bool,
    /// The HTTP method; empty for calls that need no request.
    pub method: String,
    /// The path of the request, without its query; empty for calls that need no request.
    pub path: String,
    /// The statement, as it was written.
    pub statement: Option<String>,
}

impl Call {
    /// A call to AWS.
    pub fn aws(service: &str, operation: &str) -> Self {
        Self {
            cloud: Cloud::Aws,
            who: String::new(),
            service: service.to_owned(),
            operation: operation.to_owned(),
            resource: String::new(),
            region: String::new(),
            mutating: false,
            method: String::new(),
            path: String::new(),
            statement: None,
        }
    }

    /// A request to Snowflake that is about no statement.
    pub fn snowflake(service: &str, operation: &str) -> Self {
        Self { cloud: Cloud::Snowflake, ..Self::aws(service, operation) }
    }

    /// A statement.
    pub fn statement(sql: &str) -> Self {
        let (operation, resource) = about(sql);
        let mutating = statement::changes(&operation);
        Self { resource, mutating, statement: Some(sql.to_owned()), ..Self::snowflake("sql", &operation) }
    }

    /// Whether it is about a `SHOW`: the statement, or its result.
    pub fn is_show(&self) -> bool {
        self.statement.as_deref().is_some_and(|sql| about(sql).0.starts_with("SHOW"))
    }

    /// Whether a statement is to be run.
    pub fn runs(&self) -> bool {
        self.service == "sql" && !["result", "abort", "monitor"].contains(&self.operation.as_str())
    }
}

/// How a call ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// HTTP status; 0 if no answer came back.
    pub status: u16,
    /// The cloud's code, if it refused; `running` if the statement still runs; for a lost answer, how it was lost.
    pub code: String,
}

impl Outcome {
    /// An answer with a status, and a code if it is a refusal.
    pub fn new(status: u16, code: impl Into<String>) -> Self {
        Self { status, code: code.into() }
    }

    /// No answer.
    pub fn lost(how: &str) -> Self {
        Self::new(0, how)
    }
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts the calls of a sandbox, from 1, in the order they came in.
    pub seq: u64,
    /// When it came in, in milliseconds of the sandbox's clock since the epoch.
    pub at_ms: i64,
    /// The cloud.
    pub cloud: Cloud,
    /// Who called.
    pub who: String,
    /// The service.
    pub service: String,
    /// The operation.
    pub operation: String,
    /// What it was about.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub resource: String,
    /// The statement, without its literals.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
    /// The region.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub region: String,
    /// Whether it changes something.
    pub mutating: bool,
    /// HTTP status; 0 if no answer came back.
    pub status: u16,
    /// The cloud's code, if it refused.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub code: String,
    /// The faults that happened to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How long it took on the machine's clock, in milliseconds.
    pub took_ms: f64,
}

impl Entry {
    /// The line of a call.
    pub(super) fn new(
        seq: u64,
        at_ms: i64,
        call: &Call,
        outcome: Outcome,
        fault: Option<String>,
        took: Duration,
    ) -> Self {
        let Call { cloud, who, service, operation, resource, region, mutating, statement, .. } = call.clone();
        Self {
            seq,
            at_ms,
            cloud,
            who,
            service,
            operation,
            resource,
            statement: statement.as_deref().map(without_literals),
            region,
            mutating,
            status: outcome.status,
            code: outcome.code,
            fault,
            took_ms: (took.as_secs_f64() * 1e6).round() / 1000.0,
        }
    }
}
