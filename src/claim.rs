//! Claims: what policies want of the machine. A claim is a lease; one that is not renewed lapses.

mod kind;
mod operation;
mod order;
mod permit;
mod target;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use crate::shaping::Lane;

pub use kind::{Controller, KnobKind};
pub use operation::{Deed, Operation};
pub use order::within;
pub use permit::KillPermit;
pub use target::{Part, PartClass, Target};

/// The reason of a claim that holds a job back at its start, before it has begun.
pub const DEFERRED_START: &str = "deferred-start";

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

/// Numbers by what they belong to and what they are. What is not in it has no limit.
///
/// - `io-max`: by disk, `rbps` and `wbps` in bytes per second, `riops` and `wiops` in operations per second.
/// - `io-latency`: by disk, `target` in microseconds.
/// - `io-cost`: `qos` and `model`, each with the keys of the kernel; percentages in hundredths of a percent.
pub type Keyed = BTreeMap<String, BTreeMap<String, u64>>;

/// The value that a claim wants a knob to have.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Groups of jobs have these controllers.
    Controllers(BTreeSet<Controller>),
    /// Lives in its own group below ours.
    Group,
    /// -20 to 19.
    Nice(i8),
    SchedClass(SchedClass),
    IoPriority(IoPriority),
    /// CPU numbers.
    Affinity(BTreeSet<u32>),
    Paused,
    /// -1000 (never) to 1000 (first).
    OomScore(i16),
    /// A number in the unit of the knob; `Setting::NO_LIMIT` is the kernel's `max`.
    Number(KnobKind, u64),
    /// One of the words that the knob knows. Words have no order: they can be claimed exactly only.
    Word(KnobKind, String),
    /// CPU or node numbers of a knob other than the affinity of threads.
    Set(KnobKind, BTreeSet<u32>),
    /// What one direction of an interface should be like; claimed exactly only.
    Lane(KnobKind, Lane),
    /// Several numbers of one knob.
    Keyed(KnobKind, Keyed),
}

/// How the value binds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Bound {
    AtMost,
    AtLeast,
    Exactly,
}

/// Rank of a policy before its priority; earlier wins.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
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
    /// Written as `max` where the kernel has no number for "as much as there is".
    pub const NO_LIMIT: u64 = u64::MAX;

    pub fn kind(&self) -> KnobKind {
        match self {
            Self::Controllers(_) => KnobKind::Controllers,
            Self::Group => KnobKind::Group,
            Self::Nice(_) => KnobKind::Nice,
            Self::SchedClass(_) => KnobKind::SchedClass,
            Self::IoPriority(_) => KnobKind::IoPriority,
            Self::Affinity(_) => KnobKind::Affinity,
            Self::Paused => KnobKind::Pause,
            Self::OomScore(_) => KnobKind::OomScore,
            Self::Number(kind, _)
            | Self::Word(kind, _)
            | Self::Set(kind, _)
            | Self::Lane(kind, _)
            | Self::Keyed(kind, _) => *kind,
        }
    }

    /// Whether one value of the kind goes further than another, so that `at most` and `at least` mean something.
    pub fn has_order(&self) -> bool {
        !matches!(self, Self::Word(..) | Self::Lane(..) | Self::Keyed(KnobKind::IoCost, _))
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Controllers(controllers) => {
                let names: Vec<&str> = controllers.iter().map(|controller| controller.name()).collect();
                f.write_str(&names.join(" "))
            }
            Self::Group => f.write_str("own group"),
            Self::Nice(nice) => write!(f, "{nice}"),
            Self::SchedClass(SchedClass::Other) => f.write_str("other"),
            Self::SchedClass(SchedClass::Batch) => f.write_str("batch"),
            Self::SchedClass(SchedClass::Idle) | Self::IoPriority(IoPriority::Idle) => f.write_str("idle"),
            Self::IoPriority(IoPriority::BestEffort(level)) => write!(f, "best-effort/{level}"),
            Self::Affinity(numbers) | Self::Set(_, numbers) => {
                let numbers: Vec<String> = numbers.iter().map(u32::to_string).collect();
                f.write_str(&numbers.join(","))
            }
            Self::Paused => f.write_str("paused"),
            Self::OomScore(score) => write!(f, "{score}"),
            Self::Number(_, Self::NO_LIMIT) => f.write_str("max"),
            Self::Number(_, number) => write!(f, "{number}"),
            Self::Word(_, word) => f.write_str(word),
            Self::Lane(_, lane) => lane.fmt(f),
            Self::Keyed(_, keyed) => {
                let of_key = |(key, number): (&String, &u64)| format!(" {key}={number}");
                let lines =
                    keyed.iter().map(|(of, numbers)| of.clone() + &numbers.iter().map(of_key).collect::<String>());
                f.write_str(&lines.collect::<Vec<_>>().join(", "))
            }
        }
    }
}

impl Bound {
    /// As policies write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::AtMost => "atMost",
            Self::AtLeast => "atLeast",
            Self::Exactly => "exactly",
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
