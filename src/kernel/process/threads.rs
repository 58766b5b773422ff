//! The threads of a process: their names tell the phase of some plotters, and knobs have to be set on each of them.

use std::ffi::CString;

use super::super::{KernelError, Roots, text};
use super::{Identity, ProcessDir, Stat};

/// One thread, with what makes it this thread and no later one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thread {
    pub tid: i32,
    /// In clock ticks since boot, as of processes.
    pub start_ticks: u64,
}

/// The threads that live now, the first one included. One that ends meanwhile is left out.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such process.
pub fn threads(roots: &Roots, pid: i32) -> Result<Vec<Thread>, KernelError> {
    ProcessDir::open(roots, pid)?.threads()
}

/// The names of the threads that live now, as `pthread_setname_np(3)` set them.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such process.
pub fn thread_names(roots: &Roots, pid: i32) -> Result<Vec<String>, KernelError> {
    ProcessDir::open(roots, pid)?.thread_names()
}

impl ProcessDir {
    pub fn threads(&self) -> Result<Vec<Thread>, KernelError> {
        self.of_each_thread("stat", |bytes| {
            let Identity { pid: tid, start_ticks } = Stat::parse(bytes)?.identity;
            Ok(Thread { tid, start_ticks })
        })
    }

    pub fn thread_names(&self) -> Result<Vec<String>, KernelError> {
        self.of_each_thread("comm", |bytes| Ok(text::lossy(bytes.strip_suffix(b"\n").unwrap_or(bytes))))
    }

    fn of_each_thread<T>(&self, file: &str, parse: impl Fn(&[u8]) -> Result<T, String>) -> Result<Vec<T>, KernelError> {
        let mut found = Vec::new();
        for tid in self.numbers(c"task")? {
            // A decimal and a file name of ours hold no NUL, so that this is always a C string.
            let Ok(below) = CString::new(format!("task/{tid}/{file}")) else { continue };
            match self.read(&below, &parse) {
                Ok(thread) => found.push(thread),
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }
}
