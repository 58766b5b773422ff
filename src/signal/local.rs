//! Signals of this machine and its jobs, from the samples of the last minutes.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::{Answer, too_old, worst};
use super::window::{NoMean, Ring};
use crate::clock::Moment;
use crate::plotter::JobId;
use crate::policy::{Gauge, Mean, Question, Scope};
use crate::pressure::{PressureSet, PressureState, Resource};
use crate::sample::MemorySample;
use crate::units::float;
use crate::world::World;

/// Whom a ring speaks of.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Machine,
    Jobs,
    Job(JobId),
}

/// The samples that local signals are answered from. Fed once per tick, asked by any number of policies.
#[derive(Debug, Clone, Default)]
pub struct Gauges {
    rings: BTreeMap<(Subject, &'static str), Ring>,
    /// Why pressure of a subject cannot be read now.
    unreadable: BTreeMap<(Subject, &'static str), Cow<'static, str>>,
}

impl Gauges {
    /// Takes what one tick measured.
    pub fn observe(&mut self, world: &World) {
        self.unreadable.clear();
        let at = world.now.boot;
        let alive = |subject: &Subject| match subject {
            Subject::Job(id) => world.job(id).is_some(),
            Subject::Machine | Subject::Jobs => true,
        };
        self.rings.retain(|(subject, _), _| alive(subject));
        self.observe_pressure(&Subject::Machine, Some(&world.host.pressure), at);
        self.observe_pressure(&Subject::Jobs, world.host.jobs_pressure.as_ref(), at);
        for view in &world.jobs {
            self.observe_pressure(&Subject::Job(view.job.id.clone()), view.sample.pressure.as_ref(), at);
        }
        if let Some(memory) = &world.host.memory {
            self.observe_memory(memory, at);
        }
    }

    fn observe_pressure(&mut self, subject: &Subject, set: Option<&PressureSet>, at: Duration) {
        for resource in Resource::ALL {
            let gauges = [Gauge::Some(resource), Gauge::Full(resource)];
            let state = set.map(|set| set.of(resource));
            for gauge in gauges {
                let key = (subject.clone(), gauge.name());
                match (state.and_then(PressureState::measured), gauge) {
                    (Some(pressure), Gauge::Full(_)) if pressure.full.is_none() => {
                        self.unreadable.insert(key, "this kernel does not measure it".into());
                    }
                    (Some(pressure), _) => {
                        let stall = if let Gauge::Full(_) = gauge { pressure.full } else { Some(pressure.some) };
                        let share = stall.and_then(|stall| stall.recent).map(|share| share.0);
                        self.rings.entry(key).or_default().push(at, share);
                    }
                    (None, _) => {
                        self.unreadable.insert(key, why_unmeasured(state));
                    }
                }
            }
        }
    }

    fn observe_memory(&mut self, memory: &MemorySample, at: Duration) {
        let used = |free: Option<crate::units::Bytes>, total: Option<crate::units::Bytes>| {
            let (free, total) = (float(free?.0), float(total?.0));
            (total > 0.0).then(|| 1.0 - free / total)
        };
        for (gauge, share) in [
            (Gauge::MemoryUsed, used(memory.available, memory.total)),
            (Gauge::SwapUsed, used(memory.swap_free, memory.swap_total)),
        ] {
            if share.is_some() {
                self.rings.entry((Subject::Machine, gauge.name())).or_default().push(at, share);
            }
        }
    }

    /// Answers `question`, which asks for `mean`; `jobs` are those that a question of each job is about.
    pub fn answer(&self, question: &Question, mean: Mean, jobs: &[&JobId], now: Moment) -> Answer {
        let of = |subject: &Subject, phrase: &str| self.of(subject, question, mean, now, phrase);
        match mean.scope {
            Scope::Machine => of(&Subject::Machine, Scope::Machine.phrase()),
            Scope::Jobs => Self::of_all_jobs(of),
            Scope::Each => worst(jobs, &question.phrase(), |id| of(&Subject::Job(id.clone()), &format!("of {id}"))),
        }
    }

    /// Of the group above all jobs. Without such a group, or until it has been measured for long enough, the machine stands in:
    /// whoever waits in that group waits on the machine, so its pressure is not lower.
    fn of_all_jobs(of: impl Fn(&Subject, &str) -> Answer) -> Answer {
        let answer = of(&Subject::Jobs, Scope::Jobs.phrase());
        let Err(reason) = &answer.value else { return answer };
        of(&Subject::Machine, &format!("of the machine, in place of the jobs ({reason})"))
    }

    fn of(&self, subject: &Subject, question: &Question, mean: Mean, now: Moment, phrase: &str) -> Answer {
        let Mean { gauge, window, .. } = mean;
        let key = (subject.clone(), gauge.name());
        let source = format!("{} {phrase}", gauge.name());
        let unreadable = || self.unreadable.get(&key).map_or_else(|| "never measured".to_owned(), ToString::to_string);
        let Some(ring) = self.rings.get(&key) else {
            return Answer { source, value: Err(unreadable()), age: None };
        };
        let age = ring.newest().map(|newest| now.since(newest));
        let value = match (ring.mean(window), age) {
            (_, Some(age)) if age > question.max_age => Err(too_old(age, question.max_age, &unreadable())),
            (Ok(mean), _) => Ok(mean),
            (Err(NoMean::Empty), _) => Err("measured for the first time".to_owned()),
            (Err(NoMean::TooShort(covered)), _) => {
                let window = humantime::format_duration(window);
                Err(format!("only {:.1}s of the last {window} measured", covered.as_secs_f64()))
            }
        };
        Answer { source, value, age }
    }
}

fn why_unmeasured(state: Option<&PressureState>) -> Cow<'static, str> {
    match state {
        Some(PressureState::DisabledAtBoot) => "pressure is switched off: boot with `psi=1`".into(),
        Some(PressureState::Absent) => "this kernel does not measure pressure".into(),
        Some(PressureState::Unreadable(reason)) => reason.clone().into(),
        Some(PressureState::Measured(_)) | None => "there is no group to measure".into(),
    }
}

#[cfg(test)]
mod tests;
