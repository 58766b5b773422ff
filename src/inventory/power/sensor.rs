//! Sensor chips and what they measure: temperatures, fans, voltages, currents, power, energy, humidity, clocks.

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use crate::inventory::Survey;
use crate::kernel::hwmon::{self, Chip, Limit, Quantity};
use crate::kernel::{Roots, attribute};
use crate::units::Ratio;

/// A sensor chip, `/sys/class/hwmon`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ChipFacts {
    /// Name, bus and place on it; stays the same over boots.
    pub chip: String,
    /// What the driver calls it.
    pub name: String,
    /// The disk whose temperature it tells.
    pub disk: Option<String>,
    pub sensors: usize,
}

/// A sensor. Its limits and its reading are facts such as `max_celsius`, by the unit of what it measures.
#[derive(Debug, Clone, PartialEq)]
pub struct SensorFact {
    pub chip: String,
    pub sensor: String,
    pub quantity: Quantity,
    pub label: Option<String>,
    /// When it was discovered; `None` if it could not be read, or belongs to a disk, which is not disturbed for this.
    pub reading: Option<f64>,
    pub limits: Vec<(Limit, f64)>,
}

/// What drives a fan.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FanControl {
    pub chip: String,
    pub control: String,
    /// `full speed`, `manual`, or `automatic`, by the chip itself.
    pub mode: Option<&'static str>,
    /// `voltage` or `pulses`.
    pub drive: Option<&'static str>,
    /// Of full power, when it was discovered.
    #[serde(rename = "duty_ratio")]
    pub duty: Option<Ratio>,
}

/// All chips, and all sensors by what they measure.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct Sensors {
    pub chips: Vec<ChipFacts>,
    pub temperatures: Vec<SensorFact>,
    pub fans: Vec<SensorFact>,
    pub fan_controls: Vec<FanControl>,
    pub voltages: Vec<SensorFact>,
    pub currents: Vec<SensorFact>,
    pub powers: Vec<SensorFact>,
    pub energies: Vec<SensorFact>,
    pub humidities: Vec<SensorFact>,
    pub frequencies: Vec<SensorFact>,
}

impl Sensors {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Self {
        let class = hwmon::class(roots);
        let mut all = Self::default();
        for entry in survey.fact_if_there(attribute::entries(&class)).unwrap_or_default() {
            let is_taken = |id: &str| all.chips.iter().any(|chip| chip.chip == id);
            if let Some(chip) = survey.fact(Chip::read(&class.join(entry), is_taken)) {
                all.add(&chip, survey);
            }
        }
        all
    }

    fn add(&mut self, chip: &Chip, survey: &mut Survey) {
        let sensors = survey.fact(chip.sensors()).unwrap_or_default();
        self.chips.push(ChipFacts {
            chip: chip.id.clone(),
            name: chip.name.clone(),
            disk: chip.disk.clone(),
            sensors: sensors.len(),
        });
        for sensor in sensors {
            let facts = hwmon::SensorFacts::read(chip, sensor);
            let reading = facts.measure(chip).filter(|_| chip.disk.is_none()).and_then(|read| survey.fact(read));
            if facts.sensor.quantity == Quantity::Pwm {
                self.fan_controls.push(FanControl::read(chip, &facts.sensor, reading));
            } else if let Some(sensors) = self.of(facts.sensor.quantity) {
                sensors.push(SensorFact {
                    chip: chip.id.clone(),
                    sensor: facts.sensor.name,
                    quantity: facts.sensor.quantity,
                    label: facts.label,
                    reading,
                    limits: facts.limits,
                });
            }
        }
    }

    /// Those of a kind; `None` for controls, which are no sensors.
    fn of(&mut self, quantity: Quantity) -> Option<&mut Vec<SensorFact>> {
        Some(match quantity {
            Quantity::Temperature => &mut self.temperatures,
            Quantity::Fan => &mut self.fans,
            Quantity::Voltage => &mut self.voltages,
            Quantity::Current => &mut self.currents,
            Quantity::Power => &mut self.powers,
            Quantity::Energy => &mut self.energies,
            Quantity::Humidity => &mut self.humidities,
            Quantity::Frequency => &mut self.frequencies,
            Quantity::Pwm => return None,
        })
    }
}

impl FanControl {
    fn read(chip: &Chip, control: &hwmon::Sensor, duty: Option<f64>) -> Self {
        let number = |attribute| attribute::decimal(&chip.file(control, attribute)).ok();
        Self {
            chip: chip.id.clone(),
            control: control.name.clone(),
            mode: number("enable").map(|mode| match mode {
                0 => "full speed",
                1 => "manual",
                _ => "automatic",
            }),
            drive: number("mode").map(|mode| if mode == 0 { "voltage" } else { "pulses" }),
            duty: duty.map(Ratio),
        }
    }
}

impl Serialize for SensorFact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let unit = self.quantity.unit();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("chip", &self.chip)?;
        map.serialize_entry("sensor", &self.sensor)?;
        map.serialize_entry("label", &self.label)?;
        map.serialize_entry(&format!("reading_{unit}"), &self.reading)?;
        for (limit, value) in &self.limits {
            map.serialize_entry(&format!("{}_{unit}", limit.name), value)?;
        }
        map.end()
    }
}
