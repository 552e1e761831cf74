//! The statements that run and those that ended lately, by their IDs and by the requests that asked for them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::statement::Statement;

/// How many ended statements are kept.
const MOST: usize = 2000;
/// How many bytes their results may have, together.
const MOST_BYTES: usize = 64 << 20;

/// Statements by their IDs, and by session and request.
#[derive(Default)]
pub(super) struct Shelf(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_query: BTreeMap<String, Arc<Statement>>,
    by_request: BTreeMap<(u64, String), String>,
    /// Those that ended, oldest first, with the bytes of their results.
    ended: VecDeque<(String, usize)>,
    bytes: usize,
}

impl Shelf {
    /// The statement that a request of a session asked for before, or the one that it asks for now: that comes with `true`.
    pub(super) fn asked(&self, session: u64, request: &str, new: impl FnOnce() -> Statement) -> (Arc<Statement>, bool) {
        let mut kept = self.lock();
        let key = (session, request.to_owned());
        if let Some(known) = kept.by_request.get(&key).and_then(|id| kept.by_query.get(id)) {
            return (Arc::clone(known), false);
        }
        let statement = Arc::new(new());
        kept.by_request.insert(key, statement.query_id.clone());
        kept.by_query.insert(statement.query_id.clone(), Arc::clone(&statement));
        (statement, true)
    }

    /// Takes in a statement that no request of its own asked for.
    pub(super) fn add(&self, statement: &Arc<Statement>) {
        self.lock().by_query.insert(statement.query_id.clone(), Arc::clone(statement));
    }

    /// Says that a statement has ended; the oldest that ended make room.
    pub(super) fn ended(&self, statement: &Statement, bytes: usize) {
        let mut kept = self.lock();
        kept.ended.push_back((statement.query_id.clone(), bytes));
        kept.bytes += bytes;
        let mut gone = false;
        while kept.ended.len() > MOST || (kept.bytes > MOST_BYTES && kept.ended.len() > 1) {
            let Some((oldest, bytes)) = kept.ended.pop_front() else { break };
            kept.bytes -= bytes;
            kept.by_query.remove(&oldest);
            gone = true;
        }
        if gone {
            let Kept { by_query, by_request, .. } = &mut *kept;
            by_request.retain(|_, id| by_query.contains_key(id));
        }
    }

    pub(super) fn by_query(&self, query_id: &str) -> Option<Arc<Statement>> {
        self.lock().by_query.get(query_id).cloned()
    }

    pub(super) fn by_request(&self, session: u64, request: &str) -> Option<Arc<Statement>> {
        let kept = self.lock();
        kept.by_query.get(kept.by_request.get(&(session, request.to_owned()))?).cloned()
    }

    pub(super) fn of_session(&self, session: u64) -> Vec<Arc<Statement>> {
        self.lock().by_query.values().filter(|statement| statement.session.id == session).cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
