//! The embedded clouds. They are written from what AWS and Snowflake do, not from what the planner happens to send, and share no code
//! with the kinds they test.

pub mod aws;
pub mod calls;
pub mod clock;
pub mod door;
pub mod fault;
pub mod remote;
pub mod serve;
pub mod snowflake;

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::cloud::snowflake::transport::Handler;
use crate::cloud::snowflake::{Auth, Connection, Endpoint};
use crate::model::Secret;
use aws::AwsSandbox;
use calls::{Entry, Log};
use clock::Clock;
use fault::{Plan, Traffic};
use snowflake::Simulator;
use snowflake::answer::{Engine, ResultSet, SessionState, SqlError};
use snowflake::wire::{Credentials, Wire};

/// Both clouds, opened on a directory.
pub struct Embedded {
    aws: Arc<AwsSandbox>,
    snowflake: Arc<Simulator>,
    wire: Arc<Wire>,
    clock: Arc<Clock>,
    traffic: Arc<Traffic>,
    /// Held locked as long as the clouds are open: a process keeps the state in memory, so two would overwrite each other's.
    _marker: File,
}

/// Says that a directory is a sandbox; only such a directory is ever emptied.
const MARKER: &str = "snowssi-sandbox";
/// How long to wait for another process to end.
const PATIENCE: Duration = Duration::from_secs(10);

impl Embedded {
    /// Opens the clouds whose state is in a directory; makes it if it is not there.
    ///
    /// # Errors
    /// The directory cannot be written, holds other files, is in use, or its state cannot be read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let marker = claim(dir, PATIENCE)?;
        let clock = Arc::new(Clock::open(dir)?);
        let traffic = Arc::new(Traffic::new(Arc::clone(&clock), Log::open(dir)?));
        let aws = AwsSandbox::open_watched(&dir.join("aws"), Arc::clone(&traffic))?;
        let snowflake = Arc::new(
            Simulator::open(&dir.join("snowflake"), Arc::<AwsSandbox>::clone(&aws))?.with_clock(Arc::clone(&clock)),
        );
        let wire = Arc::new(Wire::new(Arc::<Simulator>::clone(&snowflake), Credentials::default()));
        Ok(Self { aws, snowflake, wire, clock, traffic, _marker: marker })
    }

    /// How to reach AWS.
    pub fn aws(&self) -> crate::cloud::aws::Embedded {
        crate::cloud::aws::Embedded { http_client: self.aws.http_client(), credentials: AwsSandbox::credentials() }
    }

    /// A connection to Snowflake, as an administrator.
    pub fn connection(&self) -> Connection {
        Connection {
            name: "sandbox".into(),
            account: "SANDBOX".into(),
            account_name: "SANDBOX".into(),
            endpoint: Endpoint::https("sandbox.snowflakecomputing.com"),
            user: Some("SANDBOX".into()),
            auth: Auth::Password { password: Secret::new("sandbox"), passcode: None },
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
        let mut session = SessionState { user: "SANDBOX".into(), role: role.into(), ..SessionState::default() };
        self.snowflake.run(&mut session, statement, "00000000-0000-0000-0000-000000000000").await
    }
}

/// Empties a sandbox. A directory that is not one is left alone.
///
/// # Errors
/// The directory is not a sandbox, or cannot be removed.
pub fn reset(dir: &Path) -> io::Result<()> {
    match dir.try_exists()? {
        false => Ok(()),
        true if dir.join(MARKER).is_file() => fs::remove_dir_all(dir),
        true => Err(io::Error::other("it is not a sandbox, so it is left alone")),
    }
}

/// Makes the directory a sandbox, unless it holds something else, and locks it. The lock goes with the process, however that ends.
fn claim(dir: &Path, patience: Duration) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let path = dir.join(MARKER);
    if !path.is_file() && fs::read_dir(dir)?.next().is_some() && !path.is_file() {
        return Err(io::Error::other("it holds other files: give a directory of its own"));
    }
    let mut marker = File::options().read(true).append(true).create(true).open(path)?;
    let deadline = Instant::now() + patience;
    loop {
        match marker.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::other("another snowssi is at work in it: wait until that has ended"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
    if marker.metadata()?.len() == 0 {
        marker.write_all(b"The state of snowssi's embedded clouds. `snowssi sandbox reset` removes it.\n")?;
    }
    Ok(marker)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = claim(dir.path(), Duration::ZERO).unwrap();
        let error = claim(dir.path(), Duration::from_millis(30)).unwrap_err();
        assert!(error.to_string().contains("another snowssi is at work"), "{error}");
        drop(first);
        drop(claim(dir.path(), Duration::ZERO).unwrap());
        let text = fs::read_to_string(dir.path().join(MARKER)).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("precious"), "x").unwrap();
        assert!(claim(dir.path(), Duration::ZERO).unwrap_err().to_string().contains("other files"));
        assert!(reset(dir.path()).is_err());
        assert!(dir.path().join("precious").is_file());
    }
}
