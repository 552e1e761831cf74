//! What is tried again, how often, and after which pause. One table.

use std::time::Duration;

use crate::cloud::{Class, CloudError, Which};
use crate::model::{Act, Call};

/// How long an apply waits for clouds to catch up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The longest a passing refusal of one operation is retried, and the longest a wait lasts.
    pub budget: Duration,
}

impl Default for Patience {
    /// Two minutes, the time within which IAM, KMS and S3 settle (facts of AWS's own practice and Terraform's).
    fn default() -> Self {
        Self { budget: Duration::from_mins(2) }
    }
}

/// Whether an operation that was refused may be tried again after `attempts` tries. `settling` says whether this run changed
/// something that may not be visible everywhere yet.
pub(super) fn may_retry(act: &Act, error: &CloudError, attempts: u32, settling: bool) -> bool {
    match error.class {
        Class::Throttle => attempts < 10,
        Class::Unreachable => attempts < 5,
        Class::Propagation => settling,
        Class::Conflict => true,
        // The answer was lost. Whatever may be done twice with the same effect is done again; anything else is left to the next run, which
        // looks first.
        Class::Unknown => attempts < 5 && is_idempotent(act),
        Class::NotFound | Class::Permanent => settling && not_visible_yet(error),
        Class::Authentication | Class::AlreadyExists => false,
    }
}

/// Whether what is missing may only be invisible: AWS's services learn of each other's changes, and of their own, with a delay.
fn not_visible_yet(error: &CloudError) -> bool {
    error.which == Which::Aws && crate::cloud::aws::codes::propagation(&error.code, &error.message)
}

/// Whether doing it twice is the same as doing it once.
fn is_idempotent(act: &Act) -> bool {
    match act {
        Act::Wait(_) => true,
        // The session protocol replays a lost request under its own ID; past that, look first.
        Act::Sql(_) => false,
        Act::Aws(call) => !matches!(
            call,
            Call::CreateBucket { .. }
                | Call::CreateKey { .. }
                | Call::CreateAlias { .. }
                | Call::CreateRole { .. }
                | Call::CreatePolicy { .. }
                | Call::CreateUser { .. }
                | Call::CreateAccessKey { .. }
                | Call::ScheduleKeyDeletion { .. }
                | Call::CancelKeyDeletion { .. }
        ),
    }
}

/// Whether a refusal means that a deletion has nothing left to do.
pub(super) fn is_gone_already(act: &Act, error: &CloudError) -> bool {
    let deletes = match act {
        Act::Sql(text) => text.to_string().starts_with("DROP "),
        Act::Aws(call) => ["Delete", "Detach"].iter().any(|verb| call.operation().starts_with(verb)),
        Act::Wait(_) => false,
    };
    deletes && error.class == Class::NotFound
}

/// The pause before another try: dense at first, then slower, with full jitter (`chance` in 0..1) once it is more than a second.
pub(super) fn pause(attempts: u32, chance: f64) -> Duration {
    let base = 0.25 * 1.6_f64.powi(attempts.min(10).cast_signed());
    let seconds = if base > 1.0 { base.min(8.0) * (0.5 + chance / 2.0) } else { base };
    Duration::from_secs_f64(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_and_stay_bounded() {
        let pauses: Vec<f64> = (0..20).map(|n| pause(n, 1.0).as_secs_f64()).collect();
        assert!(pauses.windows(2).all(|pair| pair[0] <= pair[1]), "{pauses:?}");
        assert!(pauses[0] <= 0.25 && pauses[19] <= 8.0, "{pauses:?}");
    }
}
