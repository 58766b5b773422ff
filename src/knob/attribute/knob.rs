//! An attribute of this machine's parts, served as a knob.

use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{Attribute, Spot, place};
use crate::claim::{KnobKind, Part, PartClass, Setting, Target};
use crate::inventory::Capability;
use crate::kernel::Roots;
use crate::knob::aside::Aside;
use crate::knob::linux::capability_of;
use crate::knob::timely::Timely;
use crate::knob::{Facts, Knob, KnobError, Reversible, Scope, Unit, Value};

/// The attributes that a kind of knob may be, of which a part has one.
#[derive(Debug)]
pub struct AttributeKnob {
    pub kind: KnobKind,
    pub attributes: Vec<Attribute>,
    pub roots: Roots,
    pub timely: Timely,
}

/// The attribute that a part has.
struct Found<'a> {
    attribute: &'a Attribute,
    path: PathBuf,
}

impl AttributeKnob {
    /// The attribute of `part` that is there and can be written.
    fn find(&self, part: &Part) -> Result<Found<'_>, KnobError> {
        let of_class = || self.attributes.iter().filter(|attribute| attribute.class == part.class);
        let mut missing = Vec::new();
        for attribute in of_class() {
            let Some(path) = attribute.place.of(&self.roots, part) else { continue };
            match std::fs::metadata(&path) {
                // Root is let through where nobody may write, and refused by the file.
                Ok(file) if file.permissions().mode() & 0o222 != 0 => return Ok(Found { attribute, path }),
                Ok(_) => missing.push(format!("{} is read-only", path.display())),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    missing.push(format!("{} is not there", path.display()));
                }
                Err(error) => missing.push(format!("cannot look at {}: {error}", path.display())),
            }
        }
        let name = self.kind.name();
        Err(KnobError::Unusable(match missing.as_slice() {
            [] => format!("{part} can have no {name}"),
            why => format!("{part} has no {name}: {}", why.join(", ")),
        }))
    }

    /// The attribute of a unit, if the part is still the one that was meant.
    fn verified<'a>(&'a self, unit: &'a Unit) -> Result<(&'a Part, Found<'a>), KnobError> {
        let Unit::Part { part, device } = unit else {
            return Err(KnobError::Unusable(format!("{unit} is no part of the machine")));
        };
        let gone = || KnobError::Gone(part.to_string());
        let at = |attribute: &Attribute| attribute.place.of(&self.roots, part);
        let is_it = |path: &PathBuf| place::identity(&self.roots, part, path) == *device;
        let found = self.attributes.iter().find_map(|attribute| {
            let path = at(attribute).filter(|path| path.try_exists().unwrap_or(true)).filter(is_it)?;
            Some(Found { attribute, path })
        });
        Ok((part, found.ok_or_else(gone)?))
    }

    fn spot<'a>(&'a self, part: &'a Part, path: &'a Path) -> Spot<'a> {
        Spot { roots: &self.roots, part, path }
    }
}

impl Found<'_> {
    /// The error with what it means here.
    fn explained(&self, error: KnobError) -> KnobError {
        let KnobError::Refused { doing, of, source } = error else { return error };
        let meant = self.attribute.refusals.iter().find(|(errno, _)| source.raw_os_error() == Some(*errno));
        let source = meant.map(|(_, why)| io::Error::other(format!("{source}: {why}"))).unwrap_or(source);
        KnobError::Refused { doing, of, source }
    }
}

impl Reversible for AttributeKnob {
    fn kind(&self) -> KnobKind {
        self.kind
    }

    fn units(&self, scope: &Scope) -> Result<Vec<Unit>, KnobError> {
        let Some(part) = &scope.part else { return Ok(Vec::new()) };
        let found = self.find(part)?;
        let device = place::identity(&self.roots, part, &found.path);
        Ok(vec![Unit::Part { part: part.clone(), device }])
    }

    fn read(&self, unit: &Unit) -> Result<Value, KnobError> {
        let (_, found) = self.verified(unit)?;
        let of = found.path.clone();
        let text = self.timely.run(&found.path, "read", move || std::fs::read_to_string(of));
        let text = text.map_err(|error| found.explained(error))?;
        let value = found.attribute.form.parse(&text, Some(&found.path)).ok_or_else(|| {
            let path = found.path.display();
            KnobError::Unusable(format!("{path} says {:?}, which is not of its documented form", text.trim()))
        })?;
        Ok(found.attribute.chosen(value))
    }

