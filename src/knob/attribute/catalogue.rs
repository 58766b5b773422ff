//! The knobs that are attributes, a file per resource: where each lies, what it takes, and who else writes it.

mod cpu;
mod memory;
mod power;
mod storage;

use super::Attribute;
use super::form::{Form, Limit, Offered, Rounding};
use super::place::Place;
use crate::claim::{KnobKind, Part, PartClass, Setting};
use crate::knob::Value;

/// All of them.
pub fn attributes() -> impl Iterator<Item = &'static Attribute> {
    [cpu::ATTRIBUTES, power::ATTRIBUTES, storage::ATTRIBUTES, memory::ATTRIBUTES].into_iter().flatten()
}

/// The attribute that a kind of knob is, if it is one.
pub fn attribute(kind: KnobKind) -> Option<&'static Attribute> {
    attributes().find(|attribute| attribute.kind == kind)
}

/// `0` or `1`.
const SWITCH: Form = Form::Number { least: Limit::Fixed(0), most: Limit::Fixed(1), rounding: Rounding::None };

/// A number that the kernel keeps as it is written.
const fn number(least: u64, most: u64) -> Form {
    Form::Number { least: Limit::Fixed(least), most: Limit::Fixed(most), rounding: Rounding::None }
}

fn never(_: &Part, _: &Value) -> Option<&'static str> {
    None
}

/// What most of the entries have in common: an attribute of sysfs that nobody else is known to write.
const fn plain(kind: KnobKind, class: PartClass, place: Place, form: Form) -> Attribute {
    Attribute { kind, class, place, form, unit: "", others: &[], source: "", off_limits: never }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_entry_says_what_it_is() {
        let mut kinds = BTreeSet::new();
        for attribute in attributes() {
            let name = attribute.kind.name();
            assert!(kinds.insert(attribute.kind), "{name} is there twice");
            assert!(attribute.source.starts_with("Documentation/"), "{name} names no document of the kernel");
            assert!(!attribute.kind.is_of_job(), "{name} belongs to jobs");
            let is_number = matches!(attribute.form, Form::Number { .. });
            assert!(is_number || attribute.unit.is_empty(), "{name} is no number and has a unit");
        }
    }
}
