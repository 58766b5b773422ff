//! Sentences: why something was done, with the numbers that it was done by.

use std::time::Duration;

use super::tick::Tick;
use crate::policy::{Anchor, OnMissing, Stage};
use crate::pressure::Resource;
use crate::world::JobView;

/// Whether a sentence speaks of a trigger or of its clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Reached,
    Cleared,
}

/// `io.some of the jobs was 63% (50% or more for 2s)`.
pub fn cause(tick: &Tick<'_>, stage: &Stage, side: Side) -> String {
    let resource = stage.resource;
    let (severity, hold) = match side {
        Side::Reached => (tick.rules.bands.cut_off(stage.band), stage.hold),
        Side::Cleared => (stage.clear_below, stage.clear_hold),
    };
    let driver = tick.reading(resource).filter(|reading| reading.severity.is_ok()).and_then(|reading| reading.driver);
    let Some((anchor, share)) = driver else { return missing(tick, resource) };
    let source = tick.answers.get(&anchor.signal).map_or(anchor.signal.as_str(), |answer| answer.source.as_str());
    format!("{source} was {} ({} for {})", anchor.unit.show(share), limit(anchor, severity, side), duration(hold))
}

fn limit(anchor: &Anchor, severity: f64, side: Side) -> String {
    let share = anchor.unit.show(anchor.zero + severity * (anchor.one - anchor.zero));
    let rising = anchor.one > anchor.zero;
    match (side, rising) {
        (Side::Reached, true) => format!("{share} or more"),
        (Side::Reached, false) => format!("{share} or less"),
        (Side::Cleared, true) => format!("below {share}"),
        (Side::Cleared, false) => format!("above {share}"),
    }
}

/// `signal disk is missing: 7s old`.
pub fn missing(tick: &Tick<'_>, resource: Resource) -> String {
    let names = tick.reading(resource).and_then(|reading| reading.severity.as_ref().err());
    let Some(name) = names.and_then(|names| names.first()) else {
        return format!("nothing is known of {}", resource.name());
    };
    let why = tick.answers.get(*name).and_then(|answer| answer.value.as_ref().err());
    format!("signal {name} is missing: {}", why.map_or("never measured", String::as_str))
}

/// What holds while a signal is missing.
pub fn consequence(wish: OnMissing) -> &'static str {
    match wish {
        OnMissing::Hold => "nothing gets tighter or looser for it",
        OnMissing::Release => "what it had caused is taken back",
        OnMissing::Safe => "admission closes and priorities are lowered",
        OnMissing::Deny => "admission closes",
    }
}

/// `12%`, or that it is unknown.
pub fn progress(view: &JobView) -> String {
    view.job.progress.ratio.map_or_else(|| "progress unknown".to_owned(), |ratio| percent(ratio.0))
}

pub fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

pub fn duration(length: Duration) -> String {
    humantime::format_duration(length).to_string()
}
