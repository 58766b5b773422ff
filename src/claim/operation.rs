//! Operations: what can be done to a job or the machine and cannot be undone. They are no claims: none is ever in force.

use std::collections::BTreeSet;

use super::{Claimant, PartClass, Target};

/// What is done.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    /// The anonymous memory of a job is taken first when the kernel next needs some.
    Cool,
    /// The anonymous memory of a job goes to swap now.
    PageOut,
    /// The pages of a job that lie on some nodes move to others. Where new ones go is the job's own policy, which nobody can
    /// change from outside.
    MovePages { from: BTreeSet<u32>, to: BTreeSet<u32> },
    /// Free memory of a node, or of all, is put together into large blocks.
    Compact,
    /// The page cache is given up, but for what is not written yet.
    DropCaches,
    /// So much memory of a job's own group is reclaimed now.
    Reclaim { bytes: u64 },
    /// A disk stops turning now, until somebody asks it for something.
    StandBy,
}

/// One wish of one policy for an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    pub deed: Deed,
    pub target: Target,
    pub claimant: Claimant,
    /// A short fixed word for metrics, as in a claim.
    pub reason: &'static str,
    /// Carried out, or only counted.
    pub dry_run: bool,
}

impl Deed {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Cool => "cool",
            Self::PageOut => "page-out",
            Self::MovePages { .. } => "move-pages",
            Self::Compact => "compact",
            Self::DropCaches => "drop-caches",
            Self::Reclaim { .. } => "reclaim",
            Self::StandBy => "stand-by",
        }
    }

    /// Whether it can be done to such a thing at all.
    pub fn fits(&self, target: &Target) -> bool {
        let class = match target {
            Target::Job(_) => None,
            Target::Part(part) => Some(part.class),
        };
        match self {
            Self::Cool | Self::PageOut | Self::MovePages { .. } | Self::Reclaim { .. } => class.is_none(),
            Self::Compact => matches!(class, Some(PartClass::Node | PartClass::Machine)),
            Self::DropCaches => class == Some(PartClass::Machine),
            Self::StandBy => class == Some(PartClass::Disk),
        }
    }
}
