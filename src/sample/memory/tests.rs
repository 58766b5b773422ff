//! The memory of machines that we do not have, and of this one.

use super::*;
use crate::kernel::clock;
use crate::kernel::fixture::{Fixture, at};
use crate::units::Bytes;

const KIB: u64 = 1024;
const GIB: u64 = 1 << 30;

fn second(number: u64) -> Moment {
    at(Duration::from_secs(number))
}

fn sample(fixture: &Fixture) -> (MemoryTick, Vec<SampleProblem>) {
    let mut problems = Vec::new();
    let tick = MemorySampler::new(&fixture.roots).sample(second(1), &mut problems);
    (tick, problems)
}

#[test]
fn a_server_tells_of_its_nodes_pools_and_errors() {
    let (tick, problems) = sample(&Fixture::of_machine("dual-socket-server"));
    assert_eq!(problems, []);
    let (memory, vmstat) = (tick.memory.unwrap(), tick.vmstat.unwrap());
    assert_eq!((memory.corrupted, memory.hugetlb), (Some(Bytes(4 * KIB)), Some(Bytes(64 * GIB))));
    assert_eq!((vmstat.allocstall, vmstat.pgscan_khugepaged), (Some(357), Some(99)));
    let nodes = &tick.places.nodes;
    assert_eq!(nodes.iter().map(|node| node.node).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(nodes[3].memory.free, Some(Bytes(8_167_000 * KIB)));
    assert_eq!(nodes[3].allocations.as_ref().unwrap().foreign, Some(300_086));
    let pool = &tick.places.huge_pages[1];
    assert_eq!((pool.size.as_str(), pool.pool, pool.free), ("1048576kB", Bytes(64 * GIB), Bytes(44 * GIB)));
    let full = tick.places.free_blocks.last().unwrap();
    assert_eq!((full.node, full.zone.as_str(), full.by_order[0], full.by_order[10]), (3, "Normal", 90_211, 0));
    let controllers = &tick.errors.controllers;
    let [_, failing] = &controllers[5].modules[..] else { panic!("two modules") };
    assert_eq!((controllers[5].corrected, failing.corrected, failing.uncorrected), (Some(17), Some(17), Some(0)));
    assert_eq!(failing.label.as_deref(), Some("CPU_SrcID#1_MC#1_Chan#1_DIMM#0"));
    assert_eq!((controllers[2].uncorrected, controllers[2].uncorrected_unlocated), (Some(1), Some(1)));
}

#[test]
fn a_desktop_swaps_to_compressed_memory() {
    let (tick, problems) = sample(&Fixture::of_machine("desktop"));
    assert_eq!(problems, []);
    let [zram] = &tick.places.zram[..] else { panic!("one device") };
    assert_eq!((zram.original, zram.compressed), (Bytes(2 * GIB), Bytes(GIB / 2)));
    assert_eq!((tick.places.swaps[0].used, tick.errors.controllers.len()), (Bytes(2 * GIB), 0));
}

#[test]
fn what_a_machine_does_not_have_is_absent_and_no_problem() {
    let (tick, problems) = sample(&Fixture::of_machine("arm-board"));
    assert_eq!(problems, []);
    assert_eq!((tick.places.nodes.len(), tick.places.huge_pages.len(), tick.places.zram.len()), (0, 0, 0));
    assert_eq!((tick.memory.unwrap().cma_total, tick.vmstat.unwrap().numa_hit), (Some(Bytes(64 << 20)), None));

    let (tick, problems) = sample(&Fixture::of_machine("old-kernel"));
    assert_eq!(problems, []);
    let (memory, vmstat) = (tick.memory.unwrap(), tick.vmstat.unwrap());
    assert_eq!((memory.file_huge, memory.per_cpu, vmstat.pgscan_khugepaged), (None, None, None));
    assert_eq!((vmstat.workingset_refault_file, vmstat.allocstall), (Some(55_512), Some(11)));
    let row = &tick.errors.controllers[0].modules[0];
    assert_eq!((row.name.as_str(), row.corrected), ("csrow0", Some(0)));

    let (tick, problems) = sample(&Fixture::of_machine("container"));
    assert_eq!(problems.iter().map(|problem| problem.part).collect::<Vec<_>>(), ["vmstat"]);
    assert_eq!((tick.memory.unwrap().anonymous.is_some(), tick.vmstat), (true, None));
    assert_eq!(*tick.places, MemoryPlaces::default());
}

#[test]
fn a_broken_file_is_told_until_it_is_read_again() {
    let fixture = Fixture::of_machine("dual-socket-server");
    fixture
        .file("proc/buddyinfo", "Node 0, zone\n")
        .file("proc/swaps", [0xff; 100])
        .file("sys/devices/system/node/node2/meminfo", "")
        .file("sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages", "many\n")
        .file("sys/devices/system/edac/mc/mc3/ce_count", "-1\n");
    let mut sampler = MemorySampler::new(&fixture.roots);
    let mut parts = |number| {
        let mut problems = Vec::new();
        sampler.sample(second(number), &mut problems);
        problems.iter().map(|problem| problem.part).collect::<Vec<_>>()
    };
    let all = ["memory_nodes", "huge_pages", "free_blocks", "swaps", "memory_errors"];
    assert_eq!(parts(0), all);
    fixture.file("proc/buddyinfo", "").file("sys/devices/system/edac/mc/mc3/ce_count", "1\n");
    assert_eq!(parts(4), all, "read every 5 s only");
    assert_eq!(parts(5), ["memory_nodes", "huge_pages", "swaps", "memory_errors"]);
    assert_eq!(parts(15), ["memory_nodes", "huge_pages", "swaps"]);
}

#[test]
fn this_machine_tells_each_tick_what_happened() {
    let mut sampler = MemorySampler::new(&Roots::standard());
    let mut problems = Vec::new();
    let mut faults = || sampler.sample(clock::now(), &mut problems).vmstat.unwrap().pgfault.unwrap();
    let before = faults();
    std::process::Command::new("true").status().unwrap();
    assert!(faults() > before, "no program starts without page faults");
    assert_eq!(problems, []);
}

/// What a tick costs; run alone, optimised: `cargo test --release --lib sample::memory -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement, not a test"]
fn cost_of_a_tick() {
    let of = |roots: &Roots, name: &str| {
        let mut sampler = MemorySampler::new(roots);
        for (what, step) in [("each tick", 0), ("every 5 s", 5), ("every 15 s", 15)] {
            let mut problems = Vec::new();
            let begin = std::time::Instant::now();
            for number in 0..2000 {
                let moment = at(Duration::from_secs(10 + number * step));
                std::hint::black_box(sampler.sample(moment, &mut problems));
            }
            println!("{name}: {what}: {:?}", begin.elapsed() / 2000);
        }
    };
    of(&Roots::standard(), "this machine");
    of(&Fixture::of_machine("dual-socket-server").roots, "files of a server");
}
