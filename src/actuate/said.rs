//! What was said and tried already: each thing is reported once, and what the kernel refuses is not tried again at once.

use std::collections::BTreeMap;
use std::time::Duration;

use super::report::{Action, Outcome, Report};
use super::writer::Step;
use crate::arbiter::Want;
use crate::claim::{KnobKind, Setting, Target};
use crate::clock::Moment;

const FIRST_DELAY: Duration = Duration::from_secs(1);
/// A full run directory, the usual reason, is noticed to have room again within this time.
const LONGEST_DELAY: Duration = Duration::from_mins(1);

type Key = (Target, KnobKind, Action);

/// Memory of reports and failures.
#[derive(Debug, Default)]
pub struct Said {
    refused: BTreeMap<Key, Refusal>,
    rehearsed: BTreeMap<(Target, KnobKind), Setting>,
}

#[derive(Debug)]
struct Refusal {
    outcome: Outcome,
    setting: Option<Setting>,
    until: Duration,
    delay: Duration,
}

impl Said {
    /// Whether a failure is too recent to try again. A job is never left paused for it.
    pub fn is_suspended(&self, now: Moment, (target, kind): (&Target, KnobKind), action: Action) -> bool {
        let urgent = action == Action::Restore && kind == KnobKind::Pause;
        let refusal = self.refused.get(&(target.clone(), kind, action));
        !urgent && refusal.is_some_and(|refusal| now.boot < refusal.until)
    }

    /// Turns steps into reports, less what was said before.
    pub fn say(
        &mut self,
        now: Moment,
        (target, kind): (&Target, KnobKind),
        action: Action,
        want: Option<&Want>,
        steps: Vec<Step>,
        reports: &mut Vec<Report>,
    ) {
        let key = (target.clone(), kind, action);
        let setting = want.map(|want| want.setting.clone());
        let refusal = steps.iter().map(|step| &step.outcome).find(|outcome| is_refusal(outcome)).cloned();
        let known = self.refused.get(&key);
        let again =
            |outcome: &Outcome| known.is_some_and(|known| known.outcome == *outcome && known.setting == setting);
        for step in steps {
            if !(is_refusal(&step.outcome) && again(&step.outcome)) {
                reports.push(Report {
                    knob: kind,
                    target: target.clone(),
                    action,
                    outcome: step.outcome,
                    from: step.from,
                    to: step.to,
                    read_back: step.read_back,
                    holders: want.map(|want| want.holders.clone()).unwrap_or_default(),
                    reason: want.map(|want| want.reason.to_owned()).unwrap_or_default(),
                });
            }
        }
        match refusal {
            None => {
                self.refused.remove(&key);
            }
            Some(outcome) => {
                let delay = match outcome {
                    Outcome::Failed { .. } => {
                        known.map_or(FIRST_DELAY, |known| (known.delay * 2).clamp(FIRST_DELAY, LONGEST_DELAY))
                    }
                    _ => Duration::ZERO,
                };
                self.refused.insert(key, Refusal { outcome, setting, until: now.boot + delay, delay });
            }
        }
    }

    /// Says of each rehearsed setting once that it was skipped.
    pub fn rehearse(&mut self, wanted: Vec<(&(Target, KnobKind), &Want)>, reports: &mut Vec<Report>) {
        let now: BTreeMap<_, _> = wanted.iter().map(|(key, want)| ((*key).clone(), want.setting.clone())).collect();
        for ((target, kind), want) in wanted {
            if self.rehearsed.get(&(target.clone(), *kind)) != Some(&want.setting) {
                reports.push(Report {
                    knob: *kind,
                    target: target.clone(),
                    action: Action::Apply,
                    outcome: Outcome::Skipped,
                    from: None,
                    to: Some(want.setting.to_string()),
                    read_back: None,
                    holders: want.holders.clone(),
                    reason: want.reason.to_owned(),
                });
            }
        }
        self.rehearsed = now;
    }

    /// A want that is gone, or another one now, starts afresh.
    pub fn forget_unwanted(&mut self, wanted: &BTreeMap<(Target, KnobKind), Want>) {
        self.refused.retain(|(target, kind, action), refusal| {
            *action == Action::Restore
                || wanted
                    .get(&(target.clone(), *kind))
                    .is_some_and(|want| Some(&want.setting) == refusal.setting.as_ref())
        });
    }

    pub fn forget_failures(&mut self) {
        self.refused.clear();
    }
}

fn is_refusal(outcome: &Outcome) -> bool {
    matches!(outcome, Outcome::Failed { .. } | Outcome::Protected { .. })
}
