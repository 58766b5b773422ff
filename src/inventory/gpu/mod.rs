//! The graphics processors: NVIDIA's as their library tells of them, all others as the PCI bus and their drivers do.

mod discovery;
mod nvidia;

use serde::Serialize;

use super::{Capability, CapabilityState, Survey};
use crate::kernel::graphics_card::{GraphicsCard, graphics_cards};
use crate::kernel::nvml::{Library, NoNvml};
use crate::kernel::{KernelError, Roots};
use crate::units::{Bytes, Celsius, Hertz, Watts};

pub use discovery::GpuDiscovery;

const SURFACE: &str = "gpu";
const DRIVER: &str = "for a GPU of NVIDIA's, install its driver: apt-get install nvidia-driver";

/// Facts about the graphics processors.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Gpu {
    /// `None` where NVIDIA's library is not there or does not work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nvidia: Option<NvidiaDriver>,
    pub devices: Vec<GpuDevice>,
}

/// What all GPUs of NVIDIA's have in common.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NvidiaDriver {
    /// Such as `550.54.14`.
    pub driver: Option<String>,
    /// Version of NVML.
    pub library: Option<String>,
    /// The newest that the driver can run, such as `12.4`.
    pub cuda: Option<String>,
}

/// One GPU. A fact that a GPU does not have is absent like one that is not known; the problems tell them apart.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct GpuDevice {
    /// As in the label `gpu`: NVIDIA's index, or the PCI address of others.
    pub gpu: String,
    /// The maker, or its number where it is not known to us.
    pub vendor: String,
    pub model: Option<String>,
    pub uuid: Option<String>,
    pub pci_address: Option<String>,
    /// The driver in the kernel.
    pub driver: Option<String>,
    pub cuda_cores: Option<u32>,
    pub compute_capability: Option<String>,
    #[serde(rename = "memory_total_bytes")]
    pub memory_total: Option<Bytes>,
    pub pci_link: Option<PciLink>,
    pub power_limit: Option<GpuPowerLimit>,
    pub clock_max: Option<ClockMax>,
    pub temperature_limit: Option<TemperatureLimit>,
    /// Errors of the memory are corrected.
    pub ecc: Option<bool>,
    /// The driver keeps the GPU awake.
    pub persistence: Option<bool>,
    /// Divided into several GPUs (MIG).
    pub divided: Option<bool>,
}

/// A PCI Express link as it runs now, and at best.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PciLink {
    pub generation: Option<u32>,
    pub generation_max: Option<u32>,
    pub lanes: Option<u32>,
    pub lanes_max: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GpuPowerLimit {
    /// In force, whoever set it.
    #[serde(rename = "enforced_watts")]
    pub enforced: Option<Watts>,
    #[serde(rename = "configured_watts")]
    pub configured: Option<Watts>,
    #[serde(rename = "default_watts")]
    pub default: Option<Watts>,
    #[serde(rename = "min_watts")]
    pub min: Option<Watts>,
    #[serde(rename = "max_watts")]
    pub max: Option<Watts>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ClockMax {
    #[serde(rename = "graphics_hertz")]
    pub graphics: Option<Hertz>,
    /// Of the streaming multiprocessors.
    #[serde(rename = "sm_hertz")]
    pub sm: Option<Hertz>,
    #[serde(rename = "memory_hertz")]
    pub memory: Option<Hertz>,
}

/// Temperatures at which something happens.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TemperatureLimit {
    /// The GPU may fall below its base clock.
    #[serde(rename = "gpu_celsius")]
    pub gpu: Option<Celsius>,
    /// The memory is slowed down.
    #[serde(rename = "memory_celsius")]
    pub memory: Option<Celsius>,
    /// The hardware slows the GPU down.
    #[serde(rename = "slowdown_celsius")]
    pub slowdown: Option<Celsius>,
    /// The GPU switches itself off.
    #[serde(rename = "shutdown_celsius")]
    pub shutdown: Option<Celsius>,
}

impl Gpu {
    /// May take seconds or never come back; see [`GpuDiscovery`].
    fn read(roots: &Roots, survey: &mut Survey) -> (Self, Capability) {
        let cards = match graphics_cards(roots) {
            Ok(cards) => cards,
            error => survey.fact(error).unwrap_or_default(),
        };
        let library = Library::open(&roots.nvml);
        let mut gpu = Self::default();
        match &library {
            &Ok(library) => {
                gpu.nvidia = Some(nvidia::driver(library, survey));
                gpu.devices = nvidia::devices(library, survey);
            }
            Err(NoNvml::Absent(_)) if !cards.iter().any(is_nvidia) => {}
            Err(why) => {
                let what = "NVIDIA's management library";
                survey.fact::<()>(Err(KernelError::Unsupported { what, reason: why.to_string() }));
            }
        }
        let is_told =
            |card: &&GraphicsCard| gpu.devices.iter().any(|gpu| gpu.pci_address.as_ref() == Some(&card.address));
        let others: Vec<GpuDevice> =
            cards.iter().filter(|card| !is_told(card)).map(|card| GpuDevice::of_card(card, survey)).collect();
        let capability = capability(&gpu, &cards, library.err());
        gpu.devices.extend(others);
        (gpu, capability)
    }
}

impl GpuDevice {
    /// What the PCI bus and a driver of the kernel's own tell.
    fn of_card(card: &GraphicsCard, survey: &mut Survey) -> Self {
        let number = survey.fact(card.device());
        let name = survey.fact_if_there(card.product_name());
        Self {
            gpu: card.address.clone(),
            vendor: card.maker().map_or_else(|| format!("{:#06x}", card.vendor), str::to_owned),
            model: name.or_else(|| number.map(|number| format!("{number:#06x}"))),
            pci_address: Some(card.address.clone()),
            driver: survey.fact_if_there(card.driver()),
            memory_total: survey.fact_if_there(card.memory_total()),
            ..Self::default()
        }
    }
}

fn is_nvidia(card: &GraphicsCard) -> bool {
    card.vendor == GraphicsCard::NVIDIA
}

/// Whether there is a GPU that can be measured.
fn capability(gpu: &Gpu, cards: &[GraphicsCard], no_library: Option<NoNvml>) -> Capability {
    if !gpu.devices.is_empty() || cards.iter().any(GraphicsCard::is_measured) {
        return Capability {
            surface: SURFACE,
            state: CapabilityState::Usable,
            reason: String::new(),
            mend: String::new(),
        };
    }
    let present = cards.iter().find(|card| is_nvidia(card));
    let (reason, mend) = match (no_library, present) {
        (None, _) => ("NVIDIA's driver knows of no GPU".to_owned(), "see what nvidia-smi says"),
        (Some(NoNvml::Absent(why)), Some(card)) => {
            (format!("NVIDIA's GPU at {} has no driver: {why}", card.address), DRIVER)
        }
        (Some(NoNvml::Absent(why)), None) => (format!("no GPU that can be measured: {why}"), DRIVER),
        (Some(NoNvml::Broken(why)), _) => (why, "see what nvidia-smi says; after an update of the driver, boot again"),
    };
    unusable(reason, mend)
}

fn unusable(reason: String, mend: &str) -> Capability {
    Capability { surface: SURFACE, state: CapabilityState::Unusable, reason, mend: mend.to_owned() }
}

#[cfg(test)]
mod tests;
