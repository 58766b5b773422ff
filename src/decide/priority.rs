//! Priorities: under CPU or memory pressure all plots step back together, so that the farm goes first; under I/O pressure the
//! least advanced plot lets the others go first.

use std::collections::BTreeMap;
use std::time::Duration;

use super::explain::{self, Side};
use super::hysteresis::{Gate, Told};
use super::tick::Tick;
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
    steps: BTreeMap<Resource, Steps>,
    /// The job with idle I/O priority.
    yielding: Option<JobId>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Steps {
    count: i8,
    /// In the scheduling class for batch work too.
    batch: bool,
    changed: Duration,
}

impl Priorities {
    /// One tick; `running` are the jobs that make plots now.
    pub fn step(&mut self, tick: &Tick<'_>, gates: &[Gate], running: &[&JobView], changes: &mut Vec<String>) {
        for resource in [Resource::Cpu, Resource::Memory] {
            self.step_back(tick, resource, gates, changes);
        }
        self.yield_io(tick, gates, running, changes);
    }

    /// What the priorities of `id` become, with the reason.
    pub fn settings(&self, id: &JobId) -> Vec<(Setting, &'static str)> {
        let mut settings = Vec::new();
        let most = self.steps.iter().max_by_key(|(_, steps)| steps.count).filter(|(_, steps)| steps.count > 0);
        if let Some((resource, steps)) = most {
            settings.push((Setting::Nice(steps.count * NICE_STEP), reason(*resource)));
        }
        if let Some((resource, _)) = self.steps.iter().find(|(_, steps)| steps.batch) {
            settings.push((Setting::SchedClass(SchedClass::Batch), reason(*resource)));
        }
        if self.yielding.as_ref() == Some(id) {
            settings.push((Setting::IoPriority(IoPriority::Idle), reason(Resource::Io)));
        }
        settings
    }

    /// One step at a time while severity asks for it; all at once if it is critical; back one step at a time.
    fn step_back(&mut self, tick: &Tick<'_>, resource: Resource, gates: &[Gate], changes: &mut Vec<String>) {
        let stages: Vec<(usize, &Stage)> = tick.rules.stages_doing(resource, Measure::LowerPriority).collect();
        let in_force = stages.iter().rev().find(|(index, _)| gates.get(*index).is_some_and(Gate::on));
        let reached =
            |index: usize, stage: &Stage| gates.get(index).is_some_and(|gate| gate.reached(stage, tick.time()));
        let steps = self.steps.entry(resource).or_default();
        let before = *steps;
        let may_move = !matches!(tick.told(resource), Told::Missing(OnMissing::Hold | OnMissing::Deny));
        let waited = |hold: Duration| tick.time().saturating_sub(before.changed) >= hold;
        let why = match in_force {
            Some((_, stage))
                if stage.band == Band::Critical && (steps.count < MOST_STEPS || !steps.batch) && may_move =>
            {
                (steps.count, steps.batch) = (MOST_STEPS, true);
                explain::cause(tick, stage, Side::Reached)
            }
            Some((index, stage))
                if steps.count < MOST_STEPS
                    && may_move
                    && (steps.count == 0 || waited(stage.hold) && reached(*index, stage)) =>
            {
                steps.count += 1;
                explain::cause(tick, stage, Side::Reached)
            }
            None if steps.count > 0 && may_move => {
                let Some((_, stage)) = stages.first().filter(|(_, stage)| waited(stage.clear_hold)) else { return };
                steps.count -= 1;
                steps.batch = false;
                explain::cause(tick, stage, Side::Cleared)
            }
            _ => return,
        };
        steps.changed = tick.time();
        let verb = if steps.count > before.count || steps.batch && !before.batch { "lowered" } else { "raised" };
        let batch = if steps.batch { ", scheduling class batch" } else { "" };
        let nice = steps.count * NICE_STEP;
        changes.push(format!("{verb} the CPU priority of all {} plots to nice {nice}{batch}: {why}", tick.jobs.len()));
    }

    /// Stays with one job as long as it runs beside another, whoever overtakes whom.
    fn yield_io(&mut self, tick: &Tick<'_>, gates: &[Gate], running: &[&JobView], changes: &mut Vec<String>) {
        let stage = tick.rules.stages_doing(Resource::Io, Measure::LowerPriority).next();
        let in_force = stage.filter(|(index, _)| gates.get(*index).is_some_and(Gate::on));
        let holding = matches!(tick.told(Resource::Io), Told::Missing(OnMissing::Hold | OnMissing::Deny));
        let stays = |id: &JobId| match in_force {
            Some(_) if holding => tick.job(id).is_some(),
            Some(_) => running.len() > 1 && running.iter().any(|view| view.job.id == *id),
            None => false,
        };
        if self.yielding.as_ref().is_some_and(|id| !stays(id)) {
            self.yielding = None;
        }
        let reached =
            |index: usize, stage: &Stage| gates.get(index).is_some_and(|gate| gate.reached(stage, tick.time()));
        let demanded = matches!(tick.told(Resource::Io), Told::Missing(OnMissing::Safe));
        let begins = |(index, stage): &(usize, &Stage)| {
            self.yielding.is_none() && running.len() > 1 && (demanded || reached(*index, stage))
        };
        let Some((_, stage)) = in_force.filter(begins) else { return };
        let Some(view) = running.iter().min_by(|a, b| super::stagger::least_advanced_first(a, b)) else { return };
        let (why, progress) = (explain::cause(tick, stage, Side::Reached), explain::progress(view));
        let id = view.job.id.clone();
        changes.push(format!("gave {id} idle I/O priority: {why}; it was the least advanced ({progress})"));
        self.yielding = Some(id);
    }
}

fn reason(resource: Resource) -> &'static str {
    match resource {
        Resource::Cpu => "cpu-pressure",
        Resource::Memory => "memory-pressure",
        Resource::Io => super::stagger::IO_PRESSURE,
    }
}
