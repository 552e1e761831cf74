//! Bytes of staged files: COPY INTO in both directions, and the history of loads.
//!
//! ```text
//! statement ──► running ──► S3, with the integration's role
//!                  │
//!                  ▼ bytes
//!    format: csv, documents (json), columnar ──► records ──► settle (convert) ──► rows + errors ──► metadata
//! ```
//!
//! Everything below `running` is pure: bytes and options in, rows and errors out.

mod columnar;
mod compression;
mod convert;
mod csv;
mod documents;
mod format;
mod history;
mod json;
mod metadata;
mod moments;
mod record;
mod running;
mod settle;
mod staged;
mod statement;
mod transform;
mod unload;
mod variant;

pub(super) use history::{copy_history, load_history, validate};
pub(super) use metadata::Loads;
pub(super) use statement::{Load, copy_into};
pub(super) use unload::Unload;

#[cfg(test)]
mod tests;
