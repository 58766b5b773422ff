//! The guard: a process of its own that puts everything back when the main process is gone or no longer turns its loop.
//!
//! It holds the main process by pidfd and reads its heartbeat. Nothing but its end lets it give up: it leaves when the main
//! process has ended and the journal is empty or put back. It therefore ignores SIGTERM, SIGINT and SIGHUP, which a service
//! manager sends to both at once; the main process restores by itself, and the guard follows it within moments.
//!
//! A main process that beats may still forget what it holds. Each record therefore has a deadline, which the actuator renews, and
//! the guard puts back what has been let lapse.
//!
//! In all cases it is done within 10 s: 5 s of silence, 2 s for the main process to leave its write section, half a second for
//! it to die if it does not, and the restoration itself, which takes milliseconds.

mod deadlines;
mod watch;

pub use watch::Watch;

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::run_dir::RunDirError;
use crate::kernel::Roots;
use crate::kernel::process::Identity;
use crate::knob::{GroupUse, KnobError, Linux, LinuxToRestore, Machine, ReversibleMachine};

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
    command
        .arg("--procfs")
        .arg(&roots.procfs)
        .arg("--sysfs")
        .arg(&roots.sysfs)
        .arg("--nvml")
        .arg(&roots.nvml)
        .arg("--run")
        .arg(&roots.run);
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
        LinuxToRestore::to_restore(&self.roots).identity(i32::try_from(self.child.id()).ok()?)
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
