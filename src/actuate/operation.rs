//! Operations: what is done once and cannot be undone. Not wanted level by level as knobs are, hence kept apart from them: each
//! has a precondition, a least time between two of them that a restart does not forget, and the protection that knobs have.

mod ledger;
mod precondition;

use std::time::Duration;

pub use ledger::Ledger;
pub use precondition::unmet;

use crate::claim::{Claimant, Deed, Target};

/// How it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OperationOutcome {
    Done,
    /// The kernel had not finished when we stopped waiting, and goes on.
    UnderWay,
    /// The target has ended.
    Gone,
    /// Dry run: counted, not done.
    Skipped,
    /// It would do no good now, or was done too short a time ago.
    Declined {
        why: String,
    },
    /// The target may not be touched, whatever a policy says.
    Protected {
        why: String,
    },
    Failed {
        error: String,
    },
}

/// What became of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OperationReport {
    pub operation: &'static str,
    pub target: Target,
    pub outcome: OperationOutcome,
    /// As measured before and after.
    pub before: Option<String>,
    pub after: Option<String>,
    pub claimant: Claimant,
    pub reason: &'static str,
}

impl OperationOutcome {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::UnderWay => "under-way",
            Self::Gone => "gone",
            Self::Skipped => "skipped",
            Self::Declined { .. } => "declined",
            Self::Protected { .. } => "protected",
            Self::Failed { .. } => "failed",
        }
    }

    /// Why, where there is more to say than the name does.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Declined { why: text } | Self::Protected { why: text } | Self::Failed { error: text } => Some(text),
            Self::Done | Self::UnderWay | Self::Gone | Self::Skipped => None,
        }
    }
}

/// The least time between two of a kind on one target: each of them costs the machine more than it gains if it comes often.
pub fn every(deed: &Deed) -> Duration {
    match deed {
        Deed::Reclaim { .. } => Duration::from_secs(10),
        Deed::Cool => Duration::from_mins(1),
        Deed::PageOut | Deed::Compact => Duration::from_mins(5),
        Deed::MovePages { .. } | Deed::DropCaches | Deed::StandBy => Duration::from_mins(10),
    }
}

/// The longest of them.
const LONGEST: Duration = Duration::from_mins(10);
