//! The doors to what cannot be undone: what is measured before and after, and the call itself. They decide nothing.
//!
//! All of it may take its time in the kernel, so that nothing here is waited for longer than a knob is. What has not come back
//! by then goes on.

mod disk;
mod measure;
mod pages;

use std::collections::BTreeMap;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;

use super::cgroup::Tree;
use super::task::Tasks;
use super::timely::Timely;
use super::{KnobError, Scope};
use crate::claim::{Deed, Part, PartClass};
use crate::kernel::Roots;
use crate::units::{Bytes, Ratio};

/// What decides whether an operation is worth it, and shows afterwards what it has done.
#[derive(Debug, Clone, PartialEq)]
pub enum Measured {
    /// Memory of a job's processes, and room for it; in bytes.
    Job {
        resident: u64,
        anonymous: u64,
        swapped: u64,
        swap_free: u64,
    },
    /// Bytes of a job's processes by node, and what is free there.
    Nodes {
        job: BTreeMap<u32, u64>,
        free: BTreeMap<u32, u64>,
    },
    /// Free memory in bytes, and how much of it lies in blocks that a huge page fits into.
    Free {
        free: u64,
        in_large_blocks: u64,
    },
    /// Share of the last ten seconds in which work waited for memory, 0 to 1; page cache and memory in bytes.
    Cache {
        pressure: f64,
        cached: u64,
        total: u64,
    },
    /// Bytes charged to a job's own group.
    Group {
        current: u64,
    },
    Disk {
        rotational: bool,
        in_flight: u64,
    },
}

/// This machine's doors.
#[derive(Debug)]
pub struct Operations {
    pub roots: Roots,
    pub tasks: Tasks,
    pub tree: Option<Tree>,
    pub timely: Timely,
}

impl Operations {
    pub fn measure(&self, deed: &Deed, scope: &Scope) -> Result<Measured, KnobError> {
        match deed {
            Deed::Cool | Deed::PageOut => measure::job(&self.roots, scope),
            Deed::MovePages { .. } => measure::nodes(&self.roots, scope),
            Deed::Compact => measure::free(&self.roots, part(scope)?),
            Deed::DropCaches => measure::cache(&self.roots),
            Deed::Reclaim { .. } => {
                let (tree, (path, inode)) = self.group(scope)?;
                let current = tree.open(path, *inode).and_then(|group| group.read("memory.current"));
                let current = current.map_err(|source| KnobError::from_io("read the memory", path, source))?;
                let current = current.trim().parse();
                let current =
                    current.map_err(|_| KnobError::Unusable(format!("{path}: memory.current is no number")))?;
                Ok(Measured::Group { current })
            }
            Deed::StandBy => measure::disk(&self.roots, part(scope)?),
        }
    }

    pub fn perform(&self, deed: &Deed, scope: &Scope) -> Result<(), KnobError> {
        match deed {
            Deed::Cool => pages::advise(self, scope, libc::MADV_COLD),
            Deed::PageOut => pages::advise(self, scope, libc::MADV_PAGEOUT),
            Deed::MovePages { from, to } => pages::migrate(self, scope, from, to),
            Deed::Compact => self.trigger(compaction(&self.roots, part(scope)?)?),
            // 2 would drop inodes and names as well, which cost more to have again than they take.
            Deed::DropCaches => self.trigger(self.roots.proc("sys/vm/drop_caches")),
            Deed::Reclaim { bytes } => self.reclaim(scope, *bytes),
            Deed::StandBy => disk::stand_by(self, part(scope)?),
        }
    }

    fn group<'a>(&'a self, scope: &'a Scope) -> Result<(&'a Tree, &'a (String, u64)), KnobError> {
        let none = || KnobError::Unusable("the job has no group of its own".to_owned());
        self.tree.as_ref().zip(scope.group.as_ref()).ok_or_else(none)
    }

    /// Writes a 1 to a file that takes it for an order.
    fn trigger(&self, path: PathBuf) -> Result<(), KnobError> {
        self.timely
            .run(&path.clone(), "write", move || std::fs::File::options().write(true).open(path)?.write_all(b"1"))
    }

    /// The kernel says EAGAIN when it has found less than was asked for.
    fn reclaim(&self, scope: &Scope, bytes: u64) -> Result<(), KnobError> {
        let (tree, (path, inode)) = self.group(scope)?;
        let group = tree.open(path, *inode).map_err(|source| KnobError::from_io("open", path, source))?;
        let of = tree.mount().join(path.trim_start_matches('/')).join("memory.reclaim");
        self.timely.run(&of, "write", move || match group.write("memory.reclaim", &bytes.to_string()) {
            Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(()),
            done => done,
        })
    }
}

fn part(scope: &Scope) -> Result<&Part, KnobError> {
    scope.part.as_ref().ok_or_else(|| KnobError::Unusable("no part of the machine is named".to_owned()))
}

fn compaction(roots: &Roots, part: &Part) -> Result<PathBuf, KnobError> {
    match (part.class, part.name.parse::<u32>()) {
        (PartClass::Machine, _) => Ok(roots.proc("sys/vm/compact_memory")),
        (PartClass::Node, Ok(node)) => Ok(roots.sys(format!("devices/system/node/node{node}/compact"))),
        _ => Err(KnobError::Unusable(format!("{part} has no memory of its own"))),
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_node = |nodes: &BTreeMap<u32, u64>| {
            let nodes: Vec<String> =
                nodes.iter().map(|(node, bytes)| format!("{} on node {node}", Bytes(*bytes))).collect();
            if nodes.is_empty() { "nothing".to_owned() } else { nodes.join(", ") }
        };
        match self {
            Self::Job { resident, swapped, .. } => {
                write!(f, "{} resident, {} swapped", Bytes(*resident), Bytes(*swapped))
            }
            Self::Nodes { job, .. } => f.write_str(&by_node(job)),
            Self::Free { free, in_large_blocks } => {
                write!(f, "{} free, {} of it in large blocks", Bytes(*free), Bytes(*in_large_blocks))
            }
            Self::Cache { pressure, cached, .. } => {
                write!(f, "{} cached, pressure on memory {}", Bytes(*cached), Ratio(*pressure))
            }
            Self::Group { current } => write!(f, "{} in the group", Bytes(*current)),
            Self::Disk { rotational: false, .. } => f.write_str("does not turn"),
            Self::Disk { in_flight, .. } => write!(f, "{in_flight} requests under way"),
        }
    }
}

#[cfg(test)]
mod tests;
