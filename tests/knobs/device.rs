//! Devices that refuse, hang and depend on one another, on the real kernel of the virtual machine: what is left behind, and what it
//! does to the hardware behind them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use plotwarden::actuate::{Outcome, Report};
use plotwarden::claim::{KnobKind, Part, PartClass, Setting, Target};

use crate::bench::{Bench, Tried, Wishes, assert_soon, hold, tick};
use crate::plant::{self, Refusal};
use crate::skipped;

const CPUFREQ: &str = "/sys/devices/system/cpu/cpufreq/policy2";
const LIMIT: &str = "/sys/class/powercap/intel-rapl:1/constraint_0_power_limit_uw";

fn text(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap().trim().to_owned()
}

fn number(kind: KnobKind, part: &Part, number: u64) -> (Target, Setting) {
    (Target::Part(part.clone()), Setting::Number(kind, number))
}

fn word(kind: KnobKind, part: &Part, word: &str) -> (Target, Setting) {
    (Target::Part(part.clone()), Setting::Word(kind, word.to_owned()))
}

fn policy() -> Part {
    Part::new(PartClass::CpuPolicy, "2")
}

fn package() -> Part {
    Part::new(PartClass::PowerConstraint, "intel-rapl:1:0")
}

/// The board's second fan, which its chip drives.
struct Fan {
    part: Part,
    chip: PathBuf,
}

impl Fan {
    fn find() -> Self {
        let chips = fs::read_dir("/sys/class/hwmon").unwrap().map(|chip| chip.unwrap().path());
        let chip = chips.into_iter().find(|chip| text(chip.join("name")) == "farmboard").unwrap();
        let name = chip.file_name().unwrap().to_str().unwrap().to_owned();
        Self { part: Part::new(PartClass::Fan, format!("{name}/pwm2")), chip }
    }

    fn mode(&self) -> String {
        text(self.chip.join("pwm2_enable"))
    }

    fn speed(&self) -> String {
        text(self.chip.join("pwm2"))
    }

    fn wish(&self, speed: u64) -> Wishes {
        vec![number(KnobKind::Fan, &self.part, speed)]
    }
}

#[track_caller]
fn failure(reports: &[Report]) -> &str {
    match reports {
        [Report { outcome: Outcome::Failed { error }, .. }] => error,
        other => panic!("{other:#?}"),
    }
}

/// What is held goes back on each way out, and keeps to the other laws.
fn assert_keeps_to_the_laws(wishes: &Wishes, is_held: impl Fn() -> bool, is_back: impl Fn() -> bool) {
    let tried = Tried {
        bench: &Bench::new(),
        wishes: wishes.clone(),
        jobs: Vec::new(),
        assert_held: &|| assert!(is_held(), "{wishes:?}"),
        assert_as_before: &|| assert!(is_back(), "after {wishes:?}"),
    };
    tried.by_all_laws();
}

#[test]
fn a_fan_turns_as_it_is_told_and_goes_back_to_its_chip() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let fan = Fan::find();
    let is_held = || (fan.mode(), fan.speed()) == ("1".to_owned(), "200".to_owned());
    assert_keeps_to_the_laws(&fan.wish(200), is_held, || fan.mode() == "2");
    let bench = Bench::new();
    let mut actuator = bench.actuator();
    hold(&mut actuator, &fan.wish(200), &[]);
    let turns = || text(fan.chip.join("fan2_input"));
    assert_soon(turns, || turns() == "2600");
    hold(&mut actuator, &fan.wish(1), &[]);
    assert_eq!(fan.speed(), "77", "never below the floor");
}

#[test]
fn a_fan_that_refuses_is_never_left_by_hand_unseen() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let fan = Fan::find();
    for errno in [Errno::EIO, Errno::EINVAL, Errno::EBUSY] {
        let bench = Bench::new();
        let mut actuator = bench.actuator();
        let refusal = Refusal::begin("pwm", "write", Some(errno), Duration::ZERO).unwrap();
        failure(&tick(&mut actuator, &fan.wish(200), &[]));
        assert_eq!(fan.mode(), "2", "{errno}: back with its chip at once");
        drop(refusal);
        drop(actuator);
        bench.restore();
        assert_eq!(fan.mode(), "2");
    }
    let bench = Bench::new();
    let mut actuator = bench.actuator();
    hold(&mut actuator, &fan.wish(100), &[]);
    let refusal = Refusal::begin("pwm_enable", "write", Some(Errno::EIO), Duration::ZERO).unwrap();
    failure(&tick(&mut actuator, &Wishes::new(), &[]));
    assert_eq!((fan.mode(), fan.speed()), ("1".to_owned(), "255".to_owned()), "at full speed until it goes back");
    drop(refusal);
    drop(actuator);
    bench.restore();
    assert_eq!(fan.mode(), "2");
}

