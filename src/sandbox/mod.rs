//! The embedded clouds. They are written from what AWS and Snowflake do, not from what the planner happens to send, and share no code
//! with the kinds they test.

pub mod aws;
pub mod calls;
pub mod clock;
pub mod door;
pub mod fault;
pub mod flow;
mod reach;
pub mod remote;
pub mod serve;
pub mod snowflake;
mod state_dir;

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use crate::cloud::snowflake::transport::Handler;
use crate::cloud::snowflake::{Auth, Connection, Endpoint};
use crate::model::Secret;
use aws::AwsSandbox;
use calls::{Call, Entry, Log, Outcome};
use clock::Clock;
use door::Door;
use fault::{Plan, Traffic};
use snowflake::Simulator;
use snowflake::answer::{Engine, ResultSet, SessionState, SqlError};
use snowflake::wire::{Credentials, Wire};

pub use reach::{Reach, Rows, lines};
pub use state_dir::{Serving, reset};

/// Both clouds, opened on a directory.
pub struct Embedded {
    aws: Arc<AwsSandbox>,
    snowflake: Arc<Simulator>,
    wire: Arc<Wire>,
    clock: Arc<Clock>,
    /// Where the AWS is that Snowflake reaches, if that is not the embedded one.
    beside: Option<String>,
    flow: flow::Flow,
    dir: PathBuf,
    traffic: Arc<Traffic>,
    /// Held locked as long as the clouds are open: a process keeps the state in memory, so two would overwrite each other's.
    _marker: File,
}

/// The user of Snowflake's account, who holds all of its roles.
pub const SNOWFLAKE_USER: &str = "SANDBOX";
/// The password of [`SNOWFLAKE_USER`].
pub const SNOWFLAKE_PASSWORD: &str = "sandbox";
/// The account's identifier.
pub const SNOWFLAKE_ACCOUNT: &str = "SANDBOX";

