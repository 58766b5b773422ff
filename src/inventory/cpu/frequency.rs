//! The frequencies that the CPUs can have, and what governs them.
//!
//! Source: `Documentation/admin-guide/pm/cpufreq.rst`, `intel_pstate.rst` and `amd-pstate.rst` beside it,
//! `Documentation/admin-guide/acpi/cppc_sysfs.rst`. Frequencies in cpufreq are in kHz, those of CPPC in MHz.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{Roots, attribute};
use crate::units::{Hertz, float};

/// CPUs whose frequency is governed alike; the kernel may have a policy of its own for each.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FrequencyPolicy {
    pub cpus: Vec<u32>,
    /// Such as `intel_pstate`, `amd-pstate-epp` or `acpi-cpufreq`.
    pub driver: Option<String>,
    pub governor: Option<String>,
    /// `energy_performance_preference`, of processors that choose their frequency themselves.
    pub energy_preference: Option<String>,
    /// What the processor can do.
    #[serde(rename = "min_hertz")]
    pub min: Option<Hertz>,
    #[serde(rename = "max_hertz")]
    pub max: Option<Hertz>,
    /// What it holds under full load at its design power.
    #[serde(rename = "base_hertz")]
    pub base: Option<Hertz>,
    /// What it is allowed now.
    #[serde(rename = "scaling_min_hertz")]
    pub scaling_min: Option<Hertz>,
    #[serde(rename = "scaling_max_hertz")]
    pub scaling_max: Option<Hertz>,
}

/// What cpufreq says.
#[derive(Debug, Default)]
pub(super) struct Frequencies {
    /// Frequencies above the base are allowed.
    pub boost: Option<bool>,
    pub policies: Vec<FrequencyPolicy>,
    pub current: BTreeMap<u32, Hertz>,
}

pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Frequencies {
    let root = roots.sys("devices/system/cpu");
    let mut found = Frequencies { boost: boost(&root, survey), ..Frequencies::default() };
    let names = attribute::entries(&root.join("cpufreq")).unwrap_or_default();
    for name in names.iter().filter(|name| name.starts_with("policy")) {
        let directory = root.join("cpufreq").join(name);
        let policy = FrequencyPolicy::read(&root, &directory, survey);
        if let Some(current) = survey.fact_if_there(attribute::decimal(&directory.join("scaling_cur_freq"))) {
            found.current.extend(policy.cpus.iter().filter_map(|cpu| Some((*cpu, kilohertz(current)?))));
        }
        found.add(policy);
    }
    found
}

impl Frequencies {
    /// Big processors have a policy for each CPU, all alike.
    fn add(&mut self, policy: FrequencyPolicy) {
        let alike = |known: &&mut FrequencyPolicy| {
            let cpus = policy.cpus.clone();
            FrequencyPolicy { cpus, ..(**known).clone() } == policy
        };
        match self.policies.iter_mut().find(alike) {
            Some(known) => {
                known.cpus.extend(&policy.cpus);
                known.cpus.sort_unstable();
            }
            None => self.policies.push(policy),
        }
    }
}

impl FrequencyPolicy {
    fn read(root: &Path, directory: &Path, survey: &mut Survey) -> Self {
        let cpus = survey.fact(attribute::cpu_words(&directory.join("affected_cpus"))).unwrap_or_default();
        let nominal = cpus.first().map(|cpu| root.join(format!("cpu{cpu}/acpi_cppc/nominal_freq")));
        let mut word = |name: &str| survey.fact_if_there(attribute::text(&directory.join(name)));
        let (driver, governor) = (word("scaling_driver"), word("scaling_governor"));
        let energy_preference = word("energy_performance_preference");
        let mut frequency = |name: &str| {
            let value = survey.fact_if_there(attribute::decimal(&directory.join(name)));
            value.and_then(kilohertz)
        };
        let (min, max) = (frequency("cpuinfo_min_freq"), frequency("cpuinfo_max_freq"));
        let (scaling_min, scaling_max) = (frequency("scaling_min_freq"), frequency("scaling_max_freq"));
        let base = frequency("base_frequency").or_else(|| {
            let megahertz = survey.fact_if_there(attribute::decimal(&nominal?))?;
            kilohertz(megahertz.checked_mul(1000)?)
        });
        Self { cpus, driver, governor, energy_preference, min, max, base, scaling_min, scaling_max }
    }
}

