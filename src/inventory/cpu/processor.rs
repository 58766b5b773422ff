//! The processors: CPUs of one make in one package, with the names that people know them by.

use serde::Serialize;

use super::cpuinfo::{CpuInfo, Make};
use super::design_power::{self, DesignPowerSource};
use super::topology::LogicalCpu;
use super::{arm, microarchitecture};
use crate::inventory::Survey;
use crate::kernel::Roots;
use crate::units::Watts;

/// The CPUs of one package that are of one make; a package of an ARM board may hold several makes.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Processor {
    pub package: Option<u32>,
    /// `AuthenticAMD`, `GenuineIntel`, `ARM`.
    pub vendor: Option<String>,
    /// Of ARM cores the version of the architecture.
    pub family: Option<u32>,
    /// Of ARM cores the number of the part.
    pub model: Option<u32>,
    /// Of ARM cores variant and revision, `r4p1`.
    pub stepping: Option<String>,
    /// `AMD Ryzen 9 5950X 16-Core Processor`, `ARM Cortex-A76`.
    pub model_name: Option<String>,
    pub microcode: Option<String>,
    /// `Zen 3`, `Ice Lake`, `Cortex-A76`.
    pub microarchitecture: Option<&'static str>,
    /// What cooling must be made for.
    #[serde(rename = "design_power_watts")]
    pub design_power: Option<Watts>,
    pub design_power_source: Option<DesignPowerSource>,
    pub cpus: Vec<u32>,
}

/// In the order of the packages.
pub(super) fn read(roots: &Roots, info: Option<&CpuInfo>, cpus: &[LogicalCpu], survey: &mut Survey) -> Vec<Processor> {
    let mut processors: Vec<(Option<u32>, &Make, Vec<u32>)> = Vec::new();
    for block in info.iter().flat_map(|info| &info.cpus) {
        let package = cpus.iter().find(|cpu| cpu.cpu == block.cpu).and_then(|cpu| cpu.package);
        match processors.iter_mut().find(|(its, make, _)| (*its, *make) == (package, &block.make)) {
            Some((_, _, cpus)) => cpus.push(block.cpu),
            None => processors.push((package, &block.make, vec![block.cpu])),
        }
    }
    processors.sort_by_key(|(package, ..)| *package);
    let told = design_power::from_powercap(roots, survey);
    let processor = |(package, make, cpus): (Option<u32>, &Make, Vec<u32>)| {
        let told = package.and_then(|package| told.get(&package).copied());
        Processor::new(package, make, cpus, told, survey)
    };
    processors.into_iter().map(processor).collect()
}

impl Processor {
    fn new(package: Option<u32>, make: &Make, cpus: Vec<u32>, told: Option<Watts>, survey: &mut Survey) -> Self {
        let is_arm = make.arm.implementer.is_some();
        let vendor = if is_arm { arm::vendor(make.arm).map(str::to_owned) } else { make.vendor.clone() };
        let core = arm::core(make.arm);
        let model_name = match (&vendor, core) {
            (Some(vendor), Some(core)) => Some(format!("{vendor} {core}")),
            _ => make.name.clone(),
        };
        let published = model_name.as_deref().and_then(design_power::of_model);
        let design_power = told
            .map(|watts| (watts, DesignPowerSource::Powercap))
            .or_else(|| published.map(|watts| (watts, DesignPowerSource::Model)));
        let stepping = make.stepping.map(|stepping| stepping.to_string());
        Self {
            package,
            vendor: survey.known(vendor),
            family: survey.known(if is_arm { make.arm.architecture } else { make.family }),
            model: survey.known(if is_arm { make.arm.part } else { make.model }),
            stepping: survey.known(if is_arm { arm::stepping(make.arm) } else { stepping }),
            model_name: survey.known(model_name),
            // Only x86 has any that a running kernel knows of.
            microcode: make.microcode.clone(),
            microarchitecture: survey.known(core.or_else(|| microarchitecture::name(make))),
            design_power: survey.known(design_power.map(|(watts, _)| watts)),
            design_power_source: design_power.map(|(_, source)| source),
            cpus,
        }
    }
}
