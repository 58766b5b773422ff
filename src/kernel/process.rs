//! Processes in procfs: identity, command line, threads, open files and counters.
//!
//! Source: `Documentation/filesystems/proc.rst`, proc_pid_stat(5), proc_pid_io(5).

use std::path::{Path, PathBuf};

/// What makes a process this process and no later one with the same number: pid and start time, within one boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    pub pid: i32,
    /// Start time in clock ticks since boot, field 22 of `/proc/PID/stat`.
    pub start_ticks: u64,
}

/// The state letter of `/proc/PID/stat`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunState {
    Running,
    Sleeping,
    /// Waiting for a disk, or frozen by a version 1 freezer.
    Uninterruptible,
    Stopped,
    Traced,
    Zombie,
    Dead,
    Idle,
}

/// `/proc/PID/stat`, the fields that are used here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    pub identity: Identity,
    /// At most 15 bytes; may hold spaces and brackets.
    pub comm: String,
    pub state: RunState,
    pub parent: i32,
    pub minor_faults: u64,
    pub major_faults: u64,
    /// In clock ticks.
    pub user_ticks: u64,
    /// In clock ticks.
    pub system_ticks: u64,
    pub threads: u64,
    /// In pages.
    pub resident_pages: u64,
}

/// `/proc/PID/io`. Readable by the owner and root only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct IoCounters {
    pub rchar: u64,
    pub wchar: u64,
    pub read_bytes: u64,
    pub write_bytes: u64,
    pub cancelled_write_bytes: u64,
}

/// What recognition needs to know of a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessFacts {
    pub identity: Identity,
    pub parent: i32,
    pub comm: String,
    /// Command line, lossily decoded; empty for kernel threads and zombies.
    pub argv: Vec<String>,
    /// Real user.
    pub uid: u32,
    /// As the process sees it; `None` where it may not be read.
    pub cwd: Option<PathBuf>,
    pub exe: Option<PathBuf>,
    /// Where the process's own root lies for us: `/proc/PID/root` if it lives in another mount namespace, else `None`.
    pub foreign_root: Option<PathBuf>,
}

/// One open file descriptor: its number and what the link says, e.g. `/tmp/x.tmp`, `pipe:[17]`, `/tmp/y (deleted)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    pub fd: i32,
    pub link: PathBuf,
}

impl ProcessFacts {
    /// A path of the process as we have to write it: relative ones through its cwd, foreign roots in front.
    pub fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let absolute = if path.is_absolute() { path.to_owned() } else { self.cwd.as_ref()?.join(path) };
        match &self.foreign_root {
            Some(root) => Some(root.join(absolute.strip_prefix("/").unwrap_or(&absolute))),
            None => Some(absolute),
        }
    }
}
