//! The program itself, as a person runs it.

use std::path::Path;
use std::process::Command;

/// What a run printed and how it ended.
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// All that was printed.
    pub(crate) fn text(&self) -> String {
        format!("{}{}(exit {})", self.stdout, self.stderr, self.code)
    }
}

/// Runs `snowssi` with these variables and no others: nothing of the user's configuration reaches it.
pub(crate) fn snowssi(home: &Path, settings: &[(String, String)], arguments: &[&str]) -> Run {
    let output = Command::new(env!("CARGO_BIN_EXE_snowssi"))
        .args(arguments)
        .current_dir(home)
        .env_clear()
        .env("HOME", home)
        .envs(settings.iter().map(|(name, value)| (name, value)))
        .output()
        .unwrap();
    Run {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}
