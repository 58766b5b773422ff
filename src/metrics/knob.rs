//! What was done to the machine: each knob that is held, the outcomes of writes, and what is still to be put back.

use super::family::Family;
use super::snapshot::{KnobState, Reading, Snapshot};

pub(super) const FAMILIES: &[Family] = &[
    Family::gauge(
        "plotwarden_knob_value",
        "Original, wanted and actual value of a knob that we hold, where it is a number.",
    )
    .by(&["knob", "target", "kind"])
    .from("actuation")
    .drawn(|s, out| {
        readings(s, |state, kind, reading| {
            out.add([state.knob.name().into(), (&state.target).into(), kind.into()], reading.number);
        });
    }),
    Family::info(
        "plotwarden_knob_setting_info",
        "Original, wanted and actual value of a knob that we hold, as a text.",
    )
    .by(&["knob", "target", "kind", "value"])
    .from("actuation")
    .drawn(|s, out| {
        readings(s, |state, kind, reading| {
            out.fact([state.knob.name().into(), (&state.target).into(), kind.into(), (&reading.text).into()]);
        });
    }),
    Family::counter("plotwarden_writes_total", "Writes to knobs by outcome.")
        .by(&["knob", "outcome"])
        .from("actuation")
        .drawn(|s, out| {
            for ((knob, outcome), &count) in &s.counters.writes {
                out.add([knob.name().into(), (*outcome).into()], count);
            }
        }),
    Family::counter(
        "plotwarden_foreign_writes_total",
        "Knobs that somebody else changed while we held them; left alone.",
    )
    .by(&["knob"])
    .from("actuation")
    .drawn(|s, out| {
        for (knob, &count) in &s.counters.foreign_writes {
            out.add([knob.name().into()], count);
        }
    }),
    Family::counter(
        "plotwarden_reversals_total",
        "Changes of direction of a knob; many in a short time are an oscillation.",
    )
    .by(&["knob"])
    .from("actuation")
    .drawn(|s, out| {
        for (knob, &count) in &s.counters.reversals {
            out.add([knob.name().into()], count);
        }
    }),
    Family::counter("plotwarden_restore_failed_total", "Knobs that could not be put back.")
        .from("actuation")
        .drawn(|s, out| out.one(s.counters.restore_failed)),
    Family::gauge("plotwarden_journal_open_records", "Changes to the machine that wait to be put back.")
        .from("journal")
        .drawn(|s, out| out.one(s.counters.journal_open_records)),
];

fn readings(s: &Snapshot, mut each: impl FnMut(&KnobState, &'static str, &Reading)) {
    for state in &s.knobs {
        for (kind, reading) in [("original", &state.original), ("wanted", &state.wanted), ("actual", &state.actual)] {
            if let Some(reading) = reading {
                each(state, kind, reading);
            }
        }
    }
}
