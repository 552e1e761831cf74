//! The time of the embedded clouds: the machine's, moved forward by whoever cannot wait, or running faster.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A clock that both clouds read. It never goes back.
#[derive(Debug, Default)]
pub struct Clock {
    pace: Mutex<Pace>,
    /// The latest time it has told.
    latest: AtomicI64,
    /// Where it is kept.
    file: Option<PathBuf>,
}

/// How the clock differs from the machine's. All times are in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
struct Pace {
    /// How far it was ahead at the machine's time `since`.
    ahead: i64,
    since: i64,
    /// How many times as fast it has run since then; 0 is as fast as the machine's.
    speed: u32,
}

impl Pace {
    fn ahead_at(self, machine: i64) -> i64 {
        let gained = (machine - self.since).max(0).saturating_mul(i64::from(self.speed.saturating_sub(1)));
        self.ahead.saturating_add(gained)
    }
}

/// The file of a sandbox directory that holds how far its clock is ahead, in milliseconds.
const FILE: &str = "clock";
/// A fast clock is kept as far ahead as it will be after so long, so that it has not gone back if the process ends without a word.
const MARGIN: i64 = 10_000;

fn machine() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}

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
        let pace = Mutex::new(Pace { ahead, ..Pace::default() });
        Ok(Self { pace, latest: AtomicI64::default(), file: Some(file) })
    }

    /// Milliseconds since the epoch.
    pub fn now_ms(&self) -> i64 {
        let machine = machine();
        let now = machine.saturating_add(self.pace().ahead_at(machine));
        self.latest.fetch_max(now, Ordering::Relaxed).max(now)
    }

    /// How long a time of this clock is on the machine's.
    pub fn real(&self, time: Duration) -> Duration {
        time / self.pace().speed.max(1)
    }

    /// Moves the clock forward.
    ///
    /// # Errors
    /// The new time cannot be written; the clock has moved in this process only.
    pub fn advance(&self, by: Duration) -> io::Result<()> {
        let mut pace = self.pace();
        pace.ahead = pace.ahead.saturating_add(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.write(*pace)
    }

    /// Lets the clock run so many times as fast as the machine's from now on; 0 and 1 are as fast.
    ///
    /// # Errors
    /// The time cannot be written.
    pub fn set_speed(&self, speed: u32) -> io::Result<()> {
        let mut pace = self.pace();
        let machine = machine();
        *pace = Pace { ahead: pace.ahead_at(machine), since: machine, speed };
        self.write(*pace)
    }

    /// Writes the time of a fast clock. Whoever lets it run fast does this more often than every ten seconds.
    ///
    /// # Errors
    /// The time cannot be written.
    pub fn keep(&self) -> io::Result<()> {
        let pace = self.pace();
        if pace.speed > 1 { self.write(*pace) } else { Ok(()) }
    }

    fn pace(&self) -> MutexGuard<'_, Pace> {
        self.pace.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, pace: Pace) -> io::Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let until = if pace.speed > 1 { machine() + MARGIN } else { pace.since };
        let beside = file.with_extension("new");
        std::fs::write(&beside, pace.ahead_at(until).to_string())?;
        std::fs::rename(beside, file)
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
        clock.advance(Duration::from_hours(1)).unwrap();
        assert!(clock.now_ms() >= before + 3_600_000);
        assert!(Clock::open(dir.path()).unwrap().now_ms() >= before + 3_600_000);
        std::fs::write(dir.path().join(FILE), "soon").unwrap();
        assert!(Clock::open(dir.path()).unwrap_err().to_string().contains("does not hold a number"));
    }

    #[test]
    fn a_fast_clock_never_goes_back() {
        let dir = tempfile::tempdir().unwrap();
        let clock = Clock::open(dir.path()).unwrap();
        clock.set_speed(1_000_000).unwrap();
        let start = clock.now_ms();
        let begun = std::time::Instant::now();
        while clock.now_ms() < start + 3_600_000 {
            assert!(begun.elapsed() < Duration::from_mins(1), "an hour takes 4 ms");
        }
        assert_eq!(clock.real(Duration::from_hours(1)), Duration::from_micros(3600));
        // The process ends without a word.
        let told = clock.now_ms();
        let again = Clock::open(dir.path()).unwrap();
        assert!(again.now_ms() >= told);
        clock.set_speed(1).unwrap();
        let slow = clock.now_ms();
        assert!(slow >= told);
        clock.advance(Duration::from_mins(1)).unwrap();
        assert!(Clock::open(dir.path()).unwrap().now_ms() >= slow + 60_000);
    }

    #[test]
    fn how_far_a_clock_gets() {
        for (speed, wanted) in [(0, 100), (1, 100), (2, 1100), (60, 59_100)] {
            assert_eq!(Pace { ahead: 100, since: 5000, speed }.ahead_at(6000), wanted, "{speed}");
        }
        assert_eq!(Pace { ahead: 100, since: 5000, speed: 60 }.ahead_at(4000), 100, "the machine's clock was put back");
    }
}
