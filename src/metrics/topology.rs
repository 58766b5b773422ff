//! What the CPUs are and how they lie, as labels to join measurements with.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::family::{Family, Samples};
use super::snapshot::Snapshot;
use super::value::Fact;
use crate::inventory::{Cpu, DesignPowerSource, FrequencyPolicy};
use crate::units::Bytes;

pub(super) const FAMILIES: &[Family] = &[
    Family::info("plotwarden_cpu_info", "The processors; one package of an ARM board may hold several.")
        .by(&["package", "vendor", "family", "model", "model_name", "stepping", "microcode", "microarchitecture"])
        .from("/proc/cpuinfo")
        .drawn(processors),
    Family::info("plotwarden_cpu_topology_info", "Where each CPU that is online lies.")
        .by(&["cpu", "core", "package", "node"])
        .from("/sys/devices/system/cpu/cpuN/topology")
        .drawn(|s, out| {
            for cpu in cpu(s).topology.cpus.iter().filter(|cpu| cpu.online) {
                out.fact([cpu.cpu.into(), cpu.core.into(), cpu.package.into(), cpu.node.into()]);
            }
        }),
    Family::gauge("plotwarden_cpu_cores", "Cores that are online.")
        .from("/sys/devices/system/cpu/cpuN/topology")
        .drawn(|s, out| out.one(cpu(s).topology.cores)),
    Family::gauge("plotwarden_cpu_sockets", "Packages that are online.")
        .from("/sys/devices/system/cpu/cpuN/topology")
        .drawn(|s, out| out.one(cpu(s).topology.sockets)),
    Family::gauge("plotwarden_cpu_smt_active", "1 if some core runs two threads at once.")
        .from("/sys/devices/system/cpu/smt/active")
        .drawn(|s, out| out.one(cpu(s).topology.smt.active)),
    Family::info("plotwarden_cpu_flag_info", "Instructions of all CPUs that make plotters faster.")
        .by(&["flag"])
        .from("/proc/cpuinfo")
        .drawn(|s, out| {
            for flag in cpu(s).simd.iter().flatten() {
                out.fact([flag.into()]);
            }
        }),
    Family::gauge("plotwarden_cpu_caches", "Number of caches by level and kind.")
        .by(&["level", "kind"])
        .from("/sys/devices/system/cpu/cpuN/cache")
        .drawn(|s, out| caches(s, out, |caches| caches.count)),
    Family::gauge("plotwarden_cpu_cache_bytes", "Size of all caches of a level and kind together.")
        .by(&["level", "kind"])
        .from("/sys/devices/system/cpu/cpuN/cache")
        .drawn(|s, out| caches(s, out, |caches| caches.size)),
    Family::info("plotwarden_cpu_cache_info", "The caches that several cores share, with their CPUs.")
        .by(&["level", "kind", "cpus"])
        .from("/sys/devices/system/cpu/cpuN/cache")
        .drawn(shared_caches),
    Family::info("plotwarden_numa_node_info", "The NUMA nodes with their CPUs.")
        .by(&["node", "cpus"])
        .from("/sys/devices/system/node/nodeN/cpulist")
        .drawn(|s, out| {
            for node in &cpu(s).numa_nodes {
                out.fact([node.node.into(), (&ranges(&node.cpus)).into()]);
            }
        }),
    Family::gauge("plotwarden_numa_distance", "How far the memory of a node is from another one; 10 is its own.")
        .by(&["node", "to"])
        .from("/sys/devices/system/node/nodeN/distance")
        .drawn(|s, out| {
            for node in &cpu(s).numa_nodes {
                for (to, distance) in &node.distances {
                    out.add([node.node.into(), (*to).into()], *distance);
                }
            }
        }),
    Family::gauge("plotwarden_cpu_frequency_min_hertz", "Least frequency that each CPU can have.")
        .by(&["cpu"])
        .from("/sys/devices/system/cpu/cpufreq cpuinfo_min_freq")
        .drawn(|s, out| frequencies(s, out, |policy| policy.min)),
    Family::gauge("plotwarden_cpu_frequency_max_hertz", "Greatest frequency that each CPU can have.")
        .by(&["cpu"])
        .from("/sys/devices/system/cpu/cpufreq cpuinfo_max_freq")
        .drawn(|s, out| frequencies(s, out, |policy| policy.max)),
    Family::gauge("plotwarden_cpu_frequency_base_hertz", "Frequency of each CPU under full load at its design power.")
        .by(&["cpu"])
        .from("/sys/devices/system/cpu/cpufreq base_frequency, cpuN/acpi_cppc/nominal_freq")
        .drawn(|s, out| frequencies(s, out, |policy| policy.base)),
    Family::gauge(
        "plotwarden_cpu_design_power_watts",
        "Power that the cooling of each package must be made for: as the processor says, or as published for the model.",
    )
    .by(&["package", "source"])
    .from("/sys/class/powercap, model table")
    .drawn(|s, out| {
        for processor in &cpu(s).processors {
            let source = processor.design_power_source.map(DesignPowerSource::name);
            out.add([processor.package.into(), source.into()], processor.design_power);
        }
    }),
];

