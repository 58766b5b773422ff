//! What of a sensor stays the same: how it is called, and where its limits lie.

use super::{Chip, Limit, Sensor};
use crate::kernel::{KernelError, attribute, file};

/// Why a sensor with a fault has no value.
pub const BROKEN: &str = "the chip says that the sensor is broken";

/// A sensor with what its chip says about it.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorFacts {
    pub sensor: Sensor,
    /// What the mainboard's or the driver's maker calls it, such as `Package id 0`.
    pub label: Option<String>,
    /// In the unit of the quantity. Those that cannot be read, or cannot be true, are absent.
    pub limits: Vec<(Limit, f64)>,
}

impl SensorFacts {
    /// Asks the chip for label and limits.
    pub fn read(chip: &Chip, sensor: Sensor) -> Self {
        let limit = |limit: Limit| {
            let path = chip.file(&sensor, limit.attribute);
            Some((limit, file::read(&path, |bytes| sensor.quantity.parse(bytes)).ok()?))
        };
        let limits = sensor.limits().filter_map(limit).collect();
        let label = sensor.has("label").then(|| attribute::text(&chip.file(&sensor, "label")).ok()).flatten();
        Self { sensor, label, limits }
    }

    /// What it measures now, in the unit of its quantity; `None` if it has no file for that. What a broken sensor tells is no
    /// measurement.
    pub fn measure(&self, chip: &Chip) -> Option<Result<f64, KernelError>> {
        let path = chip.file(&self.sensor, self.sensor.value()?);
        let fault = chip.file(&self.sensor, "fault");
        if self.sensor.has("fault") && attribute::flag(&fault).is_ok_and(|is_broken| is_broken) {
            return Some(Err(KernelError::malformed(fault, BROKEN)));
        }
        Some(file::read(&path, |bytes| self.sensor.quantity.parse(bytes)))
    }
}
