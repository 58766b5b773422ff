//! Policies: what operators write in YAML, read with places for every error, and turned into rules that decisions are made by.
//!
//! ```text
//! paths -> source (text) -> document (schema with places) -> resolve (rules) -> PolicySet
//! ```
//!
//! A set is loaded whole or not at all: half a set of policies is a machine that nobody has described.

mod check;
mod document;
mod error;
mod glob;
mod load;
mod nearest;
mod quantity;
mod reload;
mod resolve;
mod rules;
mod schema;
mod source;
mod stages;
#[cfg(test)]
mod tests;

pub use check::{CheckReport, check};
pub use document::{API_VERSION, KINDS};
pub use error::{Place, PolicyError};
pub use glob::Glob;
pub use load::{PolicySet, from_text, load, shipped};
pub use reload::{Fingerprint, Outcome, Reloader};
pub use rules::{
    Anchor, Band, Bands, Behavior, Contention, Control, Gauge, Guardrails, Measure, OnExit, OnMissing, Origin, Policy,
    Question, Reversals, Scope, Selector, Stage,
};
