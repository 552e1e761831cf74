//! How requests travel: over the network, or straight into a handler in this process.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;

/// Answers requests without a network.
pub trait Handler: Send + Sync {
    /// Answers one request.
    fn handle(&self, request: http::Request<Bytes>)
    -> Pin<Box<dyn Future<Output = http::Response<Bytes>> + Send + '_>>;
}

/// How requests travel.
#[derive(Clone)]
pub enum Transport {
    /// HTTPS to Snowflake.
    Network,
    /// Into a handler, with no socket, name resolution or TLS.
    InProcess(Arc<dyn Handler>),
}

/// In a response's extensions, it stands for a connection that broke before the answer arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// In a response's extensions, beside [`Broken`], it says that the connection was never made: the request has not arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeverMade;
