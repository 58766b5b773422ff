//! The knobs of a job: each alone, all together, and put back by a restoration when nobody is left who could.

use std::fs;
use std::process::{Child, Command};

use plotwarden::actuate::JobHandle;
use plotwarden::claim::{IoPriority, KnobKind, SchedClass, Setting, Target};
use plotwarden::knob::{Proof, ReversibleMachine, proven_kinds};
use plotwarden::plotter::JobId;

use crate::bench::{Bench, Tried, Wishes, assert_soon, hold};
use crate::state::State;
use crate::{plant, proven, skipped};

/// What each knob is tried with: something that no process has by itself.
fn trial(kind: KnobKind) -> Setting {
    match kind {
        KnobKind::Group => Setting::Group,
        KnobKind::Nice => Setting::Nice(11),
        KnobKind::SchedClass => Setting::SchedClass(SchedClass::Batch),
        KnobKind::IoPriority => Setting::IoPriority(IoPriority::Idle),
        KnobKind::Affinity => Setting::Affinity([0].into()),
        KnobKind::OomScore => Setting::OomScore(700),
        KnobKind::TimerSlack => Setting::Number(kind, 2_000_000),
        KnobKind::Pause => Setting::Paused,
        other => panic!("{} has no trial yet", other.name()),
    }
}

/// All but the limits of the group, which are tried in it.
fn is_of_process(kind: KnobKind) -> bool {
    kind.is_of_job() && !kind.is_of_group()
}

/// A process that plays the job.
pub struct Subject {
    process: Child,
    pub job: JobHandle,
}

impl Subject {
    pub fn start(bench: &Bench) -> Self {
        // Its originals are not just the defaults.
        let process = Command::new("nice").args(["-n", "2", "sleep", "600"]).spawn().unwrap();
        let pid = process.id().cast_signed();
        let name = || fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        assert_soon(name, || name() == "sleep\n");
        let plotter = bench.machine().identity(pid).unwrap();
        let job = JobHandle { id: JobId::new("test", plotter), plotter, processes: vec![plotter], may_pause: true };
        Self { process, job }
    }

    pub fn jobs(&self) -> &[JobHandle] {
        std::slice::from_ref(&self.job)
    }

    pub fn state(&self) -> State {
        State::of(&[self.job.plotter.pid])
    }

    pub fn wishes(&self, kinds: &[KnobKind]) -> Wishes {
        kinds.iter().map(|&kind| (Target::Job(self.job.id.clone()), trial(kind))).collect()
    }

    /// A signal and a freeze take a moment.
    #[track_caller]
    pub fn assert_shows(&self, is_so: impl Fn(&State) -> bool) {
        assert_soon(|| format!("{:?}", self.state()), || is_so(&self.state()));
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn each_keeps_to_the_laws() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("job", "needs root");
    }
    let bench = Bench::new();
    let subject = Subject::start(&bench);
    let before = subject.state();
    for kind in bench.usable(is_of_process) {
        let tried = Tried {
            bench: &bench,
            wishes: subject.wishes(&[kind]),
            jobs: subject.jobs().to_vec(),
            assert_held: &|| subject.assert_shows(|state| *state != before),
            assert_as_before: &|| subject.assert_shows(|state| *state == before),
        };
        tried.by_all_laws();
        proven(kind.name());
        assert!(plant::is_here() || proven_kinds(Proof::Host).any(|known| known == kind.name()), "{}", kind.name());
    }
}

#[test]
fn all_together_are_put_back_when_their_holder_is_gone() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("job", "needs root");
    }
    let bench = Bench::new();
    let subject = Subject::start(&bench);
    let (before, pid) = (subject.state(), subject.job.plotter.pid);
    let mut actuator = bench.actuator();
    hold(&mut actuator, &subject.wishes(&bench.usable(is_of_process)), subject.jobs());
    subject.assert_shows(|state| {
        state.nice(pid) == (11, 11) && state.any_idle_io() && state.halts(pid) && state.without_groups() != *state
    });
    drop(actuator);
    bench.restore();
    subject.assert_shows(|state| *state == before);
}
