//! How a connection proves who it is.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Map, Value};

use super::key_pair::KeyPair;
use crate::model::Secret;

/// How a connection proves who it is.
#[derive(Clone)]
pub enum Auth {
    /// A password, and the passcode of a second factor if there is one.
    Password {
        /// The password.
        password: Secret,
        /// What the authenticator app shows.
        passcode: Option<Secret>,
    },
    /// A token signed with a private key, whose public half the user has.
    KeyPair(Arc<KeyPair>),
    /// A programmatic access token.
    AccessToken(Token),
    /// An OAuth access token.
    OAuth(Token),
}

/// A token, and the file it was read from.
#[derive(Clone)]
pub struct Token {
    /// The token.
    pub text: Secret,
    /// Where it can be read again when it has expired.
    pub file: Option<PathBuf>,
}

impl Auth {
    /// Its name in a connection's `authenticator`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Password { .. } => "snowflake",
            Self::KeyPair(_) => "snowflake_jwt",
            Self::AccessToken(_) => "programmatic_access_token",
            Self::OAuth(_) => "oauth",
        }
    }

    /// The fields of a login that prove who it is. A signed token is made anew each time, since it is valid for a minute only.
    pub(super) fn prove(&self, account: &str, user: Option<&str>) -> Result<Map<String, Value>, String> {
        let fields = match self {
            Self::Password { password, passcode: None } => vec![("PASSWORD", password.expose().to_owned())],
            Self::Password { password, passcode: Some(passcode) } => vec![
                ("PASSWORD", password.expose().to_owned()),
                ("PASSCODE", passcode.expose().to_owned()),
                ("EXT_AUTHN_DUO_METHOD", "passcode".to_owned()),
            ],
            Self::KeyPair(key) => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| "the clock is before 1970")?;
                let token = key.sign_login(account, user.unwrap_or_default(), now.as_secs())?;
                vec![("AUTHENTICATOR", "SNOWFLAKE_JWT".to_owned()), ("TOKEN", token.expose().to_owned())]
            }
            Self::AccessToken(token) => vec![
                ("AUTHENTICATOR", "PROGRAMMATIC_ACCESS_TOKEN".to_owned()),
                ("TOKEN", token.text.expose().to_owned()),
            ],
            Self::OAuth(token) => {
                vec![("AUTHENTICATOR", "OAUTH".to_owned()), ("TOKEN", token.text.expose().to_owned())]
            }
        };
        Ok(fields.into_iter().map(|(key, value)| (key.to_owned(), Value::String(value))).collect())
    }
}

/// The method's name; never what it holds.
impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (sensitive)", self.name())
    }
}
