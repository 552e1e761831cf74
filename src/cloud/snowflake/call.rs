//! One exchange with the server, repeated until it is answered.
//!
//! `snowflake_api`'s connection sends requests and knows the paths and headers of the protocol. What its methods have no parameter for
//! travels beside them in [`CALL`], and the layers below the connection ([`super::layers`]) act on it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use serde_json::Value;
use snowflake_api::connection::{Connection, ConnectionError, QueryType};
use uuid::Uuid;

use super::layers;
use super::pace::{Pace, RETRIES};
use super::protocol::Envelope;
use super::transport::Transport;

tokio::task_local! {
    /// The call that is being made.
    pub(super) static CALL: Call;
}

/// What the layers have to know of a call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    /// Where it goes.
    pub to: To,
    /// The same for every attempt: by it the server knows a repetition, and answers it without doing anything again.
    pub request_id: Uuid,
    /// Attempts before this one.
    pub attempt: u32,
    /// When the first attempt was made, in milliseconds since the epoch.
    pub since_ms: u64,
    /// The HTTP status of the last attempt, 0 if there was none.
    pub reason: u16,
}

/// Where a call goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum To {
    /// To the path the connection knows.
    Usual,
    /// To another path of the same server.
    Path(String),
    /// To a storage location, whose address must not be touched.
    Storage,
}

/// What is asked of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    LogIn,
    Renew,
    Close,
    Run,
    Abort,
}

/// Why one attempt had no usable answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// There was no connection: the server has not seen the request.
    #[error("no connection could be made: {0}")]
    NotConnected(String),
    /// The server may have seen the request.
    #[error("the answer was lost: {0}")]
    Lost(String),
    /// An HTTP status other than 200.
    #[error("HTTP status {status}{}{said}", if said.is_empty() { "" } else { ": " })]
    Status { status: u16, retry_after: Option<u64>, said: String },
    /// An answer that cannot be used, and would be no other the next time.
    #[error("the answer {0}")]
    Unreadable(&'static str),
    /// Something that is wrong on this side.
    #[error("{0}")]
    Here(String),
}

impl Failure {
    fn passes(&self) -> bool {
        match self {
            Self::NotConnected(_) | Self::Lost(_) => true,
            Self::Status { status, .. } => matches!(status, 307 | 308 | 408 | 429 | 500..=599),
            Self::Here(_) | Self::Unreadable(_) => false,
        }
    }

    fn may_have_arrived(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Unreadable(_) => true,
            Self::Status { status, .. } => matches!(status, 408 | 500..=599),
            Self::NotConnected(_) | Self::Here(_) => false,
        }
    }

    fn status(&self) -> u16 {
        if let Self::Status { status, .. } = self { *status } else { 0 }
    }
}

/// Why a call had no usable answer at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{last}{}", if *attempts > 1 { format!(" (after {attempts} attempts)") } else { String::new() })]
pub(super) struct Undelivered {
    /// The last attempt's failure.
    pub last: Failure,
    /// Whether any attempt may have reached the server.
    pub may_have_arrived: bool,
    /// How often it was attempted.
    pub attempts: u32,
}

impl Undelivered {
    /// The HTTP status of the last attempt, 0 if there was none.
    pub(super) fn status(&self) -> u16 {
        self.last.status()
    }
}

/// An answer, and whether an earlier attempt at the same call may have reached the server.
#[derive(Debug)]
pub(super) struct Delivered<T> {
    pub answer: T,
    pub repeated: bool,
}

/// Makes calls.
pub(super) struct Caller {
    connection: Connection,
    pace: Pace,
    /// Whether the server was ever reached. A host that never was is most likely wrong, not away for a moment.
    reached: AtomicBool,
}

/// Further attempts to reach a host for the first time.
const FIRST_CONTACT: u32 = 2;

impl Caller {
    /// A caller of one endpoint.
    pub(super) fn new(endpoint: &super::Endpoint, transport: &Transport, pace: Pace) -> Result<Self, String> {
        let client = layers::client(endpoint, transport)?;
        Ok(Self { connection: Connection::new_with_middware(client), pace, reached: AtomicBool::new(false) })
    }

    /// How long it waits between attempts.
    pub(super) fn pace(&self) -> Pace {
        self.pace
    }

