//! One GPU of NVIDIA's: each question in base units, each answer for itself.

use nvml_wrapper::Device;
use nvml_wrapper::bitmasks::device::ThrottleReasons;
use nvml_wrapper::enum_wrappers::device::{
    Clock, EccCounter, MemoryError, PcieUtilCounter, TemperatureSensor, TemperatureThreshold,
};
use nvml_wrapper::error::{NvmlError, nvml_try};

use super::{Answer, GpuProcess, answer, process};
use crate::kernel::KernelError;
use crate::units::{Bytes, BytesPerSecond, Celsius, Hertz, Joules, Ratio, Watts, float};

/// What the library says where it knows nothing (`NVML_VALUE_NOT_AVAILABLE`).
const NOT_AVAILABLE: u32 = u32::MAX;

/// Why a GPU may run slower than it could, in our words.
const LIMITS: [(ThrottleReasons, &str); 9] = [
    (ThrottleReasons::GPU_IDLE, "idle"),
    (ThrottleReasons::APPLICATIONS_CLOCKS_SETTING, "clock_setting"),
    (ThrottleReasons::SW_POWER_CAP, "power_cap"),
    (ThrottleReasons::HW_SLOWDOWN, "hardware_slowdown"),
    (ThrottleReasons::SYNC_BOOST, "sync_boost"),
    (ThrottleReasons::SW_THERMAL_SLOWDOWN, "thermal"),
    (ThrottleReasons::HW_THERMAL_SLOWDOWN, "hardware_thermal"),
    (ThrottleReasons::HW_POWER_BRAKE_SLOWDOWN, "power_brake"),
    (ThrottleReasons::DISPLAY_CLOCK_SETTING, "display_clock_setting"),
];

/// A GPU of NVIDIA's.
#[derive(Debug)]
pub struct Gpu {
    device: Device<'static>,
    index: u32,
}

/// Memory of a GPU. What the driver keeps for itself is neither used nor free, but used with a driver of before 2022.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GpuMemory {
    pub total: Bytes,
    pub used: Bytes,
    pub free: Bytes,
}

/// Between what the power limit can be set.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PowerRange {
    pub min: Watts,
    pub max: Watts,
}

/// A clock of a GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuClock {
    Graphics,
    /// Of the streaming multiprocessors, which compute.
    Sm,
    Memory,
}

/// A temperature at which something happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuThreshold {
    /// The GPU switches itself off.
    Shutdown,
    /// The hardware slows the GPU down.
    Slowdown,
    /// The GPU may be slowed down below its base clock.
    Gpu,
    /// The memory is slowed down.
    Memory,
}

/// A way over the PCI link, seen from the GPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    Received,
    Sent,
}

impl Gpu {
    pub(super) fn new(device: Device<'static>, index: u32) -> Self {
        Self { device, index }
    }

    pub fn model(&self) -> Answer<String> {
        self.ask("the model", Device::name)
    }

    pub fn uuid(&self) -> Answer<String> {
        self.ask("the UUID", Device::uuid)
    }

    /// As sysfs writes it: `0000:01:00.0`.
    pub fn pci_address(&self) -> Answer<String> {
        Ok(self.ask("the PCI address", Device::pci_info)?.map(|info| as_in_sysfs(&info.bus_id)))
    }

    pub fn cuda_cores(&self) -> Answer<u32> {
        self.number("the number of CUDA cores", Device::num_cores)
    }

    /// What programs can be compiled for, such as `8.9`.
    pub fn compute_capability(&self) -> Answer<String> {
        let capability = self.ask("the compute capability", Device::cuda_compute_capability)?;
        Ok(capability.map(|capability| format!("{}.{}", capability.major, capability.minor)))
    }

    pub fn memory(&self) -> Answer<GpuMemory> {
        self.ask("the memory", |device| match device.memory_info() {
            Err(NvmlError::FailedToLoadSymbol(_)) => memory_by_old_driver(device),
            memory => memory.map(|memory| GpuMemory {
                total: Bytes(memory.total),
                used: Bytes(memory.used),
                free: Bytes(memory.free),
            }),
        })
    }

    /// Generation of PCI Express that the link runs at now; falls while the GPU saves power.
    pub fn link_generation(&self) -> Answer<u32> {
        self.number("the generation of the PCI link", Device::current_pcie_link_gen)
    }

    /// The best that GPU and slot can do together.
    pub fn link_generation_max(&self) -> Answer<u32> {
        self.number("the best generation of the PCI link", Device::max_pcie_link_gen)
    }

