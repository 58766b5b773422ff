//! What we cost ourselves, read as of any other process.

use std::time::Duration;

use crate::kernel::process::ProcessDir;
use crate::kernel::{Roots, clock};
use crate::units::Bytes;

/// What we cost ourselves. What cannot be read is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OwnUsage {
    pub cpu: Option<Duration>,
    pub resident: Option<Bytes>,
    pub open_files: Option<u64>,
}

/// Samples this process.
#[derive(Debug)]
pub struct OwnSampler {
    process: Option<ProcessDir>,
}

impl OwnSampler {
    pub fn new(roots: &Roots) -> Self {
        let ours = |pid| ProcessDir::open(roots, pid);
        Self { process: i32::try_from(std::process::id()).ok().and_then(|pid| ours(pid).ok()) }
    }

    pub fn sample(&self) -> OwnUsage {
        let Some(process) = &self.process else { return OwnUsage::default() };
        let Ok(stat) = process.stat() else { return OwnUsage::default() };
        OwnUsage {
            cpu: Some(clock::ticks(stat.user_ticks + stat.system_ticks)),
            resident: Some(clock::pages(stat.resident_pages)),
            open_files: process.count_open_files().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_size() {
        let usage = OwnSampler::new(&Roots::standard()).sample();
        assert!(usage.resident.unwrap() > Bytes(1 << 20));
        assert!(usage.open_files.unwrap() >= 3);
        assert!(usage.cpu.is_some());
    }

    #[test]
    fn knows_nothing_under_a_root_that_does_not_show_it() {
        let empty = tempfile::tempdir().unwrap();
        let roots = Roots { procfs: empty.path().to_owned(), ..Roots::standard() };
        assert_eq!(OwnSampler::new(&roots).sample(), OwnUsage::default());
    }
}
