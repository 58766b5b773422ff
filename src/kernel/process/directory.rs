//! The opened directory of one process. What is read through it belongs to that process, or fails once it has ended.

use std::ffi::{CStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag, open, openat, readlinkat};
use nix::sys::stat::{Mode, fstatat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};

use super::super::{KernelError, Roots, file, text};

/// `/proc/PID`, opened.
#[derive(Debug)]
pub struct ProcessDir {
    directory: OwnedFd,
    path: PathBuf,
}

impl ProcessDir {
    /// # Errors
    /// [`KernelError::is_gone`] if there is no such process.
    pub fn open(roots: &Roots, pid: i32) -> Result<Self, KernelError> {
        let path = roots.pid(pid);
        match open(&path, OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC, Mode::empty()) {
            Ok(directory) => Ok(Self { directory, path }),
            Err(errno) => Err(KernelError::io("open", path, errno.into())),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file below the directory whole.
    pub(super) fn read<T>(
        &self,
        below: &CStr,
        parse: impl FnOnce(&[u8]) -> Result<T, String>,
    ) -> Result<T, KernelError> {
        let file = self.open_file(below).map_err(|source| self.error("open", below, source))?;
        file::with_contents(&file, parse, || self.below(below))
    }

    /// Reads at most `limit` bytes of a file whose length the process itself chooses.
    pub(in crate::kernel) fn read_prefix<T>(
        &self,
        below: &CStr,
        limit: usize,
        take: impl FnOnce(&[u8]) -> T,
    ) -> Result<T, KernelError> {
        self.open_file(below)
            .and_then(|file| file::with_prefix(&file, limit, take))
            .map_err(|source| self.error("read", below, source))
    }

    /// Where a link below the directory points to.
    pub(super) fn link(&self, below: &CStr) -> Result<OsString, KernelError> {
        readlinkat(&self.directory, below).map_err(|errno| self.error("read the link", below, errno.into()))
    }

    /// Opens a directory below, to be listed.
    fn list(&self, below: &CStr) -> Result<Dir, KernelError> {
        let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
        Dir::openat(&self.directory, below, flags, Mode::empty())
            .map_err(|errno| self.error("list", below, errno.into()))
    }

    /// The numbers that name the entries of a directory below, such as `task` and `fd`.
    pub(super) fn numbers(&self, below: &CStr) -> Result<Vec<i32>, KernelError> {
        let mut directory = self.list(below)?;
        let mut numbers = Vec::new();
        for entry in directory.iter() {
            let entry = entry.map_err(|errno| self.error("list", below, errno.into()))?;
            numbers.extend(text::small_decimal(entry.file_name().to_bytes()));
        }
        Ok(numbers)
    }

    /// What the kernel gives as the size of an entry; `None` in a rooted copy, where that is the size of the copy.
    pub(super) fn size_in_procfs(&self, below: &CStr) -> nix::Result<Option<u64>> {
        if fstatfs(&self.directory)?.filesystem_type() != PROC_SUPER_MAGIC {
            return Ok(None);
        }
        let status = fstatat(&self.directory, below, AtFlags::empty())?;
        Ok(u64::try_from(status.st_size).ok())
    }

    fn open_file(&self, below: &CStr) -> io::Result<File> {
        Ok(openat(&self.directory, below, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty()).map(File::from)?)
    }

    fn error(&self, doing: &'static str, below: &CStr, source: io::Error) -> KernelError {
        KernelError::io(doing, self.below(below), source)
    }

    fn below(&self, below: &CStr) -> PathBuf {
        self.path.join(text::lossy(below.to_bytes()))
    }
}
