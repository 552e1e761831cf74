//! Logging in, and renewing a session's tokens.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::credentials::Proof;
use super::envelope::{Refused, success};
use super::{Asked, Wire};
use crate::sandbox::snowflake::answer::SessionState;

/// The role of a login that names none.
const DEFAULT_ROLE: &str = "ACCOUNTADMIN";

impl Wire {
    pub(super) fn log_in(&self, asked: &Asked) -> Result<Value, Refused> {
        let data = asked.body.get("data").unwrap_or(&Value::Null);
        let field = |key: &str| data.get(key).and_then(Value::as_str).unwrap_or_default();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let user = self.credentials.check(&Proof {
            account: field("ACCOUNT_NAME"),
            user: field("LOGIN_NAME"),
            authenticator: field("AUTHENTICATOR"),
            password: field("PASSWORD"),
            passcode: field("PASSCODE"),
            token: field("TOKEN"),
            now,
        })?;
        let named = |key: &str| asked.query.get(key).filter(|name| !name.is_empty()).map(|name| stored(name));
        let role = named("roleName").unwrap_or_else(|| DEFAULT_ROLE.to_owned());
        if !self.engine.role_exists(&role) {
            let message = format!(
                "Role '{role}' specified in the connect string does not exist or not authorized. Contact your local system \
                 administrator, or attempt to login with another role, e.g. PUBLIC."
            );
            return Err(Refused::new("390189", message));
        }
        let state = SessionState {
            id: 0,
            user: user.clone(),
            role,
            warehouse: named("warehouse"),
            database: named("databaseName"),
            schema: named("schemaName"),
            parameters: session_parameters(data.get("SESSION_PARAMETERS")),
        };
        let (current, parameters) = (current(&state), parameters(&state));
        let pair = self.sessions().start(state, self.timing.token, self.timing.master);
        let (token, master) = (self.timing.token.as_secs(), self.timing.master.as_secs());
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

    pub(super) fn renew(&self, asked: &Asked) -> Result<Value, Refused> {
        let (token, master) = (self.timing.token, self.timing.master);
        let pair = self.sessions().renew(&asked.token, token, master)?;
        Ok(success(json!({
            "sessionToken": pair.token,
            "validityInSecondsST": token.as_secs(),
            "masterToken": pair.master,
            "validityInSecondsMT": master.as_secs(),
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

fn session_parameters(given: Option<&Value>) -> BTreeMap<String, String> {
    let given = given.and_then(Value::as_object).into_iter().flatten();
    given
        .map(|(name, value)| {
            let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            (name.to_ascii_uppercase(), value)
        })
        .collect()
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
