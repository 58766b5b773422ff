//! All processes of the machine, seldom and cheaply: what groups of them use, and who uses most.
//!
//! Jobs are sampled at each tick by a reader of their own. Everything else is swept every few seconds on a thread of its own
//! ([`Sweeper`]), since a sweep over thousands of processes takes longer than a tick may. What is published is the last sweep.

mod comm;
mod group;
mod groups;
mod rule;
mod sweeper;
mod table;
mod top;
mod tracked;
mod yaml;

use std::sync::Arc;
use std::time::Duration;

pub use groups::{GroupsError, ProcessGroups};
pub use sweeper::{News, Sweeper};

use super::SampleProblem;
use crate::kernel::process::RunState;
use crate::units::Bytes;

/// What one sweep found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ProcessesSample {
    /// When the sweep began, as time since boot.
    pub begun: Duration,
    pub took: Duration,
    /// Processes with a program.
    pub processes: u64,
    pub kernel_threads: u64,
    /// Of both, those that had done nothing since the last sweep, so that they were not read.
    pub unchanged: u64,
    /// Groups that have or had a process, by name.
    pub groups: Vec<GroupSample>,
    /// Processes that are counted in [`ProcessGroups::OTHER`] because there are too many groups already.
    pub crowded_out: u64,
    /// The five processes outside the jobs that used most CPU since the sweep before, if they used a notable amount; so for
    /// the others.
    pub top_cpu: Vec<TopProcess>,
    pub top_memory: Vec<TopProcess>,
    pub top_io: Vec<TopProcess>,
    pub problems: Vec<SampleProblem>,
}

/// A group of processes. Counters hold all that its processes had counted when they were last read, ended ones included,
/// so that they never fall.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupSample {
    pub name: Arc<str>,
    pub processes: u64,
    pub states: StateCounts,
    pub threads: u64,
    pub cpu_user: Duration,
    pub cpu_system: Duration,
    pub resident: Bytes,
    pub virtual_size: Bytes,
    /// As of the last minute; `None` if it is unknown of a process.
    pub swapped: Option<Bytes>,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// From and to storage; `None` if it could not be read of a process.
    pub read: Option<Bytes>,
    pub written: Option<Bytes>,
    /// How often the first threads were given a CPU; `None` where the kernel does not count.
    pub context_switches: Option<u64>,
    pub open_files: Option<u64>,
    /// Open files as a share of what the process may open, of the process that is closest to its limit.
    pub worst_open_files: Option<f64>,
    /// Start of the oldest process, as time since boot.
    pub oldest_start: Option<Duration>,
}

/// Processes by what they do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StateCounts {
    pub running: u64,
    pub sleeping: u64,
    /// Waiting for a disk, as a rule.
    pub uninterruptible: u64,
    pub stopped: u64,
    /// Ended, and not yet noticed by the parent.
    pub zombie: u64,
    /// Idle threads of the kernel.
    pub idle: u64,
}

/// A process among those that use most.
#[derive(Debug, Clone, PartialEq)]
pub struct TopProcess {
    pub pid: i32,
    pub comm: String,
    /// The name, or the number of a user without one; `None` if that could not be read.
    pub user: Option<String>,
    /// CPUs (1 is one whole CPU), bytes, or bytes per second.
    pub value: f64,
}

impl StateCounts {
    fn count(&mut self, state: RunState) {
        let count = match state {
            RunState::Running => &mut self.running,
            RunState::Sleeping => &mut self.sleeping,
            RunState::Uninterruptible => &mut self.uninterruptible,
            RunState::Stopped | RunState::Traced => &mut self.stopped,
            RunState::Zombie | RunState::Dead => &mut self.zombie,
            RunState::Idle => &mut self.idle,
        };
        *count += 1;
    }
}

#[cfg(test)]
mod tests;
