//! Functions: what the session is, and what SYSTEM$… tells and does.

use super::context::{Context, Question, Told, inherited};
use super::expr::Val;
use super::fail::{self, Fallible};
use super::graph;
use super::parse::{Name, StagePath};
use super::state::{ACCOUNT, Id, Kind};
use super::stream;
use super::task;

/// Whether a function is one that the session or the account answers: its arguments are the same for all rows.
pub(super) fn is_known(name: &str) -> bool {
    name.starts_with("SYSTEM$")
        || name.starts_with("CURRENT_")
        || ["LAST_QUERY_ID", "IS_ROLE_IN_SESSION", "GET_STAGE_LOCATION"].contains(&name)
}

/// Calls a function with computed arguments.
#[expect(clippy::too_many_lines, reason = "a table with one entry for each function")]
pub(super) fn call(cx: &mut Context<'_>, name: &str, args: &[Val]) -> Fallible<Val> {
    let text = |at: usize| args.get(at).and_then(Val::text);
    let arity = |wanted: usize| {
        if args.len() == wanted {
            Ok(())
        } else {
            Err(fail::error(
                "000938",
                "22023",
                format!(
                    "SQL compilation error:\nnot enough or too many arguments for function [{name}], expected {wanted}, got {}",
                    args.len()
                ),
            ))
        }
    };
    let or_null = |value: Option<String>| value.map_or(Val::Null, Val::Text);
    Ok(match name {
        "CURRENT_ACCOUNT" => Val::Text(cx.see().locator.clone()),
        "CURRENT_ACCOUNT_NAME" => Val::Text("SANDBOX".to_owned()),
        "CURRENT_ORGANIZATION_NAME" => Val::Text("SNOWSSI".to_owned()),
        "CURRENT_REGION" => Val::Text("AWS_EU_CENTRAL_1".to_owned()),
        "CURRENT_VERSION" => Val::Text("10.40.0".to_owned()),
        "CURRENT_CLIENT" => Val::Text("sandbox".to_owned()),
        "CURRENT_USER" => Val::Text(cx.session.user.clone()),
        "CURRENT_ROLE" => or_null(cx.see().get(cx.role).map(|o| o.name.clone())),
        "CURRENT_ROLE_TYPE" => Val::Text("ROLE".to_owned()),
        "CURRENT_SECONDARY_ROLES" => Val::Text("{\"roles\":\"\",\"value\":\"\"}".to_owned()),
        "CURRENT_WAREHOUSE" => or_null(cx.session.warehouse.clone()),
        "CURRENT_DATABASE" => or_null(cx.session.database.clone()),
        "CURRENT_SCHEMA" => or_null(cx.session.schema.clone()),
        "CURRENT_SESSION" => Val::Text(cx.session.id.to_string()),
        "CURRENT_STATEMENT" => Val::Text(cx.query_id.to_owned()),
        "LAST_QUERY_ID" => {
            let place = text(0).map_or(Some(-1), |place| place.parse().ok()).unwrap_or_default();
            or_null(cx.results.nth(cx.session.id, place))
        }
        "CURRENT_SCHEMAS" => {
            let path = [cx.session.database.as_ref(), cx.session.schema.as_ref()];
            let path = match path {
                [Some(database), Some(schema)] => vec![format!("{database}.{schema}")],
                _ => Vec::new(),
            };
            Val::Text(serde_json::json!(path).to_string())
        }
        "CURRENT_IP_ADDRESS" => Val::Text("127.0.0.1".to_owned()),
        "IS_ROLE_IN_SESSION" => {
            arity(1)?;
            let wanted = text(0).and_then(|role| cx.see().role_id(&role));
            Val::Bool(wanted.is_some_and(|role| cx.roles.contains(&role)))
        }
        "CURRENT_AVAILABLE_ROLES" => {
            let mut names: Vec<String> = inherited(cx.see(), cx.role)
                .into_iter()
                .filter_map(|id| cx.see().get(id))
                .map(|o| o.name.clone())
                .collect();
            names.sort();
            Val::Text(serde_json::json!(names).to_string())
        }
        "GET_STAGE_LOCATION" => {
            arity(1)?;
            match text(0) {
                Some(stage) => stage_location(cx, &stage)?,
                None => Val::Null,
            }
        }
        "SYSTEM$STREAM_HAS_DATA" => {
            arity(1)?;
            let id = named(cx, Kind::Stream, text(0))?;
            Val::Bool(stream::has_data(cx, id)?)
        }
        _ if super::run::FUNCTIONS.contains(&name) => super::run::call(cx, name, text(0))?,
        "SYSTEM$USER_TASK_CANCEL_ONGOING_EXECUTIONS" => {
            arity(1)?;
            let id = named(cx, Kind::Task, text(0))?;
            cx.demand(id, &["OPERATE"])?;
            super::history::cancel(cx, id);
            Val::Text("true".to_owned())
        }
        "SYSTEM$PIPE_STATUS" => {
            arity(1)?;
            Val::Text(super::pipe::status(cx, &text(0).unwrap_or_default())?)
        }
        "SYSTEM$TASK_DEPENDENTS_ENABLE" => {
            arity(1)?;
            resume_with_dependents(cx, text(0))?
        }
        "SYSTEM$VALIDATE_STORAGE_INTEGRATION" => {
            arity(4)?;
            let args: Vec<String> = args.iter().map(|arg| arg.text().unwrap_or_default()).collect();
            // Only AWS can tell. The first time round the question is noted, the second time the answer is there.
            let question = Question::Integration(args);
            if let Some(Told::Text(answer)) = cx.outside.get(&question) {
                return Ok(Val::Text(answer.clone()));
            }
            cx.asked.push(question);
            Val::Null
        }
        "SYSTEM$VERIFY_EXTERNAL_VOLUME" => {
            arity(1)?;
            let question = Question::Volume(text(0).unwrap_or_default());
            if let Some(Told::Text(answer)) = cx.outside.get(&question) {
                return Ok(Val::Text(answer.clone()));
            }
            cx.asked.push(question);
            Val::Null
        }
        "SYSTEM$GET_AWS_SNS_IAM_POLICY" => {
            arity(1)?;
            let topic = text(0).unwrap_or_default();
            let policy = serde_json::json!({"Version": "2012-10-17", "Statement": [{
                "Sid": "1", "Effect": "Allow", "Principal": {"AWS": cx.see().iam_user_arn()},
                "Action": ["sns:Subscribe"], "Resource": [topic],
            }]});
            Val::Text(policy.to_string())
        }
        "SYSTEM$GET_SNOWFLAKE_PLATFORM_INFO" => {
            Val::Text("{\"snowflake-vpc-id\":[\"vpc-0a1b2c3d4e5f60718\"],\"snowflake-egress-vpc-ids\":[]}".to_owned())
        }
        "SYSTEM$SHOW_ACTIVE_BEHAVIOR_CHANGE_BUNDLES" => Val::Text("[]".to_owned()),
        "SYSTEM$BOOTSTRAP_DATA_REQUEST" => Val::Text(
            "{\"serverVersion\":\"10.40.0\",\"accountInfo\":{\"serviceLevelName\":\"ENTERPRISE\"}}".to_owned(),
        ),
        _ => return Err(fail::unknown_function(name)),
    })
}

