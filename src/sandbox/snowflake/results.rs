//! What statements answered, kept for a while: `RESULT_SCAN` reads it again, `LAST_QUERY_ID` counts back through it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::answer::{ResultSet, SessionState};

/// How long a result can be read again.
const LIFETIME_MS: i64 = 24 * 60 * 60 * 1000;
/// How many statements are remembered, of all sessions.
const MOST_STATEMENTS: usize = 10_000;
/// How many bytes the results kept may have, together.
const MOST_BYTES: usize = 64 << 20;

/// The statements that ended lately, oldest first, and their results.
#[derive(Default)]
pub(super) struct Results(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    order: VecDeque<Asked>,
    by_query: BTreeMap<String, One>,
    bytes: usize,
}

struct Asked {
    session: u64,
    query_id: String,
}

struct One {
    user: String,
    until_ms: i64,
    bytes: usize,
    result: Arc<ResultSet>,
}

impl Results {
    /// Remembers that a session has run a statement, and what it answered unless it failed. The oldest make room.
    pub(super) fn keep(&self, session: &SessionState, query_id: &str, result: Option<&ResultSet>, now_ms: i64) {
        let mut kept = self.lock();
        kept.order.push_back(Asked { session: session.id, query_id: query_id.to_owned() });
        if let Some(result) = result {
            let bytes = result.size();
            let until_ms = now_ms.saturating_add(LIFETIME_MS);
            let one = One { user: session.user.clone(), until_ms, bytes, result: Arc::new(result.clone()) };
            kept.forget(query_id);
            kept.bytes += bytes;
            kept.by_query.insert(query_id.to_owned(), one);
        }
        while kept.order.len() > MOST_STATEMENTS || kept.bytes > MOST_BYTES {
            let Some(oldest) = kept.order.pop_front() else { break };
            kept.forget(&oldest.query_id);
        }
    }

    /// The result of a statement of a user, in any session; nobody else can read it.
    pub(super) fn of(&self, user: &str, query_id: &str, now_ms: i64) -> Option<Arc<ResultSet>> {
        let kept = self.lock();
        let one = kept.by_query.get(query_id).filter(|one| one.user == user && one.until_ms > now_ms)?;
        Some(Arc::clone(&one.result))
    }

    /// The statement of a session counted from its last (-1) or from its first (1).
    pub(super) fn nth(&self, session: u64, place: i64) -> Option<String> {
        let kept = self.lock();
        let away = usize::try_from(place.unsigned_abs().checked_sub(1)?).ok()?;
        let mut own = kept.order.iter().filter(|asked| asked.session == session);
        let found = if place < 0 { own.nth_back(away) } else { own.nth(away) };
        found.map(|asked| asked.query_id.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self, query_id: &str) {
        if let Some(gone) = self.by_query.remove(query_id) {
            self.bytes = self.bytes.saturating_sub(gone.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(id: u64, user: &str) -> SessionState {
        SessionState { id, user: user.into(), ..SessionState::default() }
    }

    #[test]
    fn counted_from_both_ends_of_one_session() {
        let results = Results::default();
        let (one, other) = (session(1, "A"), session(2, "A"));
        for id in ["q1", "q2", "q3"] {
            results.keep(&one, id, None, 0);
            results.keep(&other, &format!("other {id}"), None, 0);
        }
        for (place, wanted) in
            [(-1, Some("q3")), (-3, Some("q1")), (1, Some("q1")), (3, Some("q3")), (0, None), (4, None), (-4, None)]
        {
            assert_eq!(results.nth(1, place).as_deref(), wanted, "{place}");
        }
        assert_eq!(results.nth(1, i64::MIN), None);
    }

    #[test]
    fn for_its_user_and_for_a_day() {
        let results = Results::default();
        let answer = ResultSet::status("done");
        results.keep(&session(1, "A"), "q", Some(&answer), 5);
        results.keep(&session(1, "A"), "failed", None, 5);
        assert_eq!(results.of("A", "q", 6).as_deref(), Some(&answer));
        assert_eq!(results.of("B", "q", 6), None);
        assert_eq!(results.of("A", "q", 5 + LIFETIME_MS), None);
        assert_eq!(results.of("A", "failed", 6), None);
    }

    #[test]
    fn the_oldest_make_room() {
        let results = Results::default();
        let large = ResultSet::status("x".repeat(MOST_BYTES / 2 - 1000));
        for id in ["q1", "q2", "q3"] {
            results.keep(&session(1, "A"), id, Some(&large), 0);
        }
        let there = ["q1", "q2", "q3"].map(|id| results.of("A", id, 1).is_some());
        assert_eq!(there, [false, true, true]);
        assert!(results.lock().bytes <= MOST_BYTES);
        let most = i64::try_from(MOST_STATEMENTS).unwrap();
        for id in 0..=most {
            results.keep(&session(1, "A"), &id.to_string(), None, 0);
        }
        assert_eq!(results.nth(1, 1).as_deref(), Some("1"));
        assert_eq!(results.lock().bytes, 0);
    }
}
