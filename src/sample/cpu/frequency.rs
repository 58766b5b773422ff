//! The frequency of each CPU now, and what it is allowed. Big processors have a policy of cpufreq for each CPU: one file of
//! each is kept open, and the limits, which only change when somebody sets them, are read once a minute.
//!
//! Source: `Documentation/admin-guide/pm/cpufreq.rst`; all values are in kHz.

use std::path::PathBuf;
use std::time::Duration;

use crate::clock::Moment;
use crate::kernel::file::{self, KeptFile};
use crate::kernel::{Roots, attribute, text};
use crate::sample::paced::Paced;
use crate::units::{Hertz, float};

const LIMITS_PERIOD: Duration = Duration::from_mins(1);

/// Of one CPU; what its driver does not tell is `None`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct CpuFrequency {
    pub cpu: u32,
    pub current: Option<Hertz>,
    /// Least and greatest that is allowed, as of the last minute.
    pub scaling_min: Option<Hertz>,
    pub scaling_max: Option<Hertz>,
}

/// The open files of all policies.
#[derive(Debug)]
pub(super) struct Frequencies {
    policies: Vec<Policy>,
    limits: Paced<Vec<Limits>>,
}

#[derive(Debug)]
struct Policy {
    directory: PathBuf,
    cpus: Vec<u32>,
    current: KeptFile,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    min: Option<Hertz>,
    max: Option<Hertz>,
}

impl Frequencies {
    /// Looks which policies there are: none on most virtual machines.
    pub(super) fn find(roots: &Roots) -> Self {
        let root = roots.sys("devices/system/cpu/cpufreq");
        let names = attribute::entries(&root).unwrap_or_default();
        let policies = names.iter().filter(|name| name.starts_with("policy"));
        let policies = policies.filter_map(|name| Policy::find(root.join(name))).collect();
        Self { policies, limits: Paced::new(LIMITS_PERIOD) }
    }

    pub(super) fn read(&mut self, now: Moment) -> Vec<CpuFrequency> {
        let Self { policies, limits } = self;
        let limits = limits.get(now, || policies.iter().map(Policy::limits).collect());
        let mut all = Vec::new();
        for (policy, limits) in policies.iter_mut().zip(limits.iter()) {
            let current = policy.current.read(parse).ok();
            let frequency =
                |cpu: &u32| CpuFrequency { cpu: *cpu, current, scaling_min: limits.min, scaling_max: limits.max };
            all.extend(policy.cpus.iter().map(frequency));
        }
        all
    }
}

impl Policy {
    fn find(directory: PathBuf) -> Option<Self> {
        // A policy whose CPUs are all offline has none.
        let cpus = attribute::cpu_words(&directory.join("affected_cpus")).ok().filter(|cpus| !cpus.is_empty())?;
        let current = KeptFile::new(directory.join("scaling_cur_freq"));
        Some(Self { directory, cpus, current })
    }

    fn limits(&self) -> Limits {
        let read = |name: &str| file::read(&self.directory.join(name), parse).ok();
        Limits { min: read("scaling_min_freq"), max: read("scaling_max_freq") }
    }
}

/// Drivers say 0, or `<unknown>`, for what they do not know.
fn parse(bytes: &[u8]) -> Result<Hertz, String> {
    let kilohertz = text::decimal(bytes.trim_ascii()).filter(|kilohertz| *kilohertz > 0);
    kilohertz.map(|kilohertz| Hertz(float(kilohertz) * 1000.0)).ok_or_else(|| "no frequency".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::{Fixture, at};

    fn second(number: u64) -> Moment {
        at(Duration::from_secs(number))
    }

    #[test]
    fn cpus_of_one_policy_run_at_one_frequency() {
        let fixture = Fixture::of_machine("arm-board");
        let mut frequencies = Frequencies::find(&fixture.roots);
        let all = frequencies.read(second(1));
        assert_eq!(all.iter().map(|frequency| frequency.cpu).collect::<Vec<_>>(), [0, 1, 2, 3]);
        let told = (all[3].current, all[3].scaling_min, all[3].scaling_max);
        assert_eq!(told, (Some(Hertz(1.5e9)), Some(Hertz(1.5e9)), Some(Hertz(2.4e9))));
        let policy = "sys/devices/system/cpu/cpufreq/policy0";
        fixture.file(&format!("{policy}/scaling_cur_freq"), "2000000\n");
        fixture.file(&format!("{policy}/scaling_max_freq"), "2000000\n");
        let soon = frequencies.read(second(6))[0];
        assert_eq!((soon.current, soon.scaling_max), (Some(Hertz(2e9)), Some(Hertz(2.4e9))));
        assert_eq!(frequencies.read(second(61))[0].scaling_max, Some(Hertz(2e9)));
    }

    #[test]
    fn what_the_driver_does_not_tell_is_not_known() {
        for bad in ["<unknown>\n", "0\n", "", "\u{fffd}", "18446744073709551616\n"] {
            let fixture = Fixture::of_machine("arm-board");
            fixture.file("sys/devices/system/cpu/cpufreq/policy0/scaling_cur_freq", bad);
            let all = Frequencies::find(&fixture.roots).read(second(1));
            assert_eq!((all[0].current, all[0].scaling_max), (None, Some(Hertz(2.4e9))), "{bad:?}");
        }
        assert_eq!(Frequencies::find(&Fixture::of_machine("container").roots).read(second(1)), []);
    }
}
