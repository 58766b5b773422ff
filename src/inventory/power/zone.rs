//! Zones whose energy is counted, and their power limits: RAPL.

use std::time::Duration;

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::powercap::Zone;
use crate::kernel::{Roots, attribute};
use crate::units::{Joules, Watts, float};

const MICRO: f64 = 1e6;

/// A part of the machine whose energy is counted, `/sys/class/powercap`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerZone {
    /// Names from the outermost zone inwards, such as `package-0/dram`.
    pub zone: String,
    /// `intel-rapl` or `intel-rapl-mmio`, which counts the same packages again.
    pub driver: String,
    pub parent: Option<String>,
    /// Whether the limits of the zone are in force.
    pub enabled: Option<bool>,
    /// The counter can be read; `None` if the zone has none.
    pub readable: Option<bool>,
    /// Where the counter begins anew.
    #[serde(rename = "energy_range_joules")]
    pub energy_range: Option<Joules>,
}

/// A limit of the power of a zone, over a window of time.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerLimit {
    pub zone: String,
    pub driver: String,
    /// `long_term`, `short_term`, `peak_power`; its number if it has no name.
    pub constraint: String,
    #[serde(rename = "limit_watts")]
    pub limit: Option<Watts>,
    #[serde(rename = "window_seconds")]
    pub window: Option<f64>,
    /// The most that the maker allows; of the long term, that is the thermal design power.
    #[serde(rename = "max_watts")]
    pub max: Option<Watts>,
}

pub(super) fn read(roots: &Roots, survey: &mut Survey) -> (Vec<PowerZone>, Vec<PowerLimit>) {
    let (mut zones, mut limits) = (Vec::new(), Vec::new());
    for zone in survey.fact_if_there(Zone::all(roots)).into_iter().flatten() {
        if let Some(zone) = survey.fact(zone) {
            zones.push(PowerZone::read(&zone, survey));
            limits.extend(zone.constraints.iter().map(|number| PowerLimit::read(&zone, *number, survey)));
        }
    }
    (zones, limits)
}

impl PowerZone {
    fn read(zone: &Zone, survey: &mut Survey) -> Self {
        let counter = attribute::decimal(&zone.energy());
        let has_counter = !matches!(&counter, Err(error) if error.is_gone());
        let range = survey.fact_if_there(zone.energy_range());
        if let (Ok(counter), Some(range)) = (&counter, range)
            && *counter > range
        {
            survey.doubt(format!("{}: counts {counter}, beyond its range of {range}", zone.energy().display()));
        }
        Self {
            zone: zone.name.clone(),
            driver: zone.driver.clone(),
            parent: zone.parent.clone(),
            enabled: survey.fact_if_there(attribute::flag(&zone.directory.join("enabled"))),
            readable: has_counter.then(|| survey.fact(counter).is_some()),
            energy_range: range.map(|microjoules| Joules(float(microjoules) / MICRO)),
        }
    }
}

impl PowerLimit {
    fn read(zone: &Zone, number: u32, survey: &mut Survey) -> Self {
        let mut value = |attribute: &str| match attribute::decimal(&zone.constraint(number, attribute)) {
            // What a model of CPU does not have is listed all the same.
            Err(error) if error.has_no_data() => None,
            read => survey.fact_if_there(read),
        };
        Self {
            zone: zone.name.clone(),
            driver: zone.driver.clone(),
            constraint: attribute::text(&zone.constraint(number, "name")).unwrap_or_else(|_| number.to_string()),
            limit: value("power_limit_uw").map(watts),
            window: value("time_window_us").map(|micros| Duration::from_micros(micros).as_secs_f64()),
            // Where the register is empty the kernel tells 0, which nothing could run with.
            max: value("max_power_uw").filter(|most| *most > 0).map(watts),
        }
    }
}

fn watts(microwatts: u64) -> Watts {
    Watts(float(microwatts) / MICRO)
}
