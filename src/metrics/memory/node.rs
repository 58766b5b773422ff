//! Memory of each NUMA node, and the pieces in which it is free.

use crate::metrics::family::{Family, Samples};
use crate::metrics::snapshot::Snapshot;
use crate::sample::{MemorySample, NodeAllocations};
use crate::units::Bytes;

const MEMINFO: &str = "/sys/devices/system/node/nodeN/meminfo";

pub(in crate::metrics) const FAMILIES: &[Family] = &[
    node("plotwarden_memory_node_total_bytes", "Memory of the node.").drawn(|s, out| each(s, out, |m| m.total)),
    node("plotwarden_memory_node_free_bytes", "Memory of the node that nobody uses.")
        .drawn(|s, out| each(s, out, |m| m.free)),
    node("plotwarden_memory_node_file_pages_bytes", "Page cache on the node, with buffers, tmpfs and cached swap.")
        .drawn(|s, out| each(s, out, |m| m.file_pages)),
    node("plotwarden_memory_node_inactive_file_bytes", "Page cache on the node that is the next to be dropped.")
        .drawn(|s, out| each(s, out, |m| m.inactive_file)),
    node("plotwarden_memory_node_anonymous_bytes", "Memory of programs on the node that no file backs.")
        .drawn(|s, out| each(s, out, |m| m.anonymous)),
    node("plotwarden_memory_node_anonymous_huge_bytes", "Memory of programs on the node in transparent huge pages.")
        .drawn(|s, out| each(s, out, |m| m.anonymous_huge)),
    node("plotwarden_memory_node_shmem_bytes", "Shared memory and tmpfs on the node.")
        .drawn(|s, out| each(s, out, |m| m.shmem)),
    node("plotwarden_memory_node_dirty_bytes", "Page cache on the node that waits to be written to a disk.")
        .drawn(|s, out| each(s, out, |m| m.dirty)),
    node("plotwarden_memory_node_writeback_bytes", "Page cache on the node that is being written to a disk.")
        .drawn(|s, out| each(s, out, |m| m.writeback)),
    node("plotwarden_memory_node_unevictable_bytes", "Memory of the node that cannot be reclaimed.")
        .drawn(|s, out| each(s, out, |m| m.unevictable)),
    node("plotwarden_memory_node_slab_reclaimable_bytes", "Kernel objects on the node that can be dropped.")
        .drawn(|s, out| each(s, out, |m| m.slab_reclaimable)),
    node("plotwarden_memory_node_slab_unreclaimable_bytes", "Kernel objects on the node that cannot be dropped.")
        .drawn(|s, out| each(s, out, |m| m.slab_unreclaimable)),
    node("plotwarden_memory_node_page_tables_bytes", "Page tables on the node.")
        .drawn(|s, out| each(s, out, |m| m.page_tables)),
    Family::counter(
        "plotwarden_memory_node_allocations_total",
        "Pages given out: hit and miss on this node, foreign elsewhere though it was wished for; local and other by the CPU.",
    )
    .by(&["node", "outcome"])
    .from("/sys/devices/system/node/nodeN/numastat")
    .drawn(allocations),
    Family::gauge(
        "plotwarden_memory_free_blocks",
        "Free blocks of 2^order pages; without large ones there are no huge pages.",
    )
    .by(&["node", "zone", "order"])
    .from("/proc/buddyinfo")
    .drawn(free_blocks),
];

const fn node(name: &'static str, help: &'static str) -> Family {
    Family::gauge(name, help).by(&["node"]).from(MEMINFO)
}

fn each(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&MemorySample) -> Option<Bytes>) {
    for node in &s.world.host.memory_places.nodes {
        out.add([node.node.into()], pick(&node.memory));
    }
}

fn allocations(s: &Snapshot, out: &mut Samples<'_>) {
    for node in &s.world.host.memory_places.nodes {
        let Some(NodeAllocations { hit, miss, foreign, interleaved, local, other }) = node.allocations else {
            continue;
        };
        for (outcome, pages) in [
            ("hit", hit),
            ("miss", miss),
            ("foreign", foreign),
            ("interleaved", interleaved),
            ("local", local),
            ("other", other),
        ] {
            out.add([node.node.into(), outcome.into()], pages);
        }
    }
}

fn free_blocks(s: &Snapshot, out: &mut Samples<'_>) {
    for zone in &s.world.host.memory_places.free_blocks {
        for (order, blocks) in (0_u32..).zip(&zone.by_order) {
            out.add([zone.node.into(), (&zone.zone).into(), order.into()], *blocks);
        }
    }
}
