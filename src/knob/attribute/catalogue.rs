//! The knobs that are attributes, a file per resource: where each lies, what it takes, and who else writes it.

mod cpu;
mod frequency;
mod memory;
mod power;
mod storage;

use super::form::{Form, Limit, Number, Offered, Open, Rounding};
use super::place::Place;
use super::{Attribute, Spot};
use crate::claim::{KnobKind, PartClass, Setting};
use crate::knob::Value;

/// All of them.
pub fn attributes() -> impl Iterator<Item = &'static Attribute> {
    let of_resources =
        [frequency::ATTRIBUTES, cpu::ATTRIBUTES, power::ATTRIBUTES, storage::ATTRIBUTES, memory::ATTRIBUTES];
    of_resources.into_iter().flatten()
}

/// The attributes that a kind of knob may be, the first choice first; none if it is something else.
pub fn of(kind: KnobKind) -> impl Iterator<Item = &'static Attribute> {
    attributes().filter(move |attribute| attribute.kind == kind)
}

/// `0` or `1`.
const SWITCH: Form = number(0, 1);

/// A number that the kernel keeps as it is written.
const fn number(least: u64, most: u64) -> Form {
    Form::Number(Number::between(least, most))
}

/// What most of the entries have in common: an attribute that nobody else is known to write, and that always tells what stands.
const fn plain(kind: KnobKind, class: PartClass, place: Place, form: Form) -> Attribute {
    Attribute {
        kind,
        class,
        place,
        form,
        unit: "",
        others: &[],
        source: "",
        off_limits: |_, _| None,
        is_veiled: |_, _, _| false,
        refusals: &[],
        settles: false,
        ties: &[],
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_entry_says_what_it_is() {
        let mut places = BTreeSet::new();
        for attribute in attributes() {
            let name = attribute.kind.name();
            assert!(places.insert(attribute.place.shown()), "{name} is there twice");
            assert!(attribute.source.starts_with("Documentation/"), "{name} names no document of the kernel");
            assert!(!attribute.kind.is_of_job(), "{name} belongs to jobs");
            let is_number = matches!(attribute.form, Form::Number(_));
            assert!(is_number || attribute.unit.is_empty(), "{name} is no number and has a unit");
            assert!(!is_number || attribute.ties.is_empty(), "{name} is no word and others go with it");
            let first = of(attribute.kind).next().unwrap();
            assert_eq!((first.class, first.unit), (attribute.class, attribute.unit), "{name} is two things");
        }
    }
}
