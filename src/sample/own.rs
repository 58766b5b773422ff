//! What we cost ourselves, read as of any other process.

use std::time::Duration;

use super::paced::Paced;
use crate::clock::Moment;

use crate::kernel::process::{KeptFiles, ProcessReader};
use crate::kernel::{Roots, clock};
use crate::units::Bytes;

/// What we cost ourselves. What cannot be read is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct OwnUsage {
    pub cpu: Option<Duration>,
    pub resident: Option<Bytes>,
    pub open_files: Option<u64>,
}

/// Summing up all threads is dear to the kernel; at each tick it was a fiftieth of what watching a machine costs (measured).
const PERIOD: Duration = Duration::from_secs(5);

/// Samples this process every few seconds; keeps its files open.
#[derive(Debug)]
pub struct OwnSampler {
    usage: Paced<OwnUsage>,
    files: OwnFiles,
}

#[derive(Debug)]
struct OwnFiles {
    pid: i32,
    reader: Option<ProcessReader>,
    kept: KeptFiles,
}

/// `stat` and the directory `fd`.
const FILES: usize = 2;

impl OwnSampler {
    pub fn new(roots: &Roots) -> Self {
        let pid = i32::try_from(std::process::id()).unwrap_or_default();
        let files = OwnFiles { pid, reader: ProcessReader::new(roots, FILES).ok(), kept: KeptFiles::default() };
        Self { usage: Paced::new(PERIOD), files }
    }

    /// The last reading, or a new one if it is time.
    pub fn sample(&mut self, now: Moment) -> OwnUsage {
        *self.usage.get(now, || self.files.read())
    }
}

impl OwnFiles {
    fn read(&mut self) -> OwnUsage {
        let Self { pid, reader: Some(reader), kept } = self else { return OwnUsage::default() };
        let Ok(stat) = reader.stat(*pid, kept) else { return OwnUsage::default() };
        let (ticks, pages) = (stat.user_ticks + stat.system_ticks, stat.resident_pages);
        OwnUsage {
            cpu: Some(clock::ticks(ticks)),
            resident: Some(clock::pages(pages)),
            open_files: reader.open_files(*pid, kept).ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_its_own_size() {
        let usage = OwnSampler::new(&Roots::standard()).sample(clock::now());
        assert!(usage.resident.unwrap() > Bytes(1 << 20));
        assert!(usage.open_files.unwrap() >= 3);
        assert!(usage.cpu.is_some());
    }

    #[test]
    fn knows_nothing_under_a_root_that_does_not_show_it() {
        let empty = tempfile::tempdir().unwrap();
        let roots = Roots { procfs: empty.path().to_owned(), ..Roots::standard() };
        assert_eq!(OwnSampler::new(&roots).sample(clock::now()), OwnUsage::default());
    }
}
