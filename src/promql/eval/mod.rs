//! Turns a tree and samples into an answer.
//!
//! Each node is evaluated once, over all steps of the query at the same time: a selector reads its samples once, and the cost
//! of a range query grows with its points.

mod absent;
mod aggregate;
mod binary;
mod budget;
mod call;
mod coverage;
mod error;
mod expression;
mod grid;
mod histogram;
mod matching;
mod query;
mod range_call;
mod ranked;
mod relabel;
mod select;
mod series;
mod subquery;

pub use budget::{Stop, StopReason};
pub use coverage::covered_share;
pub use error::EvalError;
