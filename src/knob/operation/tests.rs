//! Operations on fixture trees: what is read, and where what is written goes.

use super::*;
use crate::kernel::fixture::Fixture;
use crate::kernel::process::Identity;

fn operations(fixture: &Fixture) -> Operations {
    Operations {
        roots: fixture.roots.clone(),
        tasks: Tasks::new(&fixture.roots.procfs),
        tree: None,
        timely: Timely::default(),
    }
}

fn of(part: Part) -> Scope {
    Scope { part: Some(part), ..Scope::default() }
}

fn of_process(pid: i32) -> Scope {
    Scope { processes: vec![Identity { pid, start_ticks: 1 }], ..Scope::default() }
}

#[test]
fn compaction_goes_to_its_node_and_caches_to_the_machine() {
    let fixture = Fixture::new();
    fixture
        .file("sys/devices/system/node/node1/compact", "")
        .file("proc/sys/vm/compact_memory", "")
        .file("proc/sys/vm/drop_caches", "0");
    let operations = operations(&fixture);
    let written = |path: &str| std::fs::read_to_string(fixture.path(path)).unwrap();
    operations.perform(&Deed::Compact, &of(Part::new(PartClass::Node, "1"))).unwrap();
    assert_eq!(
        (written("sys/devices/system/node/node1/compact"), written("proc/sys/vm/compact_memory")),
        ("1".to_owned(), String::new())
    );
    operations.perform(&Deed::Compact, &of(Part::machine())).unwrap();
    operations.perform(&Deed::DropCaches, &of(Part::machine())).unwrap();
    assert_eq!(
        (written("proc/sys/vm/compact_memory"), written("proc/sys/vm/drop_caches")),
        ("1".to_owned(), "1".to_owned())
    );
    for name in ["2", "../1", ""] {
        let missing = operations.perform(&Deed::Compact, &of(Part::new(PartClass::Node, name)));
        assert!(missing.is_err(), "{name}");
    }
}

#[test]
fn free_memory_is_told_by_node_and_size_of_block() {
    let fixture = Fixture::new();
    let line = |node, counts: &str| format!("Node {node}, zone   Normal {counts}\n");
    let zones = line(0, "8 0 0 0 0 0 0 0 0 0 0") + &line(1, "0 0 0 0 0 0 0 0 0 3 1");
    fixture.file("proc/buddyinfo", &zones);
    let operations = operations(&fixture);
    let free = |part| operations.measure(&Deed::Compact, &of(part)).unwrap();
    assert_eq!(free(Part::new(PartClass::Node, "0")), Measured::Free { free: 8 << 12, in_large_blocks: 0 });
    let large = (3 << 21) + (1 << 22);
    assert_eq!(free(Part::new(PartClass::Node, "1")), Measured::Free { free: large, in_large_blocks: large });
    assert_eq!(free(Part::machine()), Measured::Free { free: (8 << 12) + large, in_large_blocks: large });
}

#[test]
fn what_is_missing_or_malformed_is_an_error_and_no_zero() {
    let fixture = Fixture::new();
    let operations = operations(&fixture);
    let machine = || of(Part::machine());
    for deed in [Deed::Compact, Deed::DropCaches] {
        assert!(operations.measure(&deed, &machine()).is_err(), "{}", deed.name());
    }
    assert!(operations.measure(&Deed::StandBy, &of(Part::new(PartClass::Disk, "sda"))).is_err());
    assert!(operations.measure(&Deed::Reclaim { bytes: 1 }, &of_process(7)).is_err());
    fixture.file("proc/meminfo", "MemTotal: 9 kB\nCached: 5 kB\nShmem: 1 kB\n").file("proc/buddyinfo", "Node x\n");
    assert!(operations.measure(&Deed::Compact, &machine()).is_err());
    assert!(operations.measure(&Deed::DropCaches, &machine()).is_err(), "without pressure there is no reason");
    let pressure = "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
    fixture.file("proc/pressure/memory", pressure);
    let cache = operations.measure(&Deed::DropCaches, &machine()).unwrap();
    assert_eq!(cache, Measured::Cache { pressure: 0.125, cached: 4 << 10, total: 9 << 10 });
}

#[test]
fn memory_of_a_job_is_that_of_its_processes() {
    let fixture = Fixture::new();
    let status = "Name:\tx\nVmRSS:\t  40 kB\nRssAnon:\t  30 kB\nVmSwap:\t   2 kB\n";
    fixture
        .file("proc/7/status", status)
        .file("proc/8/status", "Name:\tzombie\n")
        .file("proc/meminfo", "SwapFree: 5 kB\n")
        .file("proc/self/numa_maps", "")
        .file(
            "proc/7/numa_maps",
            "7f00 default anon=3 N0=1 N1=2 kernelpagesize_kB=4\n7f10 bind:1 N1=1 kernelpagesize_kB=2048\n",
        )
        .file("sys/devices/system/node/node0/meminfo", "Node 0 MemFree:  6 kB\n")
        .file("sys/devices/system/node/online", "0\n");
    let operations = operations(&fixture);
    let mut scope = of_process(7);
    scope.processes.extend(of_process(8).processes);
    // 9 has ended.
    scope.processes.extend(of_process(9).processes);
    let job = Measured::Job { resident: 40 << 10, anonymous: 30 << 10, swapped: 2 << 10, swap_free: 5 << 10 };
    assert_eq!(operations.measure(&Deed::Cool, &scope).unwrap(), job);
    let deed = Deed::MovePages { from: [0].into(), to: [1].into() };
    let nodes = operations.measure(&deed, &scope).unwrap();
    let (job, free) = ([(0, 1 << 12), (1, (2 << 12) + (2 << 20))].into(), [(0, 6 << 10)].into());
    assert_eq!(nodes, Measured::Nodes { job, free });
}

#[test]
fn a_disk_is_told_by_whether_it_turns_and_works() {
    let fixture = Fixture::new();
    fixture
        .file("sys/block/sda/queue/rotational", "1\n")
        .file("sys/block/sda/inflight", "       1        2\n")
        .file("sys/block/sda/dev", "8:0\n");
    let operations = operations(&fixture);
    let sda = of(Part::new(PartClass::Disk, "sda"));
    let measured = operations.measure(&Deed::StandBy, &sda).unwrap();
    assert_eq!(measured, Measured::Disk { rotational: true, in_flight: 3 });
    for name in ["../sda", "", "null"] {
        assert!(operations.perform(&Deed::StandBy, &of(Part::new(PartClass::Disk, name))).is_err(), "{name}");
    }
}
