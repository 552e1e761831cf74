//! A live task as the entry a person would write.

use serde_json::{Map, Value as Json, json};

use super::spec::{Overlap, field_of};
use super::{Props, TIMEOUT_FIELD};
use crate::kind::export::Export;
use crate::kind::words::Size;
use crate::kind::{Fields, qualified};
use crate::model::sql::Body;
use crate::model::{Ident, ObjectName};

/// The fields that name a task, and something for it to do. One parameter is asked for, so that all are read.
pub(super) fn named(name: &str) -> Result<Fields, String> {
    let fields = Export::of(qualified::named(name)?).field("schedule", "60 MINUTES");
    Ok(fields.field("as", "SELECT 1").field(TIMEOUT_FIELD, 0).done())
}

/// All fields.
pub(super) fn fields(have: &Props) -> Fields {
    let Props {
        name,
        mark: _,
        comment,
        warehouse,
        schedule,
        config,
        overlap,
        after,
        finalize,
        when,
        body,
        error_integration,
        success_integration,
        target_completion_interval,
        execute_as_user,
        parameters: _,
        own,
        started,
        successors: _,
    } = have;
    let text = |name: &Option<Ident>| name.as_ref().map(Ident::written);
    let parameter = |field: &'static str| {
        let value = own.iter().find(|(name, _)| name.eq_ignore_ascii_case(field)).map(|(_, value)| value);
        (field, value.map(|value| Size::read(value).map_or_else(|| typed(value), |size| size.word().into())))
    };
    let sizes = [
        "user_task_managed_initial_warehouse_size",
        "serverless_task_min_statement_size",
        "serverless_task_max_statement_size",
    ];
    let numbers = [
        TIMEOUT_FIELD,
        "suspend_task_after_num_failures",
        "task_auto_retry_attempts",
        "user_task_minimum_trigger_interval_in_seconds",
    ];
    let session = own.iter().filter(|(name, _)| field_of(name).starts_with("session_parameters."));
    let session: Map<String, Json> = session.map(|(name, value)| (name.clone(), typed(value))).collect();
    let sizes = sizes.into_iter().map(parameter);
    let fields = Export::of(qualified::exported(name)).set("warehouse", text(warehouse));
    let fields = sizes.fold(fields, |fields, (name, value)| fields.set(name, value));
    let fields = fields.set(TARGET, target_completion_interval.map(|target| target.to_string()));
    let fields = fields.set("schedule", schedule.as_ref().map(ToString::to_string));
    let fields = fields.set("when", when.as_ref().map(Body::as_str)).field("as", body.as_str());
    let fields = fields.filled("after", after.iter().map(ObjectName::written).collect());
    let fields = fields.set("finalize", finalize.as_ref().map(ObjectName::written));
    let fields = fields.set("config", config.as_deref().map(configured));
    let fields = fields.unless(&Overlap::No.word(), "overlap_policy", overlap.word());
    let fields = fields.filled("session_parameters", Json::Object(session));
    let fields = numbers.into_iter().map(parameter).fold(fields, |fields, (name, value)| fields.set(name, value));
    let fields = fields.set("error_integration", text(error_integration));
    let fields = fields.set("success_integration", text(success_integration));
    let (log_level, level) = parameter("log_level");
    let fields = fields.set(log_level, level).set("execute_as_user", text(execute_as_user));
    fields.unless(&true, "started", *started).text("comment", comment).done()
}

const TARGET: &str = "target_completion_interval";

/// A configuration as a table; as a text where TOML could not hold it.
fn configured(text: &str) -> Json {
    fn holds_null(value: &Json) -> bool {
        match value {
            Json::Null => true,
            Json::Array(items) => items.iter().any(holds_null),
            Json::Object(fields) => fields.values().any(holds_null),
            Json::Bool(_) | Json::Number(_) | Json::String(_) => false,
        }
    }
    match serde_json::from_str(text) {
        Ok(table @ Json::Object(_)) if !holds_null(&table) => table,
        Ok(_) | Err(_) => json!(text),
    }
}

/// The text of a parameter as the flag or number it looks like.
fn typed(text: &str) -> Json {
    let flag = text.to_ascii_lowercase().parse::<bool>().map(Json::from);
    flag.or_else(|_| text.parse::<i64>().map(Json::from)).unwrap_or_else(|_| json!(text))
}
