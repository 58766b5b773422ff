//! What a signal asks: the mean of a local gauge, or a PromQL expression.

use std::time::Duration;

use serde::Deserialize;

use super::expression::Expression;
use super::rules::OnMissing;
use crate::pressure::Resource;

/// What a signal asks, and how old the answer may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    pub asked: Asked,
    /// An older answer is none.
    pub max_age: Duration,
    pub on_missing: OnMissing,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Asked {
    Mean(Mean),
    Trend(Trend),
}

/// The mean of a gauge of this machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mean {
    pub gauge: Gauge,
    pub scope: Scope,
    /// The mean over this time counts.
    pub window: Duration,
}

/// The value of a PromQL expression.
#[derive(Debug, Clone, PartialEq)]
pub struct Trend {
    pub expression: Expression,
    pub answerer: Answerer,
    /// Asked for each job by itself; the highest answer counts.
    pub of_each_job: bool,
    /// The share of each range, 0 to 1, that must be covered by samples.
    pub min_history: f64,
    /// Between two times that it is asked.
    pub every: Duration,
    /// The longest time that the expression looks back.
    pub range: Duration,
}

/// Who answers a PromQL expression. Neither ever stands in for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Answerer {
    /// The history that this program keeps of its own series.
    Embedded,
    /// The server given with `--prometheus.url`.
    Prometheus,
}

/// Whom a signal speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// All jobs together: the group above all jobs' groups.
    Jobs,
    Machine,
    /// Each job by itself; the worst one counts.
    Each,
}

/// What a local signal measures; always a share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gauge {
    /// Share of time in which at least one task waited for the resource.
    Some(Resource),
    /// Share of time in which all tasks waited at once.
    Full(Resource),
    /// Share of the machine's memory that is not available.
    MemoryUsed,
    SwapUsed,
}

impl Question {
    /// How long it takes at most until there is a first answer: until then it is missing as a matter of course.
    pub fn fills_within(&self) -> Duration {
        let window = match &self.asked {
            Asked::Mean(mean) => mean.window,
            Asked::Trend(trend) => trend.range,
        };
        window + self.max_age
    }

    /// As it reads in a sentence: `io.some of the jobs`.
    pub fn phrase(&self) -> String {
        match &self.asked {
            Asked::Mean(mean) => format!("{} {}", mean.gauge.name(), mean.scope.phrase()),
            Asked::Trend(trend) => trend.phrase(),
        }
    }
}

impl Trend {
    /// `max(x) of the worst job by Prometheus`; long expressions are cut.
    pub fn phrase(&self) -> String {
        const SHOWN: usize = 80;
        let words: Vec<&str> = self.expression.text().split_whitespace().collect();
        let text = words.join(" ");
        let shown: String = text.chars().take(SHOWN).collect();
        let more = if shown.len() < text.len() { "..." } else { "" };
        let whom = if self.of_each_job { " of the worst job" } else { "" };
        format!("`{shown}{more}`{whom} by {}", self.answerer.phrase())
    }
}

impl Answerer {
    pub const ALL: [Self; 2] = [Self::Embedded, Self::Prometheus];

    /// As label value.
    pub fn name(self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Prometheus => "prometheus",
        }
    }

    /// For people.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Embedded => "the embedded history",
            Self::Prometheus => "Prometheus",
        }
    }
}

impl Scope {
    /// As it reads in a sentence: `io.some of the jobs`.
    pub fn phrase(self) -> &'static str {
        match self {
            Self::Jobs => "of the jobs",
            Self::Machine => "of the machine",
            Self::Each => "of the worst job",
        }
    }
}

impl Gauge {
    const NAMED: [(&'static str, Self); 8] = [
        ("cpu.some", Self::Some(Resource::Cpu)),
        ("cpu.full", Self::Full(Resource::Cpu)),
        ("memory.some", Self::Some(Resource::Memory)),
        ("memory.full", Self::Full(Resource::Memory)),
        ("memory.used", Self::MemoryUsed),
        ("io.some", Self::Some(Resource::Io)),
        ("io.full", Self::Full(Resource::Io)),
        ("swap.used", Self::SwapUsed),
    ];

    pub fn names() -> Vec<&'static str> {
        Self::NAMED.iter().map(|(name, _)| *name).collect()
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, gauge)| *gauge)
    }

    pub fn name(self) -> &'static str {
        Self::NAMED.iter().find(|(_, gauge)| *gauge == self).map_or("", |(name, _)| *name)
    }

    /// `None` for what only the machine as a whole has.
    pub fn pressure_of(self) -> Option<Resource> {
        match self {
            Self::Some(resource) | Self::Full(resource) => Some(resource),
            Self::MemoryUsed | Self::SwapUsed => None,
        }
    }
}
