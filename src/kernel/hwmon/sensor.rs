//! The grammar of hwmon: a sensor is what all attributes `temp1_*` are about, and a raw number is in the unit of its kind.

use crate::kernel::text;

/// What a sensor measures, or, with [`Quantity::Pwm`], what drives a fan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quantity {
    Temperature,
    Fan,
    Voltage,
    Current,
    Power,
    Energy,
    Humidity,
    Frequency,
    Pwm,
}

/// One sensor of a chip.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sensor {
    pub quantity: Quantity,
    /// Such as `temp1`; `fan2` is on many chips the fan that `pwm2` drives.
    pub name: String,
    /// What follows the name and an underscore: `input`, `max`, `crit_alarm`. The value of a `pwm` has an empty one.
    attributes: Vec<String>,
}

/// A bound of a sensor, as the chip has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Limit {
    /// The kernel's word, such as `crit`.
    pub attribute: &'static str,
    /// For people, such as `critical`.
    pub name: &'static str,
}

/// A warning of a chip about a sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Alarm {
    pub attribute: &'static str,
    /// The limit that was passed; `fault` if the sensor itself is broken; `any` if the chip does not tell which.
    pub name: &'static str,
}

const LIMITS: [Limit; 9] = [
    Limit { attribute: "min", name: "min" },
    Limit { attribute: "max", name: "max" },
    Limit { attribute: "lcrit", name: "low_critical" },
    Limit { attribute: "crit", name: "critical" },
    Limit { attribute: "emergency", name: "emergency" },
    Limit { attribute: "cap", name: "cap" },
    Limit { attribute: "cap_min", name: "cap_min" },
    Limit { attribute: "cap_max", name: "cap_max" },
    Limit { attribute: "rated_max", name: "rated_max" },
];

const ALARMS: [Alarm; 8] = [
    Alarm { attribute: "alarm", name: "any" },
    Alarm { attribute: "min_alarm", name: "min" },
    Alarm { attribute: "max_alarm", name: "max" },
    Alarm { attribute: "lcrit_alarm", name: "low_critical" },
    Alarm { attribute: "crit_alarm", name: "critical" },
    Alarm { attribute: "emergency_alarm", name: "emergency" },
    Alarm { attribute: "cap_alarm", name: "cap" },
    Alarm { attribute: "fault", name: "fault" },
];

/// Nothing that a farm measures is hotter. Chips without a limit tell 65 261 °C for it.
const HOTTEST: f64 = 1000.0;
/// Chips without a limit tell absolute zero for it.
const COLDEST: f64 = -273.0;
/// Beyond this, in any unit, a number is an error of the chip: nothing on a mainboard has a million volts, watts or turns.
const LARGEST: f64 = 1e6;

impl Quantity {
    pub const ALL: [Self; 9] = [
        Self::Temperature,
        Self::Fan,
        Self::Voltage,
        Self::Current,
        Self::Power,
        Self::Energy,
        Self::Humidity,
        Self::Frequency,
        Self::Pwm,
    ];

    /// What attributes of this kind begin with.
    fn prefix(self) -> &'static str {
        match self {
            Self::Temperature => "temp",
            Self::Fan => "fan",
            Self::Voltage => "in",
            Self::Current => "curr",
            Self::Power => "power",
            Self::Energy => "energy",
            Self::Humidity => "humidity",
            Self::Frequency => "freq",
            Self::Pwm => "pwm",
        }
    }

    /// How names of facts and metrics of this kind end.
    pub fn unit(self) -> &'static str {
        match self {
            Self::Temperature => "celsius",
            Self::Fan => "rpm",
            Self::Voltage => "volts",
            Self::Current => "amperes",
            Self::Power => "watts",
            Self::Energy => "joules",
            Self::Humidity | Self::Pwm => "ratio",
            Self::Frequency => "hertz",
        }
    }

    /// What a file of this kind holds, in base units.
    ///
    /// # Errors
    /// In plain words: it is no number, or cannot be a measurement.
    pub fn parse(self, bytes: &[u8]) -> Result<f64, String> {
        let bytes = bytes.trim_ascii();
        let said = || text::lossy(&bytes[..bytes.len().min(40)]);
        let raw = text::signed(bytes).ok_or_else(|| format!("`{}` is not a whole number", said()))?;
        self.measured(raw).ok_or_else(|| format!("{} cannot be true", said()))
    }

    /// A raw number in base units; `None` if it cannot be a measurement.
    fn measured(self, raw: i64) -> Option<f64> {
        #[allow(clippy::cast_precision_loss, reason = "no sensor has 53 bits, and an energy is a float in the end")]
        let value = raw as f64 / self.parts();
        let is_plausible = match self {
            Self::Temperature => (COLDEST..=HOTTEST).contains(&value),
            Self::Fan => (0.0..=LARGEST).contains(&value),
            Self::Voltage | Self::Current | Self::Power => value.abs() <= LARGEST,
            Self::Energy | Self::Frequency => value >= 0.0,
            Self::Humidity | Self::Pwm => (0.0..=1.0).contains(&value),
        };
        is_plausible.then_some(value)
    }

    /// How many of the kernel's units make a base unit.
    fn parts(self) -> f64 {
        match self {
            Self::Temperature | Self::Voltage | Self::Current => 1e3,
            Self::Fan | Self::Frequency => 1.0,
            Self::Power | Self::Energy => 1e6,
            // Thousandths of percents.
            Self::Humidity => 1e5,
            Self::Pwm => 255.0,
        }
    }
}

