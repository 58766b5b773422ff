//! All knobs as an operator may want to see them: what each is on any machine, whether it works on this one, and what it is set to
//! now. Nothing is written.

use serde::Serialize;

use super::proof::{self, Proof};
use super::{Facts, Knob, Machine, Scope};
use crate::claim::{KnobKind, Part};
use crate::inventory::CapabilityState;

/// A knob on any machine.
#[derive(Debug, Clone, Serialize)]
pub struct Described {
    pub name: &'static str,
    pub meaning: &'static str,
    /// `job`, or the class of part that has it.
    pub of: &'static str,
    pub place: String,
    /// Empty for what is no number.
    pub unit: &'static str,
    pub range: String,
    pub normalisation: &'static str,
    pub others: &'static [&'static str],
    pub on_foreign_write: &'static str,
    pub source: &'static str,
    pub proven: Vec<Proof>,
}

/// A knob on this machine.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    #[serde(flatten)]
    pub described: Described,
    pub state: CapabilityState,
    /// Why it is not fully usable, and what mends that; empty if it is.
    pub reason: String,
    pub mend: String,
    pub parts: Vec<ListedPart>,
}

/// A part that has the knob.
#[derive(Debug, Clone, Serialize)]
pub struct ListedPart {
    pub part: String,
    pub value: Option<String>,
    /// Why the value is not known.
    pub problem: Option<String>,
    /// Why it is left alone as it is now.
    pub off_limits: Option<String>,
}

/// All knobs in the order in which they are applied.
pub fn describe(machine: &dyn Machine) -> Vec<Described> {
    KnobKind::ALL.iter().map(|&kind| described(machine.knob(kind))).collect()
}

/// All knobs with what they are here. Waits for parts that are slow to answer, a few seconds each at the most.
pub fn list(machine: &dyn Machine) -> Vec<Listed> {
    let listed = |&kind: &KnobKind| {
        let knob = machine.knob(kind);
        let capability = knob.probe();
        let parts = knob.parts().into_iter().map(|part| listed_part(knob, part)).collect();
        let (state, reason, mend) = (capability.state, capability.reason, capability.mend);
        Listed { described: described(knob), state, reason, mend, parts }
    };
    KnobKind::ALL.iter().map(listed).collect()
}

fn described(knob: &dyn Knob) -> Described {
    let Facts { place, unit, range, normalisation, others, source } = knob.facts();
    let kind = knob.kind();
    Described {
        name: kind.name(),
        meaning: kind.meaning(),
        of: if kind.is_of_job() { "job" } else { knob.class().name() },
        place,
        unit,
        range,
        normalisation,
        others,
        on_foreign_write: knob.on_foreign_write(),
        source,
        proven: proof::of(kind),
    }
}

fn listed_part(knob: &dyn Knob, part: Part) -> ListedPart {
    let name = part.to_string();
    let scope = Scope { part: Some(part), ..Scope::default() };
    let read = knob.units(&scope).and_then(|units| match units.into_iter().next() {
        Some(unit) => knob.read(&unit).map(|value| (knob.off_limits(&unit, &value), Some(value))),
        None => Ok((None, None)),
    });
    let (off_limits, value, problem) = match read {
        Ok((off_limits, value)) => (off_limits, value.map(|value| value.to_string()), None),
        Err(error) => (None, None, Some(error.to_string())),
    };
    ListedPart { part: name, value, problem, off_limits }
}
