//! The sessions that are open, and the tokens that lead to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use uuid::Uuid;

use super::envelope::Refused;
use crate::sandbox::snowflake::answer::SessionState;

/// More sessions than this are not kept open.
const MOST: usize = 10_000;

/// One session.
pub(super) struct Session {
    pub(super) id: u64,
    pub(super) user: String,
    state: Mutex<SessionState>,
}

impl Session {
    /// What the session has set.
    pub(super) fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes over what a statement has changed, and nothing else: another may have changed something meanwhile.
    pub(super) fn adopt(&self, before: &SessionState, after: SessionState) {
        let mut state = self.state();
        if after.role != before.role {
            state.role = after.role;
        }
        if after.warehouse != before.warehouse {
            state.warehouse = after.warehouse;
        }
        if (&after.database, &after.schema) != (&before.database, &before.schema) {
            (state.database, state.schema) = (after.database, after.schema);
        }
        for name in before.parameters.keys().filter(|name| !after.parameters.contains_key(*name)) {
            state.parameters.remove(name);
        }
        for (name, value) in after.parameters {
            if before.parameters.get(&name) != Some(&value) {
                state.parameters.insert(name, value);
            }
        }
    }
}

/// All sessions. Times are milliseconds since the epoch.
#[derive(Default)]
pub(super) struct Sessions {
    /// How many there have been.
    started: u64,
    open: BTreeMap<u64, Arc<Session>>,
    tokens: BTreeMap<String, Token>,
    masters: BTreeMap<String, Token>,
}

struct Token {
    session: u64,
    until: i64,
}

/// The tokens of a session.
pub(super) struct Pair {
    pub(super) session: u64,
    pub(super) token: String,
    pub(super) master: String,
}

/// How long tokens last.
#[derive(Clone, Copy)]
pub(super) struct Lifetimes {
    pub(super) token: Duration,
    pub(super) master: Duration,
}

impl Sessions {
    pub(super) fn start(&mut self, mut state: SessionState, now: i64, last: Lifetimes) -> Result<Pair, Refused> {
        self.forget_expired(now);
        if self.open.len() >= MOST {
            return Err(Refused::new("390400", "The sandbox keeps no more sessions: close some."));
        }
        self.started += 1;
        // Real ones do not fit into 32 bits, which clients have to cope with.
        let id = 1_152_921_504_606_850_000 + self.started;
        state.id = id;
        self.open.insert(id, Arc::new(Session { id, user: state.user.clone(), state: Mutex::new(state) }));
        Ok(self.issue(id, now, last))
    }

    /// New tokens for the session of a master token, in the stead of those it has.
    pub(super) fn renew(&mut self, given: &str, now: i64, last: Lifetimes) -> Result<Pair, Refused> {
        let session = self.of_master(given, now)?;
        self.masters.remove(given);
        for old in self.tokens.values_mut().filter(|old| old.session == session) {
            old.until = old.until.min(now);
        }
        Ok(self.issue(session, now, last))
    }

    /// Tokens for the session of a master token, beside those it has.
    pub(super) fn issue_more(&mut self, given: &str, now: i64, last: Lifetimes) -> Result<Pair, Refused> {
        let session = self.of_master(given, now)?;
        Ok(self.issue(session, now, last))
    }

    fn of_master(&self, given: &str, now: i64) -> Result<u64, Refused> {
        let Some(known) = self.masters.get(given) else {
            return Err(Refused::new("390113", "Master token must be provided or is not valid. Please log in again."));
        };
        if known.until <= now {
            return Err(Refused::new("390114", "Authentication token has expired.  The user must authenticate again."));
        }
        Ok(known.session)
    }

    fn issue(&mut self, session: u64, now: i64, last: Lifetimes) -> Pair {
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let until = |last: Duration| now.saturating_add(i64::try_from(last.as_millis()).unwrap_or(i64::MAX));
        let pair = Pair { session, token: random(), master: random() };
        self.tokens.insert(pair.token.clone(), Token { session, until: until(last.token) });
        self.masters.insert(pair.master.clone(), Token { session, until: until(last.master) });
        pair
    }

    /// Sessions that nothing can lead to any more are gone.
    fn forget_expired(&mut self, now: i64) {
        self.masters.retain(|_, master| master.until > now);
        let live: std::collections::BTreeSet<u64> = self.masters.values().map(|master| master.session).collect();
        self.open.retain(|id, _| live.contains(id));
        self.tokens.retain(|_, token| live.contains(&token.session));
    }

    /// The session of a token.
    pub(super) fn find(&self, token: &str, now: i64) -> Result<Arc<Session>, Refused> {
        let (session, until) = self.of_token(token)?;
        if until <= now {
            return Err(Refused::new("390112", "Your session has expired. Please login again."));
        }
        Ok(session)
    }

    fn of_token(&self, token: &str) -> Result<(Arc<Session>, i64), Refused> {
        if token.is_empty() || token == "None" {
            return Err(Refused::new("390103", "Session token not found in the request data."));
        }
        let known = self.tokens.get(token).ok_or_else(|| {
            Refused::new("390104", "Session token is invalid. The user must log in again to access the service.")
        })?;
        let gone = || Refused::new("390111", "Session no longer exists.  New login required to access the service.");
        Ok((self.open.get(&known.session).cloned().ok_or_else(gone)?, known.until))
    }

    /// Ends the session of a token, and tells which it was. A token that has expired is good enough for that.
    pub(super) fn end(&mut self, token: &str) -> Result<u64, Refused> {
        let session = self.of_token(token)?.0.id;
        self.open.remove(&session);
        self.masters.retain(|_, master| master.session != session);
        Ok(session)
    }

    pub(super) fn end_all(&mut self) {
        self.open.clear();
        self.masters.clear();
    }

    pub(super) fn expire_tokens(&mut self, now: i64) {
        for token in self.tokens.values_mut() {
            token.until = token.until.min(now);
        }
    }

    /// The tokens of a token's session expire, and if `master` is set those that renew them, too.
    pub(super) fn expire(&mut self, token: &str, now: i64, master: bool) {
        let Some(session) = self.tokens.get(token).map(|token| token.session) else { return };
        let masters = self.masters.values_mut().filter(|_| master);
        for token in self.tokens.values_mut().chain(masters).filter(|token| token.session == session) {
            token.until = token.until.min(now);
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}
