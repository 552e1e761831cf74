//! Both sides over the network: the emulator behind its proxy, the sandbox's Snowflake in front of the same emulator, and the program that only
//! knows their addresses.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
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
    settings: Vec<(String, String)>,
    home: TempDir,
    _snowflake: Server,
    _runtime: tokio::runtime::Runtime,
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
        let sandbox = home.path().join("sandbox");
        let snowflake = Server::start("snowssi sandbox serve", |port| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_snowssi"));
            command.args(["sandbox", "serve", "--port", "0", "--snowflake-port", &port.to_string()]);
            command.args(["--aws-endpoint", &proxy.url(), "--dir"]).arg(&sandbox);
            command
        });
        connections(home.path(), snowflake.address());
        let url = proxy.url();
        let settings = [
            ("AWS_ENDPOINT_URL", url.as_str()),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        Self { boto, proxy, settings, home, _snowflake: snowflake, _runtime: runtime, _emulator: emulator }
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
    /// What was printed.
    pub(super) fn sql(&self, statement: &str) -> Result<String, String> {
        let run = snowssi(self.home.path(), &[], &["sandbox", "sql", "--dir", "sandbox", statement]);
        if run.code == 0 { Ok(run.stdout) } else { Err(run.stderr) }
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
        "[default]\naccount = \"SANDBOX\"\nuser = \"SANDBOX\"\npassword = \"sandbox\"\nrole = \"ACCOUNTADMIN\"\n\
         protocol = \"http\"\nhost = \"{}\"\nport = {}\n",
        server.ip(),
        server.port()
    );
    fs::write(&file, text).unwrap();
    fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
}
