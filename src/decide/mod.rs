//! Decisions, pure: `(policy, its state, World, signals, now) -> claims`. No I/O, no clock, no randomness.

mod decision;

pub use decision::{Cause, Decision, Input, Severity, Strategy};
