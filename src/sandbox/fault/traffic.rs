//! Everything that goes between programs and the embedded clouds passes here: it meets its faults, and is written down.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::active::{Active, chance};
use super::{Kind, Pattern, Plan, Rule, Span};
use crate::sandbox::calls::{Call, Entry, Log, Outcome};
use crate::sandbox::clock::Clock;

/// The calls of both clouds, and what is to happen to them.
#[derive(Debug, Default)]
pub struct Traffic {
    clock: Arc<Clock>,
    log: Log,
    faults: Mutex<Active>,
}

/// What happens to one call.
#[derive(Debug, Default)]
pub struct Struck {
    kinds: Vec<Hit>,
}

#[derive(Debug)]
struct Hit {
    name: String,
    kind: Kind,
    resource: Option<Pattern>,
    chance: f64,
    source: (u64, usize),
}

/// A call under way.
#[derive(Debug)]
pub struct Passing {
    call: Call,
    seq: u64,
    at_ms: i64,
    began: Instant,
    /// What happens to it.
    pub struck: Struck,
}

impl Traffic {
    /// The traffic of clouds with this clock, written down in a log.
    pub fn new(clock: Arc<Clock>, log: Log) -> Self {
        Self { clock, log, faults: Mutex::default() }
    }

    /// The time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// The time, to share.
    pub(in crate::sandbox) fn shared_clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }

    /// From now on this is to go wrong, and nothing else.
    pub fn set_faults(&self, plan: impl Into<Plan>) {
        *self.faults() = Active::new(plan.into(), self.clock.now_ms());
    }

    /// From now on this is to go wrong, too.
    pub fn add_fault(&self, rule: Rule) {
        self.faults().add(rule, self.clock.now_ms());
    }

    /// How often rules that say how often have yet to happen.
    pub fn waiting(&self) -> u64 {
        self.faults().waiting()
    }

    /// How long what was there before a change is to be remembered: as long as any read may not see the change.
    pub(in crate::sandbox) fn memory(&self) -> Option<Duration> {
        self.faults().memory()
    }

    /// The calls so far, in order; of very many only the last ones.
    pub fn calls(&self) -> Vec<Entry> {
        self.log.entries()
    }

    /// A call has come in.
    pub(in crate::sandbox) fn enter(&self, call: Call) -> Passing {
        let at_ms = self.clock.now_ms();
        let struck = self.faults().strike(&call, at_ms);
        Passing { call, seq: self.log.next(), at_ms, began: Instant::now(), struck }
    }

    /// A call has been answered, or not.
    pub(in crate::sandbox) fn leave(&self, passing: Passing, outcome: Outcome) {
        let Passing { call, seq, at_ms, began, struck } = passing;
        let fault = struck.names();
        self.log.write(Entry::new(seq, at_ms, &call, outcome, fault, began.elapsed()));
    }

    fn faults(&self) -> MutexGuard<'_, Active> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Passing {
    /// The call.
    pub fn call(&self) -> &Call {
        &self.call
    }
}

impl Struck {
    pub(super) fn add(&mut self, rule: &Rule, chance: f64, source: (u64, usize)) {
        self.kinds.push(Hit {
            name: rule.name().to_owned(),
            kind: rule.kind.clone(),
            resource: rule.place.resource.clone(),
            chance,
            source,
        });
    }

    /// Whether nothing happens.
    pub(in crate::sandbox) fn is_nothing(&self) -> bool {
        self.kinds.is_empty()
    }

    /// What happens, in the order of the rules.
    pub(in crate::sandbox) fn kinds(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.iter().map(|hit| &hit.kind)
    }

    /// What answers in the place of the cloud.
    pub(in crate::sandbox) fn before(&self) -> Option<&Kind> {
        self.kinds().find(|kind| kind.comes_before())
    }

    /// What happens to the answer.
    pub(in crate::sandbox) fn after(&self) -> Option<&Kind> {
        self.kinds().find(|kind| kind.comes_after())
    }

    /// Takes the time that the call is to take longer.
    pub(in crate::sandbox) async fn delay(&self) {
        let lengths = self.kinds.iter().filter_map(|hit| match hit.kind {
            Kind::Delay(span) => Some(span.at(hit.chance)),
            _ => None,
        });
        let all: Duration = lengths.sum();
        if !all.is_zero() {
            tokio::time::sleep(all).await;
        }
    }

    /// Whether an object is hidden; without a name, whether everything is.
    pub(in crate::sandbox) fn hides(&self, name: Option<&str>) -> bool {
        self.kinds.iter().filter(|hit| hit.kind == Kind::Hidden).any(|hit| match (&hit.resource, name) {
            (None, _) => true,
            (Some(pattern), Some(name)) => pattern.fits(name),
            (Some(_), None) => false,
        })
    }

    /// How long a change of this number stays unseen: by reads, or (`iam`) by decisions.
    pub(in crate::sandbox) fn lag(&self, iam: bool, change: u64) -> Option<Duration> {
        let span = |kind: &Kind| match kind {
            Kind::StaleReads(span) if !iam => Some(*span),
            Kind::IamNotPropagated(span) if iam => Some(*span),
            _ => None,
        };
        let of = |hit: &Hit| {
            let (seed, rule) = hit.source;
            span(&hit.kind).map(|span: Span| span.at(chance(&format!("{seed} {rule} change {change}"))))
        };
        self.kinds.iter().filter_map(of).max()
    }

    /// The names of the rules, for the log.
    fn names(&self) -> Option<String> {
        let names: Vec<&str> = self.kinds.iter().map(|hit| hit.name.as_str()).collect();
        (!names.is_empty()).then(|| names.join("+"))
    }
}
