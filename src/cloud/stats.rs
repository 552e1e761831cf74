//! Counts of what was asked of the clouds, for `--stats`.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// What was asked of one cloud. Shared by all requests of a run.
#[derive(Debug, Default)]
pub struct Stats(Mutex<Inner>);

#[derive(Debug, Default, Clone)]
struct Inner {
    calls: BTreeMap<String, u64>,
    in_flight: usize,
    peak: usize,
    busy_since: Option<Instant>,
    waiting: Duration,
}

/// A snapshot of [`Stats`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by operation.
    pub calls: BTreeMap<String, u64>,
    /// The most that were under way at one time.
    pub peak: usize,
    /// How long at least one was under way.
    pub waiting: Duration,
}

impl Stats {
    /// Notes a request; it is under way until the answer is dropped.
    pub fn start(&self, operation: &str) -> UnderWay<'_> {
        let mut inner = self.lock();
        *inner.calls.entry(operation.to_owned()).or_default() += 1;
        inner.in_flight += 1;
        inner.peak = inner.peak.max(inner.in_flight);
        inner.busy_since.get_or_insert_with(Instant::now);
        UnderWay(self)
    }

    /// The counts so far.
    pub fn counts(&self) -> Counts {
        let inner = self.lock();
        Counts { calls: inner.calls.clone(), peak: inner.peak, waiting: inner.waiting }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A request under way.
#[derive(Debug)]
pub struct UnderWay<'a>(&'a Stats);

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.in_flight -= 1;
        if inner.in_flight == 0
            && let Some(since) = inner.busy_since.take()
        {
            inner.waiting += since.elapsed();
        }
    }
}
