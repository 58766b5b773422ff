//! `/proc/vmstat`: what the kernel had to do to find memory, and where it found it.

use super::fields::sample_of_lines;
use crate::kernel::text;

sample_of_lines! {
    /// `/proc/vmstat`, the counters that tell how memory fares; each with the kernel's name and in its unit, pages if nothing
    /// else is said. Counters, but for the two thresholds.
    VmstatSample of u64 {
        /// KiB read from block devices.
        pgpgin = b"pgpgin",
        /// KiB written to block devices.
        pgpgout = b"pgpgout",
        pswpin = b"pswpin",
        pswpout = b"pswpout",
        zswpin = b"zswpin",
        zswpout = b"zswpout",
        /// Written from the compressed pool to the swap device.
        zswpwb = b"zswpwb",
        /// Faults, major ones included.
        pgfault = b"pgfault",
        /// Faults that had to wait for a disk.
        pgmajfault = b"pgmajfault",
        pgscan_kswapd = b"pgscan_kswapd",
        pgscan_direct = b"pgscan_direct",
        /// Since Linux 6.3.
        pgscan_khugepaged = b"pgscan_khugepaged",
        /// Since Linux 6.14.
        pgscan_proactive = b"pgscan_proactive",
        pgsteal_kswapd = b"pgsteal_kswapd",
        pgsteal_direct = b"pgsteal_direct",
        pgsteal_khugepaged = b"pgsteal_khugepaged",
        pgsteal_proactive = b"pgsteal_proactive",
        /// Times that a task had to wait because reclaim could not follow.
        pgscan_direct_throttle = b"pgscan_direct_throttle",
        /// Allocations that had to reclaim memory themselves, in all zones.
        allocstall = b"allocstall",
        workingset_refault_anon = b"workingset_refault_anon",
        workingset_refault_file = b"workingset_refault_file",
        /// Times the kernel killed a process for want of memory.
        oom_kill = b"oom_kill",
        nr_dirtied = b"nr_dirtied",
        nr_written = b"nr_written",
        nr_dirty_threshold = b"nr_dirty_threshold",
        nr_dirty_background_threshold = b"nr_dirty_background_threshold",
        /// Allocations that had to make a large block themselves.
        compact_stall = b"compact_stall",
        compact_success = b"compact_success",
        compact_fail = b"compact_fail",
        compact_daemon_wake = b"compact_daemon_wake",
        compact_migrate_scanned = b"compact_migrate_scanned",
        compact_free_scanned = b"compact_free_scanned",
        /// Huge pages given at a fault.
        thp_fault_alloc = b"thp_fault_alloc",
        /// Small pages given in place of one.
        thp_fault_fallback = b"thp_fault_fallback",
        /// Huge pages made of small ones later.
        thp_collapse_alloc = b"thp_collapse_alloc",
        thp_collapse_alloc_failed = b"thp_collapse_alloc_failed",
        thp_split_page = b"thp_split_page",
        /// Huge pages swapped out whole.
        thp_swpout = b"thp_swpout",
        /// Huge pages split for it.
        thp_swpout_fallback = b"thp_swpout_fallback",
        numa_hit = b"numa_hit",
        numa_miss = b"numa_miss",
        numa_foreign = b"numa_foreign",
        numa_interleave = b"numa_interleave",
        numa_local = b"numa_local",
        numa_other = b"numa_other",
        /// Faults by which the kernel learns which node uses a page.
        numa_hint_faults = b"numa_hint_faults",
        numa_hint_faults_local = b"numa_hint_faults_local",
        numa_pages_migrated = b"numa_pages_migrated",
    }
}

/// Reads the file again and again. Two of three of its lines are of no interest, and which ones stays the same until the machine
/// starts anew: after the first time they are passed over, which takes a tenth off a tick (measured).
#[derive(Debug, Default)]
pub(super) struct VmstatReader {
    /// Of each line, whether it is of interest.
    told: Vec<bool>,
}

impl VmstatReader {
    pub fn parse(&mut self, bytes: &[u8]) -> Result<VmstatSample, String> {
        let nothing = VmstatSample::default();
        let sample = self.told(bytes).filter(|sample| *sample != nothing).unwrap_or_else(|| self.all(bytes));
        if sample == nothing { Err("none of the documented lines".to_owned()) } else { Ok(sample) }
    }

