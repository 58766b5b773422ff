//! The CPUs: what they are, how they lie, what they share, how fast they may run.

mod arm;
mod cache;
mod contradictions;
mod cpuinfo;
mod design_power;
mod frequency;
mod microarchitecture;
mod numa;
mod processor;
mod topology;

use serde::Serialize;

use super::Survey;
use super::survey::unless_empty;
use crate::kernel::{Roots, attribute};

pub use cache::{Cache, CacheKind};
pub use design_power::DesignPowerSource;
pub use frequency::FrequencyPolicy;
pub use numa::NumaNode;
pub use processor::Processor;
pub use topology::{CoreType, LogicalCpu, Smt, Topology};

/// The instructions that plotters choose their code by; those of AVX-512 are many.
const SIMD: [&str; 11] =
    ["sse4_1", "sse4_2", "avx", "avx2", "aes", "sha_ni", "bmi2", "pclmulqdq", "asimd", "sve", "sha2"];
const SIMD_FAMILY: &str = "avx512";

/// Facts about the CPUs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Cpu {
    /// Of the first CPU: `AMD Ryzen 9 5950X 16-Core Processor`; where a board's cores have no name, the board's.
    pub model: Option<String>,
    #[serde(flatten)]
    pub topology: Topology,
    /// Frequencies above the base are allowed.
    pub boost: Option<bool>,
    /// Of the flags, those that plotters are made faster by.
    pub simd: Option<Vec<String>>,
    /// What every CPU can do, as `/proc/cpuinfo` names it.
    pub flags: Option<Vec<String>>,
    #[serde(serialize_with = "unless_empty")]
    pub processors: Vec<Processor>,
    #[serde(serialize_with = "unless_empty")]
    pub frequency_policies: Vec<FrequencyPolicy>,
    #[serde(serialize_with = "unless_empty")]
    pub numa_nodes: Vec<NumaNode>,
    #[serde(serialize_with = "unless_empty")]
    pub caches: Vec<Cache>,
}

impl Cpu {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let info = survey.fact(cpuinfo::read(roots));
        let numa_nodes = numa::read(roots, survey);
        let mut topology = Topology::read(roots, info.as_ref(), &numa_nodes, survey);
        let frequencies = frequency::read(roots, survey);
        for cpu in topology.cpus.iter_mut().filter(|cpu| cpu.online) {
            cpu.current = survey.known(frequencies.current.get(&cpu.cpu).copied().or(cpu.current));
        }
        let processors = processor::read(roots, info.as_ref(), &topology.cpus, survey);
        let model = processors.first().and_then(|processor| processor.model_name.clone());
        let flags = survey.known(info.as_ref().map(|info| info.flags.clone()).filter(|flags| !flags.is_empty()));
        let cpu = Self {
            model: survey.known(model.or_else(|| board(roots))),
            boost: frequencies.boost,
            simd: flags.as_ref().map(|flags| flags.iter().filter(|flag| is_simd(flag)).cloned().collect()),
            flags,
            processors,
            frequency_policies: frequencies.policies,
            numa_nodes,
            caches: cache::read(roots, &topology.online, survey),
            topology,
        };
        contradictions::find(&cpu, info.as_ref(), survey);
        cpu
    }

    /// The CPU of this number, online or not.
    pub fn cpu(&self, number: u32) -> Option<&LogicalCpu> {
        let found = self.topology.cpus.binary_search_by_key(&number, |cpu| cpu.cpu);
        found.ok().and_then(|index| self.topology.cpus.get(index))
    }
}

fn is_simd(flag: &str) -> bool {
    SIMD.contains(&flag) || flag.starts_with(SIMD_FAMILY)
}

/// The name that the device tree gives the board.
pub(super) fn board(roots: &Roots) -> Option<String> {
    let model = attribute::text(&roots.sys("firmware/devicetree/base/model")).ok()?;
    Some(model.trim_end_matches('\0').to_owned())
}

/// How many CPUs are online, for who needs nothing else of the inventory; `None` if that cannot be read.
pub fn cpus_online(roots: &Roots) -> Option<u32> {
    let online = topology::online(roots).ok()?;
    u32::try_from(online.len()).ok().filter(|count| *count > 0)
}

#[cfg(test)]
mod tests;
