//! `/proc/meminfo`, and the same for each NUMA node.

use memchr::memchr;

use super::fields::sample_of_lines;
use crate::kernel::text;
use crate::units::Bytes;

sample_of_lines! {
    /// `/proc/meminfo` (`Documentation/filesystems/proc.rst`), the fields that plotting depends on. Of a node, those that
    /// `nodeN/meminfo` has.
    MemorySample of Bytes {
        total = b"MemTotal:",
        free = b"MemFree:",
        available = b"MemAvailable:",
        buffers = b"Buffers:",
        cached = b"Cached:",
        /// Page cache of a node, with buffers and cached swap.
        file_pages = b"FilePages:",
        swap_cached = b"SwapCached:",
        active_anonymous = b"Active(anon):",
        inactive_anonymous = b"Inactive(anon):",
        active_file = b"Active(file):",
        inactive_file = b"Inactive(file):",
        unevictable = b"Unevictable:",
        locked = b"Mlocked:",
        swap_total = b"SwapTotal:",
        swap_free = b"SwapFree:",
        /// What compressed swap takes.
        zswap = b"Zswap:",
        /// What it would take otherwise.
        zswapped = b"Zswapped:",
        dirty = b"Dirty:",
        writeback = b"Writeback:",
        /// Of FUSE file systems, such as a pool of disks.
        writeback_temporary = b"WritebackTmp:",
        anonymous = b"AnonPages:",
        mapped = b"Mapped:",
        shmem = b"Shmem:",
        slab_reclaimable = b"SReclaimable:",
        slab_unreclaimable = b"SUnreclaim:",
        kernel_stack = b"KernelStack:",
        page_tables = b"PageTables:",
        per_cpu = b"Percpu:",
        vmalloc_used = b"VmallocUsed:",
        commit_limit = b"CommitLimit:",
        committed = b"Committed_AS:",
        /// Taken out of use because it is broken.
        corrupted = b"HardwareCorrupted:",
        anonymous_huge = b"AnonHugePages:",
        shmem_huge = b"ShmemHugePages:",
        file_huge = b"FileHugePages:",
        /// All huge pages of all pools, whether in use or not.
        hugetlb = b"Hugetlb:",
        cma_total = b"CmaTotal:",
        cma_free = b"CmaFree:",
    }
}

impl MemorySample {
    /// A line is a key and a number in kB; in the file of a node it begins with `Node 0`.
    pub(crate) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut sample = Self::default();
        for line in text::lines(bytes) {
            let line = if line.starts_with(b"Node ") { behind_node(line) } else { line };
            let Some(colon) = memchr(b':', line) else { continue };
            let (key, rest) = line.split_at(colon + 1);
            let Some(field) = sample.field(key) else { continue };
            let mut fields = text::fields(rest);
            let Some(value) = fields.decimal() else { continue };
            // A line that is cut behind the number may have lost digits.
            *field = (fields.next() == Some(b"kB")).then(|| value.checked_mul(1024)).flatten().map(Bytes);
        }
        if sample == Self::default() { Err("none of the documented lines".to_owned()) } else { Ok(sample) }
    }
}

/// What follows `Node 0 `.
fn behind_node(line: &[u8]) -> &[u8] {
    line.splitn(3, |byte| *byte == b' ').nth(2).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kibibytes_become_bytes_and_missing_lines_none() {
        let text = b"MemTotal:  2 kB\nSwapFree:  0 kB\nHugePages_Total:       0\nCachedX: 7 kB\nActive(file): 3 kB\n";
        let sample = MemorySample::parse(text).unwrap();
        assert_eq!((sample.total, sample.swap_free), (Some(Bytes(2048)), Some(Bytes(0))));
        assert_eq!((sample.cached, sample.available), (None, None));
        assert_eq!((sample.active_file, sample.inactive_file), (Some(Bytes(3072)), None));
    }

    #[test]
    fn the_lines_of_a_node_begin_with_its_number() {
        let text =
            b"Node 1 MemTotal:       4 kB\nNode 1 FilePages:  1 kB\nNode 1 HugePages_Total:     0\nNode\nNode 1\n";
        let sample = MemorySample::parse(text).unwrap();
        assert_eq!((sample.total, sample.file_pages), (Some(Bytes(4096)), Some(Bytes(1024))));
    }

    #[test]
    fn cut_and_hostile_values_are_none_not_smaller() {
        let sample = MemorySample::parse(b"MemFree: 5 kB\nMemTotal: 18446744073709551615 kB\nDirty: 12").unwrap();
        assert_eq!((sample.total, sample.dirty), (None, None));
        assert!(MemorySample::parse(b"").is_err() && MemorySample::parse(b"\xff\xfe\n").is_err());
    }
}