fn cpu(s: &Snapshot) -> &Cpu {
    &s.inventory.cpu.facts
}

fn processors(s: &Snapshot, out: &mut Samples<'_>) {
    for processor in &cpu(s).processors {
        out.fact([
            processor.package.into(),
            processor.vendor.as_deref().into(),
            processor.family.into(),
            processor.model.into(),
            processor.model_name.as_deref().into(),
            processor.stepping.as_deref().into(),
            processor.microcode.as_deref().into(),
            processor.microarchitecture.into(),
        ]);
    }
}

fn frequencies<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&FrequencyPolicy) -> T) {
    for policy in &cpu(s).frequency_policies {
        for number in &policy.cpus {
            out.add([(*number).into()], pick(policy));
        }
    }
}

/// All caches of one level and kind.
struct Caches {
    count: u32,
    /// `None` if the size of one is not known.
    size: Option<Bytes>,
}

fn caches<T: Fact>(s: &Snapshot, out: &mut Samples<'_>, pick: fn(&Caches) -> T) {
    let mut all: BTreeMap<(u32, &'static str), Caches> = BTreeMap::new();
    for cache in &cpu(s).caches {
        let same = all.entry((cache.level, cache.kind.name())).or_insert(Caches { count: 0, size: Some(Bytes(0)) });
        same.count += 1;
        same.size = same.size.zip(cache.size).map(|(sum, size)| Bytes(sum.0.saturating_add(size.0)));
    }
    for ((level, kind), caches) in &all {
        out.add([(*level).into(), (*kind).into()], pick(caches));
    }
}

fn shared_caches(s: &Snapshot, out: &mut Samples<'_>) {
    let threads = cpu(s).topology.threads_per_core;
    let of_several_cores = |cpus: &[u32]| threads.is_some_and(|threads| cpus.len() > threads as usize);
    for cache in cpu(s).caches.iter().filter(|cache| of_several_cores(&cache.cpus)) {
        out.fact([cache.level.into(), cache.kind.name().into(), (&ranges(&cache.cpus)).into()]);
    }
}

/// `0-15,64-79`, as the kernel writes it.
fn ranges(cpus: &[u32]) -> String {
    let mut text = String::new();
    for range in cpus.chunk_by(|before, after| before.checked_add(1) == Some(*after)) {
        let comma = if text.is_empty() { "" } else { "," };
        // Writing to a text cannot fail.
        let _ = match range {
            [from, .., to] => write!(text, "{comma}{from}-{to}"),
            other => other.iter().try_for_each(|cpu| write!(text, "{comma}{cpu}")),
        };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_cpus_are_written_as_the_kernel_does() {
        assert_eq!(ranges(&[0, 1, 2, 5, 8, 9]), "0-2,5,8-9");
        assert_eq!((ranges(&[]).as_str(), ranges(&[7]).as_str()), ("", "7"));
    }
}
