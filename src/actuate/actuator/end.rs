//! Ends jobs step by step: one step of one job in a tick, continued before it is signalled, its identity checked again.

use super::{Actuator, PATIENCE};
use crate::actuate::JobHandle;
use crate::actuate::ending::{Ending, EndingEvent, EndingRecord, EndingReport, Next, Stage, Step, TempRecord, next};
use crate::actuate::record::Subject;
use crate::actuate::report::Report;
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::kernel::process::Identity;
use crate::mode::Mode;
use crate::plotter::{JobId, StopSignal};

/// After so many sweeps in a row that failed, temp files are left to their owner.
const MOST_FAILURES: u32 = 3;

impl Actuator {
    /// Takes the next step of each job that is wanted to end, and clears up after those that have. `reports` tells of pauses that
    /// were lifted for it.
    pub fn end(
        &mut self,
        now: Moment,
        wanted: &[Ending],
        jobs: &[JobHandle],
        reports: &mut Vec<Report>,
    ) -> Vec<EndingReport> {
        let mut events = Vec::new();
        if self.mode == Mode::Off || wanted.is_empty() && self.endings.jobs().is_empty() {
            return events;
        }
        let section = match self.run.section(PATIENCE) {
            Ok(section) => section,
            Err(error) => {
                let failed = |ending| of(ending, EndingEvent::Failed { error: format!("{error}") });
                return wanted.iter().map(failed).collect();
            }
        };
        self.still_alive(now);
        for ending in wanted {
            if ending.dry_run || self.mode == Mode::DryRun {
                self.say_once(of(ending, EndingEvent::Skipped), &mut events);
            } else if !self.endings.contains(&ending.job) {
                let begun = self.begin(ending, jobs);
                begun.err().into_iter().for_each(|event| self.say_once(of(ending, event), &mut events));
            }
        }
        for job in self.endings.jobs() {
            let ending = wanted.iter().find(|ending| ending.job == job && !ending.dry_run);
            self.pursue(now, &job, ending, jobs, (reports, &mut events));
        }
        self.ending_said.retain(|job, _| self.endings.contains(job) || wanted.iter().any(|ending| ending.job == *job));
        drop(section);
        events
    }

    /// Writes down whom it is about and where its temp files lie, while it lives and both can be known.
    fn begin(&mut self, ending: &Ending, jobs: &[JobHandle]) -> Result<(), EndingEvent> {
        let failed = |error: String| EndingEvent::Failed { error };
        let Some(job) = jobs.iter().find(|job| job.id == ending.job && self.machine.is_alive(job.plotter)) else {
            return Err(EndingEvent::Held { why: "it is no job any more".to_owned() });
        };
        let plotter = Subject::of(self.machine.as_ref(), job.plotter);
        self.may_touch(job, &[plotter]).map_err(|why| EndingEvent::Protected { why })?;
        let policy = ending.claimant.policy.as_str();
        let mut record = EndingRecord::new(&self.boot_id, job.id.clone(), plotter, policy, ending.reason);
        for pattern in ending.temp.iter().filter(|_| ending.permit.remove_temp) {
            let Some(plot_id) = pattern.plot_id() else { continue };
            match self.machine.pin(&pattern.directory) {
                Ok(place) => {
                    let glob = pattern.glob().to_owned();
                    record.temp.push(TempRecord { place, glob, plot_id: plot_id.to_owned() });
                }
                Err(error) if error.is_gone() => {}
                Err(error) => return Err(failed(error.to_string())),
            }
        }
        self.endings.write(record).map_err(|error| failed(error.to_string()))
    }

    fn pursue(
        &mut self,
        now: Moment,
        job: &JobId,
        ending: Option<&Ending>,
        jobs: &[JobHandle],
        (reports, events): (&mut Vec<Report>, &mut Vec<EndingReport>),
    ) {
        let Some(mut record) = self.endings.get(job).cloned() else { return };
        self.add_children(&mut record);
        let live: Vec<Identity> =
            record.processes.iter().map(|&it| it.into()).filter(|&it| self.machine.is_alive(it)).collect();
        let event = match (ending, record.stage.map(|stage| stage.step)) {
            _ if live.is_empty() => return self.clear_up(record, events),
            // Once SIGTERM is on its way there is a job to clear up after, whoever wanted it.
            (None, Some(Step::Terminate | Step::Kill)) => return,
            (None, _) => self.endings.close(job).map_or_else(|error| failed(&error), |()| EndingEvent::Withdrawn),
            (Some(ending), _) => match next(record.stage, &ending.permit, ending.ask.is_some(), now.boot) {
                Next::Wait(_) => return,
                Next::Stop(why) => EndingEvent::Held { why: why.to_owned() },
                Next::Take(step) => {
                    match jobs.iter().find(|found| found.id == *job).map(|job| self.may_touch(job, &record.processes)) {
                        None => EndingEvent::Held { why: "it is no job any more".to_owned() },
                        Some(Err(why)) => EndingEvent::Protected { why },
                        Some(Ok(())) => {
                            self.resume(now, job, reports);
                            self.take(now, record.clone(), step, ending.ask, &live).unwrap_or_else(|event| event)
                        }
                    }
                }
            },
        };
        self.say_once(by(&record, event), events);
    }

