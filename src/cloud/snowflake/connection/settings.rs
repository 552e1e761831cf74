//! Values of a connection by key, each from the first place that has it.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use toml::{Table, Value};

use super::ConnectionError;
use super::files::Surroundings;
use crate::model::Secret;

/// Where a value was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// An environment variable.
    Variable(String),
    /// A key of a connection in a file.
    File {
        /// The file.
        file: String,
        /// The connection.
        connection: String,
        /// The key.
        key: String,
    },
    /// Nowhere: it follows from something else.
    Derived(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File { file, connection, key } => write!(f, "`{key}` of connection `{connection}` in {file}"),
            Self::Derived(from) => f.write_str(from),
        }
    }
}

/// How near to the user a place is: what is set nearer counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    /// A variable for this connection.
    Named,
    /// The file.
    File,
    /// A variable for all connections: it only fills gaps.
    Generic,
}

const LEVELS: [Level; 3] = [Level::Named, Level::File, Level::Generic];

/// A value that was found.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) text: Secret,
    pub(super) source: Source,
    pub(super) level: Level,
    /// Which of the spellings that were asked for.
    pub(super) spelling: &'static str,
}

/// The values of one connection.
pub(super) struct Settings<'a> {
    around: &'a Surroundings<'a>,
    pub(super) name: String,
    /// The file connections are in, whether or not it is there.
    pub(super) file: PathBuf,
    table: Table,
}

/// Keys whose values are secrets.
const SECRET_KEYS: [&str; 11] = [
    "password",
    "passcode",
    "token",
    "private_key",
    "private_key_raw",
    "private_key_passphrase",
    "private_key_file_pwd",
    "session_token",
    "master_token",
    "oauth_client_secret",
    "proxy_password",
];

impl<'a> Settings<'a> {
    /// Finds the connection: the one named, else the default one, else what the environment alone says.
    pub(super) fn find(name: Option<&str>, around: &'a Surroundings<'a>) -> Result<Self, ConnectionError> {
        let home = around.home();
        let (general, dedicated) = (home.join("config.toml"), home.join("connections.toml"));
        let config = parsed(around, &general)?;
        let own = parsed(around, &dedicated)?;
        let default = config.as_ref().and_then(|table| table.get("default_connection_name")).and_then(Value::as_str);
        let wanted = name
            .map(ToOwned::to_owned)
            .or_else(|| around.variable("SNOWFLAKE_DEFAULT_CONNECTION_NAME"))
            .or_else(|| default.map(ToOwned::to_owned));
        // The file for connections replaces the other one's section as a whole.
        let (file, connections) = match (own, &config) {
            (Some(table), _) => (dedicated, Some(table)),
            (None, Some(table)) => {
                (general, table.get("connections").and_then(Value::as_table).cloned().or_else(|| Some(Table::new())))
            }
            (None, None) => (dedicated, None),
        };
        let shown = file.display().to_string();
        let (name, table) = match (wanted, connections) {
            (None, None)
                if around.variable("SNOWFLAKE_ACCOUNT").is_some() || around.variable("SNOWFLAKE_HOST").is_some() =>
            {
                (String::new(), Table::new())
            }
            (None, None) => return Err(ConnectionError::Nothing { file: shown }),
            (Some(name), None) => return Err(ConnectionError::NotConfigured { name, file: shown, known: Vec::new() }),
            (wanted, Some(connections)) => {
                let name = wanted.unwrap_or_else(|| "default".to_owned());
                let Some(table) = connections.get(&name).and_then(Value::as_table) else {
                    let tables = connections.iter().filter(|(_, value)| value.is_table());
                    let known = tables.map(|(known, _)| known.clone()).collect();
                    return Err(ConnectionError::NotConfigured { name, file: shown, known });
                };
                (name, table.clone())
            }
        };
        Ok(Self { around, name, file, table })
    }

    /// The value of a key, under any of its spellings; the nearest place wins.
    pub(super) fn get(&self, spellings: &[&'static str]) -> Option<Held> {
        LEVELS.iter().find_map(|level| spellings.iter().find_map(|spelling| self.at(*level, spelling)))
    }

    /// The value of one of several keys that mean the same: the nearest place wins, and two in one place contradict each other.
    pub(super) fn one_of(&self, spellings: &[&'static str]) -> Result<Option<Held>, ConnectionError> {
        for level in LEVELS {
            let mut found = spellings.iter().filter_map(|spelling| self.at(level, spelling));
            if let Some(first) = found.next() {
                return match found.next() {
                    Some(second) => {
                        Err(ConnectionError::Twice { first: Box::new(first.source), second: Box::new(second.source) })
                    }
                    None => Ok(Some(first)),
                };
            }
        }
        Ok(None)
    }

    /// The table of session parameters.
    pub(super) fn session_parameters(&self) -> BTreeMap<String, String> {
        let table = self.table.get("session_parameters").and_then(Value::as_table);
        table.into_iter().flatten().filter_map(|(name, value)| Some((name.clone(), scalar(value)?))).collect()
    }

    /// The error that a key is missing.
    pub(super) fn missing(&self, key: &'static str, why: &str) -> ConnectionError {
        ConnectionError::Missing {
            connection: if self.name.is_empty() {
                "from the environment".to_owned()
            } else {
                format!("`{}`", self.name)
            },
            key,
            home: self.file.display().to_string(),
            variable: format!("SNOWFLAKE_{}", key.to_ascii_uppercase()),
            why: why.to_owned(),
        }
    }

    fn at(&self, level: Level, key: &'static str) -> Option<Held> {
        let upper = key.to_ascii_uppercase();
        let (text, source) = match level {
            Level::Named if self.name.is_empty() => return None,
            Level::Named => self.variable(format!("SNOWFLAKE_CONNECTIONS_{}_{upper}", self.name.to_uppercase()))?,
            Level::Generic => self.variable(format!("SNOWFLAKE_{upper}"))?,
            Level::File => {
                let text = scalar(self.table.get(key)?).filter(|text| !text.is_empty())?;
                let source = Source::File {
                    file: self.file.display().to_string(),
                    connection: self.name.clone(),
                    key: key.to_owned(),
                };
                (text, source)
            }
        };
        Some(Held { text: Secret::new(text), source, level, spelling: key })
    }

    fn variable(&self, name: String) -> Option<(String, Source)> {
        self.around.variable(&name).map(|value| (value, Source::Variable(name)))
    }
}

/// A file as TOML, if it is there. If any of its connections holds a secret, nobody else may be able to read it.
fn parsed(around: &Surroundings<'_>, path: &Path) -> Result<Option<Table>, ConnectionError> {
    let Some(kept) = around.read(path)? else { return Ok(None) };
    let text = kept.text.expose();
    let table: Table = text.parse().map_err(|error: toml::de::Error| {
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        // Only the reason: the parser's whole text quotes the line, which may hold a secret.
        let why = error.message().lines().next().unwrap_or_default().to_owned();
        ConnectionError::NotToml { file: path.display().to_string(), line: before.matches('\n').count() + 1, why }
    })?;
    if holds_secret(&table) {
        around.must_be_private(path, &kept)?;
    }
    Ok(Some(table))
}

fn holds_secret(table: &Table) -> bool {
    table.iter().any(|(key, value)| match value {
        Value::Table(inner) => holds_secret(inner),
        Value::String(text) => !text.is_empty() && SECRET_KEYS.contains(&key.to_ascii_lowercase().as_str()),
        _ => false,
    })
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}
