//! What cannot be undone: done once, for a reason, to whom it may be done.

use super::*;
use crate::actuate::{OperationOutcome, OperationReport};
use crate::claim::{Deed, Operation, Part, PartClass};
use crate::knob::Measured;

const GIB: u64 = 1 << 30;

/// Each deed with a target that has it, and what makes it worth doing.
fn deeds(rig: &Rig) -> Vec<(Deed, Target, Measured)> {
    let job = || Measured::Job { resident: GIB, anonymous: GIB, swapped: 0, swap_free: 2 * GIB };
    let nodes = Measured::Nodes { job: [(0, GIB)].into(), free: [(0, GIB), (1, 2 * GIB)].into() };
    let part = |class, name: &str| Target::Part(Part::new(class, name));
    vec![
        (Deed::Cool, rig.target(), job()),
        (Deed::PageOut, rig.target(), job()),
        (Deed::MovePages { from: [0].into(), to: [1].into() }, rig.target(), nodes),
        (Deed::Compact, part(PartClass::Node, "1"), Measured::Free { free: GIB, in_large_blocks: 0 }),
        (
            Deed::DropCaches,
            Target::Part(Part::machine()),
            Measured::Cache { pressure: 0.5, cached: GIB, total: 2 * GIB },
        ),
        (Deed::Reclaim { bytes: GIB }, rig.target(), Measured::Group { current: 2 * GIB }),
        (Deed::StandBy, part(PartClass::Disk, "sda"), Measured::Disk { rotational: true, in_flight: 0 }),
    ]
}

/// A paused job in a group of its own, on a machine where every operation does good.
fn ready() -> Rig {
    let mut rig = Rig::new();
    rig.want(KnobKind::Group, 0);
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    let measured = deeds(&rig).into_iter().map(|(deed, _, measured)| (deed.name(), measured));
    rig.state.borrow_mut().measured = measured.collect();
    rig
}

fn operation(deed: Deed, target: Target) -> Operation {
    let claimant = Claimant { class: Class::Slo, priority: 500, policy: "calm".to_owned() };
    Operation { deed, target, claimant, reason: "memory-pressure", dry_run: false }
}

fn operate(rig: &mut Rig, operation: &Operation) -> OperationReport {
    rig.seconds += 1;
    let job = rig.job();
    rig.actuator.as_mut().unwrap().operate(moment(rig.seconds), operation, &[job])
}

fn performed(rig: &Rig) -> usize {
    rig.state.borrow().performed.len()
}

#[test]
fn each_is_done_once_and_says_what_came_of_it() {
    let mut rig = ready();
    for (at, (deed, target, measured)) in deeds(&rig).into_iter().enumerate() {
        let operation = operation(deed.clone(), target);
        let report = operate(&mut rig, &operation);
        assert_eq!(report.outcome, OperationOutcome::Done, "{}", deed.name());
        let said = Some(measured.to_string());
        assert_eq!((report.before, report.after), (said.clone(), said));
        assert_eq!((report.claimant.policy.as_str(), report.reason), ("calm", "memory-pressure"));
        assert_eq!(rig.state.borrow().performed[at].0, deed);
    }
    let state = rig.state.borrow();
    let (_, scope) = &state.performed[0];
    assert_eq!(scope.processes, rig.job().processes);
    assert!(state.performed[5].1.group.as_ref().is_some_and(|(path, _)| path.starts_with("/plotwarden/")));
}

#[test]
fn a_second_one_waits_its_time_even_after_a_restart() {
    let mut rig = ready();
    for (deed, target, _) in deeds(&rig) {
        let operation = operation(deed.clone(), target);
        operate(&mut rig, &operation);
        let done = performed(&rig);
        assert!(matches!(operate(&mut rig, &operation).outcome, OperationOutcome::Declined { .. }), "{}", deed.name());
        rig.open();
        rig.tick();
        assert!(matches!(operate(&mut rig, &operation).outcome, OperationOutcome::Declined { .. }), "{}", deed.name());
        assert_eq!(performed(&rig), done);
        rig.seconds += 600;
        assert_eq!(operate(&mut rig, &operation).outcome, OperationOutcome::Done, "{}", deed.name());
    }
}

#[test]
fn dead_in_the_middle_it_is_not_done_again() {
    for step in 1..=3 {
        let mut rig = ready();
        let operation = operation(Deed::DropCaches, Target::Part(Part::machine()));
        let at = rig.state.borrow().steps + step;
        rig.state.borrow_mut().crash_at = Some(at);
        let died = catch_unwind(AssertUnwindSafe(|| operate(&mut rig, &operation))).is_err();
        assert!(died, "at step {step}");
        rig.state.borrow_mut().crash_at = None;
        rig.open();
        let again = operate(&mut rig, &operation).outcome;
        // Before the first write nothing was done, and nothing was entered.
        assert_eq!(again == OperationOutcome::Done, step == 1, "at step {step}: {again:?}");
        assert!(performed(&rig) <= 1);
    }
}