/// A stage by its `@name`.
fn stage_named(cx: &Context<'_>, written: &str) -> Fallible<Id> {
    let path = StagePath::read(written.strip_prefix('@').unwrap_or(written))?;
    Ok(cx.object(Kind::Stage, &path.stage, "SELECT")?.id)
}

/// The URL of a stage.
pub(super) fn stage_location(cx: &Context<'_>, written: &str) -> Fallible<Val> {
    let id = stage_named(cx, written)?;
    Ok(cx.see().stage(id).and_then(|stage| stage.url.clone()).map_or(Val::Null, Val::Text))
}

/// What stands before the path in the URLs of a stage's files.
pub(super) fn stage_url_prefix(cx: &Context<'_>, written: &str) -> Fallible<String> {
    let id = stage_named(cx, written)?;
    cx.demand(id, &["USAGE", "READ"])?;
    Ok(super::access::file_url(cx, id, ""))
}

/// Resumes what hangs below a task, and then the task.
fn resume_with_dependents(cx: &mut Context<'_>, name: Option<String>) -> Fallible<Val> {
    let id = named(cx, Kind::Task, name)?;
    let below = graph::dependents(cx.see(), id);
    for id in below.iter().copied().chain([id]) {
        cx.demand(id, &["OPERATE"])?;
    }
    graph::demand_suspended(cx.see(), id)?;
    for id in below.into_iter().chain([id]) {
        task::resume(cx, id)?;
    }
    Ok(Val::Text("true".to_owned()))
}

fn named(cx: &Context<'_>, kind: Kind, text: Option<String>) -> Fallible<Id> {
    let Some(text) = text else { return Err(fail::nowhere()) };
    Ok(cx.object(kind, &Name::read(&text)?, kind.title())?.id)
}

/// The integration that a check is about, by the name as stored.
pub(super) fn integration_for_check(cx: &Context<'_>, name: &str) -> Fallible<super::integration::Integration> {
    let object = cx.see().find(ACCOUNT, Kind::Integration, name).filter(|o| cx.visible(o));
    let Some(object) = object else { return Err(fail::missing("Integration", name)) };
    cx.demand(object.id, &["USAGE"])?;
    cx.see().integration(object.id).cloned().ok_or_else(fail::nowhere)
}