/// Drivers say 0 for what they do not know.
fn kilohertz(value: u64) -> Option<Hertz> {
    (value > 0).then(|| Hertz(float(value) * 1000.0))
}

fn boost(root: &Path, survey: &mut Survey) -> Option<bool> {
    let boost = survey.fact_if_there(attribute::flag(&root.join("cpufreq/boost")));
    boost.or_else(|| survey.fact_if_there(attribute::flag(&root.join("intel_pstate/no_turbo"))).map(|off| !off))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn policy(fixture: &Fixture, number: u32, cpus: &str, files: &[(&str, &str)]) {
        for (name, value) in [("affected_cpus", cpus)].iter().chain(files) {
            let path = format!("sys/devices/system/cpu/cpufreq/policy{number}/{name}");
            fixture.file(&path, format!("{value}\n"));
        }
    }

    #[test]
    fn policies_that_are_alike_are_told_once() {
        let fixture = Fixture::new();
        let files =
            [("scaling_driver", "amd-pstate-epp"), ("cpuinfo_max_freq", "5083398"), ("scaling_max_freq", "3400000")];
        policy(&fixture, 0, "0", &files);
        policy(&fixture, 1, "1", &files);
        policy(&fixture, 2, "2", &[("scaling_driver", "amd-pstate-epp"), ("cpuinfo_max_freq", "4000000")]);
        fixture.file("sys/devices/system/cpu/cpufreq/policy1/scaling_cur_freq", "2200000\n");
        fixture.file("sys/devices/system/cpu/cpufreq/boost", "1\n");
        let found = read(&fixture.roots, &mut Survey::default());
        let cpus: Vec<_> = found.policies.iter().map(|policy| policy.cpus.clone()).collect();
        assert_eq!((cpus, found.boost), (vec![vec![0, 1], vec![2]], Some(true)));
        assert_eq!(found.policies[0].max, Some(Hertz(5_083_398_000.0)));
        assert_eq!((found.policies[0].base, found.policies[1].scaling_max), (None, None));
        assert_eq!(found.current, [(1, Hertz(2.2e9))].into());
    }

    #[test]
    fn the_base_frequency_comes_from_whoever_knows_it() {
        let fixture = Fixture::new();
        policy(&fixture, 0, "0 1", &[("base_frequency", "2600000")]);
        policy(&fixture, 2, "2", &[]);
        policy(&fixture, 3, "3", &[]);
        fixture
            .file("sys/devices/system/cpu/cpu2/acpi_cppc/nominal_freq", "3400\n")
            .file("sys/devices/system/cpu/cpu3/acpi_cppc/nominal_freq", "0\n");
        let found = read(&fixture.roots, &mut Survey::default());
        let bases: Vec<_> = found.policies.iter().map(|policy| policy.base).collect();
        assert_eq!(bases, [Some(Hertz(2.6e9)), Some(Hertz(3.4e9)), None]);
        assert_eq!(found.policies[0].cpus, [0, 1]);
    }

    #[test]
    fn turbo_is_told_the_other_way_round_by_intel() {
        let fixture = Fixture::new();
        fixture.file("sys/devices/system/cpu/intel_pstate/no_turbo", "1\n");
        assert_eq!(read(&fixture.roots, &mut Survey::default()).boost, Some(false));
    }

    #[test]
    fn a_frequency_that_is_none_is_not_known() {
        let fixture = Fixture::new();
        policy(&fixture, 0, "0", &[("cpuinfo_max_freq", "<unknown>"), ("cpuinfo_min_freq", "0")]);
        let found = read(&fixture.roots, &mut Survey::default());
        assert_eq!((found.policies[0].max, found.policies[0].min), (None, None));
    }
}
