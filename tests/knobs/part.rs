//! The knobs of the machine's parts: each on every part that has it, and put back by a restoration when nobody is left who could.

use std::fs;
use std::path::Path;

use plotwarden::claim::{KnobKind, Part, PartClass, Setting, Target};
use plotwarden::knob::{Knob, Linux, Machine, Scope, Value};

use crate::bench::{Bench, Tried, Wishes};
use crate::{plant, proven, skipped};

/// Those that would take CPUs or memory from whoever else works on this machine.
const ONLY_IN_THE_MACHINE: [KnobKind; 3] = [KnobKind::CpuOnline, KnobKind::Smt, KnobKind::HugePages];

/// Those that a value of one part cannot prove: shaping takes traffic, and controllers a group that needs them.
const ELSEWHERE: [(KnobKind, &str); 3] = [
    (KnobKind::Controllers, "group.rs"),
    (KnobKind::Shaping, "tests/shaping"),
    (KnobKind::ArrivalShaping, "tests/shaping"),
];

/// What a part is tried with: something that it does not have by itself. `None` if this one had better be left alone.
fn trial(kind: KnobKind, part: &Part, now: &Value) -> Option<Setting> {
    let number = |number| Some(Setting::Number(kind, number));
    let word = |word: &str| Some(Setting::Word(kind, word.to_owned()));
    // Other tests come and go with them.
    if part.class == PartClass::Disk && part.name.starts_with("loop") {
        return None;
    }
    match kind {
        KnobKind::CpuGovernor => word("powersave"),
        KnobKind::CpuMaxFrequency => number(1_800_000),
        KnobKind::CpuMinFrequency => number(2_400_000),
        KnobKind::EnergyPreference => word("power"),
        KnobKind::CpuBoost | KnobKind::CpuOnline => number(0),
        KnobKind::IdleStateDisable | KnobKind::ZoneReclaim => number(1),
        KnobKind::WakeLatency => number(100),
        KnobKind::Smt => word("off"),
        // Most interrupts of disks are placed by the kernel for good.
        KnobKind::IrqAffinity => serves(part, "ahci").then(|| Setting::Set(kind, [0].into())),
        KnobKind::PowerWindow => number(999_424),
        KnobKind::PowerLimit => number(50_000_000),
        KnobKind::PlatformProfile => word("performance"),
        KnobKind::RuntimePower => word(if *now == Value::Word("on".to_owned()) { "auto" } else { "on" }),
        KnobKind::LinkPower => word("min_power"),
        KnobKind::IoScheduler => word("bfq"),
        // Of disks that are made of others, and have no queue, the kernel shows a number and takes none.
        KnobKind::QueueRequests => has_queue(part).then_some(Setting::Number(kind, 16)),
        KnobKind::ReadAhead => number(512),
        KnobKind::WriteCache => word("write through"),
        KnobKind::WriteLatency => number(5_000),
        KnobKind::CompletionCpu => number(2),
        KnobKind::IoCost => {
            let watch = [("enable".to_owned(), 1)].into();
            (part.name == "nvme0n1").then(|| Setting::Keyed(kind, [("qos".to_owned(), watch)].into()))
        }
        // Of larger ones there is no room for four.
        KnobKind::HugePages => part.name.ends_with(":2048kB").then_some(Setting::Number(kind, 4)),
        KnobKind::Fan => number(180),
        KnobKind::DirtyReserve => (part.name == "sda").then_some(Setting::Number(kind, 5)),
        KnobKind::Swappiness => number(10),
        KnobKind::DirtyShare | KnobKind::WatermarkScale => number(50),
        other => panic!("{} has no trial yet", other.name()),
    }
}

/// Whether an interrupt is that of a driver.
fn serves(irq: &Part, driver: &str) -> bool {
    let served = fs::read_dir(format!("/proc/irq/{}", irq.name)).into_iter().flatten().flatten();
    served.into_iter().any(|entry| entry.file_name().to_string_lossy().starts_with(driver))
}

fn has_queue(disk: &Part) -> bool {
    Path::new("/sys/block").join(&disk.name).join("mq").exists()
}

/// What the part shows; `None` if it has the attribute and no value, as a queue without a throttle.
fn read(knob: &dyn Knob, part: &Part) -> Option<Value> {
    let units = knob.units(&Scope { part: Some(part.clone()), ..Scope::default() }).ok()?;
    knob.read(units.first()?).ok()
}

/// Whether the knob itself leaves the part alone as it is.
fn is_left_alone(knob: &dyn Knob, part: &Part, now: &Value) -> bool {
    let units = knob.units(&Scope { part: Some(part.clone()), ..Scope::default() }).unwrap_or_default();
    units.first().is_none_or(|unit| knob.off_limits(unit, now).is_some())
}

/// What one part is tried with, and what it showed before.
struct Trial {
    part: Part,
    setting: Setting,
    before: Value,
}

/// All parts that can be tried with one knob.
struct Trials<'m> {
    knob: &'m dyn Knob,
    trials: Vec<Trial>,
}

impl<'m> Trials<'m> {
    fn of(knob: &'m dyn Knob) -> Self {
        let trial = |part: Part| {
            let before = read(knob, &part).filter(|now| !is_left_alone(knob, &part, now))?;
            let setting = trial(knob.kind(), &part, &before)?;
            let wanted = knob.normalise(&Target::Part(part.clone()), &setting).ok()?;
            (wanted != before).then_some(Trial { part, setting, before })
        };
        Self { trials: knob.parts().into_iter().filter_map(trial).collect(), knob }
    }

    fn wishes(&self) -> Wishes {
        let wish = |trial: &Trial| (Target::Part(trial.part.clone()), trial.setting.clone());
        self.trials.iter().map(wish).collect()
    }

    #[track_caller]
    fn assert_held(&self) {
        for Trial { part, setting, before } in &self.trials {
            assert_ne!(read(self.knob, part).as_ref(), Some(before), "{part}: {setting}");
        }
    }

    #[track_caller]
    fn assert_back(&self) {
        for Trial { part, setting, before } in &self.trials {
            assert_eq!(read(self.knob, part).as_ref(), Some(before), "{part} after {setting}");
        }
    }
}

/// The knobs that can be tried here; of the others it is said why not.
fn usable<'m>(bench: &Bench, machine: &'m Linux) -> Vec<Trials<'m>> {
    let try_it = |kind: KnobKind| {
        if let Some((_, place)) = ELSEWHERE.iter().find(|(elsewhere, _)| *elsewhere == kind) {
            skipped(kind.name(), format!("proven in {place}"));
            return None;
        }
        if ONLY_IN_THE_MACHINE.contains(&kind) && !plant::is_here() {
            skipped(kind.name(), "others work here");
            return None;
        }
        let trials = Trials::of(machine.knob(kind));
        if trials.trials.is_empty() {
            skipped(kind.name(), "no part takes the value that it is tried with");
            return None;
        }
        Some(trials)
    };
    bench.usable(|kind| !kind.is_of_job()).into_iter().filter_map(try_it).collect()
}

#[test]
fn each_keeps_to_the_laws() {
    if !nix::unistd::geteuid().is_root() {
        return skipped("part", "needs root");
    }
    let bench = Bench::new();
    let machine = bench.machine();
    for trials in usable(&bench, &machine) {
        let tried = Tried {
            bench: &bench,
            wishes: trials.wishes(),
            jobs: Vec::new(),
            assert_held: &|| trials.assert_held(),
            assert_as_before: &|| trials.assert_back(),
        };
        tried.by_all_laws();
        proven(trials.knob.kind().name());
    }
}
