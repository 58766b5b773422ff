//! What every knob owes, each kind by itself on the machine in memory: four ways out, a foreign writer, refusals and rounding.

use std::collections::BTreeSet;

use super::*;
use crate::knob::fake::no_limit;

/// The kind with what it needs.
fn held(kind: KnobKind) -> Rig {
    let mut rig = Rig::new();
    rig.want(kind, 0);
    let reports = rig.tick();
    assert!(reports.iter().all(|report| report.outcome == Outcome::Done), "{}: {reports:#?}", kind.name());
    assert!(reports.iter().any(|report| report.knob == kind), "{}: {reports:#?}", kind.name());
    assert_ne!(rig.differences(), Vec::<String>::new(), "{} was changed", kind.name());
    rig
}

fn each(mut contract: impl FnMut(KnobKind)) {
    for &kind in KnobKind::ALL {
        contract(kind);
    }
}

#[test]
fn an_end_by_sigterm_puts_it_back() {
    each(|kind| {
        let mut rig = held(kind);
        let report = rig.actuator.take().unwrap().shutdown(moment(20), &BTreeSet::new()).unwrap();
        assert!(report.is_complete(), "{}: {report}", kind.name());
        rig.assert_as_before();
    });
}

#[test]
fn a_restart_adopts_it_without_a_write_and_puts_it_back_later() {
    each(|kind| {
        let mut rig = held(kind);
        let writes = rig.state.borrow().writes;
        rig.open();
        assert_eq!(rig.tick(), [], "{}", kind.name());
        assert_eq!(rig.state.borrow().writes, writes, "{} is written once", kind.name());
        rig.unwant(kind);
        rig.tick();
        rig.assert_as_before();
    });
}

#[test]
fn an_end_by_sigkill_at_any_step_is_made_good() {
    each(|kind| {
        for step in 1.. {
            let mut rig = Rig::new();
            rig.want(kind, 0);
            let died = rig.tick_and_die(step);
            let report = rig.restore();
            assert!(report.is_complete(), "{} dead at step {step}: {report}", kind.name());
            rig.assert_as_before();
            if !died {
                break;
            }
        }
    });
}

#[test]
fn after_a_power_failure_nothing_of_the_last_boot_is_written() {
    each(|kind| {
        let mut rig = held(kind);
        rig.actuator = None;
        // Knobs die with the boot, and what they are now was set by somebody since.
        rig.state.borrow_mut().boot_id = "later boot".to_owned();
        let writes = rig.state.borrow().writes;
        let report = rig.restore();
        assert!(report.is_complete() && report.reports.is_empty(), "{}: {report}", kind.name());
        assert_eq!((rig.state.borrow().writes, rig.records()), (writes, 0), "{}", kind.name());
    });
}

#[test]
fn what_is_refused_changes_nothing_and_is_not_asked_again_at_once() {
    for errno in [libc::EPERM, libc::EINVAL, libc::EBUSY, libc::EIO] {
        each(|kind| {
            let mut rig = Rig::new();
            rig.state.borrow_mut().refuse_writes.insert(kind, errno);
            rig.want(kind, 0);
            let failed: Vec<_> = rig.tick().into_iter().filter(is_failed).map(|report| report.knob).collect();
            assert_eq!(failed, [kind], "errno {errno}");
            let steps = rig.state.borrow().steps;
            assert_eq!(rig.tick(), [], "{}: said once", kind.name());
            let again = rig.state.borrow().steps - steps;
            assert!(again <= 12, "{}: {again} operations while held back", kind.name());
            rig.unwant(kind);
            rig.seconds += 60;
            rig.tick();
            rig.assert_as_before();
        });
    }
}

#[test]
fn what_has_gone_is_no_error() {
    for errno in [libc::ENOENT, libc::ENODEV] {
        each(|kind| {
            let mut rig = Rig::new();
            rig.state.borrow_mut().refuse_writes.insert(kind, errno);
            rig.want(kind, 0);
            assert!(!rig.tick().iter().any(is_failed), "{} with errno {errno}", kind.name());
        });
    }
}

#[test]
fn a_limit_is_lifted_in_a_group_that_stays() {
    each(|kind| {
        if !kind.is_of_group() {
            return;
        }
        let mut rig = held(kind);
        rig.want(KnobKind::Group, 0);
        rig.unwant(kind);
        rig.tick();
        let state = rig.state.borrow();
        let group = state.groups.iter().find(|(path, _)| path.starts_with("/plotwarden/")).unwrap().1;
        // With the last limit its controller goes, and the file with it.
        assert!(group.limits.get(&kind).is_none_or(|limit| *limit == no_limit(kind)), "{}", kind.name());
        assert!(state.processes.values().all(|process| process.group.starts_with("/plotwarden/")));
    });
}

/// A part that the kernel rounds is ours as it was rounded, and goes back exactly.
#[test]
fn a_rounded_number_is_ours_and_goes_back_exactly() {
    each(|kind| {
        let Setting::Number(..) = setting(kind, 0) else { return };
        let mut rig = Rig::new();
        rig.state.borrow_mut().rounding = 7;
        rig.want(kind, 0);
        assert!(!rig.tick().iter().any(is_failed), "{}", kind.name());
        for _ in 0..3 {
            assert_eq!(rig.tick(), [], "{}: the rounded value is not taken for a stranger's", kind.name());
        }
        rig.unwant(kind);
        rig.tick();
        rig.assert_as_before();
    });
}

#[test]
fn in_dry_run_nothing_is_written_and_each_is_counted_once() {
    each(|kind| {
        let mut rig = Rig::new();
        rig.open_in(Mode::DryRun);
        rig.want(kind, 0);
        assert_eq!(outcomes(&rig.tick()), [(kind, Action::Apply, "skipped")]);
        assert_eq!(rig.tick(), []);
        assert_eq!((rig.state.borrow().writes, rig.records()), (0, 0));
        rig.assert_as_before();
    });
}

#[test]
fn a_foreign_value_of_a_part_is_left_alone_and_stays() {
    each(|kind| {
        // What others hand down besides is none of our business.
        if kind.is_of_job() || kind == KnobKind::Controllers {
            return;
        }
        let mut rig = held(kind);
        {
            let mut state = rig.state.borrow_mut();
            let found = state.parts.get_mut(&(kind, part(kind))).unwrap();
            found.value = crate::knob::Value::Word("somebody else's".to_owned());
            found.native = found.value.clone();
        }
        assert_eq!(outcomes(&rig.tick()), [(kind, Action::Apply, "foreign")]);
        assert_eq!(rig.tick(), [], "said once");
        rig.unwant(kind);
        rig.tick();
        rig.assert_as_before();
    });
}

#[test]
fn a_part_that_was_exchanged_is_not_the_one_that_was_changed() {
    each(|kind| {
        // What others hand down besides is none of our business.
        if kind.is_of_job() || kind == KnobKind::Controllers {
            return;
        }
        let mut rig = held(kind);
        {
            let mut state = rig.state.borrow_mut();
            let found = state.parts.get_mut(&(kind, part(kind))).unwrap();
            found.device = "serial 2".to_owned();
            found.native = found.value.clone();
        }
        rig.unwant(kind);
        rig.tick();
        rig.assert_as_before();
    });
}
