//! Whether the kernel tells what jobs wait for.

use super::{Capability, CapabilityState, Surroundings, outside_of_containers};
use crate::kernel::privilege::Privilege;
use crate::kernel::taskstats::{Accounting, TaskStats};

impl Surroundings<'_> {
    pub(super) fn delay_accounting(&self) -> Capability {
        const SURFACE: &str = "delay-accounting";
        match TaskStats::open(self.roots).map(|mut stats| stats.accounting()) {
            Ok(Accounting::On) => Capability::usable(SURFACE),
            Ok(Accounting::Off) => Capability {
                surface: SURFACE,
                state: CapabilityState::Limited,
                reason: "kernel.task_delayacct is 0: of what jobs wait for, only CPUs are counted".to_owned(),
                mend:
                    "sysctl kernel.task_delayacct=1, or delayacct on the kernel's command line; jobs that are started \
                       from then on are counted"
                        .to_owned(),
            },
            Err(error) => {
                let mend = self.lacks(Privilege::NetAdmin).map_or_else(outside_of_containers, |lack| lack.mend);
                Capability::unusable(SURFACE, error.to_string(), &mend)
            }
        }
    }
}
