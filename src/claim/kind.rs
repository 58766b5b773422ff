//! The kinds of knobs, in the order in which they are applied; they are put back in reverse.
//!
//! The order is the safety of a change of many: a group exists before its limits, an upper limit moves before the lower one, and
//! a pause comes last and goes first.

macro_rules! kinds {
    ($($(#[doc = $meaning:literal])+ $kind:ident = $name:literal,)+) => {
        /// Kinds of knobs.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum KnobKind {
            $($(#[doc = $meaning])+ $kind,)+
        }

        impl KnobKind {
            /// In the order in which they are applied; put back in reverse.
            pub const ALL: &[Self] = &[$(Self::$kind,)+];

            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name,)+
                }
            }

            /// Under which its capability is published.
            pub fn surface(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!("knob-", $name),)+
                }
            }

            /// What it is, for the table of knobs.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!($($meaning),+).trim_ascii_start(),)+
                }
            }
        }
    };
}

kinds! {
    /// Controllers handed to the groups below the root.
    Controllers = "controllers",
    /// A cgroup v2 of the job's own.
    Group = "group",
    /// Share of the CPUs against other groups.
    CpuWeight = "cpu-weight",
    /// CPU time per period at most.
    CpuQuota = "cpu-quota",
    /// Runs only when nobody else wants the CPU.
    CpuIdle = "cpu-idle",
    /// CPUs that the job's group may use.
    CpuSet = "cpu-set",
    /// NUMA nodes that the job's group may take memory from.
    NodeSet = "node-set",
    /// Memory that is not reclaimed as long as others have any to give.
    MemoryLow = "memory-low",
    /// Memory above which the job is slowed down and reclaimed from.
    MemoryHigh = "memory-high",
    /// Memory above which the kernel kills within the group.
    MemoryMax = "memory-max",
    /// Swap that the job may use at most.
    SwapMax = "swap-max",
    /// Share of the disks against other groups.
    IoWeight = "io-weight",
    /// Bytes and operations per second at most, by disk.
    IoMax = "io-max",
    /// Latency of the disks that is kept by holding others back.
    IoLatency = "io-latency",
    /// Processes and threads that the group may have.
    PidsMax = "pids-max",
    /// Niceness of each thread.
    Nice = "nice",
    /// Scheduling class of each thread.
    SchedClass = "sched-class",
    /// I/O priority of each thread.
    IoPriority = "io-priority",
    /// CPUs that each thread may run on.
    Affinity = "affinity",
    /// How soon the OOM killer takes a process.
    OomScore = "oom-score",
    /// How much later than asked for a thread may be woken.
    TimerSlack = "timer-slack",
    /// Algorithm that chooses the frequency of CPUs.
    CpuGovernor = "cpu-governor",
    /// Highest frequency of CPUs.
    CpuMaxFrequency = "cpu-max-frequency",
    /// Lowest frequency of CPUs.
    CpuMinFrequency = "cpu-min-frequency",
    /// What the CPUs' own control prefers, speed or thrift.
    EnergyPreference = "energy-preference",
    /// Frequencies above the nominal one.
    CpuBoost = "cpu-boost",
    /// Whether an idle state of a CPU is forbidden.
    IdleStateDisable = "idle-state-disable",
    /// Time within which a CPU must wake from idle.
    WakeLatency = "wake-latency",
    /// Whether a CPU is there for the scheduler.
    CpuOnline = "cpu-online",
    /// Whether the cores have more than one thread.
    Smt = "smt",
    /// CPUs that serve an interrupt.
    IrqAffinity = "irq-affinity",
    /// Time over which a power limit is averaged.
    PowerWindow = "power-window",
    /// Power that a package or a part of it may draw.
    PowerLimit = "power-limit",
    /// Power that a graphics card may draw.
    GpuPowerLimit = "gpu-power-limit",
    /// Highest clock of a graphics card's cores.
    GpuMaxClock = "gpu-max-clock",
    /// Highest clock of a graphics card's memory.
    GpuMaxMemoryClock = "gpu-max-memory-clock",
    /// Speed of a fan.
    Fan = "fan",
    /// What the firmware prefers, quiet or fast.
    PlatformProfile = "platform-profile",
    /// Whether an idle device may sleep.
    RuntimePower = "runtime-power",
    /// How far an idle link to a disk may sleep.
    LinkPower = "link-power",
    /// How far an idle disk may sleep.
    DiskPower = "disk-power",
    /// Order in which a disk's requests are served.
    IoScheduler = "io-scheduler",
    /// Requests that may wait in a disk's queue.
    QueueRequests = "queue-requests",
    /// Bytes read ahead of a sequential reader.
    ReadAhead = "read-ahead",
    /// Whether a disk may answer before data is safe.
    WriteCache = "write-cache",
    /// Read latency that buffered writes are held back for.
    WriteLatency = "write-latency",
    /// Which CPU completes a request.
    CompletionCpu = "completion-cpu",
    /// Share of the dirty pages that a device may have.
    DirtyShare = "dirty-share",
    /// Share of the dirty pages that is kept for a device.
    DirtyReserve = "dirty-reserve",
    /// Whether io.cost watches a disk, and its targets.
    IoCost = "io-cost",
    /// Rates of the traffic that leaves by an interface, class by class.
    Shaping = "shaping",
    /// Rates of the traffic that arrives at an interface, class by class.
    ArrivalShaping = "arrival-shaping",
    /// Pages of a size kept for those who ask for it.
    HugePages = "huge-pages",
    /// How readily anonymous memory is swapped out.
    Swappiness = "swappiness",
    /// Free memory that is kept, as a share of memory.
    WatermarkScale = "watermark-scale",
    /// Whether memory is reclaimed before that of another node is used.
    ZoneReclaim = "zone-reclaim",
    /// Frozen by its group where it has one of ours, stopped by signal else.
    Pause = "pause",
}

