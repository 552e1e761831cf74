//! Why there is no connection, and what to do.

use super::settings::Source;
use crate::cloud::snowflake::key_pair::KeyError;

/// Why there is no connection. Never holds a value that could be a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// No such connection in the files.
    #[error(
        "connection `{name}` is not configured in {file}{}; add it, or name another one",
        if known.is_empty() { String::new() } else { format!(" (there are: {})", known.join(", ")) }
    )]
    NotConfigured {
        /// The connection.
        name: String,
        /// The file that should have it.
        file: String,
        /// Those it has.
        known: Vec<String>,
    },
    /// There is neither a file nor a variable.
    #[error(
        "no Snowflake connection: there is no {file}, and SNOWFLAKE_ACCOUNT is not set; create the file (`snow connection add`), or set \
         SNOWFLAKE_ACCOUNT, SNOWFLAKE_USER and a secret"
    )]
    Nothing {
        /// The file that was looked for.
        file: String,
    },
    /// A file that is there but cannot be read.
    #[error("{file} cannot be read: {why}")]
    Unreadable {
        /// The file.
        file: String,
        /// The reason.
        why: String,
    },
    /// A file that is not what it should be.
    #[error("{file} is not valid TOML, line {line}: {why}")]
    NotToml {
        /// The file.
        file: String,
        /// Counts from 1.
        line: usize,
        /// The parser's reason.
        why: String,
    },
    /// A file others can read or change.
    #[error("{file} {why}; make it yours alone: chmod 0600 {quoted}")]
    Exposed {
        /// The file.
        file: String,
        /// The file, quoted for a shell.
        quoted: String,
        /// What is wrong.
        why: &'static str,
    },
    /// A file of somebody else.
    #[error("{file} belongs to another user; what it says is not trusted")]
    Foreign {
        /// The file.
        file: String,
    },
    /// A key that is needed.
    #[error("connection {connection} has no `{key}`; set it in {home}, or set the variable {variable}{}", if why.is_empty() { String::new() } else { format!(" ({why})") })]
    Missing {
        /// The connection.
        connection: String,
        /// The key.
        key: &'static str,
        /// The file it could stand in.
        home: String,
        /// The variable that could hold it.
        variable: String,
        /// Why it is needed.
        why: String,
    },
    /// A value that cannot be used.
    #[error("{source_of}: {why}")]
    Invalid {
        /// Where it stands.
        source_of: Source,
        /// What is wrong, without the value if that is a secret.
        why: String,
    },
    /// A private key that cannot be used.
    #[error("the private key of {source_of} cannot be used: {why}")]
    Key {
        /// Where it stands.
        source_of: Source,
        /// What is wrong.
        why: KeyError,
    },
    /// Two values for the same thing.
    #[error("{first} and {second} are both set, and mean the same; remove one")]
    Twice {
        /// One.
        first: Box<Source>,
        /// The other.
        second: Box<Source>,
    },
    /// A way to log in that this program does not know.
    #[error(
        "{source_of}: the authenticator `{name}` is not supported; supported are `snowflake` (a password), `username_password_mfa` (with \
         `passcode`), `snowflake_jwt` (a key pair), `programmatic_access_token` and `oauth`"
    )]
    Unsupported {
        /// Where it stands.
        source_of: Source,
        /// The authenticator.
        name: String,
    },
}
