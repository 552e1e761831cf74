//! The sessions that are open, and the tokens that lead to them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::envelope::Refused;
use super::statement::Statement;
use crate::sandbox::snowflake::answer::SessionState;

/// One session.
pub(super) struct Session {
    pub(super) id: u64,
    state: Mutex<SessionState>,
    /// What was asked, by request: a repetition gets the first one's answer.
    pub(super) asked: Mutex<BTreeMap<String, Arc<Statement>>>,
}

impl Session {
    /// What the session has set.
    pub(super) fn state(&self) -> MutexGuard<'_, SessionState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All sessions.
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
    until: Instant,
}

/// The tokens of a session.
pub(super) struct Pair {
    pub(super) session: u64,
    pub(super) token: String,
    pub(super) master: String,
}

impl Sessions {
    pub(super) fn start(&mut self, mut state: SessionState, token: Duration, master: Duration) -> Pair {
        self.started += 1;
        // Real ones do not fit into 32 bits, which clients have to cope with.
        let id = 1_152_921_504_606_850_000 + self.started;
        state.id = id;
        self.open.insert(id, Arc::new(Session { id, state: Mutex::new(state), asked: Mutex::default() }));
        self.issue(id, token, master)
    }

    /// New tokens for the session of a master token.
    pub(super) fn renew(&mut self, given: &str, token: Duration, master: Duration) -> Result<Pair, Refused> {
        let Some(known) = self.masters.get(given) else {
            return Err(Refused::new("390113", "Master token must be provided or is not valid. Please log in again."));
        };
        if known.until <= Instant::now() {
            return Err(Refused::new("390114", "Authentication token has expired.  The user must authenticate again."));
        }
        let session = known.session;
        self.masters.remove(given);
        for old in self.tokens.values_mut().filter(|old| old.session == session) {
            old.until = Instant::now();
        }
        Ok(self.issue(session, token, master))
    }

    fn issue(&mut self, session: u64, token: Duration, master: Duration) -> Pair {
        let random = || format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple());
        let pair = Pair { session, token: random(), master: random() };
        self.tokens.insert(pair.token.clone(), Token { session, until: Instant::now() + token });
        self.masters.insert(pair.master.clone(), Token { session, until: Instant::now() + master });
        pair
    }

    /// The session of a token.
    pub(super) fn find(&self, token: &str) -> Result<Arc<Session>, Refused> {
        let gone = || Refused::new("390111", "Session no longer exists.  New login required to access the service.");
        if token.is_empty() || token == "None" {
            return Err(Refused::new("390103", "Session token not found in the request data."));
        }
        let known = self.tokens.get(token).ok_or_else(|| {
            Refused::new("390104", "Session token is invalid. The user must log in again to access the service.")
        })?;
        let session = self.open.get(&known.session).ok_or_else(gone)?;
        if known.until <= Instant::now() {
            return Err(Refused::new("390112", "Your session has expired. Please login again."));
        }
        Ok(Arc::clone(session))
    }

    /// Ends the session of a token, and tells which it was.
    pub(super) fn end(&mut self, token: &str) -> Option<u64> {
        let session = self.tokens.get(token)?.session;
        self.open.remove(&session);
        self.masters.retain(|_, master| master.session != session);
        Some(session)
    }

    pub(super) fn end_all(&mut self) {
        self.open.clear();
        self.masters.clear();
    }

    pub(super) fn expire_tokens(&mut self) {
        for token in self.tokens.values_mut() {
            token.until = Instant::now();
        }
    }

    pub(super) fn open(&self) -> usize {
        self.open.len()
    }
}
