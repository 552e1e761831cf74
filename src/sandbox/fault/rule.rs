//! One rule: where, when and what.

use std::time::Duration;

use super::Pattern;
use crate::sandbox::calls::{Call, Cloud};

/// A rule. Built for a test as in `Rule::new(Kind::Throttle { retry_after: None }).operation("GetRole").times(2)`.
#[derive(Clone, Debug)]
pub struct Rule {
    pub(super) name: Option<String>,
    pub(super) kind: Kind,
    pub(super) place: Where,
    pub(super) when: When,
}

/// What happens.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// The call is refused and has no effect.
    Refuse {
        /// HTTP status; absent: 400 for AWS; for Snowflake 200, or 503 if there is no code.
        status: Option<u16>,
        /// The cloud's code: `AccessDenied`, `002003`. Without one, Snowflake answers with the bare status.
        code: String,
        /// The cloud's message.
        message: String,
    },
    /// The call is refused because there are too many, in the words of the service.
    Throttle {
        /// The header `Retry-After`, in seconds; Snowflake sends it.
        retry_after: Option<u64>,
    },
    /// The cloud fails, with status 500 or 503.
    Failure {
        /// 500 or 503.
        status: u16,
        /// Whether the call has had its effect.
        effect: bool,
    },
    /// No connection is made; the call has no effect.
    Unreachable,
    /// The connection breaks before the call has an effect, which the caller cannot know.
    Reset,
    /// The call has its effect, and the connection breaks before the answer.
    DropAnswer,
    /// The call has its effect, and the connection breaks in the middle of the answer.
    CutBody,
    /// The call has its effect, and the first half of the answer comes as if it were all.
    HalfAnswer,
    /// The call takes longer.
    Delay(Span),
    /// AWS: reads do not see what was changed within this time.
    StaleReads(Span),
    /// AWS: who a policy may name, and who may do what, is decided without what was changed in IAM within this time.
    IamNotPropagated(Span),
    /// Reads answer as if the caller lacked the rights.
    Hidden,
    /// Snowflake: a `SHOW` is as full as can be: this many rows, objects of others first.
    ShowCap {
        /// Snowflake lists 10,000.
        rows: usize,
    },
    /// Snowflake: rows are missing from the answer, though they are counted.
    Missing {
        /// How many.
        rows: usize,
        /// Whether only answers to `SHOW` are meant.
        show: bool,
    },
    /// Snowflake: the session's token expires now (390112).
    SessionExpired,
    /// Snowflake: the session ends now (390111), or its master token expires too (390114).
    SessionGone {
        /// Whether the session is still there, but can only be logged in to anew.
        master_expired: bool,
    },
    /// Snowflake: the statement is done, and this many answers say that it still runs.
    InProgress {
        /// How many.
        polls: usize,
    },
    /// Snowflake: all rows but the first lie in parts elsewhere.
    Chunked {
        /// Rows inside the answer.
        inline: usize,
        /// Rows of each part.
        rows: usize,
        /// Whether the answer gives the key alone, instead of the headers to send.
        key_only: bool,
    },
}

/// A length of time, or a range to draw from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    pub(super) least: Duration,
    pub(super) most: Duration,
}

impl Span {
    /// Anything between the two, drawn anew each time.
    pub fn between(least: Duration, most: Duration) -> Self {
        Self { least, most: most.max(least) }
    }

    /// The length for a draw in 0..1.
    pub(super) fn at(self, chance: f64) -> Duration {
        self.least + self.most.saturating_sub(self.least).mul_f64(chance.clamp(0.0, 1.0))
    }
}

impl From<Duration> for Span {
    fn from(exactly: Duration) -> Self {
        Self { least: exactly, most: exactly }
    }
}

/// So many calls of one operation are let through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// In one second.
    pub per_second: f64,
    /// At once, after a pause.
    pub burst: f64,
}

/// Which calls are meant. What is not said fits all.
#[derive(Clone, Debug, Default)]
pub(super) struct Where {
    pub(super) cloud: Option<Cloud>,
    pub(super) mutating: Option<bool>,
    pub(super) method: Option<String>,
    pub(super) who: Option<Pattern>,
    pub(super) service: Option<Pattern>,
    pub(super) operation: Option<Pattern>,
    pub(super) resource: Option<Pattern>,
    pub(super) sql: Option<Pattern>,
    pub(super) path: Option<Pattern>,
}

