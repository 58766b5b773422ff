//! Disks, file systems and RAID sets.

use super::FLEETING;
use crate::row::{Row, counter, gauge, same};

/// Time is counted in milliseconds, which they write as a float.
const MILLISECOND: f64 = 1e-3;
const SECTOR: f64 = 512.0;
/// So much of a file system may be written or deleted meanwhile.
const WRITTEN: f64 = 0.02;
const PLACE: &[(&str, &str)] = &[("mountpoint", "mountpoint"), ("device", "device"), ("fstype", "fstype")];

pub const ROWS: &[Row] = &[
    disk("node_disk_reads_completed_total", "plotwarden_disk_reads_completed_total"),
    disk("node_disk_reads_merged_total", "plotwarden_disk_reads_merged_total"),
    disk("node_disk_read_bytes_total", "plotwarden_disk_read_bytes_total"),
    time("node_disk_read_time_seconds_total", "plotwarden_disk_read_time_seconds_total"),
    disk("node_disk_writes_completed_total", "plotwarden_disk_writes_completed_total"),
    disk("node_disk_writes_merged_total", "plotwarden_disk_writes_merged_total"),
    disk("node_disk_written_bytes_total", "plotwarden_disk_written_bytes_total"),
    time("node_disk_write_time_seconds_total", "plotwarden_disk_write_time_seconds_total"),
    disk("node_disk_discards_completed_total", "plotwarden_disk_discards_completed_total"),
    disk("node_disk_discards_merged_total", "plotwarden_disk_discards_merged_total"),
    disk("node_disk_discarded_sectors_total", "plotwarden_disk_discarded_bytes_total").times(SECTOR),
    time("node_disk_discard_time_seconds_total", "plotwarden_disk_discard_time_seconds_total"),
    disk("node_disk_flush_requests_total", "plotwarden_disk_flushes_completed_total"),
    time("node_disk_flush_requests_time_seconds_total", "plotwarden_disk_flush_time_seconds_total"),
    time("node_disk_io_time_seconds_total", "plotwarden_disk_io_time_seconds_total"),
    time("node_disk_io_time_weighted_seconds_total", "plotwarden_disk_io_time_weighted_seconds_total"),
    gauge("node_disk_io_now", "plotwarden_disk_in_flight", 0.0)
        .by(&[("device", "device")])
        .fewer(UNUSED)
        .give_or_take(16.0 * FLEETING),
    same("node_disk_info", "plotwarden_disk_info").by(&[("device", "device")]).fewer(UNUSED),
    same("node_filesystem_size_bytes", "plotwarden_filesystem_size_bytes").by(PLACE),
    gauge("node_filesystem_free_bytes", "plotwarden_filesystem_free_bytes", WRITTEN).by(PLACE).paced(),
    gauge("node_filesystem_avail_bytes", "plotwarden_filesystem_available_bytes", WRITTEN).by(PLACE).paced(),
    same("node_filesystem_files", "plotwarden_filesystem_files").by(PLACE),
    gauge("node_filesystem_files_free", "plotwarden_filesystem_files_free", WRITTEN).by(PLACE).paced(),
    same("node_filesystem_readonly", "plotwarden_filesystem_read_only").by(PLACE),
    same("node_filesystem_device_error", "plotwarden_filesystem_failing").by(PLACE),
    same("node_md_disks_required", "plotwarden_md_disks").by(&[("device", "device")]),
];

const UNUSED: &str = "devices of RAM and the like that were never used have no series with us";

const fn disk(theirs: &'static str, ours: &'static str) -> Row {
    counter(theirs, ours).by(&[("device", "device")]).fewer(UNUSED)
}

const fn time(theirs: &'static str, ours: &'static str) -> Row {
    disk(theirs, ours).give_or_take(MILLISECOND)
}
