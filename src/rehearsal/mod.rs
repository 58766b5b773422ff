//! Tests of policies: a machine made of plain data, time that passes as fast as it can be computed, and the real way from samples to
//! writes, so that a test shows what would happen on a machine.
//!
//! ```text
//! Case -> machine (plots in memory) + feed (what is measured) -> play (signals, decide, arbiter, actuate) -> Seen, tick by tick
//!      -> judge (what was expected) -> report, with a timeline of what failed
//! ```
//!
//! What a test cannot show: how the machine answers. Pressures are those of the test, whatever the policies do.

pub mod diff;
mod feed;
mod judge;
mod machine;
mod play;
mod recorded;
mod report;
mod scratch;
mod seen;
mod timeline;

pub use judge::Fault;
pub use play::{CannotPlay, Player};
pub use report::{Shown, TestReport, Verdict, test, verdict};
pub use seen::Seen;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
