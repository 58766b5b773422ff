//! The last resort: a job is asked to end, then terminated, then killed, each only where a permit allows it and the step before
//! has had its time. What its plot leaves behind is removed. A record of its own carries all of it over a restart.

mod book;
mod stage;

use std::path::PathBuf;

pub use book::{Book, EndingRecord, TempRecord};
pub use stage::{Next, Stage, Step, next};

use crate::claim::{Claimant, KillPermit};
use crate::plotter::{JobId, StopSignal, TempPattern};

/// The wish of one policy that a job ends. Renewed in every tick; without it no further step is taken.
#[derive(Debug, Clone)]
pub struct Ending {
    pub job: JobId,
    pub permit: KillPermit,
    /// The signal by which its plotter lets itself be asked; none if it has no way of its own.
    pub ask: Option<StopSignal>,
    /// Where its temp files lie. Those that do not tell whose plot they belong to are left alone.
    pub temp: Vec<TempPattern>,
    pub claimant: Claimant,
    /// A short fixed word for metrics, as in a claim.
    pub reason: &'static str,
    /// Carried out, or only counted.
    pub dry_run: bool,
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndingEvent {
    /// This step was taken: its signal was sent, and it was continued before.
    Took(Step),
    /// All its processes have ended.
    Ended,
    /// A temp file was removed.
    Removed {
        file: PathBuf,
    },
    /// A temp file, or a directory of them, was left as it is.
    Kept {
        file: PathBuf,
        why: String,
    },
    /// Dry run: counted, not done.
    Skipped,
    /// Nothing more is done, for now.
    Held {
        why: String,
    },
    /// Nobody wants it to end any more.
    Withdrawn,
    /// The job may not be touched, whatever a policy says.
    Protected {
        why: String,
    },
    Failed {
        error: String,
    },
}

/// What became of one job, event by event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndingReport {
    pub job: JobId,
    pub event: EndingEvent,
    /// Name of the policy.
    pub policy: String,
    pub reason: String,
}

impl EndingEvent {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Took(step) => step.name(),
            Self::Ended => "ended",
            Self::Removed { .. } => "removed",
            Self::Kept { .. } => "kept",
            Self::Skipped => "skipped",
            Self::Held { .. } => "held",
            Self::Withdrawn => "withdrawn",
            Self::Protected { .. } => "protected",
            Self::Failed { .. } => "failed",
        }
    }

    /// What there is to say beyond the name.
    pub fn detail(&self) -> Option<String> {
        match self {
            Self::Removed { file } => Some(file.display().to_string()),
            Self::Kept { file, why } => Some(format!("{}: {why}", file.display())),
            Self::Held { why: text } | Self::Protected { why: text } | Self::Failed { error: text } => {
                Some(text.clone())
            }
            Self::Took(_) | Self::Ended | Self::Skipped | Self::Withdrawn => None,
        }
    }
}
