//! Where the kernel itself watches the temperature, from which degree on it acts, and what it cools with.

use std::path::Path;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::hwmon::Quantity;
use crate::kernel::{Roots, attribute, file, thermal};
use crate::units::Celsius;

/// A thermal zone, `/sys/class/thermal`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThermalZone {
    pub zone: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Who decides how much to cool, such as `step_wise`.
    pub policy: Option<String>,
    pub enabled: Option<bool>,
    #[serde(rename = "reading_celsius")]
    pub reading: Option<Celsius>,
}

/// A temperature from which on the kernel acts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ThermalTrip {
    pub zone: String,
    pub zone_type: Option<String>,
    pub trip: u32,
    /// `active`: fans are turned up; `passive`: CPUs are slowed down; `hot`: programs are told; `critical`: the machine is
    /// switched off.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    #[serde(rename = "temperature_celsius")]
    pub temperature: Option<Celsius>,
}

/// What the kernel cools with.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CoolingDevice {
    pub device: String,
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub max_state: Option<u64>,
}

pub(super) fn read(roots: &Roots, survey: &mut Survey) -> (Vec<ThermalZone>, Vec<ThermalTrip>, Vec<CoolingDevice>) {
    let class = thermal::class(roots);
    let (mut zones, mut trips, mut devices) = (Vec::new(), Vec::new(), Vec::new());
    for entry in survey.fact_if_there(attribute::entries(&class)).unwrap_or_default() {
        let directory = class.join(&entry);
        if thermal::is_zone(&entry) {
            let zone = ThermalZone::read(entry, &directory, survey);
            let numbers = survey.fact(thermal::trips(&directory)).unwrap_or_default();
            trips.extend(numbers.into_iter().filter_map(|number| ThermalTrip::read(&zone, &directory, number, survey)));
            zones.push(zone);
        } else if thermal::is_cooling_device(&entry) {
            devices.push(CoolingDevice {
                kind: survey.fact(thermal::kind(&directory)),
                max_state: survey.fact(attribute::decimal(&directory.join("max_state"))),
                device: entry,
            });
        }
    }
    (zones, trips, devices)
}

impl ThermalZone {
    fn read(zone: String, directory: &Path, survey: &mut Survey) -> Self {
        let mode = survey.fact_if_there(attribute::text(&directory.join("mode")));
        Self {
            zone,
            kind: survey.fact(thermal::kind(directory)),
            policy: survey.fact_if_there(attribute::text(&directory.join("policy"))),
            enabled: mode.map(|mode| mode == "enabled"),
            reading: survey
                .fact(file::read(&directory.join("temp"), |raw| Quantity::Temperature.parse(raw)))
                .map(Celsius),
        }
    }
}

impl ThermalTrip {
    /// `None` of a trip that is not set: the kernel tells one at or below absolute zero, or at a degree that nothing reaches.
    fn read(zone: &ThermalZone, directory: &Path, number: u32, survey: &mut Survey) -> Option<Self> {
        let raw = survey.fact(attribute::signed(&thermal::trip(directory, number, "temp")));
        let temperature = raw.map(|raw| Quantity::Temperature.parse(raw.to_string().as_bytes()));
        if matches!(temperature, Some(Err(_))) {
            return None;
        }
        Some(Self {
            zone: zone.zone.clone(),
            zone_type: zone.kind.clone(),
            trip: number,
            kind: survey.fact(attribute::text(&thermal::trip(directory, number, "type"))),
            temperature: temperature.and_then(Result::ok).map(Celsius),
        })
    }
}
