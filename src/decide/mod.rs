//! Decisions, pure: `(policy, its state, World, signals, now) -> claims`. No I/O, no clock, no randomness.
//!
//! Everything that the project knows about plotting under contention is in this room, a file per idea: how bad it is
//! (`severity`), what helps (`strategy`), when a stage begins and ends (`hysteresis`), how fast one may act (`pace`), which job is
//! paused or resumed (`stagger`), what priorities become (`priority`), what came of it (`effect`), and when to stop (`vain`).

mod ask;
mod budget;
mod contention;
mod decision;
mod effect;
mod explain;
mod hysteresis;
mod pace;
mod priority;
mod severity;
mod staged;
mod stagger;
mod strategy;
#[cfg(test)]
mod tests;
mod tick;
mod turn;
mod vain;

pub use decision::{Cause, Decision, Effect, Input, Severity, Strategy};
pub use strategy::strategy;
pub use turn::{State, decide};
pub use vain::{ALERTS, NO_EFFECT};
