//! The disks, file systems and what lies between them.

mod disk;
mod file_system;
mod raid;
mod speed;
mod transport;
mod volume;

use serde::Serialize;

use super::Survey;
use crate::kernel::Roots;
use crate::units::Bytes;

pub use disk::Disk;
pub use file_system::FileSystem;
pub use raid::RaidSet;
pub use speed::measure_storage;
pub use transport::{Class, Transport};
pub use volume::Volume;

use volume::Stack;

/// Facts about the disks, file systems and what lies between them.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Storage {
    /// Of all disks together.
    #[serde(rename = "capacity_bytes")]
    pub capacity: Option<Bytes>,
    /// Of all file systems that lie on a disk of this machine, as far as they answered.
    #[serde(rename = "file_systems_size_bytes")]
    pub file_systems_size: Option<Bytes>,
    #[serde(rename = "file_systems_available_bytes")]
    pub file_systems_available: Option<Bytes>,
    /// Whole disks of hardware.
    pub disks: Vec<Disk>,
    /// What is made of disks and of each other: partitions, RAID sets, logical volumes, encrypted ones, loop devices.
    pub volumes: Vec<Volume>,
    pub raid_sets: Vec<RaidSet>,
    pub file_systems: Vec<FileSystem>,
    /// How many were left out because there are too many.
    pub file_systems_left_out: Option<usize>,
}

impl Storage {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let known = file_system::mounts(roots, survey);
        let mounts = known.as_ref().map_or(&[][..], |known| &known.mounts);
        let stack = Stack::read(roots, mounts, survey);
        let disks: Vec<Disk> = stack.disks().map(|name| Disk::read(roots, name, survey)).collect();
        let raid_sets = stack.raid_sets().map(|name| RaidSet::read(roots, name, survey)).collect();
        let file_systems = file_system::read_all(roots, mounts, &stack, survey);
        let local = || file_systems.iter().filter(|one| !one.disks.is_empty());
        Self {
            capacity: sum(disks.iter().map(|disk| disk.size)),
            file_systems_size: sum(local().map(|one| one.size)),
            file_systems_available: sum(local().map(|one| one.available)),
            disks,
            volumes: stack.into_volumes(),
            raid_sets,
            file_systems,
            file_systems_left_out: known.as_ref().map(|known| known.left_out),
        }
    }
}

/// Of those that are known; `None` if none is.
fn sum(sizes: impl Iterator<Item = Option<Bytes>>) -> Option<Bytes> {
    sizes.flatten().reduce(|sum, size| Bytes(sum.0.saturating_add(size.0)))
}

#[cfg(test)]
mod tests;
