//! One error for every kernel interface, so that a log line always names the file, the cause and what to do.

use std::io;
use std::path::PathBuf;

/// What went wrong at a kernel interface.
#[derive(Debug, thiserror::Error)]
pub enum KernelError {
    /// The interface could not be read or written.
    #[error("cannot {doing} {}: {source}{}", path.display(), hint(source))]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    /// The interface answered something that is not in its documented format.
    #[error("{}: {problem}", path.display())]
    Malformed { path: PathBuf, problem: String },
    /// The kernel, or this machine, does not have the interface.
    #[error("{what} is not available: {reason}")]
    Unsupported { what: &'static str, reason: String },
}

impl KernelError {
    pub fn io(doing: &'static str, path: impl Into<PathBuf>, source: io::Error) -> Self {
        Self::Io { doing, path: path.into(), source }
    }

    pub fn malformed(path: impl Into<PathBuf>, problem: impl Into<String>) -> Self {
        Self::Malformed { path: path.into(), problem: problem.into() }
    }

    /// The thing behind the interface has gone away (a process that ended, a cgroup that was removed).
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Io { source, .. } => {
                matches!(source.raw_os_error(), Some(libc::ENOENT | libc::ESRCH | libc::ENODEV | libc::ENOTDIR))
            }
            Self::Malformed { .. } | Self::Unsupported { .. } => false,
        }
    }

    /// The interface is there, and says that it has nothing to say.
    pub fn has_no_data(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.raw_os_error() == Some(libc::ENODATA))
    }

    /// Why, without where: for those who name the thing themselves.
    pub fn reason(&self) -> String {
        match self {
            Self::Io { source, .. } => source.to_string(),
            Self::Malformed { problem, .. } => problem.clone(),
            Self::Unsupported { reason, .. } => reason.clone(),
        }
    }

    /// Permission is missing, as opposed to the thing itself.
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::PermissionDenied)
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => " (run as root, or grant the capability that `plotwarden discover` names)",
        io::ErrorKind::StorageFull => " (free space on this file system)",
        _ => "",
    }
}
