//! A policy as decisions use it: plain values, every default filled in, every demand of one field on another held.

mod budget;
mod contention;
mod forecast;
mod guardrail;
mod kind;
mod schedule;
mod staged;
mod unit;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::canary;
use super::glob::Glob;
use super::question::Question;
use crate::claim::{Claimant, Class};
use crate::mode::Mode;
use crate::plotter::Job;
use crate::units::Ratio;

pub use budget::{BudgetResource, FleetBudget, Lease, Member, WhenStale};
pub use contention::{Anchor, Band, Bands, Contention, Stage};
pub use forecast::Forecast;
pub use guardrail::{Changes, Guardrail, KnobBound, LargestStep};
pub use kind::Kind;
pub use schedule::{Schedule, Window};
pub use staged::{
    Action, Condition, Gate, GateScope, KnobAction, Limits, Movable, Moves, Placement, PlacementMethod, PlacementUnit,
    Relation, Shape, ShapedClass, Staged, StagedStage, Toward, TrafficDirection, Trigger, When,
};
pub use unit::Unit;

/// What becomes of the policy's settings when `plotwarden` stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnExit {
    #[default]
    Restore,
    Keep,
}

/// What holds while a signal is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OnMissing {
    /// Everything stays as it is: nothing tighter, nothing looser.
    Hold,
    /// What the signal had caused is taken back, as if it were calm.
    Release,
    /// Admission closes and priorities are lowered; pauses stay as they are.
    Safe,
    /// Admission closes; everything else stays as it is.
    Deny,
}

/// What a stage can do. Which knobs serve it depends on the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Measure {
    /// Plots that start now are held before they begin.
    CloseAdmission,
    /// CPU and memory: nice and scheduling class of all jobs. I/O: idle I/O priority of the least advanced job.
    LowerPriority,
    /// Pauses the least advanced job.
    Pause,
}

/// One policy of one document.
#[derive(Debug, Clone, PartialEq)]
pub struct Policy {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub control: Control,
    pub selector: Selector,
    pub rules: Rules,
    pub origin: Origin,
    /// Of the document's text, for `plotwarden_policy_info{hash}`; 16 hexadecimal digits when written.
    pub hash: u64,
}

/// What is of the kind of the policy.
#[derive(Debug, Clone, PartialEq)]
pub enum Rules {
    Contention(Contention),
    /// `Allocation`, `Rebalance`, `Memory`, `Cpu`, `Storage`, `Network` or `Power`.
    Staged(Kind, Box<Staged>),
    Guardrail(Guardrail),
    Forecast(Forecast),
    FleetBudget(FleetBudget),
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Control {
    pub mode: Mode,
    pub class: Class,
    /// 0 to 1000, higher wins.
    pub priority: u16,
    pub on_exit: OnExit,
    /// The share of nodes or jobs that it applies to; all of them if `None`.
    pub canary: Option<Canary>,
}

/// A stable share of whom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Canary {
    pub of: CanaryOf,
    /// 0 to 1.
    pub share: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CanaryOf {
    Nodes,
    Jobs,
}

/// Where a policy was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub path: PathBuf,
    /// First line of its document, from 1.
    pub line: u32,
}

/// Which jobs a policy is about. An empty list selects all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    pub plotters: Vec<String>,
    /// Names, or numbers in decimal.
    pub owners: Vec<String>,
    pub temp_dirs: Vec<Glob>,
    pub final_dirs: Vec<Glob>,
    pub sizes: Vec<u8>,
}

/// How fast and how often a policy acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behavior {
    /// Between two decisions; in between, what was decided stays.
    pub tick: Duration,
    /// After a pause or a resume nothing more is done for this long: the effect has to show first.
    pub settle: Duration,
    /// A job that was resumed is not paused again, and a paused one not resumed, before this has passed.
    pub cooldown: Duration,
    pub steps: Steps,
    /// Share of the running jobs that one action pauses, rounded down, at least one.
    pub pause_at_once: f64,
    pub max_actions_per_hour: u32,
    pub reversals: Reversals,
}

/// How far a value with a `from` moves each `settle`: shares of the way between `from` and where it is to go.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Steps {
    pub tighten: f64,
    pub relax: f64,
}

/// Bound on going back and forth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reversals {
    pub max: u32,
    pub per: Duration,
    /// How long nothing is relaxed after too many; doubles with each time, up to eightfold.
    pub hold: Duration,
}

/// What the policy must not do, whatever its signals say.
#[derive(Debug, Clone, PartialEq)]
pub struct Guardrails {
    /// At least one.
    pub keep_running: usize,
    /// Of the selected jobs, 0 to 1.
    pub max_paused: f64,
    /// A job that has run for less is not paused, unless its start is deferred.
    pub min_run: Duration,
    pub never: Vec<Measure>,
    /// Plotters that are not paused.
    pub never_pause: Vec<String>,
}

