//! What a knob belongs to: a job, or a part of the machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plotter::JobId;

/// What a claim is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    Job(JobId),
    Part(Part),
}

/// A part of the machine with knobs of its own, as the kernel names it: `cpu/3`, `disk/nvme0n1`, `power-zone/intel-rapl:0`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    pub class: PartClass,
    /// Empty for the machine itself.
    pub name: String,
}

/// Classes of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PartClass {
    /// What there is only one of.
    Machine,
    /// A logical CPU by its number.
    Cpu,
    /// CPUs that have their frequency together, by the number of their policy: that of the first of them.
    CpuPolicy,
    /// An idle state of a CPU: `3:2` is state 2 of CPU 3.
    IdleState,
    /// A NUMA node by its number.
    Node,
    /// Huge pages of one size on one node: `0:2048kB`.
    PagePool,
    /// An interrupt by its number.
    Irq,
    /// A constraint of a powercap zone: `intel-rapl:0:1` is constraint 1 of package 0.
    PowerConstraint,
    /// A graphics card by its UUID.
    Gpu,
    /// A fan's output of a hwmon chip: `hwmon2/pwm1`.
    Fan,
    /// A device of a bus, by bus and name: `pci/0000:00:1f.2`, `usb/1-2`.
    Device,
    /// A host adapter of disks: `host0`.
    DiskHost,
    /// A whole disk: `sda`, `nvme0n1`, `md0`.
    Disk,
    /// A network interface.
    Interface,
}

impl Part {
    pub fn new(class: PartClass, name: impl Into<String>) -> Self {
        Self { class, name: name.into() }
    }

    /// The machine as a whole.
    pub fn machine() -> Self {
        Self::new(PartClass::Machine, "")
    }
}

impl PartClass {
    pub fn name(self) -> &'static str {
        match self {
            Self::Machine => "machine",
            Self::Cpu => "cpu",
            Self::CpuPolicy => "cpu-policy",
            Self::IdleState => "idle-state",
            Self::Node => "node",
            Self::PagePool => "page-pool",
            Self::Irq => "irq",
            Self::PowerConstraint => "power-constraint",
            Self::Gpu => "gpu",
            Self::Fan => "fan",
            Self::Device => "device",
            Self::DiskHost => "disk-host",
            Self::Disk => "disk",
            Self::Interface => "interface",
        }
    }
}

impl Target {
    pub fn job(&self) -> Option<&JobId> {
        match self {
            Self::Job(id) => Some(id),
            Self::Part(_) => None,
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Job(id) => write!(f, "{id}"),
            Self::Part(part) => part.fmt(f),
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.class.name())?;
        if self.name.is_empty() { Ok(()) } else { write!(f, "/{}", self.name) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_survives_the_journal() {
        for target in [
            Target::Job(JobId::from("madmax-1-2")),
            Target::Part(Part::machine()),
            Target::Part(Part::new(PartClass::PowerConstraint, "intel-rapl:0:1")),
        ] {
            let text = serde_json::to_string(&target).unwrap();
            assert_eq!(serde_json::from_str::<Target>(&text).unwrap(), target, "{text}");
        }
        assert_eq!(Part::new(PartClass::Disk, "sda").to_string(), "disk/sda");
    }
}
