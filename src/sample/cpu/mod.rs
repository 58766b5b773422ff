//! CPU time of the machine, from `/proc/stat`; beside it what is read more seldom: frequencies, throttling, run queues.
//!
//! Source: `Documentation/filesystems/proc.rst`, "Miscellaneous kernel statistics in /proc/stat".

mod frequency;
mod pace;
mod run_queue;
mod throttle;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::kernel::clock::ticks;
use crate::kernel::text;

pub use frequency::CpuFrequency;
pub use pace::CpuPaceSample;
pub(super) use pace::CpuPaceSampler;
pub use run_queue::RunQueue;
pub use throttle::Throttles;

/// CPU time since boot by mode, as `/proc/stat` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CpuTimes {
    pub user: Duration,
    pub nice: Duration,
    pub system: Duration,
    pub idle: Duration,
    pub iowait: Duration,
    pub irq: Duration,
    pub softirq: Duration,
    pub steal: Duration,
}

/// `/proc/stat`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CpuSample {
    /// By CPU number; offline CPUs are absent.
    pub cpus: Vec<(u32, CpuTimes)>,
    pub context_switches: Option<u64>,
    pub interrupts: Option<u64>,
    pub forks: Option<u64>,
    pub running: Option<u64>,
    pub blocked: Option<u64>,
    /// In the order of [`SOFTIRQS`].
    pub softirqs: Option<[u64; SOFTIRQS.len()]>,
    pub booted_at: Option<SystemTime>,
}

/// The kinds of soft interrupts, in the kernel's order (`include/linux/interrupt.h`).
pub const SOFTIRQS: [&str; 10] =
    ["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"];

impl CpuSample {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut sample = Self::default();
        for line in text::lines(bytes) {
            let mut fields = text::fields(line);
            match fields.next() {
                Some(b"ctxt") => sample.context_switches = fields.decimal(),
                // The sum; one number for each interrupt follows.
                Some(b"intr") => sample.interrupts = fields.decimal(),
                Some(b"processes") => sample.forks = fields.decimal(),
                Some(b"procs_running") => sample.running = fields.decimal(),
                Some(b"procs_blocked") => sample.blocked = fields.decimal(),
                Some(b"softirq") => sample.softirqs = by_kind(fields),
                Some(b"btime") => sample.booted_at = fields.decimal().and_then(since_1970),
                // The line `cpu` without a number is the sum of the others.
                Some(key) => {
                    let cpu = key.strip_prefix(b"cpu").and_then(text::decimal).and_then(|cpu| u32::try_from(cpu).ok());
                    if let Some(cpu) = cpu {
                        let times =
                            CpuTimes::parse(fields).ok_or_else(|| format!("the line of CPU {cpu} is cut off"))?;
                        sample.cpus.push((cpu, times));
                    }
                }
                None => {}
            }
        }
        if sample.cpus.is_empty() { Err("no line of any CPU".to_owned()) } else { Ok(sample) }
    }
}

impl CpuTimes {
    fn parse(mut fields: text::Fields<'_>) -> Option<Self> {
        let mut next = || fields.decimal().map(ticks);
        Some(Self {
            user: next()?,
            nice: next()?,
            system: next()?,
            idle: next()?,
            iowait: next()?,
            irq: next()?,
            softirq: next()?,
            steal: next()?,
        })
    }
}

/// The sum, then a number for each kind. Of a kernel with other kinds we would not know which is which.
fn by_kind(mut fields: text::Fields<'_>) -> Option<[u64; SOFTIRQS.len()]> {
    let mut kinds = [0; SOFTIRQS.len()];
    fields.next()?;
    for kind in &mut kinds {
        *kind = fields.decimal()?;
    }
    fields.is_empty().then_some(kinds)
}

fn since_1970(seconds: u64) -> Option<SystemTime> {
    UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cpu  300 0 0 0 0 0 0 0 0 0\ncpu0 100 1 2 3 4 5 6 7 8 9\ncpu2 200 0 0 0 0 0 0 0 0 0\n\
                        intr 33 1 2 3\nctxt 44\nbtime 1\nprocesses 55\nprocs_running 2\nprocs_blocked 1\n\
                        softirq 55 1 2 3 4 5 6 7 8 9 10\n";

    #[test]
    fn each_cpu_has_its_own_number_and_times() {
        let sample = CpuSample::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(sample.cpus.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((sample.cpus[0].1.user, sample.cpus[0].1.steal), (ticks(100), ticks(7)));
        assert_eq!((sample.interrupts, sample.context_switches, sample.forks), (Some(33), Some(44), Some(55)));
        assert_eq!((sample.running, sample.blocked), (Some(2), Some(1)));
        assert_eq!(sample.softirqs, Some([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]));
        assert_eq!(sample.booted_at, Some(UNIX_EPOCH + Duration::from_secs(1)));
    }

    #[test]
    fn soft_interrupts_of_unknown_kinds_are_not_guessed() {
        for bad in ["55 1 2 3 4 5 6 7 8 9", "55 1 2 3 4 5 6 7 8 9 10 11", "", "1 2 3 4 5 6 7 8 9 10 x"] {
            let sample = CpuSample::parse(format!("cpu0 1 1 1 1 1 1 1 1\nsoftirq {bad}\n").as_bytes()).unwrap();
            assert_eq!(sample.softirqs, None, "{bad}");
        }
    }

    #[test]
    fn what_is_missing_is_none_and_what_is_cut_is_refused() {
        let sample = CpuSample::parse(b"cpu0 1 1 1 1 1 1 1 1\nctxt \xff\nintr 99999999999999999999\n").unwrap();
        assert_eq!((sample.context_switches, sample.interrupts, sample.forks), (None, None, None));
        for bad in ["", "cpu 1 2 3 4 5 6 7 8\n", "cpu0 1 2 3\n", "cpu0 1 2 3 4 5 6 7 -8\n"] {
            assert!(CpuSample::parse(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
