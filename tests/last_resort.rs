//! The last resort on the real kernel: played plotters and a real one are ended, and what their plot leaves behind is removed, and
//! nothing else.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use plotwarden::actuate::{Actuator, Ending, EndingEvent, JobHandle, Step};
use plotwarden::claim::{Claimant, Class, KillPermit};
use plotwarden::clock::Moment;
use plotwarden::kernel::Roots;
use plotwarden::kernel::process::{Program, open_files, read_facts};
use plotwarden::knob::{GroupUse, Linux};
use plotwarden::mode::Mode;
use plotwarden::plotter::{JobRegistry, Machine, Observation, Profiles, StopSignal};
use support::actor::Actor;
use support::alone::{alone, is_root};
use support::chiapos::{Chiapos, Plot};

const WINDOW: Duration = Duration::from_mins(1);
const ALL: KillPermit = KillPermit { ask: Some(WINDOW), terminate: Some(WINDOW), kill: true, remove_temp: true };

/// A plotter as the program knows it, an actuator, and a clock of its own: windows pass as soon as the test wants.
struct Scene {
    actuator: Actuator,
    job: JobHandle,
    ending: Ending,
    boot: Duration,
    roots: Roots,
    _run: tempfile::TempDir,
}

impl Scene {
    /// Recognised by its profile, once an open file tells its plot id.
    fn of(pid: i32) -> Self {
        let run = tempfile::tempdir().unwrap();
        let roots = Roots { run: run.path().join("run"), ..Roots::standard() };
        let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap().into();
        let now = Moment { boot, wall: SystemTime::now() };
        let facts = Machine { cpus_online: Some(2), users: BTreeMap::new() };
        let mut registry = JobRegistry::new(Arc::new(Profiles::shipped().unwrap()), facts);
        let start = Instant::now();
        let (job, temp, ask) = loop {
            assert!(start.elapsed() < Duration::from_mins(1), "no plot id within a minute");
            std::thread::sleep(Duration::from_millis(20));
            let Ok(facts) = read_facts(&roots, pid) else { continue };
            let (identity, parent) = (facts.identity, facts.parent);
            let program = Program { identity, parent, comm: facts.comm.clone(), argv: facts.argv.clone() };
            if registry.consider(&program) {
                registry.describe(facts);
            }
            let files = open_files(&roots, pid).ok();
            let observations: BTreeMap<_, _> = registry
                .jobs()
                .into_iter()
                .map(|(id, _)| (id, Observation { files: files.clone(), ..Observation::default() }))
                .collect();
            let jobs = registry.observe(now, &observations);
            let Some(job) = jobs.into_iter().find(|job| job.progress.plot_id.is_some()) else { continue };
            break (JobHandle::new(&job, true), registry.temp_patterns(&job.id), registry.way_to_ask(&job.id));
        };
        assert!(!temp.is_empty());
        let claimant = Claimant { class: Class::Safety, priority: 900, policy: "space".to_owned() };
        let ending =
            Ending { job: job.id.clone(), permit: ALL, ask, temp, claimant, reason: "temp-full", dry_run: false };
        let machine = Box::new(Linux::new(&roots, GroupUse::Free));
        let actuator = Actuator::open(&roots, machine, Mode::Enforce, now).unwrap().0;
        Self { actuator, job, ending, boot, roots, _run: run }
    }

    /// The next tick, so much later.
    fn after(&mut self, time: Duration) -> Vec<EndingEvent> {
        self.boot += time;
        let now = Moment { boot: self.boot, wall: SystemTime::now() };
        let (wanted, jobs) = (std::slice::from_ref(&self.ending), std::slice::from_ref(&self.job));
        let reports = self.actuator.end(now, wanted, jobs, &mut Vec::new());
        reports.into_iter().map(|report| report.event).collect()
    }

    /// As after a restart of the program.
    fn restart(self) -> Self {
        let Self { actuator, roots, boot, .. } = self;
        drop(actuator);
        let machine = Box::new(Linux::new(&roots, GroupUse::Free));
        let now = Moment { boot, wall: SystemTime::now() };
        let actuator = Actuator::open(&roots, machine, Mode::Enforce, now).unwrap().0;
        Self { actuator, roots, ..self }
    }

