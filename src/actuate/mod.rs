//! Makes the kernel equal to what is wanted: one level-triggered diff per tick: journal, write, read back.
//!
//! What nobody wants any more goes back to its original value. Dry run, rollback, restart, crash and exit are all this same
//! diff. Nothing is written to the machine outside of this room.

mod actuator;
mod apply;
mod ending;
pub mod guard;
pub mod handover;
mod journal;
mod judge;
mod lease;
mod limits;
mod operation;
mod pauses;
mod protect;
mod record;
mod release;
mod report;
mod restore;
mod run_dir;
mod said;
#[cfg(test)]
mod tests;
mod throttle;
mod writer;

pub use actuator::{Actuator, OpenError, Values};
pub use ending::{Ending, EndingEvent, EndingReport, Step};
pub use journal::Damaged;
pub use limits::{Limits, PauseBound, Users};
pub use operation::{OperationOutcome, OperationReport};
pub use report::{Action, Outcome, Report};
pub use restore::{RestoreReport, restore};
pub use run_dir::RunDirError;
pub use throttle::Rates;

use crate::kernel::process::Identity;
use crate::plotter::{Job, JobId};

/// A job as the actuator needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobHandle {
    pub id: JobId,
    pub plotter: Identity,
    /// Plotter, wrappers and children of the plotter.
    pub processes: Vec<Identity>,
    /// Whether its profile allows to pause it.
    pub may_pause: bool,
}

impl JobHandle {
    pub fn new(job: &Job, may_pause: bool) -> Self {
        Self { id: job.id.clone(), plotter: job.plotter, processes: job.processes.clone(), may_pause }
    }
}
