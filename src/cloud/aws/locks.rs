//! One writer per object: S3 refuses overlapping writes to one bucket (409 `OperationAborted`), IAM to one role (409
//! `ConcurrentModification`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// A lock for each object that was written to.
#[derive(Debug, Default)]
pub(super) struct Locks(Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<()>>>>);

impl Locks {
    /// Waits until nobody else writes to the object; the lock is held until the answer is dropped.
    pub(super) async fn hold(&self, object: String) -> OwnedMutexGuard<()> {
        let lock = Arc::clone(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(object).or_default());
        lock.lock_owned().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test]
    async fn the_same_object_waits_and_another_does_not() {
        let locks = Locks::default();
        let held = locks.hold("bucket a".into()).await;
        let soon = Duration::from_millis(20);
        assert!(tokio::time::timeout(soon, locks.hold("bucket b".into())).await.is_ok());
        assert!(tokio::time::timeout(soon, locks.hold("bucket a".into())).await.is_err());
        drop(held);
        assert!(tokio::time::timeout(soon, locks.hold("bucket a".into())).await.is_ok());
    }
}
