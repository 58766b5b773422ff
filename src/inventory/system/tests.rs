//! The operating system of this machine and of machines that we do not have.

use super::*;
use crate::inventory::{Part, Status};
use crate::kernel::fixture::{Fixture, at};

fn of(roots: &Roots) -> Part<System> {
    let mounts = Mounts::read(roots);
    super::super::part(at(Duration::ZERO), |survey| System::read(roots, mounts.as_ref().ok(), survey))
}

fn of_machine(name: &str) -> Part<System> {
    of(&Fixture::of_machine(name).roots)
}

#[test]
fn facts_come_from_their_files() {
    let fixture = Fixture::new();
    fixture
        .file("proc/sys/kernel/hostname", "farm\n")
        .file("proc/sys/kernel/osrelease", "6.1.0\n")
        .file("proc/1/comm", "systemd\n")
        .file("proc/stat", "cpu0 1\nbtime 1700000000\n")
        .file("proc/1/root/etc/os-release", "ID=debian\nPRETTY_NAME=\"Debian 12\"\n");
    let system = of(&fixture.roots).facts;
    assert_eq!(system.hostname.as_deref(), Some("farm"));
    assert_eq!((system.kernel.as_deref(), system.systemd), (Some("6.1.0"), true));
    assert_eq!(system.distribution.as_deref(), Some("Debian 12"));
    assert_eq!(serde_json::to_value(&system).unwrap()["booted_at"], "2023-11-14T22:13:20Z");
}

#[test]
fn a_server_of_metal_is_known_by_its_maker() {
    let part = of_machine("dual-socket-server");
    let system = &part.facts;
    assert_eq!(part.status, Status::Valid, "{:?}", part.problems);
    assert_eq!((system.virtualisation, system.container, system.pressure), (Some("none"), Some("none"), "measured"));
    assert_eq!(system.machine.product.as_deref(), Some("SYS-220U-TNR"));
    assert_eq!(system.kernel_options.as_ref().unwrap(), &["psi=1", "isolcpus=62-63,126-127"]);
    assert!(system.cgroup_controllers.as_ref().unwrap().contains(&"cpuset".to_owned()));
}

#[test]
fn a_board_is_named_by_its_device_tree_and_is_no_guest() {
    let system = of_machine("arm-board").facts;
    assert_eq!(system.machine.product.as_deref(), Some("Raspberry Pi 5 Model B Rev 1.0"));
    assert_eq!((system.virtualisation, system.pressure), (Some("none"), "absent"));
}

#[test]
fn a_container_is_known_by_what_its_engine_leaves() {
    let part = of_machine("container");
    assert_eq!((part.facts.container, part.facts.systemd), (Some("docker"), false));
    assert_eq!(part.facts.distribution.as_deref(), Some("Alpine Linux v3.20"));
    assert_eq!((part.facts.machine.product.as_deref(), part.status), (None, Status::Partial));
}

#[test]
fn an_old_kernel_has_control_groups_of_version_1_and_no_pressure() {
    let system = of_machine("old-kernel").facts;
    assert_eq!((system.cgroup_mode, system.pressure), (CgroupMode::Legacy, "absent"));
    assert_eq!(system.cgroup_controllers.unwrap(), ["blkio", "cpu", "memory"], "memory was enabled, pids was not");
    assert_eq!(system.machine.vendor, None, "nobody filled it in");
}

#[test]
fn this_machine_was_booted_before_now() {
    let part = of(&Roots::standard());
    let uptime: f64 = std::fs::read_to_string("/proc/uptime").unwrap().split(' ').next().unwrap().parse().unwrap();
    let booted = SystemTime::now() - Duration::from_secs_f64(uptime);
    let told = part.facts.booted_at.unwrap();
    let apart = told.duration_since(booted).unwrap_or_else(|error| error.duration());
    assert!(apart < Duration::from_secs(3), "{apart:?}");
}
