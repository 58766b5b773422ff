//! Knobs that are one attribute of sysfs or procfs each: most of what a machine has. What each of them is stands in the
//! catalogue; how an attribute is found, read and written stands here, once.

pub mod catalogue;
#[cfg(test)]
pub mod fixture;
mod form;
mod place;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use form::Form;
use place::Place;

use super::linux::capability_of;
use super::timely::Timely;
use super::{Facts, Knob, KnobError, Scope, Unit, Value};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::Roots;

/// What an attribute is.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    pub kind: KnobKind,
    pub class: PartClass,
    pub place: Place,
    pub form: Form,
    /// Unit of a number, as the kernel holds it.
    pub unit: &'static str,
    /// Who else is known to write it.
    pub others: &'static [&'static str],
    /// The kernel's document.
    pub source: &'static str,
    /// Why a part with this value has to be left alone.
    pub off_limits: fn(&Part, &Value) -> Option<&'static str>,
}

/// An attribute of this machine's parts.
#[derive(Debug)]
pub struct AttributeKnob {
    pub attribute: Attribute,
    pub roots: Roots,
    pub timely: Timely,
}

impl AttributeKnob {
    /// Where the attribute of `part` lies, if the part has it.
    fn path(&self, part: &Part) -> Result<PathBuf, KnobError> {
        let path = self.attribute.place.of(&self.roots, part).filter(|_| part.class == self.attribute.class);
        let path =
            path.ok_or_else(|| KnobError::Unusable(format!("{part} can have no {}", self.attribute.kind.name())))?;
        if path.try_exists().unwrap_or(true) {
            Ok(path)
        } else {
            Err(KnobError::Unusable(format!(
                "{part} has no {}: {} is not there",
                self.attribute.kind.name(),
                path.display()
            )))
        }
    }

    /// The path of a unit, if the part is still the one that was meant.
    fn verified(&self, unit: &Unit) -> Result<PathBuf, KnobError> {
        let Unit::Part { part, device } = unit else {
            return Err(KnobError::Unusable(format!("{unit} is no part of the machine")));
        };
        let path = self.attribute.place.of(&self.roots, part);
        let path = path.ok_or_else(|| KnobError::Unusable(format!("{part} can have no {}", self.kind().name())))?;
        if place::identity(&self.roots, part, &path) == *device {
            Ok(path)
        } else {
            Err(KnobError::Gone(part.to_string()))
        }
    }
}

impl Knob for AttributeKnob {
    fn kind(&self) -> KnobKind {
        self.attribute.kind
    }

    fn facts(&self) -> Facts {
        let Attribute { place, form, unit, others, source, .. } = self.attribute;
        Facts { place: place.shown(), unit, range: form.range(), normalisation: form.normalisation(), others, source }
    }

    fn probe(&self) -> Capability {
        let mut paths = self.parts().into_iter().filter_map(|part| self.attribute.place.of(&self.roots, &part));
        let usable = match paths.next() {
            None => Err((format!("{} is not there", self.attribute.place.shown()), String::new())),
            Some(path) => nix::unistd::access(&path, nix::unistd::AccessFlags::W_OK)
                .map_err(|errno| (format!("{} is not writable: {errno}", path.display()), "run as root".to_owned())),
        };
        capability_of(self.kind().surface(), usable)
    }

    fn parts(&self) -> Vec<Part> {
        let has_it = |part: &Part| self.path(part).is_ok();
        place::parts(&self.roots, self.attribute.class).into_iter().filter(has_it).collect()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        let path = match target {
            Target::Part(part) => self.path(part)?,
            Target::Job(job) => return Err(KnobError::Unusable(format!("{job} is a job, not a part of the machine"))),
        };
        self.attribute.form.normalise(Some(&path), setting)
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = &scope.part else { return Ok(Vec::new()) };
        let path = self.path(part)?;
        let device = place::identity(&self.roots, part, &path);
        Ok(vec![Unit::Part { part: part.clone(), device }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let path = self.verified(unit)?;
        let of = path.clone();
        let text = self.timely.run(&path, "read", move || std::fs::read_to_string(of))?;
        self.attribute.form.parse(&text).ok_or_else(|| {
            KnobError::Unusable(format!(
                "{} says {:?}, which is not of its documented form",
                path.display(),
                text.trim()
            ))
        })
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let path = self.verified(unit)?;
        let text = self.attribute.form.text(value);
        let text =
            text.ok_or_else(|| KnobError::Unusable(format!("{value} cannot be written to {}", path.display())))?;
        let of = path.clone();
        self.timely.run(&path, "write", move || write_attribute(&of, &text))
    }

    fn off_limits(&self, unit: &Unit, current: &Value) -> Option<String> {
        let Unit::Part { part, .. } = unit else { return None };
        (self.attribute.off_limits)(part, current).map(str::to_owned)
    }

    fn rounds(&self, written: &Value, found: &Value) -> bool {
        self.attribute.form.rounds(written, found)
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

/// One write call, never creating: an attribute takes its value in one piece.
fn write_attribute(path: &Path, text: &str) -> std::io::Result<()> {
    std::fs::File::options().write(true).truncate(true).open(path)?.write_all(text.as_bytes())
}
