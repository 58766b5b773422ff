//! Deadlines: what is wanted never comes near its own, what nobody renews is put back, and no pause lasts for ever.

use std::collections::BTreeMap;

use super::*;
use crate::actuate::journal::Journal;
use crate::actuate::restore::restore_lapsed;

fn journal(rig: &Rig) -> Journal {
    Journal::at(&rig.roots().run)
}

fn deadlines(rig: &Rig) -> BTreeMap<(Target, KnobKind), u64> {
    let records = journal(rig).load("boot").unwrap().records;
    records.into_iter().map(|record| ((record.target, record.knob), record.until_ms)).collect()
}

/// Whether anything lapses within so many seconds from now.
fn lapses_within(rig: &Rig, seconds: u64) -> bool {
    journal(rig).has_lapsed((rig.seconds + seconds) * 1000)
}

/// What the guard does when it finds that something has lapsed.
fn recall(rig: &Rig) -> RestoreReport {
    let run = RunDir::open(&rig.roots().run).unwrap();
    let _section = run.section(Duration::ZERO).unwrap();
    restore_lapsed(&Fake::new(&rig.state), &run, moment(rig.seconds)).unwrap()
}

fn is_paused(rig: &Rig) -> bool {
    let state = rig.state.borrow();
    state.processes[&PLOTTER].stopped || state.groups.values().any(|group| group.frozen)
}

#[test]
fn what_is_wanted_is_renewed_in_time_seldom_and_never_all_at_once() {
    let mut rig = Rig::new();
    for &kind in KnobKind::ALL {
        rig.want(kind, 0);
    }
    rig.tick();
    let (mut before, mut writes) = (deadlines(&rig), 0);
    assert!(before.len() > 40, "{}", before.len());
    for _ in 0..200 {
        rig.tick();
        assert!(!lapses_within(&rig, 4));
        let now = deadlines(&rig);
        let renewed = now.iter().filter(|(key, until_ms)| before[key] != **until_ms).count();
        assert!(renewed <= 17, "{renewed} in one tick");
        writes += renewed;
        before = now;
    }
    // Each of them once in that time, and a pause each ten seconds.
    assert!(writes <= before.len() + 20, "{writes} writes for {} records", before.len());
}

#[test]
fn what_is_forgotten_is_put_back_and_taken_up_again() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    assert!(recall(&rig).is_empty(), "everything is in time");
    rig.seconds += 21;
    let report = recall(&rig);
    assert!(report.is_complete() && !is_paused(&rig), "{report}");
    let differences = rig.differences();
    // Those of the job begin with the number of a process.
    assert!(!differences.iter().any(|it| it.starts_with(char::is_numeric)), "only the machine's: {differences:#?}");
    assert!(rig.records() > 0);
    rig.tick();
    assert!(is_paused(&rig), "it is wanted again");
    rig.seconds += 301;
    assert!(recall(&rig).is_complete());
    rig.assert_as_before();
}

/// The main process wakes with the machine: one tick, and everything is in time again.
#[test]
fn after_a_long_sleep_one_tick_renews_everything() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    rig.seconds += 3600;
    assert!(lapses_within(&rig, 0));
    rig.tick();
    assert!(!lapses_within(&rig, 4));
}

#[test]
fn what_cannot_be_put_back_is_left_to_lapse() {
    let mut rig = Rig::new();
    rig.want(KnobKind::IoScheduler, 0);
    rig.want(KnobKind::PowerLimit, 0);
    rig.tick();
    rig.state.borrow_mut().refuse_writes.insert(KnobKind::IoScheduler, libc::EIO);
    rig.unwant(KnobKind::IoScheduler);
    for _ in 0..301 {
        rig.tick();
    }
    assert!(lapses_within(&rig, 0));
    assert_eq!(recall(&rig).kept, 1);
    rig.state.borrow_mut().refuse_writes.clear();
    assert!(recall(&rig).is_complete());
    assert_eq!(deadlines(&rig).into_keys().map(|(_, kind)| kind).collect::<Vec<_>>(), [KnobKind::PowerLimit]);
}

#[test]
fn a_record_that_cannot_be_renewed_lapses_alone_and_is_tried_again() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 0);
    rig.want(KnobKind::PowerLimit, 0);
    rig.tick();
    let records = std::fs::read_dir(rig.roots().run.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let nice = records.into_iter().find(|path| path.to_str().unwrap().ends_with(".nice.json")).unwrap();
    // Where the new record is to be written, there is no room for it.
    let blocked = nice.with_extension("tmp");
    std::fs::create_dir(&blocked).unwrap();
    for _ in 0..301 {
        rig.tick();
    }
    std::fs::remove_dir(&blocked).unwrap();
    let lapsed = deadlines(&rig).into_iter().filter(|(_, until_ms)| *until_ms <= rig.seconds * 1000);
    assert_eq!(lapsed.map(|((_, kind), _)| kind).collect::<Vec<_>>(), [KnobKind::Nice]);
    rig.tick();
    assert!(!lapses_within(&rig, 100));
}

#[test]
fn no_pause_lasts_longer_than_a_day() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Pause, 0);
    for _ in 0..23 {
        rig.tick();
        assert!(is_paused(&rig));
        rig.seconds += 3600;
    }
    rig.seconds += 3600;
    let reports = rig.tick();
    assert!(reports.iter().any(|report| report.outcome.name() == "protected"), "{reports:#?}");
    for _ in 0..3 {
        assert!(!is_paused(&rig));
        rig.tick();
    }
    rig.unwant(KnobKind::Pause);
    rig.tick();
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    assert!(is_paused(&rig), "another pause is another one");
}
