//! A decision with everything that explains it: inputs with their ages, severity, cause, strategy, rule and claims.

use std::time::Duration;

use crate::claim::Claim;
use crate::policy::Unit;
use crate::pressure::Resource;

/// One signal as a decision saw it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input {
    /// Its name in the policy.
    pub signal: String,
    /// What was measured of whom, such as `io.some of the jobs`.
    pub source: String,
    /// `None` if the signal is missing.
    pub value: Option<f64>,
    pub age: Option<Duration>,
    /// Why the signal is missing.
    pub missing: Option<String>,
}

/// Severity of a contention: 0 is none, 1 is the worst.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Severity(pub f64);

/// What lies at the root of a contention.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cause {
    CpuOverload,
    MemoryPressure,
    IoBottleneck,
}

/// The strategies against contention, from the mildest to the strongest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Strategy {
    PreventiveOptimization,
    MonitoringAndMinorAdjustments,
    ProcessPriorityOptimization,
    GradualResourceAdjustment,
    ComprehensiveRebalancing,
    IoOptimization,
    MemoryRebalancing,
    ImmediateCpuReallocation,
}

/// What became of the signal after an action, once it had time to settle.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// What was done, such as `paused chiapos-7-99`.
    pub action: String,
    /// Name of the signal that had caused it.
    pub signal: String,
    /// Value of the signal when it was done; `None` if it was missing.
    pub before: Option<f64>,
    /// Value now.
    pub after: Option<f64>,
    /// Of both.
    pub unit: Unit,
    /// How long after the action.
    pub elapsed: Duration,
}

/// What one policy decided in one tick.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Decision {
    pub policy: String,
    /// Of the policy that decided, so that a changed one decides at once.
    pub of_hash: u64,
    pub inputs: Vec<Input>,
    /// Severity of each resource that could be judged.
    pub severities: Vec<(Resource, Severity)>,
    pub cause: Option<Cause>,
    pub strategy: Option<Strategy>,
    /// Names of the stages in force, the mildest first, each once.
    pub stages: Vec<String>,
    /// `true` while no further plot should be started.
    pub admission_closed: bool,
    /// Names of the alerts that the policy itself raises now.
    pub alerts: Vec<String>,
    /// What changed since the last tick and by which rule, in plain English; empty if nothing changed.
    pub changes: Vec<String>,
    /// Of actions whose settling time has passed.
    pub effects: Vec<Effect>,
    pub claims: Vec<Claim>,
}

impl Cause {
    pub fn name(self) -> &'static str {
        match self {
            Self::CpuOverload => "cpu_overload",
            Self::MemoryPressure => "memory_pressure",
            Self::IoBottleneck => "io_bottleneck",
        }
    }
}

impl Strategy {
    pub fn name(self) -> &'static str {
        match self {
            Self::PreventiveOptimization => "preventive_optimization",
            Self::MonitoringAndMinorAdjustments => "monitoring_and_minor_adjustments",
            Self::ProcessPriorityOptimization => "process_priority_optimization",
            Self::GradualResourceAdjustment => "gradual_resource_adjustment",
            Self::ComprehensiveRebalancing => "comprehensive_rebalancing",
            Self::IoOptimization => "io_optimization",
            Self::MemoryRebalancing => "memory_rebalancing",
            Self::ImmediateCpuReallocation => "immediate_cpu_reallocation",
        }
    }
}
