//! What an NVIDIA graphics card may draw, and how fast its cores and its memory may run, by the driver's management library.
//!
//! The driver tells the power limit, but not to what the clocks are locked. What we have locked them to is therefore written down in
//! the run directory before it is done, which like the lock itself ends with the boot at the latest; a clock of which nothing is
//! written down counts as not locked. Somebody else's lock can be neither seen nor put back, and ours goes when the driver does.
//!
//! The library may hang in any call, and loading it costs memory: it is asked from a thread that is not waited for, and not before
//! there is a GPU's knob to look at, so that a guard without one never loads it.
//!
//! Source: NVML API Reference Manual, device commands.

use std::io;
use std::path::PathBuf;

use super::linux::capability_of;
use super::timely::Timely;
use super::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::nvml::{Limited, Limits, LockedClock, Refusal};
use crate::kernel::{Roots, durable};

/// What the library may need of a stack, which it does not tell.
pub const STACK: usize = 2 << 20;
/// A driver that rounds does so to whole watts.
const WATT: u64 = 1000;

/// What of a GPU is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GpuLimit {
    Power,
    Clock(LockedClock),
}

/// One limit of all GPUs.
#[derive(Debug)]
pub struct Gpu {
    pub limit: GpuLimit,
    pub roots: Roots,
    pub timely: Timely,
}

impl Gpu {
    /// Asks the library of one GPU.
    fn ask<T: Send + 'static>(
        &self,
        part: &Part,
        doing: &'static str,
        act: impl FnOnce(Limited) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<T, KnobError> {
        let uuid = part.name.clone();
        let answer = self.with_library(doing, move |library| act(library.gpu(&uuid)?))?;
        answer.map_err(|refusal| match refusal {
            Refusal::Gone(_) => KnobError::Gone(part.to_string()),
            Refusal::NotAllowed(_) => {
                let source = io::Error::from_raw_os_error(libc::EPERM);
                KnobError::Refused { doing, of: part.to_string(), source }
            }
            Refusal::Unsupported(said) => KnobError::Unusable(format!("{part} has no {}: {said}", self.kind().name())),
            Refusal::Failed(said) => KnobError::Refused { doing, of: part.to_string(), source: io::Error::other(said) },
        })
    }

    fn with_library<T: Send + 'static>(
        &self,
        doing: &'static str,
        act: impl FnOnce(Limits) -> Result<T, Refusal> + Send + 'static,
    ) -> Result<Result<T, Refusal>, KnobError> {
        let path = self.roots.nvml.clone();
        self.timely.run(&self.roots.nvml, doing, move || Ok(Limits::open(&path).and_then(act)))
    }

    fn part(unit: &Unit) -> Result<&Part, KnobError> {
        match unit {
            Unit::Part { part, .. } if is_uuid(part) => Ok(part),
            _ => Err(KnobError::Unusable(format!("{unit} is no GPU"))),
        }
    }

    fn note(&self, part: &Part, clock: LockedClock) -> PathBuf {
        let name = if clock == LockedClock::Memory { "memory" } else { "cores" };
        self.roots.run.join("gpu-clocks").join(format!("{}.{name}", part.name))
    }

    fn lock(&self, part: &Part, clock: LockedClock, most: u64) -> Result<(), KnobError> {
        let note = self.note(part, clock);
        let act = |most: Option<u32>| {
            self.ask(part, "lock the clock", move |gpu| match most {
                Some(most) => gpu.lock(clock, most),
                None => gpu.unlock(clock),
            })
        };
        let failed = |source| KnobError::from_io("write", &note.display(), source);
        if most == Setting::NO_LIMIT {
            act(None)?;
            return match std::fs::remove_file(&note) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        let before = noted(&note);
        write_down(&note, most).map_err(failed)?;
        let done = act(Some(u32::try_from(most).unwrap_or(u32::MAX)));
        if done.as_ref().is_err_and(|error| !matches!(error, KnobError::Late { .. })) {
            // It stays as it was, and so does what is known of it. A note too many ends in a lock being lifted that is none.
            let _ = match before {
                Some(before) => write_down(&note, before),
                None => std::fs::remove_file(&note),
            };
        }
        done
    }

    fn clocks(limit: GpuLimit) -> (KnobKind, &'static str) {
        match limit {
            GpuLimit::Power => (KnobKind::GpuPowerLimit, "nvmlDeviceSetPowerManagementLimit"),
            GpuLimit::Clock(LockedClock::Memory) => {
                (KnobKind::GpuMaxMemoryClock, "nvmlDeviceSetMemoryLockedClocks, nvmlDeviceResetMemoryLockedClocks")
            }
            GpuLimit::Clock(_) => {
                (KnobKind::GpuMaxClock, "nvmlDeviceSetGpuLockedClocks, nvmlDeviceResetGpuLockedClocks")
            }
        }
    }
}

