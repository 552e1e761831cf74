//! What is to go wrong in the embedded clouds: one plan for both, written in a file or built in a test, and the state it is in.
//!
//! A plan is a list of rules. A rule says where (which calls), when (which of them) and what happens. Whether it happens depends on the
//! plan's seed, the calls so far and the sandbox's clock alone, so the same calls meet the same faults. `docs/faults.md` is the reference.

mod active;
mod file;
mod pattern;
mod problem;
mod rule;
mod traffic;
mod words;

pub use file::{kinds, read};
pub use pattern::{BadPattern, Pattern};
pub use problem::{Problem, Problems};
pub use rule::{Kind, Rate, Rule, Span};
pub use traffic::{Passing, Struck, Traffic};
pub(in crate::sandbox) use words::aws_refusal;

/// What is to go wrong.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    seed: u64,
    rules: Vec<Rule>,
}

impl Plan {
    /// A plan whose chances are drawn from a seed.
    pub fn seeded(seed: u64) -> Self {
        Self { seed, rules: Vec::new() }
    }

    /// The same plan with one more rule.
    #[must_use]
    pub fn with(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Its rules, in order.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

impl From<Rule> for Plan {
    fn from(rule: Rule) -> Self {
        Self::default().with(rule)
    }
}

/// In a response's extensions, it stands for a connection that breaks in the middle of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut;
