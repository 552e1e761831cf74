//! What clouds answer when they refuse, and which kind of refusal it is.

use std::fmt;

/// Which cloud.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// Amazon Web Services.
    Aws,
    /// Snowflake.
    Snowflake,
}

impl fmt::Display for Which {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Aws => "AWS",
            Self::Snowflake => "Snowflake",
        })
    }
}

/// What can be done about a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Who we are is not accepted: fail at once.
    Authentication,
    /// The cloud cannot be reached.
    Unreachable,
    /// Too many requests: back off, lower the concurrency.
    Throttle,
    /// Something this run created or changed is not visible everywhere yet: retry for a while.
    Propagation,
    /// Somebody else changes the same object: read again and compare.
    Conflict,
    /// The object is not there, or not visible.
    NotFound,
    /// The object is there already.
    AlreadyExists,
    /// The answer was lost: the call may have had its effect.
    Unknown,
    /// Anything else: trying again does not help.
    Permanent,
}

/// A refusal of a cloud: what was attempted, on what, and what the cloud said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloudError {
    /// Which cloud.
    pub which: Which,
    /// The call: an AWS operation, or the beginning of a statement.
    pub operation: String,
    /// What it was about, where the call itself does not say it.
    pub object: String,
    /// The cloud's code: `AccessDenied`, `003167`. Empty if the cloud did not answer.
    pub code: String,
    /// What the cloud said.
    pub message: String,
    /// What can be done about it.
    pub class: Class,
    /// For the vendor's support: a request or query ID.
    pub request_id: Option<String>,
}

impl CloudError {
    /// An error of this program: a side was used that was not opened.
    pub fn missing(which: Which) -> Self {
        Self {
            which,
            operation: "open".into(),
            object: String::new(),
            code: String::new(),
            message: format!("bug in snowssi: {which} is used but was not opened"),
            class: Class::Permanent,
            request_id: None,
        }
    }

    /// An answer that does not have the form the documentation promises.
    pub fn unexpected(which: Which, operation: &str, message: impl Into<String>) -> Self {
        Self {
            which,
            operation: operation.into(),
            object: String::new(),
            code: String::new(),
            message: message.into(),
            class: Class::Permanent,
            request_id: None,
        }
    }
}

impl fmt::Display for CloudError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { which, operation, object, code, message, class, request_id } = self;
        // Without an operation nothing was asked of the cloud yet.
        if operation.is_empty() {
            return write!(f, "cannot use {which}: {message}");
        }
        match class {
            Class::Unreachable if operation.starts_with("to ") => write!(f, "{which} cannot be reached {operation}")?,
            Class::Unreachable => write!(f, "{which} cannot be reached for {operation}")?,
            Class::Unknown => write!(f, "{which} gave no usable answer to {operation}")?,
            Class::Authentication
            | Class::Throttle
            | Class::Propagation
            | Class::Conflict
            | Class::NotFound
            | Class::AlreadyExists
            | Class::Permanent => write!(f, "{which} refused {operation}")?,
        }
        if !object.is_empty() {
            write!(f, " on {object}")?;
        }
        if !code.is_empty() {
            write!(f, ": {code}")?;
        }
        write!(f, ": {message}")?;
        request_id.iter().try_for_each(|id| write!(f, " (request {id})"))
    }
}

impl std::error::Error for CloudError {}

/// What a refusal most likely means and what to do, from the table of its cloud. What AWS's table knows stands in the message already.
pub fn advice(error: &CloudError) -> Option<String> {
    match error.which {
        Which::Aws => None,
        Which::Snowflake => super::snowflake::codes::explanation(error).map(|line| {
            if line.hint.is_empty() { line.meaning.to_owned() } else { format!("{}: {}", line.meaning, line.hint) }
        }),
    }
}
