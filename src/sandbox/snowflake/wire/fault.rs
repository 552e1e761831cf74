//! What is to go wrong, for tests of what should happen then.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode};
use serde_json::Value;

use super::envelope::{failure, respond};
use crate::cloud::snowflake::transport::Broken;

/// One thing that goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This HTTP status instead of an answer, before anything is done.
    Status {
        /// The status.
        status: u16,
        /// The header `Retry-After`, in seconds.
        retry_after: Option<u64>,
    },
    /// A refusal with this code, before anything is done: `390112`, `390111`.
    Refuse(&'static str),
    /// It is done, and the connection breaks before the answer arrives.
    LoseAnswer,
    /// It is done, and only half of the answer arrives.
    HalfAnswer,
    /// The answer says that the statement still runs.
    InProgress,
    /// The last row is missing from the answer, though it is counted.
    MissingRow,
    /// All rows but the first `inline` lie in parts of `rows` rows each.
    Chunked {
        /// Rows inside the answer.
        inline: usize,
        /// Rows of each part.
        rows: usize,
        /// Whether the answer gives the key alone, instead of the headers to send.
        key_only: bool,
    },
}

/// Faults that wait for the requests they are meant for.
#[derive(Debug, Default)]
pub struct Faults(Mutex<Vec<Waiting>>);

#[derive(Debug)]
struct Waiting {
    fault: Fault,
    on: String,
    times: usize,
}

impl Faults {
    /// Makes a fault happen `times` times: to requests whose path or statement contains `on`.
    pub fn inject(&self, fault: Fault, times: usize, on: &str) {
        self.lock().push(Waiting { fault, on: on.to_owned(), times });
    }

    /// How often faults that were asked for have yet to happen.
    pub fn waiting(&self) -> usize {
        self.lock().iter().map(|waiting| waiting.times).sum()
    }

    /// A fault of this kind for this request, used up by asking.
    pub(super) fn take(&self, subject: &str, kind: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut all = self.lock();
        let at = all.iter().position(|waiting| kind(&waiting.fault) && subject.contains(&waiting.on))?;
        let waiting = all.get_mut(at)?;
        let fault = waiting.fault.clone();
        waiting.times = waiting.times.saturating_sub(1);
        if waiting.times == 0 {
            all.remove(at);
        }
        Some(fault)
    }

    /// An answer instead of doing anything.
    pub(super) fn before(&self, subject: &str) -> Option<Response<Bytes>> {
        match self.take(subject, |fault| matches!(fault, Fault::Status { .. } | Fault::Refuse(_)))? {
            Fault::Status { status, retry_after } => {
                let mut response = Response::new(Bytes::from_static(b"<html>injected</html>"));
                *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
                if let Some(seconds) = retry_after {
                    response.headers_mut().insert(http::header::RETRY_AFTER, HeaderValue::from(seconds));
                }
                Some(response)
            }
            Fault::Refuse(code) => Some(respond(StatusCode::OK, &failure(code, "Injected.", Value::Null))),
            _ => None,
        }
    }

    /// What becomes of the answer on its way.
    pub(super) fn after(&self, subject: &str, mut response: Response<Bytes>) -> Response<Bytes> {
        match self.take(subject, |fault| matches!(fault, Fault::LoseAnswer | Fault::HalfAnswer)) {
            Some(Fault::LoseAnswer) => {
                response.extensions_mut().insert(Broken);
            }
            Some(Fault::HalfAnswer) => {
                let half = response.body().len() / 2;
                response.body_mut().truncate(half);
            }
            _ => {}
        }
        response
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