impl Embedded {
    /// Opens the clouds whose state is in a directory; makes it if it is not there.
    ///
    /// # Errors
    /// The directory cannot be written, holds other files, is in use, or its state cannot be read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        Self::open_on(dir, None)
    }

    /// Opens Snowflake alone, in front of an AWS of others: an emulator at a URL of this machine.
    ///
    /// # Errors
    /// As [`Self::open`], or the URL is not one of this machine.
    pub fn open_beside(dir: &Path, endpoint: &str) -> io::Result<Self> {
        Self::open_on(dir, Some(endpoint))
    }

    fn open_on(dir: &Path, beside: Option<&str>) -> io::Result<Self> {
        let remote = beside.map(remote::RemoteAws::open).transpose()?;
        let marker = state_dir::claim(dir, state_dir::PATIENCE)?;
        let clock = Arc::new(Clock::open(dir)?);
        let traffic = Arc::new(Traffic::new(Arc::clone(&clock), Log::open(dir)?));
        let aws = AwsSandbox::open_watched(&dir.join("aws"), Arc::clone(&traffic))?;
        let door: Arc<dyn Door> = match remote {
            Some(remote) => Arc::new(remote),
            None => Arc::<AwsSandbox>::clone(&aws),
        };
        let snowflake = Arc::new(Simulator::open(&dir.join("snowflake"), door)?.with_clock(Arc::clone(&clock)));
        let credentials = Credentials::none().with_password(SNOWFLAKE_USER, SNOWFLAKE_PASSWORD);
        let wire = Wire::new(Arc::<Simulator>::clone(&snowflake), credentials).watched(Arc::clone(&traffic));
        let wire = Arc::new(wire);
        let beside = beside.map(str::to_owned);
        let flow = flow::Flow::new(Arc::clone(&aws), Arc::clone(&snowflake), Arc::clone(&clock));
        Ok(Self { aws, snowflake, wire, clock, beside, flow, dir: dir.to_owned(), traffic, _marker: marker })
    }

    /// How to reach AWS.
    pub fn aws(&self) -> crate::cloud::aws::Embedded {
        crate::cloud::aws::Embedded { http_client: self.aws.http_client(), credentials: AwsSandbox::credentials() }
    }

    /// Where the AWS is that Snowflake reaches, if that is not the embedded one.
    pub fn aws_beside(&self) -> Option<&str> {
        self.beside.as_deref()
    }

    /// A connection to Snowflake, as an administrator.
    pub fn connection(&self) -> Connection {
        Connection {
            name: "sandbox".into(),
            account: SNOWFLAKE_ACCOUNT.into(),
            account_name: SNOWFLAKE_ACCOUNT.into(),
            endpoint: Endpoint::https("sandbox.snowflakecomputing.com"),
            user: Some(SNOWFLAKE_USER.into()),
            auth: Auth::Password { password: Secret::new(SNOWFLAKE_PASSWORD), passcode: None },
            role: Some("ACCOUNTADMIN".into()),
            warehouse: None,
            database: None,
            schema: None,
            secondary_roles: None,
            session_parameters: BTreeMap::new(),
            settings: BTreeMap::new(),
        }
    }

    /// What answers Snowflake's requests.
    pub fn wire(&self) -> Arc<dyn Handler> {
        Arc::<Wire>::clone(&self.wire)
    }

    /// The time of both clouds.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Carries the messages of S3 that wait to Snowflake. No time passes, and no task runs.
    ///
    /// # Errors
    /// The state cannot be written.
    pub async fn settle(&self) -> Result<flow::Report, flow::Error> {
        self.flow.settle().await
    }

    /// Lets time pass, from one moment at which something is due to the next: messages are carried, tasks run in the order in which they
    /// are due. What is overdue at the beginning runs first, once. `Duration::ZERO` does what is due now.
    ///
    /// # Errors
    /// The state cannot be written; what goes wrong in a task is in the report and in its history.
    pub async fn tick(&self, by: Duration) -> Result<flow::Report, flow::Error> {
        self.flow.tick(by).await
    }

    /// Carries messages at once and runs tasks when they are due, for as long as it is polled; `tell` hears what happened. The clock runs
    /// so many times as fast as the machine's. Drop the future between two polls to stop; the clock then goes on as fast until
    /// [`Clock::set_speed`] slows it down or the process ends.
    ///
    /// # Errors
    /// It ends only when the state cannot be written.
    pub async fn run_background(&self, speed: u32, tell: impl Fn(flow::Report)) -> flow::Error {
        self.flow.run_background(speed, tell).await
    }

    /// What is to go wrong from now on, in both clouds.
    pub fn set_faults(&self, plan: impl Into<Plan>) {
        self.traffic.set_faults(plan);
    }

    /// The calls of both clouds since they were opened, in order; of very many only the last ones.
    pub fn calls(&self) -> Vec<Entry> {
        self.traffic.calls()
    }

    /// Runs one statement as a role.
    ///
    /// # Errors
    /// What Snowflake would refuse.
    pub async fn sql(&self, statement: &str, role: &str) -> Result<ResultSet, SqlError> {
        let mut session = SessionState { user: SNOWFLAKE_USER.into(), role: role.into(), ..SessionState::default() };
        let passing =
            self.traffic.enter(Call { who: format!("{SNOWFLAKE_USER}/{role}"), ..Call::statement(statement) });
        let work = self.snowflake.run(&mut session, statement, "00000000-0000-0000-0000-000000000000");
        let answer = snowflake::shaped::run(&passing, work).await;
        let code = answer.as_ref().err().map(|error| error.code).unwrap_or_default();
        self.traffic.leave(passing, Outcome::new(200, code));
        answer
    }

    /// Puts an object into a bucket, as the owner of the account.
    ///
    /// # Errors
    /// What S3 would refuse.
    pub async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), String> {
        if let Some(url) = &self.beside {
            return Err(format!("Snowflake reaches the AWS at {url}: put the file there with a program of AWS's"));
        }
        let region = self.aws.bucket_region(bucket).await.unwrap_or_else(|| aws::REGION.to_owned());
        self.aws.put_object(&region, bucket, key, body).await
    }
}