    pub fn link_lanes(&self) -> Answer<u32> {
        self.number("the lanes of the PCI link", Device::current_pcie_link_width)
    }

    pub fn link_lanes_max(&self) -> Answer<u32> {
        self.number("the most lanes of the PCI link", Device::max_pcie_link_width)
    }

    /// The limit in force, whoever set it.
    pub fn power_limit_enforced(&self) -> Answer<Watts> {
        self.watts("the power limit in force", Device::enforced_power_limit)
    }

    /// The limit that was set.
    pub fn power_limit(&self) -> Answer<Watts> {
        self.watts("the power limit", Device::power_management_limit)
    }

    pub fn power_limit_default(&self) -> Answer<Watts> {
        self.watts("the default power limit", Device::power_management_limit_default)
    }

    pub fn power_limit_range(&self) -> Answer<PowerRange> {
        let range = self.ask("the range of the power limit", Device::power_management_limit_constraints)?;
        Ok(range
            .map(|range| PowerRange { min: from_milliwatts(range.min_limit), max: from_milliwatts(range.max_limit) }))
    }

    pub fn power_draw(&self) -> Answer<Watts> {
        self.watts("the power draw", Device::power_usage)
    }

    /// Since the driver was loaded.
    pub fn energy(&self) -> Answer<Joules> {
        let millijoules = self.ask("the energy used", Device::total_energy_consumption)?;
        Ok(millijoules.map(|millijoules| Joules(float(millijoules) / 1e3)))
    }

    pub fn clock(&self, clock: GpuClock) -> Answer<Hertz> {
        let megahertz = self.number("a clock", |device| device.clock_info(clock.as_nvml()))?;
        Ok(megahertz.map(from_megahertz))
    }

    pub fn clock_max(&self, clock: GpuClock) -> Answer<Hertz> {
        let megahertz = self.number("the highest clock", |device| device.max_clock_info(clock.as_nvml()))?;
        Ok(megahertz.map(from_megahertz))
    }

    pub fn temperature(&self) -> Answer<Celsius> {
        self.celsius("the temperature", |device| device.temperature(TemperatureSensor::Gpu))
    }

    pub fn threshold(&self, threshold: GpuThreshold) -> Answer<Celsius> {
        self.celsius("a temperature threshold", |device| device.temperature_threshold(threshold.as_nvml()))
    }

    /// Whether errors in the memory are corrected; `None` if the GPU cannot.
    pub fn is_ecc_enabled(&self) -> Answer<bool> {
        Ok(self.ask("the ECC mode", Device::is_ecc_enabled)?.map(|mode| mode.currently_enabled))
    }

    /// Whether the driver keeps the GPU awake while nobody uses it.
    pub fn is_persistent(&self) -> Answer<bool> {
        self.ask("the persistence mode", Device::is_in_persistent_mode)
    }

    /// Whether the GPU is divided into several; `None` if it cannot be.
    pub fn is_divided(&self) -> Answer<bool> {
        Ok(self.ask("the MIG mode", Device::mig_mode)?.map(|mode| mode.current == 1))
    }

    /// Shares of the time in which the GPU computed, and in which its memory was read or written.
    pub fn utilisation(&self) -> Answer<(Ratio, Ratio)> {
        let shares = self.ask("the utilisation", Device::utilization_rates)?;
        let known = shares.filter(|shares| shares.gpu <= 100 && shares.memory <= 100);
        Ok(known.map(|shares| (from_percent(shares.gpu), from_percent(shares.memory))))
    }

    /// How fast each fan is meant to turn, as a share of its full speed; none for a GPU that others cool.
    pub fn fans(&self) -> Vec<Answer<Ratio>> {
        // A driver that cannot count them knows of one.
        let count = self.device.num_fans().unwrap_or(1);
        let speed = |fan| Ok(self.number("the speed of a fan", |device| device.fan_speed(fan))?.map(from_percent));
        (0..count.min(16)).map(speed).collect()
    }

    /// What keeps the clocks down now: each reason that there can be, and whether it holds.
    pub fn clock_limits(&self) -> Answer<Vec<(&'static str, bool)>> {
        let reasons = self.ask("what limits the clocks", Device::current_throttle_reasons)?;
        Ok(reasons.map(|now| LIMITS.iter().map(|(reason, name)| (*name, now.contains(*reason))).collect()))
    }

    /// Errors of the memory in the life of the GPU, those that were corrected.
    pub fn corrected_errors(&self) -> Answer<u64> {
        self.ask("the corrected memory errors", |device| {
            device.total_ecc_errors(MemoryError::Corrected, EccCounter::Aggregate)
        })
    }

