//! What lies behind what: from a logical volume through encryption, RAID and partitions down to the disks of hardware.
//!
//! Source: `Documentation/ABI/stable/sysfs-block` (`slaves`), `Documentation/ABI/testing/sysfs-block-dm`,
//! `Documentation/ABI/testing/sysfs-block-loop`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::super::Survey;
use crate::kernel::mounts::{self, Mount};
use crate::kernel::{Roots, attribute, block};
use crate::units::Bytes;

/// sysfs counts sizes in sectors of this size, whatever those of the device are.
const SECTOR: u64 = 512;

/// A block device that is no disk, but made of something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Volume {
    /// The kernel's name, such as `dm-0`.
    pub name: String,
    pub kind: VolumeKind,
    /// What people call it, such as `vg0-plots`.
    pub label: Option<String>,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    /// Of a loop device.
    pub backing_file: Option<PathBuf>,
    /// What it is made of, one step down.
    pub lies_on: Vec<String>,
    /// The disks at the bottom.
    pub disks: Vec<String>,
}

/// How a volume is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum VolumeKind {
    Partition,
    Raid,
    Lvm,
    Crypt,
    Multipath,
    /// Another device of the device mapper.
    Mapped,
    Loop,
    Zram,
    Bcache,
    Other,
}

/// All block devices by name, with what each is made of.
#[derive(Debug)]
pub(super) struct Stack {
    nodes: BTreeMap<String, Node>,
    /// Names in the order of people.
    order: Vec<String>,
}

#[derive(Debug)]
enum Node {
    Disk,
    Volume(Volume),
}

impl Stack {
    /// Devices without a size are not there: a loop device that is not set up, a card reader without a card.
    pub(super) fn read(roots: &Roots, mounts: &[Mount], survey: &mut Survey) -> Self {
        let mut stack = Self { nodes: BTreeMap::new(), order: Vec::new() };
        let names = survey.fact_if_there(attribute::entries(&roots.sys("block"))).unwrap_or_default();
        for name in names {
            let directory = roots.sys("block").join(&name);
            if !is_of_interest(&name, &directory) {
                continue;
            }
            if directory.join("device").exists() {
                stack.insert(&name, Node::Disk);
            } else {
                let volume = Volume::read(roots, mounts, &name, &directory);
                stack.insert(&name, Node::Volume(volume));
            }
            let inside = attribute::entries(&directory).unwrap_or_default();
            for part in inside.into_iter().filter(|part| directory.join(part).join("partition").exists()) {
                let size = size(&directory.join(&part));
                stack.insert(&part, Node::Volume(Volume::of(&part, VolumeKind::Partition, size, vec![shown(&name)])));
            }
        }
        stack.find_disks();
        stack
    }

    fn insert(&mut self, name: &str, node: Node) {
        self.order.push(shown(name));
        self.nodes.insert(shown(name), node);
    }

    fn find_disks(&mut self) {
        for name in &self.order {
            let mut disks = Vec::new();
            self.descend(name, &mut Vec::new(), &mut disks);
            if let Some(Node::Volume(volume)) = self.nodes.get_mut(name) {
                volume.disks = disks;
            }
        }
    }

    /// A loop device on a file system on that very loop device would be a circle.
    fn descend<'s>(&'s self, name: &'s str, seen: &mut Vec<&'s str>, disks: &mut Vec<String>) {
        if seen.contains(&name) {
            return;
        }
        seen.push(name);
        match self.nodes.get(name) {
            Some(Node::Disk) => disks.push(name.to_owned()),
            Some(Node::Volume(volume)) => volume.lies_on.iter().for_each(|below| self.descend(below, seen, disks)),
            None => {}
        }
    }

    pub(super) fn disks(&self) -> impl Iterator<Item = &str> {
        self.order.iter().filter(|name| matches!(self.nodes.get(*name), Some(Node::Disk))).map(String::as_str)
    }

    /// The disks behind a device: itself, if it is one.
    pub(super) fn disks_behind(&self, name: &str) -> Vec<String> {
        let mut disks = Vec::new();
        self.descend(name, &mut Vec::new(), &mut disks);
        disks
    }

    pub(super) fn size_of(&self, name: &str) -> Option<Bytes> {
        match self.nodes.get(name)? {
            Node::Disk => None,
            Node::Volume(volume) => volume.size,
        }
    }

    pub(super) fn raid_sets(&self) -> impl Iterator<Item = &str> {
        let is_raid = |name: &&String| matches!(self.nodes.get(*name), Some(Node::Volume(volume)) if volume.kind == VolumeKind::Raid);
        self.order.iter().filter(is_raid).map(String::as_str)
    }

    pub(super) fn into_volumes(mut self) -> Vec<Volume> {
        let volume = |name: &String| match self.nodes.remove(name)? {
            Node::Volume(volume) => Some(volume),
            Node::Disk => None,
        };
        self.order.iter().filter_map(volume).collect()
    }
}

impl Volume {
    fn of(name: &str, kind: VolumeKind, size: Option<Bytes>, lies_on: Vec<String>) -> Self {
        Self { name: shown(name), kind, label: None, size, backing_file: None, lies_on, disks: Vec::new() }
    }

    fn read(roots: &Roots, mounts: &[Mount], name: &str, directory: &Path) -> Self {
        let kind = VolumeKind::of(name, directory);
        let slaves = attribute::entries(&directory.join("slaves")).unwrap_or_default();
        let mut volume = Self::of(name, kind, size(directory), slaves.iter().map(|name| shown(name)).collect());
        volume.label = attribute::text(&directory.join("dm/name")).ok();
        volume.backing_file = attribute::text(&directory.join("loop/backing_file")).ok().map(PathBuf::from);
        if let Some(below) = volume.backing_file.as_ref().and_then(|file| mounts::mount_of(mounts, file)) {
            volume.lies_on.extend(block::device_of(roots, below));
        }
        volume
    }
}

impl VolumeKind {
    fn of(name: &str, directory: &Path) -> Self {
        let uuid = attribute::text(&directory.join("dm/uuid")).unwrap_or_default();
        match uuid.split_once('-').map(|(prefix, _)| prefix) {
            Some("LVM") => Self::Lvm,
            Some("CRYPT") => Self::Crypt,
            Some("mpath") => Self::Multipath,
            Some(prefix) if prefix.starts_with("part") => Self::Partition,
            _ if directory.join("dm").exists() => Self::Mapped,
            _ if directory.join("md").exists() => Self::Raid,
            _ if directory.join("loop").exists() => Self::Loop,
            _ if directory.join("bcache").exists() => Self::Bcache,
            _ if name.starts_with("zram") => Self::Zram,
            _ => Self::Other,
        }
    }
}

fn is_of_interest(name: &str, directory: &Path) -> bool {
    // RAM disks are there whether used or not; optical and floppy drives keep no plots.
    let is_of_no_use = ["ram", "sr", "fd"].iter().any(|stem| {
        name.strip_prefix(stem).is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
    });
    // The paths of a multipath NVMe disk are hidden behind the disk.
    let is_hidden = attribute::flag(&directory.join("hidden")).unwrap_or(false);
    !is_of_no_use && !is_hidden && size(directory) != Some(Bytes(0))
}

pub(super) fn size(directory: &Path) -> Option<Bytes> {
    attribute::decimal(&directory.join("size")).ok()?.checked_mul(SECTOR).map(Bytes)
}

/// As `/dev` and `/proc/diskstats` have it.
fn shown(name: &str) -> String {
    name.replace('!', "/")
}
