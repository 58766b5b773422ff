//! Policies: what operators write in YAML, read with places for every error, and turned into rules that decisions are made by.
//!
//! ```text
//! paths -> source (text) -> document (schema with places) -> resolve (rules) -> PolicySet
//! ```
//!
//! A set is loaded whole or not at all: half a set of policies is a machine that nobody has described.

mod access;
pub mod canary;
pub mod cases;
mod check;
mod commit;
mod document;
mod error;
mod explain;
mod expression;
mod fingerprint;
mod format;
mod glob;
mod json_schema;
mod knobs;
mod lint;
mod load;
mod nearest;
mod number;
mod output;
mod quantity;
mod question;
mod reload;
mod resolve;
mod rule;
mod rules;
mod scalar;
mod schema;
mod settling;
mod source;
mod spanned;
#[cfg(test)]
mod tests;
mod vocabulary;
mod way;

pub use check::{CheckReport, check, check_shipped};
pub use commit::{Commit, commits};
pub use document::API_VERSION;
pub use error::{Place, PolicyError, SourceLine};
pub use explain::explain;
pub use expression::{Expression, Meanings, Variable};
pub use fingerprint::{Fingerprint, FolderMark};
pub use format::{Formatted, format, unified};
pub use glob::{Glob, NamePattern};
pub use json_schema::json_schema;
pub use knobs::PolicyKnob;
pub use load::{PolicySet, from_files, from_text, load, shipped};
pub use output::Output;
pub use question::{Answerer, Asked, Gauge, Mean, Question, Scope, Trend};
pub use reload::{Outcome, Reloader};
pub use rule::Rule;
pub use rules::{
    Action, Anchor, Band, Bands, Behavior, BudgetResource, Canary, CanaryOf, Changes, Condition, Contention, Control,
    FleetBudget, Forecast, Gate, GateScope, Guardrail, Guardrails, Kind, KnobAction, KnobBound, LargestStep, Lease,
    Limits, Measure, Member, Movable, Moves, OnExit, OnMissing, Origin, Placement, PlacementMethod, PlacementUnit,
    Policy, Relation, Reversals, Rules, Schedule, Selector, Shape, ShapedClass, Stage, Staged, StagedStage, Steps,
    Toward, TrafficDirection, Trigger, Unit, When, WhenStale, Window,
};
pub use settling::{Settling, Step};
pub use source::{PIPED, SourceFile, Sources, policy_files as files, read, text_of};
pub use vocabulary::Vocabulary;
pub use way::{Station, Ways, ways};
