//! The hand that writes: what applying and releasing have in common, for one tick or one restoration.

use std::collections::BTreeMap;

use super::journal::Journal;
use super::lease;
use super::record::Record;
use super::report::Outcome;
use crate::claim::KnobKind;
use crate::clock::Moment;
use crate::kernel::KernelError;
use crate::knob::{Reversible, ReversibleMachine, Unit, Value};

/// Who may write: made only by the holder of the write section. To put back it takes less of the machine than to apply.
pub struct Writer<'a, M: ReversibleMachine + ?Sized> {
    pub machine: &'a M,
    pub journal: &'a Journal,
    pub boot_id: &'a str,
    pub now: Moment,
}

/// One thing that happened, as a report will say it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub outcome: Outcome,
    pub from: Option<String>,
    pub to: Option<String>,
    pub read_back: Option<String>,
}

impl Step {
    /// Something that happened without a write.
    pub fn of(outcome: Outcome) -> Self {
        Self { outcome, from: None, to: None, read_back: None }
    }

    pub fn failed(error: impl Into<String>) -> Self {
        Self::of(Outcome::Failed { error: error.into() })
    }
}

impl<M: ReversibleMachine + ?Sized> Writer<'_, M> {
    pub fn wall_seconds(&self) -> u64 {
        self.now.wall.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
    }

    /// Makes the record durable as of now, and renews it by that.
    pub fn persist(&self, record: &mut Record) -> Result<(), KernelError> {
        let until_ms = lease::until_ms(record.knob, record.since_ms, self.now.boot_ms());
        let renewed = Record { until_ms, written_at: self.wall_seconds(), ..record.clone() };
        self.journal.write(&renewed)?;
        *record = renewed;
        Ok(())
    }

    /// What a process that appeared after us had before us: the original of its nearest ancestor that is ours. For a group, whose
    /// members need not descend from anybody who is left, at last that of the plotter.
    pub fn inherited_original(&self, knob: &dyn Reversible, record: &Record, unit: &Unit) -> Option<Value> {
        const GENERATIONS: usize = 16;
        let mut process = unit.process()?;
        for _ in 0..GENERATIONS {
            let Some(parent) = self.machine.parent(process) else { break };
            if record.knows(parent) {
                return record.original_for(parent).cloned();
            }
            process = parent;
        }
        match knob.kind() {
            KnobKind::Group => record.original_for(record.plotter?.into()).cloned(),
            _ => None,
        }
    }
}

/// `10`, or `0 (12 units), 5 (1 unit)`; the most frequent first.
pub fn summary<'a>(values: impl IntoIterator<Item = &'a Value>) -> Option<String> {
    let mut counts: BTreeMap<&Value, usize> = BTreeMap::new();
    for value in values {
        *counts.entry(value).or_default() += 1;
    }
    let mut counts: Vec<(&Value, usize)> = counts.into_iter().collect();
    counts.sort_unstable_by_key(|&(value, count)| (std::cmp::Reverse(count), value));
    match counts.as_slice() {
        [] => None,
        [(value, _)] => Some(value.to_string()),
        _ => {
            let parts: Vec<String> = counts.iter().map(|(value, count)| format!("{value} ({count} units)")).collect();
            Some(parts.join(", "))
        }
    }
}

/// The first problem, and how many more there are.
pub fn problem_of(problems: &[String]) -> Option<String> {
    match problems {
        [] => None,
        [only] => Some(only.clone()),
        [first, rest @ ..] => Some(format!("{first} (and {} more)", rest.len())),
    }
}
