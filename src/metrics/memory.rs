//! Memory and swap of the machine, with the meanings of `Documentation/filesystems/proc.rst`.

pub(super) mod errors;
pub(super) mod module;
pub(super) mod node;
pub(super) mod pool;
pub(super) mod reclaim;
pub(super) mod swap;

use crate::sample::MemorySample;
use crate::units::Bytes;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;

pub(super) const FAMILIES: &[Family] = &[
    meminfo("plotwarden_memory_total_bytes", "Memory that the kernel manages.", "/proc/meminfo MemTotal")
        .drawn(|s, out| memory(s, out, |memory| memory.total)),
    meminfo("plotwarden_memory_free_bytes", "Memory that nobody uses.", "/proc/meminfo MemFree")
        .drawn(|s, out| memory(s, out, |memory| memory.free)),
    meminfo(
        "plotwarden_memory_available_bytes",
        "Memory that a new program could get without swapping.",
        "/proc/meminfo MemAvailable",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.available)),
    meminfo("plotwarden_memory_buffers_bytes", "Page cache of block devices.", "/proc/meminfo Buffers")
        .drawn(|s, out| memory(s, out, |memory| memory.buffers)),
    meminfo(
        "plotwarden_memory_cached_bytes",
        "Page cache of files, shared memory and tmpfs included.",
        "/proc/meminfo Cached",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.cached)),
    meminfo(
        "plotwarden_memory_shmem_bytes",
        "Shared memory and tmpfs: a RAM disk for temp files counts here.",
        "/proc/meminfo Shmem",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.shmem)),
    meminfo("plotwarden_memory_dirty_bytes", "Page cache that waits to be written to a disk.", "/proc/meminfo Dirty")
        .drawn(|s, out| memory(s, out, |memory| memory.dirty)),
    meminfo(
        "plotwarden_memory_writeback_bytes",
        "Page cache that is being written to a disk.",
        "/proc/meminfo Writeback",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.writeback)),
    meminfo(
        "plotwarden_memory_writeback_temporary_bytes",
        "The same in the buffers of FUSE file systems.",
        "/proc/meminfo WritebackTmp",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.writeback_temporary)),
    meminfo("plotwarden_memory_anonymous_bytes", "Memory of programs that no file backs.", "/proc/meminfo AnonPages")
        .drawn(|s, out| memory(s, out, |memory| memory.anonymous)),
    meminfo("plotwarden_memory_mapped_bytes", "Files that programs have mapped.", "/proc/meminfo Mapped")
        .drawn(|s, out| memory(s, out, |memory| memory.mapped)),
    meminfo(
        "plotwarden_memory_active_anonymous_bytes",
        "Memory of programs, in use lately; to be kept.",
        "/proc/meminfo Active(anon)",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.active_anonymous)),
    meminfo(
        "plotwarden_memory_inactive_anonymous_bytes",
        "Memory of programs, not in use lately; the next to be swapped.",
        "/proc/meminfo Inactive(anon)",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.inactive_anonymous)),
    meminfo(
        "plotwarden_memory_active_file_bytes",
        "Page cache in use lately; to be kept.",
        "/proc/meminfo Active(file)",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.active_file)),
    meminfo(
        "plotwarden_memory_inactive_file_bytes",
        "Page cache not in use lately; the next to be dropped.",
        "/proc/meminfo Inactive(file)",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.inactive_file)),
    meminfo(
        "plotwarden_memory_unevictable_bytes",
        "Memory that cannot be reclaimed: locked, or in a RAM file system.",
        "/proc/meminfo Unevictable",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.unevictable)),
    meminfo("plotwarden_memory_locked_bytes", "Memory that programs have locked with mlock.", "/proc/meminfo Mlocked")
        .drawn(|s, out| memory(s, out, |memory| memory.locked)),
    meminfo(
        "plotwarden_memory_slab_reclaimable_bytes",
        "Kernel objects that can be dropped, such as inodes and names of files.",
        "/proc/meminfo SReclaimable",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.slab_reclaimable)),
    meminfo(
        "plotwarden_memory_slab_unreclaimable_bytes",
        "Kernel objects that cannot be dropped.",
        "/proc/meminfo SUnreclaim",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.slab_unreclaimable)),
    meminfo("plotwarden_memory_kernel_stack_bytes", "Kernel stacks of all tasks.", "/proc/meminfo KernelStack")
        .drawn(|s, out| memory(s, out, |memory| memory.kernel_stack)),
    meminfo("plotwarden_memory_page_tables_bytes", "Page tables; huge pages save them.", "/proc/meminfo PageTables")
        .drawn(|s, out| memory(s, out, |memory| memory.page_tables)),
    meminfo("plotwarden_memory_per_cpu_bytes", "Memory that the kernel has for each CPU.", "/proc/meminfo Percpu")
        .drawn(|s, out| memory(s, out, |memory| memory.per_cpu)),
    meminfo(
        "plotwarden_memory_vmalloc_used_bytes",
        "Memory that the kernel has mapped for itself.",
        "/proc/meminfo VmallocUsed",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.vmalloc_used)),
    meminfo(
        "plotwarden_memory_commit_limit_bytes",
        "What may be promised to programs if overcommit is forbidden.",
        "/proc/meminfo CommitLimit",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.commit_limit)),
    meminfo(
        "plotwarden_memory_committed_bytes",
        "What has been promised to programs, used or not.",
        "/proc/meminfo Committed_AS",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.committed)),
    meminfo(
        "plotwarden_memory_corrupted_bytes",
        "Memory that the kernel has taken out of use because it is broken.",
        "/proc/meminfo HardwareCorrupted",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.corrupted)),
    meminfo(
        "plotwarden_memory_anonymous_huge_bytes",
        "Memory of programs in transparent huge pages.",
        "/proc/meminfo AnonHugePages",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.anonymous_huge)),
    meminfo(
        "plotwarden_memory_shmem_huge_bytes",
        "Shared memory and tmpfs in huge pages.",
        "/proc/meminfo ShmemHugePages",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.shmem_huge)),
    meminfo("plotwarden_memory_file_huge_bytes", "Page cache in huge pages.", "/proc/meminfo FileHugePages")
        .drawn(|s, out| memory(s, out, |memory| memory.file_huge)),
    meminfo(
        "plotwarden_memory_hugetlb_bytes",
        "Memory in pools of huge pages, whether in use or not.",
        "/proc/meminfo Hugetlb",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.hugetlb)),
    meminfo(
        "plotwarden_memory_cma_total_bytes",
        "Memory set aside for devices that need it in one piece.",
        "/proc/meminfo CmaTotal",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.cma_total)),
    meminfo("plotwarden_memory_cma_free_bytes", "What is free of it.", "/proc/meminfo CmaFree")
        .drawn(|s, out| memory(s, out, |memory| memory.cma_free)),
    meminfo("plotwarden_swap_total_bytes", "Swap space.", "/proc/meminfo SwapTotal")
        .drawn(|s, out| memory(s, out, |memory| memory.swap_total)),
    meminfo("plotwarden_swap_free_bytes", "Swap space that is free.", "/proc/meminfo SwapFree")
        .drawn(|s, out| memory(s, out, |memory| memory.swap_free)),
    meminfo(
        "plotwarden_swap_cached_bytes",
        "Swapped memory that is in memory too, and can be dropped without a write.",
        "/proc/meminfo SwapCached",
    )
    .drawn(|s, out| memory(s, out, |memory| memory.swap_cached)),
    meminfo("plotwarden_zswap_pool_bytes", "Memory that compressed swap takes.", "/proc/meminfo Zswap")
        .drawn(|s, out| memory(s, out, |memory| memory.zswap)),
    meminfo("plotwarden_zswap_stored_bytes", "What is in there, as long as it was.", "/proc/meminfo Zswapped")
        .drawn(|s, out| memory(s, out, |memory| memory.zswapped)),
];

const fn meminfo(name: &'static str, help: &'static str, source: &'static str) -> Family {
    Family::gauge(name, help).from(source)
}

fn memory(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&MemorySample) -> Option<Bytes>) {
    out.one(s.world.host.memory.as_ref().map(pick));
}
