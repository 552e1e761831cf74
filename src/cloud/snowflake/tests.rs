//! The session against the simulator's HTTP side, in process.

#![expect(clippy::unwrap_used, reason = "what tests are built of may fail them")]

mod between;
mod engine;
mod faults;
mod logins;
mod sharing;
mod socket;

use std::sync::Arc;
use std::time::Duration;

use engine::Fake;

use super::connection::Connection;
use super::transport::Transport;
use super::{Auth, Endpoint, Pace, Session, SessionOptions};
use crate::model::{Secret, Text};
use crate::sandbox::snowflake::wire::{Credentials, Timing, Wire};

/// A connection of the sandbox's user.
fn connection() -> Connection {
    Connection {
        name: "test".into(),
        account: "org-acct".into(),
        account_name: "org-acct".into(),
        endpoint: Endpoint::https("org-acct.snowflakecomputing.com"),
        user: Some("sandbox".into()),
        auth: Auth::Password { password: Secret::new("pa55word"), passcode: None },
        role: None,
        warehouse: None,
        database: None,
        schema: None,
        secondary_roles: None,
        session_parameters: std::collections::BTreeMap::new(),
        settings: std::collections::BTreeMap::new(),
    }
}

/// Options with seconds that last a millisecond.
fn options() -> SessionOptions {
    SessionOptions { pace: Pace::with_second(Duration::from_millis(1)), ..SessionOptions::default() }
}

/// A server, what it runs, and a session with it.
struct Stand {
    wire: Arc<Wire>,
    engine: Arc<Fake>,
    session: Session,
}

fn stand() -> Stand {
    stand_with(connection(), Credentials::default(), Timing::default(), options())
}

fn stand_with(connection: Connection, credentials: Credentials, timing: Timing, options: SessionOptions) -> Stand {
    let engine = Arc::new(Fake::default());
    let wire = Arc::new(Wire::timed(engine.clone(), credentials, timing));
    let session = Session::open(connection, &Transport::InProcess(wire.clone()), options).unwrap();
    Stand { wire, engine, session }
}

/// A statement that is not written by the program's own vocabulary.
fn sql(words: &'static str) -> Text {
    Text::new(words)
}
