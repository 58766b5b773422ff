//! Which processes have appeared, become another program, or ended: from events where the kernel tells them, else from a
//! sweep, and from both when events were lost.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use super::process::{ProcessDir, RunState};
use super::process_events::{Completeness, ProcessEvent, ProcessEvents};
use super::sweep::{ROTATION, Sweep};
use super::{KernelError, Roots};
use crate::clock::Moment;

/// Beside the events there is a look through procfs so often, since a lost event may go unnoticed.
const SAFETY_LOOK: Duration = Duration::from_mins(1);

/// Where the changes come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The process connector.
    Events,
    Sweep {
        /// Why there are no events.
        reason: String,
    },
}

/// What changed since the last call. A process may be named again without having changed; read it and compare.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// Ended; also those that nobody asked about. To be taken first: a pid may have ended and appeared again.
    pub exited: Vec<i32>,
    /// New, or another program than before.
    pub appeared: Vec<i32>,
    /// `appeared` names everything that lives: the first call.
    pub full: bool,
    /// The kernel has told of something, be it of threads, or of processes that have ended already.
    pub heard: bool,
    /// Events were lost and are being made up for by looking through procfs.
    pub lost: bool,
}

/// Watches the processes of this machine.
#[derive(Debug)]
pub struct ProcessWatch {
    roots: Roots,
    events: Option<ProcessEvents>,
    source: Source,
    sweep: Sweep,
    pending: BTreeMap<i32, Fate>,
    /// When the last look through procfs was, as time since boot; `None` before the first.
    last_look: Option<Duration>,
    /// So many looks still have to be taken, one at each call, until every process was examined after a loss.
    looks_owed: u32,
}

/// What the events of one batch add up to, for one pid.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Fate {
    /// A process that was there before has ended.
    ended: bool,
    /// One was forked in this batch.
    born: bool,
    /// One that appeared or became another program is there.
    there: bool,
}

impl ProcessWatch {
    /// Begins to watch; the first [`Self::changes`] names everything that lives.
    pub fn new(roots: &Roots) -> Self {
        let opened = if is_our_procfs(roots) {
            ProcessEvents::open().map_err(|error| error.to_string())
        } else {
            Err(format!("{} does not show our own pid namespace, events would name other pids", roots.procfs.display()))
        };
        Self::over(roots, opened)
    }

    /// Never asks the kernel for events.
    pub fn by_sweep(roots: &Roots, reason: &str) -> Self {
        Self::over(roots, Err(reason.to_owned()))
    }

    fn over(roots: &Roots, opened: Result<ProcessEvents, String>) -> Self {
        let (events, source) = match opened {
            Ok(events) => (Some(events), Source::Events),
            Err(reason) => (None, Source::Sweep { reason }),
        };
        let sweep = Sweep::new(roots.clone());
        let (pending, last_look, looks_owed) = (BTreeMap::new(), None, 0);
        Self { roots: roots.clone(), events, source, sweep, pending, last_look, looks_owed }
    }

    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Readable when an event waits, for a caller that would rather not wait for its next tick; `None` without events.
    pub fn readiness(&self) -> Option<BorrowedFd<'_>> {
        self.events.as_ref().map(AsFd::as_fd)
    }

    /// What changed since the last call; to be called at each tick.
    ///
    /// # Errors
    /// procfs cannot be listed. Nothing is lost: the next call tells what this one could not.
    pub fn changes(&mut self, now: Moment) -> Result<Changes, KernelError> {
        let completeness = self.take_events();
        let (heard, lost) = (completeness != Completeness::Silence, completeness == Completeness::EventsLost);
        if lost {
            self.looks_owed = ROTATION;
        }
        let full = self.last_look.is_none();
        let due = self.last_look.is_none_or(|last| now.since(last) >= SAFETY_LOOK);
        if due || self.looks_owed > 0 || self.events.is_none() {
            let found = self.sweep.look(now)?;
            self.last_look = Some(now.boot);
            self.looks_owed = self.looks_owed.saturating_sub(1);
            found.exited.into_iter().for_each(|pid| self.fate(pid).exit());
            found.appeared.into_iter().for_each(|pid| self.fate(pid).there = true);
        }
        let mut changes = self.settle();
        (changes.full, changes.heard, changes.lost) = (full, heard, lost);
        Ok(changes)
    }

    /// Takes the waiting events.
    fn take_events(&mut self) -> Completeness {
        let Some(events) = &mut self.events else { return Completeness::Silence };
        let (sweep, pending) = (&mut self.sweep, &mut self.pending);
        let drained = events.drain(|event| {
            let (ProcessEvent::Forked { child: pid } | ProcessEvent::Execed { pid } | ProcessEvent::Exited { pid }) =
                event;
            // The sweep would otherwise take the exit of a pid that was used again for news.
            sweep.forget(pid);
            pending.entry(pid).or_default().note(event);
        });
        match drained {
            Ok(completeness) => completeness,
            Err(error) => {
                self.events = None;
                self.source = Source::Sweep { reason: error.to_string() };
                Completeness::EventsLost
            }
        }
    }

    fn fate(&mut self, pid: i32) -> &mut Fate {
        self.pending.entry(pid).or_default()
    }

    fn settle(&mut self) -> Changes {
        let mut changes = Changes::default();
        for (pid, fate) in std::mem::take(&mut self.pending) {
            if fate.ended && !fate.there && runs_on_without_first_thread(&self.roots, pid) {
                self.pending.insert(pid, fate);
                continue;
            }
            if fate.ended {
                changes.exited.push(pid);
            }
            if fate.there {
                changes.appeared.push(pid);
            }
        }
        changes
    }
}

impl Fate {
    fn note(&mut self, event: ProcessEvent) {
        match event {
            ProcessEvent::Forked { .. } => (self.born, self.there) = (true, true),
            ProcessEvent::Execed { .. } => {
                // An exec from another than the first thread ends the first one, whose pid it then takes.
                self.ended &= self.born;
                self.there = true;
            }
            ProcessEvent::Exited { .. } => self.exit(),
        }
    }

    /// A process that lived for less than one batch is not worth a word.
    fn exit(&mut self) {
        self.ended |= !self.born;
        (self.born, self.there) = (false, false);
    }
}

/// The exit of a process is told when its first thread ends, which others may outlive.
fn runs_on_without_first_thread(roots: &Roots, pid: i32) -> bool {
    let stat = ProcessDir::open(roots, pid).and_then(|process| process.stat());
    stat.is_ok_and(|stat| stat.state == RunState::Zombie && stat.threads > 1)
}

/// Events name the pids of the first pid namespace, and so does procfs if it shows us under our own number.
pub(super) fn is_our_procfs(roots: &Roots) -> bool {
    let shown = std::fs::read_link(roots.proc("self"));
    shown.is_ok_and(|pid| pid.as_os_str() == std::process::id().to_string().as_str())
}

#[cfg(test)]
mod tests;
