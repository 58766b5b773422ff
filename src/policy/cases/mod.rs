//! Tests of policies: what is given, what is measured, and what is expected to come of it, beside the policy or in a file of its own.
//!
//! ```text
//! schema (as written, with places) -> resolve (plain values) -> Case, which `rehearsal` plays
//! ```

mod expected;
pub(super) mod notation;
mod resolve;
mod schema;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::error::PolicyError;
use crate::claim::{Bound, KnobKind};
use crate::mode::Mode;
use crate::plotter::Phase;
use crate::units::Bytes;

pub(super) use resolve::{cases, check_names};
pub(super) use schema::{PolicyTestDocument, PolicyTestSpec, WrittenCase};

/// One test of one policy, or of several that are in force together.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    pub name: String,
    /// By name, in the order in which they were named.
    pub policies: Vec<String>,
    /// Where it was written; an error that has yet to say what is wrong.
    pub spot: PolicyError,
    /// The mode of the policies while they are tested.
    pub mode: Mode,
    /// The wall clock at the first step.
    pub start: Option<SystemTime>,
    /// Between two samples.
    pub interval: Duration,
    pub topology: Topology,
    /// Those that run from the beginning, and then the queue.
    pub jobs: Vec<GivenJob>,
    pub series: Vec<Series>,
    /// In the order of their times.
    pub expect: Vec<Expectation>,
}

/// The machine of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Topology {
    pub numa_nodes: u32,
    /// Of each node.
    pub cores_per_node: u32,
    /// Threads of each core.
    pub smt: u32,
    pub memory: Bytes,
    pub swap: Bytes,
}

/// A plot of a test.
#[derive(Debug, Clone, PartialEq)]
pub struct GivenJob {
    pub id: String,
    /// Name of the plotter's profile.
    pub plotter: String,
    pub k: u8,
    pub threads: Option<u32>,
    pub temp_dirs: Vec<PathBuf>,
    pub final_dirs: Vec<PathBuf>,
    /// Block devices behind the temp directories; `None` if nobody knows them.
    pub devices: Option<Vec<String>>,
    pub user: String,
    /// 0 to 1, at the beginning.
    pub progress: f64,
    pub phase: Option<Phase>,
    /// Age at the beginning.
    pub age: Duration,
    /// Running time after which it is finished; `None` if it outlives the test.
    pub lasts: Option<Duration>,
    /// When it starts, if it is of the queue.
    pub at: Option<Duration>,
    /// It stands for so many, each this much later than the one before; they are numbered from 1.
    pub repeated: Option<(u32, Duration)>,
    pub spot: PolicyError,
}

impl GivenJob {
    /// Whether it is, or stands for, the plot of this id.
    pub fn is_named(&self, id: &str) -> bool {
        let Some((count, _)) = self.repeated else { return self.id == id };
        let number = id.strip_prefix(self.id.as_str()).and_then(|rest| rest.strip_prefix('-'));
        let nth = number.filter(|text| text.starts_with(|c: char| ('1'..='9').contains(&c)));
        nth.and_then(|text| text.parse().ok()).is_some_and(|nth: u32| nth <= count)
    }

    /// Each plot that it stands for, by itself.
    pub fn each(&self) -> impl Iterator<Item = Self> + '_ {
        let (count, every) = self.repeated.unwrap_or((1, Duration::ZERO));
        (0..count).map(move |nth| Self {
            id: self.repeated.map_or_else(|| self.id.clone(), |_| format!("{}-{}", self.id, nth + 1)),
            at: self.at.map(|at| at + every * nth),
            repeated: None,
            ..self.clone()
        })
    }
}

/// What one signal answers, or one metric is, sample by sample.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub of: Source,
    /// In promtool's notation, which holds a thousand samples in ten letters; known to be right.
    pub values: String,
    pub spot: PolicyError,
}

impl Series {
    pub fn samples(&self) -> Vec<Sample> {
        notation::samples(&self.values).unwrap_or_default()
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// A signal, by its name in the policies; of one policy only if that is named.
    Signal { name: String, policy: Option<String> },
    /// A series in the history. `instance` and `job` are those of this machine unless given.
    Metric { name: String, labels: Vec<(String, String)> },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Sample {
    Value(f64),
    /// Nothing was measured.
    Gap,
    /// The series has ended.
    Stale,
}

/// What should be so at one moment. What is `None` is not looked at.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    pub at: Duration,
    pub spot: PolicyError,
    /// Looks at this policy only.
    pub policy: Option<String>,
    /// Name of the highest stage in force, or `none`.
    pub stage: Option<String>,
    /// Claims that are there; an empty list means that there are none.
    pub claims: Option<Vec<ExpectedClaim>>,
    /// Knobs that nobody has claimed with success up to now.
    pub never: Vec<KnobKind>,
    pub denied: Vec<ExpectedDenial>,
    /// Exactly the jobs that stand still.
    pub paused: Option<BTreeSet<String>>,
    /// Exactly the jobs that are there and do not stand still.
    pub running: Option<BTreeSet<String>>,
    pub admission: Option<Admission>,
    /// Plots of the queue that have begun.
    pub starts: Option<usize>,
    /// Alerts that the policies themselves raise, at least; an empty list means that there are none.
    pub alerts: Option<Vec<String>>,
    /// How often a knob was set again after it had been let go.
    pub reversals: Option<u64>,
    /// Whether every knob is as it was before the test.
    pub restored: Option<bool>,
    /// Exactly the signals that are missing.
    pub missing: Option<BTreeSet<String>>,
    /// Of a claim that is there, or `signal-missing`.
    pub reason: Option<String>,
    /// Part of what a policy says in this step of what it changed, and why.
    pub says: Option<String>,
}

/// A claim as a test describes it; what is `None` may be anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedClaim {
    pub knob: KnobKind,
    pub target: Option<String>,
    pub value: Option<String>,
    pub bound: Option<Bound>,
    pub policy: Option<String>,
}

/// A claim that did not get its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedDenial {
    pub knob: KnobKind,
    pub target: Option<String>,
    /// The policy or the law that won.
    pub by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Admission {
    Open,
    Closed,
}

impl Admission {
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl Case {
    /// How long it is played: up to the last expectation.
    pub fn length(&self) -> Duration {
        self.expect.iter().map(|expectation| expectation.at).max().unwrap_or_default()
    }
}
