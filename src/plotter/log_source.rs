//! Finds and reads the log of a plotter that somebody else started: its standard output, where that is a regular file.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use super::log::{Follows, LogChunk};
use crate::kernel::{KernelError, Roots};

/// What is read at once at most, and how far back from the end the reading of an old log begins.
const WINDOW: u64 = 256 << 10;

/// An open log. Reading it never moves the plotter's own position, nor does it keep the plotter's terminal or pipe open.
#[derive(Debug)]
pub struct LogSource {
    file: File,
    path: PathBuf,
    position: u64,
}

impl LogSource {
    /// Opens the standard output of a process, read-only. `None` if it is a pipe (a wrapper reads it), a terminal or nothing.
    ///
    /// # Errors
    /// The process has ended, or its descriptors may not be read by this user.
    pub fn open(roots: &Roots, pid: i32) -> Result<Option<Self>, KernelError> {
        let path = roots.pid(pid).join("fd/1");
        let metadata = match fs::metadata(&path) {
            Ok(metadata) => metadata,
            // The link leads nowhere that can be opened by name: a pipe or a socket in a test's tree.
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(&path).is_ok() => {
                return Ok(None);
            }
            Err(error) => return Err(KernelError::io("find the log behind", path, error)),
        };
        if !metadata.is_file() {
            return Ok(None);
        }
        let flags = libc::O_NONBLOCK | libc::O_NOCTTY | libc::O_CLOEXEC;
        match OpenOptions::new().read(true).custom_flags(flags).open(&path) {
            Ok(file) => Ok(Some(Self { file, path, position: 0 })),
            Err(error) => Err(KernelError::io("open the log behind", path, error)),
        }
    }

    /// What was written since the last call, at most the last 256 KiB of it.
    ///
    /// # Errors
    /// The file system does not answer, or the file may not be read any more.
    pub fn read(&mut self) -> Result<LogChunk, KernelError> {
        self.read_chunk().map_err(|error| KernelError::io("read the log behind", self.path.clone(), error))
    }

    fn read_chunk(&mut self) -> io::Result<LogChunk> {
        let length = self.file.metadata()?.len();
        let truncated = length < self.position;
        if truncated {
            self.position = 0;
        }
        let begin = self.position.max(length.saturating_sub(WINDOW));
        let follows = match (begin > self.position, truncated) {
            (true, _) => Follows::AfterGap,
            (false, true) => Follows::Anew,
            (false, false) => Follows::Seamlessly,
        };
        self.file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        let read = (&self.file).take(WINDOW).read_to_end(&mut bytes)?;
        self.position = begin + read as u64;
        Ok(LogChunk { bytes, follows })
    }
}
