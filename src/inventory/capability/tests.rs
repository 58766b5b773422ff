use super::*;
use crate::kernel::fixture::{FakeProcess, Fixture};

const UNIFIED: &str = "29 22 0:26 / SYS/fs/cgroup rw - cgroup2 cgroup2 rw\n";
const PSI: &str = "some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";

/// A machine on which everything can be used.
fn whole() -> Fixture {
    let fixture = Fixture::new();
    let mounts = UNIFIED.replace("SYS", &fixture.roots.sysfs.display().to_string());
    fixture
        .process(&FakeProcess { pid: 1, ..FakeProcess::IDLE })
        .file("proc/self/io", "rchar: 1\n")
        .file("proc/self/status", "CapEff:\t000001ffffffffff\n")
        .file("proc/self/mountinfo", mounts)
        .file("proc/pressure/io", PSI)
        .file("sys/fs/cgroup/cgroup.controllers", "cpuset cpu io memory pids\n")
        .file("sys/block/sda/device/model", "x")
        .file("sys/block/sda/queue/scheduler", "none [mq-deadline] bfq\n");
    fixture
}

fn of(fixture: &Fixture, surface: &str) -> Capability {
    of_kernel(fixture, surface, "6.1.0-56-amd64")
}

fn of_kernel(fixture: &Fixture, surface: &str, release: &str) -> Capability {
    let roots = &fixture.roots;
    let found = probe(roots, Mounts::read(roots), Some(release), false);
    found.into_iter().find(|capability| capability.surface == surface).unwrap()
}

#[test]
fn each_surface_has_a_word_and_what_is_not_usable_a_reason() {
    for roots in [Roots::standard(), Fixture::new().roots, whole().roots.clone()] {
        let found = probe(&roots, Mounts::read(&roots), None, true);
        let mut surfaces: Vec<&str> = found.iter().map(|capability| capability.surface).collect();
        surfaces.sort_unstable();
        surfaces.dedup();
        assert_eq!(surfaces.len(), found.len());
        for capability in found {
            let usable = capability.state == CapabilityState::Usable;
            assert_eq!(capability.reason.is_empty(), usable, "{capability:?}");
            assert_eq!(capability.mend.is_empty(), usable, "{capability:?}");
        }
    }
}

#[test]
fn on_a_whole_machine_everything_is_usable() {
    let fixture = whole();
    let usable = [
        "process-list",
        "process-io",
        "pressure",
        "cgroup2-mount",
        "cgroup-freeze",
        "signals",
        "scheduling",
        "io-priority",
    ];
    for surface in usable {
        assert_eq!(of(&fixture, surface), Capability::usable(surface));
    }
}

#[test]
fn what_is_missing_is_named_with_what_mends_it() {
    type Spoil = fn(&Fixture);
    let table: [(&str, CapabilityState, &str, &str, Spoil); 11] = [
        ("process-events", CapabilityState::Limited, "pid namespace", "container", |_| ()),
        ("process-list", CapabilityState::Limited, "proc/1", "hidepid=0", |machine| {
            machine.remove("proc/1");
        }),
        ("process-io", CapabilityState::Limited, "CAP_SYS_PTRACE", "setcap cap_sys_ptrace+ep", |machine| {
            machine.file("proc/self/status", "CapEff:\t0000000000000000\n");
        }),
        ("pressure", CapabilityState::Unusable, "no pressure", "CONFIG_PSI", |machine| {
            machine.remove("proc/pressure");
        }),
        ("cgroup2-mount", CapabilityState::Unusable, "version 1 only", "cgroup2", |machine| {
            machine.file("proc/self/mountinfo", "32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n");
        }),
        ("cgroup2-mount", CapabilityState::Limited, "no memory, io:", "cgroup2", |machine| {
            machine.file("sys/fs/cgroup/cgroup.controllers", "cpu\n");
        }),
        ("cgroup-freeze", CapabilityState::Unusable, "SIGSTOP instead", "cgroup2", |machine| {
            machine.remove("proc/self/mountinfo");
        }),
        ("signals", CapabilityState::Limited, "CAP_KILL", "setcap cap_kill+ep", |machine| {
            machine.file("proc/self/status", "CapEff:\t0000000000000000\n");
        }),
        ("scheduling", CapabilityState::Limited, "own user namespace", "container", |machine| {
            machine.file("proc/self/uid_map", "0 1000 1\n");
        }),
        ("io-priority", CapabilityState::Limited, "mq-deadline", "queue/scheduler", |machine| {
            machine.file("sys/block/sda/queue/scheduler", "[none] mq-deadline\n");
        }),
        ("io-priority", CapabilityState::Limited, "unknown", "cap_sys_nice", |machine| {
            machine.remove("proc/self/status");
        }),
    ];
    for (surface, state, reason, mend, spoil) in table {
        let machine = whole();
        spoil(&machine);
        let capability = of(&machine, surface);
        assert_eq!(capability.state, state, "{capability:?}");
        assert!(capability.reason.contains(reason) && capability.mend.contains(mend), "{capability:?}");
    }
}

#[test]
fn groups_are_frozen_by_kernels_that_can() {
    let machine = whole();
    for (release, state) in [
        ("5.2.0", CapabilityState::Usable),
        ("5.1.21", CapabilityState::Unusable),
        ("4.19", CapabilityState::Unusable),
        ("10.0-rc1", CapabilityState::Usable),
        ("odd", CapabilityState::Usable),
    ] {
        assert_eq!(of_kernel(&machine, "cgroup-freeze", release).state, state, "{release}");
    }
}

#[test]
fn a_run_directory_belongs_into_memory() {
    let disk = of(&whole(), "run-directory");
    let in_memory = is_in_memory(&std::env::temp_dir()).unwrap();
    assert_eq!(disk.state == CapabilityState::Usable, in_memory, "{disk:?}");
    let mut machine = whole();
    machine.roots.run = "/proc/version/run".into();
    assert_eq!(of(&machine, "run-directory").state, CapabilityState::Unusable);
}
