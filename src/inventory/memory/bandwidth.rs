//! Bandwidth of the memory of each node, measured because somebody asked for it: it takes all CPUs of a node for up to two
//! seconds, and memory that nobody uses.

use std::collections::BTreeMap;
use std::path::Path;

use super::Memory;
use crate::inventory::Part;
use crate::kernel::memory_bandwidth::{measure, our_cpus};
use crate::kernel::{KernelError, Roots, attribute, file, text};
use crate::sample::MemorySample;
use crate::units::{Bytes, BytesPerSecond};

/// Buffers so many times as large as the last caches are copied from memory, not from the caches.
const BEYOND_CACHES: u64 = 4;
/// Also where the kernel does not tell of caches.
const SMALLEST: u64 = 256 << 20;
/// Faulting in more would take longer than copying it.
const LARGEST: u64 = 2 << 30;
/// Of the memory that is available, at most.
const SHARE_OF_AVAILABLE: u64 = 8;
/// Of the memory that is free on the node, at most: for more, the kernel would look on other nodes.
const SHARE_OF_FREE: u64 = 2;

/// Measures each node in turn and enters what was found; why a node was not measured becomes a problem of the part.
pub fn measure_bandwidth(roots: &Roots, memory: &mut Part<Memory>) {
    let Some(nodes) = &mut memory.facts.nodes else {
        let why = "the bandwidth of the memory is measured on each node, and the kernel tells of none";
        return memory.problems.push(why.to_owned());
    };
    for node in nodes {
        match measure_node(roots, node.node) {
            Ok(BytesPerSecond(rate)) => node.bandwidth = Some(BytesPerSecond(rate.round())),
            Err(why) => memory.problems.push(why),
        }
    }
}

fn measure_node(roots: &Roots, node: u32) -> Result<BytesPerSecond, String> {
    let said = |error: KernelError| error.to_string();
    let directory = roots.sys("devices/system/node").join(format!("node{node}"));
    let is_ours = our_cpus().map_err(said)?;
    let mut cpus = attribute::cpu_list(&directory.join("cpulist")).map_err(said)?;
    cpus.retain(|cpu| is_ours(*cpu));
    let of_machine = file::read(&roots.proc("meminfo"), MemorySample::parse).map_err(said)?;
    let of_node = file::read(&directory.join("meminfo"), MemorySample::parse).map_err(said)?;
    let size = size_of_buffers(of_machine.available, of_node.free, last_caches(roots, &cpus));
    let Bytes(size) =
        size.ok_or_else(|| format!("the bandwidth of node {node} was not measured: too little is free"))?;
    measure(node, &cpus, size).map_err(said)
}

/// `None` if what may be used is too little to say anything of the memory.
fn size_of_buffers(available: Option<Bytes>, free_on_node: Option<Bytes>, caches: Bytes) -> Option<Bytes> {
    let wanted = caches.0.saturating_mul(BEYOND_CACHES).clamp(SMALLEST, LARGEST);
    let allowed = (available?.0 / SHARE_OF_AVAILABLE).min(free_on_node?.0 / SHARE_OF_FREE);
    let size = wanted.min(allowed);
    (size >= SMALLEST / 4 && size > caches.0).then_some(Bytes(size))
}

/// All caches of the highest level that the CPUs have, together; each counts once, however many CPUs share it.
fn last_caches(roots: &Roots, cpus: &[u32]) -> Bytes {
    let mut caches = BTreeMap::new();
    for cpu in cpus {
        let directory = roots.sys(format!("devices/system/cpu/cpu{cpu}/cache"));
        let names = attribute::entries(&directory).unwrap_or_default();
        let all = names.iter().filter_map(|name| cache(&directory.join(name)));
        if let Some((level, shared_by, size)) = all.max_by_key(|(level, ..)| *level) {
            caches.insert((level, shared_by), size);
        }
    }
    Bytes(caches.values().sum())
}

/// Level, the CPUs that share it, and size (`Documentation/ABI/testing/sysfs-devices-system-cpu`).
fn cache(directory: &Path) -> Option<(u64, String, u64)> {
    let level = attribute::decimal(&directory.join("level")).ok()?;
    let size = attribute::text(&directory.join("size")).ok()?;
    let kibibytes = text::decimal(size.strip_suffix('K')?.as_bytes())?;
    Some((level, attribute::text(&directory.join("shared_cpu_list")).ok()?, kibibytes.checked_mul(1024)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Inventory, Status};
    use crate::kernel::clock;
    use crate::kernel::fixture::{Fixture, at};

    const MIB: u64 = 1 << 20;
    const GIB: u64 = 1 << 30;

    #[test]
    fn buffers_are_larger_than_caches_and_leave_the_machine_its_memory() {
        let size = |available, free, caches| {
            size_of_buffers(Some(Bytes(available)), Some(Bytes(free)), Bytes(caches)).map(|size| size.0)
        };
        assert_eq!(size(64 * GIB, 16 * GIB, 32 * MIB), Some(256 * MIB));
        assert_eq!(size(64 * GIB, 16 * GIB, 128 * MIB), Some(512 * MIB));
        assert_eq!(size(1024 * GIB, 900 * GIB, 768 * MIB), Some(2 * GIB));
        assert_eq!(size(GIB, GIB, 32 * MIB), Some(128 * MIB));
        assert_eq!(size(GIB, GIB, 128 * MIB), None, "as large as the caches");
        assert_eq!(size(64 * GIB, 100 * MIB, 0), None, "the node is full");
        assert_eq!(size_of_buffers(None, Some(Bytes(GIB)), Bytes(0)), None);
    }

    #[test]
    fn shared_caches_count_once_and_only_those_of_the_highest_level() {
        let fixture = Fixture::new();
        for (cpu, shared, size) in [(0, "0-1", "32768K"), (1, "0-1", "32768K"), (2, "2-3", "16384K"), (3, "x", "huge")]
        {
            let cache = format!("sys/devices/system/cpu/cpu{cpu}/cache");
            fixture
                .file(&format!("{cache}/index0/level"), "1")
                .file(&format!("{cache}/index0/size"), "48K")
                .file(&format!("{cache}/index0/shared_cpu_list"), shared)
                .file(&format!("{cache}/index3/level"), "3")
                .file(&format!("{cache}/index3/size"), size)
                .file(&format!("{cache}/index3/shared_cpu_list"), shared);
        }
        assert_eq!(last_caches(&fixture.roots, &[0, 1, 2]), Bytes(48 * MIB));
        assert_eq!(last_caches(&fixture.roots, &[7]), Bytes(0));
    }

    #[test]
    fn where_it_cannot_be_measured_it_stays_unknown_and_is_said() {
        let mut memory = Inventory::read(&Fixture::new().roots, at(clock::now().boot)).memory;
        assert_eq!(memory.status, Status::Failed);
        measure_bandwidth(&Fixture::new().roots, &mut memory);
        assert!(memory.problems.iter().any(|problem| problem.contains("tells of none")), "{:?}", memory.problems);
    }
}
