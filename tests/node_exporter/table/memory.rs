//! Memory, swap, what the kernel does to reclaim it, nodes, and errors.

use super::BUSY;
use crate::row::{Row, counter, gauge, same};

/// A build beside the test moves some of these by tens of megabytes in a second.
const SOME: f64 = 64.0 * 1024.0 * 1024.0;
const NODE: &[(&str, &str)] = &[("node", "node")];

pub fn rows() -> Vec<Row> {
    let size = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap();
    let page = f64::from(u32::try_from(size).unwrap());
    [LEVELS, VMSTAT, NODES, ERRORS, &in_pages(page)].concat()
}

fn in_pages(page: f64) -> [Row; 2] {
    [
        counter("node_vmstat_pswpin", "plotwarden_swap_read_bytes_total").times(page),
        counter("node_vmstat_pswpout", "plotwarden_swap_written_bytes_total").times(page),
    ]
}

const fn level(theirs: &'static str, ours: &'static str) -> Row {
    gauge(theirs, ours, BUSY).give_or_take(SOME)
}

const LEVELS: &[Row] = &[
    same("node_memory_MemTotal_bytes", "plotwarden_memory_total_bytes"),
    level("node_memory_MemFree_bytes", "plotwarden_memory_free_bytes"),
    level("node_memory_MemAvailable_bytes", "plotwarden_memory_available_bytes"),
    level("node_memory_Buffers_bytes", "plotwarden_memory_buffers_bytes"),
    level("node_memory_Cached_bytes", "plotwarden_memory_cached_bytes"),
    level("node_memory_Shmem_bytes", "plotwarden_memory_shmem_bytes"),
    level("node_memory_Dirty_bytes", "plotwarden_memory_dirty_bytes"),
    level("node_memory_Writeback_bytes", "plotwarden_memory_writeback_bytes"),
    level("node_memory_WritebackTmp_bytes", "plotwarden_memory_writeback_temporary_bytes"),
    level("node_memory_AnonPages_bytes", "plotwarden_memory_anonymous_bytes"),
    level("node_memory_Mapped_bytes", "plotwarden_memory_mapped_bytes"),
    level("node_memory_Active_anon_bytes", "plotwarden_memory_active_anonymous_bytes"),
    level("node_memory_Inactive_anon_bytes", "plotwarden_memory_inactive_anonymous_bytes"),
    level("node_memory_Active_file_bytes", "plotwarden_memory_active_file_bytes"),
    level("node_memory_Inactive_file_bytes", "plotwarden_memory_inactive_file_bytes"),
    level("node_memory_Unevictable_bytes", "plotwarden_memory_unevictable_bytes"),
    level("node_memory_Mlocked_bytes", "plotwarden_memory_locked_bytes"),
    level("node_memory_SReclaimable_bytes", "plotwarden_memory_slab_reclaimable_bytes"),
    level("node_memory_SUnreclaim_bytes", "plotwarden_memory_slab_unreclaimable_bytes"),
    level("node_memory_KernelStack_bytes", "plotwarden_memory_kernel_stack_bytes"),
    level("node_memory_PageTables_bytes", "plotwarden_memory_page_tables_bytes"),
    level("node_memory_Percpu_bytes", "plotwarden_memory_per_cpu_bytes"),
    level("node_memory_VmallocUsed_bytes", "plotwarden_memory_vmalloc_used_bytes"),
    level("node_memory_CommitLimit_bytes", "plotwarden_memory_commit_limit_bytes"),
    level("node_memory_Committed_AS_bytes", "plotwarden_memory_committed_bytes"),
    same("node_memory_HardwareCorrupted_bytes", "plotwarden_memory_corrupted_bytes"),
    level("node_memory_AnonHugePages_bytes", "plotwarden_memory_anonymous_huge_bytes"),
    level("node_memory_ShmemHugePages_bytes", "plotwarden_memory_shmem_huge_bytes"),
    level("node_memory_FileHugePages_bytes", "plotwarden_memory_file_huge_bytes"),
    same("node_memory_Hugetlb_bytes", "plotwarden_memory_hugetlb_bytes"),
    same("node_memory_CmaTotal_bytes", "plotwarden_memory_cma_total_bytes"),
    level("node_memory_CmaFree_bytes", "plotwarden_memory_cma_free_bytes"),
    same("node_memory_SwapTotal_bytes", "plotwarden_swap_total_bytes"),
    level("node_memory_SwapFree_bytes", "plotwarden_swap_free_bytes"),
    level("node_memory_SwapCached_bytes", "plotwarden_swap_cached_bytes"),
    level("node_memory_Zswap_bytes", "plotwarden_zswap_pool_bytes"),
    level("node_memory_Zswapped_bytes", "plotwarden_zswap_stored_bytes"),
];

