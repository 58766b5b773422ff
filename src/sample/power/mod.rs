//! Power and heat: energy each tick, because its counters wrap within a minute or two; sensors, batteries and thermal zones
//! every few seconds, each for itself, so that a slow one delays nothing.

mod chip;
mod disk;
mod energy;
mod roster;
mod supply;
mod thermal;
mod wary;
mod zone;

use std::sync::Arc;

use super::SampleProblem;
use super::background::Crew;
use super::collector::{Collector, Collectors};
use crate::clock::Moment;
use crate::kernel::{Roots, hwmon, power_supply, powercap, thermal as zones};

pub use chip::{AlarmSample, ChipSample};
pub use supply::SupplySample;
pub use thermal::{CoolingSample, HeatSample};
pub use zone::{LimitSample, ZoneSample};

use chip::ChipSource;
use roster::Roster;
use supply::SupplySource;
use thermal::{CoolingSource, HeatSource};
use wary::{Source, Wary};
use zone::ZoneReader;

/// What the machine draws and how warm it is, as far as it tells.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PowerSample {
    pub zones: Vec<ZoneSample>,
    pub chips: Vec<Arc<ChipSample>>,
    pub heat: Vec<Arc<HeatSample>>,
    pub cooling: Vec<Arc<CoolingSample>>,
    pub supplies: Vec<Arc<SupplySample>>,
}

/// Samples power and heat; knows what there is, and looks for more each minute.
#[derive(Debug)]
pub(super) struct PowerSampler {
    roots: Roots,
    collectors: Collectors,
    zones: Roster<ZoneReader>,
    chips: Roster<Wary<ChipSource>>,
    heat: Roster<Wary<HeatSource>>,
    cooling: Roster<Wary<CoolingSource>>,
    supplies: Roster<Wary<SupplySource>>,
    crew: Crew,
}

impl PowerSampler {
    pub(super) fn new(roots: &Roots) -> Self {
        Self {
            collectors: Collectors::ALL,
            zones: Roster::new(powercap::class(roots)),
            chips: Roster::new(hwmon::class(roots)),
            heat: Roster::new(zones::class(roots)),
            cooling: Roster::new(zones::class(roots)),
            supplies: Roster::new(power_supply::class(roots)),
            roots: roots.clone(),
            crew: Crew::default(),
        }
    }

    pub(super) fn collecting(self, collectors: Collectors) -> Self {
        Self { collectors, ..self }
    }

    pub(super) fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> PowerSample {
        self.look_for_more(now);
        PowerSample {
            zones: self.zones.things().map(|zone| zone.sample(now, problems)).collect(),
            chips: ask("sensors", &mut self.chips, now, problems),
            heat: ask("thermal-zones", &mut self.heat, now, problems),
            cooling: ask("cooling-devices", &mut self.cooling, now, problems),
            supplies: ask("power-supplies", &mut self.supplies, now, problems),
        }
    }

    fn look_for_more(&mut self, now: Moment) {
        let Self { roots, crew, collectors, .. } = self;
        if collectors.has(Collector::Energy) {
            self.zones.look(now, |entry, _, _| powercap::Zone::read(roots, entry).ok()?.map(ZoneReader::new));
        }
        if collectors.has(Collector::Sensors) {
            self.chips.look(now, |_, directory, others| {
                let is_taken = |id: &str| others.iter().any(|(_, other)| other.name() == id);
                let chip = hwmon::Chip::read(directory, is_taken).ok()?;
                Some(Wary::new(chip.id.clone(), ChipSource::new(chip, roots), crew))
            });
        }
        if collectors.has(Collector::Thermal) {
            self.heat.look(now, |entry, directory, _| {
                let source = HeatSource::new(entry, directory)?;
                Some(Wary::new(entry.to_owned(), source, crew))
            });
            self.cooling.look(now, |entry, directory, _| {
                let source = CoolingSource::new(entry, directory)?;
                Some(Wary::new(entry.to_owned(), source, crew))
            });
        }
        if collectors.has(Collector::PowerSupplies) {
            self.supplies.look(now, |entry, directory, _| {
                Some(Wary::new(entry.to_owned(), SupplySource::new(entry, directory), crew))
            });
        }
    }
}

/// What all sources of a kind have said last. One that does not answer is a problem, and has no sample once its last is old.
fn ask<S: Source>(
    part: &'static str,
    sources: &mut Roster<Wary<S>>,
    now: Moment,
    problems: &mut Vec<SampleProblem>,
) -> Vec<Arc<S::Sample>> {
    let mut samples = Vec::new();
    for source in sources.things() {
        samples.extend(source.poll(now));
        if let Some(late) = source.late(now) {
            let reason = format!("{} has not answered for {} s", source.name(), late.as_secs());
            problems.push(SampleProblem { part, reason });
        }
    }
    samples
}

#[cfg(test)]
mod tests;
