//! Kind `Contention`: too many jobs want the same disk, cores or memory. From pressure to claims, one tick at a time.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::ask::{Asked, input};
use super::budget::Budget;
use super::decision::{Decision, Severity};
use super::effect::Effects;
use super::explain::{self, Side};
use super::hysteresis::{Gate, Told};
use super::priority::Priorities;
use super::severity::{Reading, judge, worst};
use super::stagger::{IO_PRESSURE, Pausing, Stagger};
use super::strategy::strategy;
use super::tick::{LEASE, OWN_GROUP, Tick, holds};
use super::vain::NO_EFFECT;
use crate::claim::{Bound, Claim, Setting, Target};
use crate::clock::Moment;
use crate::mode::Mode;
use crate::policy::{Band, Contention, Measure, OnMissing, Policy, Question, Stage};
use crate::pressure::Resource;
use crate::world::JobView;

/// What one policy remembers from tick to tick. Lives as long as the policy's name; a changed policy counts anew, but
/// keeps what is in force, unless its stages are others.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    of_hash: u64,
    /// One per stage.
    gates: Vec<Gate>,
    stagger: Stagger,
    budget: Budget,
    priorities: Priorities,
    effects: Effects,
    /// Why admission was closed, while it is.
    closed_by: Option<String>,
    /// Resources that cannot be judged, since when, and whether that was said.
    missing: BTreeMap<Resource, (Duration, bool)>,
}

/// One tick of one policy.
pub fn decide(policy: &Policy, rules: &Contention, state: &mut State, asked: Asked<'_>) -> Decision {
    let Asked { scene, answers } = asked;
    let mut decision = Decision { policy: policy.name.clone(), ..Decision::default() };
    state.follow(policy, rules);
    let readings = judge(rules, |name| answers.get(name));
    let now = scene.now;
    let tick = Tick { scene, rules, answers: &answers, readings };

    decision.inputs = answers.iter().map(|(name, answer)| input(name, answer)).collect();
    decision.severities =
        Resource::ALL.into_iter().filter_map(|resource| Some((resource, Severity(tick.severity(resource)?)))).collect();
    if let Some((severity, cause)) = worst(&tick.readings, rules.bands) {
        decision.cause = cause;
        decision.strategy = Some(strategy(severity, cause, rules.bands));
    }
    state.step(&tick, &mut decision);
    decision.stages = state.stages(rules);
    decision.claims = tick.scene.jobs.iter().flat_map(|view| state.claims(policy, view, now)).collect();
    decision
}

impl State {
    fn follow(&mut self, policy: &Policy, rules: &Contention) {
        if self.gates.len() != rules.stages.len() {
            self.gates = vec![Gate::default(); rules.stages.len()];
        } else if self.of_hash != policy.hash {
            // What is in force stays so until its clear has held; only the counting begins anew.
            self.gates.iter_mut().for_each(Gate::forget);
        }
        self.of_hash = policy.hash;
    }

    fn step(&mut self, tick: &Tick<'_>, decision: &mut Decision) {
        let changes = &mut decision.changes;
        self.say_what_is_missing(tick, changes);
        self.step_gates(tick);
        decision.effects = self.effects.settled(tick);
        changes.extend(decision.effects.iter().map(super::Effect::sentence));

        self.admit(tick, changes);
        decision.admission_closed = self.closed_by.is_some();

        changes.extend(self.stagger.defer(&tick.scene, self.closed_by.as_deref()));
        self.stagger(tick, changes);
        decision.alerts = self.stagger.is_futile().then(|| NO_EFFECT.to_owned()).into_iter().collect();
        let running = self.stagger.running(&tick.scene);
        changes.extend(self.priorities.step(tick, &self.gates, &running));
    }

    fn stages(&self, rules: &Contention) -> Vec<String> {
        let in_force = rules.stages.iter().zip(&self.gates).filter(|(_, gate)| gate.on());
        let bands: BTreeSet<Band> = in_force.map(|(stage, _)| stage.band).collect();
        bands.iter().map(|band| band.name().to_owned()).collect()
    }

    /// Pauses and resumes. After either the pausing stage counts anew: what was measured before proves nothing any more.
    fn stagger(&mut self, tick: &Tick<'_>, changes: &mut Vec<String>) {
        let pausing = tick.rules.stages_doing(Resource::Io, Measure::Pause).next();
        let pause = pausing.and_then(|(index, stage)| Some(pausing_of(tick, stage, self.gates.get(index)?)));
        changes.extend(self.stagger.judge(&tick.scene, pause.as_ref()));
        let deeds = self.stagger.act(&tick.scene, pause.as_ref(), self.closed_by.is_none(), &mut self.budget);
        if let Some(gate) = pausing.and_then(|(index, _)| self.gates.get_mut(index)).filter(|_| !deeds.is_empty()) {
            gate.forget();
        }
        for deed in deeds {
            changes.push(format!("{}: {}", deed.action, deed.why));
            self.effects.expect(tick, deed.action, Resource::Io);
        }
        changes.extend(self.budget.say(tick.scene.behavior, tick.time()));
    }

