//! boto3, in a process of its own: reads and changes AWS without any code of ours.

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// An interpreter with clients of boto3 at hand; it ends when this is dropped.
pub(super) struct Boto {
    child: Child,
    pipes: RefCell<(ChildStdin, BufReader<ChildStdout>)>,
}

impl Boto {
    pub(super) fn start(bin: &Path, endpoint: &str, proxy: &str, region: &str, home: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/third/moto/boto.py");
        let mut child = Command::new(bin.join("python"))
            .arg(script)
            .args([endpoint, proxy, region])
            .env_clear()
            .env("HOME", home)
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let pipes = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let boto = Self { child, pipes: RefCell::new(pipes) };
        assert_eq!(boto.line(), "ready");
        boto
    }

    /// Runs some lines of Python and gives the value of the last one.
    pub(super) fn run(&self, code: &str) -> Value {
        let line = serde_json::to_string(code).unwrap();
        writeln!(self.pipes.borrow_mut().0, "{line}").unwrap();
        let answer = self.line();
        match answer.get("value") {
            Some(value) => value.clone(),
            None => panic!("boto3: {code}\n{}", answer["error"].as_str().unwrap_or_default()),
        }
    }

    /// All that is in the account.
    pub(super) fn everything(&self) -> Value {
        self.run("everything()")
    }

    fn line(&self) -> Value {
        let mut line = String::new();
        self.pipes.borrow_mut().1.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("boto3 said {line:?}: {error}"))
    }
}

impl Drop for Boto {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
