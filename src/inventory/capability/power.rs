//! What the machine tells about its power and heat.

use super::{Capability, CapabilityState, Surroundings};
use crate::kernel::powercap::Zone;
use crate::kernel::{KernelError, attribute, hwmon};

/// Energy counters are for root alone since they were found to give away what other processes compute.
const RIGHT_TO_READ: &str = "run as root, or: sudo setcap cap_dac_read_search+ep \"$(command -v plotwarden)\"";

impl Surroundings<'_> {
    pub(super) fn energy(&self) -> Capability {
        const SURFACE: &str = "energy";
        let zones = Zone::all(self.roots).unwrap_or_default();
        let read: Vec<_> = zones.into_iter().map(|zone| attribute::decimal(&zone?.energy())).collect();
        let failed: Vec<&KernelError> = read.iter().filter_map(|read| read.as_ref().err()).collect();
        let Some(first) = failed.first() else {
            let no_zones = || {
                let reason = "no zone counts its energy: the CPU has no RAPL, or its driver is not loaded".to_owned();
                Capability::unusable(SURFACE, reason, "modprobe intel_rapl_msr (AMD too); not in virtual machines")
            };
            return if read.is_empty() { no_zones() } else { Capability::usable(SURFACE) };
        };
        let mend = if first.is_forbidden() { RIGHT_TO_READ.to_owned() } else { super::outside_of_containers() };
        let state = if failed.len() == read.len() { CapabilityState::Unusable } else { CapabilityState::Limited };
        let reason = format!("{} of {} energy counters cannot be read: {first}", failed.len(), read.len());
        Capability { surface: SURFACE, state, reason, mend }
    }

    pub(super) fn sensors(&self) -> Capability {
        const SURFACE: &str = "sensors";
        let class = hwmon::class(self.roots);
        if attribute::entries(&class).is_ok_and(|chips| !chips.is_empty()) {
            return Capability::usable(SURFACE);
        }
        let reason = format!("no sensor chip has a driver: {} is empty or not there", class.display());
        Capability::unusable(SURFACE, reason, "sensors-detect (package lm-sensors), then modprobe what it names")
    }
}

#[cfg(test)]
mod tests {
    use super::super::probe;
    use super::*;
    use crate::kernel::cgroup::Mounts;
    use crate::kernel::fixture::Fixture;

    fn of(fixture: &Fixture, surface: &str) -> Capability {
        let found = probe(&fixture.roots, Mounts::read(&fixture.roots), None, false);
        found.into_iter().find(|capability| capability.surface == surface).unwrap()
    }

    #[test]
    fn energy_is_usable_where_each_counter_can_be_read() {
        let server = Fixture::of_machine("dual-socket-server");
        assert_eq!(of(&server, "energy"), Capability::usable("energy"));
        server.file("sys/class/powercap/intel-rapl:0/energy_uj", "nothing\n");
        let limited = of(&server, "energy");
        assert_eq!(limited.state, CapabilityState::Limited);
        assert!(limited.reason.starts_with("1 of 4 energy counters"), "{limited:?}");
        let hidden = of(&Fixture::of_machine("container"), "energy");
        assert_eq!(hidden.state, CapabilityState::Unusable);
        assert!(hidden.mend.contains("outside of containers"), "{hidden:?}");
        assert!(of(&Fixture::new(), "energy").mend.contains("modprobe"));
    }

    #[test]
    fn sensors_are_usable_where_there_are_any() {
        assert_eq!(of(&Fixture::of_machine("desktop"), "sensors"), Capability::usable("sensors"));
        assert!(of(&Fixture::of_machine("container"), "sensors").mend.contains("sensors-detect"));
    }
}
