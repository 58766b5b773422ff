//! CPU time of the machine, from `/proc/stat`.

use std::time::Duration;

use crate::kernel::clock::ticks;
use crate::kernel::text;

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
}

impl CpuSample {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut sample = Self::default();
        for line in text::lines(bytes) {
            let mut fields = text::fields(line);
            match fields.next() {
                Some(b"ctxt") => sample.context_switches = number(fields),
                // The sum; one number for each interrupt follows.
                Some(b"intr") => sample.interrupts = number(fields),
                Some(b"processes") => sample.forks = number(fields),
                Some(b"procs_running") => sample.running = number(fields),
                Some(b"procs_blocked") => sample.blocked = number(fields),
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
    fn parse<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Option<Self> {
        let mut next = || fields.next().and_then(text::decimal).map(ticks);
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

fn number<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Option<u64> {
    fields.next().and_then(text::decimal)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "cpu  300 0 0 0 0 0 0 0 0 0\ncpu0 100 1 2 3 4 5 6 7 8 9\ncpu2 200 0 0 0 0 0 0 0 0 0\n\
                        intr 33 1 2 3\nctxt 44\nbtime 1\nprocesses 55\nprocs_running 2\nprocs_blocked 1\n";

    #[test]
    fn each_cpu_has_its_own_number_and_times() {
        let sample = CpuSample::parse(TEXT.as_bytes()).unwrap();
        assert_eq!(sample.cpus.iter().map(|(cpu, _)| *cpu).collect::<Vec<_>>(), [0, 2]);
        assert_eq!((sample.cpus[0].1.user, sample.cpus[0].1.steal), (ticks(100), ticks(7)));
        assert_eq!((sample.interrupts, sample.context_switches, sample.forks), (Some(33), Some(44), Some(55)));
        assert_eq!((sample.running, sample.blocked), (Some(2), Some(1)));
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