impl Sensor {
    pub fn has(&self, attribute: &str) -> bool {
        self.attributes.iter().any(|has| has == attribute)
    }

    /// The attribute that holds what is measured; `None` if nothing is, but for limits or alarms. Where a power is there as an
    /// average too, that says more than a moment.
    pub fn value(&self) -> Option<&'static str> {
        let attributes: &[&str] = match self.quantity {
            Quantity::Power => &["average", "input"],
            Quantity::Pwm => &[""],
            _ => &["input"],
        };
        attributes.iter().copied().find(|attribute| self.has(attribute))
    }

    pub fn limits(&self) -> impl Iterator<Item = Limit> {
        LIMITS.into_iter().filter(|limit| self.has(limit.attribute))
    }

    pub fn alarms(&self) -> impl Iterator<Item = Alarm> {
        ALARMS.into_iter().filter(|alarm| self.has(alarm.attribute))
    }
}

/// The sensors that files of these names, which come in order, are about: those that measure something.
pub(super) fn group(files: &[String]) -> Vec<Sensor> {
    let mut sensors: Vec<Sensor> = Vec::new();
    for (quantity, name, attribute) in files.iter().filter_map(|file| parse(file)) {
        let attribute = attribute.to_owned();
        match sensors.iter_mut().find(|sensor| sensor.name == name) {
            Some(sensor) => sensor.attributes.push(attribute),
            None => sensors.push(Sensor { quantity, name: name.to_owned(), attributes: vec![attribute] }),
        }
    }
    sensors.retain(|sensor| sensor.value().is_some());
    sensors
}

/// `temp1_crit_alarm` is `crit_alarm` of the temperature `temp1`.
fn parse(file: &str) -> Option<(Quantity, &str, &str)> {
    let (name, attribute) = file.split_once('_').unwrap_or((file, ""));
    let number = name.find(|character: char| character.is_ascii_digit())?;
    let (prefix, digits) = name.split_at(number);
    let quantity = Quantity::ALL.into_iter().find(|quantity| quantity.prefix() == prefix)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then_some((quantity, name, attribute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_grouped_by_what_they_are_about() {
        let files = [
            "fan1_input",
            "in0_input",
            "in0_max",
            "intrusion0_alarm",
            "name",
            "power1_average",
            "power1_input",
            "pwm1",
            "pwm1_enable",
            "temp1_crit",
            "temp1_crit_alarm",
            "temp1_input",
            "temp1_label",
            "temp2_max",
            "uevent",
        ];
        let sensors = group(&files.map(str::to_owned));
        let found: Vec<_> = sensors.iter().map(|sensor| (sensor.name.as_str(), sensor.value().unwrap())).collect();
        let expected = [("fan1", "input"), ("in0", "input"), ("power1", "average"), ("pwm1", ""), ("temp1", "input")];
        assert_eq!(found, expected, "a limit alone measures nothing");
        let temperature = sensors.last().unwrap();
        assert!(temperature.has("label"));
        assert_eq!(temperature.limits().map(|limit| limit.name).collect::<Vec<_>>(), ["critical"]);
        assert_eq!(temperature.alarms().map(|alarm| alarm.name).collect::<Vec<_>>(), ["critical"]);
    }

    #[test]
    fn raw_numbers_become_base_units() {
        for (quantity, raw, value) in [
            (Quantity::Temperature, -12_500, -12.5),
            (Quantity::Fan, 1500, 1500.0),
            (Quantity::Voltage, 12_096, 12.096),
            (Quantity::Current, -350, -0.35),
            (Quantity::Power, 65_250_000, 65.25),
            (Quantity::Energy, 1_500_000, 1.5),
            (Quantity::Humidity, 45_500, 0.455),
            (Quantity::Frequency, 2_100_000_000, 2.1e9),
            (Quantity::Pwm, 255, 1.0),
        ] {
            assert_eq!(quantity.measured(raw), Some(value), "{quantity:?}");
        }
    }

    #[test]
    fn what_cannot_be_true_is_no_measurement() {
        for (quantity, raw) in [
            (Quantity::Temperature, 65_261_850),
            (Quantity::Temperature, -273_150),
            (Quantity::Temperature, i64::MIN),
            (Quantity::Fan, -1),
            (Quantity::Fan, i64::MAX),
            (Quantity::Voltage, i64::MIN),
            (Quantity::Energy, -1),
            (Quantity::Pwm, 256),
        ] {
            assert_eq!(quantity.measured(raw), None, "{quantity:?} {raw}");
        }
    }

    #[test]
    fn files_of_any_content_are_numbers_or_errors() {
        assert_eq!(Quantity::Temperature.parse(b" 45500\n"), Ok(45.5));
        let huge = vec![b'9'; 100_000];
        for bad in [&b""[..], b"\n", b"45.5", b"0x10", b"\xff\xfe", b"1 2", &huge] {
            assert!(Quantity::Temperature.parse(bad).unwrap_err().len() < 150);
        }
        assert!(Quantity::Temperature.parse(b"-273150").unwrap_err().contains("cannot be true"));
    }

    #[test]
    fn names_of_other_files_are_no_sensors() {
        for odd in ["", "_", "temp", "temp_input", "tempx1_input", "temp1x_input", "cpu0_vid", "1_input", "pwm"] {
            assert!(group(&[odd.to_owned()]).is_empty(), "{odd}");
        }
    }
}
