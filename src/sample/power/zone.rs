//! The zones of RAPL: energy each tick, limits every few seconds.

use std::sync::Arc;
use std::time::Duration;

use super::energy::Meter;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::powercap::Zone;
use crate::kernel::{KernelError, attribute, text};
use crate::sample::SampleProblem;
use crate::sample::paced::Paced;
use crate::units::{Joules, Watts, float};

/// Between two readings of the limits, which change when somebody sets them.
const LIMITS: Duration = Duration::from_secs(5);
const MICRO: f64 = 1e6;

/// A zone in one tick.
#[derive(Debug, Clone, PartialEq)]
pub struct ZoneSample {
    pub zone: Arc<Zone>,
    /// Since this program began to watch it, or since the last gap.
    pub energy: Option<Joules>,
    /// The mean since the tick before.
    pub power: Option<Watts>,
    /// Why the energy cannot be read.
    pub unreadable: Option<String>,
    pub limits: Arc<Vec<LimitSample>>,
}

/// A limit of the power of a zone, over a window of time.
#[derive(Debug, Clone, PartialEq)]
pub struct LimitSample {
    /// `long_term`, `short_term`, `peak_power`; its number if it has no name.
    pub constraint: String,
    pub limit: Option<Watts>,
    pub window: Option<Duration>,
}

/// Reads one zone, and remembers its counter.
#[derive(Debug)]
pub(super) struct ZoneReader {
    zone: Arc<Zone>,
    energy: KeptFile,
    openings: u64,
    range: Option<u64>,
    meter: Meter,
    constraints: Vec<Constraint>,
    limits: Paced<Vec<LimitSample>>,
}

#[derive(Debug)]
struct Constraint {
    name: String,
    limit: KeptFile,
    window: KeptFile,
}

impl ZoneReader {
    pub(super) fn new(zone: Zone) -> Self {
        let constraint = |number: &u32| Constraint {
            name: attribute::text(&zone.constraint(*number, "name")).unwrap_or_else(|_| number.to_string()),
            limit: KeptFile::new(zone.constraint(*number, "power_limit_uw")),
            window: KeptFile::new(zone.constraint(*number, "time_window_us")),
        };
        Self {
            constraints: zone.constraints.iter().map(constraint).collect(),
            energy: KeptFile::new(zone.energy()),
            openings: 0,
            range: zone.energy_range().ok(),
            meter: Meter::default(),
            limits: Paced::new(LIMITS),
            zone: Arc::new(zone),
        }
    }

    pub(super) fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> ZoneSample {
        let constraints = &mut self.constraints;
        let limits = self.limits.get(now, || constraints.iter_mut().map(Constraint::read).collect());
        let nothing = ZoneSample { zone: Arc::clone(&self.zone), energy: None, power: None, unreadable: None, limits };
        match self.counter() {
            // A zone without a counter has limits only.
            Err(error) if error.is_gone() => nothing,
            Err(error) => ZoneSample { unreadable: Some(error.reason()), ..nothing },
            Ok(counter) => {
                let metered = self.meter.read(counter, self.range.unwrap_or_default(), now.boot);
                if metered.is_broken {
                    let reason = format!("the counter of {} was reset, or not read for too long", self.zone.name);
                    problems.push(SampleProblem { part: "energy", reason });
                }
                ZoneSample { energy: Some(metered.total), power: metered.power, ..nothing }
            }
        }
    }

    fn counter(&mut self) -> Result<u64, KernelError> {
        let counter = self.energy.read(|bytes| number(bytes).ok_or_else(|| "no counter".to_owned()));
        if self.openings != self.energy.openings() {
            // What is counted now may be another zone.
            self.openings = self.energy.openings();
            self.meter = Meter::default();
        }
        counter
    }
}

impl Constraint {
    fn read(&mut self) -> LimitSample {
        let value = |file: &mut KeptFile| file.read(|bytes| number(bytes).ok_or_else(String::new)).ok();
        LimitSample {
            constraint: self.name.clone(),
            limit: value(&mut self.limit).map(|microwatts| Watts(float(microwatts) / MICRO)),
            window: value(&mut self.window).map(Duration::from_micros),
        }
    }
}

fn number(bytes: &[u8]) -> Option<u64> {
    text::decimal(bytes.trim_ascii())
}
