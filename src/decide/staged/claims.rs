//! From stages in force to claims: on jobs, on the parts of the machine that an action names, and on their disks.

use std::collections::BTreeMap;

use super::{State, Turn};
use crate::claim::{Bound, Claim, Keyed, KnobKind, Part, PartClass, Setting, Target};
use crate::decide::tick::{LEASE, OWN_GROUP};
use crate::mode::Mode;
use crate::policy::{Action, KnobAction, NamePattern, PolicyKnob, TrafficDirection};
use crate::sample::TempDevices;
use crate::units::{float, whole};
use crate::world::JobView;

const STAGE: &str = "stage";
const SAFE: &str = "signal-missing";
const PLACE: &str = "place";

impl State {
    pub(super) fn claims(&mut self, turn: &Turn<'_>, changes: &mut Vec<String>) -> Vec<Claim> {
        let mut wishes = Vec::new();
        for view in &turn.asked.scene.jobs {
            let target = Target::Job(view.job.id.clone());
            wishes.push((target.clone(), Setting::Group, Bound::Exactly, OWN_GROUP));
            if let Some(held) = self.stagger.held(&view.job.id) {
                wishes.push((target, Setting::Paused, Bound::AtLeast, held.reason));
            }
        }
        for (stage, rules) in turn.rules.stages.iter().enumerate() {
            for (place, action) in rules.actions.iter().enumerate() {
                let position = self.ways.position(stage, place);
                if self.stair.is_in_force(stage) || position.is_some() {
                    self.wish(turn, action, position, STAGE, &mut wishes, changes);
                }
            }
        }
        if turn.is_safe() {
            for action in &turn.rules.safe {
                self.wish(turn, action, None, SAFE, &mut wishes, changes);
            }
        }
        let claim = |(target, setting, bound, reason)| Claim {
            claimant: turn.policy.claimant(),
            target,
            setting,
            bound,
            until: turn.time() + LEASE,
            reason,
            dry_run: turn.policy.control.mode == Mode::DryRun,
        };
        wishes.into_iter().map(claim).collect()
    }

    fn wish(
        &mut self,
        turn: &Turn<'_>,
        action: &Action,
        position: Option<f64>,
        reason: &'static str,
        wishes: &mut Vec<(Target, Setting, Bound, &'static str)>,
        changes: &mut Vec<String>,
    ) {
        let jobs = &turn.asked.scene.jobs;
        match action {
            Action::CloseAdmission | Action::Pause => {}
            Action::Place => {
                let Some(placement) = turn.rules.placement else { return };
                for view in jobs {
                    let settings = self.places.settings(&view.job.id, turn.layout, placement);
                    let target = Target::Job(view.job.id.clone());
                    wishes.extend(settings.into_iter().map(|(setting, bound)| (target.clone(), setting, bound, PLACE)));
                }
            }
            Action::Shape => {
                let Some(shape) = &turn.rules.shape else { return };
                let kind = match shape.direction {
                    TrafficDirection::Leaving => KnobKind::Shaping,
                    TrafficDirection::Arriving => KnobKind::ArrivalShaping,
                };
                let parts = self.parts(turn, PartClass::Interface, &shape.interfaces, kind, changes);
                let lane = Setting::Lane(kind, shape.lane());
                wishes.extend(parts.into_iter().map(|part| (Target::Part(part), lane.clone(), Bound::Exactly, reason)));
            }
            Action::Knob(action) => {
                let setting = position.map_or_else(|| action.setting.clone(), |position| at(action, position));
                let of_part = PolicyKnob::of(action.kind).and_then(|knob| knob.of);
                if let Some(class) = of_part {
                    let parts = self.parts(turn, class, &action.of, action.kind, changes);
                    let wish = |part| (Target::Part(part), setting.clone(), action.bound, reason);
                    wishes.extend(parts.into_iter().map(wish));
                } else {
                    let of_job = |view: &&JobView| {
                        Some((
                            Target::Job(view.job.id.clone()),
                            of_job(turn, action, &setting, view)?,
                            action.bound,
                            reason,
                        ))
                    };
                    wishes.extend(jobs.iter().filter_map(of_job));
                }
            }
        }
    }

    /// The parts of this machine that an action names; says once if there are none.
    fn parts(
        &mut self,
        turn: &Turn<'_>,
        class: PartClass,
        of: &[NamePattern],
        kind: KnobKind,
        changes: &mut Vec<String>,
    ) -> Vec<Part> {
        if class == PartClass::Machine {
            return vec![Part::machine()];
        }
        let named = |part: &&Part| of.is_empty() || of.iter().any(|pattern| pattern.matches(&part.name));
        let of_class = turn.layout.parts.iter().filter(|part| part.class == class);
        let parts: Vec<Part> = of_class.filter(named).cloned().collect();
        if !parts.is_empty() {
            self.nowhere.remove(kind.name());
        } else if self.nowhere.insert(kind.name()) {
            let patterns: Vec<&str> = of.iter().map(NamePattern::as_str).collect();
            let which = if patterns.is_empty() { String::new() } else { format!(" named {}", patterns.join(" or ")) };
            changes.push(format!("`{}` is set nowhere: this machine has no {}{which}", kind.name(), class.name()));
        }
        parts
    }
}

/// The setting for one job: rates are of disks, those that the action names or those behind the job's temp directories.
fn of_job(turn: &Turn<'_>, action: &KnobAction, setting: &Setting, view: &JobView) -> Option<Setting> {
    let Setting::Keyed(kind, rates) = setting else { return Some(setting.clone()) };
    let rates = rates.values().next()?;
    let disks: Vec<String> = if action.of.is_empty() {
        match &view.sample.temp_devices {
            TempDevices::Known(names) => names.clone(),
            TempDevices::Pending | TempDevices::Unknown(_) => Vec::new(),
        }
    } else {
        let disks = turn.layout.parts.iter().filter(|part| part.class == PartClass::Disk);
        disks
            .filter(|part| action.of.iter().any(|pattern| pattern.matches(&part.name)))
            .map(|part| part.name.clone())
            .collect()
    };
    let keyed: Keyed = disks.into_iter().map(|disk| (disk, rates.clone())).collect();
    (!keyed.is_empty()).then_some(Setting::Keyed(*kind, keyed))
}

/// The value of an action at a position of its way.
fn at(action: &KnobAction, position: f64) -> Setting {
    let between = |from: u64, to: u64| whole(float(from) + (float(to) - float(from)) * position);
    match (&action.from, &action.setting) {
        (Some(Setting::Number(_, from)), Setting::Number(kind, to)) => Setting::Number(*kind, between(*from, *to)),
        (Some(Setting::Keyed(_, from)), Setting::Keyed(kind, to)) => {
            let rates = |of: &String, to: &BTreeMap<String, u64>| {
                let from = |key: &String| from.get(of).and_then(|of| of.get(key)).copied();
                to.iter().map(|(key, to)| (key.clone(), between(from(key).unwrap_or(*to), *to))).collect()
            };
            Setting::Keyed(*kind, to.iter().map(|(of, to)| (of.clone(), rates(of, to))).collect())
        }
        (_, setting) => setting.clone(),
    }
}
