//! The guard: a process of its own that puts everything back when the main process is gone or no longer turns its loop.
//!
//! It holds the main process by pidfd and reads its heartbeat. Nothing but its end lets it give up: it leaves when the main
//! process has ended and the journal is empty or put back. It therefore ignores SIGTERM, SIGINT and SIGHUP, which a service
//! manager sends to both at once; the main process restores by itself, and the guard follows it within moments.
//!
//! In all cases it is done within 10 s: 5 s of silence, 2 s for the main process to leave its write section, half a second for
//! it to die if it does not, and the restoration itself, which takes milliseconds.

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::journal::Journal;
use super::restore::{RestoreReport, restore_on, restore_unlocked};
use super::run_dir::{RunDir, RunDirError};
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::process::Identity;
use crate::knob::{GroupUse, Held, KnobError, Linux, Machine};

/// Pause between two looks, in milliseconds.
const LOOK_MS: u16 = 500;
/// Looks without a heartbeat after which the main process counts as hung: 5 s. Looks and not clock time, since the main process
/// cannot beat either while the machine sleeps.
const SILENT_LOOKS: u32 = 10;
/// How long a hung main process may sit on its write section.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often a restoration that was refused in part is tried again after the main process has ended.
const ATTEMPTS: u32 = 5;

/// The guard as the main process sees it.
#[derive(Debug)]
pub struct Guard {
    program: PathBuf,
    roots: Roots,
    main: Identity,
    child: Child,
}

/// Why there is no guard.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    #[error("cannot tell where plotwarden lies: {0}")]
    NoProgram(std::io::Error),
    #[error("cannot start {}: {source}; install plotwarden-guard beside plotwarden", program.display())]
    Spawn { program: PathBuf, source: std::io::Error },
    #[error("cannot look after the guard: {0}")]
    Wait(std::io::Error),
    #[error("cannot tell which process we are: {} has no entry for us", procfs.display())]
    Nobody { procfs: PathBuf },
    #[error("cannot hold the main process, which takes Linux 5.3: {0}")]
    CannotHold(KnobError),
    #[error(transparent)]
    RunDir(#[from] RunDirError),
}

/// The guard's program, beside ours.
pub fn program() -> Result<PathBuf, GuardError> {
    let ours = std::env::current_exe().map_err(GuardError::NoProgram)?;
    Ok(ours.with_file_name("plotwarden-guard"))
}

/// Starts the guard of this process. Do so before the first tick.
pub fn spawn(program: &Path, roots: &Roots) -> Result<Guard, GuardError> {
    let lineage = Linux::new(roots, GroupUse::Free).lineage();
    let Some(&main) = lineage.first() else { return Err(GuardError::Nobody { procfs: roots.procfs.clone() }) };
    let child = start(program, roots, main)?;
    Ok(Guard { program: program.to_owned(), roots: roots.clone(), main, child })
}

fn start(program: &Path, roots: &Roots, main: Identity) -> Result<Child, GuardError> {
    let mut command = Command::new(program);
    command.arg("--main").arg(format!("{}:{}", main.pid, main.start_ticks));
    command.arg("--procfs").arg(&roots.procfs).arg("--sysfs").arg(&roots.sysfs).arg("--run").arg(&roots.run);
    if let Some(cgroupfs) = &roots.cgroupfs {
        command.arg("--cgroupfs").arg(cgroupfs);
    }
    // Standard error stays: it leads to the log of the service.
    let spawned = command.stdin(Stdio::null()).stdout(Stdio::null()).spawn();
    spawned.map_err(|source| GuardError::Spawn { program: program.to_owned(), source })
}

impl Guard {
    /// The guard's process, which no policy may touch.
    pub fn identity(&self) -> Option<Identity> {
        Linux::new(&self.roots, GroupUse::Free).identity(i32::try_from(self.child.id()).ok()?)
    }

    /// Starts another guard if this one has ended; `true` if so. Call it each tick.
    pub fn keep_alive(&mut self) -> Result<bool, GuardError> {
        if self.child.try_wait().map_err(GuardError::Wait)?.is_none() {
            return Ok(false);
        }
        self.child = start(&self.program, &self.roots, self.main)?;
        Ok(true)
    }
}

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
    machine: Linux,
    run: RunDir,
    journal: Journal,
    main: Option<Held>,
    pulse: Pulse,
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
            machine: Linux::new(roots, GroupUse::Free),
            journal: Journal::at(run.path()),
            main,
            run,
            pulse: Pulse::default(),
            now,
            say,
            said: String::new(),
        })
    }

    /// Watches until the main process has ended and everything is put back; `true` if all of it is.
    pub fn keep(mut self) -> bool {
        while !self.main_ends_within(LOOK_MS) {
            if self.pulse.is_silent(self.run.heartbeat()) && !self.journal.is_empty() {
                self.take_over();
            }
        }
        if self.journal.is_empty() {
            return true;
        }
        self.tell("plotwarden has ended without putting everything back; doing it now");
        (0..ATTEMPTS).any(|attempt| {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(u64::from(LOOK_MS)));
            }
            let done = restore_on(&self.machine, &self.run, (self.now)(), PATIENCE);
            self.told(done)
        })
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
        self.told(done);
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
    fn told(&mut self, done: Result<RestoreReport, RunDirError>) -> bool {
        let (text, complete) = match done {
            Ok(report) => (report.to_string(), report.kept == 0),
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
