//! File systems: how full they are, and whether they still answer.

use crate::kernel::space::Space;
use crate::sample::{FileSystemSample, FileSystems};

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

const LABELS: &[&str] = &["mountpoint", "device", "fstype"];
const SPACE: &str = "statvfs(3)";

pub(super) const FAMILIES: &[Family] = &[
    of("plotwarden_filesystem_size_bytes", "Size of the file system.", SPACE)
        .drawn(|s, out| space(s, out, |space| space.size)),
    of("plotwarden_filesystem_free_bytes", "Space that is free for root.", SPACE)
        .drawn(|s, out| space(s, out, |space| space.free)),
    of(
        "plotwarden_filesystem_available_bytes",
        "Space that is free for everybody; what is reserved for root is not.",
        SPACE,
    )
    .drawn(|s, out| space(s, out, |space| space.available)),
    of("plotwarden_filesystem_files", "Inodes; no sample if the file system makes them as they are needed.", SPACE)
        .drawn(|s, out| space(s, out, |space| space.files)),
    of("plotwarden_filesystem_files_free", "Inodes that are free.", SPACE)
        .drawn(|s, out| space(s, out, |space| space.files_free)),
    of(
        "plotwarden_filesystem_read_only",
        "1 if nothing can be written to it, as after an error.",
        "/proc/self/mountinfo",
    )
    .drawn(|s, out| each(s, out, |one| one.is_read_only)),
    of("plotwarden_filesystem_failing", "1 if the last answer of the file system was an error.", SPACE)
        .drawn(|s, out| each(s, out, |one| one.is_failing)),
    of(
        "plotwarden_filesystem_late_seconds",
        "Time for which the file system has not answered; 0 if it answers. After a minute nothing else is told of it.",
        SPACE,
    )
    .drawn(|s, out| each(s, out, |one| one.late)),
    Family::counter("plotwarden_filesystem_errors_total", "Errors that the file system has counted on its devices.")
        .by(LABELS)
        .from("/sys/fs/ext4/*/errors_count, /sys/fs/btrfs/*/devinfo/*/error_stats")
        .drawn(|s, out| each(s, out, |one| one.errors)),
    Family::gauge("plotwarden_filesystems_left_out", "File systems without samples, since there are too many.")
        .from("/proc/self/mountinfo")
        .drawn(|s, out| out.one(file_systems(s).map(|file_systems| file_systems.left_out))),
];

const fn of(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).by(LABELS).from(source)
}

fn file_systems(s: &Snapshot) -> Option<&FileSystems> {
    s.world.host.file_systems.as_deref()
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&FileSystemSample) -> T) {
    for one in file_systems(s).into_iter().flat_map(|file_systems| &file_systems.all) {
        let place = &one.place;
        out.add([(&place.mount_point).into(), (&place.device).into(), (&place.kind).into()], pick(one));
    }
}

fn space<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Space) -> Option<T>) {
    for one in file_systems(s).into_iter().flat_map(|file_systems| &file_systems.all) {
        let place = &one.place;
        let labels = [(&place.mount_point).into(), (&place.device).into(), (&place.kind).into()];
        out.add(labels, one.space.as_ref().and_then(pick));
    }
}
