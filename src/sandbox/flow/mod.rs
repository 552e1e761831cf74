//! What goes on by itself between the clouds: messages of S3 reach Snowflake's queues, and tasks run when they are due.
//!
//! Neither cloud is locked while the other is asked. A message leaves the outbox only after it has been taken, so a process that ends in
//! between delivers it again; directories look at what is in the bucket, so that does no harm.

#[cfg(test)]
mod tests;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::aws::AwsSandbox;
use super::clock::Clock;
use super::snowflake::answer::SqlError;
use super::snowflake::{Ingested, Ran, Registered, Simulator};

/// What happened by itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Messages of S3 that a queue of Snowflake's has taken, S3's test messages among them.
    pub messages: usize,
    /// Messages of S3 that nobody took.
    pub undeliverable: usize,
    /// What became of files of directories, in order.
    pub files: Vec<Registered>,
    /// What pipes did with files, in order.
    pub loads: Vec<Ingested>,
    /// The tasks that ran, in order.
    pub runs: Vec<Ran>,
}

/// What stops the flow.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state of the sandbox cannot be written.
    #[error("the state of the sandbox cannot be written: {0}")]
    State(#[from] io::Error),
    /// The account cannot be read or written.
    #[error("{}", .0.message)]
    Account(SqlError),
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        Self::Account(error)
    }
}

impl Report {
    /// Whether nothing happened.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn add(&mut self, other: Self) {
        self.messages += other.messages;
        self.undeliverable += other.undeliverable;
        self.files.extend(other.files);
        self.loads.extend(other.loads);
        self.runs.extend(other.runs);
    }
}

/// How often the background looks for something to do, on the machine's clock.
const LOOK: Duration = Duration::from_millis(50);
/// How often the background writes the time of a fast clock.
const KEEP: Duration = Duration::from_secs(5);

/// Both clouds and their clock.
pub(super) struct Flow {
    aws: Arc<AwsSandbox>,
    snowflake: Arc<Simulator>,
    clock: Arc<Clock>,
    /// One at a time carries messages, so that they stay in order.
    turn: tokio::sync::Mutex<()>,
}

impl Flow {
    pub(super) fn new(aws: Arc<AwsSandbox>, snowflake: Arc<Simulator>, clock: Arc<Clock>) -> Self {
        Self { aws, snowflake, clock, turn: tokio::sync::Mutex::default() }
    }

    /// Carries every message that waits; what tasks do meanwhile may leave more.
    pub(super) async fn settle(&self) -> Result<Report, Error> {
        let _turn = self.turn.lock().await;
        let mut report = Report::default();
        for (number, message) in self.aws.outbox() {
            let taken = self.snowflake.message(&message.queue, &message.body).await?;
            self.aws.sent(number, taken.is_some())?;
            match taken {
                Some(files) => {
                    report.messages += 1;
                    report.files.extend(files);
                }
                None => report.undeliverable += 1,
            }
        }
        Ok(report)
    }

    /// Lets time pass, from one moment at which something is due to the next.
    pub(super) async fn tick(&self, by: Duration) -> Result<Report, Error> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let end = self.clock.now_ms().saturating_add(by);
        let mut report = Report::default();
        loop {
            report.add(self.due().await?);
            let next = self.snowflake.next_due()?.filter(|next| *next <= end);
            let Some(next) = next else { break };
            self.advance_to(next)?;
        }
        self.advance_to(end)?;
        report.add(self.settle().await?);
        Ok(report)
    }

    /// Everything that is to be done now, until nothing is left.
    async fn due(&self) -> Result<Report, Error> {
        let mut report = Report::default();
        loop {
            report.add(self.settle().await?);
            let loads = self.snowflake.ingest().await?;
            let runs = self.snowflake.run_due().await?;
            if runs.is_empty() && loads.is_empty() {
                return Ok(report);
            }
            report.loads.extend(loads);
            report.runs.extend(runs);
        }
    }

    fn advance_to(&self, moment: i64) -> io::Result<()> {
        match u64::try_from(moment - self.clock.now_ms()) {
            Ok(gap) if gap > 0 => self.clock.advance(Duration::from_millis(gap)),
            _ => Ok(()),
        }
    }

    /// Does for ever what is to be done, on a clock that runs so many times as fast as the machine's.
    pub(super) async fn run_background(&self, speed: u32, tell: impl Fn(Report)) -> Error {
        if let Err(error) = self.clock.set_speed(speed) {
            return error.into();
        }
        let mut kept = std::time::Instant::now();
        // The account as it was when nothing was left to do, and when something will be.
        let mut idle: Option<(u64, Option<i64>)> = None;
        loop {
            let still = idle.is_some_and(|(generation, next)| {
                generation == self.snowflake.generation() && next.is_none_or(|next| next > self.clock.now_ms())
            });
            if !still || self.aws.has_mail() {
                match self.due().await {
                    Ok(report) if report.is_empty() => {}
                    Ok(report) => tell(report),
                    Err(error) => return error,
                }
                let generation = self.snowflake.generation();
                match self.snowflake.next_due() {
                    Ok(next) => idle = Some((generation, next)),
                    Err(error) => return error.into(),
                }
            }
            if kept.elapsed() >= KEEP {
                if let Err(error) = self.clock.keep() {
                    return error.into();
                }
                kept = std::time::Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}
