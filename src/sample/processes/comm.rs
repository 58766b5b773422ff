//! The short name of a process, kept in place: thousands of them are held at once.

use std::fmt;

use crate::kernel::text;

/// The kernel cuts names of processes here.
const LONGEST: usize = 15;

/// At most the first 15 bytes of the name that a process goes by.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Comm {
    bytes: [u8; LONGEST],
    length: u8,
}

impl Comm {
    /// A worker of the kernel says behind a dash what it works at, which changes all the time.
    pub fn new(name: &[u8], kernel_thread: bool) -> Self {
        let name = match name.iter().position(|byte| *byte == b'-') {
            Some(dash) if kernel_thread && name.starts_with(b"kworker/") => &name[..dash],
            _ => name,
        };
        let mut comm = Self::default();
        let name = &name[..name.len().min(LONGEST)];
        comm.bytes[..name.len()].copy_from_slice(name);
        comm.length = u8::try_from(name.len()).unwrap_or(0);
        comm
    }

    pub fn to_text(self) -> String {
        text::lossy(&self.bytes[..usize::from(self.length)])
    }
}

impl fmt::Debug for Comm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_text())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_cut_as_the_kernel_cuts_it() {
        assert_eq!(Comm::new(b"chia_full_node_xyz", false).to_text(), "chia_full_node_");
        assert_eq!(Comm::new(b"kworker/u8:3-events_unbound", true).to_text(), "kworker/u8:3");
        assert_eq!(Comm::new(b"kworker/x-y", false).to_text(), "kworker/x-y");
        assert_eq!(Comm::new(b"", false).to_text(), "");
    }
}
