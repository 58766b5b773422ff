//! How long threads ran on each CPU, and how long they waited for it, from `/proc/schedstat`, which kernels with
//! `CONFIG_SCHEDSTATS` have.
//!
//! Source: `Documentation/scheduler/sched-stats.rst`, versions 15 to 17, whose lines of CPUs are alike.

use std::time::Duration;

use crate::kernel::text;

const VERSIONS: std::ops::RangeInclusive<u64> = 15..=17;

/// Of one CPU, since boot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RunQueue {
    pub cpu: u32,
    pub running: Duration,
    /// The waiting of all threads, which may pass the time that went by.
    pub waiting: Duration,
    pub timeslices: u64,
}

impl RunQueue {
    pub(super) fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, String> {
        let version = text::lines(bytes).find_map(|line| text::decimal(line.strip_prefix(b"version ")?));
        match version {
            Some(version) if VERSIONS.contains(&version) => {}
            Some(version) => return Err(format!("version {version} is not known")),
            None => return Err("no line `version`".to_owned()),
        }
        let lines = text::lines(bytes).filter(|line| line.starts_with(b"cpu"));
        lines
            .map(|line| Self::parse(line).ok_or_else(|| format!("`{}` is not as documented", text::lossy(line))))
            .collect()
    }

    /// Seven counters of the scheduler, of which the last is time running; time waiting, timeslices.
    fn parse(line: &[u8]) -> Option<Self> {
        let mut fields = text::fields(line);
        let cpu = text::decimal(fields.next()?.strip_prefix(b"cpu")?)?;
        let mut counters = fields.skip(6).map(text::decimal);
        let (running, waiting, timeslices) = (counters.next()??, counters.next()??, counters.next()??);
        Some(Self {
            cpu: u32::try_from(cpu).ok()?,
            running: Duration::from_nanos(running),
            waiting: Duration::from_nanos(waiting),
            timeslices,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_running_and_waiting_is_told_by_cpu() {
        let text = "version 17\ntimestamp 4295\ncpu0 0 0 9 3 5 2 7000000000 250000000 40\ndomain0 MC ff 1 2\n\
                    cpu12 0 0 9 3 5 2 1 2 3\n";
        let queues = RunQueue::parse_all(text.as_bytes()).unwrap();
        let first =
            RunQueue { cpu: 0, running: Duration::from_secs(7), waiting: Duration::from_millis(250), timeslices: 40 };
        assert_eq!((queues[0], queues[1].cpu, queues[1].timeslices), (first, 12, 3));
    }

    #[test]
    fn other_versions_and_lines_that_are_cut_are_refused() {
        for bad in [
            "",
            "version 14\ncpu0 0 0 9 3 5 2 1 2 3\n",
            "version 18\ncpu0 0 0 9 3 5 2 1 2 3\n",
            "cpu0 0 0 9 3 5 2 1 2 3\n",
            "version 15\ncpu0 0 0 9 3 5 2 1 2\n",
            "version 15\ncpux 0 0 9 3 5 2 1 2 3\n",
            "version 15\ncpu0 0 0 9 3 5 2 -1 2 3\n",
        ] {
            assert!(RunQueue::parse_all(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
