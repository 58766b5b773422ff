//! A run directory with an actuator at work in it, put back and removed at the end of a test, however it ends.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use plotwarden::actuate::{Actuator, JobHandle, Outcome, Report, RestoreReport, restore};
use plotwarden::arbiter::{Want, Wanted};
use plotwarden::claim::{Bound, Claimant, Class, KnobKind, Setting, Target};
use plotwarden::clock::Moment;
use plotwarden::inventory::CapabilityState;
use plotwarden::kernel::Roots;
use plotwarden::knob::{GroupUse, Linux, Machine};
use plotwarden::mode::Mode;

use crate::hasty::hasty;
use crate::law::{self, Trial};
use crate::skipped;
use crate::state::unified_mount;

/// How long the kernel may take until it shows what it was told, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Bench {
    pub roots: Roots,
    _run: tempfile::TempDir,
}

/// What every knob owes on every machine.
pub const LAWS: [fn(&mut dyn Trial); 6] = [
    law::what_nobody_wants_any_more_goes_back,
    law::an_end_by_sigterm_puts_it_back,
    law::a_restart_adopts_it_without_a_write_and_puts_it_back_later,
    law::an_end_by_sigkill_is_made_good,
    law::after_a_power_failure_nothing_of_the_last_boot_is_written,
    law::in_dry_run_nothing_is_written_and_it_is_said_once,
];

/// Something on this kernel that is tried by the laws.
pub struct Tried<'a> {
    pub bench: &'a Bench,
    pub wishes: Wishes,
    pub jobs: Vec<JobHandle>,
    pub assert_held: &'a dyn Fn(),
    pub assert_as_before: &'a dyn Fn(),
}

impl Tried<'_> {
    pub fn by_all_laws(mut self) {
        for law in LAWS {
            law(&mut self);
        }
    }
}

impl Trial for Tried<'_> {
    fn roots(&self) -> Roots {
        self.bench.roots.clone()
    }

    fn machine(&self) -> Box<dyn Machine> {
        Box::new(self.bench.machine())
    }

    fn wanted(&self) -> Wanted {
        wanted(&self.wishes)
    }

    fn jobs(&self) -> Vec<JobHandle> {
        self.jobs.clone()
    }

    fn now(&mut self) -> Moment {
        now()
    }

    fn restore(&mut self) -> RestoreReport {
        restore(&self.bench.roots, now(), Duration::ZERO).unwrap()
    }

    fn assert_held(&self) {
        (self.assert_held)();
    }

    fn assert_as_before(&self) {
        (self.assert_as_before)();
    }
}

/// What is wanted, by target and kind.
pub type Wishes = Vec<(Target, Setting)>;

impl Bench {
    pub fn new() -> Self {
        let run = tempfile::tempdir().unwrap();
        let roots = Roots { cgroupfs: unified_mount(), run: run.path().join("run"), ..Roots::standard() };
        Self { roots, _run: run }
    }

    pub fn machine(&self) -> Linux {
        Linux::new(&self.roots, GroupUse::Free)
    }

    pub fn actuator(&self) -> Actuator {
        hasty(Actuator::open(&self.roots, Box::new(self.machine()), Mode::Enforce, now()).unwrap().0)
    }

    /// The kinds of them that can be used here; of the others it is said why not.
    pub fn usable(&self, kinds: impl Fn(KnobKind) -> bool) -> Vec<KnobKind> {
        let machine = self.machine();
        let mut usable = Vec::new();
        for &kind in KnobKind::ALL.iter().filter(|&&kind| kinds(kind)) {
            let capability = machine.knob(kind).probe();
            if capability.state == CapabilityState::Unusable {
                skipped(kind.name(), capability.reason);
            } else {
                usable.push(kind);
            }
        }
        usable
    }

    /// What the death of the main process leaves is put back from the journal alone.
    #[track_caller]
    pub fn restore(&self) {
        let report = restore(&self.roots, now(), Duration::ZERO).unwrap();
        assert!(report.is_complete(), "{report}");
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = restore(&self.roots, now(), Duration::from_secs(2));
    }
}

/// Makes just this hold: all that it takes succeeds, and a second look finds nothing left to do.
#[track_caller]
pub fn hold(actuator: &mut Actuator, wishes: &Wishes, jobs: &[JobHandle]) {
    let wanted = wanted(wishes);
    let reports = actuator.tick(now(), &wanted, jobs);
    assert!(reports.iter().all(|report| report.outcome == Outcome::Done), "{reports:#?}");
    assert_eq!(actuator.tick(now(), &wanted, jobs), [], "of {wishes:?}");
}

/// One look at what is wanted, with what came of it.
pub fn tick(actuator: &mut Actuator, wishes: &Wishes, jobs: &[JobHandle]) -> Vec<Report> {
    actuator.tick(now(), &wanted(wishes), jobs)
}

/// Waits for something to become so.
#[track_caller]
pub fn assert_soon(what: impl Fn() -> String, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "{}", what());
        std::thread::sleep(Duration::from_millis(20));
    }
}

pub fn now() -> Moment {
    let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).unwrap();
    Moment { boot: boot.into(), wall: SystemTime::now() }
}

fn wanted(wishes: &Wishes) -> Wanted {
    let holder = Claimant { class: Class::Slo, priority: 500, policy: "calm".to_owned() };
    let want = |(target, setting): &(Target, Setting)| {
        let want = Want {
            setting: setting.clone(),
            bound: Bound::Exactly,
            holders: vec![holder.clone()],
            reason: "io-pressure",
        };
        ((target.clone(), setting.kind()), want)
    };
    Wanted { settings: wishes.iter().map(want).collect::<BTreeMap<_, _>>(), ..Wanted::default() }
}
