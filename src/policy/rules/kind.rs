//! The kinds of documents.

use std::fmt;

/// What a document is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, schemars::JsonSchema)]
pub enum Kind {
    /// Bounds that no policy passes, whatever its class.
    Guardrail,
    /// Plots step back while a resource is contended: severity, bands, and stages that begin at a band.
    Contention,
    /// How many plots at once, and in which phases.
    Allocation,
    /// What may be moved where, and how often.
    Rebalance,
    /// Memory of jobs and of the machine.
    Memory,
    /// Cores, nodes and clocks of jobs.
    Cpu,
    /// Disks and what jobs may do to them.
    Storage,
    /// Classes of traffic on an interface.
    Network,
    /// Watts, clocks and fans.
    Power,
    /// A trend under a name, which must prove itself before anybody may act on it.
    Forecast,
    /// One budget that several machines share.
    FleetBudget,
    /// Tests of policies that stand elsewhere, or of several at once.
    PolicyTest,
}

impl Kind {
    pub const ALL: [Self; 12] = [
        Self::Guardrail,
        Self::Contention,
        Self::Allocation,
        Self::Rebalance,
        Self::Memory,
        Self::Cpu,
        Self::Storage,
        Self::Network,
        Self::Power,
        Self::Forecast,
        Self::FleetBudget,
        Self::PolicyTest,
    ];

    pub const NAMES: [&'static str; 12] = [
        "Guardrail",
        "Contention",
        "Allocation",
        "Rebalance",
        "Memory",
        "Cpu",
        "Storage",
        "Network",
        "Power",
        "Forecast",
        "FleetBudget",
        "PolicyTest",
    ];

    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize]
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it acts by stages.
    pub fn is_staged(self) -> bool {
        (Self::Allocation..=Self::Power).contains(&self)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_name() {
        for kind in Kind::ALL {
            assert_eq!((Kind::from_name(kind.name()), format!("{kind:?}")), (Some(kind), kind.name().to_owned()));
        }
        assert_eq!(Kind::ALL.into_iter().filter(|kind| kind.is_staged()).count(), 7);
    }
}
