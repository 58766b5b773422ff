//! Mains, batteries and uninterruptible supplies, `/sys/class/power_supply`. The file `uevent` of a supply holds all that it
//! tells, so that one read (which may ask a slow controller) is enough.
//!
//! Sources: `Documentation/power/power_supply_class.rst`, `Documentation/ABI/testing/sysfs-class-power`.

use std::path::{Path, PathBuf};

use super::{Roots, text};

/// One reading of a supply. What it does not tell is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Supply {
    /// `Mains`, `Battery`, `UPS`, `USB`, `Wireless`.
    pub kind: Option<String>,
    /// `Charging`, `Discharging`, `Not charging`, `Full`, `Unknown`.
    pub status: Option<String>,
    pub health: Option<String>,
    /// Such as `Li-ion`.
    pub technology: Option<String>,
    pub manufacturer: Option<String>,
    pub model: Option<String>,
    /// `System` or `Device`: the battery of a mouse says nothing about the machine.
    pub scope: Option<String>,
    /// Power comes from it; of a mains, that it is plugged in.
    pub online: Option<bool>,
    pub present: Option<bool>,
    /// How full, 0 to 1.
    pub charged: Option<f64>,
    pub cycles: Option<u64>,
    pub volts: Option<f64>,
    pub amperes: Option<f64>,
    pub watts: Option<f64>,
    pub joules: Option<f64>,
    pub joules_full: Option<f64>,
    pub joules_full_design: Option<f64>,
    pub coulombs: Option<f64>,
    pub coulombs_full: Option<f64>,
    pub coulombs_full_design: Option<f64>,
    pub celsius: Option<f64>,
    pub seconds_to_empty: Option<f64>,
}

const SECONDS_PER_HOUR: f64 = 3600.0;
/// The kernel tells microvolts, microamperes, microwatts and their hours.
const MILLION: f64 = 1e6;

/// Where the supplies are listed.
pub fn class(roots: &Roots) -> PathBuf {
    roots.sys("class/power_supply")
}

/// The file of a supply that tells everything.
pub fn file(supply: &Path) -> PathBuf {
    supply.join("uevent")
}

impl Supply {
    /// Reads lines such as `POWER_SUPPLY_STATUS=Full`. One that makes no sense is as good as absent.
    ///
    /// # Errors
    /// Not a single such line is in it.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let mut supply = Self::default();
        let mut lines = 0;
        for line in text::lines(bytes) {
            let Some(property) = line.strip_prefix(b"POWER_SUPPLY_") else { continue };
            let Some(equals) = property.iter().position(|byte| *byte == b'=') else { continue };
            supply.take(&property[..equals], property[equals + 1..].trim_ascii());
            lines += 1;
        }
        if lines == 0 { Err("tells nothing about a power supply".to_owned()) } else { Ok(supply) }
    }

    fn take(&mut self, property: &[u8], value: &[u8]) {
        let word = || (!value.is_empty()).then(|| text::lossy(value));
        let number = || text::signed(value).map(real);
        let micro = || number().map(|number| number / MILLION);
        let positive = || micro().filter(|number| *number >= 0.0);
        let hours = || positive().map(|number| number * SECONDS_PER_HOUR);
        match property {
            b"TYPE" => self.kind = word(),
            b"STATUS" => self.status = word(),
            b"HEALTH" => self.health = word(),
            b"TECHNOLOGY" => self.technology = word(),
            b"MANUFACTURER" => self.manufacturer = word(),
            b"MODEL_NAME" => self.model = word(),
            b"SCOPE" => self.scope = word(),
            // 2 is "online, with a fixed voltage of a programmable supply".
            b"ONLINE" => self.online = text::decimal(value).map(|online| online > 0),
            b"PRESENT" => self.present = text::decimal(value).map(|present| present > 0),
            b"CAPACITY" => self.charged = number().map(|percent| percent / 100.0).filter(|share| *share >= 0.0),
            // Some firmwares tell 0 for a battery that does not count.
            b"CYCLE_COUNT" => self.cycles = text::decimal(value).filter(|cycles| *cycles > 0),
            b"VOLTAGE_NOW" => self.volts = positive(),
            b"CURRENT_NOW" => self.amperes = micro(),
            b"POWER_NOW" => self.watts = micro(),
            b"ENERGY_NOW" => self.joules = hours(),
            b"ENERGY_FULL" => self.joules_full = hours(),
            b"ENERGY_FULL_DESIGN" => self.joules_full_design = hours(),
            b"CHARGE_NOW" => self.coulombs = hours(),
            b"CHARGE_FULL" => self.coulombs_full = hours(),
            b"CHARGE_FULL_DESIGN" => self.coulombs_full_design = hours(),
            // Tenths of a degree.
            b"TEMP" => self.celsius = number().map(|tenths| tenths / 10.0),
            b"TIME_TO_EMPTY_NOW" => self.seconds_to_empty = number().filter(|seconds| *seconds >= 0.0),
            _ => {}
        }
    }
}

