//! The open files of a process: evidence of what a plotter is working at.

use std::ffi::CString;
use std::path::PathBuf;

use super::super::locks::{FileLock, parse_line};
use super::super::{KernelError, Roots, text};
use super::ProcessDir;

/// One open file descriptor: its number and what the link says, e.g. `/tmp/x.tmp`, `pipe:[17]`, `/tmp/y (deleted)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenFile {
    pub fd: i32,
    pub link: PathBuf,
}

/// The open files, by rising number. One that is closed meanwhile is left out.
///
/// # Errors
/// [`KernelError::is_forbidden`] for processes of others without `CAP_SYS_PTRACE`.
pub fn open_files(roots: &Roots, pid: i32) -> Result<Vec<OpenFile>, KernelError> {
    ProcessDir::open(roots, pid)?.open_files()
}

/// How many files are open.
///
/// # Errors
/// As [`open_files`].
pub fn count_open_files(roots: &Roots, pid: i32) -> Result<u64, KernelError> {
    ProcessDir::open(roots, pid)?.count_open_files()
}

impl ProcessDir {
    pub fn open_files(&self) -> Result<Vec<OpenFile>, KernelError> {
        let mut files = Vec::new();
        for fd in self.numbers(c"fd")? {
            // A decimal holds no NUL, so that this is always a C string.
            let Ok(below) = CString::new(format!("fd/{fd}")) else { continue };
            match self.link(&below) {
                Ok(link) => files.push(OpenFile { fd, link: PathBuf::from(link) }),
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
        files.sort_unstable_by_key(|file| file.fd);
        Ok(files)
    }

    /// The locks on files that the process has open, by whichever call and by whomever they were taken: those of an open file are
    /// shared with whoever has inherited it.
    ///
    /// # Errors
    /// As [`open_files`]; and a lock that is not in its format.
    pub fn locks(&self) -> Result<Vec<FileLock>, KernelError> {
        let of_file = |bytes: &[u8]| {
            let lines = text::lines(bytes).filter_map(|line| line.strip_prefix(b"lock:"));
            lines.map(parse_line).collect::<Result<Vec<_>, _>>()
        };
        let mut locks = Vec::new();
        for fd in self.numbers(c"fdinfo")? {
            let Ok(below) = CString::new(format!("fdinfo/{fd}")) else { continue };
            match self.read(&below, of_file) {
                Ok(found) => locks.extend(found),
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(locks)
    }

    /// Since Linux 6.2 the size of the directory is the answer; before, the entries are counted.
    pub fn count_open_files(&self) -> Result<u64, KernelError> {
        match self.size_in_procfs(c"fd") {
            Ok(Some(told)) if told > 0 => Ok(told),
            _ => Ok(self.numbers(c"fd")?.len() as u64),
        }
    }
}
