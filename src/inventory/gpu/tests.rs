use std::time::{Duration, Instant};

use super::*;
use crate::inventory::{Inventory, Part, Status};
use crate::kernel::fixture::{Fixture, at};
use crate::kernel::nvml::fake::{Driver, FakeNvml};

const CARD: &str = "sys/bus/pci/devices/0000:01:00.0";

fn discover(roots: &Roots) -> (Part<Gpu>, Capability) {
    let discovery = GpuDiscovery::begin(roots, at(Duration::from_secs(1)));
    discovery.take(Duration::from_secs(20)).unwrap()
}

fn machine(fake: &FakeNvml) -> Fixture {
    let mut machine = Fixture::new();
    machine.roots.nvml = fake.path().to_owned();
    machine
}

fn with_card(machine: &Fixture, vendor: &str) {
    machine
        .file(&format!("{CARD}/class"), "0x030000\n")
        .file(&format!("{CARD}/vendor"), vendor)
        .file(&format!("{CARD}/device"), "0x2684\n");
}

#[test]
fn nvidia_s_gpus_are_told_whole_and_once() {
    let fake = FakeNvml::build(Driver::Current);
    let machine = machine(&fake);
    // The same GPU as the library's first.
    with_card(&machine, "0x10de\n");
    let (part, capability) = discover(&machine.roots);
    assert_eq!((part.status, capability.state), (Status::Valid, CapabilityState::Usable), "{part:?}");
    assert_eq!(part.facts.nvidia.unwrap().cuda.as_deref(), Some("12.4"));
    let [game, server] = &part.facts.devices[..] else { panic!("two GPUs") };
    assert_eq!(game.model.as_deref(), Some("NVIDIA GeForce RTX 4090"));
    assert_eq!(game.pci_link.as_ref().unwrap().lanes, Some(8));
    assert_eq!(game.power_limit.as_ref().unwrap().max, Some(Watts(600.0)));
    assert_eq!(game.temperature_limit.as_ref().unwrap().memory, None);
    assert_eq!((game.ecc, server.ecc), (None, Some(true)));
    assert_eq!(fake.changes(), [""; 0]);
}

#[test]
fn an_old_driver_makes_facts_unknown_and_says_so() {
    let fake = FakeNvml::build(Driver::Old);
    let (part, capability) = discover(&machine(&fake).roots);
    assert_eq!((part.status, capability.state), (Status::Partial, CapabilityState::Usable));
    assert_eq!(part.facts.devices[0].cuda_cores, None);
    assert!(part.problems.iter().any(|problem| problem.contains("too old")), "{:?}", part.problems);
}

#[test]
fn a_gpu_that_is_lost_takes_no_other_along() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("gpus 3\nlost 1");
    let (part, capability) = discover(&machine(&fake).roots);
    let found: Vec<_> = part.facts.devices.iter().map(|gpu| gpu.gpu.as_str()).collect();
    assert_eq!((found, part.status), (vec!["0", "2"], Status::Partial));
    assert!(part.problems[0].contains("GPU 1") && part.problems[0].contains("fell off the bus"), "{part:?}");
    assert_eq!(capability.state, CapabilityState::Usable);
}

#[test]
fn a_driver_that_knows_of_no_gpu_is_of_no_use() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("gpus 0");
    let (part, capability) = discover(&machine(&fake).roots);
    assert_eq!((part.facts.devices.len(), capability.state), (0, CapabilityState::Unusable));
    assert!(capability.reason.contains("no GPU"), "{capability:?}");
}

#[test]
fn a_power_limit_that_cannot_be_is_doubted() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlDeviceGetPowerManagementLimit answers 700000");
    let (part, _) = discover(&machine(&fake).roots);
    assert_eq!(part.status, Status::Doubtful);
    assert!(part.problems[0].contains("700 W is not between 150 W and 600 W"), "{:?}", part.problems);
}

#[test]
fn without_a_gpu_the_part_is_absent_and_with_one_a_missing_driver_is_a_problem() {
    let machine = Fixture::new();
    let (part, capability) = discover(&machine.roots);
    assert_eq!((part.status, part.confidence, part.problems.len()), (Status::Absent, None, 0));
    assert_eq!(capability.state, CapabilityState::Unusable);
    assert!(capability.reason.contains("cannot load") && capability.mend.contains("nvidia-driver"), "{capability:?}");

    with_card(&machine, "0x10de\n");
    let (part, capability) = discover(&machine.roots);
    assert_eq!(part.status, Status::Partial);
    assert!(part.problems[0].contains("cannot load"), "{:?}", part.problems);
    assert!(capability.reason.contains("0000:01:00.0 has no driver"), "{capability:?}");
    assert_eq!(part.facts.devices[0].vendor, "NVIDIA");
}

#[test]
fn a_card_of_another_maker_is_told_by_its_files() {
    let machine = Fixture::of_machine("desktop");
    let (part, capability) = discover(&machine.roots);
    let [amd] = &part.facts.devices[..] else { panic!("one card: {part:?}") };
    assert_eq!((amd.gpu.as_str(), amd.vendor.as_str(), amd.driver.as_deref()), ("0000:03:00.0", "AMD", Some("amdgpu")));
    assert_eq!((amd.memory_total, amd.model.as_deref()), (Some(Bytes(21_458_059_264)), Some("0x744c")));
    assert_eq!((part.status, capability.state), (Status::Valid, CapabilityState::Usable));
}

#[test]
fn a_library_that_hangs_delays_nothing_and_is_said() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlInit_v2 hang");
    let start = Instant::now();
    let (mut inventory, gpus) = Inventory::begin(&machine(&fake).roots, at(Duration::from_secs(1)));
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(inventory.gpu.status, Status::Failed);
    assert!(inventory.gpu.problems[0].contains("not answered"), "{:?}", inventory.gpu.problems);
    let capability = |inventory: &Inventory| {
        let mut gpus = inventory.capabilities.iter().filter(|capability| capability.surface == "gpu");
        let found = gpus.next().unwrap().state;
        assert!(gpus.next().is_none());
        found
    };
    assert_eq!(capability(&inventory), CapabilityState::Unusable);
    assert_eq!(gpus.take(Duration::from_millis(20)), None);
    fake.script("gpus 1");
    inventory.complete(gpus.take(Duration::from_secs(20)).unwrap());
    assert_eq!((inventory.gpu.facts.devices.len(), capability(&inventory)), (1, CapabilityState::Usable));
}
