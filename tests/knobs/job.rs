//! The knobs of a job: each alone, all together, and put back by a restoration when nobody is left who could.

use std::collections::BTreeMap;
use std::process::{Child, Command};
use std::time::{Duration, Instant, SystemTime};

use plotwarden::actuate::{Actuator, JobHandle, Outcome, restore};
use plotwarden::arbiter::{Want, Wanted};
use plotwarden::claim::{Bound, Claimant, Class, IoPriority, KnobKind, SchedClass, Setting, Target};
use plotwarden::clock::Moment;
use plotwarden::inventory::CapabilityState;
use plotwarden::kernel::Roots;
use plotwarden::knob::{GroupUse, Linux, Machine};
use plotwarden::mode::Mode;
use plotwarden::plotter::JobId;

use crate::skipped;
use crate::state::{State, unified_mount};

/// The knobs of a job's threads and processes that need nothing but a process.
const OF_PROCESSES: [KnobKind; 8] = [
    KnobKind::Group,
    KnobKind::Nice,
    KnobKind::SchedClass,
    KnobKind::IoPriority,
    KnobKind::Affinity,
    KnobKind::OomScore,
    KnobKind::TimerSlack,
    KnobKind::Pause,
];

/// A process that plays the job, and a run directory; dropped, all is put back.
struct Scene {
    process: Child,
    job: JobHandle,
    roots: Roots,
    _run: tempfile::TempDir,
}

impl Scene {
    fn set() -> Self {
        // Its originals are not just the defaults.
        let process = Command::new("nice").args(["-n", "2", "sleep", "600"]).spawn().unwrap();
        let pid = process.id().cast_signed();
        let run = tempfile::tempdir().unwrap();
        let roots = Roots { cgroupfs: unified_mount(), run: run.path().join("run"), ..Roots::standard() };
        let is_asleep = || State::of(&[pid]).nice(pid) == (2, 2);
        assert!(within(Duration::from_secs(20), is_asleep), "{:?}", State::of(&[pid]));
        let plotter = linux(&roots).identity(pid).unwrap();
        let job = JobHandle { id: JobId::new("test", plotter), plotter, processes: vec![plotter], may_pause: true };
        Self { process, job, roots, _run: run }
    }

    fn state(&self) -> State {
        State::of(&[self.job.plotter.pid])
    }

    fn actuator(&self) -> Actuator {
        Actuator::open(&self.roots, Box::new(linux(&self.roots)), Mode::Enforce, now()).unwrap().0
    }

    /// The kinds that can be used here; of the others it is said why not.
    fn usable(&self) -> Vec<KnobKind> {
        let machine = linux(&self.roots);
        let usable = |kind: &KnobKind| {
            let capability = machine.knob(*kind).probe();
            if capability.state == CapabilityState::Unusable {
                skipped(kind.name(), capability.reason);
                return false;
            }
            true
        };
        OF_PROCESSES.into_iter().filter(usable).collect()
    }

    /// Makes just these kinds hold, and waits until the job shows it.
    #[track_caller]
    fn want(&self, actuator: &mut Actuator, kinds: &[KnobKind], shows: impl Fn(&State) -> bool) {
        let reports = actuator.tick(now(), &wanted(&self.job, kinds), std::slice::from_ref(&self.job));
        assert!(reports.iter().all(|report| report.outcome == Outcome::Done), "{reports:#?}");
        // A signal and a freeze take a moment.
        assert!(within(Duration::from_secs(20), || shows(&self.state())), "{kinds:?}: {:?}", self.state());
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        let _ = restore(&self.roots, now(), Duration::from_secs(2));
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn linux(roots: &Roots) -> Linux {
    Linux::new(roots, GroupUse::Free)
}

fn now() -> Moment {
    let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap();
    Moment { boot: boot.into(), wall: SystemTime::now() }
}

/// Waits for something to become so; `false` if it does not within the time.
fn within(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    is_so()
}

fn setting(kind: KnobKind) -> Setting {
    match kind {
        KnobKind::Group => Setting::Group,
        KnobKind::Nice => Setting::Nice(11),
        KnobKind::SchedClass => Setting::SchedClass(SchedClass::Batch),
        KnobKind::IoPriority => Setting::IoPriority(IoPriority::Idle),
        KnobKind::Affinity => Setting::Affinity([0].into()),
        KnobKind::OomScore => Setting::OomScore(700),
        KnobKind::TimerSlack => Setting::Number(kind, 2_000_000),
        KnobKind::Pause => Setting::Paused,
        other => panic!("{} is proven elsewhere", other.name()),
    }
}

fn wanted(job: &JobHandle, kinds: &[KnobKind]) -> Wanted {
    let holder = Claimant { class: Class::Slo, priority: 500, policy: "calm".to_owned() };
    let want = |kind| Want {
        setting: setting(kind),
        bound: if kind == KnobKind::Affinity { Bound::Exactly } else { Bound::AtLeast },
        holders: vec![holder.clone()],
        reason: "io-pressure",
    };
    let settings = kinds.iter().map(|&kind| ((Target::Job(job.id.clone()), kind), want(kind)));
    Wanted { settings: settings.collect::<BTreeMap<_, _>>(), ..Wanted::default() }
}

#[test]
fn each_knob_of_a_job_takes_effect_and_goes_back() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("job", "needs root");
    }
    let scene = Scene::set();
    let before = scene.state();
    let mut actuator = scene.actuator();
    for kind in scene.usable() {
        scene.want(&mut actuator, &[kind], |state| *state != before);
        scene.want(&mut actuator, &[], |state| *state == before);
    }
}

#[test]
fn all_knobs_of_a_job_together_are_put_back_when_their_holder_is_gone() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("job", "needs root");
    }
    let scene = Scene::set();
    let before = scene.state();
    let mut actuator = scene.actuator();
    let pid = scene.job.plotter.pid;
    scene.want(&mut actuator, &scene.usable(), |state| {
        state.nice(pid) == (11, 11) && state.any_idle_io() && state.halts(pid) && state.without_groups() != *state
    });
    drop(actuator);
    let report = restore(&scene.roots, now(), Duration::ZERO).unwrap();
    assert!(report.is_complete(), "{report}");
    assert!(within(Duration::from_secs(20), || scene.state() == before), "{:?}", scene.state());
}