impl KnobKind {
    /// Kept in the job's own group, which has to be there first.
    pub fn is_of_group(self) -> bool {
        (Self::CpuWeight..=Self::PidsMax).contains(&self)
    }

    /// The controller that a knob of the group needs in the group.
    pub fn controller(self) -> Option<Controller> {
        match self {
            Self::CpuWeight | Self::CpuQuota | Self::CpuIdle => Some(Controller::Cpu),
            Self::CpuSet | Self::NodeSet => Some(Controller::CpuSet),
            Self::MemoryLow | Self::MemoryHigh | Self::MemoryMax | Self::SwapMax => Some(Controller::Memory),
            Self::IoWeight | Self::IoMax | Self::IoLatency => Some(Controller::Io),
            Self::PidsMax => Some(Controller::Pids),
            _ => None,
        }
    }

    /// Knobs of the threads and processes of a job, and its group: what the kernel forgets with them.
    pub fn is_of_job(self) -> bool {
        self == Self::Pause || (Self::Group..=Self::TimerSlack).contains(&self)
    }
}

/// Controllers of cgroup v2 that the knobs of groups need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Controller {
    Cpu,
    CpuSet,
    Io,
    Memory,
    Pids,
}

impl Controller {
    pub const ALL: [Self; 5] = [Self::Cpu, Self::CpuSet, Self::Io, Self::Memory, Self::Pids];

    /// As `cgroup.controllers` lists it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::CpuSet => "cpuset",
            Self::Io => "io",
            Self::Memory => "memory",
            Self::Pids => "pids",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_the_journal_says() {
        for &kind in KnobKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{}\"", kind.name()));
            assert!(kind.meaning().ends_with('.'), "{}", kind.meaning());
        }
    }

    #[test]
    fn the_order_is_that_of_application() {
        assert!(KnobKind::ALL.is_sorted());
        for &kind in KnobKind::ALL {
            assert_eq!(kind.is_of_group(), kind.controller().is_some(), "{}", kind.name());
        }
        assert!(KnobKind::CpuQuota.is_of_group() && KnobKind::CpuQuota.is_of_job() && !KnobKind::Shaping.is_of_job());
    }
}
