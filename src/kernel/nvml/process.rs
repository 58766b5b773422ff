//! Who uses a GPU. The library lists processes that compute apart from those that draw; one that does both is in both lists.

use std::collections::BTreeMap;

use nvml_wrapper::Device;
use nvml_wrapper::enums::device::UsedGpuMemory;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::struct_wrappers::device::ProcessInfo;

use crate::units::Bytes;

/// More processes may start between the question how many there are and the question which; then both are asked again.
const ATTEMPTS: usize = 3;

/// A process that uses a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuProcess {
    /// In the pid namespace of the machine.
    pub pid: u32,
    /// `None` where the driver does not tell, as in a virtual machine.
    pub memory: Option<Bytes>,
}

/// All processes of both lists, by pid.
pub(super) fn all(device: &Device<'_>) -> Result<Vec<GpuProcess>, NvmlError> {
    let computing = settled(Device::running_compute_processes, Device::running_compute_processes_v2, device)?;
    let drawing = settled(Device::running_graphics_processes, Device::running_graphics_processes_v2, device)?;
    Ok(joined(&computing, &drawing))
}

type List<'n> = fn(&Device<'n>) -> Result<Vec<ProcessInfo>, NvmlError>;

/// Asks until the list holds still, and with the older call where the driver does not know the newer one.
fn settled<'n>(list: List<'n>, older: List<'n>, device: &Device<'n>) -> Result<Vec<ProcessInfo>, NvmlError> {
    let mut answer = list(device);
    for _ in 1..ATTEMPTS {
        match answer {
            Err(NvmlError::InsufficientSize(_)) => answer = list(device),
            Err(NvmlError::FailedToLoadSymbol(_)) => return older(device),
            _ => break,
        }
    }
    answer
}

/// In one list a process stands once for each part of a divided GPU, and its memory adds up; over both lists it is the same.
fn joined(computing: &[ProcessInfo], drawing: &[ProcessInfo]) -> Vec<GpuProcess> {
    let mut memory: BTreeMap<u32, Option<u64>> = BTreeMap::new();
    for list in [computing, drawing] {
        for (pid, used) in summed(list) {
            let known = memory.entry(pid).or_default();
            *known = (*known).max(used);
        }
    }
    memory.into_iter().map(|(pid, used)| GpuProcess { pid, memory: used.map(Bytes) }).collect()
}

fn summed(list: &[ProcessInfo]) -> BTreeMap<u32, Option<u64>> {
    let mut memory = BTreeMap::new();
    for process in list {
        let used = match process.used_gpu_memory {
            UsedGpuMemory::Used(bytes) => Some(bytes),
            UsedGpuMemory::Unavailable => None,
        };
        let sum = memory.entry(process.pid).or_insert(Some(0_u64));
        *sum = sum.zip(used).and_then(|(sum, used)| sum.checked_add(used));
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    fn process(pid: u32, used_gpu_memory: UsedGpuMemory) -> ProcessInfo {
        ProcessInfo { pid, used_gpu_memory, gpu_instance_id: None, compute_instance_id: None }
    }

    #[test]
    fn a_process_stands_once_with_what_is_known_of_it() {
        let used = UsedGpuMemory::Used;
        let computing = [process(7, used(10)), process(7, used(5)), process(8, UsedGpuMemory::Unavailable)];
        let drawing = [process(7, used(12)), process(9, used(u64::MAX)), process(9, used(1))];
        let expected = [(7, Some(Bytes(15))), (8, None), (9, None)];
        assert_eq!(joined(&computing, &drawing), expected.map(|(pid, memory)| GpuProcess { pid, memory }));
    }
}
