//! I/O of block devices, with the meanings of `Documentation/admin-guide/iostats.rst`.

use crate::sample::DiskSample;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;

const SOURCE: &str = "/proc/diskstats";

pub(super) const FAMILIES: &[Family] = &[
    disk("plotwarden_disk_reads_completed_total", "Reads completed.").drawn(|s, out| each(s, out, |disk| disk.reads)),
    disk("plotwarden_disk_read_bytes_total", "Bytes read.").drawn(|s, out| each(s, out, |disk| disk.read_bytes)),
    disk("plotwarden_disk_read_time_seconds_total", "Time of all reads, from request to completion.")
        .drawn(|s, out| each(s, out, |disk| disk.read_time)),
    disk("plotwarden_disk_writes_completed_total", "Writes completed.")
        .drawn(|s, out| each(s, out, |disk| disk.writes)),
    disk("plotwarden_disk_written_bytes_total", "Bytes written.")
        .drawn(|s, out| each(s, out, |disk| disk.written_bytes)),
    disk("plotwarden_disk_write_time_seconds_total", "Time of all writes, from request to completion.")
        .drawn(|s, out| each(s, out, |disk| disk.write_time)),
    disk("plotwarden_disk_io_time_seconds_total", "Time in which at least one request was in flight.")
        .drawn(|s, out| each(s, out, |disk| disk.busy_time)),
    disk("plotwarden_disk_io_time_weighted_seconds_total", "Time of all requests; its rate is the mean queue length.")
        .drawn(|s, out| each(s, out, |disk| disk.weighted_time)),
    disk("plotwarden_disk_reads_merged_total", "Reads that were joined to another one in the queue.")
        .drawn(|s, out| each(s, out, |disk| disk.reads_merged)),
    disk("plotwarden_disk_writes_merged_total", "Writes that were joined to another one in the queue.")
        .drawn(|s, out| each(s, out, |disk| disk.writes_merged)),
    disk("plotwarden_disk_discards_completed_total", "Discards completed.")
        .drawn(|s, out| each(s, out, |disk| Some(disk.discards?.completed))),
    disk("plotwarden_disk_discards_merged_total", "Discards that were joined to another one in the queue.")
        .drawn(|s, out| each(s, out, |disk| Some(disk.discards?.merged))),
    disk("plotwarden_disk_discarded_bytes_total", "Bytes that the device was told to forget.")
        .drawn(|s, out| each(s, out, |disk| Some(disk.discards?.bytes))),
    disk("plotwarden_disk_discard_time_seconds_total", "Time of all discards, from request to completion.")
        .drawn(|s, out| each(s, out, |disk| Some(disk.discards?.time))),
    disk("plotwarden_disk_flushes_completed_total", "Flushes of the device's write cache completed.")
        .drawn(|s, out| each(s, out, |disk| Some(disk.flushes?.completed))),
    disk("plotwarden_disk_flush_time_seconds_total", "Time of all flushes, from request to completion.")
        .drawn(|s, out| each(s, out, |disk| Some(disk.flushes?.time))),
    Family::gauge("plotwarden_disk_in_flight", "Requests in flight.")
        .by(&["device"])
        .from(SOURCE)
        .drawn(|s, out| each(s, out, |disk| disk.in_flight)),
];

const fn disk(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help).by(&["device"]).from(SOURCE)
}

fn each<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&DiskSample) -> T) {
    for disk in s.world.host.disks.iter().flatten() {
        out.add([(&disk.device).into()], pick(disk));
    }
}
