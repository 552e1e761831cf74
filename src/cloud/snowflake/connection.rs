//! Connections as the `snow` CLI has them: files in Snowflake's directory, variables, and what follows from them.
//!
//! Source: Snowflake's guide "Managing Snowflake connections", and what its CLI does.

mod account;
mod error;
mod files;
mod resolve;
mod settings;

use std::collections::BTreeMap;

pub use account::AccountId;
pub use error::ConnectionError;
pub use files::{Disk, Files, Kept};
pub use resolve::resolve;
pub use settings::Source;

#[cfg(test)]
mod tests;

use super::{Auth, Endpoint};

/// Everything that is needed to log in.
#[derive(Clone, Debug)]
pub struct Connection {
    /// Its name in the files; empty if it comes from the environment alone.
    pub name: String,
    /// The account's identifier as the user wrote it.
    pub account: String,
    /// The account's name as a login wants it: without region.
    pub account_name: String,
    /// Where the account's server listens.
    pub endpoint: Endpoint,
    /// The user; a token may know it by itself.
    pub user: Option<String>,
    /// How the user proves who it is.
    pub auth: Auth,
    /// The role, verbatim.
    pub role: Option<String>,
    /// The warehouse, verbatim.
    pub warehouse: Option<String>,
    /// The database, verbatim.
    pub database: Option<String>,
    /// The schema, verbatim.
    pub schema: Option<String>,
    /// `ALL` or `NONE`, if the connection says so.
    pub secondary_roles: Option<String>,
    /// Session parameters of the connection.
    pub session_parameters: BTreeMap<String, String>,
    /// What was set, and where, by key; secrets are placeholders.
    pub settings: BTreeMap<&'static str, Setting>,
}

/// One value of a connection, for people to see where it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// The value; a placeholder if it is a secret.
    pub shown: String,
    /// Where it was found.
    pub source: Source,
}
