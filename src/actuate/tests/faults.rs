//! What goes wrong: refusals, full disks, damaged records, other boots, and somebody who restores behind our back.

use super::*;
use crate::kernel::KernelError;

#[test]
fn a_refusal_is_said_once_and_tried_again_ever_more_seldom() {
    for errno in [libc::EPERM, libc::EINVAL, libc::EBUSY] {
        let mut rig = Rig::new();
        rig.state.borrow_mut().refuse_writes.insert(KnobKind::Nice, errno);
        rig.want(KnobKind::Nice, 0);
        let reports = rig.tick();
        assert!(matches!(reports.as_slice(), [report] if is_failed(report)), "{reports:?}");
        let mut tries = 0;
        for _ in 0..600 {
            let before = rig.state.borrow().steps;
            assert_eq!(rig.tick(), []);
            tries += usize::from(rig.state.borrow().steps > before);
        }
        assert!((13..=17).contains(&tries), "{tries} tries in ten minutes");
        rig.state.borrow_mut().refuse_writes.clear();
        rig.seconds += 60;
        assert_eq!(outcomes(&rig.tick()), [(KnobKind::Nice, Action::Apply, "done")]);
        rig.unwant(KnobKind::Nice);
        rig.tick();
        rig.assert_as_before();
    }
}

#[test]
fn a_refused_knob_does_not_hold_up_the_others() {
    let mut rig = Rig::new();
    rig.state.borrow_mut().refuse_writes.insert(KnobKind::Group, libc::EBUSY);
    rig.want_all(0);
    let said = outcomes(&rig.tick());
    let outcome = |kind| if kind == KnobKind::Group { "failed" } else { "done" };
    assert_eq!(said, SORTS.map(|kind| (kind, Action::Apply, outcome(kind))));
    rig.wanted.settings.clear();
    rig.tick();
    rig.seconds += 10;
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn what_has_ended_is_no_error() {
    for errno in [libc::ESRCH, libc::ENOENT, libc::ENODEV] {
        let mut rig = Rig::new();
        rig.want_all(0);
        // All but the root group may end.
        let writes = SORTS.into_iter().filter(|kind| *kind != KnobKind::Controllers).map(|kind| (kind, errno));
        rig.state.borrow_mut().refuse_writes.extend(writes);
        assert!(!rig.tick().iter().any(is_failed));
    }
}

#[test]
fn a_pause_that_cannot_be_lifted_is_tried_each_tick() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    rig.state.borrow_mut().refuse_writes.insert(KnobKind::Pause, libc::EPERM);
    rig.unwant(KnobKind::Pause);
    assert!(rig.tick().iter().any(is_failed));
    assert_eq!(rig.tick(), [], "said once");
    rig.state.borrow_mut().refuse_writes.clear();
    assert_eq!(outcomes(&rig.tick()), [(KnobKind::Pause, Action::Restore, "done")]);
    rig.assert_as_before();
}

#[test]
fn a_job_that_ends_while_paused_leaves_nothing() {
    let mut rig = Rig::new();
    rig.want_all_of_job(0);
    rig.tick();
    rig.state.borrow_mut().processes.clear();
    let reports = rig.tick();
    assert!(reports.iter().all(|report| report.action == Action::Restore && !is_failed(report)), "{reports:?}");
    rig.assert_as_before();
    assert_eq!(rig.tick(), []);
}

#[test]
fn a_number_that_is_used_again_is_another_process() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    rig.state.borrow_mut().processes.remove(&PLOTTER);
    rig.state.borrow_mut().spawn(PLOTTER, 1);
    let stranger = rig.state.borrow().processes[&PLOTTER].clone();
    rig.tick();
    rig.wanted.settings.clear();
    rig.tick();
    assert_eq!(rig.state.borrow().processes[&PLOTTER], stranger);
    rig.assert_as_before();
}

#[test]
fn a_main_process_that_was_stopped_believes_the_journal_and_not_itself() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    assert!(rig.restore().is_complete());
    rig.assert_as_before();
    // Continued: what it wants is journaled and written again, and nothing counts as changed by somebody else.
    let said = outcomes(&rig.tick());
    assert_eq!(said, SORTS.map(|kind| (kind, Action::Apply, "done")));
    assert_eq!(rig.records(), SORTS.len());
    rig.restore();
    rig.wanted.settings.clear();
    assert_eq!(rig.tick(), []);
    rig.assert_as_before();
}

