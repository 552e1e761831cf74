//! What is known of a statement, for clients that follow one they do not wait for.

use serde_json::{Value, json};

use super::envelope::{Refused, success};
use super::{Asked, Wire};

impl Wire {
    /// The statement as the monitoring route tells it; one that is not known has no data.
    pub(super) fn monitor(&self, asked: &Asked, query_id: &str) -> Result<Value, Refused> {
        let Some(statement) = self.statement_for(asked, query_id)? else {
            return Ok(success(json!({ "queries": [] })));
        };
        let outcome = statement.ended();
        let (status, error) = match outcome.as_deref().map(|outcome| &outcome.result) {
            None => ("RUNNING", None),
            Some(Ok(_)) => ("SUCCESS", None),
            Some(Err(error)) if error.code == "000604" => ("ABORTED", Some(error)),
            Some(Err(error)) if error.code == "000603" => ("FAILED_WITH_INCIDENT", Some(error)),
            Some(Err(error)) => ("FAILED_WITH_ERROR", Some(error)),
        };
        let now = self.engine.now_ms();
        let until = outcome.as_deref().map_or(now, |outcome| outcome.ended_ms);
        let state = statement.session.state();
        Ok(success(json!({ "queries": [{
            "id": statement.query_id,
            "status": status,
            "state": status,
            "errorCode": error.map(|error| error.code),
            "errorMessage": error.map(|error| error.message.clone()),
            "sqlText": statement.sql,
            "startTime": statement.started_ms,
            "endTime": outcome.as_deref().map_or(0, |outcome| outcome.ended_ms),
            "totalDuration": until.saturating_sub(statement.started_ms),
            "sessionId": statement.session.id,
            "warehouseName": outcome.as_deref().map_or(&state.warehouse, |outcome| &outcome.state.warehouse),
            "stats": {},
        }] })))
    }
}
