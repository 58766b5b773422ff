//! The contract of a knob: what holds of each of them on every machine. This is one text for all: `contract.rs` tries the machine in
//! memory by it, and `tests/knobs` the kernel that it runs on.
//!
//! What it takes a machine for that refuses, rounds, dies or is exchanged on command stands beside it in `contract.rs`; what a value
//! does to the hardware behind it, in `tests/knobs`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plotwarden::actuate::{Actuator, JobHandle, Outcome, Report, RestoreReport};
use plotwarden::arbiter::Wanted;
use plotwarden::clock::Moment;
use plotwarden::kernel::Roots;
use plotwarden::knob::Machine;
use plotwarden::mode::Mode;

/// A knob and what it is tried on.
pub trait Trial {
    fn roots(&self) -> Roots;

    fn machine(&self) -> Box<dyn Machine>;

    /// The knob at a value that it does not have by itself.
    fn wanted(&self) -> Wanted;

    fn jobs(&self) -> Vec<JobHandle>;

    /// Later with each call.
    fn now(&mut self) -> Moment;

    /// As `plotwarden restore` does it: from the journal alone.
    fn restore(&mut self) -> RestoreReport;

    fn assert_held(&self);

    fn assert_as_before(&self);

    /// How much was written to the machine so far, where that is counted.
    fn writes(&self) -> Option<usize> {
        None
    }
}

pub fn what_nobody_wants_any_more_goes_back(trial: &mut dyn Trial) {
    let mut actuator = hold(trial);
    let_go(trial, &mut actuator);
}

pub fn an_end_by_sigterm_puts_it_back(trial: &mut dyn Trial) {
    let actuator = hold(trial);
    let report = actuator.shutdown(trial.now(), &BTreeSet::new()).unwrap();
    assert!(report.is_complete(), "{report}");
    assert_as_before(trial);
}

pub fn a_restart_adopts_it_without_a_write_and_puts_it_back_later(trial: &mut dyn Trial) {
    drop(hold(trial));
    let writes = trial.writes();
    let mut next = open(trial, Mode::Enforce);
    assert_eq!(tick(trial, &mut next), []);
    assert_eq!(trial.writes(), writes);
    trial.assert_held();
    let_go(trial, &mut next);
}

pub fn an_end_by_sigkill_is_made_good(trial: &mut dyn Trial) {
    drop(hold(trial));
    let report = trial.restore();
    assert!(report.is_complete(), "{report}");
    assert_as_before(trial);
}

/// Knobs die with the boot, and what they are now was set by somebody since.
pub fn after_a_power_failure_nothing_of_the_last_boot_is_written(trial: &mut dyn Trial) {
    drop(hold(trial));
    let records = of_another_boot(trial);
    let writes = trial.writes();
    let report = trial.restore();
    assert!(report.is_complete() && report.reports.is_empty(), "{report}");
    assert_eq!((trial.writes(), journal(&trial.roots().run)), (writes, Vec::new()));
    trial.assert_held();
    for (path, text) in records {
        fs::write(path, text).unwrap();
    }
    assert!(trial.restore().is_complete());
    assert_as_before(trial);
}

pub fn in_dry_run_nothing_is_written_and_it_is_said_once(trial: &mut dyn Trial) {
    let writes = trial.writes();
    let mut actuator = open(trial, Mode::DryRun);
    let reports = tick(trial, &mut actuator);
    assert!(!reports.is_empty());
    assert!(reports.iter().all(|report| report.outcome == Outcome::Skipped), "{reports:#?}");
    assert_eq!(tick(trial, &mut actuator), []);
    assert_eq!(trial.writes(), writes);
    assert_as_before(trial);
}

/// All that it takes succeeds, and a second look finds nothing left to do.
fn hold(trial: &mut dyn Trial) -> Actuator {
    let mut actuator = open(trial, Mode::Enforce);
    let reports = tick(trial, &mut actuator);
    assert!(!reports.is_empty());
    assert!(reports.iter().all(|report| report.outcome == Outcome::Done), "{reports:#?}");
    assert_eq!(tick(trial, &mut actuator), []);
    trial.assert_held();
    actuator
}

fn let_go(trial: &mut dyn Trial, actuator: &mut Actuator) {
    let mut tick = || actuator.tick(trial.now(), &Wanted::default(), &trial.jobs());
    let reports = tick();
    assert!(reports.iter().all(|report| report.outcome == Outcome::Done), "{reports:#?}");
    assert_eq!(tick(), []);
    assert_as_before(trial);
}

fn assert_as_before(trial: &dyn Trial) {
    trial.assert_as_before();
    assert_eq!(journal(&trial.roots().run), Vec::<PathBuf>::new());
}

fn open(trial: &mut dyn Trial, mode: Mode) -> Actuator {
    Actuator::open(&trial.roots(), trial.machine(), mode, trial.now()).unwrap().0
}

fn tick(trial: &mut dyn Trial, actuator: &mut Actuator) -> Vec<Report> {
    actuator.tick(trial.now(), &trial.wanted(), &trial.jobs())
}

/// The records in a run directory.
fn journal(run: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.join("journal")).into_iter().flatten().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect()
}

/// Has all records speak of a boot that is over; returns them as they were.
fn of_another_boot(trial: &dyn Trial) -> Vec<(PathBuf, String)> {
    let this = format!("\"boot_id\":\"{}\"", trial.machine().boot_id().unwrap());
    let records = journal(&trial.roots().run).into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap()));
    let records: Vec<_> = records.collect();
    assert!(!records.is_empty());
    for (path, text) in &records {
        assert!(text.contains(&this), "{text}");
        fs::write(path, text.replace(&this, "\"boot_id\":\"over\"")).unwrap();
    }
    records
}
