//! Whether the CPUs tell how fast they run and how long threads wait for them.

use super::Capability;
use crate::kernel::{Roots, attribute, file};

/// Frequencies are read from the policies of cpufreq, which most virtual machines do not have.
pub(super) fn frequency(roots: &Roots) -> Capability {
    const SURFACE: &str = "cpu-frequency";
    let root = roots.sys("devices/system/cpu/cpufreq");
    let policies = attribute::entries(&root).unwrap_or_default();
    let Some(first) = policies.iter().find(|name| name.starts_with("policy")) else {
        let reason = format!("no driver has a policy in {}: frequencies are not known", root.display());
        return Capability::unusable(
            SURFACE,
            reason,
            "enable P-states or CPPC in the firmware; in a guest, look on its host",
        );
    };
    match file::read(&root.join(first).join("scaling_cur_freq"), |_| Ok(())) {
        Ok(()) => Capability::usable(SURFACE),
        Err(error) => Capability::unusable(SURFACE, error.to_string(), "run as root"),
    }
}

/// Without them, how long threads wait for a CPU is known from pressure alone.
pub(super) fn run_queues(roots: &Roots) -> Capability {
    const SURFACE: &str = "run-queues";
    match file::read(&roots.proc("schedstat"), |_| Ok(())) {
        Ok(()) => Capability::usable(SURFACE),
        Err(error) => Capability::unusable(SURFACE, error.to_string(), "a kernel with CONFIG_SCHEDSTATS"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::CapabilityState;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn a_desktop_tells_and_a_container_does_not() {
        let desktop = Fixture::of_machine("desktop");
        assert_eq!(frequency(&desktop.roots).state, CapabilityState::Usable);
        assert_eq!(run_queues(&desktop.roots).state, CapabilityState::Usable);
        let container = Fixture::of_machine("container");
        for capability in [frequency(&container.roots), run_queues(&container.roots)] {
            assert_eq!(capability.state, CapabilityState::Unusable);
            assert!(!capability.reason.is_empty() && !capability.mend.is_empty());
        }
    }
}
