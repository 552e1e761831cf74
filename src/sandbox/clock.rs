//! The time of the embedded clouds: the machine's, moved forward by whoever cannot wait.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that both clouds read. It never goes back.
#[derive(Debug, Default)]
pub struct Clock {
    /// Milliseconds that the clock is ahead of the machine's.
    ahead: AtomicI64,
    /// Where that is kept.
    file: Option<PathBuf>,
}

/// The file of a sandbox directory that holds how far its clock is ahead, in milliseconds.
const FILE: &str = "clock";

impl Clock {
    /// The clock of a sandbox directory.
    ///
    /// # Errors
    /// Its file cannot be read, or does not hold a number.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let file = dir.join(FILE);
        let ahead = match std::fs::read_to_string(&file) {
            Ok(text) => text.trim().parse().map_err(|_| {
                io::Error::new(io::ErrorKind::InvalidData, format!("{} does not hold a number", file.display()))
            })?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => return Err(error),
        };
        Ok(Self { ahead: AtomicI64::new(ahead), file: Some(file) })
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX).saturating_add(self.ahead.load(Ordering::Relaxed))
    }

    /// Moves the clock forward.
    ///
    /// # Errors
    /// The new time cannot be written; the clock has moved in this process only.
    pub fn advance(&self, by: Duration) -> io::Result<()> {
        let by = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        let ahead = self.ahead.fetch_add(by, Ordering::Relaxed).saturating_add(by);
        match &self.file {
            Some(file) => {
                let beside = file.with_extension("new");
                std::fs::write(&beside, ahead.to_string())?;
                std::fs::rename(beside, file)
            }
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forward_and_kept() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::open(dir.path()).unwrap();
        let before = clock.now_ms();
        clock.advance(Duration::from_secs(3600)).unwrap();
        assert!(clock.now_ms() >= before + 3_600_000);
        assert!(Clock::open(dir.path()).unwrap().now_ms() >= before + 3_600_000);
        std::fs::write(dir.path().join(FILE), "soon").unwrap();
        assert!(Clock::open(dir.path()).unwrap_err().to_string().contains("does not hold a number"));
    }
}
