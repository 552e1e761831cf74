//! From settings to a connection.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::account::{self, AccountId};
use super::files::{Files, Surroundings};
use super::settings::{Held, Settings, Source};
use super::{Connection, ConnectionError, Setting};
use crate::cloud::snowflake::key_pair::KeyPair;
use crate::cloud::snowflake::{Auth, Endpoint, Token};
use crate::model::Secret;

/// Finds a connection: by its name, else the default one, else by variables alone.
///
/// A value comes from the first place that has it: `SNOWFLAKE_CONNECTIONS_<NAME>_<KEY>`, the file, `SNOWFLAKE_<KEY>`.
pub fn resolve(
    name: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    files: &dyn Files,
) -> Result<Connection, ConnectionError> {
    let around = Surroundings { env, files };
    let settings = Settings::find(name, &around)?;
    let mut found = Found { around: &around, settings: &settings, used: BTreeMap::new() };
    let (account, endpoint) = found.server()?;
    let user = found.plain("user", &["user", "username"]);
    let auth = found.auth()?;
    if user.is_none() && matches!(auth, Auth::Password { .. } | Auth::KeyPair(_)) {
        return Err(settings.missing("user", ""));
    }
    Ok(Connection {
        user,
        auth,
        endpoint,
        account_name: account.name().to_owned(),
        account: account.to_string(),
        role: found.plain("role", &["role"]),
        warehouse: found.plain("warehouse", &["warehouse"]),
        database: found.plain("database", &["database"]),
        schema: found.plain("schema", &["schema"]),
        secondary_roles: found.plain("secondary_roles", &["secondary_roles"]),
        session_parameters: settings.session_parameters(),
        settings: found.used,
        name: settings.name.clone(),
    })
}

/// What has been found so far.
struct Found<'a> {
    around: &'a Surroundings<'a>,
    settings: &'a Settings<'a>,
    used: BTreeMap<&'static str, Setting>,
}

const KEY_SPELLINGS: [&str; 4] = ["private_key_file", "private_key_path", "private_key", "private_key_raw"];
const PASSPHRASE_SPELLINGS: [&str; 2] = ["private_key_passphrase", "private_key_file_pwd"];

