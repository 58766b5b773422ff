//! How bad a contention is: each resource's signals become one number from 0 to 1, and the worst resource names the cause.

use super::decision::{Cause, Severity};
use crate::policy::{Anchor, Bands, Contention};
use crate::pressure::Resource;
use crate::signal::Answer;

/// What the signals of one resource say.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading<'a> {
    pub resource: Resource,
    /// The worst of its signals; `Err` names those that are missing, because the missing one may be the worst.
    pub severity: Result<f64, Vec<&'a str>>,
    /// The anchor whose signal decided, and that signal's share.
    pub driver: Option<(&'a Anchor, f64)>,
}

/// The severity of each resource that the policy judges, from the answers to its signals.
pub fn judge<'a>(rules: &'a Contention, answer: impl Fn(&str) -> Option<&'a Answer>) -> Vec<Reading<'a>> {
    let judged = |resource: &Resource| rules.anchors.iter().any(|anchor| anchor.resource == *resource);
    Resource::ALL.into_iter().filter(judged).map(|resource| judge_one(rules, resource, &answer)).collect()
}

fn judge_one<'a>(
    rules: &'a Contention,
    resource: Resource,
    answer: &impl Fn(&str) -> Option<&'a Answer>,
) -> Reading<'a> {
    let mut missing = Vec::new();
    let mut worst: Option<(f64, &Anchor, f64)> = None;
    for anchor in rules.anchors.iter().filter(|anchor| anchor.resource == resource) {
        let Some(share) = answer(&anchor.signal).and_then(|answer| answer.value.as_ref().ok()).copied() else {
            missing.push(anchor.signal.as_str());
            continue;
        };
        let severity = scale(anchor, share);
        if worst.is_none_or(|(highest, ..)| severity > highest) {
            worst = Some((severity, anchor, share));
        }
    }
    let severity = match worst {
        Some((severity, ..)) if missing.is_empty() => Ok(severity),
        _ => Err(missing),
    };
    Reading { resource, severity, driver: worst.map(|(_, anchor, share)| (anchor, share)) }
}

/// 0 at `zero`, 1 at `one`, straight in between, and never outside.
fn scale(anchor: &Anchor, share: f64) -> f64 {
    distance(anchor, share).clamp(0.0, 1.0)
}

/// 0 at `zero`, 1 at `one`, straight in between and beyond.
fn distance(anchor: &Anchor, share: f64) -> f64 {
    (share - anchor.zero) / (anchor.one - anchor.zero)
}

impl Reading<'_> {
    /// How bad it is beyond `one` too, where severity shows no difference any more.
    pub fn badness(&self) -> Option<f64> {
        self.driver.filter(|_| self.severity.is_ok()).map(|(anchor, share)| distance(anchor, share))
    }
}

/// The highest severity that could be judged, with its root cause.
///
/// No single cause is named while nothing is wrong, and where CPU and I/O are critical at once. Short memory is the root of
/// whatever else is critical: reclaim costs CPU, and what was reclaimed is read again.
pub fn worst(readings: &[Reading<'_>], bands: Bands) -> Option<(Severity, Option<Cause>)> {
    let known = || readings.iter().filter_map(|reading| Some((reading.resource, *reading.severity.as_ref().ok()?)));
    let (resource, highest) = known().max_by(|a, b| a.1.total_cmp(&b.1))?;
    let critical: Vec<Resource> =
        known().filter(|(_, severity)| *severity >= bands.critical).map(|(resource, _)| resource).collect();
    let root = if critical.contains(&Resource::Memory) {
        Some(Cause::MemoryPressure)
    } else if critical.len() > 1 || highest < bands.notice {
        None
    } else {
        Some(cause(resource))
    };
    Some((Severity(highest), root))
}

fn cause(resource: Resource) -> Cause {
    match resource {
        Resource::Cpu => Cause::CpuOverload,
        Resource::Memory => Cause::MemoryPressure,
        Resource::Io => Cause::IoBottleneck,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Unit;

    const BANDS: Bands = Bands { notice: 0.4, warn: 0.6, critical: 0.8 };

    fn reading(resource: Resource, severity: f64) -> Reading<'static> {
        Reading { resource, severity: Ok(severity), driver: None }
    }

    #[test]
    fn scales_between_its_anchors_whichever_way_they_point() {
        let anchor =
            |zero, one| Anchor { resource: Resource::Io, signal: "disk".to_owned(), zero, one, unit: Unit::Share };
        for (zero, one, share, expected) in [
            (0.1, 0.6, 0.3, 0.4),
            (0.1, 0.6, 0.5, 0.8),
            (0.1, 0.6, 0.0, 0.0),
            (0.1, 0.6, 0.9, 1.0),
            (0.2, 0.05, 0.2, 0.0),
            (0.2, 0.05, 0.125, 0.5),
            (0.2, 0.05, 0.01, 1.0),
        ] {
            assert!((scale(&anchor(zero, one), share) - expected).abs() < 1e-9, "{share} in {zero}..{one}");
        }
    }

    #[test]
    fn the_worst_resource_names_the_cause() {
        use Resource::{Cpu, Io, Memory};
        for (readings, severity, cause) in [
            (vec![reading(Cpu, 0.5), reading(Io, 0.9)], 0.9, Some(Cause::IoBottleneck)),
            (vec![reading(Cpu, 0.9), reading(Io, 0.5)], 0.9, Some(Cause::CpuOverload)),
            (vec![reading(Cpu, 0.9), reading(Io, 0.85)], 0.9, None),
            (vec![reading(Memory, 0.8), reading(Io, 1.0)], 1.0, Some(Cause::MemoryPressure)),
            (vec![reading(Memory, 0.7), reading(Io, 0.75)], 0.75, Some(Cause::IoBottleneck)),
            (vec![reading(Cpu, 0.1), reading(Io, 0.3)], 0.3, None),
        ] {
            assert_eq!(worst(&readings, BANDS), Some((Severity(severity), cause)), "{readings:?}");
        }
        let unknown = Reading { resource: Io, severity: Err(vec!["disk"]), driver: None };
        assert_eq!(worst(&[unknown], BANDS), None);
    }
}