    fn say_what_is_missing(&mut self, tick: &Tick<'_>, changes: &mut Vec<String>) {
        for reading in &tick.readings {
            let resource = reading.resource;
            let signals = tick.rules.anchors.iter().filter(|anchor| anchor.resource == resource);
            let questions = signals.filter_map(|anchor| tick.rules.signals.get(&anchor.signal));
            // Until its window has filled, a signal is missing as a matter of course.
            let filling = questions.map(Question::fills_within).max().unwrap_or_default();
            let Some(wish) = tick.missing(resource) else {
                if self.missing.remove(&resource).is_some_and(|(_, said)| said) {
                    changes.push(format!("{} can be judged again", resource.name()));
                }
                continue;
            };
            let (since, said) = self.missing.entry(resource).or_insert((tick.time(), false));
            if !*said && tick.time().saturating_sub(*since) >= filling {
                *said = true;
                changes.push(format!("{}; {}", explain::missing(tick, resource), explain::consequence(wish)));
            }
        }
    }

    fn step_gates(&mut self, tick: &Tick<'_>) {
        for (stage, gate) in tick.rules.stages.iter().zip(&mut self.gates) {
            let told = tick.told(stage);
            gate.step(holds(stage), told, tick.time());
            let demanded = match told {
                Told::Missing(OnMissing::Safe) => [Measure::CloseAdmission, Measure::LowerPriority].as_slice(),
                Told::Missing(OnMissing::Deny) => &[Measure::CloseAdmission],
                Told::Missing(OnMissing::Hold | OnMissing::Release) | Told::Seen { .. } => &[],
            };
            if stage.measures.iter().any(|measure| demanded.contains(measure)) {
                gate.force();
            }
        }
    }

    /// Opens or closes admission.
    fn admit(&mut self, tick: &Tick<'_>, changes: &mut Vec<String>) {
        let closing = Resource::ALL.into_iter().find_map(|resource| {
            let mut stages = tick.rules.stages_doing(resource, Measure::CloseAdmission);
            stages.find(|(index, _)| self.gates.get(*index).is_some_and(Gate::on)).map(|(_, stage)| stage)
        });
        let denied = || {
            let demands = |resource| matches!(tick.missing(resource), Some(OnMissing::Deny | OnMissing::Safe));
            tick.readings.iter().find(|reading| demands(reading.resource))
        };
        let why = match closing {
            Some(stage) => Some(explain::cause(tick, stage, Side::Reached)),
            None => denied().map(|reading| explain::missing(tick, reading.resource)),
        };
        match (&self.closed_by, why) {
            (None, Some(why)) => {
                let memory = closing.is_some_and(|stage| stage.resource == Resource::Memory);
                let advice = if memory { "; pausing would free no memory" } else { "" };
                changes.push(format!("admission closed: {why}{advice}"));
                self.closed_by = Some(why);
            }
            (Some(_), None) => {
                changes.push("admission open: no stage that closes it is in force any more".to_owned());
                self.closed_by = None;
            }
            (Some(_), Some(_)) | (None, None) => {}
        }
    }

    fn claims(&self, policy: &Policy, view: &JobView, now: Moment) -> Vec<Claim> {
        let id = &view.job.id;
        let mut wishes = vec![(Setting::Group, Bound::Exactly, OWN_GROUP)];
        let lowered = self.priorities.settings(id);
        wishes.extend(lowered.into_iter().map(|(setting, reason)| (setting, Bound::AtLeast, reason)));
        if let Some(held) = self.stagger.held(id) {
            wishes.push((Setting::Paused, Bound::AtLeast, held.reason));
        }
        let claim = |(setting, bound, reason)| Claim {
            claimant: policy.claimant(),
            target: Target::Job(id.clone()),
            setting,
            bound,
            until: now.boot + LEASE,
            reason,
            dry_run: policy.control.mode == Mode::DryRun,
        };
        wishes.into_iter().map(claim).collect()
    }
}

/// What the stage that pauses says now.
fn pausing_of(tick: &Tick<'_>, stage: &Stage, gate: &Gate) -> Pausing {
    let reached = gate.reached(holds(stage), tick.time());
    let cut_off = tick.rules.bands.cut_off(stage.band);
    Pausing {
        reached,
        cleared: gate.cleared(holds(stage), tick.time()),
        bearable: tick.severity(stage.resource).is_some_and(|severity| severity < cut_off),
        badness: tick.reading(stage.resource).and_then(Reading::badness),
        why: explain::cause(tick, stage, if reached { Side::Reached } else { Side::Cleared }),
        reason: IO_PRESSURE,
    }
}
