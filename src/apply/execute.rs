//! The executor of one step. It decides nothing: it fills in facts, runs operations in order, and undoes what must not stay.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use tokio::sync::{mpsc, watch};

use super::retry::{is_gone_already, may_retry, pause};
use super::{Event, Patience, Stop};
use crate::cloud::{Class, Cloud, CloudError, Rows};
use crate::model::op::From;
use crate::model::{Act, Condition, Facts, Hold, Learn, Op, Probe, Vault, Wait};
use crate::plan::Step;

/// What S3 says to a key that it does not know, in the message that Snowflake passes on.
const UNKNOWN_KEY: &str = "InvalidAccessKeyId";

/// Why a step failed, and what became of what it had suspended.
#[derive(Clone, Debug)]
pub struct StepError {
    /// Which operation, as a statement or call.
    pub op: String,
    /// Why.
    pub cause: Cause,
    /// For each thing the step brought back after its failure: what, and why that failed too, if it did.
    pub undone: Vec<(String, Option<String>)>,
}

/// Why a step failed.
#[derive(Clone, Debug)]
pub enum Cause {
    /// A cloud refused.
    Cloud(CloudError),
    /// Waiting took longer than its budget.
    TimedOut {
        /// What was waited for.
        what: String,
        /// The last answer.
        last: String,
        /// What most likely is wrong.
        diagnosis: Vec<String>,
    },
    /// The user stopped it.
    Interrupted,
    /// A mistake of the program.
    Bug(String),
}

impl StepError {
    /// A mistake of the program.
    pub fn bug(message: impl Into<String>) -> Self {
        Self { op: String::new(), cause: Cause::Bug(message.into()), undone: Vec::new() }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cloud(error) => write!(f, "{error}"),
            Self::TimedOut { what, last, diagnosis: _ } => write!(f, "gave up waiting until {what}: {last}"),
            Self::Interrupted => f.write_str("interrupted"),
            Self::Bug(message) => write!(f, "bug in snowssi: {message}"),
        }
    }
}

/// What all steps of a run share.
pub(super) struct Run {
    cloud: Arc<Cloud>,
    patience: Patience,
    facts: Mutex<Facts>,
    events: mpsc::UnboundedSender<Event>,
    stop: watch::Receiver<Stop>,
    changed: AtomicBool,
}

/// What an operation answered.
enum Answer {
    Fields(crate::cloud::aws::Answer),
    Rows(Rows),
    Nothing,
}

impl Run {
    pub(super) fn new(
        cloud: Arc<Cloud>,
        patience: Patience,
        facts: Facts,
        events: mpsc::UnboundedSender<Event>,
        stop: watch::Receiver<Stop>,
    ) -> Self {
        Self { cloud, patience, facts: Mutex::new(facts), events, stop, changed: AtomicBool::new(false) }
    }

    /// Sends an event; nobody listening is fine.
    pub(super) fn tell(&self, event: Event) {
        drop(self.events.send(event));
    }

    pub(super) fn changed(&self) -> bool {
        self.changed.load(Ordering::Relaxed)
    }

