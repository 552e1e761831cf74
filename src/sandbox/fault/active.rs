//! A plan at work: what has been met so far, and what happens next.

use std::collections::BTreeMap;

use super::rule::Rate;
use super::{Kind, Plan, Rule, Struck};
use crate::sandbox::calls::Call;

/// A plan and its state.
#[derive(Debug, Default)]
pub(super) struct Active {
    seed: u64,
    rules: Vec<(Rule, State)>,
}

/// What a rule has met.
#[derive(Debug, Default)]
struct State {
    /// When the rule came into force, in milliseconds of the sandbox's clock.
    since: i64,
    /// Calls that are meant.
    met: u64,
    /// Calls it has happened to.
    struck: u64,
    /// Draws, by operation: calls to different operations may come in any order and still draw the same.
    draws: BTreeMap<(String, String), u64>,
    /// Token buckets by operation.
    buckets: BTreeMap<(String, String), Bucket>,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: i64,
}

impl Active {
    pub(super) fn new(plan: Plan, now: i64) -> Self {
        let mut active = Self { seed: plan.seed, rules: Vec::new() };
        plan.rules.into_iter().for_each(|rule| active.add(rule, now));
        active
    }

    pub(super) fn add(&mut self, rule: Rule, now: i64) {
        self.rules.push((rule, State { since: now, ..State::default() }));
    }

    /// How often rules that say how often have yet to happen.
    pub(super) fn waiting(&self) -> u64 {
        let left =
            |(rule, state): &(Rule, State)| rule.when.times.map_or(0, |times| times.saturating_sub(state.struck));
        self.rules.iter().map(left).sum()
    }

    /// The longest time that a read may lie behind, if any may.
    pub(super) fn memory(&self) -> Option<std::time::Duration> {
        let lag = |(rule, _): &(Rule, State)| match &rule.kind {
            Kind::StaleReads(span) | Kind::IamNotPropagated(span) => Some(span.most),
            _ => None,
        };
        self.rules.iter().filter_map(lag).max()
    }

    /// What happens to a call. Of the rules that answer in the place of the cloud the first one does, and then nothing can happen to the
    /// cloud's answer; of those the first one does, too. All others go together.
    pub(super) fn strike(&mut self, call: &Call, now: i64) -> Struck {
        let mut struck = Struck::default();
        let (mut before, mut after) = (false, false);
        let seed = self.seed;
        let order = (0..self.rules.len()).filter(|at| self.comes_before(*at)).collect::<Vec<_>>();
        let rest = (0..self.rules.len()).filter(|at| !self.comes_before(*at)).collect::<Vec<_>>();
        for at in order.into_iter().chain(rest) {
            let Some((rule, state)) = self.rules.get_mut(at) else { continue };
            if !rule.means(call) {
                continue;
            }
            state.met += 1;
            let taken = if rule.kind.comes_before() { before } else { rule.kind.comes_after() && (before || after) };
            if taken || !state.due(rule, call, now, (seed, at)) {
                continue;
            }
            state.struck += 1;
            before |= rule.kind.comes_before();
            after |= rule.kind.comes_after();
            let chance = state.draw(call, (seed, at), "length");
            struck.add(rule, chance, (seed, at));
        }
        struck
    }

    fn comes_before(&self, at: usize) -> bool {
        self.rules.get(at).is_some_and(|(rule, _)| rule.kind.comes_before())
    }
}

impl State {
    /// Whether a rule happens to the call it has just met.
    fn due(&mut self, rule: &Rule, call: &Call, now: i64, source: (u64, usize)) -> bool {
        let when = rule.when;
        let passed = u128::try_from(now.saturating_sub(self.since)).unwrap_or(0);
        let begun = when.after.is_none_or(|after| passed >= after.as_millis());
        let end = when.lasting.map(|lasting| (lasting + when.after.unwrap_or_default()).as_millis());
        // The bucket loses a token for every call, whatever else is asked; a draw is made for every call that could be hit.
        let beyond = when.rate.is_none_or(|rate| self.is_beyond(rate, call, now));
        begun
            && end.is_none_or(|end| passed < end)
            && when.call.is_none_or(|call| self.met == call)
            && when.every.is_none_or(|every| self.met.is_multiple_of(every))
            && when.times.is_none_or(|times| self.struck < times)
            && beyond
            && when.probability.is_none_or(|chance| self.draw(call, source, "strike") < chance)
    }

    /// A number in 0..1 that only the seed, the rule and the number of the call of its operation decide.
    fn draw(&mut self, call: &Call, (seed, rule): (u64, usize), what: &str) -> f64 {
        let number = self.draws.entry((format!("{what} {}", call.service), call.operation.clone())).or_default();
        *number += 1;
        chance(&format!("{seed} {rule} {what} {} {} {number}", call.service, call.operation))
    }

    fn is_beyond(&mut self, rate: Rate, call: &Call, now: i64) -> bool {
        let of = (call.service.clone(), call.operation.clone());
        let bucket = self.buckets.entry(of).or_insert(Bucket { tokens: rate.burst, filled: now });
        let passed = std::time::Duration::from_millis(u64::try_from(now.saturating_sub(bucket.filled)).unwrap_or(0));
        bucket.tokens = (bucket.tokens + passed.as_secs_f64() * rate.per_second).min(rate.burst);
        bucket.filled = now;
        if bucket.tokens < 1.0 {
            return true;
        }
        bucket.tokens -= 1.0;
        false
    }
}

/// A number in 0..1 that a text decides: FNV-1a, then the finishing steps of `SplitMix64`, which spread what differs little.
pub(super) fn chance(text: &str) -> f64 {
    let mut hash = text
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let top = u32::try_from((hash ^ (hash >> 31)) >> 32).unwrap_or(u32::MAX);
    f64::from(top) / (f64::from(u32::MAX) + 1.0)
}
