//! NVIDIA's GPUs, asked one fact at a time: a GPU that has none of a kind is not a fact that is missing.

use super::{ClockMax, GpuDevice, GpuPowerLimit, NvidiaDriver, PciLink, TemperatureLimit};
use crate::inventory::Survey;
use crate::kernel::nvml::{Answer, Gpu, GpuClock, GpuThreshold, Library};
use crate::units::{Celsius, Hertz};

pub(super) fn driver(library: Library, survey: &mut Survey) -> NvidiaDriver {
    NvidiaDriver {
        driver: survey.answer(library.driver_version()),
        library: survey.answer(library.version()),
        cuda: survey.answer(library.cuda_version()),
    }
}

/// Those that we may look at; why another one cannot be looked at is a problem.
pub(super) fn devices(library: Library, survey: &mut Survey) -> Vec<GpuDevice> {
    let count = survey.fact(library.count()).unwrap_or(0);
    (0..count).filter_map(|index| Some(device(index, &survey.fact(library.gpu(index))?, survey))).collect()
}

fn device(index: u32, gpu: &Gpu, survey: &mut Survey) -> GpuDevice {
    GpuDevice {
        gpu: index.to_string(),
        vendor: "NVIDIA".to_owned(),
        model: survey.answer(gpu.model()),
        uuid: survey.answer(gpu.uuid()),
        pci_address: survey.answer(gpu.pci_address()),
        driver: Some("nvidia".to_owned()),
        cuda_cores: survey.answer(gpu.cuda_cores()),
        compute_capability: survey.answer(gpu.compute_capability()),
        memory_total: survey.answer(gpu.memory()).map(|memory| memory.total),
        pci_link: pci_link(gpu, survey),
        power_limit: power_limit(gpu, survey),
        clock_max: clock_max(gpu, survey),
        temperature_limit: temperature_limit(gpu, survey),
        ecc: survey.answer(gpu.is_ecc_enabled()),
        persistence: survey.answer(gpu.is_persistent()),
        divided: survey.answer(gpu.is_divided()),
    }
}

fn pci_link(gpu: &Gpu, survey: &mut Survey) -> Option<PciLink> {
    let link = PciLink {
        generation: survey.answer(gpu.link_generation()),
        generation_max: survey.answer(gpu.link_generation_max()),
        lanes: survey.answer(gpu.link_lanes()),
        lanes_max: survey.answer(gpu.link_lanes_max()),
    };
    let known = [link.generation, link.generation_max, link.lanes, link.lanes_max];
    known.iter().any(Option::is_some).then_some(link)
}

fn power_limit(gpu: &Gpu, survey: &mut Survey) -> Option<GpuPowerLimit> {
    let range = survey.answer(gpu.power_limit_range());
    let limit = GpuPowerLimit {
        enforced: survey.answer(gpu.power_limit_enforced()),
        configured: survey.answer(gpu.power_limit()),
        default: survey.answer(gpu.power_limit_default()),
        min: range.map(|range| range.min),
        max: range.map(|range| range.max),
    };
    if let (Some(set), Some(range)) = (limit.configured, range)
        && !(range.min..=range.max).contains(&set)
    {
        survey.doubt(format!("a power limit of {} W is not between {} W and {} W", set.0, range.min.0, range.max.0));
    }
    let known = [limit.enforced, limit.configured, limit.default, limit.min, limit.max];
    known.iter().any(Option::is_some).then_some(limit)
}

fn clock_max(gpu: &Gpu, survey: &mut Survey) -> Option<ClockMax> {
    let mut clock = |clock| -> Option<Hertz> { survey.answer(gpu.clock_max(clock)) };
    let max =
        ClockMax { graphics: clock(GpuClock::Graphics), sm: clock(GpuClock::Sm), memory: clock(GpuClock::Memory) };
    [max.graphics, max.sm, max.memory].iter().any(Option::is_some).then_some(max)
}

fn temperature_limit(gpu: &Gpu, survey: &mut Survey) -> Option<TemperatureLimit> {
    let mut at = |threshold| -> Option<Celsius> { survey.answer(gpu.threshold(threshold)) };
    let limit = TemperatureLimit {
        gpu: at(GpuThreshold::Gpu),
        memory: at(GpuThreshold::Memory),
        slowdown: at(GpuThreshold::Slowdown),
        shutdown: at(GpuThreshold::Shutdown),
    };
    [limit.gpu, limit.memory, limit.slowdown, limit.shutdown].iter().any(Option::is_some).then_some(limit)
}

impl Survey {
    /// A fact that only some GPUs have, and that an old driver may not tell of those that have it.
    fn answer<T>(&mut self, answer: Answer<T>) -> Option<T> {
        answer.transpose().and_then(|told| self.fact(told))
    }
}
