//! What an account remembers of loads: which files a table has had, what became of them, and what was wrong in them.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::super::state::Id;

/// How long a table remembers its files.
const MEMORY_MS: i64 = 64 * 86_400_000;
/// How many files the history keeps, over all tables.
const HISTORY: usize = 10_000;
/// How many statements keep their errors, and how many errors each.
const JOBS: usize = 50;
pub(super) const ERRORS: usize = 1_000;

/// All that is remembered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::sandbox::snowflake) struct Loads {
    tables: BTreeMap<Id, Files>,
    pub(super) history: VecDeque<Event>,
    pub(super) jobs: VecDeque<Checked>,
}

/// The files that a table has had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Files {
    /// When it got the first of them.
    since: i64,
    by_url: BTreeMap<String, File>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct File {
    etag: String,
    at: i64,
}

/// Whether a table has had a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    No,
    Loaded,
    /// It may have been loaded so long ago that nobody remembers.
    Uncertain,
}

/// What became of a file in one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Event {
    pub(super) table: Id,
    /// Database, schema and table.
    pub(super) path: Vec<String>,
    pub(super) stage: String,
    /// As the result of the statement shows it.
    pub(super) file: String,
    /// Relative to the stage.
    pub(super) relative: String,
    pub(super) at: i64,
    pub(super) size: u64,
    /// As the result of the statement shows it: `LOADED`.
    pub(super) status: String,
    pub(super) parsed: u64,
    pub(super) loaded: u64,
    pub(super) limit: Option<u64>,
    pub(super) errors: u64,
    pub(super) first: Option<Problem>,
}

/// An error in a file, with every place it has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Problem {
    pub(super) message: String,
    pub(super) file: String,
    pub(super) line: Option<u64>,
    pub(super) character: Option<u64>,
    pub(super) byte: Option<u64>,
    pub(super) category: String,
    pub(super) code: String,
    pub(super) sql_state: String,
    pub(super) column: Option<String>,
    pub(super) row: u64,
    pub(super) row_line: u64,
    pub(super) record: Option<String>,
}

/// The errors of one statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Checked {
    pub(super) query_id: String,
    pub(super) session: u64,
    pub(super) table: Id,
    pub(super) problems: Vec<Problem>,
}

impl Loads {
    /// Whether a table has had a file in this very state.
    pub(super) fn knows(&self, table: Id, url: &str, etag: &str, modified: i64, now: i64) -> Known {
        let Some(files) = self.tables.get(&table) else { return Known::No };
        let remembered = |file: &&File| now - file.at <= MEMORY_MS;
        match files.by_url.get(url).filter(remembered) {
            Some(file) if file.etag == etag => Known::Loaded,
            None if now - modified > MEMORY_MS && now - files.since > MEMORY_MS => Known::Uncertain,
            _ => Known::No,
        }
    }

    /// Notes that a table has got a file.
    pub(super) fn note(&mut self, table: Id, url: &str, etag: &str, now: i64) {
        let files = self.tables.entry(table).or_insert_with(|| Files { since: now, by_url: BTreeMap::new() });
        files.by_url.retain(|_, file| now - file.at <= MEMORY_MS);
        files.by_url.insert(url.to_owned(), File { etag: etag.to_owned(), at: now });
    }

    /// A table that was emptied by TRUNCATE, or is gone, remembers nothing.
    pub(in crate::sandbox::snowflake) fn forget(&mut self, table: Id) {
        self.tables.remove(&table);
    }

    pub(super) fn record(&mut self, event: Event) {
        self.history.push_back(event);
        while self.history.len() > HISTORY {
            self.history.pop_front();
        }
    }

    pub(super) fn check(&mut self, checked: Checked) {
        self.jobs.push_back(checked);
        while self.jobs.len() > JOBS {
            self.jobs.pop_front();
        }
    }
}
