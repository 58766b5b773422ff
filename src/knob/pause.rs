//! Pause: the freezer of the job's own group where it has one, SIGSTOP to each process else.
//!
//! Freezing is invisible to the plotter and its parent. SIGSTOP is not: the parent is told, and the shell of an interactive
//! plotter takes its terminal back, which is why the group is preferred wherever it can be had.

use super::cgroup::Tree;
use super::group::Group;
use super::linux::{capability_of, may_signal};
use super::task::{Held, Tasks};
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::process::{Identity, RunState};

#[derive(Debug)]
pub struct Pause {
    pub tasks: Tasks,
    pub tree: Option<Tree>,
}

impl Pause {
    fn group(&self, path: &str, inode: u64) -> std::io::Result<super::cgroup::GroupDir> {
        match &self.tree {
            Some(tree) => tree.open(path, inode),
            None => Err(std::io::Error::from_raw_os_error(libc::ENOENT)),
        }
    }

    fn is_inside(&self, process: Identity, group: &str) -> bool {
        Group::path_of(&self.tasks, process).is_ok_and(|path| path == group)
    }

    /// A stop counts from the moment at which the signal is pending: a busy or sleeping thread takes its time.
    ///
    /// Pending first, states second: the kernel turns the one into the other under one lock, so none falls between.
    fn is_stopped(&self, process: Identity) -> Result<bool, KnobError> {
        let of_io = |source| KnobError::from_io("read the state", &Unit::of_process(process), source);
        let status = std::fs::read(self.tasks.dir(process.pid).join("status")).map_err(of_io)?;
        if is_stop_pending(&String::from_utf8_lossy(&status)) {
            self.tasks.verified(process)?;
            return Ok(true);
        }
        Ok(self
            .tasks
            .threads(process)?
            .iter()
            .any(|(_, stat)| matches!(stat.state, RunState::Stopped | RunState::Traced)))
    }
}

fn is_stop_pending(status: &str) -> bool {
    let stop = 1_u64 << (libc::SIGSTOP - 1);
    let pending = status.lines().find_map(|line| line.strip_prefix("ShdPnd:"));
    pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & stop != 0)
}

impl Reversible for Pause {
    fn kind(&self) -> KnobKind {
        KnobKind::Pause
    }

    /// The group, then the processes outside of it, the oldest first: a wrapper that sleeps cannot react to its child's stop.
    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let mut units = Vec::new();
        let mut processes = scope.processes.clone();
        if let Some((path, inode)) = &scope.group {
            units.push(Unit::Group { path: path.clone(), inode: *inode });
            processes.retain(|&process| !self.is_inside(process, path));
        }
        processes.sort_unstable_by_key(|process| (process.start_ticks, process.pid));
        processes.retain(|&process| self.tasks.verified(process).is_ok());
        units.extend(processes.into_iter().map(Unit::of_process));
        Ok(units)
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        match unit {
            Unit::Group { path, inode } => {
                let frozen = self.group(path, *inode).and_then(|group| group.read("cgroup.freeze"));
                let frozen = frozen.map_err(|source| KnobError::from_io("read the freezer", unit, source))?;
                Ok(Value::Halted(frozen.trim() == "1"))
            }
            _ => match unit.process() {
                Some(process) => Ok(Value::Halted(self.is_stopped(process)?)),
                None => Err(KnobError::Unusable(format!("{unit} cannot be paused"))),
            },
        }
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let Value::Halted(halt) = *value else { return Err(KnobError::Unusable(format!("{value} is not a pause"))) };
        match unit {
            Unit::Group { path, inode } => {
                let done = self
                    .group(path, *inode)
                    .and_then(|group| group.write("cgroup.freeze", if halt { "1" } else { "0" }));
                done.map_err(|source| KnobError::from_io("change the freezer", unit, source))
            }
            _ => match unit.process() {
                Some(process) => {
                    Held::open(&self.tasks, process)?.signal(if halt { libc::SIGSTOP } else { libc::SIGCONT })
                }
                None => Err(KnobError::Unusable(format!("{unit} cannot be paused"))),
            },
        }
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for Pause {
    fn facts(&self) -> Facts {
        let place = "cgroup.freeze, or SIGSTOP and SIGCONT";
        let facts = Facts::of_call(place, "paused", "Documentation/admin-guide/cgroup-v2.rst");
        Facts { others: &["a shell's job control"], ..facts }
    }

    fn probe(&self) -> Capability {
        capability_of("knob-pause", may_signal(&self.tasks))
    }

    fn normalise(&self, _target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match setting {
            Setting::Paused => Ok(Value::Halted(true)),
            other => Err(KnobError::Unusable(format!("{other} is not a pause"))),
        }
    }

    fn is_exclusive(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_that_waits_to_be_noticed_counts_as_a_stop() {
        assert!(is_stop_pending("SigPnd:\t0000000000000000\nShdPnd:\t0000000000040000\n"));
        assert!(!is_stop_pending("ShdPnd:\t0000000000080000\n"));
        assert!(!is_stop_pending("State:\tR (running)\n"));
    }
}