    /// Errors of the memory in the life of the GPU, those that were not.
    pub fn uncorrected_errors(&self) -> Answer<u64> {
        self.ask("the uncorrected memory errors", |device| {
            device.total_ecc_errors(MemoryError::Uncorrected, EccCounter::Aggregate)
        })
    }

    /// Of the last 20 ms, for which the library makes us wait.
    pub fn link_throughput(&self, direction: Direction) -> Answer<BytesPerSecond> {
        let counter = match direction {
            Direction::Received => PcieUtilCounter::Receive,
            Direction::Sent => PcieUtilCounter::Send,
        };
        let kilobytes = self.number("the throughput of the PCI link", |device| device.pcie_throughput(counter))?;
        Ok(kilobytes.map(|kilobytes| BytesPerSecond(f64::from(kilobytes) * 1e3)))
    }

    /// Transfers over the PCI link that had to be repeated.
    pub fn link_replays(&self) -> Answer<u32> {
        self.number("the replays of the PCI link", Device::pcie_replay_counter)
    }

    /// The processes that use the GPU, each once.
    pub fn processes(&self) -> Answer<Vec<GpuProcess>> {
        self.ask("the processes", process::all)
    }

    fn ask<T>(&self, what: &'static str, call: impl FnOnce(&Device<'static>) -> Result<T, NvmlError>) -> Answer<T> {
        answer(what, call(&self.device)).map_err(|error| match error {
            KernelError::Unsupported { what, reason } => {
                KernelError::Unsupported { what, reason: format!("GPU {}: {reason}", self.index) }
            }
            other => other,
        })
    }

    fn number(&self, what: &'static str, call: impl FnOnce(&Device<'static>) -> Result<u32, NvmlError>) -> Answer<u32> {
        Ok(self.ask(what, call)?.filter(|number| *number != NOT_AVAILABLE))
    }

    fn watts(
        &self,
        what: &'static str,
        call: impl FnOnce(&Device<'static>) -> Result<u32, NvmlError>,
    ) -> Answer<Watts> {
        Ok(self.number(what, call)?.map(from_milliwatts))
    }

    fn celsius(
        &self,
        what: &'static str,
        call: impl FnOnce(&Device<'static>) -> Result<u32, NvmlError>,
    ) -> Answer<Celsius> {
        Ok(self.number(what, call)?.map(|degrees| Celsius(degrees.into())))
    }
}

impl GpuClock {
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::Graphics, "graphics"), (Self::Sm, "sm"), (Self::Memory, "memory")];

    fn as_nvml(self) -> Clock {
        match self {
            Self::Graphics => Clock::Graphics,
            Self::Sm => Clock::SM,
            Self::Memory => Clock::Memory,
        }
    }
}

impl GpuThreshold {
    fn as_nvml(self) -> TemperatureThreshold {
        match self {
            Self::Shutdown => TemperatureThreshold::Shutdown,
            Self::Slowdown => TemperatureThreshold::Slowdown,
            Self::Gpu => TemperatureThreshold::GpuMax,
            Self::Memory => TemperatureThreshold::MemoryMax,
        }
    }
}

/// By the only call that drivers of before 2022 have.
fn memory_by_old_driver(device: &Device<'static>) -> Result<GpuMemory, NvmlError> {
    let call = device.nvml().lib().nvmlDeviceGetMemoryInfo.as_ref();
    let call = call.map_err(|error| NvmlError::FailedToLoadSymbol(error.to_string()))?;
    // SAFETY: the structure is plain numbers, for which zeros are valid; the handle is that of an open device, and the
    // call writes nothing but the structure.
    let (code, memory) = unsafe {
        let mut memory = std::mem::zeroed();
        (call(device.handle(), &raw mut memory), memory)
    };
    nvml_try(code)?;
    Ok(GpuMemory { total: Bytes(memory.total), used: Bytes(memory.used), free: Bytes(memory.free) })
}

/// The library writes eight digits of domain, the kernel four where they suffice.
fn as_in_sysfs(bus_id: &str) -> String {
    let address = bus_id.to_ascii_lowercase();
    match address.strip_prefix("0000") {
        Some(short) if short.find(':') == Some(4) => short.to_owned(),
        _ => address,
    }
}

fn from_milliwatts(milliwatts: u32) -> Watts {
    Watts(f64::from(milliwatts) / 1e3)
}

fn from_megahertz(megahertz: u32) -> Hertz {
    Hertz(f64::from(megahertz) * 1e6)
}

fn from_percent(percent: u32) -> Ratio {
    Ratio(f64::from(percent) / 100.0)
}
