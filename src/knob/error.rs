//! How a knob can fail, sorted by what follows from it: gone is success, refused means back off, lost means the next best.

use std::io;

/// What went wrong at a knob.
#[derive(Debug, thiserror::Error)]
pub enum KnobError {
    /// The process, thread or group has ended: nothing is left to control.
    #[error("{0} has ended")]
    Gone(String),
    /// The kernel does not allow it, or does not accept the value.
    #[error("cannot {doing} of {of}: {source}{}", hint(source))]
    Refused { doing: &'static str, of: String, source: io::Error },
    /// The kernel has not answered yet. It may still do what it was asked, at any later moment.
    #[error("{of} has not answered within {} s: the kernel or the device hangs in it", patience.as_secs())]
    Late { of: String, patience: std::time::Duration },
    /// The place to go back to is not there any more.
    #[error("{0} does not exist any more")]
    PlaceLost(String),
    /// The kernel, or this machine, lacks what the knob needs, or said something that is not in its documented format.
    #[error("{0}")]
    Unusable(String),
}

impl KnobError {
    /// Sorts the error of a call that acted on `of`.
    pub fn from_io(doing: &'static str, of: &dyn std::fmt::Display, source: io::Error) -> Self {
        match source.raw_os_error() {
            Some(libc::ESRCH | libc::ENOENT | libc::ENODEV) => Self::Gone(of.to_string()),
            _ => Self::Refused { doing, of: of.to_string(), source },
        }
    }

    pub fn is_gone(&self) -> bool {
        matches!(self, Self::Gone(_))
    }
}

fn hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::PermissionDenied => " (run as root, or with CAP_SYS_NICE and CAP_KILL)",
        _ => "",
    }
}
