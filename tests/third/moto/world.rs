//! Both sides over the network: the emulator behind its proxy, the sandbox's Snowflake with its door to the same emulator, and the program
//! that only knows their addresses.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use serde_json::Value;
use snowssi::cloud::snowflake::transport::Handler;
use snowssi::sandbox::remote::RemoteAws;
use snowssi::sandbox::snowflake::Simulator;
use snowssi::sandbox::snowflake::answer::{Engine as _, ResultSet, SessionState};
use snowssi::sandbox::snowflake::wire::{Credentials, Wire};
use tempfile::TempDir;

use super::boto::Boto;
use super::excuses::excuses;
use super::proxy::Proxy;
use crate::binary::{Run, snowssi};
use crate::process::Server;
use crate::python;

/// Clouds of others, as far as there are any.
pub(super) struct World {
    pub(super) boto: Boto,
    pub(super) proxy: Proxy,
    simulator: Arc<Simulator>,
    settings: Vec<(String, String)>,
    home: TempDir,
    runtime: tokio::runtime::Runtime,
    _emulator: Server,
}

impl World {
    /// New clouds, looked at by boto3 in a region.
    pub(super) fn new(region: &str) -> Self {
        let bin = python::environment("aws");
        let emulator = Server::start("moto_server", |port| {
            let mut command = Command::new(bin.join("moto_server"));
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            command
        });
        let home = tempfile::tempdir().unwrap();
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
        let proxy = runtime.block_on(Proxy::start(emulator.url(), excuses()));
        let boto = Boto::start(&bin, &emulator.url(), &proxy.url(), region, home.path());
        let door = Arc::new(RemoteAws::open(&proxy.url()).unwrap());
        let simulator = Arc::new(Simulator::in_memory(door));
        let wire: Arc<dyn Handler> = Arc::new(Wire::new(Arc::<Simulator>::clone(&simulator), Credentials::default()));
        let snowflake = runtime.block_on(serve(wire));
        connections(home.path(), snowflake);
        let url = proxy.url();
        let settings = [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { boto, proxy, settings, home, simulator, runtime, _emulator: emulator }
    }

    /// Writes a spec and gives its path.
    pub(super) fn spec(&self, name: &str, text: &str) -> PathBuf {
        let path = self.home.path().join(name).with_extension("toml");
        fs::write(&path, text).unwrap();
        path
    }

    /// Runs a command on a spec, over the network on both sides.
    pub(super) fn run(&self, command: &str, spec: &Path, options: &[&str]) -> Run {
        let mut arguments = vec![command, "-f", spec.to_str().unwrap()];
        if command != "validate" {
            arguments.push("--allow-endpoint-override");
        }
        arguments.extend(options);
        snowssi(self.home.path(), &self.settings, &arguments)
    }

    /// Runs a command that must succeed.
    pub(super) fn must(&self, command: &str, spec: &Path, options: &[&str]) -> Run {
        let run = self.run(command, spec, options);
        assert_eq!(run.code, 0, "{command} {options:?}: {}\n{}", run.text(), self.proxy.tail());
        run
    }

    /// Applies a spec; after that there is nothing more to do.
    pub(super) fn apply(&self, spec: &Path) {
        self.must("apply", spec, &["--auto-approve", "-q"]);
        self.settled(spec);
    }

    /// There is nothing to do.
    pub(super) fn settled(&self, spec: &Path) {
        let plan = self.run("plan", spec, &["--detailed-exitcode"]);
        assert_eq!(plan.code, 0, "not settled: {}\n{}", plan.text(), self.proxy.tail());
    }

    /// The changes that a plan shows, as `address: field`, without their values.
    pub(super) fn changes(&self, spec: &Path) -> Vec<String> {
        let plan = self.run("plan", spec, &["--detailed-exitcode"]);
        assert!([0, 2].contains(&plan.code), "{}\n{}", plan.text(), self.proxy.tail());
        fields(&plan.stdout)
    }

    /// Runs a statement in Snowflake.
    ///
    /// # Errors
    /// Snowflake's message.
    pub(super) fn sql(&self, statement: &str) -> Result<ResultSet, String> {
        let mut session =
            SessionState { user: "SANDBOX".into(), role: "ACCOUNTADMIN".into(), ..SessionState::default() };
        let done = self.simulator.run(&mut session, statement, "00000000-0000-0000-0000-000000000000");
        self.runtime.block_on(done).map_err(|error| error.message)
    }

    /// All that boto3 sees.
    pub(super) fn aws(&self) -> Value {
        self.boto.everything()
    }
}

/// The fields that a plan changes: lines with a sign, six columns in, below the line that names the object.
fn fields(plan: &str) -> Vec<String> {
    let mut address = "";
    let mut found = Vec::new();
    for line in plan.lines() {
        if let Some(rest) = line.strip_prefix("  # ") {
            address = rest.split(' ').next().unwrap_or_default();
        }
        let Some(rest) = line.strip_prefix("      ").filter(|rest| rest.starts_with(['+', '-', '~'])) else { continue };
        let Some((field, _)) = rest[1..].split_once('=') else { continue };
        found.push(format!("{address}: {}", field.trim()));
    }
    found
}

/// The requests of one side by name, as `--stats` tells them.
pub(super) fn requests<'a>(stats: &'a str, side: &str) -> Vec<(&'a str, u32)> {
    let lines = stats.lines().skip_while(|line| !line.starts_with(side)).skip(1);
    let pairs = lines.map_while(|line| line.strip_prefix("  ")?.trim().rsplit_once(' '));
    pairs.map(|(name, count)| (name.trim(), count.parse().unwrap())).collect()
}

/// The connection that specs name: over plain HTTP, which is allowed to this machine only.
fn connections(home: &Path, server: SocketAddr) {
    let dir = home.join(".snowflake");
    fs::create_dir(&dir).unwrap();
    let file = dir.join("connections.toml");
    let text = format!(
        "[default]\naccount = \"SANDBOX\"\nuser = \"SANDBOX\"\npassword = \"any\"\nrole = \"ACCOUNTADMIN\"\n\
         protocol = \"http\"\nhost = \"{}\"\nport = {}\n",
        server.ip(),
        server.port()
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}

async fn serve(wire: Arc<dyn Handler>) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = Router::new().fallback(snowflake).with_state(wire);
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

async fn snowflake(State(wire): State<Arc<dyn Handler>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    wire.handle(http::Request::from_parts(head, body)).await.map(Body::from)
}