#[test]
fn a_write_that_takes_twenty_seconds_holds_nothing_up_and_is_still_ours() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let before = text(LIMIT);
    let bench = Bench::new();
    let mut actuator = bench.actuator();
    let wish = vec![number(KnobKind::PowerLimit, &package(), 60_000_000)];
    let slow = Refusal::begin("limit", "write", None, Duration::from_secs(20)).unwrap();
    let began = Instant::now();
    assert!(failure(&tick(&mut actuator, &wish, &[])).contains("has not answered"));
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    drop(slow);
    // It is carried out in the end, after nobody wants it any more.
    let patient = Instant::now();
    while text(LIMIT) == before && patient.elapsed() < Duration::from_mins(1) {
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(text(LIMIT), "60000000");
    let released = || {
        tick(&mut actuator, &Wishes::new(), &[]);
        std::thread::sleep(Duration::from_millis(500));
        text(LIMIT) == before
    };
    assert!(std::iter::repeat_with(released).take(60).any(|is_back| is_back), "a late write was left behind");
}

#[test]
fn a_refused_write_leaves_everything_as_it_was() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let board = Part::machine();
    let limit = |setting| (LIMIT.to_owned(), vec![setting]);
    let cases = [
        ("limit", limit(number(KnobKind::PowerLimit, &package(), 60_000_000))),
        (
            "window",
            (
                LIMIT.replace("power_limit_uw", "time_window_us"),
                vec![number(KnobKind::PowerWindow, &package(), 900_000)],
            ),
        ),
        (
            "preference",
            (
                format!("{CPUFREQ}/energy_performance_preference"),
                vec![word(KnobKind::EnergyPreference, &policy(), "power")],
            ),
        ),
        ("boost", ("/sys/devices/system/cpu/cpufreq/boost".to_owned(), vec![number(KnobKind::CpuBoost, &board, 0)])),
        (
            "profile",
            (
                "/sys/firmware/acpi/platform_profile".to_owned(),
                vec![word(KnobKind::PlatformProfile, &board, "performance")],
            ),
        ),
    ];
    for (surface, (path, wish)) in cases {
        let before = text(&path);
        for errno in [Errno::EIO, Errno::EINVAL, Errno::EBUSY, Errno::EPERM] {
            let bench = Bench::new();
            let mut actuator = bench.actuator();
            let refusal = Refusal::begin(surface, "write", Some(errno), Duration::ZERO).unwrap();
            failure(&tick(&mut actuator, &wish, &[]));
            assert_eq!(text(&path), before, "{surface}: {errno}");
            drop(refusal);
            drop(actuator);
            bench.restore();
            assert_eq!(text(&path), before, "{surface}: {errno}");
        }
    }
}

#[test]
fn a_preference_that_the_governor_hides_goes_back_with_it() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let state = || ["scaling_governor", "energy_performance_preference"].map(|name| text(format!("{CPUFREQ}/{name}")));
    let before = state();
    let bench = Bench::new();
    let mut actuator = bench.actuator();
    let thrift = word(KnobKind::EnergyPreference, &policy(), "power");
    hold(&mut actuator, &vec![thrift.clone()], &[]);
    hold(&mut actuator, &vec![thrift, word(KnobKind::CpuGovernor, &policy(), "performance")], &[]);
    assert_eq!(state(), ["performance", "performance"].map(str::to_owned));
    drop(actuator);
    bench.restore();
    assert_eq!(state(), before);
}

#[test]
fn a_lowest_frequency_above_the_highest_goes_back_with_it() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let state = || ["scaling_min_freq", "scaling_max_freq"].map(|name| text(format!("{CPUFREQ}/{name}")));
    let before = state();
    let wishes = vec![
        number(KnobKind::CpuMinFrequency, &policy(), 2_400_000),
        number(KnobKind::CpuMaxFrequency, &policy(), 1_800_000),
    ];
    let is_held = || state() == ["1800000", "1800000"].map(str::to_owned);
    assert_keeps_to_the_laws(&wishes, is_held, || state() == before);
}

#[test]
fn a_scheduler_takes_its_queue_and_tunables_back_with_it() {
    if !plant::is_here() {
        return skipped("made-up hardware", "not the virtual machine");
    }
    let queue = |name: &str| format!("/sys/block/sda/queue/{name}");
    let set = |name: &str, text: &str| fs::write(queue(name), text).unwrap();
    let state = || ["nr_requests", "iosched/fifo_batch", "scheduler"].map(|name| text(queue(name)));
    let (scheduler, length) = (text(queue("scheduler")), text(queue("nr_requests")));
    // As an owner may have tuned it.
    set("scheduler", "mq-deadline");
    set("nr_requests", "48");
    set("iosched/fifo_batch", "7");
    let tuned = state();
    let wish = vec![word(KnobKind::IoScheduler, &Part::new(PartClass::Disk, "sda"), "bfq")];
    assert_keeps_to_the_laws(&wish, || text(queue("scheduler")).contains("[bfq]"), || state() == tuned);
    // The tunables go back to what they are by default when the scheduler goes.
    set("scheduler", "none");
    set("scheduler", scheduler.split(['[', ']']).nth(1).unwrap());
    set("nr_requests", &length);
}