impl Reversible for Gpu {
    fn kind(&self) -> KnobKind {
        Self::clocks(self.limit).0
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = scope.part.as_ref().filter(|part| is_uuid(part)) else { return Ok(Vec::new()) };
        self.ask(part, "look for it", |_| Ok(()))?;
        Ok(vec![Unit::Part { part: part.clone(), device: part.name.clone() }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let part = Self::part(unit)?;
        Ok(Value::Number(match self.limit {
            GpuLimit::Power => self.ask(part, "read the power limit", Limited::power_limit)?.into(),
            GpuLimit::Clock(clock) => {
                self.ask(part, "look for it", |_| Ok(()))?;
                noted(&self.note(part, clock)).unwrap_or(Setting::NO_LIMIT)
            }
        }))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let part = Self::part(unit)?;
        let &Value::Number(number) = value else {
            return Err(KnobError::Unusable(format!("{value} is no limit of a GPU")));
        };
        match self.limit {
            GpuLimit::Power => {
                let milliwatts = u32::try_from(number).unwrap_or(u32::MAX);
                self.ask(part, "set the power limit", move |gpu| gpu.set_power_limit(milliwatts))
            }
            GpuLimit::Clock(clock) => self.lock(part, clock, number),
        }
    }

    fn rounds(&self, written: &Value, found: &Value) -> bool {
        match (self.limit, written, found) {
            (GpuLimit::Power, Value::Number(written), Value::Number(found)) => written.abs_diff(*found) <= WATT,
            _ => written == found,
        }
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for Gpu {
    fn facts(&self) -> Facts {
        let is_power = self.limit == GpuLimit::Power;
        Facts {
            place: Self::clocks(self.limit).1.to_owned(),
            unit: if is_power { "mW" } else { "MHz" },
            range: if is_power {
                "nvmlDeviceGetPowerManagementLimitConstraints"
            } else {
                "1 to nvmlDeviceGetMaxClockInfo, max is not locked"
            }
            .to_owned(),
            normalisation: if is_power {
                "rounded to a step of the hardware"
            } else {
                "cannot be read back: what we locked is remembered, anything else counts as not locked"
            },
            others: &["nvidia-smi", "nvidia-settings", "a start script"],
            source: "NVML API Reference Manual",
        }
    }

    fn class(&self) -> PartClass {
        PartClass::Gpu
    }

    fn on_foreign_write(&self) -> &'static str {
        match self.limit {
            GpuLimit::Power => "left alone and reported",
            GpuLimit::Clock(_) => "cannot be seen; lifted with ours",
        }
    }

    fn probe(&self) -> Capability {
        let probed = match self.with_library("probe", Limits::uuids) {
            Ok(Ok(uuids)) if uuids.is_empty() => Err(("no GPU answers".to_owned(), String::new())),
            Ok(Ok(_)) if !nix::unistd::geteuid().is_root() => {
                Err(("the driver lets only root limit a GPU".to_owned(), "run as root".to_owned()))
            }
            Ok(Ok(_)) => Ok(()),
            Ok(Err(refusal)) => {
                Err((refusal.to_string(), "with a GPU of NVIDIA's: apt-get install nvidia-driver".to_owned()))
            }
            Err(error) => Err((error.to_string(), String::new())),
        };
        capability_of(self.kind().surface(), probed)
    }

    fn parts(&self) -> Vec<Part> {
        let uuids = self.with_library("list the GPUs", Limits::uuids);
        let parts = uuids.ok().and_then(Result::ok).unwrap_or_default().into_iter();
        parts.map(|uuid| Part::new(PartClass::Gpu, uuid)).filter(is_uuid).collect()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        let (Target::Part(part), Setting::Number(_, wanted)) = (target, setting) else {
            return Err(KnobError::Unusable(format!("\"{setting}\" is no limit of a GPU for {target}")));
        };
        let limit = self.limit;
        let (least, most) = self.ask(part, "ask for the range", move |gpu| match limit {
            GpuLimit::Power => gpu.power_limits(),
            GpuLimit::Clock(clock) => Ok((1, gpu.most(clock)?)),
        })?;
        Ok(Value::Number(match limit {
            GpuLimit::Power => (*wanted).min(most.into()).max(least.into()),
            GpuLimit::Clock(_) if *wanted >= u64::from(most) => Setting::NO_LIMIT,
            GpuLimit::Clock(_) => (*wanted).max(1),
        }))
    }
}

/// Names end up in a path.
fn is_uuid(part: &Part) -> bool {
    let is_of_one = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    part.class == PartClass::Gpu && !part.name.is_empty() && part.name.bytes().all(is_of_one)
}

fn noted(note: &std::path::Path) -> Option<u64> {
    std::fs::read_to_string(note).ok()?.trim().parse().ok()
}

fn write_down(note: &std::path::Path, megahertz: u64) -> io::Result<()> {
    std::fs::create_dir_all(note.parent().unwrap_or(note))?;
    durable::replace(note, format!("{megahertz}\n").as_bytes())
}

/// What the tests of the played library prove.
#[cfg(test)]
pub const PLAYED: [KnobKind; 3] = [KnobKind::GpuPowerLimit, KnobKind::GpuMaxClock, KnobKind::GpuMaxMemoryClock];

#[cfg(test)]
mod tests;
