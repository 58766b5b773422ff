//! What the disks are, and how the kernel drives them: the facts that their I/O is read with.

use crate::inventory::{Disk, DiskClass, DiskTransport};

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

pub(super) const FAMILIES: &[Family] = &[
    Family::info("plotwarden_disk_info", "Facts about a disk; one that is not known is empty.")
        .by(&["device", "class", "transport", "vendor", "model", "firmware", "scheduler"])
        .from("/sys/block")
        .drawn(|s, out| {
            for disk in disks(s) {
                out.fact([
                    (&disk.name).into(),
                    disk.class.map(DiskClass::name).into(),
                    disk.transport.map(DiskTransport::name).into(),
                    disk.vendor.as_deref().into(),
                    disk.model.as_deref().into(),
                    disk.firmware.as_deref().into(),
                    disk.scheduler.as_deref().into(),
                ]);
            }
        }),
    of("plotwarden_disk_size_bytes", "Size of the disk.", "/sys/block/*/size")
        .drawn(|s, out| each(s, out, |disk| disk.size)),
    of("plotwarden_disk_rotational", "1 for a disk that says that it rotates.", "/sys/block/*/queue/rotational")
        .drawn(|s, out| each(s, out, |disk| disk.rotational)),
    of(
        "plotwarden_disk_queue_requests",
        "Requests that the kernel keeps in its queue.",
        "/sys/block/*/queue/nr_requests",
    )
    .drawn(|s, out| each(s, out, |disk| disk.queue_requests)),
    of("plotwarden_disk_queue_depth", "Commands that the disk takes at once.", "/sys/block/*/device/queue_depth")
        .drawn(|s, out| each(s, out, |disk| disk.queue_depth)),
    of("plotwarden_disk_read_ahead_bytes", "What is read ahead of a reader.", "/sys/block/*/queue/read_ahead_kb")
        .drawn(|s, out| each(s, out, |disk| disk.read_ahead)),
    of(
        "plotwarden_disk_write_back",
        "1 if the disk caches writes and has to be told to flush them.",
        "/sys/block/*/queue/write_cache",
    )
    .drawn(|s, out| each(s, out, |disk| disk.write_cache.as_deref().map(|cache| cache == "write back"))),
    of("plotwarden_disk_wear_ratio", "Share of the disk's life that is used up.", "/sys/block/*/device/life_time")
        .drawn(|s, out| each(s, out, |disk| disk.wear)),
    Family::info("plotwarden_filesystem_disk_info", "Which disks lie behind a file system, through all layers.")
        .by(&["mountpoint", "device"])
        .from("/sys/block/*/slaves")
        .drawn(|s, out| {
            for file_system in &s.inventory.storage.facts.file_systems {
                for disk in &file_system.disks {
                    out.fact([(&file_system.mount_point).into(), disk.into()]);
                }
            }
        }),
];

const fn of(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(&["device"]).from(source)
}

fn disks(s: &Snapshot) -> &[Disk] {
    &s.inventory.storage.facts.disks
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Disk) -> T) {
    for disk in disks(s) {
        out.add([(&disk.name).into()], pick(disk));
    }
}