    /// Asks until there is an answer. `body` is made anew for every attempt, because some logins are valid for a minute only.
    pub(super) async fn post(
        &self,
        ask: Ask,
        request_id: Uuid,
        token: Option<&str>,
        query: &[(&str, &str)],
        body: &(dyn Fn() -> Result<Value, String> + Sync),
    ) -> Result<Delivered<Envelope>, Undelivered> {
        let authorization = token.map(|token| format!("Snowflake Token=\"{token}\""));
        let to = if ask == Ask::Abort { To::Path("/queries/v1/abort-request".into()) } else { To::Usual };
        self.persist(to, request_id, || async {
            let body = body().map_err(Failure::Here)?;
            let kind = match ask {
                Ask::LogIn => QueryType::LoginRequest,
                Ask::Renew => QueryType::TokenRequest,
                Ask::Close => QueryType::CloseSession,
                Ask::Run | Ask::Abort => QueryType::JsonQuery,
            };
            // The account stands for a host here, which the layers below put in its place.
            self.connection.request(kind, "account", query, authorization.as_deref(), body).await.map_err(failure)
        })
        .await
    }

    /// Gets what lies at a path of the server.
    pub(super) async fn get(&self, path: &str, token: &str) -> Result<Delivered<Envelope>, Undelivered> {
        let headers = HashMap::from([
            ("authorization".to_owned(), format!("Snowflake Token=\"{token}\"")),
            ("accept".to_owned(), "application/json".to_owned()),
        ]);
        self.persist(To::Path(path.to_owned()), Uuid::new_v4(), || async {
            let body = self.bytes("https://account.snowflakecomputing.com/", &headers).await?;
            serde_json::from_slice(&body).map_err(|_| Failure::Unreadable(UNKNOWN_FORM))
        })
        .await
    }

    /// Gets a part of a result from a storage location.
    pub(super) async fn fetch(&self, url: &str, headers: &BTreeMap<String, String>) -> Result<Bytes, Undelivered> {
        let headers: HashMap<_, _> = headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        for (name, value) in &headers {
            // The connection takes these for granted, and would panic.
            let valid = http::HeaderName::from_bytes(name.as_bytes()).is_ok()
                && http::HeaderValue::from_bytes(value.as_bytes()).is_ok();
            if !valid {
                let last = Failure::Here("the server asks for a header that cannot be sent".into());
                return Err(Undelivered { last, may_have_arrived: false, attempts: 0 });
            }
        }
        let fetched = self.persist(To::Storage, Uuid::new_v4(), || self.bytes(url, &headers)).await?;
        Ok(fetched.answer)
    }

    async fn bytes(&self, url: &str, headers: &HashMap<String, String>) -> Result<Bytes, Failure> {
        self.connection.get_chunk(url, headers).await.map_err(failure)
    }

    async fn persist<T, F>(&self, to: To, request_id: Uuid, once: impl Fn() -> F) -> Result<Delivered<T>, Undelivered>
    where
        F: Future<Output = Result<T, Failure>>,
    {
        let mut call = Call { to, request_id, attempt: 0, since_ms: now_ms(), reason: 0 };
        let mut may_have_arrived = false;
        loop {
            let last = match CALL.scope(call.clone(), once()).await {
                Ok(answer) => {
                    self.reached.store(true, Ordering::Relaxed);
                    return Ok(Delivered { answer, repeated: may_have_arrived });
                }
                Err(failure) => failure,
            };
            may_have_arrived |= last.may_have_arrived();
            let unknown_host = matches!(last, Failure::NotConnected(_)) && !self.reached.load(Ordering::Relaxed);
            let most = if unknown_host { FIRST_CONTACT } else { RETRIES };
            if call.attempt >= most || !last.passes() {
                return Err(Undelivered { last, may_have_arrived, attempts: call.attempt + 1 });
            }
            let wish = if let Failure::Status { retry_after, .. } = &last { *retry_after } else { None };
            tokio::time::sleep(self.pace.retry(call.attempt, wish)).await;
            call.attempt += 1;
            call.reason = last.status();
        }
    }
}

const UNKNOWN_FORM: &str = "has an unknown form";

/// What a connection's error means.
fn failure(error: ConnectionError) -> Failure {
    match error {
        ConnectionError::RequestMiddlewareError(reqwest_middleware::Error::Middleware(error)) => {
            error.downcast::<Failure>().unwrap_or_else(|error| Failure::Here(format!("{error:#}")))
        }
        // The parser's reason would quote the answer, and so perhaps a token.
        ConnectionError::Deserialization(_) => Failure::Unreadable(UNKNOWN_FORM),
        ConnectionError::RequestError(error) if error.is_decode() => Failure::Unreadable(UNKNOWN_FORM),
        ConnectionError::RequestError(error)
        | ConnectionError::RequestMiddlewareError(reqwest_middleware::Error::Reqwest(error)) => layers::network(error),
        ConnectionError::UrlParsing(error) => Failure::Here(error.to_string()),
        ConnectionError::InvalidHeader(_) => Failure::Here("a token holds characters that no header can carry".into()),
    }
}

/// Milliseconds since the epoch.
pub(super) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
