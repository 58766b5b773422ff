//! What every knob owes, each kind by itself on the machine in memory: the laws that hold everywhere, and what it takes a machine for
//! that dies at any step, refuses, rounds, is meddled with or exchanged on command.

use super::law::{self, Trial};
use super::*;
use crate::knob::Machine;
use crate::knob::fake::{FakePart, no_limit};

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

impl Trial for Rig {
    fn roots(&self) -> Roots {
        self.roots()
    }

    fn machine(&self) -> Box<dyn Machine> {
        Box::new(Fake::new(&self.state))
    }

    fn wanted(&self) -> Wanted {
        self.wanted.clone()
    }

    fn jobs(&self) -> Vec<JobHandle> {
        vec![self.job()]
    }

    fn now(&mut self) -> Moment {
        self.seconds += 1;
        moment(self.seconds)
    }

    fn restore(&mut self) -> RestoreReport {
        self.restore()
    }

    fn assert_held(&self) {
        assert_ne!(self.differences(), Vec::<String>::new());
    }

    fn assert_as_before(&self) {
        self.assert_as_before();
    }

    fn writes(&self) -> Option<usize> {
        Some(self.state.borrow().writes)
    }
}

/// Tries each kind by itself.
fn by(law: fn(&mut dyn Trial)) {
    each(|kind| {
        println!("{}", kind.name());
        let mut rig = Rig::new();
        rig.actuator = None;
        rig.want(kind, 0);
        law(&mut rig);
    });
}

#[test]
fn what_nobody_wants_any_more_goes_back() {
    by(law::what_nobody_wants_any_more_goes_back);
}

#[test]
fn an_end_by_sigterm_puts_it_back() {
    by(law::an_end_by_sigterm_puts_it_back);
}

#[test]
fn a_restart_adopts_it_without_a_write_and_puts_it_back_later() {
    by(law::a_restart_adopts_it_without_a_write_and_puts_it_back_later);
}

#[test]
fn an_end_by_sigkill_is_made_good() {
    by(law::an_end_by_sigkill_is_made_good);
}

#[test]
fn after_a_power_failure_nothing_of_the_last_boot_is_written() {
    by(law::after_a_power_failure_nothing_of_the_last_boot_is_written);
}

#[test]
fn in_dry_run_nothing_is_written_and_it_is_said_once() {
    by(law::in_dry_run_nothing_is_written_and_it_is_said_once);
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

/// Of each part that has a knob of its own, held: what others hand down besides is none of our business.
fn each_part(meddle: impl Fn(&mut FakePart), then: impl Fn(KnobKind, &mut Rig)) {
    each(|kind| {
        if kind.is_of_job() || kind == KnobKind::Controllers {
            return;
        }
        let mut rig = held(kind);
        meddle(rig.state.borrow_mut().parts.get_mut(&(kind, part(kind))).unwrap());
        then(kind, &mut rig);
        rig.unwant(kind);
        rig.tick();
        rig.assert_as_before();
    });
}

#[test]
fn a_foreign_value_of_a_part_is_left_alone_and_stays() {
    let meddle = |found: &mut FakePart| {
        found.value = crate::knob::Value::Word("somebody else's".to_owned());
        found.native = found.value.clone();
    };
    each_part(meddle, |kind, rig| {
        assert_eq!(outcomes(&rig.tick()), [(kind, Action::Apply, "foreign")]);
        assert_eq!(rig.tick(), [], "said once");
    });
}

#[test]
fn a_part_that_was_exchanged_is_not_the_one_that_was_changed() {
    let exchange = |found: &mut FakePart| {
        found.device = "serial 2".to_owned();
        found.native = found.value.clone();
    };
    each_part(exchange, |_, _| {});
}
