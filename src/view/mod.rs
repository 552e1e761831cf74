//! What people read: plans, progress, summaries. A view decides nothing; it renders what it is given.

pub mod escape;
pub mod outcome;
pub mod plan;
pub mod progress;
pub mod stats;
pub mod style;

pub use style::{Label, Style};
