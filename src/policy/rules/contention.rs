//! The rules of kind `Contention`: from signals to a severity, from severities to stages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;

use super::{Behavior, Guardrails, Measure, OnMissing, Unit};
use crate::policy::question::Question;
use crate::pressure::Resource;

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

/// A cut-off on the severity scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Band {
    Notice,
    Warn,
    Critical,
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
        OnMissing::most_careful(wishes)
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

impl Band {
    pub fn name(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warn => "warn",
            Self::Critical => "critical",
        }
    }
}
