//! Tests of the actuator on a machine in memory.

mod attributes;
mod contract;
mod endings;
mod faults;
mod groups;
mod law;
mod leases;
mod limits;
mod operations;
mod property;
mod scenarios;
mod tmpfs;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use super::restore::{RestoreReport, restore_on};
use super::run_dir::RunDir;
use super::{Action, Actuator, JobHandle, Outcome, Report};
use crate::arbiter::{Want, Wanted};
use crate::claim::{Bound, Claimant, Class, KnobKind, Setting, Target};
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::process::Identity;
use crate::knob::fake::{Fake, State, part, setting};
use crate::mode::Mode;
use crate::plotter::JobId;

pub const PLOTTER: i32 = 100;
pub const WRAPPER: i32 = 90;

/// One knob of each sort, in the order of application.
pub const SORTS: [KnobKind; 14] = [
    KnobKind::Controllers,
    KnobKind::Group,
    KnobKind::CpuQuota,
    KnobKind::IoMax,
    KnobKind::Nice,
    KnobKind::SchedClass,
    KnobKind::IoPriority,
    KnobKind::Affinity,
    KnobKind::OomScore,
    KnobKind::TimerSlack,
    KnobKind::IrqAffinity,
    KnobKind::PowerLimit,
    KnobKind::IoScheduler,
    KnobKind::Pause,
];

pub fn moment(seconds: u64) -> Moment {
    Moment { boot: Duration::from_secs(seconds), wall: SystemTime::UNIX_EPOCH }
}

pub fn want(setting: Setting) -> Want {
    let holder = Claimant { class: Class::Slo, priority: 500, policy: "calm".to_owned() };
    let bound = match setting {
        Setting::Affinity(_) => Bound::AtMost,
        Setting::Controllers(_) | Setting::Number(..) | Setting::Word(..) | Setting::Set(..) | Setting::Keyed(..) => {
            Bound::Exactly
        }
        _ => Bound::AtLeast,
    };
    Want { setting, bound, holders: vec![holder], reason: "io-pressure" }
}

/// A run directory in memory, where there is one: these tests sync thousands of records.
pub fn run_dir() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// A wrapper with its plotter of three threads, on a machine in memory, with an actuator.
pub struct Rig {
    pub state: Rc<RefCell<State>>,
    pub dir: tempfile::TempDir,
    pub actuator: Option<Actuator>,
    pub wanted: Wanted,
    pub seconds: u64,
    pub plotter: Identity,
}

impl Rig {
    pub fn new() -> Self {
        let state = Rc::new(RefCell::new(State::default()));
        state.borrow_mut().spawn(WRAPPER, 1);
        let plotter = state.borrow_mut().spawn(PLOTTER, WRAPPER);
        state.borrow_mut().clone_thread(PLOTTER);
        state.borrow_mut().clone_thread(PLOTTER);
        let mut rig = Self { state, dir: run_dir(), actuator: None, wanted: Wanted::default(), seconds: 10, plotter };
        rig.open();
        rig
    }

    pub fn roots(&self) -> Roots {
        Roots {
            procfs: "/nowhere".into(),
            sysfs: "/nowhere".into(),
            run: self.dir.path().join("run"),
            ..Roots::standard()
        }
    }

    pub fn open(&mut self) {
        self.open_in(Mode::Enforce);
    }

    pub fn open_in(&mut self, mode: Mode) {
        self.actuator = None;
        let machine = Box::new(Fake::new(&self.state));
        self.actuator = Some(Actuator::open(&self.roots(), machine, mode, moment(self.seconds)).unwrap().0);
    }

    pub fn id(&self) -> JobId {
        JobId::new("madmax", self.plotter)
    }

    pub fn target(&self) -> Target {
        Target::Job(self.id())
    }

    /// The wrapper, the plotter, and the descendants of both.
    pub fn job(&self) -> JobHandle {
        let state = self.state.borrow();
        let processes = state.processes.iter().map(|(&pid, process)| Identity { pid, start_ticks: process.started });
        let plotter = state.processes.get(&PLOTTER).is_some_and(|it| it.started == self.plotter.start_ticks);
        let of_job = |it: Identity| {
            it.pid == WRAPPER || it == self.plotter || (plotter && state.processes[&it.pid].parent == PLOTTER)
        };
        let processes = processes.filter(|&process| of_job(process)).collect();
        JobHandle { id: self.id(), plotter: self.plotter, processes, may_pause: true }
    }

