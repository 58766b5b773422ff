//! The contract of each knob, on whatever kernel this is: the same laws that the machine in memory is held to, from the same text. What
//! is wanted takes effect, all of it goes back to where it was, whoever puts it back, and what cannot be done here is said. The same tests run on the host, as far as its hardware goes, and in the virtual
//! machine of `tests/vm`, which has hardware for nearly all of them.
//!
//! A new knob gets its trial, the setting that it is tried with: in `part.rs` if it belongs to a part of the machine, in `job.rs` if to a
//! job, in `group.rs` if to a job's group. A knob that cannot be used here is [`skipped`] by name; which ones may be so in the virtual machine stands in
//! `tests/vm/knobs.rs`, and anything else is a failure there.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod bench;
mod device;
mod group;
#[path = "../support/hasty.rs"]
mod hasty;
mod job;
#[path = "../../src/actuate/tests/law.rs"]
mod law;
mod part;
mod plant;
mod scope;
#[path = "../support/state.rs"]
#[allow(dead_code, reason = "shared with tests that look at more of it")]
mod state;

use std::fmt::Display;
use std::io::Write;

/// Says that a knob was applied, read back and put back here.
fn proven(knob: &str) {
    let _ = std::io::stderr().write_all(format!("\nPROVEN {knob}\n").as_bytes());
}

/// Says on the terminal, whatever becomes of the test's own output, that this knob was not tested and why.
fn skipped(knob: &str, why: impl Display) {
    // On a line of its own: that of the test has begun already.
    let _ = std::io::stderr().write_all(format!("\nSKIPPED {knob}: {why}\n").as_bytes());
}