    /// `None` if the lines are not those of the last time.
    fn told(&self, bytes: &[u8]) -> Option<VmstatSample> {
        let (mut sample, mut told) = (VmstatSample::default(), self.told.iter());
        for line in text::lines(bytes) {
            if *told.next()? && !sample.take(line) {
                return None;
            }
        }
        told.next().is_none().then_some(sample)
    }

    fn all(&mut self, bytes: &[u8]) -> VmstatSample {
        let mut sample = VmstatSample::default();
        self.told = text::lines(bytes).map(|line| sample.take(line)).collect();
        sample
    }
}

impl VmstatSample {
    /// Whether the line is of interest.
    fn take(&mut self, line: &[u8]) -> bool {
        let Some((key, value)) = line.iter().position(|byte| *byte == b' ').map(|end| line.split_at(end)) else {
            return false;
        };
        let value = || text::decimal(&value[1..]);
        if let Some(field) = self.field(key) {
            *field = value().or(*field);
        } else if key.starts_with(b"allocstall_") {
            // One for each zone, since Linux 4.10.
            let before = self.allocstall;
            self.allocstall = value().map(|stalls| before.unwrap_or(0).saturating_add(stalls)).or(before);
        } else if key == b"workingset_refault" {
            // Before Linux 5.9 only files were followed.
            self.workingset_refault_file = value().or(self.workingset_refault_file);
        } else {
            return false;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(bytes: &[u8]) -> Result<VmstatSample, String> {
        VmstatReader::default().parse(bytes)
    }

    #[test]
    fn whatever_was_read_before_a_file_tells_the_same() {
        let texts: [&[u8]; 7] = [
            b"nr_free_pages 7\npgfault 12\nnr_zone 1\noom_kill 0\n",
            b"nr_free_pages 8\npgfault 13\nnr_zone 2\noom_kill 1\n",
            b"pgfault 13\nnr_free_pages 8\nnr_zone 2\noom_kill 1\n",
            b"nr_free_pages 8\npgfault 13\nnr_zone 2\noom_kill 1\npgpgin 5\n",
            b"pgpgin 5\n",
            b"nr_free_pages 8\n",
            b"",
        ];
        for (before, text) in texts.iter().flat_map(|before| texts.iter().map(move |text| (before, text))) {
            let mut reader = VmstatReader::default();
            let _ = reader.parse(before);
            assert_eq!(reader.parse(text), parse(text), "{}", String::from_utf8_lossy(text));
        }
    }

    #[test]
    fn counters_have_their_own_names_and_missing_ones_are_none() {
        let sample = parse(b"pgfault 12\noom_kill 0\nnr_free_pages 7\npgfaultx 9\n").unwrap();
        assert_eq!((sample.pgfault, sample.oom_kill, sample.pgscan_khugepaged), (Some(12), Some(0), None));
    }

    #[test]
    fn stalls_of_all_zones_are_one_number() {
        let sample = parse(b"allocstall_dma 1\nallocstall_normal 20\nallocstall_movable 300\n").unwrap();
        assert_eq!(sample.allocstall, Some(321));
        assert_eq!(parse(b"allocstall 5\n").unwrap().allocstall, Some(5));
    }

    #[test]
    fn an_old_kernel_follows_refaults_of_files_only() {
        let sample = parse(b"workingset_refault 9\n").unwrap();
        assert_eq!((sample.workingset_refault_file, sample.workingset_refault_anon), (Some(9), None));
    }

    #[test]
    fn cut_and_hostile_lines_are_none() {
        let text = b"pgfault 18446744073709551616\npgpgin\noom_kill -1\npswpin 1 2\npswpout 3\n\xff\xff 1\nallocstall_a 18446744073709551615\nallocstall_b 9\n";
        let sample = parse(text).unwrap();
        assert_eq!((sample.pgfault, sample.pgpgin, sample.oom_kill, sample.pswpin), (None, None, None, None));
        assert_eq!((sample.pswpout, sample.allocstall), (Some(3), Some(u64::MAX)));
        assert!(parse(b"").is_err() && parse(&[0xff; 4096]).is_err());
    }
}
