//! Mains, batteries and uninterruptible supplies.

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::power_supply::{self, Supply};
use crate::kernel::{Roots, attribute, file};
use crate::units::{Joules, Ratio, Volts, Watts};

/// What feeds the machine, `/sys/class/power_supply`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PowerSupply {
    pub name: String,
    /// `Mains`, `Battery`, `UPS`, `USB`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// `Device` if it feeds no more than a mouse or the like.
    pub scope: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    pub technology: Option<String>,
    pub online: Option<bool>,
    pub status: Option<String>,
    pub health: Option<String>,
    #[serde(rename = "charged_ratio")]
    pub charged: Option<Ratio>,
    pub cycles: Option<u64>,
    #[serde(rename = "voltage_volts")]
    pub voltage: Option<Volts>,
    #[serde(rename = "draw_watts")]
    pub draw: Option<Watts>,
    /// When full, now; what is missing to the design is wear.
    #[serde(rename = "full_joules")]
    pub full: Option<Joules>,
    #[serde(rename = "design_joules")]
    pub design: Option<Joules>,
}

pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Vec<PowerSupply> {
    let class = power_supply::class(roots);
    let entries = survey.fact_if_there(attribute::entries(&class)).unwrap_or_default();
    let supply = |name: String| {
        let told = survey.fact(file::read(&power_supply::file(&class.join(&name)), Supply::parse)).unwrap_or_default();
        if let Some(share) = told.charged.filter(|share| *share > 1.0) {
            survey.doubt(format!("power supply {name}: charged to {share} of its capacity"));
        }
        PowerSupply::new(name, told)
    };
    entries.into_iter().map(supply).collect()
}

impl PowerSupply {
    fn new(name: String, told: Supply) -> Self {
        Self {
            name,
            kind: told.kind,
            scope: told.scope,
            manufacturer: told.manufacturer,
            model: told.model,
            technology: told.technology,
            online: told.online,
            status: told.status,
            health: told.health,
            charged: told.charged.map(Ratio),
            cycles: told.cycles,
            voltage: told.volts.map(Volts),
            draw: told.watts.map(Watts),
            full: told.joules_full.map(Joules),
            design: told.joules_full_design.map(Joules),
        }
    }
}