    fn write(&self, unit: &Unit, value: &Value) -> Result<(), KnobError> {
        let (_, found) = self.verified(unit)?;
        let text = found.attribute.form.text(value);
        let path = found.path.display();
        let text = text.ok_or_else(|| KnobError::Unusable(format!("{value} cannot be written to {path}")))?;
        let (of, attribute, wanted) = (found.path.clone(), *found.attribute, value.clone());
        let with = if let Value::Chosen { with, .. } = value { with.clone() } else { Aside::default() };
        let done = self.timely.run(&found.path, "write", move || {
            let carried = if with.is_empty() { Aside::carried(&of, attribute.ties) } else { Aside::default() };
            write_attribute(&of, &text)?;
            // What cannot be carried over is refused for good reason: the other word has other limits.
            let _ = carried.put(&of);
            with.put(&of)?;
            if attribute.settles {
                attribute.settle(&of, &wanted);
            }
            Ok(())
        });
        done.map_err(|error| found.explained(error))
    }

    fn rounds(&self, written: &Value, found: &Value) -> bool {
        self.attributes.first().is_some_and(|attribute| attribute.form.rounds(written, found))
    }

    fn is_veiled(&self, unit: &Unit, ours: &Value, shown: &Value) -> bool {
        let Ok((part, found)) = self.verified(unit) else { return false };
        (found.attribute.is_veiled)(&self.spot(part, &found.path), ours, shown)
    }

    fn is_inherited(&self) -> bool {
        false
    }
}

impl Knob for AttributeKnob {
    fn facts(&self) -> Facts {
        let Some(Attribute { form, unit, others, source, .. }) = self.attributes.first() else {
            return Facts::of_call("not served", "none", "");
        };
        let places: Vec<String> = self.attributes.iter().map(|attribute| attribute.place.shown()).collect();
        let (range, normalisation) = (form.range(), form.normalisation());
        Facts { place: places.join(" or "), unit, range, normalisation, others, source }
    }

    fn class(&self) -> PartClass {
        self.attributes.first().map_or(PartClass::Machine, |attribute| attribute.class)
    }

    fn probe(&self) -> Capability {
        let usable = match self.parts().first().map(|part| self.find(part)) {
            None => Err((format!("{} is not there, or cannot be written", self.facts().place), String::new())),
            Some(Err(error)) => Err((error.to_string(), String::new())),
            Some(Ok(found)) => nix::unistd::access(&found.path, nix::unistd::AccessFlags::W_OK).map_err(|errno| {
                (format!("{} is not writable: {errno}", found.path.display()), "run as root".to_owned())
            }),
        };
        capability_of(self.kind.surface(), usable)
    }

    fn parts(&self) -> Vec<Part> {
        let Some(first) = self.attributes.first() else { return Vec::new() };
        place::parts(&self.roots, first.class).into_iter().filter(|part| self.find(part).is_ok()).collect()
    }

    fn normalise(&self, target: &Target, setting: &Setting) -> Result<Value, KnobError> {
        let found = match target {
            Target::Part(part) => self.find(part)?,
            Target::Job(job) => return Err(KnobError::Unusable(format!("{job} is a job, not a part of the machine"))),
        };
        let value = found.attribute.form.normalise(Some(&found.path), setting)?;
        Ok(found.attribute.chosen(value))
    }

    fn off_limits(&self, unit: &Unit, current: &Value) -> Option<String> {
        let (part, found) = self.verified(unit).ok()?;
        if !found.attribute.form.takes(&found.path, current) {
            return Some(format!("shows {current}, which cannot be written back"));
        }
        (found.attribute.off_limits)(&self.spot(part, &found.path), current)
    }

    fn remember(&self, unit: &Unit, found: Value) -> Value {
        match (found, self.verified(unit)) {
            (Value::Chosen { word, .. }, Ok((_, found))) => {
                let with = Aside::of(&found.path, found.attribute.ties, &word);
                Value::Chosen { word, with }
            }
            (found, _) => found,
        }
    }
}

impl Attribute {
    /// Waits until the value is shown, for no longer than the kernel takes if it is going to be.
    fn settle(&self, path: &Path, wanted: &Value) {
        const STEP: Duration = Duration::from_millis(2);
        const STEPS: u32 = 100;
        let is_shown = || {
            let text = std::fs::read_to_string(path).ok();
            text.and_then(|text| self.form.parse(&text, Some(path))).as_ref() == Some(wanted)
        };
        for _ in 0..STEPS {
            if is_shown() {
                return;
            }
            std::thread::sleep(STEP);
        }
    }

    /// A word that other attributes go with is one of its own kind.
    fn chosen(&self, value: Value) -> Value {
        match value {
            Value::Word(word) if !self.ties.is_empty() => Value::Chosen { word, with: Aside::default() },
            value => value,
        }
    }
}

/// One write call, never creating: an attribute takes its value in one piece.
pub fn write_attribute(path: &Path, text: &str) -> io::Result<()> {
    std::fs::File::options().write(true).truncate(true).open(path)?.write_all(text.as_bytes())
}
