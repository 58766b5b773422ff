//! A plotting job: one plotter process with its wrappers, what it was asked to do, how far it is and what it needs.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::kernel::process::Identity;
use crate::units::{Bytes, Ratio};

/// Names a job in metrics, logs and claims: profile, pid and start time, so that a reused pid is another job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct JobId(String);

impl JobId {
    pub fn new(profile: &str, plotter: Identity) -> Self {
        Self(format!("{profile}-{}-{}", plotter.pid, plotter.start_ticks))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for JobId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The user that a job runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    pub uid: u32,
    pub name: Option<String>,
}

/// What the command line asks for, by the profile's rules. Directories are absolute and reachable for us.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments {
    pub k: Option<u8>,
    pub threads: Option<u32>,
    pub buckets: Option<u32>,
    /// Compression level.
    pub level: Option<u32>,
    /// Plots asked for; -1 is "forever".
    pub count: Option<i64>,
    /// First, second and third temp directories, without repetition.
    pub temp_dirs: Vec<PathBuf>,
    pub final_dirs: Vec<PathBuf>,
    /// A mode that the profile tells apart, such as `partial` or `disk`.
    pub mode: Option<String>,
}

/// Where in its plot a plotter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Phase {
    /// Allocating memory, before the first table.
    Allocating,
    /// A numbered phase of the plotter's own: 1 to 4, or the table of pos2.
    Number(u8),
    /// Writing the finished plot out of memory.
    Writing,
    /// Copying the plot to its final directory.
    Copying,
    Done,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Allocating => f.write_str("allocating"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Writing => f.write_str("writing"),
            Self::Copying => f.write_str("copying"),
            Self::Done => f.write_str("done"),
        }
    }
}

/// What a statement about progress rests on, most trusted first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Evidence {
    ThreadNames,
    OpenFiles,
    ByteOdometer,
    Log,
}

impl Evidence {
    pub fn name(self) -> &'static str {
        match self {
            Self::ThreadNames => "threads",
            Self::OpenFiles => "files",
            Self::ByteOdometer => "bytes",
            Self::Log => "log",
        }
    }
}

/// How far a job is. Everything that no evidence speaks of is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Progress {
    pub phase: Option<Phase>,
    pub phase_from: Option<Evidence>,
    /// The table that is being worked on.
    pub table: Option<u8>,
    /// 0 to 1, never falls within one plot.
    pub ratio: Option<Ratio>,
    pub ratio_from: Option<Evidence>,
    /// Time left of running time, paused time excluded.
    pub eta: Option<Duration>,
    /// 64 hexadecimal digits.
    pub plot_id: Option<String>,
    /// Finished plots of this process, where it makes several.
    pub plots_done: u32,
    /// The plotter waits by itself: a full disk, a retry, a flush.
    pub stalled: bool,
    /// The last line of the log that the profile calls an error.
    pub error: Option<String>,
}

/// An amount of each resource that a job needs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Demand {
    pub ram: Option<Bytes>,
    /// Over all temp directories.
    pub temp: Option<Bytes>,
    pub cores: Option<f64>,
    /// Still to be written.
    pub write: Option<Bytes>,
    pub vram: Option<Bytes>,
}

/// What a job needs now, and at the worst moment that still lies ahead of it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Needs {
    pub now: Demand,
    pub peak: Demand,
    /// Size of the finished plot.
    pub plot: Option<Bytes>,
}

/// A job as recognised and measured at one moment: facts of the plotter room; the measurements stand beside it in the `World`.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    pub id: JobId,
    /// Name of the profile that recognised it.
    pub profile: String,
    /// The process that plots.
    pub plotter: Identity,
    /// Plotter, wrappers and children of the plotter.
    pub processes: Vec<Identity>,
    pub owner: Owner,
    /// Start of the plotter, as time since boot.
    pub started: Duration,
    pub arguments: Arguments,
    pub progress: Progress,
    pub needs: Needs,
}
