//! `free -b` and `swapon --show` against the sample of the same moment.

use plotwarden::kernel::{Roots, clock};
use plotwarden::sample::{HostSample, HostSampler};
use plotwarden::units::Bytes;

use crate::tool;

/// Programs come and go between the two readings: a twentieth of the memory may be elsewhere.
const TOLERANCE: u64 = 20;

/// The numbers behind `Mem:` or `Swap:`.
fn row(free: &str, name: &str) -> Vec<u64> {
    let line = free.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().skip(1).map(|number| number.parse().unwrap()).collect()
}

fn sample() -> HostSample {
    HostSampler::new(&Roots::standard(), None).sample(clock::now())
}

#[test]
fn memory_is_what_free_says() {
    let Some(free) = tool("free", &["-b"]) else { return };
    let memory = sample().memory.unwrap();
    let [total, _, unused, shared, caches, available] = row(&free, "Mem:")[..] else { panic!("{free}") };
    let [swap_total, _, swap_free] = row(&free, "Swap:")[..] else { panic!("{free}") };
    assert_eq!(memory.total, Some(Bytes(total)));
    assert_eq!(memory.swap_total, Some(Bytes(swap_total)));
    let sum = [memory.buffers, memory.cached, memory.slab_reclaimable].map(|part| part.unwrap().0).iter().sum();
    for (what, ours, theirs) in [
        ("free", memory.free.unwrap().0, unused),
        ("shared", memory.shmem.unwrap().0, shared),
        ("buff/cache", sum, caches),
        ("available", memory.available.unwrap().0, available),
        ("free swap", memory.swap_free.unwrap().0, swap_free),
    ] {
        assert!(ours.abs_diff(theirs) <= total / TOLERANCE, "{what}: {ours}, and {theirs} by free");
    }
}

#[test]
fn swap_devices_are_those_of_swapon() {
    let Some(shown) = tool("swapon", &["--show=NAME,SIZE,PRIO", "--bytes", "--noheadings", "--raw"]) else { return };
    let sample = sample();
    let ours: Vec<String> = sample
        .memory_places
        .swaps
        .iter()
        .map(|swap| format!("{} {} {}", swap.path.replace(' ', "\\x20"), swap.size.0, swap.priority))
        .collect();
    assert_eq!(ours, shown.lines().collect::<Vec<_>>());
}

#[test]
fn nodes_have_the_memory_of_the_machine() {
    let sample = sample();
    let nodes = &sample.memory_places.nodes;
    if nodes.is_empty() {
        eprintln!("SKIPPED: this kernel has no NUMA nodes");
        return;
    }
    let of_nodes: u64 = nodes.iter().map(|node| node.memory.total.unwrap().0).sum();
    assert_eq!(Bytes(of_nodes), sample.memory.unwrap().total.unwrap());
}
