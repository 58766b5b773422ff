//! Priorities: under CPU or memory pressure all plots step back together, so that the farm goes first; under I/O pressure the
//! least advanced plot lets the others go first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::explain::{self, Side};
use super::hysteresis::Gate;
use super::stagger::{IO_PRESSURE, least_advanced_first};
use super::tick::{Tick, holds};
use crate::claim::{IoPriority, SchedClass, Setting};
use crate::plotter::JobId;
use crate::policy::{Band, Measure, OnMissing, Stage};
use crate::pressure::Resource;
use crate::world::JobView;

/// One step back.
const NICE_STEP: i8 = 5;
/// Nice 15: the remaining steps up to 19 change little and would leave none for an operator.
const MOST_STEPS: i8 = 3;

/// How far the plots have stepped back, and for which resource.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Priorities {
    /// With the time of the last step.
    steps: BTreeMap<Resource, (Steps, Duration)>,
    /// The job with idle I/O priority.
    yielding: Option<JobId>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Steps {
    count: i8,
    /// In the scheduling class for batch work too.
    batch: bool,
}

impl Priorities {
    /// One tick; `running` are the jobs that make plots now. Returns what changed.
    pub fn step(&mut self, tick: &Tick<'_>, gates: &[Gate], running: &[&JobView]) -> Vec<String> {
        let mut changes: Vec<String> = [Resource::Cpu, Resource::Memory]
            .into_iter()
            .filter_map(|resource| self.step_back(tick, resource, gates))
            .collect();
        changes.extend(self.yield_io(tick, gates, running));
        changes
    }

    /// What the priorities of `id` become, with the reason.
    pub fn settings(&self, id: &JobId) -> Vec<(Setting, &'static str)> {
        let mut settings = Vec::new();
        let most =
            self.steps.iter().max_by_key(|(_, (steps, _))| steps.count).filter(|(_, (steps, _))| steps.count > 0);
        if let Some((resource, (steps, _))) = most {
            settings.push((Setting::Nice(steps.count * NICE_STEP), reason(*resource)));
        }
        if let Some((resource, _)) = self.steps.iter().find(|(_, (steps, _))| steps.batch) {
            settings.push((Setting::SchedClass(SchedClass::Batch), reason(*resource)));
        }
        if self.yielding.as_ref() == Some(id) {
            settings.push((Setting::IoPriority(IoPriority::Idle), reason(Resource::Io)));
        }
        settings
    }

    /// One step at a time while severity asks for it; all at once if it is critical; back one step at a time.
    fn step_back(&mut self, tick: &Tick<'_>, resource: Resource, gates: &[Gate]) -> Option<String> {
        let stages: Vec<(usize, &Stage)> = tick.rules.stages_doing(resource, Measure::LowerPriority).collect();
        let Some((_, mildest)) = stages.first() else {
            self.steps.remove(&resource);
            return None;
        };
        if must_stay(tick, resource) {
            return None;
        }
        let (steps, changed) = self.steps.entry(resource).or_default();
        let waited = tick.time().saturating_sub(*changed);
        let (next, stage, side) = match stages.iter().rev().find(|(index, _)| is_on(gates, *index)) {
            Some((_, stage)) if stage.band == Band::Critical => {
                (Steps { count: MOST_STEPS, batch: true }, *stage, Side::Reached)
            }
            Some((index, stage)) => {
                let again = waited >= stage.hold && is_reached(gates, *index, stage, tick);
                let more = i8::from(steps.count == 0 || again && steps.count < MOST_STEPS);
                (Steps { count: steps.count + more, ..*steps }, *stage, Side::Reached)
            }
            None if waited >= mildest.clear_hold => {
                (Steps { count: (steps.count - 1).max(0), batch: false }, *mildest, Side::Cleared)
            }
            None => return None,
        };
        if next == *steps {
            return None;
        }
        (*steps, *changed) = (next, tick.time());
        let verb = if side == Side::Reached { "lowered" } else { "raised" };
        let (nice, batch) = (next.count * NICE_STEP, if next.batch { ", scheduling class batch" } else { "" });
        let why = explain::cause(tick, stage, side);
        Some(format!("{verb} the CPU priority of all {} plots to nice {nice}{batch}: {why}", tick.scene.jobs.len()))
    }

    /// Stays with one job as long as it runs beside another, whoever overtakes whom.
    fn yield_io(&mut self, tick: &Tick<'_>, gates: &[Gate], running: &[&JobView]) -> Option<String> {
        if must_stay(tick, Resource::Io) {
            return None;
        }
        let stage = tick.rules.stages_doing(Resource::Io, Measure::LowerPriority).next();
        let in_force = stage.filter(|(index, _)| is_on(gates, *index) && running.len() > 1);
        let runs = |id: &JobId| running.iter().any(|view| view.job.id == *id);
        if in_force.is_some() && self.yielding.as_ref().is_some_and(runs) {
            return None;
        }
        self.yielding = None;
        let demanded = tick.missing(Resource::Io).is_some();
        let (_, stage) = in_force.filter(|(index, stage)| demanded || is_reached(gates, *index, stage, tick))?;
        let view = running.iter().min_by(|a, b| least_advanced_first(a, b))?;
        self.yielding = Some(view.job.id.clone());
        let (why, progress) = (explain::cause(tick, stage, Side::Reached), explain::progress(view));
        Some(format!("gave {} idle I/O priority: {why}; it was the least advanced ({progress})", view.job.id))
    }
}

/// Whether the missing signals of `resource` forbid to move either way.
fn must_stay(tick: &Tick<'_>, resource: Resource) -> bool {
    matches!(tick.missing(resource), Some(OnMissing::Hold | OnMissing::Deny))
}

fn is_on(gates: &[Gate], index: usize) -> bool {
    gates.get(index).is_some_and(Gate::on)
}

fn is_reached(gates: &[Gate], index: usize, stage: &Stage, tick: &Tick<'_>) -> bool {
    gates.get(index).is_some_and(|gate| gate.reached(holds(stage), tick.time()))
}

fn reason(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu-pressure",
        Resource::Memory => "memory-pressure",
        Resource::Io => IO_PRESSURE,
    }
}
