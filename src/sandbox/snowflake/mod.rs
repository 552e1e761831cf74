//! Snowflake in the process.

pub mod answer;
pub mod wire;

mod access;
mod alert;
mod beyond;
mod columns;
mod container;
mod context;
mod dml;
mod expr;
mod external_volume;
mod fail;
mod file_format;
mod files;
mod functions;
mod future;
mod granted;
mod grants;
mod graph;
mod graph_history;
mod history;
mod integration;
mod lex;
mod load;
mod notification;
mod owning;
mod params;
mod parse;
mod pipe;
mod props;
mod query;
mod refresh;
mod resource_monitor;
mod results;
mod roles;
mod run;
mod schedule;
mod scheduler;
mod select;
pub(super) mod shaped;
mod show;
mod simulator;
mod stage;
mod stage_read;
mod state;
mod statement;
mod stream;
mod switches;
mod table;
mod tag;
mod task;
mod task_read;
mod warehouse;
mod work;

pub use pipe::Ingested;
pub use refresh::Registered;
pub use run::{InTask, Ran};
pub use simulator::Simulator;
pub use switches::Switches;

#[cfg(test)]
mod tests;
