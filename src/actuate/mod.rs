//! Makes the kernel equal to what is wanted: one level-triggered diff per tick: journal, write, read back.
//!
//! What nobody wants any more goes back to its original value. Dry run, rollback, restart, crash and exit are this same diff.

mod report;

pub use report::{Action, Outcome, Report};