impl Policy {
    pub fn kind(&self) -> Kind {
        match &self.rules {
            Rules::Contention(_) => Kind::Contention,
            Rules::Staged(kind, _) => *kind,
            Rules::Guardrail(_) => Kind::Guardrail,
            Rules::Forecast(_) => Kind::Forecast,
            Rules::FleetBudget(_) => Kind::FleetBudget,
        }
    }

    /// What it asks, by the names it has for it.
    pub fn signals(&self) -> &BTreeMap<String, Question> {
        static NONE: BTreeMap<String, Question> = BTreeMap::new();
        match &self.rules {
            Rules::Contention(rules) => &rules.signals,
            Rules::Staged(_, rules) => &rules.signals,
            Rules::Guardrail(_) | Rules::Forecast(_) | Rules::FleetBudget(_) => &NONE,
        }
    }

    /// What the numbers of a signal are.
    pub fn unit(&self, signal: &str) -> Unit {
        match &self.rules {
            Rules::Contention(rules) => rules.unit(signal),
            Rules::Staged(_, rules) => rules.units.get(signal).copied().unwrap_or(Unit::Plain),
            Rules::Guardrail(_) | Rules::Forecast(_) | Rules::FleetBudget(_) => Unit::Plain,
        }
    }

    /// Whether the policy is about this job.
    pub fn selects(&self, job: &Job) -> bool {
        let canary = self.control.canary.filter(|canary| canary.of == CanaryOf::Jobs);
        let is_canary = |canary: Canary| canary::includes(Ratio(canary.share), &self.name, job.id.as_str());
        self.selector.selects(job) && canary.is_none_or(is_canary)
    }

    /// What it must not do itself; `None` for kinds that do nothing.
    pub fn guardrails(&self) -> Option<&Guardrails> {
        match &self.rules {
            Rules::Contention(rules) => Some(&rules.guardrails),
            Rules::Staged(_, rules) => Some(&rules.guardrails),
            Rules::Guardrail(_) | Rules::Forecast(_) | Rules::FleetBudget(_) => None,
        }
    }

    /// The same policy with this signal alone.
    #[must_use]
    pub fn asking_only(&self, signal: &str) -> Self {
        let mut asking = self.clone();
        let signals = match &mut asking.rules {
            Rules::Contention(rules) => Some(&mut rules.signals),
            Rules::Staged(_, rules) => Some(&mut rules.signals),
            Rules::Guardrail(_) | Rules::Forecast(_) | Rules::FleetBudget(_) => None,
        };
        if let Some(signals) = signals {
            signals.retain(|name, _| name == signal);
        }
        asking
    }

    pub fn contention(&self) -> Option<&Contention> {
        match &self.rules {
            Rules::Contention(rules) => Some(rules),
            _ => None,
        }
    }

    pub fn staged(&self) -> Option<&Staged> {
        match &self.rules {
            Rules::Staged(_, rules) => Some(rules),
            _ => None,
        }
    }

    pub fn claimant(&self) -> Claimant {
        Claimant { class: self.control.class, priority: self.control.priority, policy: self.name.clone() }
    }
}

impl Selector {
    /// Whether the policy is about this job. A fact that is unknown satisfies no condition.
    pub fn selects(&self, job: &Job) -> bool {
        let owned = |wanted: &String| job.owner.name.as_ref() == Some(wanted) || job.owner.uid.to_string() == *wanted;
        let within = |globs: &[Glob], dirs: &[PathBuf]| {
            globs.is_empty() || dirs.iter().any(|dir| globs.iter().any(|glob| glob.matches(dir)))
        };
        (self.plotters.is_empty() || self.plotters.contains(&job.profile))
            && (self.owners.is_empty() || self.owners.iter().any(owned))
            && within(&self.temp_dirs, &job.arguments.temp_dirs)
            && within(&self.final_dirs, &job.arguments.final_dirs)
            && (self.sizes.is_empty() || job.arguments.k.is_some_and(|k| self.sizes.contains(&k)))
    }
}

impl OnMissing {
    /// The most careful of several wishes; what holds if there is none.
    pub fn most_careful(wishes: impl Iterator<Item = Self>) -> Self {
        wishes.min_by_key(|wish| wish.carelessness()).unwrap_or(Self::Hold)
    }

    fn carelessness(self) -> u8 {
        match self {
            Self::Safe => 0,
            Self::Deny => 1,
            Self::Hold => 2,
            Self::Release => 3,
        }
    }
}

impl Measure {
    pub fn name(self) -> &'static str {
        match self {
            Self::CloseAdmission => "closeAdmission",
            Self::LowerPriority => "lowerPriority",
            Self::Pause => "pause",
        }
    }
}
