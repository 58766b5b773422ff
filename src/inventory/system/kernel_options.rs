//! Of the options that the kernel was booted with, those that change what can be measured and controlled. The others may
//! be secrets, and stay where they are.
//!
//! Source: `Documentation/admin-guide/kernel-parameters.txt`.

use crate::kernel::{KernelError, Roots, file, text};

const TOLD: [&str; 27] = [
    "amd_pstate",
    "cgroup_disable",
    "cgroup_no_v1",
    "cpufreq.default_governor",
    "default_hugepagesz",
    "hugepages",
    "hugepagesz",
    "idle",
    "intel_idle.max_cstate",
    "intel_pstate",
    "irqaffinity",
    "isolcpus",
    "maxcpus",
    "mem",
    "mitigations",
    "nohz_full",
    "nosmt",
    "nr_cpus",
    "numa",
    "numa_balancing",
    "processor.max_cstate",
    "psi",
    "rcu_nocbs",
    "systemd.unified_cgroup_hierarchy",
    "threadirqs",
    "transparent_hugepage",
    "zswap.enabled",
];
/// No sane value is longer, and none is a text for people.
const LONGEST: usize = 200;

/// Those of `/proc/cmdline`, each as it stands there.
pub(super) fn read(roots: &Roots) -> Result<Vec<String>, KernelError> {
    file::read(&roots.proc("cmdline"), |bytes| Ok(parse(bytes)))
}

fn parse(bytes: &[u8]) -> Vec<String> {
    // What follows two dashes is for the first process.
    let options = text::fields(bytes).take_while(|option| *option != b"--");
    let matters = |option: &&[u8]| {
        let name = option.split(|byte| *byte == b'=').next().unwrap_or_default();
        option.len() <= LONGEST && TOLD.iter().any(|told| told.as_bytes() == name)
    };
    options.filter(matters).map(text::lossy).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_options_that_matter_are_told() {
        let line = b"BOOT_IMAGE=/vmlinuz root=/dev/sda1 cryptkey=secret psi=1 isolcpus=2-3,8 nosmt quiet -- psi=0\n";
        assert_eq!(parse(line), ["psi=1", "isolcpus=2-3,8", "nosmt"]);
    }

    #[test]
    fn hostile_lines_are_survived() {
        let long = format!("psi={} mitigations=off", "1".repeat(5000));
        assert_eq!(parse(long.as_bytes()), ["mitigations=off"]);
        assert_eq!(parse(b"psi=\xff ==== =\0 psi\n"), ["psi=\u{fffd}", "psi"]);
        assert!(parse(b"").is_empty());
    }
}
