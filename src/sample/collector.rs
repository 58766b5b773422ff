//! What of the machine is read and published. A farm that asks for little, or that has an exporter for the rest already, need
//! not pay for all of it.
//!
//! CPU time, load, memory and pressure are no choice: policies decide by them, and the status page shows them.

/// A part of the machine that can be left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Collector {
    /// Frequencies and throttling of CPUs
    CpuPace,
    /// Time that threads waited for a CPU
    RunQueues,
    /// Paging and reclaim
    Vmstat,
    /// NUMA nodes, huge pages, free blocks, swap devices
    MemoryPlaces,
    /// Errors counted by memory controllers
    MemoryErrors,
    /// I/O of block devices
    Disks,
    /// State of RAID sets; needs disks
    Raid,
    /// Space of file systems
    FileSystems,
    /// Traffic of network interfaces
    Network,
    /// Speed and state of links; needs network
    Links,
    /// TCP, UDP and sockets
    Sockets,
    /// Open files of the machine
    FileHandles,
    /// Energy of CPUs and memory (RAPL)
    Energy,
    /// Temperatures, fans and voltages (hwmon)
    Sensors,
    /// Thermal zones and cooling devices
    Thermal,
    /// Batteries and UPS
    PowerSupplies,
    /// NVIDIA GPUs
    Gpu,
    /// Processes that are no jobs: competitors and groups
    Processes,
    /// Facts of the hardware, and which surfaces can be read and written
    Hardware,
}

/// The parts that are read; all, unless the operator chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Collectors(u32);

impl Collectors {
    pub const ALL: Self = Self(u32::MAX);

    pub fn has(self, collector: Collector) -> bool {
        self.0 & bit(collector) != 0
    }
}

impl Default for Collectors {
    fn default() -> Self {
        Self::ALL
    }
}

impl FromIterator<Collector> for Collectors {
    fn from_iter<I: IntoIterator<Item = Collector>>(chosen: I) -> Self {
        Self(chosen.into_iter().fold(0, |bits, collector| bits | bit(collector)))
    }
}

fn bit(collector: Collector) -> u32 {
    1 << collector as u32
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn what_is_chosen_is_read_and_nothing_else() {
        let chosen: Collectors = [Collector::Disks, Collector::Hardware].into_iter().collect();
        for collector in Collector::value_variants() {
            let is_chosen = matches!(collector, Collector::Disks | Collector::Hardware);
            assert_eq!((chosen.has(*collector), Collectors::ALL.has(*collector)), (is_chosen, true), "{collector:?}");
        }
    }
}
