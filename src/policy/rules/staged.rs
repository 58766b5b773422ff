//! The rules of the kinds that act by stages: when each stage is in force, and what it does then.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Behavior, Guardrails, Schedule};
use crate::claim::{Bound, KnobKind, Setting};
use crate::policy::glob::NamePattern;
use crate::policy::question::Question;
use crate::policy::rules::{OnMissing, Unit};
use crate::shaping::{Dscp, Flow};
use crate::units::BitsPerSecond;

#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    pub signals: BTreeMap<String, Question>,
    /// Of each signal, as its levels are written.
    pub units: BTreeMap<String, Unit>,
    pub schedule: Option<Schedule>,
    /// From the mildest to the strongest.
    pub stages: Vec<StagedStage>,
    /// While a signal that says `onMissing: safe` is missing.
    pub safe: Vec<Action>,
    pub behavior: Behavior,
    pub guardrails: Guardrails,
    pub placement: Option<Placement>,
    pub shape: Option<Shape>,
    pub limits: Option<Limits>,
    pub gates: Vec<Gate>,
    pub moves: Option<Moves>,
}

#[derive(Debug, Clone, PartialEq)]
pub struct StagedStage {
    pub name: String,
    pub when: When,
    pub actions: Vec<Action>,
}

/// When a stage is in force.
#[derive(Debug, Clone, PartialEq)]
pub enum When {
    Always,
    /// While a window of the schedule is open.
    Window,
    Triggered(Trigger),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Trigger {
    pub relation: Relation,
    pub conditions: Vec<Condition>,
    pub hold: Duration,
    pub clear_hold: Duration,
}

/// How the conditions of a trigger are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Relation {
    Any,
    All,
}

/// A signal beyond a level, until it is on the other side of another one.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub signal: String,
    /// `true` if high values are the bad ones.
    pub above: bool,
    pub level: f64,
    pub clear: f64,
    pub unit: Unit,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Plots that start now are held before they begin.
    CloseAdmission,
    /// Pauses the least advanced plots, and resumes the most advanced.
    Pause,
    /// Puts each plot where `place` says.
    Place,
    /// Shapes traffic as `shape` says.
    Shape,
    Knob(KnobAction),
}

#[derive(Debug, Clone, PartialEq)]
pub struct KnobAction {
    pub kind: KnobKind,
    pub bound: Bound,
    pub setting: Setting,
    /// Where the value begins, of the same form as `setting`.
    pub from: Option<Setting>,
    pub toward: Option<Toward>,
    /// Names of parts, or of disks for `io-max`; all if there are none.
    pub of: Vec<NamePattern>,
}

/// The value goes on while the signal is beyond the level, and back while it is not.
#[derive(Debug, Clone, PartialEq)]
pub struct Toward {
    pub signal: String,
    pub level: f64,
    /// `true` if high values are the bad ones.
    pub above: bool,
    pub unit: Unit,
}

/// Each job on one unit of the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    pub unit: PlacementUnit,
    pub method: PlacementMethod,
    /// A unit with fewer CPUs takes no job.
    pub min_cpus: usize,
    /// CPUs of each unit that no job gets.
    pub reserve: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PlacementUnit {
    NumaNode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum PlacementMethod {
    /// By the job's group: CPUs and memory, threads to come included.
    #[default]
    CpuSet,
    /// By the affinity of each thread: CPUs alone, also without groups.
    Affinity,
}

/// One direction of some interfaces.
#[derive(Debug, Clone, PartialEq)]
pub struct Shape {
    pub interfaces: Vec<NamePattern>,
    pub direction: TrafficDirection,
    pub link: BitsPerSecond,
    pub classes: Vec<ShapedClass>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TrafficDirection {
    #[default]
    Leaving,
    Arriving,
}

#[derive(Debug, Clone, PartialEq)]
pub struct ShapedClass {
    pub name: String,
    pub guaranteed: BitsPerSecond,
    pub ceiling: BitsPerSecond,
    pub priority: u8,
    pub dscp: Option<Dscp>,
    pub flows: Vec<Flow>,
}

/// How many plots at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    pub max_total: Option<u32>,
    pub max_per_temp_dir: Option<u32>,
    pub min_between_starts: Option<Duration>,
}

/// At most so many plots that are not yet in a phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gate {
    pub per: GateScope,
    pub before_phase: u8,
    pub at_most: u32,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum GateScope {
    #[default]
    TempDir,
    Node,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moves {
    pub what: Movable,
    pub max_moves: u32,
    pub per: Duration,
    pub min_gain: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Movable {
    /// A plot that has not begun.
    QueuedStart,
    /// A plot from one NUMA node to another.
    Placement,
}

impl Staged {
    pub fn on_missing(&self, signal: &str) -> OnMissing {
        self.signals.get(signal).map_or(OnMissing::Hold, |question| question.on_missing)
    }

    /// All actions, those of `safe` last.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.stages.iter().flat_map(|stage| &stage.actions).chain(&self.safe)
    }
}

impl Action {
    pub fn name(&self) -> &'static str {
        match self {
            Self::CloseAdmission => "closeAdmission",
            Self::Pause => "pause",
            Self::Place => "place",
            Self::Shape => "shape",
            Self::Knob(action) => action.kind.name(),
        }
    }
}