    /// Ticks until all is removed; the files that were.
    fn clear_up(&mut self) -> Vec<PathBuf> {
        let (start, mut removed) = (Instant::now(), Vec::new());
        while start.elapsed() < Duration::from_mins(1) {
            for event in self.after(Duration::from_millis(10)) {
                match event {
                    EndingEvent::Removed { file } => removed.push(file),
                    EndingEvent::Ended => {}
                    other => panic!("{other:?}"),
                }
            }
            if fs::read_dir(self.roots.run.join("endings")).unwrap().count() == 0 {
                return removed;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!("not cleared up within a minute");
    }
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn wait(actor: &mut Actor) -> std::process::ExitStatus {
    let start = Instant::now();
    loop {
        if let Some(status) = actor.child.try_wait().unwrap() {
            return status;
        }
        assert!(start.elapsed() < Duration::from_mins(1), "it has not ended");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// What lies beside the files of the plot and must stay.
fn bystanders(dir: &Path) -> Vec<String> {
    let other = "ab".repeat(32);
    let names = [format!("plot-k25-2026-11-23-06-47-{other}.p1.t1.tmp"), format!("plot-k25-{other}.plot")];
    for name in &names {
        fs::write(dir.join(name), "not ours").unwrap();
    }
    names.into()
}

#[test]
fn a_stopped_plotter_is_continued_terminated_and_cleared_up_after() {
    if !is_root("signals to the processes of others") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let temp = dir.path().join("temp");
    fs::create_dir(&temp).unwrap();
    let mut expected = bystanders(&temp);
    let argv = ["chia_plot", "-k", "25", "-t", "temp/", "-d", "temp/"];
    let mut actor = Actor::start("madmax", &argv, dir.path()).unwrap();
    let mut scene = Scene::of(actor.pid());
    assert_eq!(scene.ending.ask, None, "of a single plot it dies when asked");
    kill(Pid::from_raw(actor.pid()), Signal::SIGSTOP).unwrap();
    assert_eq!(scene.after(Duration::ZERO), [EndingEvent::Took(Step::Terminate)]);
    wait(&mut actor);
    // A restart between the end and the clearing up.
    let removed = scene.restart().clear_up();
    assert!(!removed.is_empty() && removed.iter().all(|file| file.starts_with(&temp)));
    expected.sort();
    assert_eq!(names(&temp), expected);
}

#[test]
fn a_plotter_that_finishes_its_plot_when_asked_is_killed_only_when_its_time_is_up() {
    if !is_root("signals to the processes of others") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    // So slow that it would take an hour.
    let mut command =
        Actor::command("madmax", &["chia_plot", "-k", "25", "-n", "2", "-t", "./", "-d", "./"], dir.path()).unwrap();
    let mut actor = Actor { child: command.env("PLOTTER_PACE", "1000").spawn().unwrap() };
    let mut scene = Scene::of(actor.pid());
    assert_eq!(scene.ending.ask, Some(StopSignal::Terminate));
    assert_eq!(scene.after(Duration::ZERO), [EndingEvent::Took(Step::Ask)]);
    // Twice within a second would be no question: the plotter's own clock runs on.
    std::thread::sleep(Duration::from_millis(1500));
    assert_eq!(scene.after(WINDOW / 2), []);
    let mut scene = scene.restart();
    assert_eq!(scene.after(WINDOW / 2), [EndingEvent::Took(Step::Terminate)]);
    assert_eq!(scene.after(WINDOW / 2), []);
    assert_eq!(actor.child.try_wait().unwrap(), None, "it heeds neither, and goes on with its plot");
    assert_eq!(scene.after(WINDOW / 2), [EndingEvent::Took(Step::Kill)]);
    wait(&mut actor);
    assert!(!scene.clear_up().is_empty());
    assert_eq!(names(dir.path()), ["log"]);
}

#[test]
fn a_plotter_whose_files_carry_no_plot_id_keeps_them() {
    if !is_root("signals to the processes of others") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let argv = ["chia_plot", "-k", "25", "-t", "./", "-d", "./"];
    let mut actor = Actor::start("madmax", &argv, dir.path()).unwrap();
    let mut scene = Scene::of(actor.pid());
    let anybodys = plotwarden::plotter::TempPattern::new(dir.path().to_owned(), "*").unwrap();
    scene.ending.temp = vec![anybodys];
    scene.after(Duration::ZERO);
    wait(&mut actor);
    let before = names(dir.path());
    assert!(before.len() > 1);
    assert_eq!(scene.clear_up(), Vec::<PathBuf>::new());
    assert_eq!(names(dir.path()), before);
}

#[test]
fn a_real_plotter_leaves_nothing_behind() {
    if !is_root("signals to the processes of others") {
        return;
    }
    let _alone = alone();
    let chiapos = Chiapos::install().unwrap();
    let folder = tempfile::TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (temp, dst) = (folder.path().join("temp"), folder.path().join("dst"));
    fs::create_dir(&temp).unwrap();
    fs::create_dir(&dst).unwrap();
    let mut expected = bystanders(&temp);
    let mut plotter = chiapos.plotter(&Plot::small(23, &temp, &dst), &folder.path().join("log")).unwrap();
    let mut actor = Actor { child: plotter.spawn().unwrap() };
    let mut scene = Scene::of(actor.pid());
    assert_eq!(scene.after(Duration::ZERO), [EndingEvent::Took(Step::Terminate)]);
    wait(&mut actor);
    let left = names(&temp).len() - expected.len();
    assert!(left > 10, "{:?}", names(&temp));
    assert_eq!(scene.clear_up().len(), left);
    expected.sort();
    assert_eq!((names(&temp), names(&dst)), (expected, vec![]));
}
