//! What is counted from tick to tick, and what counts as one: a claim denied for an hour is one denial, not 3600.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::actuate::{Action, Outcome, Report};
use crate::arbiter::Wanted;
use crate::audit::Entry;
use crate::claim::{Claim, KnobKind, Setting, Target};
use crate::decide::Decision;
use crate::metrics::{ClaimState, Counters, RecentDecision};
use crate::world::World;

/// Decisions kept for people to look at.
const RECENT: usize = 50;

/// As tests of policies call it too.
const NO_STAGE: &str = "none";

/// Counters, and what has to be remembered to count changes only.
#[derive(Debug, Default)]
pub struct Counts {
    pub counters: Counters,
    pub recent: VecDeque<RecentDecision>,
    /// Effect of each policy's last action whose settling time has passed.
    pub effects: BTreeMap<String, f64>,
    denials: BTreeSet<(String, KnobKind, Target, String)>,
    directions: BTreeMap<(Target, KnobKind), Action>,
}

impl Counts {
    /// Takes in one tick.
    pub fn count(&mut self, world: &World, decisions: &[Decision], wanted: &Wanted, reports: &[Report]) {
        let problems = world.host.problems.iter().chain(world.jobs.iter().flat_map(|view| &view.sample.problems));
        for problem in problems {
            *self.counters.sample_errors.entry(problem.part).or_default() += 1;
        }
        for decision in decisions {
            self.count_decision(world, decision);
        }
        self.count_denials(wanted);
        for report in reports {
            self.count_report(report);
        }
        self.counters.claims = claims(decisions, wanted);
    }

    fn count_decision(&mut self, world: &World, decision: &Decision) {
        let counters = &mut self.counters;
        for input in decision.inputs.iter().filter(|input| input.missing.is_some()) {
            *counters.signals_missing.entry((decision.policy.clone(), input.signal.clone())).or_default() += 1;
        }
        for effect in &decision.effects {
            if let (Some(before), Some(after)) = (effect.before, effect.after)
                && before > 0.0
            {
                self.effects.insert(decision.policy.clone(), (before - after) / before);
            }
        }
        for what in &decision.changes {
            let (at, policy) = (world.now.wall, decision.policy.clone());
            self.recent.push_front(RecentDecision { at, policy, what: what.clone() });
        }
        self.recent.truncate(RECENT);
    }

    /// Takes in the decisions of one tick that changed something, as the audit file has them.
    pub fn count_decided(&mut self, entries: &[Entry]) {
        for entry in entries {
            let Entry { policy: Some(policy), stage, outcome: Some(outcome), .. } = entry else { continue };
            let stage = stage.as_deref().unwrap_or(NO_STAGE).to_owned();
            *self.counters.decisions.entry((policy.clone(), stage, *outcome)).or_default() += 1;
        }
    }

    fn count_denials(&mut self, wanted: &Wanted) {
        let key = |claim: &Claim, by: &str| {
            (claim.claimant.policy.clone(), claim.setting.kind(), claim.target.clone(), by.to_owned())
        };
        let now: BTreeSet<_> = wanted.denied.iter().map(|denied| key(&denied.claim, &denied.by)).collect();
        for (policy, knob, _, by) in now.difference(&self.denials) {
            *self.counters.claims_denied.entry((policy.clone(), *knob, by.clone())).or_default() += 1;
        }
        self.denials = now;
    }

    fn count_report(&mut self, report: &Report) {
        let counters = &mut self.counters;
        if report.outcome == Outcome::Skipped {
            for holder in &report.holders {
                *counters.skipped_writes.entry(holder.policy.clone()).or_default() += 1;
            }
            return;
        }
        counters.count_write(report.knob, &report.outcome);
        match (&report.outcome, report.action) {
            (Outcome::Failed { .. }, Action::Restore) => counters.restore_failed += 1,
            (Outcome::Done, action) => {
                let before = self.directions.insert((report.target.clone(), report.knob), action);
                // Back again after it had been let go: the third change of direction is the first reversal that costs.
                if before == Some(Action::Restore) && action == Action::Apply {
                    *counters.reversals.entry(report.knob).or_default() += 1;
                }
            }
            _ => {}
        }
        if report.outcome == Outcome::Gone {
            self.directions.remove(&(report.target.clone(), report.knob));
        }
    }
}

fn claims(decisions: &[Decision], wanted: &Wanted) -> BTreeMap<(String, KnobKind, ClaimState), u64> {
    let mut counts = BTreeMap::new();
    for claim in decisions.iter().flat_map(|decision| &decision.claims) {
        let state = if wanted.denied.iter().any(|denied| denied.claim == *claim) {
            ClaimState::Denied
        } else if claim.dry_run {
            ClaimState::DryRun
        } else {
            ClaimState::Won
        };
        *counts.entry((claim.claimant.policy.clone(), Setting::kind(&claim.setting), state)).or_default() += 1;
    }
    counts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::Upshot;
    use crate::clock::Moment;

    #[test]
    fn a_decision_counts_once_under_its_stage_and_what_came_of_it() {
        let now = Moment { boot: std::time::Duration::ZERO, wall: std::time::SystemTime::UNIX_EPOCH };
        let note = Entry::note(now, "");
        let decided = |stage: Option<&str>, outcome| Entry {
            policy: Some("p".to_owned()),
            stage: stage.map(str::to_owned),
            outcome: Some(outcome),
            ..note.clone()
        };
        let mut counts = Counts::default();
        counts.count_decided(&[decided(Some("warm"), Upshot::Applied), note.clone()]);
        counts.count_decided(&[decided(Some("warm"), Upshot::Applied), decided(None, Upshot::Unchanged)]);
        let key = |stage: &str, outcome| ("p".to_owned(), stage.to_owned(), outcome);
        let expected = [(key("none", Upshot::Unchanged), 1), (key("warm", Upshot::Applied), 2)];
        assert_eq!(counts.counters.decisions, expected.into());
    }
}
