//! Who may be touched: the last word before anything is written, whatever policies, arbiter and recognition say.

use std::collections::BTreeMap;

use super::Actuator;
use crate::actuate::JobHandle;
use crate::actuate::protect::protected;
use crate::actuate::report::{Action, Outcome, Report};
use crate::actuate::writer::Step;
use crate::arbiter::{Want, Wanted};
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::inventory::{Capability, CapabilityState};
use crate::kernel::process::Identity;
use crate::plotter::JobId;

impl Actuator {
    /// Jobs that may be touched, and why the others may not.
    pub fn vet<'a>(&self, jobs: &'a [JobHandle]) -> (Vec<&'a JobHandle>, BTreeMap<&'a JobId, String>) {
        let mut refused = BTreeMap::new();
        let mut touchable = Vec::new();
        for job in jobs {
            match job.processes.iter().find_map(|&process| self.why_not(&job.id, process)) {
                Some(why) => {
                    refused.insert(&job.id, why);
                }
                None => touchable.push(job),
            }
        }
        (touchable, refused)
    }

    /// Why a process may not be touched: it is protected, or it runs another program than when its record was made.
    fn why_not(&self, job: &JobId, process: Identity) -> Option<String> {
        let portrait = match self.machine.portrait(process) {
            Ok(portrait) => portrait,
            Err(error) if error.is_gone() => return None,
            Err(error) => return Some(error.to_string()),
        };
        if let Some(why) = protected(process, &portrait, &self.lineage) {
            return Some(why);
        }
        let records = KnobKind::ALL.iter().filter_map(|&kind| self.held.get(&(job.clone(), kind)));
        let known =
            records.flat_map(|record| &record.processes).find(|&&subject| Identity::from(subject) == process)?;
        match (known.exe_inode, portrait.exe_inode) {
            (Some(then), Some(now)) if then != now => {
                Some(format!("process {} runs another program by now", process.pid))
            }
            _ => None,
        }
    }

    /// The wants that can be acted upon; says why the others cannot.
    pub fn admit<'a>(
        &mut self,
        now: Moment,
        wanted: &'a Wanted,
        touchable: &[&'a JobHandle],
        refused: &BTreeMap<&JobId, String>,
        reports: &mut Vec<Report>,
    ) -> BTreeMap<(JobId, KnobKind), (&'a JobHandle, &'a Want)> {
        let mut admitted = BTreeMap::new();
        self.said.forget_unwanted(&wanted.settings);
        for ((target, kind), want) in &wanted.settings {
            let Target::Job(id) = target;
            let handle = touchable.iter().find(|job| job.id == *id);
            let outcome = match handle {
                None => refused.get(id).map(|why| Outcome::Protected { why: why.clone() }),
                Some(job) if *kind == KnobKind::Pause && !job.may_pause => {
                    Some(Outcome::Protected { why: "its profile says that it must not be paused".to_owned() })
                }
                Some(_) if want.setting.kind() != *kind => {
                    Some(Outcome::Failed { error: format!("{} is no value of the knob {}", want.setting, kind.name()) })
                }
                Some(job) => {
                    if let Capability { state: CapabilityState::Unusable, reason, mend, .. } =
                        self.machine.knob(*kind).probe()
                    {
                        let mend = if mend.is_empty() { mend } else { format!("; {mend}") };
                        Some(Outcome::Failed { error: format!("{reason}{mend}") })
                    } else {
                        admitted.insert((id.clone(), *kind), (*job, want));
                        None
                    }
                }
            };
            if let Some(outcome) = outcome {
                self.said.say(now, (target, *kind), Action::Apply, Some(want), vec![Step::of(outcome)], reports);
            }
        }
        admitted
    }
}
