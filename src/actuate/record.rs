//! A record: what one knob of one target was before us, what we made of it, and how far we got. Durable before the first write.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::claim::{KnobKind, Target};
use crate::kernel::process::Identity;
use crate::kernel::text;
use crate::knob::{Machine, Portrait, Reversible, Unit, Value};

/// Format of a record; another one is put aside as damaged rather than guessed at.
pub const VERSION: u32 = 3;
/// The format before, which had no deadline and is still read: who runs an older version must be able to end it by a newer one.
pub const VERSION_WITHOUT_DEADLINE: u32 = 2;

/// What each record begins with, up to the number that the deadline is.
const BEFORE_DEADLINE: &str = "{\"version\":3,\"until_ms\":";
/// How much of a record it takes to tell its deadline.
pub const BEGINNING: usize = 64;

/// One knob of one target that we hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    pub version: u32,
    /// The deadline, in milliseconds since boot: unless it is renewed, the guard puts everything back then. Stands in front, where
    /// it is found without reading the rest.
    #[serde(default)]
    pub until_ms: u64,
    /// Knobs of processes die with the boot, and so does the record.
    pub boot_id: String,
    pub knob: KnobKind,
    pub target: Target,
    /// Of a job: the process whose original values stand for processes that appeared after us.
    pub plotter: Option<Subject>,
    pub processes: Vec<Subject>,
    pub units: Vec<UnitRecord>,
    /// What we set, or are about to.
    pub wanted: Value,
    /// What we set before that: a thread born in the middle of a change still carries it.
    pub past: Vec<Value>,
    /// Names of the policies that hold the knob.
    pub holders: Vec<String>,
    pub reason: String,
    /// Since when we hold it: milliseconds since boot.
    pub since_ms: u64,
    /// Wall clock of the last change of the record, in seconds since 1970; for people only.
    pub written_at: u64,
}

/// A process of the job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    pub pid: i32,
    pub started: u64,
    /// Inode of the program, where it could be read.
    pub exe_inode: Option<u64>,
}

/// One unit of the knob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitRecord {
    pub unit: Unit,
    pub original: Value,
    /// What may stand there by our hand: the last value, and the one before it until the last is confirmed.
    pub ours: Vec<Value>,
    pub state: UnitState,
}

/// How far a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnitState {
    /// Our value may or may not have been written.
    Pending,
    /// Our value was read back.
    Confirmed,
    /// Left alone: somebody else changed it, or it was off limits. Not ours to put back; `ours` is what was found.
    Yielded,
}

/// The deadline of a record, from the first bytes of its text: for the guard's watch, which must not allocate. `None` if they are
/// not those of a record of this version.
pub fn until_ms_of(beginning: &[u8]) -> Option<u64> {
    let rest = beginning.strip_prefix(BEFORE_DEADLINE.as_bytes())?;
    text::decimal(rest.split(|byte| *byte == b',').next()?)
}

impl Subject {
    /// The process as it is now.
    pub fn of(machine: &dyn Machine, process: Identity) -> Self {
        let exe_inode = machine.portrait(process).ok().and_then(|portrait| portrait.exe_inode);
        Self { pid: process.pid, started: process.start_ticks, exe_inode }
    }

    /// Whether it runs another program than when it was put on record; one that cannot be told is no other.
    pub fn runs_another_program(&self, now: &Portrait) -> bool {
        self.exe_inode.zip(now.exe_inode).is_some_and(|(then, now)| then != now)
    }
}

impl From<Subject> for Identity {
    fn from(subject: Subject) -> Self {
        Self { pid: subject.pid, start_ticks: subject.started }
    }
}

impl UnitRecord {
    /// Whether `found` may stand there by our hand.
    pub fn is_ours(&self, knob: &dyn Reversible, found: &Value) -> bool {
        let rounded = |written: &Value| self.state == UnitState::Pending && knob.rounds(written, found);
        let veiled = |written: &Value| knob.is_veiled(&self.unit, written, found);
        let is_this = |written: &Value| knob.is_same(written, found) || rounded(written) || veiled(written);
        self.state != UnitState::Yielded && self.ours.iter().any(is_this)
    }
}

impl Record {
    pub fn identities(&self) -> Vec<Identity> {
        self.processes.iter().map(|&subject| subject.into()).collect()
    }

    pub fn knows(&self, process: Identity) -> bool {
        self.processes.iter().any(|&subject| Identity::from(subject) == process)
    }

    pub fn position(&self, unit: &Unit) -> Option<usize> {
        self.units.iter().position(|known| known.unit == *unit)
    }

    /// Units that we hold, as opposed to those left alone.
    pub fn held(&self) -> impl Iterator<Item = &UnitRecord> {
        self.units.iter().filter(|unit| unit.state != UnitState::Yielded)
    }

    /// The original of a unit that appeared after us in `process`: that of its leader, or of whatever else is known of it.
    pub fn original_for(&self, process: Identity) -> Option<&Value> {
        let of_process = || self.units.iter().filter(|unit| unit.unit.process() == Some(process));
        of_process().find(|unit| unit.unit.is_leader()).or_else(|| of_process().next()).map(|unit| &unit.original)
    }

    /// All values that may stand anywhere by our hand.
    fn ours(&self) -> BTreeSet<&Value> {
        self.held().flat_map(|unit| &unit.ours).chain(&self.past).chain([&self.wanted]).collect()
    }

    /// Whether a unit that is not on record may have `found` from one that is ours.
    pub fn may_have_given(&self, knob: &dyn Reversible, found: &Value) -> bool {
        knob.is_inherited() && (self.ours().contains(found) || self.held().any(|unit| unit.is_ours(knob, found)))
    }

    /// From now on another value is wanted.
    pub fn want(&mut self, wanted: Value) {
        /// Enough for the threads of one change; older ones are on record by then.
        const REMEMBERED: usize = 8;
        if wanted != self.wanted {
            let before: Vec<Value> = self.ours().into_iter().filter(|&ours| *ours != wanted).cloned().collect();
            self.past.retain(|past| !before.contains(past));
            self.past.extend(before);
            self.past.drain(..self.past.len().saturating_sub(REMEMBERED));
            self.wanted = wanted;
        }
    }

    /// Path and inode of the job's own group, if that is what the record holds.
    pub fn group(&self) -> Option<(String, u64)> {
        match &self.wanted {
            Value::Group { path, inode } if *inode != 0 => Some((path.clone(), *inode)),
            _ => None,
        }
    }
}
