//! The directory of a sandbox: the marker with the version of its state, the lock on it, and who serves it.

use std::fmt;
use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

/// Says that a directory is a sandbox; only such a directory is ever emptied.
const MARKER: &str = "snowssi-sandbox";
/// Says who serves the directory, as long as somebody does.
const SERVING: &str = "serving.json";
/// The version of all that is kept in the directory. Markers without one are of version 1.
const VERSION: u32 = 1;
/// How long to wait for another process to end.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// Who serves a directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// The process.
    pub pid: u32,
    /// The address it listens on.
    pub host: IpAddr,
    /// AWS's port.
    pub aws_port: u16,
    /// Snowflake's port.
    pub snowflake_port: u16,
    /// What requests to change the sandbox itself must know: whoever may read the file may send them.
    pub token: String,
}

impl fmt::Display for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = |port| SocketAddr::new(self.host, port);
        let (aws, snowflake) = (at(self.aws_port), at(self.snowflake_port));
        write!(f, "sandbox serve, process {}, AWS on {aws}, Snowflake on {snowflake}", self.pid)
    }
}

impl Serving {
    /// Who serves a directory, as its file says; the process may be gone.
    pub fn read(dir: &Path) -> Option<Self> {
        let serving: Self = serde_json::from_slice(&fs::read(dir.join(SERVING)).ok()?).ok()?;
        serving.host.is_loopback().then_some(serving)
    }

    /// Writes the file, readable for its owner only.
    pub(super) fn write(&self, dir: &Path) -> io::Result<()> {
        let beside = dir.join(format!("{SERVING}.new"));
        let mut options = File::options();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(&beside)?.write_all(&serde_json::to_vec(self)?)?;
        fs::rename(beside, dir.join(SERVING))
    }

    /// Removes the file.
    pub(super) fn remove(dir: &Path) {
        if let Err(error) = fs::remove_file(dir.join(SERVING))
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(%error, "{SERVING} stays behind");
        }
    }

    /// Whether anybody listens where it says.
    fn listens(&self) -> bool {
        TcpStream::connect_timeout(&SocketAddr::new(self.host, self.aws_port), Duration::from_millis(500)).is_ok()
    }
}

/// Empties a sandbox. A directory that is not one is left alone.
///
/// # Errors
/// The directory is not a sandbox, is in use, or cannot be removed.
pub fn reset(dir: &Path) -> io::Result<()> {
    reset_within(dir, PATIENCE)
}

fn reset_within(dir: &Path, patience: Duration) -> io::Result<()> {
    match dir.try_exists()? {
        false => Ok(()),
        true if dir.join(MARKER).is_file() => {
            let _marker = lock(dir, patience)?;
            fs::remove_dir_all(dir)
        }
        true => Err(io::Error::other("it is not a sandbox, so it is left alone")),
    }
}

/// Makes the directory a sandbox, unless it holds something else, and locks it. The lock goes with the process, however that ends.
pub(super) fn claim(dir: &Path, patience: Duration) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let path = dir.join(MARKER);
    if !path.is_file() && fs::read_dir(dir)?.next().is_some() && !path.is_file() {
        return Err(io::Error::other("it holds other files: give a directory of its own"));
    }
    let mut marker = lock(dir, patience)?;
    if marker.metadata()?.len() == 0 {
        let text = "The state of snowssi's embedded clouds. `snowssi sandbox reset` removes it.";
        marker.write_all(format!("{text}\nversion {VERSION}\n").as_bytes())?;
    } else {
        let mut text = String::new();
        marker.read_to_string(&mut text)?;
        let version = text.lines().find_map(|line| line.strip_prefix("version ")).unwrap_or("1").trim();
        if version.parse() != Ok(VERSION) {
            let message = format!(
                "its state is of version {version}, and this snowssi reads version {VERSION}: use the snowssi that made \
                 it, or start over with `snowssi sandbox reset`"
            );
            return Err(io::Error::new(io::ErrorKind::InvalidData, message));
        }
    }
    // Whoever holds the lock is the only one: what an earlier process said is no longer so.
    Serving::remove(dir);
    Ok(marker)
}

fn lock(dir: &Path, patience: Duration) -> io::Result<File> {
    let marker = File::options().read(true).append(true).create(true).open(dir.join(MARKER))?;
    let deadline = Instant::now() + patience;
    loop {
        match marker.try_lock() {
            Ok(()) => return Ok(marker),
            Err(TryLockError::WouldBlock) => match Serving::read(dir).filter(Serving::listens) {
                // This one does not end by itself.
                Some(serving) => {
                    let message = format!("another snowssi is at work in it: {serving}");
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
                }
                None if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(20)),
                None => {
                    let message = "another snowssi is at work in it: wait until that has ended";
                    return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
                }
            },
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let first = claim(dir.path(), Duration::ZERO).unwrap();
        let error = claim(dir.path(), Duration::from_millis(30)).unwrap_err();
        assert!(error.to_string().contains("another snowssi is at work"), "{error}");
        assert!(
            reset_within(dir.path(), Duration::ZERO).unwrap_err().to_string().contains("another snowssi is at work")
        );
        drop(first);
        drop(claim(dir.path(), Duration::ZERO).unwrap());
        let text = fs::read_to_string(dir.path().join(MARKER)).unwrap();
        assert_eq!(text.lines().last(), Some("version 1"), "{text}");
        assert_eq!(text.lines().count(), 2, "{text}");
        reset(dir.path()).unwrap();
        assert!(!dir.path().exists());
    }

    #[test]
    fn who_serves_it_is_told_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let first = claim(dir.path(), Duration::ZERO).unwrap();
        let serving = Serving { pid: 7, host: at.ip(), aws_port: at.port(), snowflake_port: 2, token: "secret".into() };
        serving.write(dir.path()).unwrap();
        let error = claim(dir.path(), Duration::from_mins(1)).unwrap_err();
        let expected = format!(
            "another snowssi is at work in it: sandbox serve, process 7, AWS on {at}, Snowflake on 127.0.0.1:2"
        );
        assert_eq!((error.kind(), error.to_string()), (io::ErrorKind::ResourceBusy, expected));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(dir.path().join(SERVING)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        // A process that was killed leaves its file behind; who comes next is not misled by it.
        drop(listener);
        let error = claim(dir.path(), Duration::ZERO).unwrap_err();
        assert!(error.to_string().contains("wait until"), "{error}");
        drop(first);
        drop(claim(dir.path(), Duration::ZERO).unwrap());
        assert_eq!(Serving::read(dir.path()), None);
    }

    #[test]
    fn only_state_of_this_version_is_read() {
        let dir = tempfile::tempdir().unwrap();
        for (marker, readable) in
            [("The state of\n", true), ("x\nversion 1\n", true), ("version 99\n", false), ("version x\n", false)]
        {
            fs::write(dir.path().join(MARKER), marker).unwrap();
            let claimed = claim(dir.path(), Duration::ZERO).map(drop);
            assert_eq!(claimed.is_ok(), readable, "{marker}");
            if let Err(error) = claimed {
                assert!(error.to_string().contains("this snowssi reads version 1"), "{error}");
                assert_eq!(fs::read_to_string(dir.path().join(MARKER)).unwrap(), marker, "it is left as it was");
            }
        }
        reset(dir.path()).unwrap();
    }

    #[test]
    fn a_directory_of_something_else_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("precious"), "x").unwrap();
        assert!(claim(dir.path(), Duration::ZERO).unwrap_err().to_string().contains("other files"));
        assert!(reset(dir.path()).is_err());
        assert!(dir.path().join("precious").is_file());
    }
}
