//! What a value belongs to: a thread, a process, a group of our own, or a part of the machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::claim::{Controller, Part};
use crate::kernel::process::Identity;

/// The smallest thing that has its own value of a knob. Start times tell it from a later one with the same number.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unit {
    Process {
        pid: i32,
        started: u64,
    },
    Thread {
        pid: i32,
        started: u64,
        tid: i32,
        thread_started: u64,
    },
    Group {
        path: String,
        inode: u64,
    },
    /// A controller of cgroup v2, as the group hands it down towards the groups of jobs.
    Controller {
        path: String,
        inode: u64,
        controller: Controller,
    },
    /// A part of the machine. `device` tells it from a later one that answers to the same name.
    Part {
        part: Part,
        device: String,
    },
}

impl Unit {
    pub fn of_process(process: Identity) -> Self {
        Self::Process { pid: process.pid, started: process.start_ticks }
    }

    pub fn of_thread(process: Identity, tid: i32, thread_started: u64) -> Self {
        Self::Thread { pid: process.pid, started: process.start_ticks, tid, thread_started }
    }

    /// The process that the unit is, or is a part of.
    pub fn process(&self) -> Option<Identity> {
        match *self {
            Self::Process { pid, started } | Self::Thread { pid, started, .. } => {
                Some(Identity { pid, start_ticks: started })
            }
            Self::Group { .. } | Self::Controller { .. } | Self::Part { .. } => None,
        }
    }

    /// A process, or the first thread of one: what its other threads and its children inherit from.
    pub fn is_leader(&self) -> bool {
        match self {
            Self::Thread { pid, tid, .. } => pid == tid,
            Self::Process { .. } | Self::Group { .. } | Self::Controller { .. } | Self::Part { .. } => true,
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { pid, .. } => write!(f, "process {pid}"),
            Self::Thread { pid, tid, .. } => write!(f, "thread {tid} of process {pid}"),
            Self::Group { path, .. } => write!(f, "group {path}"),
            Self::Controller { path, controller, .. } => write!(f, "controller {} of group {path}", controller.name()),
            Self::Part { part, .. } => part.fmt(f),
        }
    }
}
