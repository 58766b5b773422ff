//! `plotwarden`: publishes what a plotting machine and its jobs are doing, and steers the jobs by declarative policies.
//!
//! The way of the data, one direction, no way back:
//!
//! ```text
//! kernel -> sample -> World -> signals -> decide -> claims -> arbiter -> wanted -> actuate -> kernel
//! ```
//!
//! A room per folder. `run` is the only file that knows all of them; `tests/arrows.rs` holds which room may know which.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

/// Tests that are also run from outside, on a real kernel, name things here as they do there.
#[cfg(test)]
extern crate self as plotwarden;

pub mod actuate;
pub mod alert;
pub mod arbiter;
pub mod audit;
pub mod claim;
pub mod cli;
pub mod clock;
pub mod decide;
pub mod history;
pub mod http;
pub mod inventory;
pub mod kernel;
pub mod knob;
pub mod metrics;
pub mod mode;
pub mod plotter;
pub mod policy;
pub mod pressure;
pub mod promql;
pub mod rehearsal;
pub mod run;
pub mod sample;
pub mod shaping;
pub mod signal;
pub mod units;
pub mod world;
