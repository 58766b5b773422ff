//! The limits on a library that is played, through the actuator where what counts is what is left behind.

use std::time::Duration;

use super::*;
use crate::actuate::{Actuator, Outcome, Report, restore};
use crate::arbiter::{Want, Wanted};
use crate::claim::{Bound, Claimant, Class};
use crate::clock::Moment;
use crate::kernel::nvml::fake::{Driver, FakeNvml};
use crate::knob::{GroupUse, Linux, Machine};
use crate::mode::Mode;

const UUID: &str = "GPU-6f1b8a52-0000-4000-8000-000000000000";

/// Each limit with what it is tried with, and what the played card calls it.
fn limits() -> [(KnobKind, u64, &'static str); 3] {
    PLAYED.map(|kind| match kind {
        KnobKind::GpuPowerLimit => (kind, 250_000, "power"),
        KnobKind::GpuMaxClock => (kind, 1500, "clock"),
        _ => (kind, 5000, "memory"),
    })
}

/// A machine whose GPUs are played.
struct Rig {
    fake: FakeNvml,
    dir: tempfile::TempDir,
    seconds: u64,
}

impl Rig {
    fn new() -> Self {
        Self::with(Driver::Current)
    }

    fn with(driver: Driver) -> Self {
        let rig = Self { fake: FakeNvml::build(driver), dir: tempfile::tempdir().unwrap(), seconds: 10 };
        let boot_id = rig.dir.path().join("proc/sys/kernel/random/boot_id");
        std::fs::create_dir_all(boot_id.parent().unwrap()).unwrap();
        std::fs::write(boot_id, "boot\n").unwrap();
        rig
    }

    fn roots(&self) -> Roots {
        let at = |below: &str| self.dir.path().join(below);
        let nvml = self.fake.path().to_owned();
        Roots { procfs: at("proc"), sysfs: at("sys"), run: at("run"), nvml, ..Roots::standard() }
    }

    fn machine(&self) -> Linux {
        Linux::new(&self.roots(), GroupUse::Free)
    }

    fn now(&self) -> Moment {
        Moment { boot: Duration::from_secs(self.seconds), wall: std::time::SystemTime::UNIX_EPOCH }
    }

    fn actuator(&self) -> Actuator {
        Actuator::open(&self.roots(), Box::new(self.machine()), Mode::Enforce, self.now()).unwrap().0
    }

    fn tick(&mut self, actuator: &mut Actuator, wanted: &[(KnobKind, u64)]) -> Vec<Report> {
        self.seconds += 60;
        let holder = Claimant { class: Class::Budget, priority: 500, policy: "calm".to_owned() };
        let want = |&(kind, number): &(KnobKind, u64)| {
            let setting = Setting::Number(kind, number);
            let want = Want { setting, bound: Bound::Exactly, holders: vec![holder.clone()], reason: "test" };
            ((Target::Part(part()), kind), want)
        };
        let wanted = Wanted { settings: wanted.iter().map(want).collect(), ..Wanted::default() };
        actuator.tick(self.now(), &wanted, &[])
    }

    /// What the card was told last; `None` if it is as it was when its driver was loaded.
    fn told(&self, what: &str) -> Option<u64> {
        self.fake.told(0, what)
    }
}

fn part() -> Part {
    Part::new(PartClass::Gpu, UUID)
}

fn failure(reports: &[Report]) -> &str {
    match reports {
        [Report { outcome: Outcome::Failed { error }, .. }] => error,
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_limit_takes_effect_and_goes_back_on_every_way_out() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for (kind, number, what) in limits() {
        let mut rig = Rig::new();
        let back = |rig: &Rig, way: &str| {
            let left = rig.told(what).filter(|left| (kind, *left) != (KnobKind::GpuPowerLimit, 300_000));
            assert_eq!(left, None, "{} after {way}", kind.name());
        };
        let mut actuator = rig.actuator();
        let reports = rig.tick(&mut actuator, &[(kind, number)]);
        assert!(matches!(reports.as_slice(), [Report { outcome: Outcome::Done, .. }]), "{reports:?}");
        assert_eq!(rig.told(what), Some(number), "{}", kind.name());
        assert_eq!(rig.tick(&mut actuator, &[(kind, number)]), [], "a second look changes nothing");
        rig.tick(&mut actuator, &[]);
        back(&rig, "nobody wants it any more");

        rig.tick(&mut actuator, &[(kind, number)]);
        drop(actuator);
        let mut adopted = rig.actuator();
        assert_eq!(rig.tick(&mut adopted, &[(kind, number)]), [], "{} is adopted by the next one", kind.name());
        assert!(adopted.shutdown(rig.now(), &std::collections::BTreeSet::new()).unwrap().is_complete());
        back(&rig, "SIGTERM");

        let mut killed = rig.actuator();
        rig.tick(&mut killed, &[(kind, number)]);
        drop(killed);
        assert!(restore(&rig.roots(), rig.now(), Duration::ZERO).unwrap().is_complete());
        back(&rig, "SIGKILL");
    }
}

#[test]
fn power_stays_within_what_the_card_allows_and_rounding_is_no_stranger() {
    let mut rig = Rig::new();
    let machine = rig.machine();
    let knob = machine.knob(KnobKind::GpuPowerLimit);
    let normal = |watts: u64| {
        let setting = Setting::Number(KnobKind::GpuPowerLimit, watts * WATT);
        knob.normalise(&Target::Part(part()), &setting).unwrap()
    };
    assert_eq!([1, 200, 9999].map(normal), [150_000, 200_000, 600_000].map(Value::Number));
    let clock = machine.knob(KnobKind::GpuMaxClock);
    let top = clock.normalise(&Target::Part(part()), &Setting::Number(KnobKind::GpuMaxClock, 3105)).unwrap();
    assert_eq!(top, Value::Number(Setting::NO_LIMIT), "the highest clock is no lock");
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    rig.fake.script("rounds 1000");
    let mut actuator = rig.actuator();
    let wanted = [(KnobKind::GpuPowerLimit, 250_700)];
    rig.tick(&mut actuator, &wanted);
    assert_eq!(rig.told("power"), Some(250_000));
    assert_eq!(rig.tick(&mut actuator, &wanted), []);
    rig.tick(&mut actuator, &[]);
    assert_eq!(rig.told("power"), Some(300_000), "exactly what it was");
}

#[test]
fn errors_are_what_they_mean() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for (kind, number, what) in limits() {
        // NVML_ERROR_NO_PERMISSION, NOT_SUPPORTED, UNINITIALIZED.
        for (code, meant) in [(4, "run as root"), (3, "has no gpu-"), (1, "cannot ")] {
            let mut rig = Rig::new();
            let mut actuator = rig.actuator();
            let calls = [
                "nvmlDeviceSetPowerManagementLimit",
                "nvmlDeviceSetGpuLockedClocks",
                "nvmlDeviceSetMemoryLockedClocks",
            ];
            rig.fake.script(&calls.map(|call| format!("{call} {code}")).join("\n"));
            let reports = rig.tick(&mut actuator, &[(kind, number)]);
            assert!(failure(&reports).contains(meant), "{}: {reports:?}", kind.name());
            rig.tick(&mut actuator, &[]);
            assert_eq!(rig.told(what), None, "{}", kind.name());
            assert!(restore(&rig.roots(), rig.now(), Duration::ZERO).unwrap().is_complete());
        }
    }
}

#[test]
fn a_card_that_is_lost_has_nothing_to_put_back() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    for (kind, number, _) in limits() {
        let mut rig = Rig::new();
        let mut actuator = rig.actuator();
        rig.tick(&mut actuator, &[(kind, number)]);
        rig.fake.script("lost 0");
        let reports = rig.tick(&mut actuator, &[]);
        assert!(matches!(reports.as_slice(), [Report { outcome: Outcome::Gone, .. }]), "{}: {reports:?}", kind.name());
    }
}

