//! The sensors of one chip, with kept files. What a sensor is called and where its limits lie is read once, with its first values.

use std::sync::Arc;
use std::time::Duration;

use super::disk::Rest;
use super::wary::Source;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::hwmon::{self, Alarm, Chip, Quantity, SensorFacts};
use crate::kernel::{KernelError, Roots};

/// An alarm stays up until it is read, or as long as its cause: it need not be asked for as often as a value.
const ALARMS: Duration = Duration::from_secs(15);
/// A disk that rests is not asked; it does not cool faster than this.
const DISK_HOLDS: Duration = Duration::from_mins(10);

/// A chip as it was read last.
#[derive(Debug, Clone, PartialEq)]
pub struct ChipSample {
    pub chip: Arc<Chip>,
    /// When, as time since boot.
    pub read_at: Duration,
    pub sensors: Arc<[SensorFacts]>,
    /// Of each sensor what it measures, in the unit of its quantity, or why that is not known.
    pub values: Vec<Result<f64, String>>,
    pub alarms: Arc<[AlarmSample]>,
}

/// An alarm of a sensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlarmSample {
    /// Index in the chip's sensors.
    pub sensor: usize,
    pub alarm: Alarm,
    pub is_raised: bool,
}

/// Reads one chip.
#[derive(Debug)]
pub(super) struct ChipSource {
    chip: Arc<Chip>,
    rest: Option<Rest>,
    layout: Option<Layout>,
}

#[derive(Debug)]
struct Layout {
    sensors: Arc<[SensorFacts]>,
    values: Vec<KeptFile>,
    alarm_files: Vec<(usize, Alarm, KeptFile)>,
    alarms: Arc<[AlarmSample]>,
    alarms_read: Option<Duration>,
}

impl ChipSample {
    /// The sensors of a kind with what they measure.
    pub fn of(&self, quantity: Quantity) -> impl Iterator<Item = (&SensorFacts, Option<f64>)> {
        let all = self.sensors.iter().zip(&self.values);
        all.filter(move |(facts, _)| facts.sensor.quantity == quantity)
            .map(|(facts, value)| (facts, value.as_ref().ok().copied()))
    }
}

impl ChipSource {
    pub(super) fn new(chip: Chip, roots: &Roots) -> Self {
        let rest = chip.disk.as_deref().map(|disk| Rest::new(roots, disk));
        Self { chip: Arc::new(chip), rest, layout: None }
    }
}

impl Source for ChipSource {
    type Sample = ChipSample;

    fn read(&mut self, now: Moment) -> Option<ChipSample> {
        if self.rest.as_mut().is_some_and(|rest| !rest.may_be_disturbed()) {
            return None;
        }
        let layout = match &mut self.layout {
            Some(layout) => layout,
            unknown => unknown.insert(Layout::read(&self.chip)?),
        };
        let read: Vec<_> =
            layout.sensors.iter().zip(&mut layout.values).map(|(facts, file)| value(facts, file)).collect();
        if read.iter().all(|value| matches!(value, Err(error) if error.is_gone())) {
            // The driver has been unloaded; another one may get the same number.
            self.layout = None;
            return None;
        }
        layout.read_alarms(now);
        let broken: Vec<usize> =
            layout.alarms.iter().filter(|alarm| alarm.is_fault()).map(|alarm| alarm.sensor).collect();
        let told = |(number, value): (usize, Result<f64, KernelError>)| match value {
            Ok(_) if broken.contains(&number) => Err(hwmon::BROKEN.to_owned()),
            value => value.map_err(|error| error.reason()),
        };
        Some(ChipSample {
            chip: Arc::clone(&self.chip),
            read_at: now.boot,
            sensors: Arc::clone(&layout.sensors),
            values: read.into_iter().enumerate().map(told).collect(),
            alarms: Arc::clone(&layout.alarms),
        })
    }

    fn may_be_in_tick(&self) -> bool {
        // A disk answers behind all that it has to do already, or after its error recovery.
        self.chip.disk.is_none()
    }

    fn holds(&self) -> Duration {
        if self.chip.disk.is_some() { DISK_HOLDS } else { super::wary::HOLDS }
    }
}

impl Layout {
    fn read(chip: &Chip) -> Option<Self> {
        let sensors = chip.sensors().ok()?;
        let values =
            sensors.iter().filter_map(|sensor| Some(KeptFile::new(chip.file(sensor, sensor.value()?)))).collect();
        let alarm_files = sensors.iter().enumerate().flat_map(|(number, sensor)| {
            sensor.alarms().map(move |alarm| (number, alarm, KeptFile::new(chip.file(sensor, alarm.attribute))))
        });
        Some(Self {
            alarm_files: alarm_files.collect(),
            values,
            sensors: sensors.into_iter().map(|sensor| SensorFacts::read(chip, sensor)).collect(),
            alarms: Arc::new([]),
            alarms_read: None,
        })
    }

    fn read_alarms(&mut self, now: Moment) {
        if self.alarms_read.is_some_and(|read| now.since(read) < ALARMS) {
            return;
        }
        self.alarms_read = Some(now.boot);
        let alarm = |(sensor, alarm, file): &mut (usize, Alarm, KeptFile)| {
            let is_raised = file.read(|bytes| match bytes.trim_ascii() {
                b"0" => Ok(false),
                b"1" => Ok(true),
                _ => Err("neither 0 nor 1".to_owned()),
            });
            Some(AlarmSample { sensor: *sensor, alarm: *alarm, is_raised: is_raised.ok()? })
        };
        self.alarms = self.alarm_files.iter_mut().filter_map(alarm).collect();
    }
}

impl AlarmSample {
    fn is_fault(&self) -> bool {
        self.is_raised && self.alarm.attribute == "fault"
    }
}

fn value(facts: &SensorFacts, file: &mut KeptFile) -> Result<f64, KernelError> {
    file.read(|bytes| facts.sensor.quantity.parse(bytes))
}