const VMSTAT: &[Row] = &[
    // The kernel counts these in KiB, whatever its pages are.
    counter("node_vmstat_pgpgin", "plotwarden_memory_paged_in_bytes_total").times(1024.0),
    counter("node_vmstat_pgpgout", "plotwarden_memory_paged_out_bytes_total").times(1024.0),
    counter("node_vmstat_pgfault", "plotwarden_memory_page_faults_total"),
    counter("node_vmstat_pgmajfault", "plotwarden_memory_major_page_faults_total"),
    counter("node_vmstat_oom_kill", "plotwarden_oom_kills_total"),
];

const NODES: &[Row] = &[
    same("node_memory_numa_MemTotal", "plotwarden_memory_node_total_bytes").by(NODE),
    on_node("node_memory_numa_MemFree", "plotwarden_memory_node_free_bytes"),
    on_node("node_memory_numa_FilePages", "plotwarden_memory_node_file_pages_bytes"),
    on_node("node_memory_numa_Inactive_file", "plotwarden_memory_node_inactive_file_bytes"),
    on_node("node_memory_numa_AnonPages", "plotwarden_memory_node_anonymous_bytes"),
    on_node("node_memory_numa_Shmem", "plotwarden_memory_node_shmem_bytes"),
    on_node("node_memory_numa_Dirty", "plotwarden_memory_node_dirty_bytes"),
    on_node("node_memory_numa_Writeback", "plotwarden_memory_node_writeback_bytes"),
    on_node("node_memory_numa_Unevictable", "plotwarden_memory_node_unevictable_bytes"),
    on_node("node_memory_numa_SReclaimable", "plotwarden_memory_node_slab_reclaimable_bytes"),
    on_node("node_memory_numa_SUnreclaim", "plotwarden_memory_node_slab_unreclaimable_bytes"),
    on_node("node_memory_numa_PageTables", "plotwarden_memory_node_page_tables_bytes"),
    allocations("node_memory_numa_numa_hit_total").with(&[("outcome", "hit")]),
    allocations("node_memory_numa_numa_miss_total").with(&[("outcome", "miss")]),
    allocations("node_memory_numa_numa_foreign_total").with(&[("outcome", "foreign")]),
    allocations("node_memory_numa_local_node_total").with(&[("outcome", "local")]),
    allocations("node_memory_numa_other_node_total").with(&[("outcome", "other")]),
    // Blocks are split and joined all the time.
    gauge("node_buddyinfo_blocks", "plotwarden_memory_free_blocks", 0.5)
        .by(&[("node", "node"), ("zone", "zone"), ("size", "order")])
        .give_or_take(20_000.0)
        .paced(),
];

const fn on_node(theirs: &'static str, ours: &'static str) -> Row {
    level(theirs, ours).by(NODE).paced()
}

const fn allocations(theirs: &'static str) -> Row {
    counter(theirs, "plotwarden_memory_node_allocations_total").by(NODE).paced()
}

/// Controllers have other names there.
const ERRORS: &[Row] = &[
    errors("node_edac_correctable_errors_total").with(&[("kind", "corrected")]),
    errors("node_edac_uncorrectable_errors_total").with(&[("kind", "uncorrected")]),
];

const fn errors(theirs: &'static str) -> Row {
    counter(theirs, "plotwarden_memory_errors_total").one_of_several().paced()
}
