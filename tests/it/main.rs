//! The only integration-test binary.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod access_keys;
mod cases;
mod contract;
mod faults;
mod gaps;
mod import;
mod layers;
mod links;
mod logging;
mod notifications;
mod partner;
mod reference;
mod requests;
mod schema;
mod specs;
mod tidy;
mod world;
