//! What one tick leaves for those who look on: plain data, shared by reference, written by the loop and read by servers.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use crate::actuate::Outcome;
use crate::alert::ActiveAlert;
use crate::audit::Upshot;
use crate::claim::KnobKind;
use crate::decide::Decision;
use crate::history::Stats;
use crate::inventory::Inventory;
use crate::mode::Mode;
use crate::policy::Commit;
use crate::sample::{Collectors, OwnUsage};
use crate::signal::Tally;
use crate::world::World;

use super::gather::{Gathered, Gatherer};

/// Everything that metrics, status page and API show of one tick.
#[derive(Debug, Clone)]
pub struct Snapshot {
    pub world: World,
    /// What of the machine is read and published.
    pub collectors: Collectors,
    pub inventory: Arc<Inventory>,
    /// Names of all plotter profiles, so that a count of zero jobs can be told from a profile that does not exist.
    pub profiles: Arc<[String]>,
    pub policies: Vec<PolicyState>,
    pub reload: Reload,
    /// Every knob that is held, or still to be put back.
    pub knobs: Vec<KnobState>,
    pub counters: Counters,
    /// Newest first, a bounded number.
    pub recent: Vec<RecentDecision>,
    pub own: LoopState,
    /// `None` before its first tick.
    pub history: Option<HistoryState>,
    /// As of the last evaluation of the rules.
    pub alerts: Arc<[ActiveAlert]>,
    /// All of this as samples, once somebody has drawn them.
    pub samples: OnceLock<Gathered>,
}

impl Snapshot {
    /// Drawn by a [`Gatherer`] that knew the tick before, or else now.
    pub(super) fn samples(&self) -> &Gathered {
        self.samples.get_or_init(|| Gatherer::default().gathered(self))
    }
}

/// A policy in force, and what it decided last.
#[derive(Debug, Clone)]
pub struct PolicyState {
    pub name: Arc<str>,
    /// As in the file: `Contention`.
    pub kind: &'static str,
    /// As it works, that is the policy's own mode lowered by `--max-mode`.
    pub mode: Mode,
    /// Of the text of the policy, so that a change shows.
    pub hash: Arc<str>,
    /// `None` before its first tick.
    pub decision: Option<Decision>,
    /// Change observed after the settling time over change expected; `None` before the first such measurement.
    pub effect: Option<f64>,
}

/// The last attempt to load the policies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reload {
    /// When the set in force was loaded.
    pub succeeded_at: Option<SystemTime>,
    /// Why the last attempt failed, if it did; the set before it stays in force.
    pub error: Option<String>,
    /// Of the work trees that the set in force was read from.
    pub commits: Vec<Commit>,
}

/// One knob of one target: what it was, what it should be, what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct KnobState {
    pub knob: KnobKind,
    /// The job, or the part of the machine.
    pub target: String,
    /// As journalled before our first write.
    pub original: Option<Reading>,
    /// `None` if nobody wants anything any more.
    pub wanted: Option<Reading>,
    /// As last read back.
    pub actual: Option<Reading>,
    /// Names of the policies that hold it.
    pub holders: Vec<String>,
    pub reason: String,
}

/// A value of a knob: always a text, and a number where it is one.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Reading {
    pub text: String,
    pub number: Option<f64>,
}

/// What became of a claim in this tick.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClaimState {
    Won,
    Denied,
    DryRun,
}

/// Counts since this process started, but for those marked "now".
#[derive(Debug, Clone, Default)]
pub struct Counters {
    /// By knob and name of the [`Outcome`].
    pub writes: BTreeMap<(KnobKind, &'static str), u64>,
    pub foreign_writes: BTreeMap<KnobKind, u64>,
    pub restore_failed: u64,
    /// Changes of direction of a knob.
    pub reversals: BTreeMap<KnobKind, u64>,
    /// Writes that dry run left out, by policy.
    pub skipped_writes: BTreeMap<String, u64>,
    /// Now: by policy, knob and state.
    pub claims: BTreeMap<(String, KnobKind, ClaimState), u64>,
    /// By policy, knob, and the policy or law that won; counted once when a claim is denied, not at each tick.
    pub claims_denied: BTreeMap<(String, KnobKind, String), u64>,
    /// By policy, the strongest stage in force or `none`, and what came of it; one for each line of the audit file.
    pub decisions: BTreeMap<(String, String, Upshot), u64>,
    /// Ticks in which a signal was missing, by policy and signal.
    pub signals_missing: BTreeMap<(String, String), u64>,
    /// How often PromQL signals were asked, of whom, and what came of it.
    pub queries: Tally,
    /// Failed parts of samples, by part.
    pub sample_errors: BTreeMap<&'static str, u64>,
    /// Now: journal records that wait for their restore; `None` if the journal cannot be read.
    pub journal_open_records: Option<u64>,
}

/// A decision that changed something, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecentDecision {
    pub at: SystemTime,
    pub policy: String,
    /// In plain English.
    pub what: String,
}

/// How new processes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessWatch {
    /// Told by the kernel's process connector.
    Events,
    /// Found by reading all of `/proc` each tick.
    Sweep,
}

/// The loop about itself.
#[derive(Debug, Clone)]
pub struct LoopState {
    pub version: &'static str,
    /// The highest mode that `--max-mode` and our privileges allow.
    pub mode: Mode,
    pub started: SystemTime,
    pub ticks: u64,
    /// Of the tick that made this snapshot.
    pub tick_duration: Duration,
    /// Between two ticks, as configured.
    pub tick_interval: Duration,
    pub process_watch: ProcessWatch,
    /// `None` where there is nothing to guard, because nothing is written.
    pub guard_alive: Option<bool>,
    pub usage: OwnUsage,
}

/// The embedded history about itself, as of the tick before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryState {
    pub stats: Stats,
    /// Of the last tick.
    pub append: Duration,
    /// When its file was last written; `None` before the first time in this run.
    pub saved_at: Option<SystemTime>,
}

impl ClaimState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Won => "won",
            Self::Denied => "denied",
            Self::DryRun => "dryrun",
        }
    }
}

impl ProcessWatch {
    pub const ALL: [Self; 2] = [Self::Events, Self::Sweep];

    pub fn name(self) -> &'static str {
        match self {
            Self::Events => "events",
            Self::Sweep => "sweep",
        }
    }
}

impl Counters {
    /// Counts one attempt to write a knob.
    pub fn count_write(&mut self, knob: KnobKind, outcome: &Outcome) {
        *self.writes.entry((knob, outcome.name())).or_default() += 1;
        if matches!(outcome, Outcome::Foreign { .. }) {
            *self.foreign_writes.entry(knob).or_default() += 1;
        }
    }
}
