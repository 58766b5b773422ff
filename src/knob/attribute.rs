//! Knobs that are one attribute of sysfs or procfs each: most of what a machine has. What each of them is stands in the
//! catalogue; how an attribute is found, read and written stands here, once.

pub mod catalogue;
#[cfg(test)]
pub mod fixture;
mod form;
mod knob;
mod place;

use std::path::Path;

pub use form::Form;
pub use knob::{AttributeKnob, write_attribute};
pub use place::{Place, identity, names, parts};

use super::Value;
use crate::claim::{KnobKind, Part, PartClass};
use crate::kernel::{Roots, attribute};

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
    pub off_limits: fn(&Spot<'_>, &Value) -> Option<String>,
    /// Whether the first value may stand though the second is shown, since the kernel shows what is in force.
    pub is_veiled: fn(&Spot<'_>, &Value, &Value) -> bool,
    /// What an error of a read or a write means here, by its number.
    pub refusals: &'static [(i32, &'static str)],
    /// Whether the kernel carries a write out only after it has returned.
    pub settles: bool,
    /// What lies beside it and is forgotten when another word takes the place of this one: files, or folders of them, with
    /// `{}` for the word.
    pub ties: &'static [&'static str],
}

/// An attribute of one part on this machine.
#[derive(Debug, Clone, Copy)]
pub struct Spot<'a> {
    pub roots: &'a Roots,
    pub part: &'a Part,
    pub path: &'a Path,
}

impl Spot<'_> {
    /// What stands beside the attribute, as text.
    pub fn text(&self, name: &str) -> Option<String> {
        attribute::text(&self.path.with_file_name(name)).ok()
    }

    /// What stands beside the attribute, as a number.
    pub fn number(&self, name: &str) -> Option<u64> {
        attribute::decimal(&self.path.with_file_name(name)).ok()
    }
}

#[cfg(test)]
mod tests;
