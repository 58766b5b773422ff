//! Block devices of the machine, from `/proc/diskstats`: whole devices that are real or have been used.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::kernel::{Roots, text};
use crate::units::Bytes;

/// The unit of `/proc/diskstats` whatever the device's own sectors are.
const SECTOR: u64 = 512;
/// Counters of a line, and what later kernels added.
const COUNTERS: usize = 11;
const COUNTERS_WITH_DISCARDS: usize = 15;
const MOST_COUNTERS: usize = 17;

/// One block device, `/proc/diskstats` (`Documentation/admin-guide/iostats.rst`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DiskSample {
    pub device: String,
    pub reads: u64,
    pub reads_merged: u64,
    pub read_bytes: Bytes,
    pub read_time: Duration,
    pub writes: u64,
    pub writes_merged: u64,
    pub written_bytes: Bytes,
    pub write_time: Duration,
    pub in_flight: u64,
    pub busy_time: Duration,
    pub weighted_time: Duration,
    /// `None` before Linux 4.18.
    pub discards: Option<Discards>,
    /// `None` before Linux 5.5.
    pub flushes: Option<Flushes>,
}

/// Blocks that the device was told to forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Discards {
    pub completed: u64,
    pub merged: u64,
    pub bytes: Bytes,
    pub time: Duration,
}

/// Requests to write the device's own cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flushes {
    pub completed: u64,
    pub time: Duration,
}

/// What sysfs says about the devices of `/proc/diskstats`, looked up once for each.
#[derive(Debug)]
pub(super) struct DeviceKinds {
    directory: PathBuf,
    known: BTreeMap<String, Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hardware,
    /// Loop, device mapper, RAID and the like: machines have many that are never used.
    Virtual,
    /// A part of another device, which counts for it.
    Partition,
}

impl DiskSample {
    pub(super) fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        if bytes.is_empty() {
            return Err("empty".to_owned());
        }
        let lines = text::lines(bytes);
        lines
            .map(|line| Self::parse(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line))))
            .collect()
    }

    /// Major, minor, name; reads, merged, sectors, ms; writes, merged, sectors, ms; in flight, ms busy, ms weighted; since 4.18
    /// discards, merged, sectors, ms; since 5.5 flushes, ms. Fields of later kernels are passed over.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = text::fields(line);
        let device = text::lossy(fields.nth(2)?);
        let mut counters = [0; MOST_COUNTERS];
        let mut known = 0;
        while known < MOST_COUNTERS && !fields.is_empty() {
            counters[known] = fields.decimal()?;
            known += 1;
        }
        let [reads, reads_merged, sectors_read, read_ms, rest @ ..] = counters;
        let [writes, writes_merged, sectors_written, write_ms, rest @ ..] = rest;
        let [in_flight, busy_ms, weighted_ms, rest @ ..] = rest;
        let [discards, discards_merged, sectors_discarded, discard_ms, flushes, flush_ms] = rest;
        let bytes = |sectors: u64| Bytes(sectors.saturating_mul(SECTOR));
        (known >= COUNTERS).then_some(Self {
            device,
            reads,
            reads_merged,
            read_bytes: bytes(sectors_read),
            read_time: Duration::from_millis(read_ms),
            writes,
            writes_merged,
            written_bytes: bytes(sectors_written),
            write_time: Duration::from_millis(write_ms),
            in_flight,
            busy_time: Duration::from_millis(busy_ms),
            weighted_time: Duration::from_millis(weighted_ms),
            discards: (known >= COUNTERS_WITH_DISCARDS).then_some(Discards {
                completed: discards,
                merged: discards_merged,
                bytes: bytes(sectors_discarded),
                time: Duration::from_millis(discard_ms),
            }),
            flushes: (known >= MOST_COUNTERS)
                .then_some(Flushes { completed: flushes, time: Duration::from_millis(flush_ms) }),
        })
    }

    fn is_unused(&self) -> bool {
        self.reads == 0 && self.writes == 0
    }
}

impl DeviceKinds {
    pub(super) fn new(roots: &Roots) -> Self {
        Self { directory: roots.sys("block"), known: BTreeMap::new() }
    }

    /// Leaves out partitions, RAM disks and virtual devices that nobody has used.
    pub(super) fn select(&mut self, disks: Vec<DiskSample>) -> Vec<DiskSample> {
        let kinds: Vec<Kind> = disks.iter().map(|disk| self.kind(&disk.device)).collect();
        // A device that was unplugged may come back under its name as something else.
        if self.known.len() > disks.len() {
            self.known.retain(|name, _| disks.iter().any(|disk| disk.device == *name));
        }
        let worth_telling = |(disk, kind): (DiskSample, Kind)| match kind {
            Kind::Hardware => Some(disk),
            Kind::Virtual => (!disk.is_unused() && !disk.device.starts_with("ram")).then_some(disk),
            Kind::Partition => None,
        };
        disks.into_iter().zip(kinds).filter_map(worth_telling).collect()
    }

