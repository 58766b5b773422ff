//! S2: what the machine and its jobs do now. Samples are plain data; every fact that could not be read is `None` or said.

mod background;
mod cpu;
mod disk;
mod host;
mod job;
mod load;
mod memory;
mod network;
mod own;
mod paced;
mod power;
mod process;
mod temp;

pub use cpu::{CpuSample, CpuTimes};
pub use disk::DiskSample;
pub use host::{HostSample, HostSampler, SampleProblem};
pub use job::{JobSample, JobSampler, Subject};
pub use load::LoadSample;
pub use memory::MemorySample;
pub use network::InterfaceSample;
pub use own::{OwnSampler, OwnUsage};
pub use power::{
    AlarmSample, ChipSample, CoolingSample, HeatSample, LimitSample, PowerSample, SupplySample, ZoneSample,
};
