//! Runs a plan: starts a step as soon as what it needs is there, retries what can be retried, brings back what a failed step had suspended.
//!
//! It knows no kinds: everything it does is in the plan's operations, so it can run a plan another process wrote.

mod execute;
mod retry;

pub(crate) use execute::describe;
pub use execute::{Cause, StepError};
pub use retry::Patience;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use crate::cloud::Cloud;
use crate::model::Facts;
use crate::plan::{Plan, Step};
use execute::Run;

/// How far the user wants to go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stop {
    /// On.
    #[default]
    No,
    /// Start nothing new; finish what is under way.
    Soon,
}

/// Something that happened; the only thing that flows out of an apply while it runs.
#[derive(Clone, Debug)]
pub enum Event {
    /// A step began.
    Started {
        /// Its index in the plan.
        step: usize,
    },
    /// A step waits for something to become true.
    Waiting {
        /// Its index in the plan.
        step: usize,
        /// For what.
        what: String,
    },
    /// An operation was refused for a passing reason and is tried again.
    Retrying {
        /// Its index in the plan.
        step: usize,
        /// Why.
        why: String,
        /// After how long.
        pause: Duration,
    },
    /// A step is done.
    Done {
        /// Its index in the plan.
        step: usize,
        /// How long it took.
        took: Duration,
    },
    /// A step failed.
    Failed {
        /// Its index in the plan.
        step: usize,
        /// Why.
        error: StepError,
    },
    /// A step is not started, because another one failed.
    Skipped {
        /// Its index in the plan.
        step: usize,
        /// The step that failed.
        because: usize,
    },
}

/// How a step ended.
#[derive(Clone, Debug)]
pub enum End {
    /// All its operations succeeded.
    Done,
    /// It was started and failed; what it had suspended is restored where that was possible.
    Failed(StepError),
    /// It was not started: a step it needs failed.
    Skipped {
        /// That step.
        because: usize,
    },
    /// It was not started: the user stopped the run.
    NotStarted,
}

/// What an apply did.
#[derive(Debug)]
pub struct Outcome {
    /// How each step ended, by its index in the plan.
    pub ends: Vec<End>,
    /// Whether anything was changed in a cloud (or may have been).
    pub changed: bool,
    /// What is known now.
    pub facts: Facts,
    /// Whether the user stopped it.
    pub interrupted: bool,
}

impl Outcome {
    /// Whether all steps are done.
    pub fn is_complete(&self) -> bool {
        self.ends.iter().all(|end| matches!(end, End::Done))
    }
}

/// Runs all steps of a plan.
pub async fn apply(
    plan: &Plan,
    cloud: Arc<Cloud>,
    patience: Patience,
    events: mpsc::UnboundedSender<Event>,
    stop: watch::Receiver<Stop>,
) -> Outcome {
    let run = Arc::new(Run::new(cloud, patience, plan.facts.clone(), events, stop.clone()));
    let mut board = Board::new(&plan.steps);
    let mut tasks: JoinSet<(usize, Result<Duration, StepError>)> = JoinSet::new();
    let mut stop = stop;
    let mut watching = true;
    loop {
        if *stop.borrow() == Stop::No {
            for index in board.take_ready() {
                run.tell(Event::Started { step: index });
                let (run, work) = (Arc::clone(&run), plan.steps[index].clone());
                tasks.spawn(async move {
                    let begin = Instant::now();
                    (index, run.step(index, &work).await.map(|()| begin.elapsed()))
                });
            }
        }
        tokio::select! {
            finished = tasks.join_next() => match finished {
                None => break,
                Some(Ok((index, Ok(took)))) => {
                    run.tell(Event::Done { step: index, took });
                    board.done(index);
                }
                Some(Ok((index, Err(error)))) => {
                    run.tell(Event::Failed { step: index, error: error.clone() });
                    for skipped in board.failed(index, error) {
                        run.tell(Event::Skipped { step: skipped, because: index });
                    }
                }
                // A task that panicked or was cancelled: its step never ends, which the outcome shows as not started.
                Some(Err(_)) => {}
            },
            changed = stop.changed(), if watching => watching = changed.is_ok(),
        }
    }
    let interrupted = *stop.borrow() != Stop::No;
    Outcome { ends: board.ends(), changed: run.changed(), facts: run.facts(), interrupted }
}

/// Which steps are ready, done, failed, skipped.
struct Board {
    ends: Vec<Option<End>>,
    missing: Vec<usize>,
    next: BTreeMap<usize, Vec<usize>>,
    ready: Vec<usize>,
}

impl Board {
    fn new(steps: &[Step]) -> Self {
        let mut next: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (index, step) in steps.iter().enumerate() {
            step.after.iter().for_each(|first| next.entry(*first).or_default().push(index));
        }
        let missing: Vec<usize> = steps.iter().map(|step| step.after.len()).collect();
        let ready = (0..steps.len()).filter(|index| missing[*index] == 0).collect();
        Self { ends: vec![None; steps.len()], missing, next, ready }
    }

    fn take_ready(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.ready)
    }

    fn done(&mut self, index: usize) {
        self.ends[index] = Some(End::Done);
        for next in self.next.get(&index).cloned().unwrap_or_default() {
            self.missing[next] -= 1;
            if self.missing[next] == 0 && self.ends[next].is_none() {
                self.ready.push(next);
            }
        }
    }

    /// Skips everything that needs a failed step, directly or not.
    fn failed(&mut self, index: usize, error: StepError) -> Vec<usize> {
        self.ends[index] = Some(End::Failed(error));
        let mut skipped = Vec::new();
        let mut todo = self.next.get(&index).cloned().unwrap_or_default();
        while let Some(next) = todo.pop() {
            if self.ends[next].is_none() {
                self.ends[next] = Some(End::Skipped { because: index });
                skipped.push(next);
                todo.extend(self.next.get(&next).into_iter().flatten());
            }
        }
        skipped.sort_unstable();
        skipped
    }

    fn ends(self) -> Vec<End> {
        self.ends.into_iter().map(|end| end.unwrap_or(End::NotStarted)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(after: &[usize]) -> Step {
        Step { serves: Vec::new(), ops: Vec::new(), after: after.to_vec() }
    }

    #[test]
    fn a_failure_skips_its_dependants_and_nothing_else() {
        let mut board = Board::new(&[step(&[]), step(&[]), step(&[0]), step(&[2]), step(&[1])]);
        assert_eq!(board.take_ready(), [0, 1]);
        assert_eq!(board.failed(0, StepError::bug("x")), [2, 3]);
        board.done(1);
        assert_eq!(board.take_ready(), [4]);
        board.done(4);
        let ends = board.ends();
        assert!(matches!(
            ends[..],
            [End::Failed(_), End::Done, End::Skipped { because: 0 }, End::Skipped { because: 0 }, End::Done]
        ));
    }
}
