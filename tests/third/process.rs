//! Programs that run beside a test: each on a port of its own, waited for until it answers, and ended with the test.

use std::fmt;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// How long a program may take until it listens: Python imports much, on machines with much to do.
const PATIENCE: Duration = Duration::from_mins(1);
/// Somebody else may take a free port before the program does.
const ATTEMPTS: usize = 3;
/// How many lines of its log are shown when a program is told about.
const TAIL: usize = 40;

/// A server of others. It ends when this is dropped; its `Display` is the end of its log.
pub(crate) struct Server {
    name: String,
    child: Child,
    address: SocketAddr,
    log: PathBuf,
    /// Where the program runs, and what it may write; goes with the program.
    _place: TempDir,
}

impl Server {
    /// Starts a server on a free port of this machine and waits until it takes connections. `command` is told the port. Nothing of the
    /// user's reaches the program but `PATH`: its home is an empty directory.
    pub(crate) fn start(name: &str, command: impl Fn(u16) -> Command) -> Self {
        let mut told = String::new();
        for _ in 0..ATTEMPTS {
            let mut server = Self::spawn(name, &command);
            match server.wait() {
                Ok(()) => return server,
                Err(why) => told = format!("{why}\n{server}"),
            }
        }
        panic!("{name} does not start: {told}");
    }

    fn spawn(name: &str, command: impl Fn(u16) -> Command) -> Self {
        let place = tempfile::tempdir().unwrap();
        let log = place.path().join("log");
        let output = File::create(&log).unwrap();
        let port = free_port();
        let mut command = command(port);
        let settings: Vec<_> =
            command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned()))).collect();
        let child = command
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("HOME", place.path())
            .envs(settings)
            .current_dir(place.path())
            .stdin(Stdio::null())
            .stdout(output.try_clone().unwrap())
            .stderr(output)
            .spawn()
            .unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { name: name.to_owned(), child, address: (Ipv4Addr::LOCALHOST, port).into(), log, _place: place }
    }

    /// Waits until somebody answers at the port, and it is the program: it has not ended.
    fn wait(&mut self) -> Result<(), String> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            let connected = TcpStream::connect_timeout(&self.address, Duration::from_millis(200)).is_ok();
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(format!("it ended: {status}"));
            }
            if connected {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Err(format!("it does not listen after {PATIENCE:?}"))
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its URL, without a slash at the end.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let log = String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned();
        let lines: Vec<_> = log.lines().collect();
        writeln!(f, "the end of what {} wrote:", self.name)?;
        lines[lines.len().saturating_sub(TAIL)..].iter().try_for_each(|line| writeln!(f, "  {line}"))
    }
}

impl Drop for Server {
    #[expect(clippy::print_stderr, reason = "a failing test tells what the server wrote")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self}");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_ends_with_its_test() {
    let python = |port: u16| {
        let mut command = Command::new("python3");
        command.args(["-m", "http.server", "--bind", "127.0.0.1", &port.to_string()]);
        command
    };
    let server = Server::start("http.server", python);
    let address = server.address();
    assert!(TcpStream::connect(address).is_ok());
    drop(server);
    assert!(TcpStream::connect(address).is_err(), "it still listens");
}

#[test]
fn what_a_failed_server_wrote_is_told() {
    let broken = |_: u16| {
        let mut command = Command::new("python3");
        command.args(["-c", "import sys; sys.exit('no such thing')"]);
        command
    };
    let told = std::panic::catch_unwind(|| Server::start("broken", broken)).err().unwrap();
    let told = told.downcast_ref::<String>().unwrap();
    assert!(told.contains("it ended") && told.contains("no such thing"), "{told}");
}
