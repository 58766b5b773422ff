//! Facts about the CPUs that cannot all be true: whoever places threads by them should know.

use super::Cpu;
use super::cpuinfo::CpuInfo;
use crate::inventory::Survey;

/// Of facts that contradict each other for many CPUs, so many are told.
const TOLD: usize = 4;

pub(super) fn find(cpu: &Cpu, info: Option<&CpuInfo>, survey: &mut Survey) {
    let checks = [siblings(cpu), threads(cpu, info), online(cpu, info), caches(cpu), nodes(cpu), frequencies(cpu)];
    for contradictions in checks {
        for contradiction in contradictions.into_iter().take(TOLD) {
            survey.doubt(contradiction);
        }
    }
}

/// Who shares a core is shared with.
fn siblings(cpu: &Cpu) -> Vec<String> {
    let mut found = Vec::new();
    for one in cpu.topology.cpus.iter().filter(|one| !one.siblings.is_empty()) {
        if !one.siblings.contains(&one.cpu) {
            found.push(format!("CPU {} is not among the CPUs of its own core", one.cpu));
        }
        for number in &one.siblings {
            match cpu.cpu(*number) {
                None => found.push(format!("CPU {} shares its core with CPU {number}, which is not there", one.cpu)),
                Some(other) if other.online && other.siblings != one.siblings => {
                    found.push(format!("CPUs {} and {number} do not agree on who shares their core", one.cpu));
                }
                Some(_) => {}
            }
        }
    }
    found
}

fn threads(cpu: &Cpu, info: Option<&CpuInfo>) -> Vec<String> {
    let mut found = Vec::new();
    let topology = &cpu.topology;
    if let (Some(false), Some(threads @ 2..)) = (topology.smt.active, topology.threads_per_core) {
        found.push(format!("multithreading is off, but a core has {threads} threads"));
    }
    let told = info.and_then(|info| info.cpus.first()).and_then(|block| block.package_cpus.zip(block.package_cores));
    let whole = told.filter(|(cpus, cores)| *cores > 0 && cpus % cores == 0).map(|(cpus, cores)| cpus / cores);
    if let (Some(told), Some(threads)) = (whole, topology.threads_per_core)
        && told != threads
        && topology.offline.as_ref().is_none_or(Vec::is_empty)
    {
        found.push(format!("/proc/cpuinfo tells of {told} threads per core, sysfs of {threads}"));
    }
    found
}

fn online(cpu: &Cpu, info: Option<&CpuInfo>) -> Vec<String> {
    let Some(info) = info else { return Vec::new() };
    let online = &cpu.topology.online;
    let told = |number: &u32| info.cpus.iter().any(|block| block.cpu == *number);
    let missing = online.iter().filter(|number| !told(number));
    let missing = missing.map(|number| format!("CPU {number} is online, but not in /proc/cpuinfo"));
    let offline = info.cpus.iter().map(|block| block.cpu).filter(|number| !online.contains(number));
    missing.chain(offline.map(|number| format!("CPU {number} is in /proc/cpuinfo, but not online"))).collect()
}

fn caches(cpu: &Cpu) -> Vec<String> {
    let mut found = Vec::new();
    for cache in &cpu.caches {
        let (level, kind) = (cache.level, cache.kind.name());
        if let Some(number) = cache.cpus.iter().find(|number| cpu.cpu(**number).is_none()) {
            found.push(format!("a level {level} {kind} cache is shared by CPU {number}, which is not there"));
        }
        let same = |other: &&super::Cache| (other.level, other.kind) == (level, cache.kind) && *other != cache;
        let overlaps = |other: &super::Cache| other.cpus.iter().any(|number| cache.cpus.contains(number));
        if cpu.caches.iter().filter(same).any(overlaps) {
            found.push(format!("a CPU has more than one level {level} {kind} cache"));
        }
    }
    found
}

fn nodes(cpu: &Cpu) -> Vec<String> {
    let mut found = Vec::new();
    for node in &cpu.numa_nodes {
        let number = node.node;
        if let Some(stranger) = node.cpus.iter().find(|cpu_number| cpu.cpu(**cpu_number).is_none()) {
            found.push(format!("NUMA node {number} has CPU {stranger}, which is not there"));
        }
        let own = node.distances.get(&number);
        if own.is_some_and(|own| node.distances.values().any(|other| other < own)) {
            found.push(format!("NUMA node {number} is nearer to another node than to itself"));
        }
    }
    found
}

