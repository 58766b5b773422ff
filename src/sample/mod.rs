//! S2: what the machine and its jobs do now. Samples are plain data; every fact that could not be read is `None` or said.

mod background;
mod collector;
mod cpu;
mod delay;
mod disk;
mod file_handles;
mod file_system;
mod gpu;
mod host;
mod job;
mod listed;
mod load;
mod memory;
mod network;
mod own;
mod paced;
mod power;
mod process;
mod processes;
mod raid;
mod temp;
mod temp_device;

pub use collector::{Collector, Collectors};
pub use cpu::{CpuFrequency, CpuPaceSample, CpuSample, CpuTimes, RunQueue, SOFTIRQS, Throttles};
pub use delay::DelaySample;
pub use disk::{Discards, DiskSample, Flushes};
pub use file_handles::FileHandles;
pub use file_system::{FileSystemSample, FileSystems, Place};
pub use gpu::{GpuProcess, GpuSample, GpuSamples};
pub use host::{HostSample, HostSampler, SampleProblem};
pub use job::{JobSample, JobSampler, Subject};
pub use load::LoadSample;
pub use memory::{
    ControllerErrors, FreeBlocks, HugePages, MemoryErrors, MemoryPlaces, MemorySample, ModuleErrors, NodeAllocations,
    NodeMemory, SwapDevice, VmstatSample, ZramUse,
};
pub use network::{
    BondMembers, InterfaceCounters, InterfaceSample, Link, NetworkSample, PeerSample, SocketCounts, StackSample,
};
pub use own::{OwnSampler, OwnUsage};
pub use power::{
    AlarmSample, ChipSample, CoolingSample, HeatSample, LimitSample, PowerSample, SupplySample, ZoneSample,
};
pub use processes::{GroupSample, GroupsError, News, ProcessGroups, ProcessesSample, StateCounts, Sweeper, TopProcess};
pub use raid::{Members, RaidSample, SyncAction};
pub use temp_device::TempDevices;

pub(crate) use memory::{huge_page_size, node_number};
