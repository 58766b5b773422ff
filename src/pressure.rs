//! Pressure stall information (PSI): the share of time in which work waited for CPU, memory or I/O.
//!
//! Source: `Documentation/accounting/psi.rst` of the kernel.

use std::time::Duration;

use crate::units::Ratio;

/// One line of a pressure file.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stall {
    pub avg10: Ratio,
    pub avg60: Ratio,
    pub avg300: Ratio,
    /// Absolute stall time since boot, or since the group was made.
    pub total: Duration,
    /// Share of the time since the previous sample, from `total`; `None` in the first sample.
    pub recent: Option<Ratio>,
}

/// One pressure file. `full` is absent for CPU on kernels before 5.13.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Pressure {
    /// At least one task waited.
    pub some: Stall,
    /// All tasks waited at once.
    pub full: Option<Stall>,
}

/// Pressure may be measured, compiled in but switched off, or missing; an operator mends each in another way.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum PressureState {
    Measured(Pressure),
    /// `CONFIG_PSI_DEFAULT_DISABLED`: boot with `psi=1`.
    DisabledAtBoot,
    /// Kernel before 4.20 or without `CONFIG_PSI`, or the group has no such file.
    #[default]
    Absent,
    /// The file is there and could not be read.
    Unreadable(String),
}

impl PressureState {
    pub fn name(&self) -> &'static str {
        match self {
            Self::Measured(_) => "measured",
            Self::DisabledAtBoot => "disabled",
            Self::Absent => "absent",
            Self::Unreadable(_) => "unreadable",
        }
    }

    pub fn measured(&self) -> Option<&Pressure> {
        match self {
            Self::Measured(pressure) => Some(pressure),
            Self::DisabledAtBoot | Self::Absent | Self::Unreadable(_) => None,
        }
    }
}

/// CPU, memory and I/O pressure of one machine or group.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PressureSet {
    pub cpu: PressureState,
    pub memory: PressureState,
    pub io: PressureState,
}

/// The three resources that the kernel measures pressure of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    Cpu,
    Memory,
    Io,
}

impl Resource {
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Memory, Self::Io];

    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::Io => "io",
        }
    }
}

impl PressureSet {
    pub fn of(&self, resource: Resource) -> &PressureState {
        match resource {
            Resource::Cpu => &self.cpu,
            Resource::Memory => &self.memory,
            Resource::Io => &self.io,
        }
    }
}
