//! The facts of this machine that the other rooms build on, and which control surfaces can be used, or why not.

use crate::units::Bytes;

/// How control groups are mounted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupMode {
    /// One cgroup2 tree.
    Unified,
    /// Version 1 controllers, with a cgroup2 mount beside them.
    Hybrid,
    /// Version 1 only.
    Legacy,
    None,
}

/// Whether a surface can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CapabilityState {
    Usable,
    /// Works with limits; the reason says which.
    Limited,
    Unusable,
}

/// One surface of the kernel that we read or write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// A short fixed word, such as `cgroup-freeze` or `process-events`.
    pub surface: &'static str,
    pub state: CapabilityState,
    /// Why it is not fully usable; empty if it is.
    pub reason: String,
    /// The command or setting that mends it; empty if nothing does or need be.
    pub mend: String,
}

/// Facts about the machine.
#[derive(Debug, Clone, PartialEq)]
pub struct Inventory {
    pub hostname: Option<String>,
    pub kernel: Option<String>,
    pub distribution: Option<String>,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Option<String>,
    pub architecture: &'static str,
    pub cpu_model: Option<String>,
    /// Numbers of the CPUs that are online.
    pub cpus_online: Vec<u32>,
    pub memory_total: Option<Bytes>,
    pub swap_total: Option<Bytes>,
    pub cgroup_mode: CgroupMode,
    /// PID 1 is systemd, which then owns the cgroup tree.
    pub systemd: bool,
    pub capabilities: Vec<Capability>,
}

impl CgroupMode {
    pub fn name(self) -> &'static str {
        match self {
            Self::Unified => "unified",
            Self::Hybrid => "hybrid",
            Self::Legacy => "legacy",
            Self::None => "none",
        }
    }
}

impl CapabilityState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Limited => "limited",
            Self::Unusable => "unusable",
        }
    }
}
