//! How the CPUs lie in cores, dies, packages and NUMA nodes.
//!
//! Source: `Documentation/admin-guide/cputopology.rst`, `Documentation/ABI/testing/sysfs-devices-system-cpu`; where sysfs
//! is hidden, `/proc/cpuinfo`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;

use super::cpuinfo::{CpuBlock, CpuInfo};
use super::numa::NumaNode;
use crate::inventory::Survey;
use crate::inventory::survey::unless_empty;
use crate::kernel::{KernelError, Roots, attribute};
use crate::units::Hertz;

/// One CPU as the kernel schedules on it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogicalCpu {
    pub cpu: u32,
    pub online: bool,
    /// Number of the core, unique within its package; what follows is known of CPUs that are online.
    pub core: Option<u32>,
    /// Unique within its package; `None` before Linux 5.2.
    pub die: Option<u32>,
    pub package: Option<u32>,
    pub node: Option<u32>,
    /// The CPUs of its core, itself included.
    #[serde(serialize_with = "unless_empty")]
    pub siblings: Vec<u32>,
    /// On processors with two kinds of cores.
    pub core_type: Option<CoreType>,
    #[serde(rename = "current_hertz")]
    pub current: Option<Hertz>,
}

/// Which of two kinds of cores it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CoreType {
    Performance,
    Efficiency,
}

/// All CPUs, and how many of everything they are.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Topology {
    /// Of CPUs that are online, as all counts here.
    pub cores: Option<u32>,
    pub dies: Option<u32>,
    pub sockets: Option<u32>,
    /// Of the core that has most.
    pub threads_per_core: Option<u32>,
    pub smt: Smt,
    /// Numbers of the CPUs that are online; empty if that cannot be read.
    #[serde(serialize_with = "unless_empty")]
    pub online: Vec<u32>,
    /// Those that are there and switched off; `None` if that cannot be read.
    pub offline: Option<Vec<u32>>,
    #[serde(serialize_with = "unless_empty")]
    pub cpus: Vec<LogicalCpu>,
}

/// Simultaneous multithreading.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Smt {
    /// Some core runs two threads at once.
    pub active: Option<bool>,
    /// `on`, `off`, `forceoff`, `notsupported` or `notimplemented`; `None` before Linux 4.19.
    pub control: Option<String>,
}

impl Topology {
    pub(super) fn read(roots: &Roots, info: Option<&CpuInfo>, nodes: &[NumaNode], survey: &mut Survey) -> Self {
        let root = roots.sys("devices/system/cpu");
        let online = survey.fact(online(roots)).unwrap_or_else(|| in_cpuinfo(info));
        let present = survey.fact_if_there(attribute::cpu_list(&root.join("present")));
        let all: BTreeSet<u32> = present.iter().flatten().chain(&online).copied().collect();
        let offline = present.map(|present| present.into_iter().filter(|cpu| !online.contains(cpu)).collect());
        let core_types = CoreTypes::read(roots, survey);
        let mut cpus: Vec<LogicalCpu> = all.into_iter().map(LogicalCpu::without_place).collect();
        for cpu in cpus.iter_mut().filter(|cpu| online.contains(&cpu.cpu)) {
            let block = info.and_then(|info| info.cpus.iter().find(|block| block.cpu == cpu.cpu));
            cpu.online = true;
            cpu.locate(&root.join(format!("cpu{}/topology", cpu.cpu)), block, survey);
            cpu.node = nodes.iter().find(|node| node.cpus.contains(&cpu.cpu)).map(|node| node.node);
            cpu.core_type = core_types.of(cpu.cpu);
            cpu.current = block.and_then(|block| block.current);
        }
        find_siblings(&mut cpus);
        let mut topology = Self { online, offline, cpus, ..Self::default() };
        topology.count(survey);
        topology.smt = Smt::read(roots, topology.threads_per_core, survey);
        topology
    }

