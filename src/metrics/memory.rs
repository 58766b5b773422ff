//! Memory and swap of the machine.

use crate::sample::MemorySample;
use crate::units::Bytes;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge("plotwarden_memory_total_bytes", "Memory that the kernel manages.")
        .from("/proc/meminfo MemTotal")
        .drawn(|s, out| memory(s, out, |memory| memory.total)),
    Family::gauge("plotwarden_memory_free_bytes", "Memory that nobody uses.")
        .from("/proc/meminfo MemFree")
        .drawn(|s, out| memory(s, out, |memory| memory.free)),
    Family::gauge("plotwarden_memory_available_bytes", "Memory that a new program could get without swapping.")
        .from("/proc/meminfo MemAvailable")
        .drawn(|s, out| memory(s, out, |memory| memory.available)),
    Family::gauge("plotwarden_memory_buffers_bytes", "Page cache of block devices.")
        .from("/proc/meminfo Buffers")
        .drawn(|s, out| memory(s, out, |memory| memory.buffers)),
    Family::gauge("plotwarden_memory_cached_bytes", "Page cache of files, shared memory and tmpfs included.")
        .from("/proc/meminfo Cached")
        .drawn(|s, out| memory(s, out, |memory| memory.cached)),
    Family::gauge("plotwarden_memory_shmem_bytes", "Shared memory and tmpfs: a RAM disk for temp files counts here.")
        .from("/proc/meminfo Shmem")
        .drawn(|s, out| memory(s, out, |memory| memory.shmem)),
    Family::gauge("plotwarden_memory_dirty_bytes", "Page cache that waits to be written to a disk.")
        .from("/proc/meminfo Dirty")
        .drawn(|s, out| memory(s, out, |memory| memory.dirty)),
    Family::gauge("plotwarden_memory_writeback_bytes", "Page cache that is being written to a disk.")
        .from("/proc/meminfo Writeback")
        .drawn(|s, out| memory(s, out, |memory| memory.writeback)),
    Family::gauge("plotwarden_swap_total_bytes", "Swap space.")
        .from("/proc/meminfo SwapTotal")
        .drawn(|s, out| memory(s, out, |memory| memory.swap_total)),
    Family::gauge("plotwarden_swap_free_bytes", "Swap space that is free.")
        .from("/proc/meminfo SwapFree")
        .drawn(|s, out| memory(s, out, |memory| memory.swap_free)),
];

fn memory(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&MemorySample) -> Option<Bytes>) {
    out.one(s.world.host.memory.as_ref().map(pick));
}
