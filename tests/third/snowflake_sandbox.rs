//! The real program, serving embedded clouds in which it has applied the example pipeline, and Snowflake's clients run against it.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

use super::python::environment;

/// A sandbox that is being served. It ends when this is dropped.
pub(crate) struct Sandbox {
    server: Child,
    /// What the program tells of itself, as it tells it.
    settings: Value,
    place: TempDir,
}

impl Sandbox {
    /// Applies `examples/event-pipeline` in a fresh directory and serves that.
    pub(crate) fn start() -> Self {
        let place = tempfile::tempdir().unwrap();
        let sandbox = place.path().join("sandbox");
        let spec = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/event-pipeline");
        let applied = Command::new(env!("CARGO_BIN_EXE_snowssi"))
            .arg("apply")
            .arg(format!("--sandbox={}", sandbox.display()))
            .args(["--auto-approve", "-f"])
            .arg(spec)
            .output()
            .unwrap();
        assert!(applied.status.success(), "{}", told(&applied));
        let mut server = Command::new(env!("CARGO_BIN_EXE_snowssi"))
            .args(["sandbox", "serve", "--port", "0", "--json", "--dir"])
            .arg(&sandbox)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let settings = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
        Self { server, settings, place }
    }

    /// Snowflake's port.
    pub(crate) fn port(&self) -> String {
        self.settings["snowflake"]["port"].to_string()
    }

    /// Where the program wrote connections for others.
    pub(crate) fn connections(&self) -> PathBuf {
        PathBuf::from(self.settings["directory"].as_str().unwrap()).join("clients")
    }

    /// A directory that goes with the sandbox.
    pub(crate) fn place(&self) -> &Path {
        self.place.path()
    }

    /// A program of an environment, with nothing of the user's but `PATH`.
    pub(crate) fn program(&self, list: &str, name: &str) -> Command {
        let bin = environment(list);
        let mut command = Command::new(bin.join(name));
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.place())
            .current_dir(self.place());
        // Whatever the clock of the machine says, times are compared as they are.
        command.env("TZ", "UTC").stdin(Stdio::null());
        command
    }

    /// Runs a script of this directory, which fails by itself if something is wrong; it is told the port first.
    pub(crate) fn script(&self, list: &str, name: &str, args: &[&str]) -> String {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third").join(name);
        let output = self.program(list, "python").arg(script).arg(self.port()).args(args).output().unwrap();
        assert!(output.status.success(), "{name} with {list}:\n{}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }
}

/// What a program wrote.
pub(crate) fn told(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
