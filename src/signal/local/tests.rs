use std::time::SystemTime;

use super::*;
use crate::kernel::process::Identity;
use crate::plotter::{Arguments, Job, Needs, Owner, Progress};
use std::sync::Arc;

use crate::policy::{Asked, OnMissing};
use crate::pressure::{Pressure, Stall};
use crate::sample::{HostSample, JobSample};
use crate::signal::Selected;
use crate::signal::Signals;
use crate::units::{Bytes, Ratio};
use crate::world::{JobView, PauseView};

const SECOND: Duration = Duration::from_secs(1);

const NOBODY: Selected<'static> = Selected { all: &[], running: &[] };

fn question(gauge: Gauge, scope: Scope) -> Question {
    let asked = Asked::Mean(Mean { gauge, scope, window: 2 * SECOND });
    Question { asked, max_age: 5 * SECOND, on_missing: OnMissing::Hold }
}

fn io_some(scope: Scope) -> Question {
    question(Gauge::Some(Resource::Io), scope)
}

/// I/O pressure alone is measured.
fn io(share: f64) -> PressureSet {
    let some = Stall { recent: Some(Ratio(share)), ..Stall::default() };
    let measured = PressureState::Measured(Pressure { some, full: None });
    PressureSet { cpu: PressureState::DisabledAtBoot, memory: PressureState::Absent, io: measured }
}

fn job(number: i32, pressure: Option<PressureSet>) -> JobView {
    let plotter = Identity { pid: number, start_ticks: 1 };
    JobView {
        job: Job {
            id: JobId::new("madmax", plotter),
            profile: "madmax".to_owned(),
            plotter,
            processes: vec![plotter],
            owner: Owner { uid: 0, name: None },
            started: Duration::ZERO,
            arguments: Arguments::default(),
            progress: Progress::default(),
            needs: Needs::default(),
        },
        sample: JobSample { pressure, ..JobSample::default() },
        pause: PauseView::default(),
    }
}

fn at(seconds: u64) -> Moment {
    Moment { boot: Duration::from_secs(seconds), wall: SystemTime::UNIX_EPOCH }
}

fn world(seconds: u64, machine: PressureSet, group: Option<PressureSet>, jobs: Vec<JobView>) -> World {
    let host = HostSample { pressure: machine, jobs_pressure: group, ..HostSample::default() };
    World { now: at(seconds), host, jobs, layout: Arc::default(), processes: None }
}

#[test]
fn the_group_of_the_jobs_answers_for_them() {
    let mut signals = Signals::default();
    for second in 1..=3 {
        signals.observe(&world(second, io(0.9), Some(io(0.4)), vec![]));
    }
    let answer = signals.answer(&io_some(Scope::Jobs), NOBODY, at(3));
    assert_eq!((answer.value, answer.age), (Ok(0.4), Some(Duration::ZERO)));
    assert_eq!(answer.source, "io.some of the jobs");
}

#[test]
fn the_machine_stands_in_for_a_group_that_is_not_there_or_too_young_and_that_is_said() {
    let mut signals = Signals::default();
    for second in 1..=3 {
        signals.observe(&world(second, io(0.9), None, vec![]));
    }
    let answer = signals.answer(&io_some(Scope::Jobs), NOBODY, at(3));
    assert_eq!(answer.value, Ok(0.9));
    assert_eq!(answer.source, "io.some of the machine, in place of the jobs (there is no group to measure)");

    signals.observe(&world(4, io(0.9), Some(io(0.4)), vec![]));
    let answer = signals.answer(&io_some(Scope::Jobs), NOBODY, at(4));
    assert_eq!(answer.value, Ok(0.9));
    assert!(answer.source.contains("only 1.0s of the last 2s measured"), "{}", answer.source);
}

#[test]
fn of_each_the_worst_counts_and_one_unknown_makes_all_unknown() {
    let mut signals = Signals::default();
    let jobs = |last| vec![job(1, Some(io(0.2))), job(2, Some(io(0.7))), job(3, last)];
    for second in 1..=3 {
        signals.observe(&world(second, io(0.0), None, jobs(Some(io(0.1)))));
    }
    let ids: Vec<JobId> = jobs(None).into_iter().map(|view| view.job.id).collect();
    let ids: Vec<&JobId> = ids.iter().collect();
    let answer = signals.answer(&io_some(Scope::Each), Selected { all: &ids, running: &ids }, at(3));
    assert_eq!((answer.value, answer.source.as_str()), (Ok(0.7), "io.some of madmax-2-1"));

    for second in 4..=12 {
        signals.observe(&world(second, io(0.0), None, jobs(None)));
    }
    let answer = signals.answer(&io_some(Scope::Each), Selected { all: &ids, running: &ids }, at(12));
    assert_eq!(answer.value, Err("9s old, more than 5s: there is no group to measure".to_owned()));

    signals.observe(&world(13, io(0.0), None, vec![]));
    assert_eq!(signals.answer(&io_some(Scope::Each), NOBODY, at(13)).value, Err("no job runs".to_owned()));
    assert!(
        !signals.gauges.rings.keys().any(|(subject, _)| matches!(subject, Subject::Job(_))),
        "ended jobs are forgotten"
    );
}

#[test]
fn an_old_answer_is_none() {
    let mut signals = Signals::default();
    for second in 1..=3 {
        signals.observe(&world(second, io(0.9), None, vec![]));
    }
    let value = |second| signals.answer(&io_some(Scope::Machine), NOBODY, at(second)).value;
    assert_eq!(value(8), Ok(0.9));
    assert!(value(9).unwrap_err().starts_with("6s old, more than 5s"));
}

#[test]
fn what_cannot_be_measured_says_why() {
    let mut signals = Signals::default();
    signals.observe(&world(1, io(0.9), None, vec![]));
    for (gauge, why) in [
        (Gauge::Some(Resource::Cpu), "boot with `psi=1`"),
        (Gauge::Some(Resource::Memory), "this kernel does not measure pressure"),
        (Gauge::Full(Resource::Io), "this kernel does not measure it"),
        (Gauge::MemoryUsed, "never measured"),
    ] {
        let reason = signals.answer(&question(gauge, Scope::Machine), NOBODY, at(1)).value.unwrap_err();
        assert!(reason.contains(why), "{}: {reason}", gauge.name());
    }
}

#[test]
fn memory_and_swap_are_shares_of_their_totals() {
    let mut signals = Signals::default();
    for second in 1..=3 {
        let mut world = world(second, io(0.0), None, vec![]);
        world.host.memory = Some(MemorySample {
            total: Some(Bytes(1000)),
            available: Some(Bytes(250)),
            swap_total: Some(Bytes(0)),
            swap_free: Some(Bytes(0)),
            ..MemorySample::default()
        });
        signals.observe(&world);
    }
    let value = |gauge| signals.answer(&question(gauge, Scope::Machine), NOBODY, at(3)).value;
    assert_eq!(value(Gauge::MemoryUsed), Ok(0.75));
    assert!(value(Gauge::SwapUsed).is_err(), "no swap is not swap that is free");
}