impl Found<'_> {
    fn plain(&mut self, key: &'static str, spellings: &[&'static str]) -> Option<String> {
        let held = self.settings.get(spellings)?;
        self.note(key, held.text.expose().to_owned(), &held.source);
        Some(held.text.expose().to_owned())
    }

    fn secret(&mut self, key: &'static str, spellings: &[&'static str]) -> Option<Held> {
        let held = self.settings.get(spellings)?;
        self.note(key, held.text.to_string(), &held.source);
        Some(held)
    }

    fn note(&mut self, key: &'static str, shown: String, source: &Source) {
        self.used.insert(key, Setting { shown, source: source.clone() });
    }

    /// The account and where its server listens.
    fn server(&mut self) -> Result<(AccountId, Endpoint), ConnectionError> {
        let invalid = |held: &Held, why: String| ConnectionError::Invalid {
            source_of: held.source.clone(),
            why: format!("`{}` {why}", held.text.expose()),
        };
        let account = match self.settings.get(&["account"]) {
            Some(held) => {
                let account = AccountId::parse(held.text.expose()).map_err(|why| invalid(&held, why))?;
                self.note("account", account.to_string(), &held.source);
                Some(match self.plain("region", &["region"]) {
                    Some(region) => account.in_region(&region),
                    None => account,
                })
            }
            None => None,
        };
        let given = match self.settings.get(&["host"]) {
            Some(held) => Some((account::host(held.text.expose()).map_err(|why| invalid(&held, why))?, held)),
            None => None,
        };
        let (account, host) = match (account, &given) {
            (Some(account), Some((host, _))) => (account, host.clone()),
            (Some(account), None) => {
                let host = account.host();
                (account, host)
            }
            (None, Some((host, held))) if account::is_snowflake(host) => {
                (AccountId::parse(host).map_err(|why| invalid(held, why))?, host.clone())
            }
            (None, _) => return Err(self.settings.missing("account", "write `organization-account`")),
        };
        let source = given.map_or(Source::Derived("follows from `account`"), |(_, held)| held.source);
        self.note("host", host.clone(), &source);
        let tls = match self.settings.get(&["protocol"]) {
            None => true,
            Some(held) => {
                self.note("protocol", held.text.expose().to_owned(), &held.source);
                match held.text.expose().to_ascii_lowercase().as_str() {
                    "https" => true,
                    "http" if account::is_loopback(&host) => false,
                    "http" => {
                        let why = "would send secrets unencrypted; only a server on this machine may be reached by it";
                        return Err(invalid(&held, why.to_owned()));
                    }
                    _ => return Err(invalid(&held, "is not `https`".to_owned())),
                }
            }
        };
        let port = match self.settings.get(&["port"]) {
            None => {
                if tls {
                    443
                } else {
                    80
                }
            }
            Some(held) => {
                self.note("port", held.text.expose().to_owned(), &held.source);
                let port = held.text.expose().parse::<u16>().ok().filter(|port| *port > 0);
                port.ok_or_else(|| invalid(&held, "is not a port".to_owned()))?
            }
        };
        Ok((account, Endpoint { tls, host, port }))
    }

    fn auth(&mut self) -> Result<Auth, ConnectionError> {
        let Some(held) = self.settings.get(&["authenticator"]) else {
            return self.implied();
        };
        self.note("authenticator", held.text.expose().to_owned(), &held.source);
        match held.text.expose().to_ascii_lowercase().as_str() {
            "snowflake" | "username_password_mfa" => self.password(),
            "snowflake_jwt" => self.key_pair(),
            "programmatic_access_token" => Ok(Auth::AccessToken(self.token()?)),
            "oauth" => Ok(Auth::OAuth(self.token()?)),
            _ => Err(ConnectionError::Unsupported { source_of: held.source, name: held.text.expose().to_owned() }),
        }
    }

    /// Without `authenticator`: a key pair if there is a key, unless a password stands nearer.
    fn implied(&mut self) -> Result<Auth, ConnectionError> {
        let password = self.settings.get(&["password"]);
        let key = self.settings.one_of(&KEY_SPELLINGS)?;
        let token = self.settings.get(&["token", "token_file_path"]);
        match (password, key, token) {
            (Some(password), Some(key), _) if password.level < key.level => self.password(),
            (_, Some(_), _) => self.key_pair(),
            (None, None, Some(_)) => Err(self
                .settings
                .missing("authenticator", "a token may be one of `programmatic_access_token` or of `oauth`")),
            (_, None, _) => self.password(),
        }
    }

    fn password(&mut self) -> Result<Auth, ConnectionError> {
        let Some(held) = self.secret("password", &["password"]) else {
            return Err(self.settings.missing("password", "or choose another `authenticator`"));
        };
        let passcode = self.secret("passcode", &["passcode"]).map(|held| held.text);
        Ok(Auth::Password { password: held.text, passcode })
    }

    fn key_pair(&mut self) -> Result<Auth, ConnectionError> {
        let Some(held) = self.settings.one_of(&KEY_SPELLINGS)? else {
            return Err(self.settings.missing("private_key_file", "the path of a private key in PKCS#8"));
        };
        let pem = if matches!(held.spelling, "private_key_file" | "private_key_path") {
            self.note("private_key_file", held.text.expose().to_owned(), &held.source);
            self.around.secret(&self.around.expanded(held.text.expose()))?
        } else {
            self.note("private_key", held.text.to_string(), &held.source);
            // Variables of build systems often hold the two characters for each line end.
            Secret::new(held.text.expose().replace("\\n", "\n"))
        };
        // This variable is older than the others, and counts before the file.
        let variable = self.around.variable("PRIVATE_KEY_PASSPHRASE").map(Secret::new);
        let passphrase = match variable {
            Some(text) => {
                self.note(
                    "private_key_passphrase",
                    text.to_string(),
                    &Source::Variable("PRIVATE_KEY_PASSPHRASE".into()),
                );
                Some(text)
            }
            None => self.secret("private_key_passphrase", &PASSPHRASE_SPELLINGS).map(|held| held.text),
        };
        let key = KeyPair::from_pem(&pem, passphrase.as_ref())
            .map_err(|why| ConnectionError::Key { source_of: held.source, why })?;
        Ok(Auth::KeyPair(Arc::new(key)))
    }

    /// A token, by itself or in a file; in the same place the file counts.
    fn token(&mut self) -> Result<Token, ConnectionError> {
        let Some(held) = self.settings.get(&["token_file_path", "token"]) else {
            return Err(self.settings.missing("token", "or `token_file_path`"));
        };
        if held.spelling == "token" {
            self.note("token", held.text.to_string(), &held.source);
            return Ok(Token { text: held.text, file: None });
        }
        self.note("token_file_path", held.text.expose().to_owned(), &held.source);
        let path = self.around.expanded(held.text.expose());
        let text = Secret::new(self.around.secret(&path)?.expose().trim());
        if text.expose().is_empty() {
            return Err(ConnectionError::Invalid {
                source_of: held.source,
                why: format!("{} is empty", path.display()),
            });
        }
        Ok(Token { text, file: Some(path) })
    }
}
