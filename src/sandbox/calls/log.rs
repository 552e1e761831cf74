//! Where calls are written down: the last ones in memory, and JSON lines in the sandbox's directory, which two files bound.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Entry;

/// How many calls are kept in memory.
const KEPT: usize = 20_000;
/// How large a file becomes before it is set aside and a new one begun; the one set aside before it goes.
const LARGEST: u64 = 8 << 20;

/// How much of a file is read to find the highest number.
const END: u64 = 256 << 10;

const FILE: &str = "calls.jsonl";
const ASIDE: &str = "calls.jsonl.1";

/// A log of calls.
#[derive(Debug, Default)]
pub struct Log {
    next: AtomicU64,
    kept: Mutex<VecDeque<Entry>>,
    dir: Option<PathBuf>,
}

impl Log {
    /// The log of a sandbox directory, which goes on where it ended.
    ///
    /// # Errors
    /// Its files cannot be read.
    pub fn open(dir: &Path) -> io::Result<Self> {
        let last = last(&dir.join(FILE))?.max(last(&dir.join(ASIDE))?);
        Ok(Self { next: AtomicU64::new(last), kept: Mutex::default(), dir: Some(dir.to_owned()) })
    }

    /// The number of the next call.
    pub(in crate::sandbox) fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Writes a call down. A log that cannot be written stops nothing.
    pub(in crate::sandbox) fn write(&self, entry: Entry) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(dir) = &self.dir
            && let Err(error) = append(dir, &entry)
        {
            tracing::warn!(%error, "the sandbox's log of calls cannot be written");
        }
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back(entry);
    }

    /// The calls of this process, in the order they came in.
    pub fn entries(&self) -> Vec<Entry> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries: Vec<Entry> = kept.iter().cloned().collect();
        entries.sort_by_key(|entry| entry.seq);
        entries
    }
}

fn append(dir: &Path, entry: &Entry) -> io::Result<()> {
    let path = dir.join(FILE);
    let mut line = serde_json::to_vec(entry)?;
    line.push(b'\n');
    let mut file = File::options().append(true).create(true).open(&path)?;
    file.write_all(&line)?;
    if file.metadata()?.len() > LARGEST { fs::rename(path, dir.join(ASIDE)) } else { Ok(()) }
}

/// The highest number at the end of a file. The order of lines differs from that of numbers only by what goes on at one time.
fn last(path: &Path) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        file => file?,
    };
    let begin = file.metadata()?.len().saturating_sub(END);
    file.seek(io::SeekFrom::Start(begin))?;
    let mut end = Vec::new();
    file.read_to_end(&mut end)?;
    let entries = end.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice::<Entry>(line).ok());
    Ok(entries.map(|entry| entry.seq).max().unwrap_or(0))
}

/// The calls written down in a sandbox directory, in the order they came in.
///
/// # Errors
/// A file cannot be read. Lines that are no calls (the last one of a process that was killed) are left out.
pub fn read(dir: &Path) -> io::Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for name in [ASIDE, FILE] {
        match fs::read_to_string(dir.join(name)) {
            Ok(text) => entries.extend(text.lines().filter_map(|line| serde_json::from_str::<Entry>(line).ok())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    entries.sort_by_key(|entry| entry.seq);
    Ok(entries)
}

/// Forgets the calls written down in a sandbox directory, also while a process writes them.
///
/// # Errors
/// A file cannot be removed.
pub fn clear(dir: &Path) -> io::Result<()> {
    for name in [ASIDE, FILE] {
        match fs::remove_file(dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Call, Outcome};
    use super::*;

    fn entry(log: &Log) -> Entry {
        let mut call = Call::aws("s3", "HeadBucket");
        call.resource = "x".repeat(1000);
        Entry::new(log.next(), 7, &call, Outcome::new(200, ""), None, Duration::from_micros(1500))
    }

    #[test]
    fn goes_on_where_it_ended_and_stays_small() {
        let dir = tempfile::tempdir().unwrap();
        let log = Log::open(dir.path()).unwrap();
        (0..3).for_each(|_| log.write(entry(&log)));
        fs::OpenOptions::new().append(true).open(dir.path().join(FILE)).unwrap().write_all(b"{\"seq\":").unwrap();
        assert_eq!(read(dir.path()).unwrap(), log.entries());
        assert!((log.entries()[0].took_ms - 1.5).abs() < 1e-9);

        let log = Log::open(dir.path()).unwrap();
        assert_eq!(entry(&log).seq, 4);
        // As if much had been written.
        fs::write(dir.path().join(FILE), vec![b'\n'; usize::try_from(LARGEST).unwrap()]).unwrap();
        log.write(entry(&log));
        log.write(entry(&log));
        let sizes = [FILE, ASIDE].map(|name| fs::metadata(dir.path().join(name)).unwrap().len());
        assert!(sizes[0] < 2000 && sizes[1] > LARGEST, "{sizes:?}");
        assert_eq!(read(dir.path()).unwrap().iter().map(|entry| entry.seq).collect::<Vec<_>>(), [5, 6]);

        clear(dir.path()).unwrap();
        clear(dir.path()).unwrap();
        assert!(read(dir.path()).unwrap().is_empty());
    }
}
