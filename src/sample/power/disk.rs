//! Whether a disk may be asked for its temperature: the question keeps a disk awake that would go to rest, and wakes some that rest.
//!
//! Source: `Documentation/hwmon/drivetemp.rst`.

use crate::kernel::file::KeptFile;
use crate::kernel::{Roots, attribute, text};

/// Reads completed, and writes completed, among the fields of `stat` (`Documentation/block/stat.rst`).
const READS: usize = 0;
const WRITES: usize = 4;

/// Watches what a disk does, without asking the disk.
#[derive(Debug)]
pub(super) struct Rest {
    runtime_status: KeptFile,
    stat: KeptFile,
    /// A disk of which nobody knows is treated as one that turns.
    turns: bool,
    requests: Option<(u64, u64)>,
}

impl Rest {
    pub(super) fn new(roots: &Roots, disk: &str) -> Self {
        let directory = roots.sys("block").join(disk);
        Self {
            runtime_status: KeptFile::new(directory.join("device/power/runtime_status")),
            stat: KeptFile::new(directory.join("stat")),
            turns: attribute::flag(&directory.join("queue/rotational")).unwrap_or(true),
            requests: None,
        }
    }

    /// A disk that turns is left alone unless it has worked since the last question; any other one unless the kernel has
    /// put it to sleep.
    pub(super) fn may_be_disturbed(&mut self) -> bool {
        let is_suspended = self.runtime_status.read(|status| Ok(status.trim_ascii() == b"suspended")).unwrap_or(false);
        !is_suspended && (!self.turns || self.has_worked())
    }

    fn has_worked(&mut self) -> bool {
        let requests = self.stat.read(|stat| {
            let field = |number| text::fields(stat).nth(number).and_then(text::decimal);
            field(READS).zip(field(WRITES)).ok_or_else(|| "no statistics".to_owned())
        });
        let requests = requests.ok();
        let before = std::mem::replace(&mut self.requests, requests);
        before.is_some() && requests.is_some() && before != requests
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn disk(turns: bool) -> (Fixture, Rest) {
        let fixture = Fixture::new();
        fixture.file("sys/block/sda/queue/rotational", if turns { "1\n" } else { "0\n" });
        worked(&fixture, 5, 7);
        let rest = Rest::new(&fixture.roots, "sda");
        (fixture, rest)
    }

    fn worked(fixture: &Fixture, reads: u32, writes: u32) {
        fixture.file("sys/block/sda/stat", format!("{reads} 0 1 1 {writes} 0 1 1 0 1 1\n"));
    }

    #[test]
    fn a_disk_that_turns_is_asked_only_after_it_has_worked() {
        let (fixture, mut rest) = disk(true);
        assert!(!rest.may_be_disturbed(), "it may have been at rest for hours");
        worked(&fixture, 6, 7);
        assert!(rest.may_be_disturbed());
        assert!(!rest.may_be_disturbed());
        worked(&fixture, 6, 8);
        assert!(rest.may_be_disturbed());
        fixture.remove("sys/block/sda/stat");
        assert!(!rest.may_be_disturbed(), "nobody knows what it does");
    }

    #[test]
    fn what_the_kernel_has_put_to_sleep_is_left_alone() {
        let (fixture, mut rest) = disk(false);
        assert!(rest.may_be_disturbed());
        fixture.file("sys/block/sda/device/power/runtime_status", "suspended\n");
        assert!(!rest.may_be_disturbed());
        fixture.file("sys/block/sda/device/power/runtime_status", "active\n");
        assert!(rest.may_be_disturbed());
    }

    #[test]
    fn a_disk_of_which_nothing_is_known_is_left_alone() {
        assert!(!Rest::new(&Fixture::new().roots, "sda").may_be_disturbed());
    }
}
