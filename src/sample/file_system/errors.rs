//! Errors that a file system has counted on its devices.
//!
//! Source: `Documentation/ABI/testing/sysfs-fs-ext4`, `Documentation/ABI/testing/sysfs-fs-btrfs`.

use std::path::PathBuf;

use crate::kernel::mounts::Mount;
use crate::kernel::{Roots, attribute, block, file, text};

/// Where a file system counts its errors.
#[derive(Debug)]
pub(super) enum ErrorCounters {
    Nowhere,
    /// One number.
    Ext4(PathBuf),
    /// A file per device, which holds a number per kind.
    Btrfs(PathBuf),
}

impl ErrorCounters {
    pub(super) fn of(roots: &Roots, mount: &Mount) -> Self {
        let device = match mount.kind.as_str() {
            "btrfs" | "ext2" | "ext3" | "ext4" => block::device_of(roots, mount),
            _ => None,
        };
        match device {
            None => Self::Nowhere,
            Some(device) if mount.kind == "btrfs" => btrfs_with(roots, &device).map_or(Self::Nowhere, Self::Btrfs),
            Some(device) => Self::Ext4(roots.sys("fs/ext4").join(device.replace('/', "!")).join("errors_count")),
        }
    }

    /// The sum so far; `None` if it is not counted, or not readable.
    pub(super) fn read(&self) -> Option<u64> {
        match self {
            Self::Nowhere => None,
            Self::Ext4(path) => attribute::decimal(path).ok(),
            Self::Btrfs(devices) => {
                let counted = |name: String| file::read(&devices.join(name).join("error_stats"), sum).ok();
                let devices: Option<Vec<u64>> = attribute::entries(devices).ok()?.into_iter().map(counted).collect();
                devices.filter(|devices| !devices.is_empty())?.into_iter().try_fold(0, u64::checked_add)
            }
        }
    }
}

/// What btrfs tells of the devices of the file system that `device` belongs to.
fn btrfs_with(roots: &Roots, device: &str) -> Option<PathBuf> {
    let all = roots.sys("fs/btrfs");
    let holds = |of: &String| all.join(of).join("devices").join(device.replace('/', "!")).symlink_metadata().is_ok();
    let of = attribute::entries(&all).ok()?.into_iter().find(holds)?;
    Some(all.join(of).join("devinfo"))
}

/// `write_errs 0`, `read_errs 0` and so on, each on a line.
fn sum(bytes: &[u8]) -> Result<u64, String> {
    let counter = |line: &[u8]| text::fields(line).nth(1).and_then(text::decimal);
    let counters: Option<Vec<u64>> = text::lines(bytes).map(counter).collect();
    let sum = counters.and_then(|counters| counters.into_iter().try_fold(0, u64::checked_add));
    sum.ok_or_else(|| "not a number behind each name".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;
    use crate::kernel::mounts::DataMounts;

    fn counted(fixture: &Fixture, line: &str) -> Option<u64> {
        let mounts = DataMounts::parse(line.as_bytes()).mounts;
        ErrorCounters::of(&fixture.roots, &mounts[0]).read()
    }

    const EXT4: &str = "1 2 8:1 / /x rw - ext4 /dev/sda1 rw";
    const BTRFS: &str = "1 2 0:40 / /y rw - btrfs /dev/sdb1 rw";

    #[test]
    fn ext4_counts_in_one_place_and_btrfs_by_device() {
        let fixture = Fixture::new();
        fixture
            .link("sys/dev/block/8:1", "../../devices/x/sda/sda1")
            .file("sys/fs/ext4/sda1/errors_count", "3\n")
            .file("sys/class/block/sdb1/size", "8\n")
            .file("sys/fs/btrfs/features/x", "0\n")
            .link("sys/fs/btrfs/6d1e/devices/sdb1", "../../../../devices/x/sdb1")
            .file("sys/fs/btrfs/6d1e/devinfo/1/error_stats", "write_errs 1\nread_errs 2\nflush_errs 0\n")
            .file("sys/fs/btrfs/6d1e/devinfo/2/error_stats", "write_errs 0\nread_errs 4\n");
        assert_eq!((counted(&fixture, EXT4), counted(&fixture, BTRFS)), (Some(3), Some(7)));
        fixture.file("sys/fs/btrfs/6d1e/devinfo/2/error_stats", b"write_errs\n\xff");
        assert_eq!(counted(&fixture, BTRFS), None, "half a sum is no sum");
    }

    #[test]
    fn what_is_not_counted_is_unknown() {
        let fixture = Fixture::new();
        for line in [EXT4, BTRFS, "1 2 8:1 / /x rw - xfs /dev/sda1 rw"] {
            assert_eq!(counted(&fixture, line), None);
        }
        fixture.link("sys/dev/block/8:1", "../../devices/x/sda1").file("sys/fs/ext4/sda1/errors_count", "many\n");
        assert_eq!(counted(&fixture, EXT4), None);
        fixture.file("sys/class/block/sdb1/size", "8\n").link("sys/fs/btrfs/6d1e/devices/sdb1", "x");
        assert_eq!(counted(&fixture, BTRFS), None);
    }
}