/// Which of the calls that are meant. What is not said holds always.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct When {
    pub(super) call: Option<u64>,
    pub(super) every: Option<u64>,
    pub(super) times: Option<u64>,
    pub(super) probability: Option<f64>,
    pub(super) rate: Option<Rate>,
    pub(super) after: Option<Duration>,
    pub(super) lasting: Option<Duration>,
}

impl Rule {
    /// This happens to every call it can happen to.
    pub fn new(kind: Kind) -> Self {
        Self { name: None, kind, place: Where::default(), when: When::default() }
    }

    /// A refusal with a code, without an effect.
    pub fn refuse(code: &str, message: &str) -> Self {
        Self::new(Kind::Refuse { status: None, code: code.into(), message: message.into() })
    }

    /// A bare HTTP status, as a load balancer gives it.
    pub fn status(status: u16) -> Self {
        Self::new(Kind::Refuse { status: Some(status), code: String::new(), message: String::new() })
    }

    /// Only calls of this operation, or statements of this class (`CREATE STAGE`); a pattern.
    ///
    /// # Panics
    /// As all of these do, if the text is not a pattern: they are for patterns that stand in code. Files are read by [`super::read`].
    #[must_use]
    pub fn operation(mut self, pattern: &str) -> Self {
        self.place.operation = Some(fixed(pattern));
        self
    }

    /// Only calls of this service; a pattern.
    #[must_use]
    pub fn service(mut self, pattern: &str) -> Self {
        self.place.service = Some(fixed(pattern));
        self
    }

    /// Only calls of this caller; a pattern.
    #[must_use]
    pub fn who(mut self, pattern: &str) -> Self {
        self.place.who = Some(fixed(pattern));
        self
    }

    /// Only calls about this; a pattern.
    #[must_use]
    pub fn resource(mut self, pattern: &str) -> Self {
        self.place.resource = Some(fixed(pattern));
        self
    }

    /// Only this statement, in whichever request it is asked about; a pattern.
    #[must_use]
    pub fn sql(mut self, pattern: &str) -> Self {
        self.place.sql = Some(fixed(pattern));
        self
    }

    /// Only requests to this path; a pattern.
    #[must_use]
    pub fn path(mut self, pattern: &str) -> Self {
        self.place.path = Some(fixed(pattern));
        self
    }

    /// Only calls to this cloud.
    #[must_use]
    pub fn cloud(mut self, cloud: Cloud) -> Self {
        self.place.cloud = Some(cloud);
        self
    }

    /// Only calls that change something, or only those that do not.
    #[must_use]
    pub fn mutating(mut self, mutating: bool) -> Self {
        self.place.mutating = Some(mutating);
        self
    }

    /// Only the N-th call of those that are meant, from 1.
    #[must_use]
    pub fn call(mut self, number: u64) -> Self {
        self.when.call = Some(number);
        self
    }

    /// Only every N-th call of those that are meant.
    #[must_use]
    pub fn every(mut self, step: u64) -> Self {
        self.when.every = Some(step);
        self
    }

    /// Not more often than this.
    #[must_use]
    pub fn times(mut self, most: u64) -> Self {
        self.when.times = Some(most);
        self
    }

    /// With this probability.
    #[must_use]
    pub fn probability(mut self, chance: f64) -> Self {
        self.when.probability = Some(chance);
        self
    }

    /// Only calls beyond this rate.
    #[must_use]
    pub fn beyond(mut self, rate: Rate) -> Self {
        self.when.rate = Some(rate);
        self
    }

