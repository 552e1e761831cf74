//! Policy documents: build, canonicalise, compare, render, evaluate, lint. Pure.
//!
//! A [`Document`] is canonical by construction, so `==` between a wanted and a live document is equality of meaning: AWS reorders and
//! respells what it stores, and a plan must not show that as a change. [`build`] writes the documents a pipeline needs, [`evaluate`]
//! decides a request the way AWS does, and [`lint`](lint()) finds documents that say less, or more, than they seem to.

pub mod build;
mod document;
pub mod evaluate;
mod json;
mod lint;
mod parse;
mod render;
mod text;
mod unique;

pub use document::{Conditions, Document, Effect, Principals, Scope, Statement, Version};
pub use lint::{Finding, PolicyKind, Severity, lint};
pub use parse::NotAPolicy;
pub use text::{Name, Who};
pub use unique::unique_json;