    fn count(&mut self, survey: &mut Survey) {
        let online = || self.cpus.iter().filter(|cpu| cpu.online);
        let cores = distinct(online().map(|cpu| cpu.siblings.first().copied()));
        let sockets = distinct(online().map(|cpu| cpu.package));
        let dies = distinct(online().map(|cpu| cpu.die.map(|die| (cpu.package, die))));
        let threads = online().map(|cpu| cpu.siblings.len()).max().filter(|most| *most > 0);
        self.cores = survey.known(cores);
        self.sockets = survey.known(sockets);
        self.dies = dies;
        self.threads_per_core = survey.known(threads.and_then(|threads| u32::try_from(threads).ok()));
    }
}

/// The CPUs that are online.
pub(super) fn online(roots: &Roots) -> Result<Vec<u32>, KernelError> {
    attribute::cpu_list(&roots.sys("devices/system/cpu/online"))
}

fn in_cpuinfo(info: Option<&CpuInfo>) -> Vec<u32> {
    let cpus: BTreeSet<u32> = info.iter().flat_map(|info| &info.cpus).map(|block| block.cpu).collect();
    cpus.into_iter().collect()
}

impl LogicalCpu {
    fn without_place(cpu: u32) -> Self {
        Self {
            cpu,
            online: false,
            core: None,
            die: None,
            package: None,
            node: None,
            siblings: Vec::new(),
            core_type: None,
            current: None,
        }
    }

    fn locate(&mut self, directory: &Path, block: Option<&CpuBlock>, survey: &mut Survey) {
        if !directory.is_dir() {
            // One complaint for all CPUs is enough: that of the list of CPUs.
            self.core = survey.known(block.and_then(|block| block.core));
            self.package = survey.known(block.and_then(|block| block.package));
            return;
        }
        // What a processor does not tell is -1.
        let number = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
        self.core = number(survey.fact(attribute::signed(&directory.join("core_id"))));
        self.package = number(survey.fact(attribute::signed(&directory.join("physical_package_id"))));
        self.die = number(survey.fact_if_there(attribute::signed(&directory.join("die_id"))));
        // The second is the name of the first before Linux 5.3.
        let siblings = ["core_cpus_list", "thread_siblings_list"].map(|name| directory.join(name));
        let siblings = siblings.iter().find_map(|list| survey.fact_if_there(attribute::cpu_list(list)));
        self.siblings = siblings.unwrap_or_default();
    }
}

/// For CPUs whose siblings are not told: those with the same core of the same package.
fn find_siblings(cpus: &mut [LogicalCpu]) {
    let places: Vec<(u32, Option<u32>, Option<u32>)> =
        cpus.iter().map(|cpu| (cpu.cpu, cpu.package, cpu.core)).collect();
    for cpu in cpus.iter_mut().filter(|cpu| cpu.siblings.is_empty() && cpu.core.is_some() && cpu.package.is_some()) {
        let same = places.iter().filter(|(_, package, core)| (*package, *core) == (cpu.package, cpu.core));
        cpu.siblings = same.map(|(other, ..)| *other).collect();
    }
}

/// How many different ones there are; `None` if one is not known, or there is none.
fn distinct<T: Ord>(things: impl Iterator<Item = Option<T>>) -> Option<u32> {
    let all: BTreeSet<T> = things.collect::<Option<_>>()?;
    u32::try_from(all.len()).ok().filter(|count| *count > 0)
}

/// Intel's processors with two kinds of cores have a performance counter unit for each.
struct CoreTypes {
    performance: Vec<u32>,
    efficiency: Vec<u32>,
}

impl CoreTypes {
    fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let mut cpus = |unit: &str| {
            let list = attribute::cpu_list(&roots.sys(format!("devices/{unit}/cpus")));
            survey.fact_if_there(list).unwrap_or_default()
        };
        Self { performance: cpus("cpu_core"), efficiency: cpus("cpu_atom") }
    }

    fn of(&self, cpu: u32) -> Option<CoreType> {
        let is = |cpus: &[u32], core_type| cpus.contains(&cpu).then_some(core_type);
        is(&self.performance, CoreType::Performance).or_else(|| is(&self.efficiency, CoreType::Efficiency))
    }
}

