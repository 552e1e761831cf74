//! snowssi: plan and apply secure AWS-Snowflake data pipelines from one spec, without a state file.
//!
//! Data goes one way: [`spec`] text becomes typed entries, [`observe`] reads what is live, [`plan`] turns the difference into operations,
//! [`apply`] runs them, [`view`] shows all of it. `ARCHITECTURE.md` says who may know whom, and why.

pub mod apply;
pub mod check;
pub mod cli;
pub mod cloud;
pub mod graph;
pub mod import;
pub mod kind;
pub mod model;
pub mod observe;
pub mod plan;
pub mod policy;
pub mod spec;

#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod view;