#[test]
fn somebody_elses_power_limit_is_left_alone() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut rig = Rig::new();
    let mut actuator = rig.actuator();
    let wanted = [(KnobKind::GpuPowerLimit, 250_000)];
    rig.tick(&mut actuator, &wanted);
    rig.fake.tell(0, "power", 400_000);
    let reports = rig.tick(&mut actuator, &wanted);
    assert!(matches!(reports.as_slice(), [Report { outcome: Outcome::Foreign { .. }, .. }]), "{reports:?}");
    rig.tick(&mut actuator, &[]);
    assert_eq!(rig.told("power"), Some(400_000));
}

#[test]
fn a_library_that_hangs_holds_nothing_up_and_what_it_does_later_is_still_ours() {
    if !nix::unistd::geteuid().is_root() {
        return;
    }
    let mut rig = Rig::new();
    let mut actuator = rig.actuator();
    let wanted = [(KnobKind::GpuPowerLimit, 250_000)];
    rig.fake.script("nvmlDeviceSetPowerManagementLimit hang");
    let reports = rig.tick(&mut actuator, &wanted);
    assert!(failure(&reports).contains("has not answered"), "{reports:?}");
    rig.fake.script("");
    let has_come = (0..500).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        rig.told("power") == Some(250_000)
    });
    assert!(has_come, "the call that hung never came back");
    // The thread that hung may still be on its way out.
    let is_back = (0..50).any(|_| {
        std::thread::sleep(Duration::from_millis(20));
        rig.tick(&mut actuator, &[]);
        rig.told("power") == Some(300_000)
    });
    assert!(is_back, "a late write was left behind");
}

#[test]
fn without_a_library_and_with_an_old_one_it_is_said_why() {
    let rig = Rig::new();
    let roots = Roots { nvml: "/nonexistent/libnvidia-ml.so.1".into(), ..rig.roots() };
    let machine = Linux::new(&roots, GroupUse::Free);
    let capability = machine.knob(KnobKind::GpuPowerLimit).probe();
    assert!(capability.reason.contains("/nonexistent") && capability.mend.contains("nvidia-driver"), "{capability:?}");
    assert_eq!(machine.knob(KnobKind::GpuMaxClock).parts(), []);
    let old = Rig::with(Driver::Old);
    let machine = old.machine();
    assert_eq!(machine.knob(KnobKind::GpuPowerLimit).parts().len(), 2);
}

#[test]
fn a_machine_whose_records_name_no_gpu_never_loads_the_library() {
    let rig = Rig::new();
    let _machine = rig.machine();
    assert!(restore(&rig.roots(), rig.now(), Duration::ZERO).unwrap().is_complete());
    assert_eq!(rig.fake.calls(), Vec::<String>::new());
}