impl Smt {
    fn read(roots: &Roots, threads_per_core: Option<u32>, survey: &mut Survey) -> Self {
        let directory = roots.sys("devices/system/cpu/smt");
        let active = survey.fact_if_there(attribute::flag(&directory.join("active")));
        let control = survey.fact_if_there(attribute::text(&directory.join("control")));
        Self { active: active.or_else(|| threads_per_core.map(|threads| threads > 1)), control }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn read(fixture: &Fixture, info: Option<&CpuInfo>) -> Topology {
        Topology::read(&fixture.roots, info, &[], &mut Survey::default())
    }

    fn cpu(fixture: &Fixture, cpu: u32, package: i32, core: u32, siblings: &str) {
        let topology = format!("sys/devices/system/cpu/cpu{cpu}/topology");
        fixture
            .file(&format!("{topology}/core_id"), format!("{core}\n"))
            .file(&format!("{topology}/physical_package_id"), format!("{package}\n"))
            .file(&format!("{topology}/thread_siblings_list"), format!("{siblings}\n"));
    }

    #[test]
    fn cores_are_counted_by_who_shares_them_and_not_by_their_numbers() {
        let fixture = Fixture::new();
        fixture.file("sys/devices/system/cpu/online", "0-3\n").file("sys/devices/system/cpu/present", "0-5\n");
        for (number, package, siblings) in [(0, 0, "0,2"), (1, 1, "1,3"), (2, 0, "0,2"), (3, 1, "1,3")] {
            cpu(&fixture, number, package, 0, siblings);
        }
        let topology = read(&fixture, None);
        assert_eq!((topology.cores, topology.sockets, topology.threads_per_core), (Some(2), Some(2), Some(2)));
        assert_eq!((topology.dies, topology.smt.active), (None, Some(true)));
        assert_eq!((topology.offline, topology.cpus.len()), (Some(vec![4, 5]), 6));
        assert!(!topology.cpus[4].online && topology.cpus[4].core.is_none());
    }

    #[test]
    fn where_sysfs_is_hidden_cpuinfo_tells() {
        let block = |cpu, core| CpuBlock { cpu, core: Some(core), package: Some(0), ..CpuBlock::default() };
        let info = CpuInfo { cpus: vec![block(0, 0), block(1, 1), block(2, 0)], flags: Vec::new() };
        let topology = read(&Fixture::new(), Some(&info));
        assert_eq!((topology.online.len(), topology.cores, topology.sockets), (3, Some(2), Some(1)));
        assert_eq!(topology.cpus[0].siblings, [0, 2]);
    }

    #[test]
    fn a_place_that_the_processor_does_not_tell_is_not_known() {
        let fixture = Fixture::new();
        fixture.file("sys/devices/system/cpu/online", "0\n");
        cpu(&fixture, 0, -1, 0, "0");
        fixture.file("sys/devices/system/cpu/cpu0/topology/core_id", "\u{fffd}\n");
        let topology = read(&fixture, None);
        assert_eq!((topology.sockets, topology.cpus[0].package, topology.cpus[0].core), (None, None, None));
        assert_eq!((topology.cores, topology.smt.active), (Some(1), Some(false)));
    }

    #[test]
    fn of_two_kinds_of_cores_each_is_known() {
        let fixture = Fixture::new();
        fixture
            .file("sys/devices/system/cpu/online", "0-1\n")
            .file("sys/devices/cpu_core/cpus", "0\n")
            .file("sys/devices/cpu_atom/cpus", "1\n");
        let kinds: Vec<_> = read(&fixture, None).cpus.iter().map(|cpu| cpu.core_type).collect();
        assert_eq!(kinds, [Some(CoreType::Performance), Some(CoreType::Efficiency)]);
    }
}