#[test]
fn without_a_reason_nothing_is_done_and_it_is_said_why() {
    let mut rig = ready();
    let calm = Measured::Cache { pressure: 0.0, cached: GIB, total: 2 * GIB };
    rig.state.borrow_mut().measured.insert("drop-caches", calm);
    let drop_caches = operation(Deed::DropCaches, Target::Part(Part::machine()));
    let report = operate(&mut rig, &drop_caches);
    assert!(matches!(&report.outcome, OperationOutcome::Declined { why } if why.contains("pressure")), "{report:?}");
    assert!(report.before.is_some(), "what it was judged by");
    rig.unwant(KnobKind::Pause);
    rig.tick();
    let page_out = operation(Deed::PageOut, rig.target());
    let report = operate(&mut rig, &page_out);
    assert!(matches!(&report.outcome, OperationOutcome::Declined { why } if why.contains("runs")), "{report:?}");
    // What cannot be measured is no reason either.
    rig.state.borrow_mut().measured.clear();
    for (deed, target, _) in deeds(&rig) {
        let report = operate(&mut rig, &operation(deed, target));
        assert!(matches!(report.outcome, OperationOutcome::Failed { .. }), "{report:?}");
    }
    assert_eq!(performed(&rig), 0);
}

#[test]
fn a_protected_process_keeps_its_memory() {
    let mut rig = ready();
    rig.state.borrow_mut().processes.get_mut(&WRAPPER).unwrap().comm = "chia_harvester".to_owned();
    for (deed, target, _) in deeds(&rig).into_iter().filter(|(_, target, _)| target.job().is_some()) {
        let report = operate(&mut rig, &operation(deed, target));
        assert!(matches!(report.outcome, OperationOutcome::Protected { .. }), "{report:?}");
    }
    let stranger = operation(Deed::Cool, Target::Job("nobody-1-1".into()));
    assert_eq!(operate(&mut rig, &stranger).outcome, OperationOutcome::Gone);
    assert_eq!(performed(&rig), 0);
}

#[test]
fn rehearsed_nothing_is_done_and_each_is_counted_in_its_time() {
    let mut rig = ready();
    let mut rehearsal = operation(Deed::DropCaches, Target::Part(Part::machine()));
    rehearsal.dry_run = true;
    assert_eq!(operate(&mut rig, &rehearsal).outcome, OperationOutcome::Skipped);
    assert!(matches!(operate(&mut rig, &rehearsal).outcome, OperationOutcome::Declined { .. }));
    rig.open_in(Mode::DryRun);
    for (deed, target, _) in deeds(&rig).into_iter().filter(|(deed, ..)| *deed == Deed::Compact) {
        assert_eq!(operate(&mut rig, &operation(deed, target)).outcome, OperationOutcome::Skipped);
    }
    rig.open_in(Mode::Off);
    rehearsal.dry_run = false;
    assert_eq!(operate(&mut rig, &rehearsal).outcome, OperationOutcome::Skipped);
    assert_eq!(performed(&rig), 0);
    assert!(!rig.roots().run.join("operations").exists());
}

#[test]
fn what_cannot_be_entered_is_not_done() {
    let mut rig = ready();
    // A directory in the way of the file, as a full run directory would be.
    std::fs::create_dir(rig.roots().run.join("operations.tmp")).unwrap();
    let report = operate(&mut rig, &operation(Deed::DropCaches, Target::Part(Part::machine())));
    assert!(matches!(&report.outcome, OperationOutcome::Failed { error } if error.contains("nothing was touched")));
    assert_eq!(performed(&rig), 0);
}

#[test]
fn refusals_are_said_and_the_target_fits() {
    for errno in [libc::EPERM, libc::EIO, libc::EBUSY] {
        let mut rig = ready();
        let at = rig.state.borrow().steps + 2;
        rig.state.borrow_mut().refuse.insert(at, errno);
        let report = operate(&mut rig, &operation(Deed::DropCaches, Target::Part(Part::machine())));
        assert!(matches!(report.outcome, OperationOutcome::Failed { .. }), "{report:?}");
    }
    let mut rig = ready();
    for (deed, ..) in deeds(&rig) {
        let nowhere = Target::Part(Part::new(PartClass::Fan, "hwmon0/pwm1"));
        let report = operate(&mut rig, &operation(deed, nowhere));
        assert!(matches!(report.outcome, OperationOutcome::Failed { .. }), "{report:?}");
    }
    assert_eq!(performed(&rig), 0);
}

#[test]
fn the_audit_file_tells_of_it() {
    let mut rig = ready();
    let report = operate(&mut rig, &operation(Deed::DropCaches, Target::Part(Part::machine())));
    let line = serde_json::to_value(crate::audit::Entry::of_operation(moment(1), &report)).unwrap();
    assert_eq!(line["policy"], "calm");
    assert_eq!((&line["writes"][0]["knob"], &line["writes"][0]["outcome"]), (&"drop-caches".into(), &"done".into()));
    assert_eq!(
        (&line["writes"][0]["target"], &line["writes"][0]["reason"]),
        (&"machine".into(), &"memory-pressure".into())
    );
}
