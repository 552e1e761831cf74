//! Operations: everything an apply does, as data. They can be shown, counted, saved, scripted and executed.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Call, Fact, Facts, Held, Text};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Op {
    /// What is done.
    pub act: Act,
    /// What its answer tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learn: Vec<Learn>,
    /// Secrets its answer tells, for later operations of the same step only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hold: Vec<Hold>,
    /// What brings back the state before it, if the step fails or is interrupted later on: resuming a task that was suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undo: Option<Act>,
}

/// What an operation does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Runs a statement in Snowflake.
    Sql(Text),
    /// Makes an AWS call.
    Aws(Call),
    /// Waits for something to become true, by probing.
    Wait(Wait),
}

/// How to take a fact out of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learn {
    /// The fact.
    pub fact: Fact,
    /// Where it stands.
    pub from: From,
}

/// How to take a secret out of an answer. It is kept in memory until the step ends, and nowhere else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// The secret.
    pub held: Held,
    /// The field of an AWS answer it stands in, such as `SecretAccessKey`.
    pub field: String,
}

/// Where in an answer a fact stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum From {
    /// A field of an AWS answer, such as `Arn`.
    Field(String),
    /// The `property_value` of the row whose `property` is this, in a `DESC` answer.
    Property(String),
    /// A member of the JSON object that is the `property_value` of a row.
    Member {
        /// The row's `property`.
        property: String,
        /// The member.
        member: String,
    },
    /// The cell of this column in the one row of an answer.
    Column(String),
}

/// A wait by probing: dense at first, then slower, never longer than `at_most_seconds`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wait {
    /// What is waited for, for people: `Snowflake can assume arn:…`.
    pub what: String,
    /// The question that is asked again and again.
    pub probe: Probe,
    /// When it is answered well.
    pub until: Condition,
    /// The budget.
    pub at_most_seconds: u32,
    /// What most likely is wrong if the budget runs out, one sentence a link, first the likeliest.
    pub diagnosis: Vec<String>,
}

impl Wait {
    /// The budget.
    pub fn budget(&self) -> Duration {
        Duration::from_secs(self.at_most_seconds.into())
    }
}

/// The question of a wait.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// A statement.
    Sql(Text),
}

/// When a wait is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Condition {
    /// The probe succeeds.
    Succeeds,
    /// The probe is not refused for an access key that AWS does not know yet; any other answer will do.
    KeyIsKnown,
    /// The first cell of the answer is a JSON object with `status` = `success`.
    JsonStatusSuccess,
    /// The first cell of the answer is a JSON object with `success` = `true`.
    JsonSuccess,
}

impl Op {
    /// A statement.
    pub fn sql(text: Text) -> Self {
        Self { act: Act::Sql(text), learn: Vec::new(), hold: Vec::new(), undo: None }
    }

    /// An AWS call.
    pub fn aws(call: Call) -> Self {
        Self { act: Act::Aws(call), learn: Vec::new(), hold: Vec::new(), undo: None }
    }

    /// A wait.
    pub fn wait(wait: Wait) -> Self {
        Self { act: Act::Wait(wait), learn: Vec::new(), hold: Vec::new(), undo: None }
    }

    /// Adds a fact that the answer tells.
    #[must_use]
    pub fn learns(mut self, fact: Fact, from: From) -> Self {
        self.learn.push(Learn { fact, from });
        self
    }

    /// Adds a secret that the answer tells.
    #[must_use]
    pub fn holds(mut self, held: Held, field: &str) -> Self {
        self.hold.push(Hold { held, field: field.into() });
        self
    }

    /// Adds what brings the state before back.
    #[must_use]
    pub fn undone_by(mut self, act: Act) -> Self {
        self.undo = Some(act);
        self
    }

    /// The facts it needs.
    pub fn needs(&self) -> Vec<Fact> {
        self.act.needs()
    }

    /// Puts in every fact that is known.
    #[must_use]
    pub fn resolve(&self, facts: &Facts) -> Self {
        let undo = self.undo.as_ref().map(|act| act.resolve(facts));
        Self { act: self.act.resolve(facts), learn: self.learn.clone(), hold: self.hold.clone(), undo }
    }
}

impl Act {
    /// The facts it needs.
    pub fn needs(&self) -> Vec<Fact> {
        match self {
            Self::Sql(text) | Self::Wait(Wait { probe: Probe::Sql(text), .. }) => text.facts().cloned().collect(),
            Self::Aws(call) => call.facts(),
        }
    }

    /// Puts in every fact that is known.
    #[must_use]
    pub fn resolve(&self, facts: &Facts) -> Self {
        match self {
            Self::Sql(text) => Self::Sql(text.resolve(facts)),
            Self::Aws(call) => Self::Aws(call.resolve(facts)),
            Self::Wait(wait) => {
                let Probe::Sql(text) = &wait.probe;
                Self::Wait(Wait { probe: Probe::Sql(text.resolve(facts)), ..wait.clone() })
            }
        }
    }
}
