//! Statements the server may still be running, so that an interrupt can stop them.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use uuid::Uuid;

/// Statements that were sent and not answered, by request.
#[derive(Debug, Default)]
pub(super) struct InFlight(Mutex<BTreeSet<Uuid>>);

impl InFlight {
    /// Notes a statement. It stays noted if whoever waits for it goes away: the server goes on with it.
    pub(super) fn begins(&self, request: Uuid) {
        self.lock().insert(request);
    }

    /// It has been answered.
    pub(super) fn ends(&self, request: Uuid) {
        self.lock().remove(&request);
    }

    /// All of them; they are forgotten.
    pub(super) fn take(&self) -> Vec<Uuid> {
        std::mem::take(&mut *self.lock()).into_iter().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeSet<Uuid>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