    /// Lifts a pause of ours, which no tick sets again while the job is being ended.
    fn resume(&mut self, now: Moment, job: &JobId, reports: &mut Vec<Report>) {
        let key = (Target::Job(job.clone()), KnobKind::Pause);
        if self.held.contains_key(&key) {
            self.release(now, &key, "it is being ended", reports);
        }
    }

    /// Writes down what is about to be done, continues the processes and signals them.
    fn take(
        &mut self,
        now: Moment,
        mut record: EndingRecord,
        step: Step,
        ask: Option<StopSignal>,
        live: &[Identity],
    ) -> Result<EndingEvent, EndingEvent> {
        let at_ms = now.boot_ms();
        record.stage = Some(Stage { step, at_ms, sent: false });
        self.endings.write(record.clone()).map_err(|error| failed(&error))?;
        let signal = match (step, ask) {
            (Step::Ask, Some(StopSignal::Interrupt)) => libc::SIGINT,
            (Step::Ask | Step::Terminate, _) => libc::SIGTERM,
            (Step::Kill, _) => libc::SIGKILL,
        };
        let plotter = Identity::from(record.plotter);
        let meant = live.iter().filter(|&&process| step != Step::Ask || process == plotter);
        for &process in meant {
            for signal in [libc::SIGCONT, signal] {
                match self.machine.signal(process, signal) {
                    Err(error) if !error.is_gone() => return Err(failed(&error)),
                    _ => {}
                }
            }
        }
        record.stage = Some(Stage { step, at_ms, sent: true });
        self.endings.write(record).map_err(|error| failed(&error))?;
        Ok(EndingEvent::Took(step))
    }

    /// Removes what its plot has left, some files in each tick, and closes the record with the last.
    fn clear_up(&mut self, mut record: EndingRecord, events: &mut Vec<EndingReport>) {
        self.say_once(by(&record, EndingEvent::Ended), events);
        let was_ended_by_us = record.stage.is_some();
        let mut unfinished = false;
        for temp in record.temp.clone().iter().filter(|_| was_ended_by_us) {
            let Some(pattern) = temp.pattern() else { continue };
            match self.machine.sweep(&temp.place, &pattern) {
                Ok(swept) => {
                    events.extend(swept.removed.into_iter().map(|file| by(&record, EndingEvent::Removed { file })));
                    unfinished |= swept.unfinished;
                    let kept = swept.kept.into_iter().filter(|_| !swept.unfinished);
                    events.extend(kept.map(|(file, why)| by(&record, EndingEvent::Kept { file, why })));
                }
                Err(error) if error.is_gone() => {}
                Err(_) if record.failures + 1 < MOST_FAILURES => {
                    record.failures += 1;
                    unfinished = true;
                }
                Err(error) => {
                    let (file, why) = (temp.place.path.clone(), error.to_string());
                    events.push(by(&record, EndingEvent::Kept { file, why }));
                }
            }
        }
        let done = if unfinished { self.endings.write(record.clone()) } else { self.endings.close(&record.job) };
        if let Err(error) = done {
            self.say_once(by(&record, failed(&error)), events);
        }
    }

    /// Children that were born since.
    fn add_children(&self, record: &mut EndingRecord) {
        let mut at = 0;
        while let Some(&process) = record.processes.get(at) {
            at += 1;
            for child in self.machine.children(process.into()) {
                if !record.processes.iter().any(|&known| Identity::from(known) == child) {
                    record.processes.push(Subject::of(self.machine.as_ref(), child));
                }
            }
        }
    }

    /// Neither the job nor a child that it has by now is protected, and each still runs the program that it ran.
    fn may_touch(&self, job: &JobHandle, processes: &[Subject]) -> Result<(), String> {
        let of_record = processes.iter().map(|&process| process.into());
        let mut all = job.processes.iter().copied().chain(of_record);
        if let Some(why) = all.find_map(|process| self.why_not(&job.id, process)) {
            return Err(why);
        }
        let is_other = |process: &&Subject| {
            let now = self.machine.portrait((**process).into());
            now.is_ok_and(|now| process.runs_another_program(&now))
        };
        match processes.iter().find(is_other) {
            Some(process) => Err(format!("process {} runs another program by now", process.pid)),
            None => Ok(()),
        }
    }

    /// Says nothing twice in a row of one job.
    fn say_once(&mut self, report: EndingReport, events: &mut Vec<EndingReport>) {
        if self.ending_said.get(&report.job) != Some(&report.event) {
            self.ending_said.insert(report.job.clone(), report.event.clone());
            events.push(report);
        }
    }
}

fn failed(error: &dyn std::fmt::Display) -> EndingEvent {
    EndingEvent::Failed { error: error.to_string() }
}

fn of(ending: &Ending, event: EndingEvent) -> EndingReport {
    let (policy, reason) = (ending.claimant.policy.clone(), ending.reason.to_owned());
    EndingReport { job: ending.job.clone(), event, policy, reason }
}

fn by(record: &EndingRecord, event: EndingEvent) -> EndingReport {
    EndingReport { job: record.job.clone(), event, policy: record.policy.clone(), reason: record.reason.clone() }
}
