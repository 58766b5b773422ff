//! Policies: what operators write in YAML, read with places for every error, and turned into rules that decisions are made by.
//!
//! ```text
//! paths -> source (text) -> document (schema with places) -> resolve (rules) -> PolicySet
//! ```
//!
//! A set is loaded whole or not at all: half a set of policies is a machine that nobody has described.

pub mod cases;
mod check;
mod document;
mod error;
mod expression;
mod glob;
mod load;
mod nearest;
mod quantity;
mod question;
mod reload;
mod resolve;
mod rules;
mod scalar;
mod schema;
mod source;
mod stages;
#[cfg(test)]
mod tests;
mod trend;
mod vocabulary;

pub use check::{CheckReport, check};
pub use document::{API_VERSION, KINDS};
pub use error::{Place, PolicyError};
pub use expression::{Expression, Meanings, Variable};
pub use glob::Glob;
pub use load::{PolicySet, from_text, load, shipped};
pub use question::{Answerer, Asked, Gauge, Mean, Question, Scope, Trend};
pub use reload::{Fingerprint, Outcome, Reloader};
pub use rules::{
    Anchor, Band, Bands, Behavior, Contention, Control, Guardrails, Measure, OnExit, OnMissing, Origin, Policy,
    Reversals, Selector, Stage, Unit,
};
pub use vocabulary::Vocabulary;
