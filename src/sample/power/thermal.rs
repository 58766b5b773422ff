//! Thermal zones and what cools them. A zone of ACPI runs the firmware's code when it is read, so each is read warily.

use std::path::Path;
use std::sync::Arc;

use super::wary::Source;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::hwmon::Quantity;
use crate::kernel::{text, thermal};
use crate::units::Celsius;

/// A thermal zone as it was read last.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatSample {
    /// Such as `thermal_zone0`.
    pub zone: Arc<str>,
    /// Such as `x86_pkg_temp`.
    pub kind: Arc<str>,
    /// `None` if the sensor gives none at the moment.
    pub temperature: Option<Celsius>,
}

/// A cooling device as it was read last.
#[derive(Debug, Clone, PartialEq)]
pub struct CoolingSample {
    /// Such as `cooling_device0`.
    pub device: Arc<str>,
    /// Such as `Processor` or `Fan`.
    pub kind: Arc<str>,
    /// From 0, where it does not cool, up to the most that it can do.
    pub state: Option<u64>,
    pub max_state: Option<u64>,
}

#[derive(Debug)]
pub(super) struct HeatSource {
    sample: HeatSample,
    temperature: KeptFile,
}

#[derive(Debug)]
pub(super) struct CoolingSource {
    sample: CoolingSample,
    state: KeptFile,
    max_state: KeptFile,
}

impl HeatSource {
    /// `None` if the entry of the class is no zone.
    pub(super) fn new(entry: &str, directory: &Path) -> Option<Self> {
        let kind = thermal::kind(directory).ok().filter(|_| thermal::is_zone(entry))?;
        let sample = HeatSample { zone: entry.into(), kind: kind.into(), temperature: None };
        Some(Self { sample, temperature: KeptFile::new(directory.join("temp")) })
    }
}

impl Source for HeatSource {
    type Sample = HeatSample;

    fn read(&mut self, _: Moment) -> Option<HeatSample> {
        let temperature = self.temperature.read(|bytes| Quantity::Temperature.parse(bytes)).ok().map(Celsius);
        Some(HeatSample { temperature, ..self.sample.clone() })
    }
}

impl CoolingSource {
    /// `None` if the entry of the class is no cooling device.
    pub(super) fn new(entry: &str, directory: &Path) -> Option<Self> {
        let kind = thermal::kind(directory).ok().filter(|_| thermal::is_cooling_device(entry))?;
        Some(Self {
            sample: CoolingSample { device: entry.into(), kind: kind.into(), state: None, max_state: None },
            state: KeptFile::new(directory.join("cur_state")),
            max_state: KeptFile::new(directory.join("max_state")),
        })
    }
}

impl Source for CoolingSource {
    type Sample = CoolingSample;

    fn read(&mut self, _: Moment) -> Option<CoolingSample> {
        let state =
            |file: &mut KeptFile| file.read(|bytes| text::decimal(bytes.trim_ascii()).ok_or_else(String::new)).ok();
        let (now, max) = (state(&mut self.state), state(&mut self.max_state));
        Some(CoolingSample { state: now, max_state: max, ..self.sample.clone() })
    }
}
