//! Fetches secrets at the moment they are sent, from where their references say.

use std::sync::Arc;

use super::snowflake::Resolver;
use crate::model::{Secret, SecretRef};

/// Reads secrets from the environment and from files.
pub fn secret_resolver() -> Resolver {
    Arc::new(fetch)
}

fn fetch(from: &SecretRef) -> Result<Secret, String> {
    match from {
        SecretRef::Env(name) => match std::env::var(name) {
            Ok(text) if !text.is_empty() => Ok(Secret::new(text)),
            Ok(_) => Err(format!("the environment variable {name} is empty")),
            Err(_) => Err(format!("the environment variable {name} is not set")),
        },
        SecretRef::File(path) => match std::fs::read_to_string(path) {
            Ok(text) => {
                let line = text.strip_suffix('\n').map(|text| text.strip_suffix('\r').unwrap_or(text));
                let text = line.unwrap_or(&text);
                Ok(Secret::new(text))
            }
            Err(error) => Err(format!("the file {path} cannot be read: {error}")),
        },
    }
}