#[test]
fn the_tick_waits_for_nobody_who_never_ends() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 0);
    let other = RunDir::open(&rig.roots().run).unwrap();
    let section = other.section(Duration::ZERO).unwrap();
    assert!(rig.tick().iter().all(is_failed));
    assert_eq!(rig.state.borrow().writes, 0);
    drop(section);
    rig.seconds += 5;
    assert_eq!(outcomes(&rig.tick()), [(KnobKind::Nice, Action::Apply, "done")]);
}

#[test]
fn records_of_another_boot_are_void() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 0);
    rig.tick();
    let writes = rig.state.borrow().writes;
    rig.state.borrow_mut().boot_id = "later".to_owned();
    assert!(rig.restore().reports.is_empty());
    assert_eq!((rig.records(), rig.state.borrow().writes), (0, writes));
}

#[test]
fn a_group_made_again_under_the_same_path_is_another_one() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Group, 0);
    rig.tick();
    let path = rig.actuator.as_ref().unwrap().group_of(&rig.id()).unwrap();
    rig.state.borrow_mut().processes.clear();
    rig.state.borrow_mut().groups.remove(&path);
    rig.state.borrow_mut().group(&path, false);
    rig.restore();
    assert!(rig.state.borrow().groups.contains_key(&path), "not ours, not removed");
    assert_eq!(rig.records(), 0);
}

#[test]
fn an_original_group_that_is_gone_is_replaced_by_the_nearest_that_is_left() {
    let mut rig = Rig::new();
    rig.state.borrow_mut().group("/mine", false);
    rig.state.borrow_mut().processes.get_mut(&PLOTTER).unwrap().group = "/mine".to_owned();
    rig.want(KnobKind::Group, 0);
    rig.tick();
    rig.state.borrow_mut().groups.remove("/mine");
    rig.unwant(KnobKind::Group);
    rig.tick();
    assert_eq!(rig.state.borrow().processes[&PLOTTER].group, "/");
    rig.assert_as_before();
}

#[test]
fn a_damaged_record_is_put_aside_and_its_frozen_group_thawed() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    let journal = rig.roots().run.join("journal");
    for kind in ["group", "pause"] {
        std::fs::write(journal.join(format!("{}.{kind}.json", rig.id())), "{\"version\":").unwrap();
    }
    rig.wanted.settings.clear();
    rig.open();
    assert_eq!(rig.actuator.as_mut().unwrap().take_damaged().len(), 2);
    rig.tick();
    rig.assert_as_before();
}

/// A run directory on a tmpfs of a few pages, filled to the brim.
#[test]
fn a_full_run_directory_means_that_nothing_is_touched() {
    let Some(mount) = super::tmpfs::small_tmpfs() else { return };
    let mut rig = Rig::new();
    rig.actuator = None;
    let roots = Roots { run: mount.path().join("run"), ..rig.roots() };
    let open = |rig: &Rig, roots: &Roots| {
        Actuator::open(roots, Box::new(Fake::new(&rig.state)), Mode::Enforce, moment(rig.seconds)).unwrap().0
    };
    let mut actuator = open(&rig, &roots);
    rig.want(KnobKind::Pause, 0);
    actuator.tick(moment(20), &rig.wanted, &[rig.job()]);
    assert!(rig.state.borrow().processes[&PLOTTER].stopped);
    mount.fill();
    rig.want(KnobKind::Nice, 0);
    let writes = rig.state.borrow().writes;
    let reports = actuator.tick(moment(21), &rig.wanted, &[rig.job()]);
    assert!(matches!(reports.as_slice(), [report] if is_failed(report)), "{reports:?}");
    assert!(format!("{reports:?}").contains("free space"), "says what to do");
    assert_eq!(rig.state.borrow().writes, writes);
    actuator.beat(moment(22)).unwrap();
    // What was held before can still be put back, by whoever does it.
    drop(actuator);
    drop(open(&rig, &roots));
    let run = RunDir::open(&roots.run).unwrap();
    assert!(restore_on(&Fake::new(&rig.state), &run, moment(23), Duration::ZERO).unwrap().is_complete());
    rig.assert_as_before();
}

#[test]
fn an_error_of_the_run_directory_names_the_file() {
    let error: super::super::OpenError =
        KernelError::io("open", "/run/plotwarden/lock", std::io::Error::from_raw_os_error(libc::EACCES)).into();
    assert!(error.to_string().contains("/run/plotwarden/lock"));
}
