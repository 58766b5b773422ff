//! Which block device the files of a directory lie on, by the name that `/proc/diskstats` has for it.
//!
//! Source: `stat(2)`, `statfs(2)`, `Documentation/ABI/stable/sysfs-block`, `Documentation/admin-guide/devices.rst`.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::sys::stat::{major, minor};
use nix::sys::statfs::{FsType, NFS_SUPER_MAGIC, SMB_SUPER_MAGIC, TMPFS_MAGIC, statfs};

use super::{KernelError, Roots};

/// In memory, or on another machine: their traffic shows in no block device of ours.
const ELSEWHERE: [FsType; 7] = [
    TMPFS_MAGIC,
    NFS_SUPER_MAGIC,
    SMB_SUPER_MAGIC,
    // linux/magic.h: ramfs, and the others that mount shares (smb2, 9p, ceph), in this order.
    FsType(0x8584_58f6),
    FsType(0xfe53_4d42),
    FsType(0x0102_1997),
    FsType(0x00c3_6400),
];

/// The device behind a directory: the whole disk where that is a partition, and the array or mapping itself (`md0`, `dm-3`)
/// where it is one. `None` where no block device of this machine is behind it, as in memory or on a file server.
///
/// May block for as long as a file server does not answer.
///
/// # Errors
/// The directory cannot be looked at, or lies on a file system that spreads over devices which only it knows (btrfs, ZFS).
pub fn device_of(roots: &Roots, directory: &Path) -> Result<Option<String>, KernelError> {
    let number = fs::metadata(directory).map_err(|source| KernelError::io("look at", directory, source))?.dev();
    if major(number) != 0 {
        return whole_device(roots, &format!("{}:{}", major(number), minor(number))).map(Some);
    }
    let kind =
        statfs(directory).map_err(|error| KernelError::io("look at", directory, error.into()))?.filesystem_type();
    if ELSEWHERE.contains(&kind) {
        return Ok(None);
    }
    Err(KernelError::malformed(directory, "its file system does not say on which block devices it lies"))
}

/// The name of a device by its number, as `8:1`.
fn whole_device(roots: &Roots, number: &str) -> Result<String, KernelError> {
    let path = roots.sys("dev/block").join(number);
    let target = fs::read_link(&path).map_err(|source| KernelError::io("read the link", &path, source))?;
    let of_disk = if path.join("partition").exists() { target.parent() } else { Some(target.as_path()) };
    let name = of_disk.and_then(Path::file_name).map(|name| name.to_string_lossy());
    // A slash in the name of a device is an exclamation mark in that of its directory.
    name.map(|name| name.replace('!', "/")).ok_or_else(|| KernelError::malformed(&path, "names no device"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn a_partition_counts_for_its_disk_and_an_array_for_itself() {
        let fixture = Fixture::new();
        for (number, device) in [
            ("8:1", "pci0000:00/ata1/block/sda/sda1"),
            ("8:0", "pci0000:00/ata1/block/sda"),
            ("259:3", "pci0000:00/nvme/nvme0/nvme0n1/nvme0n1p2"),
            ("9:127", "virtual/block/md127"),
            ("259:9", "virtual/block/md127/md127p1"),
            ("253:3", "virtual/block/dm-3"),
            ("104:1", "pci0000:00/cciss0/block/cciss!c0d0/cciss!c0d0p1"),
        ] {
            let is_part = device.ends_with("sda1") || device.contains("p1") || device.contains("p2");
            fixture.file(&format!("sys/devices/{device}/size"), "8\n");
            if is_part {
                fixture.file(&format!("sys/devices/{device}/partition"), "1\n");
            }
            fixture.link(&format!("sys/dev/block/{number}"), &format!("../../devices/{device}"));
        }
        let name = |number: &str| whole_device(&fixture.roots, number).unwrap();
        for (number, expected) in [
            ("8:1", "sda"),
            ("8:0", "sda"),
            ("259:3", "nvme0n1"),
            ("9:127", "md127"),
            ("259:9", "md127"),
            ("253:3", "dm-3"),
            ("104:1", "cciss/c0d0"),
        ] {
            assert_eq!(name(number), expected, "{number}");
        }
        assert!(whole_device(&fixture.roots, "8:99").unwrap_err().to_string().contains("8:99"));
    }

    #[test]
    fn memory_has_no_device_and_what_is_not_there_has_a_reason() {
        let roots = Roots::standard();
        assert_eq!(device_of(&roots, Path::new("/dev/shm")).unwrap(), None);
        assert!(device_of(&roots, Path::new("/nonexistent")).unwrap_err().is_gone());
        assert!(device_of(&roots, Path::new("/proc")).is_err(), "neither memory nor a disk");
    }

    #[test]
    fn the_device_of_a_real_directory_is_one_that_diskstats_counts() {
        let roots = Roots::standard();
        let Ok(Some(device)) = device_of(&roots, Path::new(env!("CARGO_MANIFEST_DIR"))) else { return };
        let counted = fs::read_to_string("/proc/diskstats").unwrap();
        assert!(counted.lines().any(|line| line.split_whitespace().nth(2) == Some(&device)), "{device}: {counted}");
    }
}
