//! An alert as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::kind::schedule::Schedule;
use crate::kind::{Problem, code};
use crate::model::{Ident, ObjectName, SchemaName};

/// An alert. What it tells goes through `SYSTEM$SEND_SNOWFLAKE_NOTIFICATION` or `SYSTEM$SEND_EMAIL` in its action; name the integration by its
/// `name`, and in `depends_on`, because a text in a text is not looked into.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The schema it is in: `DATABASE.SCHEMA`.
    pub schema: SchemaName,
    /// Its name.
    pub name: Ident,
    /// The warehouse it runs in. Absent: serverless, in compute that Snowflake manages.
    pub warehouse: Option<Ident>,
    /// When it asks: `15 MINUTES`, in whole minutes up to 11520, or `USING CRON 0 9 * * MON-FRI Europe/Vienna`. Absent: whenever there is new data in
    /// the one table its query reads.
    pub schedule: Option<Schedule>,
    /// The query: if it gives any row, the action is done. White space outside quotes has no meaning.
    #[serde(rename = "if")]
    pub condition: String,
    /// The action: one SQL statement, a call, or a scripting block.
    #[serde(rename = "then")]
    pub action: String,
    /// Whether it runs; Snowflake creates alerts suspended. Default: true.
    #[serde(default = "yes")]
    pub started: bool,
    /// A comment. Default: none.
    #[serde(default)]
    pub comment: String,
}

fn yes() -> bool {
    true
}

impl Spec {
    pub(super) fn full_name(&self) -> ObjectName {
        self.schema.object(&self.name)
    }

    pub(super) fn check(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if let Some(Schedule::Every(interval)) = &self.schedule
            && (!interval.seconds().is_multiple_of(60) || !(1..=11_520).contains(&(interval.seconds() / 60)))
        {
            problems.push(Problem::new("schedule", "an alert asks every 1 to 11520 whole minutes"));
        }
        if !code::begins_with(&self.condition, &["SELECT", "WITH", "SHOW", "CALL"]) {
            let problem = Problem::new("if", "the condition is a query: SELECT, SHOW or CALL");
            problems.push(problem.hint("write the query alone, without `EXISTS (…)` around it"));
        } else if self
            .condition
            .trim()
            .lines()
            .next_back()
            .is_some_and(|line| line.contains("--") || line.contains("//"))
        {
            // The bracket that closes it would be part of the comment.
            problems.push(Problem::new("if", "the last line of the condition holds a comment").hint("put it above"));
        }
        if self.action.trim().is_empty() {
            problems.push(Problem::new("then", "the action is empty"));
        }
        problems
    }
}
