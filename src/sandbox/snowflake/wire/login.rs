//! Logging in, and renewing a session's tokens.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::asked::text;
use super::credentials::Proof;
use super::envelope::{Refused, success};
use super::order::settings;
use super::{Asked, Wire};
use crate::sandbox::snowflake::answer::SessionState;

/// The role of a login that names none.
const DEFAULT_ROLE: &str = "ACCOUNTADMIN";

impl Wire {
    pub(super) fn log_in(&self, asked: &Asked) -> Result<Value, Refused> {
        let Some(data) = asked.object("data")? else { return Err(Refused::malformed("'data' is missing.")) };
        let field = |key: &str| Ok(text(data, key)?.unwrap_or_default());
        // Signed tokens are made by the machine's time, whatever the sandbox's.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let user = self.credentials.check(&Proof {
            account: field("ACCOUNT_NAME")?,
            user: field("LOGIN_NAME")?,
            authenticator: field("AUTHENTICATOR")?,
            password: field("PASSWORD")?,
            passcode: field("PASSCODE")?,
            token: field("TOKEN")?,
            now,
        })?;
        let named = |key: &str| asked.query.get(key).filter(|name| !name.is_empty()).map(|name| stored(name));
        let role = named("roleName").unwrap_or_else(|| DEFAULT_ROLE.to_owned());
        if !self.engine.role_granted(&user, &role) {
            let message = format!(
                "Role '{role}' specified in the connect string does not exist or not authorized. Contact your local system \
                 administrator, or attempt to login with another role, e.g. PUBLIC."
            );
            return Err(Refused::new("390189", message));
        }
        let parameters_given = session_parameters(data.get("SESSION_PARAMETERS"))?;
        let is = |name: &str, wanted: &str| {
            parameters_given.get(name).is_some_and(|value| value.eq_ignore_ascii_case(wanted))
        };
        if is("AUTOCOMMIT", "false") {
            return Err(Refused::new("000002", "The sandbox keeps no transactions: leave AUTOCOMMIT on."));
        }
        let strict = is("CLIENT_VALIDATE_DEFAULT_PARAMETERS", "true");
        let mut state = SessionState {
            id: 0,
            user: user.clone(),
            role,
            warehouse: named("warehouse"),
            database: named("databaseName"),
            schema: named("schemaName"),
            parameters: parameters_given,
            task: None,
        };
        if let Some(lost) = self.engine.begin(&mut state).first().filter(|_| strict) {
            let message = format!("The requested {lost} does not exist or not authorized.");
            return Err(Refused::new("390201", message));
        }
        let (current, parameters) = (current(&state), parameters(&state));
        let (now, last) = (self.engine.now_ms(), self.lifetimes());
        let pair = self.sessions().start(state, now, last)?;
        let (token, master) = (last.token.as_secs(), last.master.as_secs());
        Ok(success(json!({
            "token": pair.token,
            "masterToken": pair.master,
            "validityInSeconds": token,
            "masterValidityInSeconds": master,
            "displayUserName": user,
            "serverVersion": "9.99.0",
            "firstLogin": false,
            "remMeToken": null,
            "remMeValidityInSeconds": 0,
            "healthCheckInterval": 45,
            "newClientForUpgrade": null,
            "sessionId": pair.session,
            "parameters": parameters,
            "sessionInfo": current,
            "idToken": null,
            "idTokenValidityInSeconds": 0,
            "responseData": null,
            "mfaToken": null,
            "mfaTokenValidityInSeconds": 0,
        })))
    }

    /// New tokens, for the master token: instead of the old ones (`RENEW`), or beside them (`ISSUE`).
    pub(super) fn renew(&self, asked: &Asked) -> Result<Value, Refused> {
        let (now, last) = (self.engine.now_ms(), self.lifetimes());
        let pair = match asked.text("requestType")? {
            Some("RENEW") => self.sessions().renew(&asked.token, now, last)?,
            Some("ISSUE") => self.sessions().issue_more(&asked.token, now, last)?,
            other => {
                let message = format!("There is no request for tokens of type {}.", other.unwrap_or("null"));
                return Err(Refused::malformed(message));
            }
        };
        Ok(success(json!({
            "sessionToken": pair.token,
            "validityInSecondsST": last.token.as_secs(),
            "masterToken": pair.master,
            "validityInSecondsMT": last.master.as_secs(),
            "sessionId": pair.session,
        })))
    }
}

/// A name as it is stored: exact in quotes, else in upper case.
fn stored(name: &str) -> String {
    match name.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => name.to_uppercase(),
    }
}

fn session_parameters(given: Option<&Value>) -> Result<BTreeMap<String, String>, Refused> {
    match given {
        None | Some(Value::Null) => Ok(BTreeMap::new()),
        Some(Value::Object(given)) => settings(given),
        Some(_) => Err(Refused::malformed("'SESSION_PARAMETERS' must be an object.")),
    }
}

/// What a session works in.
fn current(state: &SessionState) -> Value {
    json!({
        "databaseName": state.database,
        "schemaName": state.schema,
        "warehouseName": state.warehouse,
        "roleName": state.role,
    })
}

/// The parameters clients look at, and those the session has set. Telemetry is off, and values of statements are sent inside them.
pub(super) fn parameters(state: &SessionState) -> Value {
    let mut all: BTreeMap<String, Value> = BTreeMap::from(
        [
            ("AUTOCOMMIT", json!(true)),
            ("TIMEZONE", json!("America/Los_Angeles")),
            ("CLIENT_SESSION_KEEP_ALIVE", json!(false)),
            ("CLIENT_SESSION_KEEP_ALIVE_HEARTBEAT_FREQUENCY", json!(3600)),
            ("CLIENT_STAGE_ARRAY_BINDING_THRESHOLD", json!(0)),
            ("CLIENT_TELEMETRY_ENABLED", json!(false)),
            ("CLIENT_PREFETCH_THREADS", json!(4)),
            ("CLIENT_RESULT_CHUNK_SIZE", json!(160)),
            ("QUERY_CONTEXT_CACHE_SIZE", json!(5)),
            ("DATE_OUTPUT_FORMAT", json!("YYYY-MM-DD")),
            ("TIME_OUTPUT_FORMAT", json!("HH24:MI:SS")),
            ("TIMESTAMP_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF3 TZHTZM")),
            ("TIMESTAMP_NTZ_OUTPUT_FORMAT", json!("YYYY-MM-DD HH24:MI:SS.FF3")),
            ("TIMESTAMP_LTZ_OUTPUT_FORMAT", json!("")),
            ("TIMESTAMP_TZ_OUTPUT_FORMAT", json!("")),
            ("BINARY_OUTPUT_FORMAT", json!("HEX")),
        ]
        .map(|(name, value)| (name.to_owned(), value)),
    );
    for (name, value) in &state.parameters {
        // Clients look at the types of those they know.
        let value = match value.as_str() {
            "true" | "TRUE" => json!(true),
            "false" | "FALSE" => json!(false),
            text => text.parse::<i64>().map_or_else(|_| json!(text), |number| json!(number)),
        };
        all.insert(name.clone(), value);
    }
    // Always so: there is no telemetry to send.
    all.insert("CLIENT_TELEMETRY_ENABLED".to_owned(), json!(false));
    all.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect()
}
