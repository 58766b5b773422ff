//! The guard's life: it looks twice a second whether the main process lives and turns its loop, and puts everything back when it
//! does not.
//!
//! A look allocates nothing and touches no memory that is not held already, so that it goes on where no memory is left. The
//! restoration, which runs once, allocates, and reads what it needs of the program's constants and of the C library.

use std::os::fd::AsFd;
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::GuardError;
use super::deadlines::Deadlines;
use crate::actuate::handover;
use crate::actuate::journal::Journal;
use crate::actuate::restore::{RestoreReport, restore_lapsed, restore_on, restore_unlocked};
use crate::actuate::run_dir::{RunDir, RunDirError};
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::process::Identity;
use crate::knob::{Held, KnobError, LinuxToRestore};

/// Pause between two looks, in milliseconds.
const LOOK_MS: u16 = 500;
/// Looks without a heartbeat after which the main process counts as hung: 5 s. Looks and not clock time, since the main process
/// cannot beat either while the machine sleeps.
const SILENT_LOOKS: u32 = 10;
/// How long a hung main process may sit on its write section.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a restoration that was refused in part is tried again after the main process has ended.
const ATTEMPTS: u32 = 5;

/// Counts looks since the heartbeat last changed.
#[derive(Debug, Default)]
pub struct Pulse {
    last: Option<u64>,
    silent: u32,
}

impl Pulse {
    /// `true` if the main process has been silent for too long.
    pub fn is_silent(&mut self, beat: u64) -> bool {
        if self.last == Some(beat) {
            self.silent = self.silent.saturating_add(1);
        } else {
            (self.last, self.silent) = (Some(beat), 0);
        }
        self.silent >= SILENT_LOOKS
    }
}

/// The guard's life.
pub struct Watch<'a> {
    machine: LinuxToRestore,
    run: RunDir,
    journal: Journal,
    main: Option<Held>,
    pulse: Pulse,
    deadlines: Deadlines,
    now: &'a dyn Fn() -> Moment,
    say: &'a mut dyn FnMut(&str),
    said: String,
}

impl<'a> Watch<'a> {
    /// `now` reads the clock, `say` writes a line to the log.
    pub fn new(
        roots: &Roots,
        main: Identity,
        now: &'a dyn Fn() -> Moment,
        say: &'a mut dyn FnMut(&str),
    ) -> Result<Self, GuardError> {
        let run = RunDir::open(&roots.run)?;
        let main = match Held::of(&roots.procfs, main) {
            Ok(main) => Some(main),
            // One that has ended already is no different from one that ends now.
            Err(error) if error.is_gone() => None,
            Err(error) => return Err(GuardError::CannotHold(error)),
        };
        Ok(Self {
            machine: LinuxToRestore::to_restore(roots),
            journal: Journal::at(run.path()),
            main,
            run,
            pulse: Pulse::default(),
            deadlines: Deadlines::default(),
            now,
            say,
            said: String::new(),
        })
    }

    /// Watches until the main process has ended and everything is put back; `true` if all of it is.
    pub fn keep(mut self) -> bool {
        while self.look() {}
        if self.journal.is_empty() || self.is_taken_over() {
            return true;
        }
        self.tell("plotwarden has ended without putting everything back; doing it now");
        (0..ATTEMPTS).any(|attempt| {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(u64::from(LOOK_MS)));
            }
            let done = restore_on(&self.machine, &self.run, (self.now)(), PATIENCE);
            self.told("", done)
        })
    }

    /// Waits until the next look is due, and looks; `false` if the main process has ended, in which case it does not wait.
    pub fn look(&mut self) -> bool {
        if self.main_ends_within(LOOK_MS) {
            return false;
        }
        if self.pulse.is_silent(self.run.heartbeat()) && !self.journal.is_empty() {
            self.take_over();
            return true;
        }
        let has_lapsed = || self.journal.has_lapsed((self.now)().boot_ms());
        if self.deadlines.have_passed(has_lapsed) {
            self.recall();
        }
        true
    }

    /// Puts back what the main process holds and renews no more, though it seems well. It will see the epoch.
    fn recall(&mut self) {
        let done = match self.run.section(PATIENCE) {
            Ok(_section) => restore_lapsed(&self.machine, &self.run, (self.now)()),
            // It writes just now, be it to renew.
            Err(RunDirError::Busy { .. }) => return self.deadlines.seen_to(false),
            Err(error) => Err(error),
        };
        // It may have been renewed after all.
        let is_done = done.as_ref().is_ok_and(RestoreReport::is_empty)
            || self.told("plotwarden has not renewed in time what it holds:\n", done);
        self.deadlines.seen_to(is_done);
    }

    /// Waits for the next start if the main process has left everything to it; `true` if it has come, which brings its own guard.
    fn is_taken_over(&self) -> bool {
        let is_pending = || handover::is_pending(self.run.path(), (self.now)().boot);
        if !is_pending() {
            return false;
        }
        while is_pending() {
            std::thread::sleep(Duration::from_millis(u64::from(LOOK_MS)));
        }
        !handover::is_left(self.run.path())
    }

    fn main_ends_within(&self, milliseconds: u16) -> bool {
        let Some(main) = &self.main else { return true };
        let mut watched = [PollFd::new(main.as_fd(), PollFlags::POLLIN)];
        matches!(poll(&mut watched, PollTimeout::from(milliseconds)), Ok(ready) if ready > 0)
    }

    /// Puts everything back behind a main process that is stopped or hangs. It may come back, and will then see the epoch.
    fn take_over(&mut self) {
        let before = self.run.heartbeat();
        let done = match self.run.section(PATIENCE) {
            Ok(_section) => restore_unlocked(&self.machine, &self.run, (self.now)()),
            Err(RunDirError::Busy { .. }) if self.run.heartbeat() != before => return,
            Err(RunDirError::Busy { .. }) => {
                self.end_main();
                restore_unlocked(&self.machine, &self.run, (self.now)())
            }
            Err(error) => Err(error),
        };
        self.told("", done);
    }

    /// Stopped between journal and write, the main process would go on writing the moment it is continued, and nothing can fence
    /// that off. Once the signal is pending it never again runs an instruction of its own.
    fn end_main(&mut self) {
        self.tell(
            "plotwarden hangs in the middle of writing; ending it with SIGKILL, since it could not be told to stop",
        );
        if let Some(Err(error)) = self.main.as_ref().map(|main| main.signal(libc::SIGKILL))
            && !matches!(error, KnobError::Gone(_))
        {
            self.tell(&error.to_string());
        }
        self.main_ends_within(LOOK_MS);
    }

    /// Says what came of it, unless it is what was said last; `true` if everything is put back.
    fn told(&mut self, why: &str, done: Result<RestoreReport, RunDirError>) -> bool {
        let (text, complete) = match done {
            Ok(report) => (format!("{why}{report}"), report.kept == 0),
            Err(error) => (error.to_string(), false),
        };
        if text != self.said {
            text.lines().for_each(|line| (self.say)(line));
            self.said = text;
        }
        complete
    }

    fn tell(&mut self, line: &str) {
        if self.said != line {
            (self.say)(line);
            line.clone_into(&mut self.said);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_five_seconds_without_a_new_beat() {
        let mut pulse = Pulse::default();
        assert!((0..10).all(|_| !pulse.is_silent(7)));
        assert!(pulse.is_silent(7));
        assert!(!pulse.is_silent(8), "it came back");
        assert!((0..9).all(|_| !pulse.is_silent(8)));
        assert!(pulse.is_silent(8));
    }
}