    /// The job, or the part that has the knob.
    pub fn target_of(&self, kind: KnobKind) -> Target {
        if kind.is_of_job() { self.target() } else { Target::Part(part(kind)) }
    }

    pub fn want(&mut self, kind: KnobKind, choice: usize) {
        self.wanted.settings.insert((self.target_of(kind), kind), want(setting(kind, choice)));
    }

    /// One knob of each sort that a job has.
    pub fn want_all_of_job(&mut self, choice: usize) {
        for kind in SORTS.into_iter().filter(|kind| kind.is_of_job()) {
            self.want(kind, choice);
        }
    }

    /// One knob of each sort.
    pub fn want_all(&mut self, choice: usize) {
        for kind in SORTS {
            self.want(kind, choice);
        }
    }

    pub fn unwant(&mut self, kind: KnobKind) {
        self.wanted.settings.remove(&(self.target_of(kind), kind));
    }

    pub fn tick(&mut self) -> Vec<Report> {
        self.seconds += 1;
        let job = self.job();
        let reports = self.actuator.as_mut().unwrap().tick(moment(self.seconds), &self.wanted, &[job]);
        assert_eq!(self.actuator.as_ref().unwrap().held().count(), self.records(), "what is held is what is durable");
        reports
    }

    /// A tick, and dead before the `steps`-th operation of it. `true` if it came that far.
    pub fn tick_and_die(&mut self, steps: usize) -> bool {
        let at = self.state.borrow().steps + steps;
        self.state.borrow_mut().crash_at = Some(at);
        let died = catch_unwind(AssertUnwindSafe(|| self.tick())).is_err();
        self.actuator = None;
        self.state.borrow_mut().crash_at = None;
        died
    }

    pub fn restore(&mut self) -> RestoreReport {
        self.seconds += 1;
        let run = RunDir::open(&self.roots().run).unwrap();
        restore_on(&Fake::new(&self.state), &run, moment(self.seconds), Duration::ZERO).unwrap()
    }

    pub fn restore_and_die(&mut self, steps: usize) -> bool {
        let at = self.state.borrow().steps + steps;
        self.state.borrow_mut().crash_at = Some(at);
        let died = catch_unwind(AssertUnwindSafe(|| self.restore())).is_err();
        self.state.borrow_mut().crash_at = None;
        died
    }

    pub fn records(&self) -> usize {
        let Ok(entries) = std::fs::read_dir(self.roots().run.join("journal")) else { return 0 };
        entries.filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|it| it == "json")).count()
    }

    /// Where the machine differs from what it would be without us.
    pub fn differences(&self) -> Vec<String> {
        let state = self.state.borrow();
        let mut differences = Vec::new();
        for (pid, process) in &state.processes {
            for (tid, thread) in &process.threads {
                if thread.values != thread.native {
                    differences.push(format!("{pid}/{tid}: {:?} and not {:?}", thread.values, thread.native));
                }
            }
            if process.stopped != process.native_stopped {
                differences.push(format!("{pid}: stopped {}", process.stopped));
            }
            if process.oom_score != process.native_oom_score {
                differences.push(format!("{pid}: OOM score {}", process.oom_score));
            }
            if process.group != process.native_group {
                differences.push(format!("{pid}: in {} and not {}", process.group, process.native_group));
            }
        }
        for ((kind, part), found) in &state.parts {
            if found.value != found.native {
                differences.push(format!("{} of {part}: {} and not {}", kind.name(), found.value, found.native));
            }
        }
        for (controller, (reach, native)) in &state.handed {
            if reach != native {
                differences.push(format!("controller {}: {reach:?} and not {native:?}", controller.name()));
            }
        }
        differences.extend(state.groups.keys().filter(|path| path.starts_with("/plotwarden")).cloned());
        differences
    }

    #[track_caller]
    pub fn assert_as_before(&self) {
        assert_eq!(self.differences(), Vec::<String>::new());
        assert_eq!(self.records(), 0);
    }
}

pub fn outcomes(reports: &[Report]) -> Vec<(KnobKind, Action, &'static str)> {
    reports.iter().map(|report| (report.knob, report.action, report.outcome.name())).collect()
}

pub fn is_failed(report: &Report) -> bool {
    matches!(report.outcome, Outcome::Failed { .. })
}
