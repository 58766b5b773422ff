//! How far an idle disk may sleep: the level of its advanced power management (APM), by the commands that hdparm sends.
//!
//! The standby timer is left alone: no command tells what a disk has it at, so that it could not be put back.
//!
//! Source: ATA/ATAPI Command Set (ACS-3), IDENTIFY DEVICE and SET FEATURES 05h, 85h.

mod ata;

use std::io;
use std::path::Path;
use std::sync::Arc;

pub use ata::{Ata, Identify, KernelAta};

use super::attribute::{identity, parts};
use super::linux::capability_of;
use super::timely::Timely;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::{Roots, attribute};

/// The level that saves nothing while APM is on. More than that is no APM at all.
const MOST: u8 = 254;

/// The power management of all ATA disks.
#[derive(Debug)]
pub struct DiskPower {
    pub roots: Roots,
    pub timely: Timely,
    pub ata: Arc<dyn Ata>,
}

impl DiskPower {
    fn device(&self, part: &Part) -> String {
        identity(&self.roots, part, Path::new(""))
    }

    fn verified<'a>(&self, unit: &'a Unit) -> Result<&'a Part, KnobError> {
        match unit {
            Unit::Part { part, device } if self.device(part) == *device => Ok(part),
            _ => Err(KnobError::Gone(unit.to_string())),
        }
    }

    /// Whether the kernel knows the disk as one that has APM, without a command that might wake it.
    fn has_it(&self, part: &Part) -> bool {
        let disk = self.roots.sys(format!("block/{}/device", part.name));
        let is_ata = attribute::text(&disk.join("vendor")).is_ok_and(|vendor| vendor == "ATA");
        let known = std::fs::read(disk.join("vpd_pg89")).ok().and_then(|page| Identify::in_vital_page(&page));
        part.class == PartClass::Disk && is_ata && known.is_some_and(|known| known.has_apm())
    }

    fn run<T: Send + 'static>(
        &self,
        part: &Part,
        doing: &'static str,
        act: impl FnOnce(&dyn Ata, &str) -> io::Result<T> + Send + 'static,
    ) -> Result<T, KnobError> {
        let (ata, name) = (Arc::clone(&self.ata), part.name.clone());
        let number = attribute::text(&self.roots.sys(format!("block/{name}/dev"))).unwrap_or_default();
        let door = move || {
            ata.is_device(&name, &number)?;
            act(ata.as_ref(), &name)
        };
        self.timely.run(Path::new(&format!("/dev/{}", part.name)), doing, door)
    }
}

impl Reversible for DiskPower {
    fn kind(&self) -> KnobKind {
        KnobKind::DiskPower
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = &scope.part else { return Ok(Vec::new()) };
        if !self.has_it(part) {
            return Err(KnobError::Unusable(format!("{part} has no advanced power management")));
        }
        Ok(vec![Unit::Part { part: part.clone(), device: self.device(part) }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let level =
            self.run(self.verified(unit)?, "read", |ata, disk| ata.identify(disk).map(|known| known.apm_level()))?;
        Ok(Value::Number(level.map_or(Setting::NO_LIMIT, u64::from)))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let level = match value {
            Value::Number(Setting::NO_LIMIT) => None,
            Value::Number(level) => u8::try_from(*level).ok(),
            _ => return Err(KnobError::Unusable(format!("{value} is no level of power management"))),
        };
        self.run(self.verified(unit)?, "write", move |ata, disk| ata.set_apm(disk, level))
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for DiskPower {
    fn facts(&self) -> Facts {
        Facts {
            place: "ioctl HDIO_DRIVE_CMD: IDENTIFY DEVICE, SET FEATURES 05h and 85h (APM; the standby timer cannot be read)".to_owned(),
            unit: "APM level",
            range: format!("1 to {MOST}, max is off; below 128 the disk may spin down"),
            normalisation: "kept as written",
            others: &["hdparm", "TLP", "udisks", "smartd"],
            source: "ATA/ATAPI Command Set (ACS-3)",
        }
    }

    fn class(&self) -> PartClass {
        PartClass::Disk
    }

    fn probe(&self) -> Capability {
        let usable = if self.parts().is_empty() {
            Err(("no disk says that it has advanced power management".to_owned(), String::new()))
        } else {
            Ok(())
        };
        capability_of(self.kind().surface(), usable)
    }

    fn parts(&self) -> Vec<Part> {
        parts(&self.roots, PartClass::Disk).into_iter().filter(|part| self.has_it(part)).collect()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        match (target, setting) {
            (Target::Part(_), Setting::Number(_, Setting::NO_LIMIT)) => Ok(Value::Number(Setting::NO_LIMIT)),
            (Target::Part(_), Setting::Number(_, level)) => Ok(Value::Number((*level).clamp(1, MOST.into()))),
            _ => Err(KnobError::Unusable(format!("\"{setting}\" is no level of power management of {target}"))),
        }
    }
}

#[cfg(test)]
mod tests;
