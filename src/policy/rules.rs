//! A policy as decisions use it: plain values, every default filled in, every demand of one field on another held.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::glob::Glob;
use super::question::Question;
use crate::claim::{Claimant, Class};
use crate::mode::Mode;
use crate::plotter::Job;
use crate::pressure::Resource;

/// What becomes of the policy's settings when `plotwarden` stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OnExit {
    #[default]
    Restore,
    Keep,
}

/// What holds while a signal is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
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

/// A cut-off on the severity scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Band {
    Notice,
    Warn,
    Critical,
}

/// What a stage can do. Which knobs serve it depends on the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
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
    pub rules: Contention,
    pub origin: Origin,
    /// Of the document's text, for `plotwarden_policy_info{hash}`; 16 hexadecimal digits when written.
    pub hash: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Control {
    pub mode: Mode,
    pub class: Class,
    /// 0 to 1000, higher wins.
    pub priority: u16,
    pub on_exit: OnExit,
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

/// The rules of kind `Contention`.
#[derive(Debug, Clone, PartialEq)]
pub struct Contention {
    pub signals: BTreeMap<String, Question>,
    pub anchors: Vec<Anchor>,
    pub bands: Bands,
    pub stages: Vec<Stage>,
    pub behavior: Behavior,
    pub guardrails: Guardrails,
}

/// Makes a severity of a signal: 0 at `zero`, 1 at `one`, straight in between. `one` may lie below `zero`.
#[derive(Debug, Clone, PartialEq)]
pub struct Anchor {
    pub resource: Resource,
    pub signal: String,
    pub zero: f64,
    pub one: f64,
    /// Of `zero` and `one`, as they were written.
    pub unit: Unit,
}

/// What the numbers of a signal are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// 0.15 is 15 %.
    Share,
    /// Whatever the expression gives.
    Plain,
}

/// Cut-offs of severity, ascending.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bands {
    pub notice: f64,
    pub warn: f64,
    pub critical: f64,
}

/// What is done once the severity of a resource has reached a band for a while, and until it has been clear for a while.
#[derive(Debug, Clone, PartialEq)]
pub struct Stage {
    pub resource: Resource,
    pub band: Band,
    pub measures: Vec<Measure>,
    pub hold: Duration,
    pub clear_below: f64,
    pub clear_hold: Duration,
}

/// How fast and how often a policy acts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Behavior {
    /// After a pause or a resume nothing more is done for this long: the effect has to show first.
    pub settle: Duration,
    /// A job that was resumed is not paused again, and a paused one not resumed, before this has passed.
    pub cooldown: Duration,
    /// Share of the running jobs that one action pauses, rounded down, at least one.
    pub pause_at_once: f64,
    pub max_actions_per_hour: u32,
    pub reversals: Reversals,
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

impl Contention {
    /// The stages of a resource that do `measure` and are not forbidden by the guardrails.
    pub fn stages_doing(&self, resource: Resource, measure: Measure) -> impl Iterator<Item = (usize, &Stage)> {
        let allowed = !self.guardrails.never.contains(&measure);
        self.stages
            .iter()
            .enumerate()
            .filter(move |(_, stage)| allowed && stage.resource == resource && stage.measures.contains(&measure))
    }

    /// The unit of a signal, from the first anchor that names it.
    pub fn unit(&self, signal: &str) -> Unit {
        self.anchors.iter().find(|anchor| anchor.signal == signal).map_or(Unit::Share, |anchor| anchor.unit)
    }

    /// What holds while the severity of `resource` cannot be told: the most careful wish of its signals.
    pub fn on_missing(&self, missing: &[&str]) -> OnMissing {
        let wishes = missing.iter().filter_map(|name| self.signals.get(*name)).map(|question| question.on_missing);
        wishes.min_by_key(|wish| wish.carelessness()).unwrap_or(OnMissing::Hold)
    }
}

impl Bands {
    pub fn cut_off(&self, band: Band) -> f64 {
        match band {
            Band::Notice => self.notice,
            Band::Warn => self.warn,
            Band::Critical => self.critical,
        }
    }
}

impl Unit {
    /// `12%` or `12.5`.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Share => format!("{:.0}%", value * 100.0),
            Self::Plain if value == 0.0 || (0.001..1e9).contains(&value.abs()) => {
                short(&format!("{value:.3}")).to_owned()
            }
            Self::Plain => {
                let text = format!("{value:.3e}");
                let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
                format!("{}e{power}", short(digits))
            }
        }
    }
}

/// A number with a point, without the zeros that say nothing.
fn short(number: &str) -> &str {
    number.trim_end_matches('0').trim_end_matches('.')
}

impl OnMissing {
    fn carelessness(self) -> u8 {
        match self {
            Self::Safe => 0,
            Self::Deny => 1,
            Self::Hold => 2,
            Self::Release => 3,
        }
    }
}

impl Band {
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Critical => "critical",
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, shown) in
            [(0.0, "0"), (450.0, "450"), (-2.5, "-2.5"), (0.0625, "0.062"), (4.8e9, "4.8e9"), (1e-6, "1e-6")]
        {
            assert_eq!(Unit::Plain.show(value), shown);
        }
        assert_eq!(Unit::Share.show(0.125), "12%");
    }
}
