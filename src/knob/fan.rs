//! The speed of a fan that a chip drives: taken by hand, and left to the chip again.
//!
//! The order of writes is the safety. A fan is taken by hand first and told its speed then, since chips refuse a speed while they
//! drive the fan themselves; a fan that cannot be told its speed goes back to the chip at once; and one that does not go back is
//! left at full speed. It is never told a speed below [`FLOOR`], nor a lower one than it has while the chip is hot.
//!
//! Source: `Documentation/hwmon/sysfs-interface.rst`.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::attribute::{identity, names, parts, write_attribute};
use super::linux::capability_of;
use super::timely::Timely;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::{KernelError, Roots, attribute};

/// 30 % of 255: with less, many fans stand still, and some do not start again.
pub const FLOOR: u8 = 77;
const FULL: u8 = 255;
/// Mode of `pwmN_enable`, as is 0 for full speed; all above are kinds of automatic.
const BY_HAND: u8 = 1;

/// How a fan is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Drive {
    /// At this speed, of 255.
    ByHand(u8),
    /// By the chip, in this mode. The speed is its own affair.
    ByChip(u8),
}

/// The fans' outputs of all hwmon chips.
#[derive(Debug)]
pub struct Fan {
    pub roots: Roots,
    pub timely: Timely,
    /// The lowest speed that is ever told.
    pub floor: u8,
}

/// The files of one output.
#[derive(Debug, Clone)]
struct Output {
    speed: PathBuf,
    mode: PathBuf,
}

impl Fan {
    fn output(&self, part: &Part) -> Result<Output, KnobError> {
        let absent = || KnobError::Unusable(format!("{part} is no fan that can be driven"));
        if part.class != PartClass::Fan || !parts(&self.roots, PartClass::Fan).contains(part) {
            return Err(absent());
        }
        let speed = self.roots.sys(format!("class/hwmon/{}", part.name));
        let mode = speed.with_file_name(format!("{}_enable", part.name.rsplit('/').next().unwrap_or_default()));
        Ok(Output { speed, mode })
    }

    fn verified(&self, unit: &Unit) -> Result<Output, KnobError> {
        let Unit::Part { part, device } = unit else {
            return Err(KnobError::Unusable(format!("{unit} is no part of the machine")));
        };
        let output = self.output(part).map_err(|_| KnobError::Gone(part.to_string()))?;
        let is_it = identity(&self.roots, part, &output.speed) == *device;
        if is_it { Ok(output) } else { Err(KnobError::Gone(part.to_string())) }
    }

    /// Runs what a slow bus may hold up.
    fn run<T: Send + 'static>(
        &self,
        output: &Output,
        doing: &'static str,
        act: impl FnOnce(&Output) -> io::Result<T> + Send + 'static,
    ) -> Result<T, KnobError> {
        let owned = output.clone();
        self.timely.run(&output.speed, doing, move || act(&owned))
    }
}

