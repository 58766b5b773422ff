//! Claims: what policies want of the machine. A claim is a lease; one that is not renewed lapses.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::plotter::JobId;

/// What a claim is about. Devices, packages and the node itself join here as their knobs do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Target {
    Job(JobId),
}

/// Kinds of knobs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KnobKind {
    /// A cgroup v2 of the job's own.
    Group,
    Nice,
    SchedClass,
    IoPriority,
    Affinity,
    /// Frozen by its group where it has one of ours, stopped by signal else.
    Pause,
}

/// Scheduling class of a thread (sched(7)). Real-time classes are never set, only recognised and put back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SchedClass {
    Other,
    Batch,
    Idle,
}

/// I/O priority of a thread (`ioprio_set(2)`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum IoPriority {
    /// 0 (highest) to 7.
    BestEffort(u8),
    Idle,
}

/// The value that a claim wants a knob to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Lives in its own group below ours.
    Group,
    /// -20 to 19.
    Nice(i8),
    SchedClass(SchedClass),
    IoPriority(IoPriority),
    /// CPU numbers.
    Affinity(BTreeSet<u32>),
    Paused,
}

/// How the value binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    AtMost,
    AtLeast,
    Exactly,
}

/// Rank of a policy before its priority; earlier wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Class {
    Safety,
    Slo,
    Budget,
    Efficiency,
    Throughput,
}

/// Who claims, with what rank.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claimant {
    pub class: Class,
    /// 0 to 1000, higher wins.
    pub priority: u16,
    pub policy: String,
}

/// One wish of one policy for one knob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    pub claimant: Claimant,
    pub target: Target,
    pub setting: Setting,
    pub bound: Bound,
    /// Time since boot at which the claim lapses unless renewed.
    pub until: Duration,
    /// A short fixed word for metrics, such as `io-pressure` or `deferred-start`.
    pub reason: &'static str,
    /// Carried out, or only counted.
    pub dry_run: bool,
}

impl Setting {
    pub fn kind(&self) -> KnobKind {
        match self {
            Self::Group => KnobKind::Group,
            Self::Nice(_) => KnobKind::Nice,
            Self::SchedClass(_) => KnobKind::SchedClass,
            Self::IoPriority(_) => KnobKind::IoPriority,
            Self::Affinity(_) => KnobKind::Affinity,
            Self::Paused => KnobKind::Pause,
        }
    }
}

impl KnobKind {
    /// In the order in which they are applied; put back in reverse.
    pub const ALL: [Self; 6] =
        [Self::Group, Self::Nice, Self::SchedClass, Self::IoPriority, Self::Affinity, Self::Pause];

    pub fn name(self) -> &'static str {
        match self {
            Self::Group => "group",
            Self::Nice => "nice",
            Self::SchedClass => "sched-class",
            Self::IoPriority => "io-priority",
            Self::Affinity => "affinity",
            Self::Pause => "pause",
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "{id}"),
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group => f.write_str("own group"),
            Self::Nice(nice) => write!(f, "{nice}"),
            Self::SchedClass(SchedClass::Other) => f.write_str("other"),
            Self::SchedClass(SchedClass::Batch) => f.write_str("batch"),
            Self::SchedClass(SchedClass::Idle) | Self::IoPriority(IoPriority::Idle) => f.write_str("idle"),
            Self::IoPriority(IoPriority::BestEffort(level)) => write!(f, "best-effort/{level}"),
            Self::Affinity(cpus) => {
                let cpus: Vec<String> = cpus.iter().map(u32::to_string).collect();
                f.write_str(&cpus.join(","))
            }
            Self::Paused => f.write_str("paused"),
        }
    }
}

impl Class {
    pub fn name(self) -> &'static str {
        match self {
            Self::Safety => "safety",
            Self::Slo => "slo",
            Self::Budget => "budget",
            Self::Efficiency => "efficiency",
            Self::Throughput => "throughput",
        }
    }
}