    fn kind(&mut self, name: &str) -> Kind {
        if let Some(kind) = self.known.get(name) {
            return *kind;
        }
        let kind = self.look_up(name);
        self.known.insert(name.to_owned(), kind);
        kind
    }

    /// sysfs lists whole devices; those that stand for hardware link to it. Without sysfs nothing is left out unasked.
    fn look_up(&self, name: &str) -> Kind {
        // A slash in the name of a device is an exclamation mark in the name of a directory.
        let device = self.directory.join(name.replace('/', "!"));
        if device.join("device").exists() {
            Kind::Hardware
        } else if device.is_dir() || !self.directory.is_dir() {
            Kind::Virtual
        } else {
            Kind::Partition
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    const USED: &str = "1 2 3 4 5 6 7 8 9 10 11 12 13";
    const UNUSED: &str = "0 0 0 0 0 0 0 0 0 0 0";

    fn names(fixture: &Fixture, lines: &[(&str, &str)]) -> Vec<String> {
        let text: Vec<String> = lines.iter().map(|(name, counters)| format!("  8  0 {name} {counters}")).collect();
        let disks = DiskSample::parse_all(text.join("\n").as_bytes()).unwrap();
        DeviceKinds::new(&fixture.roots).select(disks).into_iter().map(|disk| disk.device).collect()
    }

    #[test]
    fn counters_are_taken_by_column_and_sectors_are_512_bytes() {
        let line = format!("   8   0 sda {USED}\n");
        let [disk] = &DiskSample::parse_all(line.as_bytes()).unwrap()[..] else { panic!("one disk") };
        assert_eq!((disk.device.as_str(), disk.reads, disk.writes, disk.in_flight), ("sda", 1, 5, 9));
        assert_eq!((disk.read_bytes, disk.written_bytes), (Bytes(3 * 512), Bytes(7 * 512)));
        assert_eq!((disk.read_time, disk.write_time), (Duration::from_millis(4), Duration::from_millis(8)));
        assert_eq!((disk.busy_time, disk.weighted_time), (Duration::from_millis(10), Duration::from_millis(11)));
    }

    #[test]
    fn later_kernels_tell_more_and_what_they_do_not_tell_is_unknown() {
        const OLDEST: &str = "1 2 3 4 5 6 7 8 9 10 11";
        let parse = |counters: &str| {
            let line = format!("8 0 sda {counters}\n");
            DiskSample::parse_all(line.as_bytes()).unwrap().remove(0)
        };
        assert_eq!((parse(OLDEST).reads_merged, parse(OLDEST).writes_merged), (2, 6));
        assert_eq!((parse(OLDEST).discards, parse(OLDEST).flushes), (None, None));
        let with_discards = parse(&format!("{OLDEST} 12 13 14 15"));
        let discards = Discards { completed: 12, merged: 13, bytes: Bytes(14 * 512), time: Duration::from_millis(15) };
        assert_eq!((with_discards.discards, with_discards.flushes), (Some(discards), None));
        let with_all = parse(&format!("{OLDEST} 12 13 14 15 16 17 18 and more"));
        assert_eq!(with_all.flushes, Some(Flushes { completed: 16, time: Duration::from_millis(17) }));
        assert_eq!(parse(&format!("{OLDEST} 12 13 14")).discards, None);
        assert!(DiskSample::parse_all(format!("8 0 sda {OLDEST} x\n").as_bytes()).is_err());
    }

    #[test]
    fn whole_devices_are_told_and_unused_virtual_ones_are_not() {
        let fixture = Fixture::new();
        fixture
            .file("sys/block/sda/device/model", "x")
            .file("sys/block/sda/sda1/size", "1")
            .file("sys/block/md0/size", "1");
        fixture
            .file("sys/block/loop0/size", "1")
            .file("sys/block/ram0/size", "1")
            .file("sys/block/cciss!c0d0/device/model", "x");
        let lines =
            [("sda", UNUSED), ("sda1", USED), ("md0", USED), ("loop0", UNUSED), ("ram0", USED), ("cciss/c0d0", USED)];
        assert_eq!(names(&fixture, &lines), ["sda", "md0", "cciss/c0d0"]);
    }

    #[test]
    fn without_sysfs_whatever_was_used_is_told() {
        let fixture = Fixture::new();
        assert_eq!(names(&fixture, &[("sda", USED), ("sda1", USED), ("loop0", UNUSED)]), ["sda", "sda1"]);
    }

    #[test]
    fn refuses_what_is_cut_or_no_number() {
        for bad in ["", "8 0 sda 1 2 3\n", "8 0\n", "8 0 sda 1 2 3 4 5 6 7 8 9 10 x\n"] {
            assert!(DiskSample::parse_all(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
