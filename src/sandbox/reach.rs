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
        let kinds: Vec<&str> = set.columns.iter().map(|column| column.kind).collect();
        let shown = |row: Vec<Option<String>>| {
            let cells = row.into_iter().zip(&kinds);
            cells.map(|(cell, kind)| cell.map(|cell| shown(kind, &cell).unwrap_or(cell))).collect()
        };
        let rows = set.rows.into_iter().map(shown).collect();
        Self { columns: set.columns.into_iter().map(|column| column.name).collect(), rows }
    }
}

/// A cell of the wire as people write it, where that is something else.
fn shown(kind: &str, cell: &str) -> Option<String> {
    let instant = |text: &str| {
        let (seconds, fraction) = text.split_once('.').unwrap_or((text, ""));
        let nanoseconds: i32 = format!("{fraction:0<9.9}").parse().ok()?;
        jiff::Timestamp::new(seconds.parse().ok()?, nanoseconds).ok()
    };
    Some(match kind {
        "boolean" => (cell == "1").to_string(),
        "timestamp_ltz" => instant(cell)?.strftime("%Y-%m-%d %H:%M:%S%.3f Z").to_string(),
        "timestamp_ntz" => instant(cell)?.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        "timestamp_tz" => {
            let (at, minutes) = cell.split_once(' ')?;
            let offset = jiff::tz::Offset::from_seconds((minutes.parse::<i32>().ok()? - 1440) * 60).ok()?;
            instant(at)?.to_zoned(jiff::tz::TimeZone::fixed(offset)).strftime("%Y-%m-%d %H:%M:%S%.3f %:z").to_string()
        }
        "date" => {
            let day =
                jiff::civil::date(1970, 1, 1).checked_add(jiff::Span::new().try_days(cell.parse::<i64>().ok()?).ok()?);
            day.ok()?.to_string()
        }
        _ => return None,
    })
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
    let loads = report.loads.iter().map(|load| match load.message.as_str() {
        "" => format!("pipe {}: {} {}", load.pipe, load.file, load.status),
        message => format!("pipe {}: {} {}: {message}", load.pipe, load.file, load.status),
    });
    let runs = report.runs.iter().map(|run| match &run.error {
        None => format!("task {}: {} ({})", run.task, run.state, run.scheduled_from),
        Some((code, message)) => {
            format!("task {}: {} ({}): {code}: {message}", run.task, run.state, run.scheduled_from)
        }
    });
    let carried = count(report.messages, "messages of S3 carried to Snowflake");
    let lost = count(report.undeliverable, "messages of S3 that nobody takes");
    carried.into_iter().chain(lost).chain(files).chain(loads).chain(runs).collect()
}

/// A refusal of Snowflake's as text.
pub(super) fn told(error: &SqlError) -> String {
    format!("{} ({}): {}", error.code, error.sql_state, error.message)
}

#[cfg(test)]
mod tests {
    use super::shown;

    #[test]
    fn cells_as_people_write_them() {
        for (kind, cell, text) in [
            ("timestamp_ltz", "1704164645.678000000", Some("2024-01-02 03:04:05.678 Z")),
            ("timestamp_ntz", "1704164645", Some("2024-01-02 03:04:05.000")),
            ("timestamp_tz", "1704164645.678 1500", Some("2024-01-02 04:04:05.678 +01:00")),
            ("date", "19723", Some("2024-01-01")),
            ("boolean", "1", Some("true")),
            ("boolean", "0", Some("false")),
            ("text", "1", None),
            ("timestamp_ltz", "soon", None),
            ("timestamp_tz", "1704164645", None),
            ("date", "99999999999999999999", None),
        ] {
            assert_eq!(shown(kind, cell).as_deref(), text, "{kind} {cell}");
        }
    }
}
