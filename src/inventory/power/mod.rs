//! Power and heat: what counts and limits the energy, what measures and cools, and what feeds the machine.

mod sensor;
mod supply;
mod thermal;
mod zone;

use serde::Serialize;

use super::Survey;
use crate::kernel::{Roots, attribute};

pub use sensor::{ChipFacts, FanControl, SensorFact, Sensors};
pub use supply::PowerSupply;
pub use thermal::{CoolingDevice, ThermalTrip, ThermalZone};
pub use zone::{PowerLimit, PowerZone};

/// Facts about the power limits, sensors, fans, batteries and thermal zones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Power {
    /// How the firmware weighs speed against heat, such as `balanced`; one of the choices.
    pub platform_profile: Option<String>,
    pub platform_profile_choices: Vec<String>,
    /// Which driver puts idle CPUs to rest, such as `intel_idle`.
    pub idle_driver: Option<String>,
    pub idle_governor: Option<String>,
    /// Parts of the machine whose energy is counted.
    pub energy_zones: Vec<PowerZone>,
    pub power_limits: Vec<PowerLimit>,
    #[serde(flatten)]
    pub sensors: Sensors,
    pub supplies: Vec<PowerSupply>,
    pub thermal_zones: Vec<ThermalZone>,
    pub thermal_trips: Vec<ThermalTrip>,
    pub cooling_devices: Vec<CoolingDevice>,
}

impl Power {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let word = |path: &str| attribute::text(&roots.sys(path));
        let choices = survey.fact_if_there(word("firmware/acpi/platform_profile_choices"));
        let governor = word("devices/system/cpu/cpuidle/current_governor_ro");
        let (energy_zones, power_limits) = zone::read(roots, survey);
        let (thermal_zones, thermal_trips, cooling_devices) = thermal::read(roots, survey);
        Self {
            platform_profile: survey.fact_if_there(word("firmware/acpi/platform_profile")),
            platform_profile_choices: choices.iter().flat_map(|line| line.split(' ')).map(str::to_owned).collect(),
            idle_driver: survey
                .fact_if_there(word("devices/system/cpu/cpuidle/current_driver"))
                .filter(|it| it != "none"),
            idle_governor: survey.fact_if_there(governor),
            energy_zones,
            power_limits,
            sensors: Sensors::read(roots, survey),
            supplies: supply::read(roots, survey),
            thermal_zones,
            thermal_trips,
            cooling_devices,
        }
    }
}

#[cfg(test)]
mod tests;
