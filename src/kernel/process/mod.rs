//! Processes in procfs: identity, command line, threads, open files and counters.
//!
//! Everything is read through the opened directory of the process ([`ProcessDir`]), so that facts of two processes that
//! had the same number one after the other are never mixed.
//!
//! Source: `Documentation/filesystems/proc.rst`, `proc_pid_stat(5)`, `proc_pid_io(5)`.

mod connections;
mod counters;
mod directory;
mod facts;
mod files;
mod kept;
mod memory;
mod slices;
mod stat;
mod table;
mod threads;

pub use counters::{IoCounters, read_io, read_proportional};
pub use directory::ProcessDir;
pub use facts::{ProcessFacts, Program, read_facts};
pub use files::{OpenFile, count_open_files, open_files};
pub use kept::{KeptFiles, ProcessReader};
pub use memory::MemoryUse;
pub use slices::Slices;
pub use stat::{Identity, RunState, Stat, StatLine, read_stat};
pub(super) use table::for_each;
pub use table::{parents, pids};
pub use threads::{Thread, thread_names, threads};

#[cfg(test)]
mod tests;