impl Reversible for Fan {
    fn kind(&self) -> KnobKind {
        KnobKind::Fan
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = &scope.part else { return Ok(Vec::new()) };
        let output = self.output(part)?;
        if !output.can_be_driven() {
            return Err(KnobError::Unusable(format!("{part} cannot be driven: its files are read-only")));
        }
        Ok(vec![Unit::Part { part: part.clone(), device: identity(&self.roots, part, &output.speed) }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let output = self.verified(unit)?;
        self.run(&output, "read", Output::drive).map(Value::Fan)
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let output = self.verified(unit)?;
        match *value {
            Value::Fan(Drive::ByHand(speed)) => self.run(&output, "write", move |output| output.take(speed)),
            Value::Fan(Drive::ByChip(mode)) => self.run(&output, "write", move |output| output.leave(mode)),
            _ => Err(KnobError::Unusable(format!("{value} is no speed of a fan"))),
        }
    }

    /// Chips round; and who dies between taking a fan and telling it its speed leaves it by hand at the speed that it had.
    fn rounds(&self, written: &Value, found: &Value) -> bool {
        let is_by_hand = |value: &Value| matches!(value, Value::Fan(Drive::ByHand(_)));
        written == found || is_by_hand(written) && is_by_hand(found)
    }

    /// Full speed is where a fan is left that did not go back.
    fn is_veiled(&self, _unit: &Unit, ours: &Value, found: &Value) -> bool {
        matches!((ours, found), (Value::Fan(Drive::ByHand(_)), Value::Fan(Drive::ByHand(FULL))))
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for Fan {
    fn facts(&self) -> Facts {
        Facts {
            place: "/sys/class/hwmon/*/pwm* and pwm*_enable".to_owned(),
            unit: "of 255",
            range: format!("{} to {FULL}", self.floor),
            normalisation: "taken by hand first; not lower than now while the chip is above a limit of its own",
            others: &["fancontrol", "thinkfan", "the firmware"],
            source: "Documentation/hwmon/sysfs-interface.rst",
        }
    }

    fn class(&self) -> PartClass {
        PartClass::Fan
    }

    fn probe(&self) -> Capability {
        let usable = if self.parts().is_empty() {
            let mend = "load the driver of the board's sensor chip (sensors-detect finds it)".to_owned();
            Err((format!("no chip has a fan that can be driven: {} is not there", self.facts().place), mend))
        } else {
            Ok(())
        };
        capability_of(self.kind().surface(), usable)
    }

    fn parts(&self) -> Vec<Part> {
        let is_driven = |part: &Part| self.output(part).is_ok_and(|output| output.can_be_driven());
        parts(&self.roots, PartClass::Fan).into_iter().filter(is_driven).collect()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        let (Target::Part(part), Setting::Number(_, speed)) = (target, setting) else {
            return Err(KnobError::Unusable(format!("\"{setting}\" is no speed of a fan of {target}")));
        };
        let output = self.output(part)?;
        let wanted = u8::try_from(*speed).unwrap_or(FULL).max(self.floor);
        let (hot, now) = self.run(&output, "read", |output| Ok((output.is_hot(), output.speed()?)))?;
        Ok(Value::Fan(Drive::ByHand(if hot { wanted.max(now) } else { wanted })))
    }
}

impl Output {
    /// Whether both files may be written. A chip without modes is always by hand.
    fn can_be_driven(&self) -> bool {
        let may_be_written = |path: &Path| path.metadata().is_ok_and(|file| file.permissions().mode() & 0o222 != 0);
        may_be_written(&self.speed) && (!self.has_modes() || may_be_written(&self.mode))
    }

    fn has_modes(&self) -> bool {
        self.mode.exists()
    }

    fn speed(&self) -> io::Result<u8> {
        byte(&self.speed)
    }

    fn drive(&self) -> io::Result<Drive> {
        match self.has_modes().then(|| byte(&self.mode)).transpose()? {
            Some(mode) if mode != BY_HAND => Ok(Drive::ByChip(mode)),
            _ => Ok(Drive::ByHand(self.speed()?)),
        }
    }

    fn take(&self, speed: u8) -> io::Result<()> {
        let before = self.drive()?;
        if let Drive::ByChip(_) = before {
            write_attribute(&self.mode, &BY_HAND.to_string())?;
        }
        let told = write_attribute(&self.speed, &speed.to_string());
        if let (Err(_), Drive::ByChip(mode)) = (&told, before) {
            // The error to report is the first one.
            let _ = self.leave(mode);
        }
        told
    }

    fn leave(&self, mode: u8) -> io::Result<()> {
        let left = write_attribute(&self.mode, &mode.to_string());
        if left.is_err() {
            let _ = write_attribute(&self.speed, &FULL.to_string());
        }
        left
    }

    /// Whether one of the chip's sensors is at a limit that the chip states for it, or cannot be read. A sensor without a limit
    /// says nothing, nor does one that reports its own fault.
    fn is_hot(&self) -> bool {
        let chip = self.speed.parent().unwrap_or(Path::new("/"));
        let of_sensor = |sensor: &str, what: &str| attribute::signed(&chip.join(format!("{sensor}_{what}")));
        let limit = |sensor: &str| {
            ["max", "crit"].iter().find_map(|what| of_sensor(sensor, what).ok().filter(|limit| *limit > 0))
        };
        let inputs = names(chip);
        let sensors =
            inputs.iter().filter_map(|name| name.strip_suffix("_input").filter(|name| name.starts_with("temp")));
        let mut with_limit = sensors.filter(|sensor| of_sensor(sensor, "fault").ok() != Some(1));
        with_limit.any(|sensor| {
            limit(sensor).is_some_and(|limit| of_sensor(sensor, "input").map_or(true, |now| now >= limit))
        })
    }
}

/// 0 to 255.
fn byte(path: &Path) -> io::Result<u8> {
    let number = attribute::decimal(path).map_err(|error| match error {
        KernelError::Io { source, .. } => source,
        other => io::Error::other(other.to_string()),
    })?;
    u8::try_from(number).map_err(|_| io::Error::other(format!("{number} is more than 255")))
}

#[cfg(test)]
mod tests;
