//! The clouds of a directory, wherever they are open: in this process, or in another one that serves them.

use std::io;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::fault::Plan;
use super::flow::Report;
use super::serve::control::Remote;
use super::snowflake::answer::{ResultSet, SqlError};
use super::{Embedded, Serving};

/// The clouds of a directory.
pub enum Reach {
    /// Open in this process.
    Here(Box<Embedded>),
    /// Served by another process.
    There(Remote),
}

/// What a statement answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rows {
    /// Names of columns.
    pub columns: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<Option<String>>>,
}

impl From<ResultSet> for Rows {
    fn from(set: ResultSet) -> Self {
        Self { columns: set.columns.into_iter().map(|column| column.name).collect(), rows: set.rows }
    }
}

impl Reach {
    /// Finds who serves the directory, or opens it.
    ///
    /// # Errors
    /// Nobody serves it, and it cannot be opened.
    pub async fn find(dir: &Path) -> io::Result<Self> {
        if let Some(serving) = Serving::read(dir)
            && let Some(remote) = Remote::find(serving).await
        {
            return Ok(Self::There(remote));
        }
        Embedded::open(dir).map(|embedded| Self::Here(Box::new(embedded)))
    }

    /// What is to go wrong from now on; nothing if another process serves the clouds, which is left alone.
    pub fn set_faults(&self, plan: Plan) -> Option<()> {
        match self {
            Self::Here(clouds) => {
                clouds.set_faults(plan);
                Some(())
            }
            Self::There(_) => None,
        }
    }

    /// Runs one statement as a role.
    ///
    /// # Errors
    /// What Snowflake would refuse, as text.
    pub async fn sql(&self, statement: &str, role: &str) -> Result<Rows, String> {
        match self {
            Self::Here(clouds) => clouds.sql(statement, role).await.map(Rows::from).map_err(|error| told(&error)),
            Self::There(remote) => remote.sql(statement, role).await,
        }
    }

    /// Puts an object into a bucket, as the owner of the account.
    ///
    /// # Errors
    /// What S3 would refuse, as text.
    pub async fn put(&self, bucket: &str, key: &str, body: Vec<u8>) -> Result<(), String> {
        match self {
            Self::Here(clouds) => clouds.put(bucket, key, body.into()).await,
            Self::There(remote) => remote.put(bucket, key, body).await,
        }
    }

    /// Lets time pass, and tells what happened, a line for each thing.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn tick(&self, by: Duration) -> Result<Vec<String>, String> {
        match self {
            Self::Here(clouds) => clouds.tick(by).await.map(|report| lines(&report)).map_err(|error| error.to_string()),
            Self::There(remote) => remote.tick(by).await,
        }
    }
}

/// What happened by itself, a line for each thing.
pub fn lines(report: &Report) -> Vec<String> {
    let count = |count: usize, what: &str| (count > 0).then(|| format!("{what}: {count}"));
    let files = report.files.iter().map(|file| match file.message.as_str() {
        "" => format!("stage {}: {} {}", file.stage, file.file, file.status),
        message => format!("stage {}: {} {}: {message}", file.stage, file.file, file.status),
    });
    let runs = report.runs.iter().map(|run| match &run.error {
        None => format!("task {}: {} ({})", run.task, run.state, run.scheduled_from),
        Some((code, message)) => {
            format!("task {}: {} ({}): {code}: {message}", run.task, run.state, run.scheduled_from)
        }
    });
    let carried = count(report.messages, "messages of S3 carried to Snowflake");
    let lost = count(report.undeliverable, "messages of S3 that nobody takes");
    carried.into_iter().chain(lost).chain(files).chain(runs).collect()
}

/// A refusal of Snowflake's as text.
pub(super) fn told(error: &SqlError) -> String {
    format!("{} ({}): {}", error.code, error.sql_state, error.message)
}
