//! How long to wait between attempts.

use std::time::Duration;

/// The length of a second: tests make it shorter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    second: Duration,
}

/// Attempts after the first one.
pub(super) const RETRIES: u32 = 7;
/// No wait between attempts is longer, in seconds, unless the server asks for it.
const RETRY_CAP: f64 = 16.0;
/// The server's own wish is not followed further than this, in seconds.
const RETRY_AFTER_CAP: u64 = 120;

impl Default for Pace {
    fn default() -> Self {
        Self { second: Duration::from_secs(1) }
    }
}

impl Pace {
    /// Waits as if a second had this length.
    pub const fn with_second(second: Duration) -> Self {
        Self { second }
    }

    /// The wait before the attempt after `attempt` (which counts from 0): what the server asked for, else random up to a bound that
    /// doubles, so that many clients do not come back together.
    pub(super) fn retry(self, attempt: u32, retry_after: Option<u64>) -> Duration {
        match retry_after {
            Some(seconds) => self.seconds(u32::try_from(seconds.min(RETRY_AFTER_CAP)).map_or(0.0, f64::from)),
            None => self.seconds(random() * f64::from(2_u32.saturating_pow(attempt)).min(RETRY_CAP)),
        }
    }

    /// The wait before the poll after `polls` polls: half a second at first, five in the end.
    pub(super) fn poll(self, polls: u32) -> Duration {
        self.seconds((0.5 * 1.5_f64.powi(i32::try_from(polls).unwrap_or(i32::MAX))).min(5.0))
    }

    fn seconds(self, seconds: f64) -> Duration {
        self.second.mul_f64(seconds.max(0.0))
    }
}

/// At least 0, less than 1.
fn random() -> f64 {
    // The low 32 bits of a version 4 UUID are random.
    let [.., a, b, c, d] = uuid::Uuid::new_v4().into_bytes();
    f64::from(u32::from_be_bytes([a, b, c, d])) / (f64::from(u32::MAX) + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_bounded() {
        let pace = Pace::default();
        for attempt in 0..40 {
            let bound = 2_f64.powi(attempt).min(16.0);
            assert!(pace.retry(attempt.unsigned_abs(), None).as_secs_f64() < bound);
        }
        assert_eq!(pace.retry(0, Some(3)), Duration::from_secs(3));
        assert_eq!(pace.retry(0, Some(86_400)), Duration::from_mins(2));
        assert_eq!(pace.poll(0), Duration::from_millis(500));
        assert_eq!(pace.poll(1000), Duration::from_secs(5));
        assert_eq!(pace.poll(u32::MAX), Duration::from_secs(5));
        assert_eq!(Pace::with_second(Duration::from_millis(1)).poll(1000), Duration::from_millis(5));
    }
}