    /// Its name in the log: its own, or that of what it does.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or_else(|| self.kind.name())
    }

    /// Whether a call is meant.
    pub(super) fn means(&self, call: &Call) -> bool {
        let Where { cloud, mutating, method, who, service, operation, resource, sql, path } = &self.place;
        let fits = |pattern: &Option<Pattern>, text: &str| pattern.as_ref().is_none_or(|pattern| pattern.fits(text));
        // What is hidden from a SHOW are rows.
        let resource = resource.as_ref().filter(|_| !(self.kind == Kind::Hidden && call.is_show()));
        cloud.is_none_or(|cloud| cloud == call.cloud)
            && mutating.is_none_or(|mutating| mutating == call.mutating)
            && method.as_ref().is_none_or(|method| method.eq_ignore_ascii_case(&call.method))
            && fits(who, &call.who)
            && fits(service, &call.service)
            && fits(operation, &call.operation)
            && resource.is_none_or(|pattern| pattern.fits(&call.resource))
            && sql.as_ref().is_none_or(|pattern| call.statement.as_deref().is_some_and(|sql| pattern.fits(sql)))
            && fits(path, &call.path)
            && self.kind.can_happen_to(call)
    }
}

#[expect(clippy::panic, reason = "a pattern that stands in code is right or wrong once and for all")]
fn fixed(pattern: &str) -> Pattern {
    Pattern::new(pattern).unwrap_or_else(|error| panic!("{error}"))
}

/// Reads of objects: S3 has them consistent since 2020.
const CONSISTENT: [&str; 5] =
    ["GetObject", "HeadObject", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads"];

impl Kind {
    /// Its name in a file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Refuse { .. } => "refuse",
            Self::Throttle { .. } => "throttle",
            Self::Failure { status: 503, .. } => "error503",
            Self::Failure { .. } => "error500",
            Self::Unreachable => "unreachable",
            Self::Reset => "reset",
            Self::DropAnswer => "drop_answer",
            Self::CutBody => "cut_body",
            Self::HalfAnswer => "half_answer",
            Self::Delay(_) => "delay",
            Self::StaleReads(_) => "stale_reads",
            Self::IamNotPropagated(_) => "iam_not_propagated",
            Self::Hidden => "hidden",
            Self::ShowCap { .. } => "show_cap",
            Self::Missing { show: true, .. } => "show_short",
            Self::Missing { show: false, .. } => "missing_row",
            Self::SessionExpired => "session_expired",
            Self::SessionGone { .. } => "session_gone",
            Self::InProgress { .. } => "in_progress",
            Self::Chunked { .. } => "chunked",
        }
    }

    /// The only cloud it can happen in, if there is only one.
    pub(super) fn cloud(&self) -> Option<Cloud> {
        match self {
            Self::StaleReads(_) | Self::IamNotPropagated(_) => Some(Cloud::Aws),
            Self::ShowCap { .. }
            | Self::Missing { .. }
            | Self::SessionExpired
            | Self::SessionGone { .. }
            | Self::InProgress { .. }
            | Self::Chunked { .. } => Some(Cloud::Snowflake),
            _ => None,
        }
    }

    fn can_happen_to(&self, call: &Call) -> bool {
        if self.cloud().is_some_and(|cloud| cloud != call.cloud) {
            return false;
        }
        let statement = call.service == "sql";
        match self {
            Self::StaleReads(_) => !call.mutating && !CONSISTENT.contains(&call.operation.as_str()),
            Self::Hidden if call.cloud == Cloud::Aws => !call.mutating,
            Self::Hidden => statement && !call.operation.starts_with("CREATE"),
            Self::ShowCap { .. } | Self::Missing { show: true, .. } => statement && call.is_show(),
            Self::InProgress { .. } => call.runs(),
            // A login has no session yet, and ends none.
            Self::SessionExpired
            | Self::SessionGone { .. }
            | Self::Chunked { .. }
            | Self::Missing { show: false, .. } => statement,
            _ => true,
        }
    }

    /// Whether it answers in the place of the cloud.
    pub(super) fn comes_before(&self) -> bool {
        matches!(
            self,
            Self::Refuse { .. }
                | Self::Throttle { .. }
                | Self::Failure { effect: false, .. }
                | Self::Unreachable
                | Self::Reset
                | Self::SessionExpired
                | Self::SessionGone { .. }
        )
    }

    /// Whether it happens to the answer on its way.
    pub(super) fn comes_after(&self) -> bool {
        matches!(self, Self::Failure { effect: true, .. } | Self::DropAnswer | Self::CutBody | Self::HalfAnswer)
    }
}
