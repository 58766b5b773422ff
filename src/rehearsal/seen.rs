//! What one step of a test shows, as its expectations and its timeline look at it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::actuate::{Action, Outcome, Report};
use crate::arbiter::{Denied, Wanted};
use crate::claim::{Claim, KnobKind, Target};
use crate::decide::{Decision, Input};

/// One step.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Seen {
    /// Since the test began.
    pub at: Duration,
    /// What each policy saw and decided, without its claims.
    pub policies: Vec<SeenPolicy>,
    /// Claims that nobody denied.
    pub claims: Vec<Claim>,
    pub denied: Vec<Denied>,
    /// The plots that stand still.
    pub paused: BTreeSet<String>,
    /// The others.
    pub running: BTreeSet<String>,
    /// Plots of the queue that have run so far.
    pub starts: usize,
    /// Knobs set again after they had been let go, so far.
    pub reversals: u64,
    /// What is not as it was before the test; looked at only where the test asks.
    pub changed: Vec<String>,
    /// Alerts that the policies raise.
    pub alerts: BTreeSet<String>,
    /// Writes that the machine, or the laws of the actuator, refused.
    pub refused: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct SeenPolicy {
    pub name: String,
    pub inputs: Vec<Input>,
    /// Those in force, the mildest first.
    pub stages: Vec<String>,
    pub admission_closed: bool,
    /// What changed, in plain English.
    pub changes: Vec<String>,
}

/// Groups of jobs and the controllers in them serve the other knobs; nobody means them who says "no claims".
pub fn is_plumbing(knob: KnobKind) -> bool {
    matches!(knob, KnobKind::Group | KnobKind::Controllers)
}

impl Seen {
    pub fn of(at: Duration, decisions: Vec<Decision>, wanted: Wanted, reports: &[Report]) -> Self {
        let mut seen = Self { at, refused: reports.iter().filter_map(refusal).collect(), ..Self::default() };
        for decision in decisions {
            let kept =
                decision.claims.into_iter().filter(|claim| !wanted.denied.iter().any(|lost| lost.claim == *claim));
            seen.claims.extend(kept);
            seen.alerts.extend(decision.alerts);
            seen.policies.push(SeenPolicy {
                name: decision.policy,
                inputs: decision.inputs,
                stages: decision.stages,
                admission_closed: decision.admission_closed,
                changes: decision.changes,
            });
        }
        seen.denied = wanted.denied;
        seen
    }

    /// The policies that an expectation looks at.
    pub fn of_policy<'a>(&'a self, name: Option<&'a str>) -> impl Iterator<Item = &'a SeenPolicy> {
        self.policies.iter().filter(move |policy| name.is_none_or(|name| policy.name == name))
    }

    /// Claims that are worth showing.
    pub fn notable_claims(&self) -> impl Iterator<Item = &Claim> {
        self.claims.iter().filter(|claim| !is_plumbing(claim.setting.kind()))
    }

    /// Whether the policies and the plots stand as in `before`, whatever was measured.
    pub fn stands_as(&self, before: &Self) -> bool {
        let state = |seen: &Self| -> Vec<(Vec<String>, bool, Vec<bool>)> {
            let missing = |policy: &SeenPolicy| policy.inputs.iter().map(|input| input.missing.is_some()).collect();
            seen.policies
                .iter()
                .map(|policy| (policy.stages.clone(), policy.admission_closed, missing(policy)))
                .collect()
        };
        let claims = |seen: &Self| -> Vec<_> {
            let of = |claim: &Claim| (claim.target.clone(), claim.setting.clone(), claim.claimant.policy.clone());
            seen.notable_claims().map(of).collect()
        };
        let plots = |seen: &Self| (seen.paused.clone(), seen.running.clone(), seen.starts);
        plots(self) == plots(before)
            && (&self.alerts, &self.refused) == (&before.alerts, &before.refused)
            && state(self) == state(before)
            && claims(self) == claims(before)
    }
}

fn refusal(report: &Report) -> Option<String> {
    let why = match &report.outcome {
        Outcome::Failed { error } => error.clone(),
        Outcome::Protected { why } => why.clone(),
        Outcome::Foreign { found } => format!("somebody else set {found}"),
        Outcome::Done | Outcome::Gone | Outcome::Skipped => return None,
    };
    Some(format!("{} of {}: {why}", report.knob.name(), report.target))
}

/// Counts how often a knob was set again after it had been let go, as `plotwarden_knob_reversals_total` does.
#[derive(Debug, Default)]
pub struct Reversals {
    directions: BTreeMap<(Target, KnobKind), Action>,
    pub count: u64,
}

impl Reversals {
    pub fn take(&mut self, reports: &[Report]) {
        for report in reports.iter().filter(|report| !is_plumbing(report.knob)) {
            let key = (report.target.clone(), report.knob);
            match report.outcome {
                Outcome::Done => {
                    let before = self.directions.insert(key, report.action);
                    self.count += u64::from(before == Some(Action::Restore) && report.action == Action::Apply);
                }
                Outcome::Gone => drop(self.directions.remove(&key)),
                _ => {}
            }
        }
    }
}
