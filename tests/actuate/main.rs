//! The actuator on the real kernel: real threads, real groups, real deaths. Needs root; says so where it is not.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on says so by panicking"
)]

mod death;
mod guard;
mod guard_memory;
#[path = "../support/hasty.rs"]
mod hasty;
mod journal_death;
mod knobs;
mod machine;
mod oom_floor;
mod operations;
#[path = "../support/owned.rs"]
mod owned;
mod reuse;
mod rights;
mod subject;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use plotwarden::actuate::{Actuator, JobHandle};
use plotwarden::arbiter::{Want, Wanted};
use plotwarden::claim::{Bound, Claimant, Class, IoPriority, KnobKind, SchedClass, Setting, Target};
use plotwarden::clock::Moment;
use plotwarden::kernel::Roots;
use plotwarden::kernel::process::Identity;
use plotwarden::knob::{GroupUse, Linux};
use plotwarden::mode::Mode;
use plotwarden::plotter::JobId;

/// Says on the terminal why a test did nothing.
macro_rules! skip {
    ($($why:tt)*) => {{
        eprintln!("SKIPPED: {}", format!($($why)*));
        return;
    }};
}
pub(crate) use skip;

/// Other programs of these tests are this one, told by this variable which part to play.
const PART: &str = "PLOTWARDEN_TEST_PART";

#[test]
fn play_a_part() {
    match std::env::var(PART).as_deref() {
        Ok("subject") => subject::play(),
        Ok("main") => guard::play(),
        Ok("victim") => death::play(),
        Ok("namespace") => reuse::play(),
        Ok("rights") => rights::play(),
        Ok("writer") => journal_death::play(),
        _ => {}
    }
}

/// This test program again, in another part.
pub fn in_part(part: &str) -> Vec<String> {
    let ours = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let arguments = [ours.as_str(), "--exact", "play_a_part", "--nocapture", "--test-threads=1"];
    let environment = ["env".to_owned(), format!("{PART}={part}")];
    environment.into_iter().chain(arguments.map(str::to_owned)).collect()
}

pub fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The cgroup2 mount, if there is one that can be written.
pub fn cgroup2() -> Option<PathBuf> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").unwrap();
    let mount = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>()).find(|fields| fields[2] == "cgroup2")?;
    let path = PathBuf::from(mount[1]);
    nix::unistd::access(&path, nix::unistd::AccessFlags::W_OK).ok()?;
    Some(path)
}

pub fn roots(run: &Path, cgroupfs: Option<PathBuf>) -> Roots {
    Roots { cgroupfs, run: run.join("run"), ..Roots::standard() }
}

/// A run directory, put back and removed at the end of a test, however it ends.
pub struct Bench {
    _dir: tempfile::TempDir,
    pub roots: Roots,
}

impl Bench {
    pub fn new(cgroupfs: Option<PathBuf>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { roots: roots(dir.path(), cgroupfs), _dir: dir }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = plotwarden::actuate::restore(&self.roots, now(), Duration::from_secs(2));
    }
}

pub fn now() -> Moment {
    let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap();
    Moment { boot: boot.into(), wall: SystemTime::now() }
}

pub fn open(roots: &Roots) -> Actuator {
    let machine = Box::new(Linux::new(roots, GroupUse::Free));
    hasty::hasty(Actuator::open(roots, machine, Mode::Enforce, now()).unwrap().0)
}

pub fn setting(kind: KnobKind) -> Setting {
    match kind {
        KnobKind::Group => Setting::Group,
        KnobKind::Nice => Setting::Nice(11),
        KnobKind::SchedClass => Setting::SchedClass(SchedClass::Batch),
        KnobKind::IoPriority => Setting::IoPriority(IoPriority::Idle),
        KnobKind::Affinity => Setting::Affinity([0, 4000].into()),
        KnobKind::OomScore => Setting::OomScore(700),
        KnobKind::TimerSlack => Setting::Number(kind, 2_000_000),
        KnobKind::Pause => Setting::Paused,
        other => panic!("{} is proven elsewhere", other.name()),
    }
}

/// The knobs of a job's threads and processes that need nothing but a process.
pub const OF_PROCESSES: [KnobKind; 8] = [
    KnobKind::Group,
    KnobKind::Nice,
    KnobKind::SchedClass,
    KnobKind::IoPriority,
    KnobKind::Affinity,
    KnobKind::OomScore,
    KnobKind::TimerSlack,
    KnobKind::Pause,
];

/// What the test said to the process that plays for it.
pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap()
}

/// The job of the subject that the test named.
pub fn subject_job() -> JobHandle {
    let (pid, started) = (variable("SUBJECT_PID").parse().unwrap(), variable("SUBJECT_START").parse().unwrap());
    let plotter = Identity { pid, start_ticks: started };
    JobHandle { id: JobId::new("test", plotter), plotter, processes: vec![plotter], may_pause: true }
}

pub fn wanted(job: &JobHandle, kinds: &[KnobKind]) -> Wanted {
    let holder = Claimant { class: Class::Slo, priority: 500, policy: "calm".to_owned() };
    let bound = |kind| if kind == KnobKind::Affinity { Bound::Exactly } else { Bound::AtLeast };
    let want = |kind| Want {
        setting: setting(kind),
        bound: bound(kind),
        holders: vec![holder.clone()],
        reason: "io-pressure",
    };
    let settings = kinds.iter().map(|&kind| ((Target::Job(job.id.clone()), kind), want(kind)));
    Wanted { settings: settings.collect::<BTreeMap<_, _>>(), ..Wanted::default() }
}

/// Waits for something to become so; `false` if it does not within the time.
pub fn within(limit: Duration, is_so: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    while start.elapsed() < limit {
        if is_so() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    is_so()
}
