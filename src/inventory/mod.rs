//! S1: what the machine is. Read at start, again on hot-plug, and on request. A file per part; a part that fails takes no
//! other along, and a fact that no source gave is absent, never 0 or empty.

mod capability;
mod cpu;
mod gpu;
mod memory;
mod network;
mod power;
mod storage;
mod survey;
mod system;
mod users;

use std::time::Duration;

use serde::Serialize;

use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::cgroup::Mounts;

pub use crate::kernel::cgroup::CgroupMode;
pub use capability::{Capability, CapabilityState};
pub use cpu::{
    Cache, CacheKind, CoreType, Cpu, DesignPowerSource, FrequencyPolicy, LogicalCpu, NumaNode, Processor, Smt,
    Topology, cpus_online,
};
pub use gpu::{ClockMax, Gpu, GpuDevice, GpuDiscovery, GpuPowerLimit, NvidiaDriver, PciLink, TemperatureLimit};
pub use memory::{
    CompressedDisk, HugePagePool, Memory, MemoryController, MemoryModule, MemoryNode, NodePool, SwapSpace,
    TransparentHugePages, Zswap, measure_bandwidth,
};
pub use network::Network;
pub use power::{
    ChipFacts, CoolingDevice, FanControl, Power, PowerLimit, PowerSupply, PowerZone, SensorFact, Sensors, ThermalTrip,
    ThermalZone,
};
pub use storage::{Class as DiskClass, Disk, Storage, Transport as DiskTransport, measure_storage};
pub use survey::{Part, Status, Survey};
pub use system::System;
pub use users::users;

/// So long is waited for the GPUs, whose library takes some seconds to wake each that is asleep.
const PATIENCE: Duration = Duration::from_secs(15);

/// Facts about the machine. The names of the fields are an interface: scripts read them from JSON and YAML. A quantity
/// has its unit in its name.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Inventory {
    pub system: Part<System>,
    pub cpu: Part<Cpu>,
    pub memory: Part<Memory>,
    pub storage: Part<Storage>,
    pub network: Part<Network>,
    pub gpu: Part<Gpu>,
    pub power: Part<Power>,
    pub capabilities: Vec<Capability>,
}

impl Inventory {
    /// Looks at the machine, and at what we may do there; changes nothing. Waits for GPUs that are slow to answer.
    pub fn read(roots: &Roots, now: Moment) -> Self {
        let (mut inventory, gpus) = Self::begin(roots, now);
        if let Some(found) = gpus.take(PATIENCE) {
            inventory.complete(found);
        }
        inventory
    }

    /// The same without waiting for the GPUs: what they answer is taken later, and makes the inventory [complete].
    ///
    /// [complete]: Self::complete
    pub fn begin(roots: &Roots, now: Moment) -> (Self, GpuDiscovery) {
        let gpus = GpuDiscovery::begin(roots, now);
        let mounts = Mounts::read(roots);
        let system = part(now, |survey| System::read(roots, mounts.as_ref().ok(), survey));
        let mut capabilities = capability::probe(roots, mounts, system.facts.kernel.as_deref(), system.facts.systemd);
        let (gpu, capability) = gpus.unanswered();
        capabilities.push(capability);
        let inventory = Self {
            system,
            cpu: part(now, |survey| Cpu::read(roots, survey)),
            memory: part(now, |survey| Memory::read(roots, survey)),
            storage: part(now, |survey| Storage::read(roots, survey)),
            network: part(now, |survey| Network::read(roots, survey)),
            gpu,
            power: part(now, |survey| Power::read(roots, survey)),
            capabilities,
        };
        (inventory, gpus)
    }

    /// Takes in what the GPUs have answered.
    pub fn complete(&mut self, (gpu, capability): (Part<Gpu>, Capability)) {
        self.gpu = gpu;
        for known in self.capabilities.iter_mut().filter(|known| known.surface == capability.surface) {
            known.clone_from(&capability);
        }
    }
}

fn part<T>(now: Moment, read: impl FnOnce(&mut Survey) -> T) -> Part<T> {
    let mut survey = Survey::default();
    let facts = read(&mut survey);
    survey.close(now.wall, facts)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::kernel::clock;
    use crate::kernel::fixture::{Fixture, at};

    #[test]
    fn of_a_machine_without_files_nothing_is_made_up() {
        let inventory = Inventory::read(&Fixture::new().roots, at(Duration::from_secs(1)));
        let system = &inventory.system.facts;
        let facts =
            [&system.hostname, &system.kernel, &system.distribution, &system.boot_id, &inventory.cpu.facts.model];
        assert!(facts.iter().all(|fact| fact.is_none()), "{inventory:?}");
        assert_eq!((inventory.memory.facts.total, system.cgroup_mode), (None, CgroupMode::None));
        assert!(!system.systemd);
        assert_eq!((inventory.cpu.status, inventory.memory.status), (Status::Failed, Status::Failed));
    }

    #[test]
    fn machines_that_we_do_not_have_are_found_too() {
        for (machine, hostname) in [
            ("dual-socket-server", "farm-01"),
            ("desktop", "plot-desk"),
            ("arm-board", "board"),
            ("container", "c3f1a0b2d4e5"),
            ("old-kernel", "oldfarm"),
        ] {
            let inventory = Inventory::read(&Fixture::of_machine(machine).roots, at(Duration::from_secs(1)));
            assert_eq!(inventory.system.facts.hostname.as_deref(), Some(hostname));
        }
    }

    #[test]
    fn this_machine_is_found_and_can_be_written_down() {
        let inventory = Inventory::read(&Roots::standard(), clock::now());
        let system = &inventory.system.facts;
        assert!(system.hostname.is_some() && system.boot_id.is_some() && system.kernel.is_some());
        let json = serde_json::to_value(&inventory).unwrap();
        assert_eq!(json["memory"]["total_bytes"].as_u64(), inventory.memory.facts.total.map(|bytes| bytes.0));
        assert!(json["capabilities"].as_array().unwrap().len() >= 9);
    }
}
