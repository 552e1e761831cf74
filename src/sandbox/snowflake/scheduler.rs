//! When which task runs: schedules, and streams that have data, on the clock of the sandbox.
//!
//! What was due while nobody had the account open is not caught up run by run: an overdue task runs once, and then goes on as scheduled.

use std::cmp::Reverse;

use serde::{Deserialize, Serialize};

use super::answer::{SessionState, SqlError};
use super::context::Context;
use super::fail::Fallible;
use super::graph;
use super::history::{self, Cause, GraphRun, Progress, TaskRun};
use super::params;
use super::refresh::system;
use super::run::{Launch, Ran, asking_session};
use super::schedule::Schedule;
use super::simulator::Simulator;
use super::state::{Id, Kind};
use super::task::Task;

/// How long the condition of a task may not hold before Snowflake looks at it, so that its streams do not become stale.
const HEALTH_CHECK: i64 = 12 * 3_600_000;

/// What is known of the runs of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Pulse {
    /// When it was resumed; intervals count from here.
    since: i64,
    /// The next time of its schedule.
    due: Option<i64>,
    /// When its last run began, by a trigger.
    fired: Option<i64>,
    /// When its condition was last seen to hold, or was looked at.
    looked: i64,
    /// Runs in a row that failed.
    pub(super) failures: u64,
}

impl Task {
    /// The task has been resumed.
    pub(super) fn start(&mut self, now: i64) {
        self.started = true;
        self.last_committed = Some(now);
        self.last_suspended_reason = None;
        self.pulse.since = now;
        self.pulse.looked = now;
        self.pulse.failures = 0;
        self.pulse.due = self.next_time(now);
    }

    /// The task has been suspended.
    pub(super) fn stop(&mut self, now: i64, reason: &str) {
        self.started = false;
        self.last_suspended = Some(now);
        self.last_suspended_reason = Some(reason.to_owned());
        self.pulse.due = None;
    }

    fn next_time(&self, after: i64) -> Option<i64> {
        Schedule::read(self.schedule.as_deref()?)?.next(self.pulse.since, after)
    }

    fn may_overlap(&self) -> bool {
        self.overlap.as_deref().is_some_and(|policy| policy != "NO_OVERLAP")
    }

    fn asks_streams(&self) -> bool {
        self.when.as_deref().is_some_and(|when| when.to_uppercase().contains("SYSTEM$STREAM_HAS_DATA"))
    }
}

/// The next time of a started root's schedule.
pub(super) fn scheduled(task: &Task) -> Option<i64> {
    task.pulse.due.filter(|_| task.started && !task.is_child())
}

/// A root, when it may run next, and why.
struct Candidate {
    at: i64,
    id: Id,
    why: Why,
}

enum Why {
    /// Its schedule.
    Time,
    /// Its interval is over; whether it runs is up to its streams.
    Streams { health: i64, session: Box<SessionState>, condition: String, overlap: bool },
}

/// What comes next.
struct Next {
    at: i64,
    id: Id,
    what: What,
}

enum What {
    Time,
    Trigger,
    HealthCheck,
}

impl Simulator {
    /// When something of Snowflake's is due next; what is overdue is due in the past.
    ///
    /// # Errors
    /// When the account cannot be read or written.
    pub fn next_due(&self) -> Result<Option<i64>, SqlError> {
        Ok(self.next()?.map(|next| next.at))
    }

    /// Runs what is due now, in the order in which it is due, and tells what ran.
    ///
    /// # Errors
    /// When the state cannot be written; what goes wrong in a task is in its history.
    pub async fn run_due(&self) -> Result<Vec<Ran>, SqlError> {
        let mut ran = Vec::new();
        while let Some(launch) = self.take_due()? {
            ran.extend(self.run_graph(launch).await?);
        }
        Ok(ran)
    }

    /// The first run that is due; the time of the one after it is noted at once, so that no crash makes it run twice.
    pub(super) fn take_due(&self) -> Result<Option<Launch>, SqlError> {
        let now = self.clock().now_ms();
        while let Some(next) = self.next()?.filter(|next| next.at <= now) {
            let launch = match next.what {
                What::Time => self.on_time(&next)?,
                What::Trigger => Some(self.on_data(next.id)?),
                What::HealthCheck => {
                    self.health_check(next.id)?;
                    None
                }
            };
            if launch.is_some() {
                return Ok(launch);
            }
        }
        Ok(None)
    }

    fn next(&self) -> Fallible<Option<Next>> {
        let (candidates, now) = self.with(&mut system(), "", |cx| Ok((candidates(cx), cx.now)))?;
        let mut first: Option<Next> = None;
        let running = self.running().clone();
        for Candidate { at, id, why } in candidates {
            let next = match why {
                // A trigger waits for the run before it.
                Why::Streams { overlap: false, .. } if running.contains_key(&id) => continue,
                Why::Time => Next { at, id, what: What::Time },
                Why::Streams { health, mut session, condition, .. } => {
                    // A condition that cannot be answered (a lost source) does not hold.
                    let holds = self.condition(&mut session, &condition).unwrap_or(false);
                    if holds {
                        Next { at: at.max(now), id, what: What::Trigger }
                    } else {
                        Next { at: health, id, what: What::HealthCheck }
                    }
                }
            };
            if first.as_ref().is_none_or(|first| (next.at, next.id) < (first.at, first.id)) {
                first = Some(next);
            }
        }
        Ok(first)
    }

