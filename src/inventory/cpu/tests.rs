//! The CPUs of this machine and of machines that we do not have.

use std::time::Duration;

use super::*;
use crate::inventory::{Part, Status};
use crate::kernel::fixture::{Fixture, at};
use crate::units::{Bytes, Hertz, Ratio, Watts};

fn of(roots: &Roots) -> Part<Cpu> {
    super::super::part(at(Duration::ZERO), |survey| Cpu::read(roots, survey))
}

fn of_machine(name: &str) -> Part<Cpu> {
    of(&Fixture::of_machine(name).roots)
}

/// Level, number and size of one of them.
fn caches(cpu: &Cpu, level: u32, kind: CacheKind) -> (usize, Option<Bytes>) {
    let of_level: Vec<_> = cpu.caches.iter().filter(|cache| (cache.level, cache.kind) == (level, kind)).collect();
    (of_level.len(), of_level.first().and_then(|cache| cache.size))
}

#[test]
fn a_server_has_sockets_nodes_and_threads() {
    let part = of_machine("dual-socket-server");
    assert_eq!((part.status, part.confidence, &part.problems[..]), (Status::Valid, Some(Ratio(1.0)), &[] as &[String]));
    let topology = &part.facts.topology;
    assert_eq!((topology.online.len(), topology.cores, topology.sockets), (128, Some(64), Some(2)));
    assert_eq!((topology.dies, topology.threads_per_core, topology.smt.active), (Some(2), Some(2), Some(true)));
    let cpu = part.facts.cpu(100).unwrap();
    assert_eq!((cpu.core, cpu.package, cpu.node, &cpu.siblings[..]), (Some(4), Some(1), Some(2), &[36, 100][..]));
    assert_eq!(part.facts.numa_nodes.len(), 4);
    assert_eq!((part.facts.numa_nodes[3].distances[&0], part.facts.numa_nodes[3].cpus.len()), (20, 32));
    assert_eq!(caches(&part.facts, 1, CacheKind::Data), (64, Some(Bytes(48 << 10))));
    assert_eq!(caches(&part.facts, 3, CacheKind::Unified), (2, Some(Bytes(48 << 20))));
    let [first, second] = &part.facts.processors[..] else { panic!("two processors: {:?}", part.facts.processors) };
    assert_eq!((first.package, second.package, first.microarchitecture), (Some(0), Some(1), Some("Ice Lake")));
    assert_eq!(first.design_power, Some(Watts(205.0)));
    assert_eq!(first.design_power_source, Some(DesignPowerSource::Powercap));
    let [policy] = &part.facts.frequency_policies[..] else { panic!("all CPUs are governed alike") };
    assert_eq!((policy.cpus.len(), policy.base, policy.max), (128, Some(Hertz(2e9)), Some(Hertz(3.2e9))));
    assert_eq!((part.facts.boost, cpu.current), (Some(true), Some(Hertz(2.9e9))));
    let simd = part.facts.simd.unwrap();
    assert!(simd.contains(&"avx512bw".to_owned()) && !simd.contains(&"fpu".to_owned()));
}

#[test]
fn a_desktop_is_known_by_its_brand() {
    let part = of_machine("desktop");
    assert_eq!(part.status, Status::Valid, "{:?}", part.problems);
    let [processor] = &part.facts.processors[..] else { panic!("one processor") };
    assert_eq!((processor.microarchitecture, processor.design_power), (Some("Kaby Lake"), Some(Watts(91.0))));
    assert_eq!(processor.design_power_source, Some(DesignPowerSource::Model));
    assert_eq!((processor.stepping.as_deref(), processor.microcode.as_deref()), (Some("9"), Some("0xf8")));
    assert_eq!((part.facts.topology.cores, part.facts.topology.online.len()), (Some(4), 8));
}

#[test]
fn a_board_is_known_by_the_numbers_of_its_cores() {
    let part = of_machine("arm-board");
    assert_eq!(part.facts.model.as_deref(), Some("ARM Cortex-A76"));
    let processor = &part.facts.processors[0];
    assert_eq!((processor.vendor.as_deref(), processor.stepping.as_deref()), (Some("ARM"), Some("r4p1")));
    assert_eq!((processor.design_power, &processor.microcode), (None, &None));
    let policy = &part.facts.frequency_policies[0];
    assert_eq!((policy.base, policy.max, policy.cpus.len()), (None, Some(Hertz(2.4e9)), 4));
    assert_eq!((part.facts.topology.dies, part.facts.topology.smt.active, part.facts.boost), (None, Some(false), None));
    assert_eq!(part.facts.simd.unwrap(), ["asimd", "aes", "sha2"]);
    assert_eq!(part.status, Status::Partial);
}

#[test]
fn a_container_that_hides_sysfs_shows_what_cpuinfo_tells() {
    let part = of_machine("container");
    let topology = &part.facts.topology;
    assert_eq!((topology.online.len(), topology.cores, topology.sockets), (16, Some(8), Some(1)));
    assert_eq!((topology.threads_per_core, topology.smt.active), (Some(2), Some(true)));
    assert_eq!((part.facts.caches.len(), part.facts.numa_nodes.len(), part.facts.frequency_policies.len()), (0, 0, 0));
    assert_eq!(topology.cpus[0].current, Some(Hertz(3.8e9)), "of /proc/cpuinfo");
    assert_eq!(part.facts.processors[0].microarchitecture, Some("Zen 3"));
    assert_eq!(part.status, Status::Partial);
    assert!(part.problems.iter().any(|problem| problem.contains("devices/system/cpu/online")), "{:?}", part.problems);
}

#[test]
fn an_old_kernel_lacks_files_and_nothing_is_made_up() {
    let part = of_machine("old-kernel");
    let topology = &part.facts.topology;
    assert_eq!((topology.smt.active, &topology.smt.control, topology.dies), (Some(false), &None, None));
    assert_eq!((topology.cores, part.facts.boost), (Some(8), Some(true)));
    assert_eq!(part.facts.processors[0].design_power_source, Some(DesignPowerSource::Powercap));
    assert_eq!(part.facts.processors[0].microarchitecture, Some("Broadwell"));
    assert_eq!(part.status, Status::Valid, "{:?}", part.problems);
}

#[test]
fn of_a_machine_without_files_nothing_is_made_up() {
    let part = of(&Fixture::new().roots);
    assert_eq!(part.status, Status::Failed);
    let json = serde_json::to_value(&part.facts).unwrap();
    for (name, fact) in json.as_object().unwrap().iter().filter(|(name, _)| *name != "smt") {
        assert!(fact.is_null(), "{name}: {fact}");
    }
}

#[test]
fn a_core_without_a_name_is_known_by_its_board() {
    let fixture = Fixture::new();
    fixture
        .file("proc/cpuinfo", "processor\t: 0\nCPU implementer\t: 0x99\n")
        .file("sys/firmware/devicetree/base/model", "Some Board Rev 1\0");
    assert_eq!(of(&fixture.roots).facts.model.as_deref(), Some("Some Board Rev 1"));
}

#[test]
fn this_machine_has_as_many_cpus_as_the_c_library_says() {
    let part = of(&Roots::standard());
    let count = nix::unistd::sysconf(nix::unistd::SysconfVar::_NPROCESSORS_ONLN).unwrap().unwrap();
    assert_eq!(part.facts.topology.online.len(), usize::try_from(count).unwrap());
    assert_ne!(part.status, Status::Doubtful, "{:?}", part.problems);
}
