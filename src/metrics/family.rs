//! One description of a metric family, from which all writers, the documentation and the tests work.

use serde::Serialize;

use super::gather::Draft;
use super::label::Label;
use super::snapshot::Snapshot;
use super::value::{Fact, Value};

/// What kind of series a family holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Only grows, but for restarts; its name ends in `_total`.
    Counter,
    Gauge,
    /// Facts as labels, value 1; its name ends in `_info`.
    Info,
}

/// Base unit of a family, the last word of its name before `_total`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Unit {
    Bytes,
    Seconds,
    /// A share, 0 to 1.
    Ratio,
    Celsius,
    Watts,
    Joules,
    Volts,
    Amperes,
    Hertz,
}

/// What the documentation says about a family.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FamilyDescription {
    /// What the family is about, for people: `Network`.
    pub topic: &'static str,
    /// As the series are called in a query, `_total` and `_info` included.
    pub name: &'static str,
    pub help: &'static str,
    pub unit: Option<Unit>,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    /// The kernel file, or the part of this program, that the values come from.
    pub source: &'static str,
}

/// A family: its description, and how its samples are drawn from a snapshot.
#[derive(Debug)]
pub(super) struct Family {
    pub name: &'static str,
    pub help: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub source: &'static str,
    pub draw: fn(&Snapshot, &mut Samples<'_>),
}

impl Family {
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Counter, name, help)
    }

    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Gauge, name, help)
    }

    pub const fn info(name: &'static str, help: &'static str) -> Self {
        Self::new(Kind::Info, name, help)
    }

    const fn new(kind: Kind, name: &'static str, help: &'static str) -> Self {
        Self { name, help, kind, labels: &[], source: "", draw: |_, _| () }
    }

    /// Names of the labels; each sample gives their values in this order.
    pub const fn by(self, labels: &'static [&'static str]) -> Self {
        Self { labels, ..self }
    }

    pub const fn from(self, source: &'static str) -> Self {
        Self { source, ..self }
    }

    pub const fn drawn(self, draw: fn(&Snapshot, &mut Samples<'_>)) -> Self {
        Self { draw, ..self }
    }

    /// The unit, which by the rules of naming is part of the name.
    pub fn unit(&self) -> Option<Unit> {
        let name = self.name.strip_suffix("_total").unwrap_or(self.name);
        Unit::ALL.into_iter().find(|unit| {
            name.strip_suffix(unit.name()).is_some_and(|stem| stem.ends_with('_') && self.kind != Kind::Info)
        })
    }

    pub fn description(&self, topic: &'static str) -> FamilyDescription {
        let &Self { name, help, kind, labels, source, .. } = self;
        FamilyDescription { topic, name, help, unit: self.unit(), kind, labels, source }
    }
}

impl Unit {
    pub const ALL: [Self; 9] = [
        Self::Bytes,
        Self::Seconds,
        Self::Ratio,
        Self::Celsius,
        Self::Watts,
        Self::Joules,
        Self::Volts,
        Self::Amperes,
        Self::Hertz,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Celsius => "celsius",
            Self::Watts => "watts",
            Self::Joules => "joules",
            Self::Volts => "volts",
            Self::Amperes => "amperes",
            Self::Hertz => "hertz",
        }
    }
}

impl Kind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Info => "info",
        }
    }
}

/// Where a family puts its samples.
pub(super) struct Samples<'w> {
    draft: &'w mut Draft,
    values: &'w mut Vec<Value>,
}

impl<'w> Samples<'w> {
    pub fn new(draft: &'w mut Draft, values: &'w mut Vec<Value>) -> Self {
        Self { draft, values }
    }

    /// The only sample of a family without labels; none if the fact is missing.
    pub fn one(&mut self, fact: impl Fact) {
        self.add([], fact);
    }

    /// A sample with the values of the family's labels; none if the fact is missing.
    pub fn add<const N: usize>(&mut self, labels: [Label<'_>; N], fact: impl Fact) {
        if let Some(value) = fact.value() {
            self.draft.add(&labels);
            self.values.push(value);
        }
    }

    /// The only sample of an info family, or one of several that differ in what they name.
    pub fn fact<const N: usize>(&mut self, labels: [Label<'_>; N]) {
        self.add(labels, true);
    }
}
