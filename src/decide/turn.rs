//! One turn of one policy, whatever its kind: who is asked to decide, and how often.

use std::time::Duration;

use super::ask::ask;
use super::decision::Decision;
use super::tick::{LEASE, Scene};
use super::{contention, staged};
use crate::claim::Claim;
use crate::clock::Moment;
use crate::mode::Mode;
use crate::policy::{Policy, Rules};
use crate::signal::Signals;
use crate::world::{JobView, World};

/// What one policy remembers from turn to turn. Lives as long as the policy's name.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    contention: contention::State,
    staged: staged::State,
    /// When it decided last, and what.
    last: Option<(Duration, Decision)>,
}

/// One turn of one policy.
pub fn decide(policy: &Policy, state: &mut State, world: &World, signals: &Signals, now: Moment) -> Decision {
    if policy.control.mode == Mode::Off {
        *state = State::default();
        return Decision { policy: policy.name.clone(), ..Decision::default() };
    }
    let (behavior, guardrails) = match &policy.rules {
        Rules::Contention(rules) => (&rules.behavior, &rules.guardrails),
        Rules::Staged(_, rules) => (&rules.behavior, &rules.guardrails),
        // They bound or inform others and want nothing themselves.
        Rules::Guardrail(_) | Rules::Forecast(_) | Rules::FleetBudget(_) => {
            return Decision { policy: policy.name.clone(), ..Decision::default() };
        }
    };
    if let Some((at, last)) = &state.last
        && now.since(*at) < behavior.tick
        && last.of_hash == policy.hash
    {
        return last.renewed(world, now);
    }
    let jobs: Vec<&JobView> = world.jobs.iter().filter(|view| policy.selects(&view.job)).collect();
    let enforced = policy.control.mode == Mode::Enforce;
    let asked = ask(policy, Scene { jobs, behavior, guardrails, now, enforced }, signals);
    let decision = match &policy.rules {
        Rules::Contention(rules) => contention::decide(policy, rules, &mut state.contention, asked),
        Rules::Staged(_, rules) => staged::decide(policy, rules, &mut state.staged, asked, &world.layout),
        Rules::Guardrail(_) | Rules::Forecast(_) | Rules::FleetBudget(_) => Decision::default(),
    };
    let decision = Decision { of_hash: policy.hash, ..decision };
    state.last = (behavior.tick > SHORTEST).then(|| (now.boot, decision.clone()));
    decision
}

/// A tick of the loop: a policy that decides in each has no old decision to go on with.
const SHORTEST: Duration = Duration::from_secs(1);

impl Decision {
    /// The same, for one more tick: nothing new is said, and the claims on jobs that are still there hold on.
    fn renewed(&self, world: &World, now: Moment) -> Self {
        let is_there = |claim: &&Claim| claim.target.job().is_none_or(|id| world.job(id).is_some());
        let renew = |claim: &Claim| Claim { until: now.boot + LEASE, ..claim.clone() };
        Self {
            changes: Vec::new(),
            effects: Vec::new(),
            claims: self.claims.iter().filter(is_there).map(renew).collect(),
            ..self.clone()
        }
    }
}