fn frequencies(cpu: &Cpu) -> Vec<String> {
    let upside_down = cpu.frequency_policies.iter().filter(|policy| {
        let wrong = |least: Option<_>, most: Option<_>| least.zip(most).is_some_and(|(least, most)| least > most);
        wrong(policy.min, policy.max) || wrong(policy.scaling_min, policy.scaling_max)
    });
    upside_down.map(|policy| format!("the least frequency of CPUs {:?} is above the greatest", policy.cpus)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::{Part, Status};
    use crate::kernel::fixture::{Fixture, at};

    const CPUS: &str = "sys/devices/system/cpu";

    /// Two CPUs with a core each, as `change` made them.
    fn survey(change: impl Fn(&Fixture)) -> Part<Cpu> {
        let fixture = Fixture::new();
        fixture
            .file("proc/cpuinfo", "processor: 0\nsiblings: 2\ncpu cores: 2\nprocessor: 1\n")
            .file("sys/devices/system/cpu/online", "0-1\n");
        for cpu in 0..2 {
            fixture.file(&format!("{CPUS}/cpu{cpu}/topology/core_id"), cpu.to_string());
            fixture.file(&format!("{CPUS}/cpu{cpu}/topology/thread_siblings_list"), cpu.to_string());
        }
        change(&fixture);
        crate::inventory::part(at(std::time::Duration::ZERO), |survey| Cpu::read(&fixture.roots, survey))
    }

    #[test]
    fn facts_that_agree_leave_no_doubt() {
        let part = survey(|_| ());
        assert_ne!(part.status, Status::Doubtful, "{:?}", part.problems);
    }

    #[test]
    fn each_contradiction_is_told() {
        let cases: &[(&str, &[(&str, &str)])] = &[
            ("do not agree", &[("cpu0/topology/thread_siblings_list", "0-1")]),
            ("not there", &[("cpu0/topology/thread_siblings_list", "0,9")]),
            ("its own core", &[("cpu0/topology/thread_siblings_list", "1")]),
            (
                "multithreading is off",
                &[
                    ("smt/active", "0"),
                    ("cpu0/topology/thread_siblings_list", "0-1"),
                    ("cpu1/topology/thread_siblings_list", "0-1"),
                ],
            ),
            (
                "threads per core, sysfs of 2",
                &[("cpu0/topology/thread_siblings_list", "0-1"), ("cpu1/topology/thread_siblings_list", "0-1")],
            ),
            ("not in /proc/cpuinfo", &[("online", "0-2")]),
            ("but not online", &[("online", "0")]),
            (
                "shared by CPU 7",
                &[
                    ("cpu0/cache/index0/level", "1"),
                    ("cpu0/cache/index0/type", "Data"),
                    ("cpu0/cache/index0/shared_cpu_list", "0,7"),
                ],
            ),
            (
                "above the greatest",
                &[
                    ("cpufreq/policy0/affected_cpus", "0"),
                    ("cpufreq/policy0/scaling_min_freq", "2000000"),
                    ("cpufreq/policy0/scaling_max_freq", "1000000"),
                ],
            ),
        ];
        for (said, files) in cases {
            let part = survey(|fixture| {
                for (name, value) in *files {
                    fixture.file(&format!("{CPUS}/{name}"), format!("{value}\n"));
                }
            });
            assert_eq!(part.status, Status::Doubtful, "{said}");
            assert!(part.problems.iter().any(|problem| problem.contains(said)), "{said}: {:?}", part.problems);
        }
    }

    #[test]
    fn many_contradictions_do_not_fill_the_page() {
        let part = survey(|fixture| {
            fixture.file("sys/devices/system/cpu/online", "0-99\n");
        });
        let about_cpuinfo = part.problems.iter().filter(|problem| problem.contains("not in /proc/cpuinfo"));
        assert_eq!(about_cpuinfo.count(), TOLD);
    }
}
