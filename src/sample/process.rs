//! The counters of a job's processes, which never fall: what a process counted before it ended stays counted.

use std::collections::BTreeMap;

use super::SampleProblem;
use crate::kernel::process::{Identity, IoCounters, ProcessDir, RunState, Stat};
use crate::kernel::taskstats::{Delays, TaskStats};
use crate::kernel::{KernelError, Roots};

/// A process of a job as it is now.
#[derive(Debug)]
pub(super) struct Live {
    pub stat: Stat,
    /// `None` if it may not be read.
    pub open_files: Option<u64>,
}

/// Counters of one process when it was last read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Counted {
    pub user_ticks: u64,
    pub system_ticks: u64,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// `None` if it could not be read.
    pub io: Option<IoCounters>,
    /// `None` where they may not be asked for.
    pub delays: Option<Delays>,
}

/// What the processes of one job have counted up, ended ones included.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    counted: BTreeMap<Identity, Counted>,
}

/// The processes of a job at one moment.
#[derive(Debug, Default)]
pub(super) struct Processes {
    /// Those that have not ended.
    pub live: Vec<Live>,
    pub plotter_state: Option<RunState>,
    /// A process is there and could not be read, so that no sum is complete.
    pub unreadable: bool,
}

impl Ledger {
    /// Reads the processes and enters what they have counted. A pid that is used again by another process adds nothing.
    pub(super) fn read(
        &mut self,
        roots: &Roots,
        plotter: Identity,
        processes: &[Identity],
        delays: &mut Option<TaskStats>,
        problems: &mut Vec<SampleProblem>,
    ) -> Processes {
        let mut found = Processes::default();
        for identity in processes {
            match self.read_one(roots, *identity, delays, problems) {
                Ok(Some(live)) => {
                    if *identity == plotter {
                        found.plotter_state = Some(live.stat.state);
                    }
                    if !live.stat.state.has_ended() {
                        found.live.push(live);
                    }
                }
                Ok(None) => {}
                Err(error) => {
                    found.unreadable = true;
                    problems.push(SampleProblem { part: "job-process", reason: error.to_string() });
                }
            }
        }
        found
    }

    /// `None` if the process has ended.
    fn read_one(
        &mut self,
        roots: &Roots,
        identity: Identity,
        delays: &mut Option<TaskStats>,
        problems: &mut Vec<SampleProblem>,
    ) -> Result<Option<Live>, KernelError> {
        let Some(process) = unless_gone(ProcessDir::open(roots, identity.pid))? else { return Ok(None) };
        let stat = unless_gone(process.stat())?.filter(|stat| stat.identity == identity);
        let Some(stat) = stat else { return Ok(None) };
        let io = process.io();
        if let Err(error) = &io
            && !error.is_gone()
            && !stat.state.has_ended()
        {
            problems.push(SampleProblem { part: "job-io", reason: error.to_string() });
        }
        let delays = delays.as_mut().and_then(|delays| delays.read(identity.pid).ok());
        self.counted.entry(identity).or_default().enter(&stat, io.ok(), delays);
        Ok(Some(Live { stat, open_files: process.count_open_files().ok() }))
    }

    /// What each process counted when it was last read.
    pub(super) fn counted(&self) -> impl Iterator<Item = &Counted> {
        self.counted.values()
    }

    /// Sums a counter over all processes; `None` if it is unknown of one, or nothing was ever read.
    pub(super) fn sum(&self, counter: impl Fn(&Counted) -> Option<u64>) -> Option<u64> {
        if self.counted.is_empty() {
            return None;
        }
        total(self.counted.values().map(counter))
    }
}

impl Counted {
    fn enter(&mut self, stat: &Stat, io: Option<IoCounters>, delays: Option<Delays>) {
        self.user_ticks = self.user_ticks.max(stat.user_ticks);
        self.system_ticks = self.system_ticks.max(stat.system_ticks);
        self.minor_faults = self.minor_faults.max(stat.minor_faults);
        self.major_faults = self.major_faults.max(stat.major_faults);
        self.io = match (self.io, io) {
            (Some(before), Some(io)) => Some(later_of(before, io)),
            // The kernel may refuse the counters of a process that has ended: the last ones stay.
            (before, None) if stat.state.has_ended() => before,
            (_, io) => io,
        };
        // One that ends while it is asked about keeps what was told last.
        self.delays = delays.or(self.delays);
    }
}

/// Sums values up; `None` if one of them is.
pub(super) fn total(mut values: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    values.try_fold(0_u64, |sum, value| Some(sum.saturating_add(value?)))
}

fn later_of(before: IoCounters, now: IoCounters) -> IoCounters {
    IoCounters {
        rchar: before.rchar.max(now.rchar),
        wchar: before.wchar.max(now.wchar),
        read_bytes: before.read_bytes.max(now.read_bytes),
        write_bytes: before.write_bytes.max(now.write_bytes),
        cancelled_write_bytes: before.cancelled_write_bytes.max(now.cancelled_write_bytes),
    }
}

fn unless_gone<T>(read: Result<T, KernelError>) -> Result<Option<T>, KernelError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}
