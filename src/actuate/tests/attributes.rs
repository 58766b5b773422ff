//! Every knob that is an attribute, over a tree of files laid out as the kernel does it: applied, put back on each way out, left
//! alone when somebody else or another device came in between.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::*;
use crate::knob::{Catalogued, GroupUse, Linux, Machine, catalogued};

/// A machine of files.
struct Laid {
    dir: tempfile::TempDir,
    actuator: Option<Actuator>,
    seconds: u64,
}

impl Laid {
    fn new(attributes: &[Catalogued]) -> Self {
        let dir = run_dir();
        for attribute in attributes {
            attribute.lay_out(dir.path());
        }
        let boot_id = dir.path().join("proc/sys/kernel/random/boot_id");
        fs::create_dir_all(boot_id.parent().unwrap()).unwrap();
        fs::write(boot_id, "boot\n").unwrap();
        let mut laid = Self { dir, actuator: None, seconds: 10 };
        laid.open();
        laid
    }

    fn roots(&self) -> Roots {
        let at = |below: &str| self.dir.path().join(below);
        Roots { procfs: at("proc"), sysfs: at("sys"), run: at("run"), ..Roots::standard() }
    }

    fn open(&mut self) {
        self.actuator = None;
        let machine = Box::new(Linux::new(&self.roots(), GroupUse::Free));
        let now = moment(self.seconds);
        self.actuator = Some(Actuator::open(&self.roots(), machine, Mode::Enforce, now).unwrap().0);
    }

    fn tick(&mut self, wanted: &Wanted) -> Vec<Report> {
        self.seconds += 1;
        self.actuator.as_mut().unwrap().tick(moment(self.seconds), wanted, &[])
    }

    fn restore(&self) -> RestoreReport {
        super::super::restore(&self.roots(), moment(self.seconds), Duration::ZERO).unwrap()
    }
}

fn wanted(attribute: &Catalogued) -> Wanted {
    let holders = vec![Claimant { class: Class::Budget, priority: 500, policy: "calm".to_owned() }];
    let want = Want { setting: attribute.other.clone(), bound: Bound::Exactly, holders, reason: "test" };
    let key = (Target::Part(attribute.part.clone()), attribute.kind);
    Wanted { settings: [(key, want)].into(), ..Wanted::default() }
}

fn text(laid: &Laid, attribute: &Catalogued) -> String {
    fs::read_to_string(attribute.path(laid.dir.path())).unwrap().trim().to_owned()
}

#[test]
fn each_is_written_and_goes_back_when_nobody_wants_it_any_more() {
    for attribute in catalogued() {
        let mut laid = Laid::new(std::slice::from_ref(&attribute));
        let name = attribute.kind.name();
        assert_eq!(outcomes(&laid.tick(&wanted(&attribute))), [(attribute.kind, Action::Apply, "done")], "{name}");
        assert_eq!(text(&laid, &attribute), attribute.written, "{name}");
        assert_eq!(laid.tick(&wanted(&attribute)), [], "{name}: a second tick does nothing");
        assert_eq!(outcomes(&laid.tick(&Wanted::default())), [(attribute.kind, Action::Restore, "done")], "{name}");
        assert_eq!(text(&laid, &attribute), attribute.before, "{name}");
    }
}

#[test]
fn each_goes_back_on_every_way_out() {
    for attribute in catalogued() {
        let name = attribute.kind.name();
        let held = || {
            let mut laid = Laid::new(std::slice::from_ref(&attribute));
            laid.tick(&wanted(&attribute));
            laid
        };
        let mut ended = held();
        let report = ended.actuator.take().unwrap().shutdown(moment(20), &BTreeSet::default()).unwrap();
        assert!(report.is_complete(), "{report}");
        assert_eq!(text(&ended, &attribute), attribute.before, "{name} after SIGTERM");

        let mut restarted = held();
        restarted.open();
        assert_eq!(restarted.tick(&wanted(&attribute)), [], "{name} is adopted by the next one");
        restarted.tick(&Wanted::default());
        assert_eq!(text(&restarted, &attribute), attribute.before, "{name} after a restart");

        let mut killed = held();
        killed.actuator = None;
        assert!(killed.restore().is_complete());
        assert_eq!(text(&killed, &attribute), attribute.before, "{name} after SIGKILL");

        let mut rebooted = held();
        rebooted.actuator = None;
        fs::write(rebooted.dir.path().join("proc/sys/kernel/random/boot_id"), "another boot\n").unwrap();
        assert!(rebooted.restore().reports.is_empty(), "{name}: what another boot wrote died with it");
        assert_eq!(text(&rebooted, &attribute), attribute.written);
    }
}

#[test]
fn what_somebody_else_has_set_since_is_left_alone() {
    for attribute in catalogued() {
        let mut laid = Laid::new(std::slice::from_ref(&attribute));
        laid.tick(&wanted(&attribute));
        fs::write(attribute.path(laid.dir.path()), format!("{}\n", attribute.foreign)).unwrap();
        let name = attribute.kind.name();
        assert_eq!(outcomes(&laid.tick(&wanted(&attribute))), [(attribute.kind, Action::Apply, "foreign")], "{name}");
        laid.tick(&Wanted::default());
        assert!(laid.restore().is_complete());
        assert_eq!(text(&laid, &attribute), attribute.foreign, "{name}");
    }
}

#[test]
fn a_disk_that_was_exchanged_is_not_the_one_that_was_changed() {
    let attributes = catalogued();
    let scheduler = attributes.iter().find(|attribute| attribute.kind == KnobKind::IoScheduler).unwrap();
    let mut laid = Laid::new(std::slice::from_ref(scheduler));
    let serial = laid.dir.path().join(format!("sys/block/{}/diskseq", scheduler.part.name));
    fs::write(&serial, "1\n").unwrap();
    laid.tick(&wanted(scheduler));
    fs::write(&serial, "2\n").unwrap();
    assert!(laid.restore().is_complete());
    assert_eq!(text(&laid, scheduler), scheduler.written, "a stranger's disk is not touched");
}

#[test]
fn a_part_that_is_not_there_is_refused_by_name() {
    let attributes = catalogued();
    let mut laid = Laid::new(&attributes);
    let governor = attributes.iter().find(|attribute| attribute.kind == KnobKind::CpuGovernor).unwrap();
    let mut elsewhere = wanted(governor);
    let (_, want) = elsewhere.settings.pop_first().unwrap();
    let part = crate::claim::Part::new(governor.part.class, "77");
    elsewhere.settings.insert((Target::Part(part), governor.kind), want);
    let reports = laid.tick(&elsewhere);
    let Outcome::Failed { error } = &reports[0].outcome else { panic!("{reports:?}") };
    assert!(error.starts_with("cpu-policy/77 has no cpu-governor: "), "{error}");
    assert!(Path::new(error.split(": ").nth(1).unwrap().trim_end_matches(" is not there")).is_absolute(), "{error}");
}

#[test]
fn each_is_found_and_told_with_its_parts() {
    let attributes = catalogued();
    let laid = Laid::new(&attributes);
    let machine = Linux::new(&laid.roots(), GroupUse::Free);
    for attribute in &attributes {
        let knob = machine.knob(attribute.kind);
        assert!(knob.parts().contains(&attribute.part), "{}", attribute.kind.name());
        assert_eq!(knob.probe().reason, "", "{}", attribute.kind.name());
    }
}
