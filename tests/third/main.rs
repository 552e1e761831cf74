//! Programs of others against the embedded clouds, and our planner against an AWS emulator of others: what the simulator and the planner
//! cannot have agreed on. Their Python environments are made under `target/`, from the pinned lists beside this file. What cannot be
//! installed or run fails the test.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

mod aws_clients;
mod binary;
mod moto;
mod process;
mod python;
mod snowflake_cli;
mod snowflake_connector;
mod snowflake_declarative;
mod snowflake_sandbox;
