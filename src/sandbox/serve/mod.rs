//! The embedded clouds over TCP, for programs of others: AWS on one port, Snowflake on another, on loopback only.

pub mod control;
mod http;
#[cfg(test)]
mod tests;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::ListenerExt as _;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Embedded, Serving};

/// Where to listen. Port 0 is any free one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// A loopback address.
    pub host: IpAddr,
    /// For AWS.
    pub aws_port: u16,
    /// For Snowflake.
    pub snowflake_port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Self { host: Ipv4Addr::LOCALHOST.into(), aws_port: 0, snowflake_port: 0 }
    }
}

/// Clouds that are being served.
pub struct Served {
    clouds: Arc<Embedded>,
    aws: SocketAddr,
    snowflake: SocketAddr,
    stop: watch::Sender<bool>,
    servers: Vec<JoinHandle<io::Result<()>>>,
}

/// How long requests that are under way may take to finish when serving ends. Snowflake's longest hold is 45 seconds.
const PATIENCE: Duration = Duration::from_secs(50);

impl Served {
    /// Begins to serve, on the runtime it is called on.
    ///
    /// # Errors
    /// The address is not a loopback one, or a port is taken.
    pub fn start(clouds: Arc<Embedded>, options: Options) -> io::Result<Self> {
        let aws = listen(options.host, options.aws_port)?;
        let snowflake = listen(options.host, options.snowflake_port)?;
        let (aws_at, snowflake_at) = (aws.local_addr()?, snowflake.local_addr()?);
        let serving = Serving {
            pid: std::process::id(),
            host: options.host,
            aws_port: aws_at.port(),
            snowflake_port: snowflake_at.port(),
            token: uuid::Uuid::new_v4().simple().to_string(),
        };
        serving.write(&clouds.dir)?;
        let (stop, stopped) = watch::channel(false);
        let side = Arc::new(http::Side { clouds: Arc::clone(&clouds), token: serving.token });
        let servers = vec![
            tokio::spawn(serve(aws, Router::new().fallback(http::aws).with_state(Arc::clone(&side)), stopped.clone())),
            tokio::spawn(serve(snowflake, Router::new().fallback(http::snowflake).with_state(side), stopped)),
        ];
        Ok(Self { clouds, aws: aws_at, snowflake: snowflake_at, stop, servers })
    }

    /// What AWS clients take as `AWS_ENDPOINT_URL`.
    pub fn aws_url(&self) -> String {
        self.clouds.aws_beside().map_or_else(|| format!("http://{}", self.aws), str::to_owned)
    }

    /// Whether AWS is not ours, but an emulator of others.
    pub fn is_beside(&self) -> bool {
        self.clouds.aws_beside().is_some()
    }

    /// Where AWS is.
    pub fn aws(&self) -> SocketAddr {
        self.aws
    }

    /// Where Snowflake is.
    pub fn snowflake(&self) -> SocketAddr {
        self.snowflake
    }

    /// Snowflake's port; its protocol is `http`.
    pub fn snowflake_port(&self) -> u16 {
        self.snowflake.port()
    }

    /// Takes no more requests and waits until those under way are answered.
    ///
    /// # Errors
    /// A server failed, or requests took too long.
    pub async fn stop(mut self) -> io::Result<()> {
        self.stop.send_replace(true);
        let deadline = tokio::time::Instant::now() + PATIENCE;
        for server in &mut self.servers {
            match tokio::time::timeout_at(deadline, server).await {
                Ok(Ok(ended)) => ended?,
                Ok(Err(error)) => return Err(io::Error::other(error)),
                Err(_) => return Err(io::Error::new(io::ErrorKind::TimedOut, "requests under way did not end")),
            }
        }
        Ok(())
    }
}

impl std::fmt::Debug for Served {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Served").field("aws", &self.aws).field("snowflake", &self.snowflake).finish_non_exhaustive()
    }
}

/// Nothing goes on without the value.
impl Drop for Served {
    fn drop(&mut self) {
        Serving::remove(&self.clouds.dir);
        self.servers.iter().for_each(JoinHandle::abort);
    }
}

fn listen(host: IpAddr, port: u16) -> io::Result<tokio::net::TcpListener> {
    if !host.is_loopback() {
        let message = format!("{host} can be reached from other machines: the sandbox listens on loopback only");
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let listener = TcpListener::bind((host, port)).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot listen on {}: {error}", SocketAddr::new(host, port)))
    })?;
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

fn serve(
    listener: tokio::net::TcpListener,
    router: Router,
    mut stopped: watch::Receiver<bool>,
) -> impl Future<Output = io::Result<()>> + Send + 'static {
    // Answers are small and come whole: waiting to fill a packet only costs time.
    let listener = listener.tap_io(|connection| drop(connection.set_nodelay(true)));
    let until = async move {
        // An error means that the sender is gone, which ends serving too.
        drop(stopped.wait_for(|stopped| *stopped).await);
    };
    async move { axum::serve(listener, router).with_graceful_shutdown(until).await }
}
