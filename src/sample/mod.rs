//! S2: what the machine and its jobs do now. Samples are plain data; every fact that could not be read is `None` or said.

use std::time::Duration;

use crate::kernel::process::RunState;
use crate::pressure::PressureSet;
use crate::units::Bytes;

/// CPU time since boot by mode, as `/proc/stat` counts it.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CpuTimes {
    pub user: Duration,
    pub nice: Duration,
    pub system: Duration,
    pub idle: Duration,
    pub iowait: Duration,
    pub irq: Duration,
    pub softirq: Duration,
    pub steal: Duration,
}

/// `/proc/stat`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CpuSample {
    /// By CPU number; offline CPUs are absent.
    pub cpus: Vec<(u32, CpuTimes)>,
    pub context_switches: Option<u64>,
    pub interrupts: Option<u64>,
    pub forks: Option<u64>,
    pub running: Option<u64>,
    pub blocked: Option<u64>,
}

/// `/proc/meminfo`, the fields that plotting depends on.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MemorySample {
    pub total: Option<Bytes>,
    pub free: Option<Bytes>,
    pub available: Option<Bytes>,
    pub buffers: Option<Bytes>,
    pub cached: Option<Bytes>,
    pub shmem: Option<Bytes>,
    pub dirty: Option<Bytes>,
    pub writeback: Option<Bytes>,
    pub swap_total: Option<Bytes>,
    pub swap_free: Option<Bytes>,
}

/// One block device, `/proc/diskstats` (`Documentation/admin-guide/iostats.rst`).
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DiskSample {
    pub device: String,
    pub reads: u64,
    pub read_bytes: Bytes,
    pub read_time: Duration,
    pub writes: u64,
    pub written_bytes: Bytes,
    pub write_time: Duration,
    pub in_flight: u64,
    pub busy_time: Duration,
    pub weighted_time: Duration,
}

/// One network interface, `/proc/net/dev`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InterfaceSample {
    pub device: String,
    pub received_bytes: u64,
    pub received_packets: u64,
    pub received_errors: u64,
    pub received_dropped: u64,
    pub transmitted_bytes: u64,
    pub transmitted_packets: u64,
    pub transmitted_errors: u64,
    pub transmitted_dropped: u64,
}

/// `/proc/loadavg`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct LoadSample {
    pub one: f64,
    pub five: f64,
    pub fifteen: f64,
}

/// One tick's measurements of the machine. A part that could not be read is `None`; `problems` says why.
#[derive(Debug, Clone, PartialEq)]
pub struct HostSample {
    pub cpu: Option<CpuSample>,
    pub memory: Option<MemorySample>,
    pub disks: Option<Vec<DiskSample>>,
    pub interfaces: Option<Vec<InterfaceSample>>,
    pub load: Option<LoadSample>,
    pub pressure: PressureSet,
    /// Pressure of the group above all job groups, ours, where there is one: what all jobs together suffer.
    pub jobs_pressure: Option<PressureSet>,
    pub problems: Vec<SampleProblem>,
}

/// A part of the sample that failed, for the log and `plotwarden_sample_errors_total{part}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleProblem {
    pub part: &'static str,
    pub reason: String,
}

/// One tick's measurements of one job: sums over its processes. Counters include processes that ended while the job lives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobSample {
    pub cpu_user: Option<Duration>,
    pub cpu_system: Option<Duration>,
    pub resident: Option<Bytes>,
    /// Proportional set size from `smaps_rollup`; read seldom, since it stalls the process that is read.
    pub proportional: Option<Bytes>,
    pub threads: Option<u64>,
    pub minor_faults: Option<u64>,
    pub major_faults: Option<u64>,
    /// Bytes through read(2) and its kin, cached or not.
    pub rchar: Option<Bytes>,
    /// Bytes through write(2) and its kin: the byte odometer of progress.
    pub wchar: Option<Bytes>,
    pub read_bytes: Option<Bytes>,
    pub written_bytes: Option<Bytes>,
    /// Written to the page cache and dropped before it reached a device.
    pub cancelled_bytes: Option<Bytes>,
    /// Blocks that the job's temp files occupy.
    pub temp_bytes: Option<Bytes>,
    pub open_files: Option<u64>,
    /// State of the plotter process itself.
    pub state: Option<RunState>,
    /// `true` if the job's group is frozen.
    pub frozen: Option<bool>,
    /// Of the job's group; `None` if it shares its group with strangers.
    pub pressure: Option<PressureSet>,
}