    pub(super) fn facts(&self) -> Facts {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Runs the operations of a step in order. After a failure or a stop, what the done operations suspended is brought back, last first.
    pub(super) async fn step(&self, index: usize, step: &Step) -> Result<(), StepError> {
        let mut undo: Vec<Act> = Vec::new();
        // It lives as long as the step and leaves it nowhere: not as a fact, an event or an error.
        let mut vault = Vault::default();
        for op in &step.ops {
            let op = op.resolve(&self.facts());
            if let Err(cause) = self.op(index, &op, &mut vault).await {
                let undone = self.bring_back(index, undo).await;
                return Err(StepError { op: describe(&op.act), cause, undone });
            }
            undo.extend(op.undo);
        }
        Ok(())
    }

    async fn op(&self, index: usize, op: &Op, vault: &mut Vault) -> Result<(), Cause> {
        let answer = match &op.act {
            Act::Wait(wait) => self.wait(index, wait).await.map(|()| Answer::Nothing)?,
            act @ (Act::Sql(_) | Act::Aws(_)) => self.persist(index, act, vault).await?,
        };
        for Hold { held, field } in &op.hold {
            let told = match &answer {
                Answer::Fields(fields) => fields.secret(field),
                Answer::Rows(_) | Answer::Nothing => None,
            };
            let secret = told.ok_or_else(|| {
                Cause::Bug(format!("the answer to `{}` does not tell {}", describe(&op.act), held.name()))
            })?;
            vault.hold(held.clone(), secret.clone());
        }
        let mut facts = self.facts.lock().unwrap_or_else(PoisonError::into_inner);
        for Learn { fact, from } in &op.learn {
            let value = take(&answer, from)
                .ok_or_else(|| Cause::Bug(format!("the answer to `{}` does not tell {fact}", describe(&op.act))))?;
            facts.learn(fact.clone(), value);
        }
        Ok(())
    }

    /// Does one thing, again and again as long as the table allows.
    async fn persist(&self, index: usize, act: &Act, vault: &Vault) -> Result<Answer, Cause> {
        let begin = Instant::now();
        let mut attempts = 0;
        loop {
            let error = match self.once(act, vault).await {
                Ok(answer) => return Ok(answer),
                Err(error) if is_gone_already(act, &error) => return Ok(Answer::Nothing),
                Err(error) => error,
            };
            attempts += 1;
            let rest = pause(attempts - 1, chance());
            let in_budget = begin.elapsed() + rest < self.patience.budget;
            if !in_budget || !may_retry(act, &error, attempts, self.changed()) {
                return Err(Cause::Cloud(error));
            }
            self.tell(Event::Retrying { step: index, why: error.to_string(), pause: rest });
            if self.stopped_during(rest).await {
                return Err(Cause::Cloud(error));
            }
        }
    }

    async fn once(&self, act: &Act, vault: &Vault) -> Result<Answer, CloudError> {
        let result = match act {
            Act::Sql(text) => self.cloud.snowflake()?.query_with(text, vault).await.map(Answer::Rows),
            Act::Aws(call) => self.cloud.aws()?.call_with(call, vault).await.map(Answer::Fields),
            Act::Wait(_) => Ok(Answer::Nothing),
        };
        let effect = match &result {
            Ok(_) => !reads_only(act),
            Err(error) => error.class == Class::Unknown,
        };
        if effect {
            self.changed.store(true, Ordering::Relaxed);
        }
        result
    }

    /// Probes until the condition holds, dense at first; never a bare sleep.
    async fn wait(&self, index: usize, wait: &Wait) -> Result<(), Cause> {
        let Probe::Sql(text) = &wait.probe;
        let budget = wait.budget().min(self.patience.budget);
        let begin = Instant::now();
        let mut attempts = 0;
        loop {
            let last = match self.cloud.snowflake().map_err(Cause::Cloud)?.query(text).await {
                Ok(rows) => match unmet(wait.until, &rows) {
                    None => return Ok(()),
                    Some(answer) => answer,
                },
                Err(error) if wait.until == Condition::KeyIsKnown && !error.message.contains(UNKNOWN_KEY) => {
                    return Ok(());
                }
                Err(error) if matches!(error.class, Class::Authentication) => return Err(Cause::Cloud(error)),
                Err(error) => error.to_string(),
            };
            if attempts == 0 {
                self.tell(Event::Waiting { step: index, what: wait.what.clone() });
            }
            let rest = pause(attempts, chance()).min(std::time::Duration::from_secs(3));
            attempts += 1;
            if begin.elapsed() + rest >= budget {
                return Err(Cause::TimedOut { what: wait.what.clone(), last, diagnosis: wait.diagnosis.clone() });
            }
            if self.stopped_during(rest).await {
                return Err(Cause::Interrupted);
            }
        }
    }

    /// Rests, unless the user stops the run.
    async fn stopped_during(&self, rest: std::time::Duration) -> bool {
        let mut stop = self.stop.clone();
        if *stop.borrow() != Stop::No {
            return true;
        }
        tokio::select! {
            () = tokio::time::sleep(rest) => false,
            changed = stop.wait_for(|stop| *stop != Stop::No) => changed.is_ok(),
        }
    }

    async fn bring_back(&self, index: usize, undo: Vec<Act>) -> Vec<(String, Option<String>)> {
        let mut undone = Vec::new();
        for act in undo.into_iter().rev() {
            let act = act.resolve(&self.facts());
            let failure = self.persist(index, &act, &Vault::default()).await.err().map(|cause| cause.to_string());
            undone.push((describe(&act), failure));
        }
        undone
    }
}

/// Whether an operation cannot have changed anything.
fn reads_only(act: &Act) -> bool {
    match act {
        Act::Sql(text) => ["SHOW ", "DESC ", "SELECT "].iter().any(|verb| text.to_string().starts_with(verb)),
        Act::Aws(_) => false,
        Act::Wait(_) => true,
    }
}

/// What an answer lacks to meet a condition; `None` if it meets it.
fn unmet(until: Condition, rows: &Rows) -> Option<String> {
    match until {
        Condition::Succeeds | Condition::KeyIsKnown => None,
        Condition::JsonStatusSuccess => {
            let text = rows.first_cell().unwrap_or_default();
            let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            (json.get("status").and_then(|status| status.as_str()) != Some("success")).then(|| why(&json, text))
        }
        Condition::JsonSuccess => {
            let text = rows.first_cell().unwrap_or_default();
            let json: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            let success = match json.get("success") {
                Some(serde_json::Value::Bool(success)) => *success,
                Some(serde_json::Value::String(word)) => word.eq_ignore_ascii_case("true"),
                _ => false,
            };
            (!success).then(|| failed_checks(&json, text))
        }
    }
}

/// The checks in the answer of `SYSTEM$VERIFY_EXTERNAL_VOLUME` that did not pass.
fn failed_checks(json: &serde_json::Value, text: &str) -> String {
    let checks = json.as_object().into_iter().flatten().filter(|(name, _)| name.ends_with("Result"));
    let failed = checks.filter_map(|(name, result)| {
        let result = result.as_str()?;
        let fine = ["PASSED", "SKIPPED", "TRUE"].iter().any(|word| result.eq_ignore_ascii_case(word));
        (!fine).then(|| format!("{name}: {result}"))
    });
    let failed: Vec<String> = failed.collect();
    if failed.is_empty() { text.to_owned() } else { failed.join("; ") }
}

/// The messages in the answer of `SYSTEM$VALIDATE_STORAGE_INTEGRATION`: those of the actions say more than the one at the top.
fn why(json: &serde_json::Value, text: &str) -> String {
    let actions = json.get("actions");
    let each: Vec<&serde_json::Value> = match actions {
        Some(serde_json::Value::Object(map)) => map.values().collect(),
        Some(serde_json::Value::Array(list)) => list.iter().collect(),
        _ => Vec::new(),
    };
    let of = |value: &serde_json::Value| value.get("message").and_then(|m| m.as_str()).map(ToOwned::to_owned);
    each.into_iter().find_map(of).or_else(|| of(json)).unwrap_or_else(|| text.to_owned())
}

fn take(answer: &Answer, from: &From) -> Option<String> {
    let value = match (answer, from) {
        (Answer::Fields(fields), From::Field(name)) => fields.get(name).map(ToOwned::to_owned),
        (Answer::Rows(rows), From::Property(name)) => rows.property(name).map(ToOwned::to_owned),
        (Answer::Rows(rows), From::Member { property, member }) => {
            let json: serde_json::Value = serde_json::from_str(rows.property(property)?).ok()?;
            json.get(member).and_then(|text| text.as_str()).map(ToOwned::to_owned)
        }
        (Answer::Rows(rows), From::Column(name)) => {
            rows.iter().next().and_then(|row| row.get(name).map(ToOwned::to_owned))
        }
        _ => None,
    }?;
    // A fact goes into policy documents and statements: one with quotes or control characters is none that a cloud gives out.
    (!value.contains(['"', '\\']) && !value.chars().any(char::is_control)).then_some(value)
}

/// An operation in one line, for people.
pub(crate) fn describe(act: &Act) -> String {
    match act {
        Act::Sql(text) => text.to_string().lines().next().unwrap_or_default().to_owned(),
        Act::Aws(call) => call.operation(),
        Act::Wait(wait) => format!("wait until {}", wait.what),
    }
}

/// A number in 0..1 for jitter.
fn chance() -> f64 {
    f64::from(uuid::Uuid::new_v4().as_fields().0) / f64::from(u32::MAX)
}
