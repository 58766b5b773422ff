//! Names of block devices, which the kernel gives by number in one place and by path in another.
//!
//! Source: `Documentation/ABI/stable/sysfs-block`, `Documentation/admin-guide/devices.rst`.

use std::path::{Path, PathBuf};

use super::mounts::{DeviceNumber, Mount};
use super::{Roots, attribute};

/// The directory of a whole device. A slash in its name is an exclamation mark in that of the directory.
pub fn directory(roots: &Roots, name: &str) -> PathBuf {
    roots.sys("block").join(name.replace('/', "!"))
}

/// The directory of a device or partition.
fn class_directory(roots: &Roots, name: &str) -> PathBuf {
    roots.sys("class/block").join(name.replace('/', "!"))
}

/// The device that a file system lies on, such as `sda1` or `dm-0`; `None` if that is none, or several that only the file
/// system knows.
pub fn device_of(roots: &Roots, mount: &Mount) -> Option<String> {
    by_number(roots, mount.number).or_else(|| by_path(roots, Path::new(&mount.source)))
}

fn by_number(roots: &Roots, number: DeviceNumber) -> Option<String> {
    let name = attribute::link_name(&roots.sys(format!("dev/block/{number}"))).ok()?;
    Some(name.replace('!', "/"))
}

/// btrfs and bcachefs have numbers of their own, but are mounted by the path of a device.
fn by_path(roots: &Roots, path: &Path) -> Option<String> {
    if let Ok(mapped) = path.strip_prefix("/dev/mapper") {
        let is_it = |name: &String| {
            let mapped_name = attribute::text(&directory(roots, name).join("dm/name"));
            name.starts_with("dm-") && mapped_name.is_ok_and(|mapped_name| Path::new(&mapped_name) == mapped)
        };
        return attribute::entries(&roots.sys("block")).ok()?.into_iter().find(is_it);
    }
    let name = path.strip_prefix("/dev").ok()?.to_str()?;
    (!name.is_empty() && class_directory(roots, name).exists()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;
    use crate::kernel::mounts::DataMounts;

    #[test]
    fn a_device_is_found_by_number_and_by_path() {
        let fixture = Fixture::new();
        fixture
            .link("sys/dev/block/8:1", "../../devices/pci0000:00/ata1/block/sda/sda1")
            .link("sys/dev/block/104:0", "../../devices/pci0000:00/cciss0/block/cciss!c0d0")
            .file("sys/class/block/sda2/size", "8\n")
            .file("sys/block/dm-0/dm/name", "vg-root\n");
        let device = |number: &str, kind: &str, source: &str| {
            let line = format!("1 2 {number} / /x rw - {kind} {source} rw\n");
            device_of(&fixture.roots, &DataMounts::parse(line.as_bytes()).mounts[0])
        };
        assert_eq!(device("8:1", "ext4", "/dev/root").as_deref(), Some("sda1"));
        assert_eq!(device("104:0", "xfs", "/dev/cciss/c0d0").as_deref(), Some("cciss/c0d0"));
        assert_eq!(device("0:40", "btrfs", "/dev/mapper/vg-root").as_deref(), Some("dm-0"));
        assert_eq!(device("0:41", "btrfs", "/dev/sda2").as_deref(), Some("sda2"));
        for source in ["nas:/plots", "/dev/", "/dev/sdz", "/dev/mapper/none", "/dev/../class", "tank/plots"] {
            assert_eq!(device("0:42", "nfs4", source), None, "{source}");
        }
    }
}