#[allow(clippy::cast_precision_loss, reason = "no property of a battery has 53 bits")]
fn real(number: i64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_battery_tells_all_in_one_file() {
        let text = b"DEVTYPE=power_supply\nPOWER_SUPPLY_NAME=BAT0\nPOWER_SUPPLY_TYPE=Battery\n\
            POWER_SUPPLY_STATUS=Discharging\nPOWER_SUPPLY_PRESENT=1\nPOWER_SUPPLY_TECHNOLOGY=Li-ion\n\
            POWER_SUPPLY_CYCLE_COUNT=212\nPOWER_SUPPLY_VOLTAGE_NOW=11800000\nPOWER_SUPPLY_POWER_NOW=15500000\n\
            POWER_SUPPLY_ENERGY_FULL_DESIGN=57000000\nPOWER_SUPPLY_ENERGY_NOW=25000000\nPOWER_SUPPLY_CAPACITY=50\n\
            POWER_SUPPLY_MANUFACTURER= \nPOWER_SUPPLY_TEMP=301\n";
        let battery = Supply::parse(text).unwrap();
        assert_eq!((battery.kind.as_deref(), battery.status.as_deref()), (Some("Battery"), Some("Discharging")));
        assert_eq!((battery.charged, battery.cycles, battery.present), (Some(0.5), Some(212), Some(true)));
        assert_eq!((battery.volts, battery.watts, battery.joules), (Some(11.8), Some(15.5), Some(90_000.0)));
        assert_eq!((battery.joules_full_design, battery.celsius), (Some(205_200.0), Some(30.1)));
        assert_eq!((battery.manufacturer, battery.online, battery.amperes), (None, None, None));
    }

    #[test]
    fn a_mains_is_plugged_in_or_not() {
        let online = |value: &str| {
            let text = format!("POWER_SUPPLY_TYPE=Mains\nPOWER_SUPPLY_ONLINE={value}\n");
            Supply::parse(text.as_bytes()).unwrap().online
        };
        assert_eq!(["0", "1", "2", "-1", "yes"].map(online), [Some(false), Some(true), Some(true), None, None]);
    }

    #[test]
    fn what_makes_no_sense_is_absent() {
        let text =
            b"POWER_SUPPLY_CAPACITY=-1\nPOWER_SUPPLY_ENERGY_NOW=-5\nPOWER_SUPPLY_VOLTAGE_NOW=99999999999999999999\n\
            POWER_SUPPLY_CYCLE_COUNT=0\nPOWER_SUPPLY_MODEL_NAME=\xff\xfe\nPOWER_SUPPLY_NOTHING\nPOWER_SUPPLY_=\n";
        let odd = Supply::parse(text).unwrap();
        assert_eq!(odd, Supply { model: Some("\u{fffd}\u{fffd}".to_owned()), ..Supply::default() });
        for bad in [&b""[..], b"\xff\xff", b"POWER_SUPPLY_", b"DEVTYPE=power_supply\n"] {
            assert!(Supply::parse(bad).is_err(), "{bad:?}");
        }
    }
}
