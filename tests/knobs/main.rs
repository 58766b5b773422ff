//! The contract of each knob, on whatever kernel this is: what is written is read back, all of it goes back to where it was, and what
//! cannot be done here is said. The same tests run on the host, as far as its hardware goes, and in the virtual machine of
//! `tests/vm`, which has hardware for all of them.
//!
//! A test that finds no hardware says so by [`skipped`] and ends. The machine's own list of what it may skip stands in
//! `tests/vm/knobs.rs`; anything else there is a failure.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod job;
mod plant;
#[path = "../support/state.rs"]
#[allow(dead_code, reason = "shared with tests that look at more of it")]
mod state;

use std::fmt::Display;
use std::io::Write;

/// Says on the terminal, whatever becomes of the test's own output, that this knob was not tested and why.
fn skipped(knob: &str, why: impl Display) {
    // On a line of its own: that of the test has begun already.
    let _ = std::io::stderr().write_all(format!("\nSKIPPED {knob}: {why}\n").as_bytes());
}