    /// The schedule says so. A task that asks streams runs only if they have data, without a word if they have none.
    fn on_time(&self, next: &Next) -> Fallible<Option<Launch>> {
        let id = next.id;
        let running = self.running().contains_key(&id);
        let asked = self.with(&mut system(), "", |cx| {
            let now = cx.now;
            let Some(task) = cx.edit().task_mut(id) else { return Ok(None) };
            task.pulse.due = task.next_time(now);
            // The time of a task that runs still is left out.
            if running && !task.may_overlap() {
                return Ok(None);
            }
            let condition = task.when.clone().filter(|_| task.asks_streams());
            Ok(Some((condition, asking_session(cx, id))))
        })?;
        let launch = |from, holds| Some(Launch { root: id, from, scheduled: next.at, holds, retry: None });
        let Some((condition, session)) = asked else { return Ok(None) };
        let (Some(condition), Some(mut session)) = (condition, session) else {
            return Ok(launch(Cause::Schedule, false));
        };
        match self.condition(&mut session, &condition) {
            Ok(true) => {
                self.on_data(id)?;
                Ok(launch(Cause::Trigger, true))
            }
            Ok(false) => {
                let unseen = self.with(&mut system(), "", |cx| {
                    Ok(cx.see().task(id).is_some_and(|task| cx.now - task.pulse.looked >= HEALTH_CHECK))
                })?;
                if unseen {
                    self.health_check(id)?;
                }
                Ok(None)
            }
            // The run will say what is wrong.
            Err(_) => Ok(launch(Cause::Schedule, false)),
        }
    }

    fn on_data(&self, id: Id) -> Fallible<Launch> {
        let now = self.with(&mut system(), "", |cx| {
            let now = cx.now;
            if let Some(task) = cx.edit().task_mut(id) {
                task.pulse.fired = Some(now);
                task.pulse.looked = now;
            }
            Ok(now)
        })?;
        Ok(Launch { root: id, from: Cause::Trigger, scheduled: now, holds: true, retry: None })
    }

    /// Nothing has come for long: Snowflake looks at the condition, which keeps streams fresh, and skips the run.
    fn health_check(&self, id: Id) -> Fallible<()> {
        let found = self.with(&mut system(), "", |cx| {
            let session = asking_session(cx, id);
            Ok(cx.see().task(id).and_then(|task| task.when.clone()).zip(session))
        })?;
        let Some((condition, mut session)) = found else { return Ok(()) };
        let outcome = self.condition(&mut session, &condition);
        self.with(&mut system(), "", |cx| {
            let now = cx.now;
            let Some(task) = cx.edit().task_mut(id) else { return Ok(()) };
            task.pulse.looked = now;
            let (state, error) = match outcome {
                // Data has come this very moment: the next look will see it.
                Ok(true) => return Ok(()),
                Ok(false) => (Progress::Skipped, super::run::not_now()),
                Err(error) => (Progress::Failed, (error.code.to_owned(), error.message)),
            };
            let (task, Some(object)) = (task.clone(), cx.see().get(id)) else { return Ok(()) };
            let (database, schema) = cx.see().container_names(object);
            let graph = GraphRun {
                root: id,
                root_uuid: task.uuid,
                version: task.version,
                run_id: now,
                group: uuid::Uuid::new_v4().to_string(),
                attempt: 1,
                from: Cause::Trigger,
                config: task.config,
            };
            let run = TaskRun {
                task: id,
                graph,
                name: object.name.clone(),
                database,
                schema,
                text: task.body,
                condition: task.when,
                state,
                error: Some(error),
                scheduled: now,
                completed: Some(now),
                ..TaskRun::default()
            };
            history::remember_run(cx, run);
            Ok(())
        })
    }
}

/// The started roots, with the earliest time at which each may run.
fn candidates(cx: &Context<'_>) -> Vec<Candidate> {
    let tasks = cx.see().objects.values().filter(|o| o.kind() == Kind::Task).map(|o| o.id);
    let mut found: Vec<Candidate> = tasks.filter_map(|id| candidate(cx, id)).collect();
    found.sort_by_key(|candidate| (candidate.at, Reverse(candidate.id)));
    found
}

fn candidate(cx: &Context<'_>, id: Id) -> Option<Candidate> {
    let task = cx.see().task(id)?;
    if !task.started || task.is_child() || !graph::roots(cx.see(), id).contains(&id) {
        return None;
    }
    if let Some(due) = task.pulse.due {
        return Some(Candidate { at: due, id, why: Why::Time });
    }
    if !task.is_triggered() {
        return None;
    }
    let seconds = params::effective(cx.see(), id, "USER_TASK_MINIMUM_TRIGGER_INTERVAL_IN_SECONDS").0;
    let interval = seconds.parse::<i64>().unwrap_or(30).saturating_mul(1000);
    let at = task.pulse.fired.map_or(task.pulse.since, |fired| fired.saturating_add(interval));
    let session = Box::new(asking_session(cx, id)?);
    let condition = task.when.clone()?;
    let (health, overlap) = (task.pulse.looked + HEALTH_CHECK, task.may_overlap());
    Some(Candidate { at, id, why: Why::Streams { health, session, condition, overlap } })
}
