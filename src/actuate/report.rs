//! What actuation did, as plain data for metrics, log and audit.

use crate::claim::{Claimant, KnobKind, Target};

/// What was tried on one knob of one target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Made equal to what is wanted.
    Apply,
    /// Put back to the original.
    Restore,
}

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    Done,
    /// The target has ended meanwhile: nothing left to control.
    Gone,
    /// Somebody else changed the value; it is left alone.
    Foreign {
        found: String,
    },
    /// Dry run: counted, not written.
    Skipped,
    /// The target may not be touched, whatever a policy says.
    Protected {
        why: String,
    },
    Failed {
        error: String,
    },
}

/// One line of what a tick did to the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub knob: KnobKind,
    pub target: Target,
    pub action: Action,
    pub outcome: Outcome,
    /// Before the write, as read.
    pub from: Option<String>,
    /// What was written.
    pub to: Option<String>,
    /// What the kernel says afterwards.
    pub read_back: Option<String>,
    pub holders: Vec<Claimant>,
    pub reason: String,
}

impl Action {
    pub fn name(self) -> &'static str {
        match self {
            Self::Apply => "apply",
            Self::Restore => "restore",
        }
    }
}

impl Outcome {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Gone => "gone",
            Self::Foreign { .. } => "foreign",
            Self::Skipped => "skipped",
            Self::Protected { .. } => "protected",
            Self::Failed { .. } => "failed",
        }
    }
}
