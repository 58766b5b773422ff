//! Limits of groups with what they need and what they exclude, on a machine in memory that refuses what the kernel refuses.

use super::*;
use crate::claim::Controller;
use crate::knob::{Reach, Value};

fn limit(rig: &Rig, kind: KnobKind) -> Option<Value> {
    let state = rig.state.borrow();
    let group = state.groups.iter().find(|(path, _)| path.starts_with("/plotwarden/"))?.1;
    group.limits.get(&kind).cloned()
}

fn handed(rig: &Rig, controller: Controller) -> Reach {
    rig.state.borrow().handed[&controller].0
}

#[test]
fn only_the_controllers_that_limits_need_are_handed_down() {
    let mut rig = Rig::new();
    rig.want(KnobKind::MemoryMax, 0);
    let done = |kind| (kind, Action::Apply, "done");
    assert_eq!(outcomes(&rig.tick()), [KnobKind::Controllers, KnobKind::Group, KnobKind::MemoryMax].map(done));
    let reach = |rig: &Rig| Controller::ALL.map(|controller| handed(rig, controller));
    assert_eq!(reach(&rig), [Reach::Nowhere, Reach::Nowhere, Reach::Nowhere, Reach::Jobs, Reach::Nowhere]);
    rig.want(KnobKind::PidsMax, 0);
    rig.tick();
    assert_eq!(reach(&rig)[3..], [Reach::Jobs, Reach::Jobs]);
    rig.unwant(KnobKind::MemoryMax);
    rig.tick();
    assert_eq!(limit(&rig, KnobKind::PidsMax), Some(Value::Number(10)), "what is left is not touched");
    rig.unwant(KnobKind::PidsMax);
    rig.tick();
    assert_eq!(reach(&rig)[3..], [Reach::OurGroup, Reach::Nowhere], "memory was handed down before us");
    rig.assert_as_before();
}

#[test]
fn what_somebody_else_hands_down_meanwhile_stays() {
    let mut rig = Rig::new();
    rig.want(KnobKind::CpuQuota, 0);
    rig.tick();
    rig.state.borrow_mut().handed.insert(Controller::Io, (Reach::OurGroup, Reach::OurGroup));
    assert_eq!(rig.tick(), []);
    rig.unwant(KnobKind::CpuQuota);
    rig.tick();
    rig.assert_as_before();
}

/// Taken back too early, a controller would take the limit along.
#[test]
fn a_limit_that_cannot_be_lifted_keeps_its_controller_and_its_group() {
    let mut rig = Rig::new();
    rig.want(KnobKind::CpuQuota, 0);
    rig.tick();
    rig.unwant(KnobKind::CpuQuota);
    rig.state.borrow_mut().refuse_writes.insert(KnobKind::CpuQuota, libc::EBUSY);
    let reports = rig.tick();
    assert!(is_failed(&reports[0]) && reports.len() == 1, "{reports:?}");
    assert_eq!(
        (handed(&rig, Controller::Cpu), limit(&rig, KnobKind::CpuQuota)),
        (Reach::Jobs, Some(Value::Number(10)))
    );
    rig.state.borrow_mut().refuse_writes.clear();
    rig.seconds += 60;
    rig.tick();
    rig.assert_as_before();
}

/// The kernel has no weight for a group of idle tasks, and forgets the one that it had.
#[test]
fn a_job_that_runs_only_when_others_do_not_has_no_weight() {
    let mut rig = Rig::new();
    rig.want(KnobKind::CpuWeight, 1);
    rig.tick();
    rig.want(KnobKind::CpuIdle, 0);
    let said = outcomes(&rig.tick());
    assert!(said.contains(&(KnobKind::CpuWeight, Action::Apply, "protected")), "{said:?}");
    assert!(said.contains(&(KnobKind::CpuWeight, Action::Restore, "done")), "{said:?}");
    assert_eq!(limit(&rig, KnobKind::CpuIdle), Some(Value::Number(1)));
    rig.unwant(KnobKind::CpuIdle);
    rig.tick();
    assert_eq!(limit(&rig, KnobKind::CpuWeight), Some(Value::Number(20)), "the weight is back");
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

/// A thread in a set of CPUs shows the set for its own affinity, which would be taken for the value before us.
#[test]
fn a_set_of_cpus_stands_in_the_way_of_affinity() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Affinity, 1);
    rig.want(KnobKind::CpuSet, 0);
    let said = outcomes(&rig.tick());
    assert!(said.contains(&(KnobKind::Affinity, Action::Apply, "protected")), "{said:?}");
    assert_eq!(limit(&rig, KnobKind::CpuSet), Some(Value::Set([0].into())));
    rig.unwant(KnobKind::CpuSet);
    rig.tick();
    let state = rig.state.borrow();
    assert!(state.processes[&PLOTTER].threads.values().all(|thread| thread.values.cpus == [1, 2].into()));
    drop(state);
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn a_job_that_gets_no_group_keeps_to_its_cpus_by_affinity() {
    let mut rig = Rig::new();
    {
        let mut state = rig.state.borrow_mut();
        state.group("/limited", true);
        for process in state.processes.values_mut() {
            (process.group, process.native_group) = ("/limited".to_owned(), "/limited".to_owned());
        }
    }
    rig.want(KnobKind::Affinity, 1);
    rig.want(KnobKind::CpuSet, 0);
    rig.tick();
    rig.seconds += 60;
    assert!(outcomes(&rig.tick()).contains(&(KnobKind::Affinity, Action::Apply, "done")));
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}
