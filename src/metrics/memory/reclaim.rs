//! What the kernel does to find memory: paging, swapping, reclaim, compaction, huge pages, NUMA.

use crate::kernel::clock;
use crate::metrics::family::{Family, Samples};
use crate::metrics::snapshot::Snapshot;
use crate::metrics::value::Fact;
use crate::sample::VmstatSample;
use crate::units::Bytes;

const SOURCE: &str = "/proc/vmstat";

pub(in crate::metrics) const FAMILIES: &[Family] = &[
    counter("plotwarden_memory_paged_in_bytes_total", "Bytes read from block devices into memory.")
        .drawn(|s, out| one(s, out, |v| kibibytes(v.pgpgin))),
    counter("plotwarden_memory_paged_out_bytes_total", "Bytes written from memory to block devices.")
        .drawn(|s, out| one(s, out, |v| kibibytes(v.pgpgout))),
    counter("plotwarden_memory_dirtied_bytes_total", "Page cache that programs have changed.")
        .drawn(|s, out| one(s, out, |v| pages(v.nr_dirtied))),
    counter("plotwarden_memory_written_back_bytes_total", "Changed page cache that has been written to a disk.")
        .drawn(|s, out| one(s, out, |v| pages(v.nr_written))),
    Family::gauge("plotwarden_memory_dirty_limit_bytes", "Changed page cache at which writers are made to wait.")
        .from("/proc/vmstat nr_dirty_threshold")
        .drawn(|s, out| one(s, out, |v| pages(v.nr_dirty_threshold))),
    Family::gauge("plotwarden_memory_dirty_background_limit_bytes", "Changed page cache at which writing to disks begins.")
        .from("/proc/vmstat nr_dirty_background_threshold")
        .drawn(|s, out| one(s, out, |v| pages(v.nr_dirty_background_threshold))),
    counter("plotwarden_swap_read_bytes_total", "Memory read back from swap.")
        .drawn(|s, out| one(s, out, |v| pages(v.pswpin))),
    counter("plotwarden_swap_written_bytes_total", "Memory written to swap.")
        .drawn(|s, out| one(s, out, |v| pages(v.pswpout))),
    counter("plotwarden_zswap_read_bytes_total", "Memory taken back from compressed swap.")
        .drawn(|s, out| one(s, out, |v| pages(v.zswpin))),
    counter("plotwarden_zswap_written_bytes_total", "Memory put into compressed swap.")
        .drawn(|s, out| one(s, out, |v| pages(v.zswpout))),
    counter("plotwarden_zswap_evicted_bytes_total", "Memory that compressed swap had to pass on to a disk.")
        .drawn(|s, out| one(s, out, |v| pages(v.zswpwb))),
    counter("plotwarden_memory_page_faults_total", "Page faults, major ones included.")
        .drawn(|s, out| one(s, out, |v| v.pgfault)),
    counter("plotwarden_memory_major_page_faults_total", "Page faults that had to wait for a disk.")
        .drawn(|s, out| one(s, out, |v| v.pgmajfault)),
    counter("plotwarden_oom_kills_total", "Processes that the kernel has killed for want of memory.")
        .drawn(|s, out| one(s, out, |v| v.oom_kill)),
    counter(
        "plotwarden_memory_reclaim_scanned_bytes_total",
        "Memory that was looked at to be reclaimed, by kswapd in the background or by the task that needs it (direct).",
    )
    .by(&["by"])
    .drawn(|s, out| each(s, out, |v| by(v.pgscan_kswapd, v.pgscan_direct, v.pgscan_khugepaged, v.pgscan_proactive))),
    counter("plotwarden_memory_reclaimed_bytes_total", "Memory that was reclaimed; far less than scanned is a bad sign.")
        .by(&["by"])
        .drawn(|s, out| {
            each(s, out, |v| by(v.pgsteal_kswapd, v.pgsteal_direct, v.pgsteal_khugepaged, v.pgsteal_proactive));
        }),
    counter("plotwarden_memory_reclaim_throttled_total", "Times that a task had to wait because reclaim could not follow.")
        .drawn(|s, out| one(s, out, |v| v.pgscan_direct_throttle)),
    counter("plotwarden_memory_allocation_stalls_total", "Allocations that had to reclaim memory themselves.")
        .drawn(|s, out| one(s, out, |v| v.allocstall)),
    counter(
        "plotwarden_memory_refaulted_bytes_total",
        "Memory that was needed again soon after it had been reclaimed: the working set does not fit.",
    )
    .by(&["kind"])
    .drawn(|s, out| {
        each(s, out, |v| {
            [("anonymous", pages(v.workingset_refault_anon)), ("file", pages(v.workingset_refault_file))]
        });
    }),
    counter("plotwarden_memory_compaction_stalls_total", "Allocations that had to make a large block themselves.")
        .drawn(|s, out| one(s, out, |v| v.compact_stall)),
    counter("plotwarden_memory_compactions_total", "What came of compaction.").by(&["outcome"]).drawn(|s, out| {
        each(s, out, |v| [("success", v.compact_success), ("failure", v.compact_fail)]);
    }),
    counter("plotwarden_memory_compaction_wakes_total", "Times that kcompactd was woken to make large blocks.")
        .drawn(|s, out| one(s, out, |v| v.compact_daemon_wake)),
    counter("plotwarden_memory_compaction_scanned_bytes_total", "Memory that compaction looked at, to move or to fill.")
        .by(&["kind"])
        .drawn(|s, out| {
            each(s, out, |v| [("used", pages(v.compact_migrate_scanned)), ("free", pages(v.compact_free_scanned))]);
        }),
    counter("plotwarden_huge_page_faults_total", "Faults that could have a transparent huge page, and what they got.")
        .by(&["outcome"])
        .drawn(|s, out| each(s, out, |v| [("huge", v.thp_fault_alloc), ("small", v.thp_fault_fallback)])),
    counter("plotwarden_huge_page_collapses_total", "Attempts of khugepaged to make a huge page of small ones.")
        .by(&["outcome"])
        .drawn(|s, out| {
            each(s, out, |v| [("success", v.thp_collapse_alloc), ("failure", v.thp_collapse_alloc_failed)]);
        }),
    counter("plotwarden_huge_page_splits_total", "Huge pages that were split into small ones.")
        .drawn(|s, out| one(s, out, |v| v.thp_split_page)),
    counter("plotwarden_huge_page_swapouts_total", "Huge pages that were swapped out whole, or split before.")
        .by(&["outcome"])
        .drawn(|s, out| each(s, out, |v| [("whole", v.thp_swpout), ("split", v.thp_swpout_fallback)])),
    counter(
        "plotwarden_numa_allocations_total",
        "Pages given out on all nodes: hit, miss and foreign by the node wished for, local and other by that of the CPU.",
    )
    .by(&["outcome"])
    .drawn(|s, out| {
        each(s, out, |v| {
            [
                ("hit", v.numa_hit),
                ("miss", v.numa_miss),
                ("foreign", v.numa_foreign),
                ("interleaved", v.numa_interleave),
                ("local", v.numa_local),
                ("other", v.numa_other),
            ]
        });
    }),
    counter("plotwarden_numa_hint_faults_total", "Faults by which the kernel learns which node uses a page.")
        .drawn(|s, out| one(s, out, |v| v.numa_hint_faults)),
    counter("plotwarden_numa_hint_faults_local_total", "Those of them whose page was on the right node.")
        .drawn(|s, out| one(s, out, |v| v.numa_hint_faults_local)),
    counter("plotwarden_numa_migrated_bytes_total", "Memory that the kernel moved to the node that uses it.")
        .drawn(|s, out| one(s, out, |v| pages(v.numa_pages_migrated))),
];

const fn counter(name: &'static str, help: &'static str) -> Family {
    Family::counter(name, help).from(SOURCE)
}

fn one<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&VmstatSample) -> T) {
    out.one(s.world.host.vmstat.as_ref().map(pick));
}

fn each<T: Fact, const N: usize>(
    s: &Snapshot,
    out: &mut Samples<'_>,
    pick: fn(&VmstatSample) -> [(&'static str, T); N],
) {
    for (label, fact) in s.world.host.vmstat.iter().flat_map(pick) {
        out.add([label.into()], fact);
    }
}

fn by(
    kswapd: Option<u64>,
    direct: Option<u64>,
    khugepaged: Option<u64>,
    proactive: Option<u64>,
) -> [(&'static str, Option<Bytes>); 4] {
    [("kswapd", kswapd), ("direct", direct), ("khugepaged", khugepaged), ("proactive", proactive)]
        .map(|(who, count)| (who, pages(count)))
}

fn pages(count: Option<u64>) -> Option<Bytes> {
    count.map(clock::pages)
}

fn kibibytes(count: Option<u64>) -> Option<Bytes> {
    count.map(|count| Bytes(count.saturating_mul(1024)))
}
