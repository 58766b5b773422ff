//! What cannot be undone, on the real kernel, as far as it harms nobody: on processes of the test's own.

use std::collections::BTreeSet;
use std::time::Duration;

use plotwarden::actuate::OperationOutcome;
use plotwarden::claim::{Claimant, Class, Deed, KnobKind, Operation, Part, PartClass, Target};
use plotwarden::knob::{GroupUse, Linux, Machine, Measured, Scope};

use crate::subject::{Subject, is_stopped};
use crate::{Bench, is_root, now, open, skip, wanted, within};

fn operation(deed: Deed, target: Target) -> Operation {
    let claimant = Claimant { class: Class::Slo, priority: 500, policy: "calm".to_owned() };
    Operation { deed, target, claimant, reason: "memory-pressure", dry_run: false }
}

/// `None` on a machine without memory nodes in sysfs.
fn nodes() -> Option<BTreeSet<u32>> {
    let online = std::fs::read_to_string("/sys/devices/system/node/has_memory").ok()?;
    let ends = online.trim().split(',').flat_map(|range| range.split('-')).filter_map(|number| number.parse().ok());
    Some(ends.collect())
}

#[test]
fn memory_is_advised_and_stays_what_it_is() {
    if !is_root() {
        skip!("needs root to advise the memory of others");
    }
    let bench = Bench::new(None);
    let mut subject = Subject::start();
    let job = subject.job();
    let machine = Linux::new(&bench.roots, GroupUse::Free);
    let scope = Scope { processes: job.processes.clone(), ..Scope::default() };
    let Measured::Job { resident, anonymous, .. } = machine.measure(&Deed::Cool, &scope).unwrap() else {
        panic!("a job's memory");
    };
    assert!(resident > anonymous && anonymous > 0);
    machine.perform(&Deed::Cool, &scope).unwrap();
    subject.ask("thread");
    // Who has ended, or is another one by now, is left alone.
    let mut stranger = job.plotter;
    stranger.start_ticks += 1;
    machine.perform(&Deed::Cool, &Scope { processes: vec![stranger], ..Scope::default() }).unwrap();
}

#[test]
fn a_paused_job_goes_to_swap_and_comes_back_whole() {
    if !is_root() {
        skip!("needs root to page out the memory of others");
    }
    let bench = Bench::new(None);
    let mut subject = Subject::start();
    let job = subject.job();
    let page_out = operation(Deed::PageOut, Target::Job(job.id.clone()));
    let mut actuator = open(&bench.roots);
    let jobs = std::slice::from_ref(&job);
    let declined = actuator.operate(now(), &page_out, jobs);
    assert!(matches!(declined.outcome, OperationOutcome::Declined { .. }), "it runs: {declined:?}");
    actuator.tick(now(), &wanted(&job, &[KnobKind::Pause]), jobs);
    assert!(within(Duration::from_secs(5), || is_stopped(job.plotter.pid)));
    let machine = Linux::new(&bench.roots, GroupUse::Free);
    let scope = Scope { processes: job.processes.clone(), ..Scope::default() };
    let measure = || match machine.measure(&Deed::PageOut, &scope).unwrap() {
        Measured::Job { anonymous, swapped, swap_free, .. } => (anonymous, swapped, swap_free),
        other => panic!("{other:?}"),
    };
    let (anonymous, swapped, swap_free) = measure();
    let report = actuator.operate(now(), &page_out, jobs);
    if swap_free < anonymous {
        assert!(matches!(&report.outcome, OperationOutcome::Declined { why } if why.contains("swap")), "{report:?}");
    } else {
        assert_eq!(report.outcome, OperationOutcome::Done, "{report:?}");
        assert!(measure().1 > swapped, "{report:?}");
        let again = actuator.operate(now(), &page_out, jobs);
        assert!(matches!(again.outcome, OperationOutcome::Declined { .. }), "{again:?}");
    }
    actuator.tick(now(), &wanted(&job, &[]), jobs);
    subject.ask("thread");
}

#[test]
fn pages_move_to_another_node() {
    let Some(nodes) = nodes().filter(|_| is_root()) else { skip!("needs root and NUMA") };
    let bench = Bench::new(None);
    let mut subject = Subject::start();
    let job = subject.job();
    let machine = Linux::new(&bench.roots, GroupUse::Free);
    let scope = Scope { processes: job.processes.clone(), ..Scope::default() };
    let on = |node: u32| {
        let deed = Deed::MovePages { from: [0].into(), to: [1].into() };
        match machine.measure(&deed, &scope).unwrap() {
            Measured::Nodes { job, .. } => job.get(&node).copied().unwrap_or(0),
            other => panic!("{other:?}"),
        }
    };
    let (Some(&first), Some(&last)) = (nodes.first(), nodes.last()) else { panic!("memory is on no node") };
    if first == last {
        assert!(on(first) > 0);
        machine.perform(&Deed::MovePages { from: nodes.clone(), to: nodes }, &scope).unwrap();
        return;
    }
    let mut actuator = open(&bench.roots);
    // Wherever it started: first all here, then all there. Pages of files that others map too do not move.
    for (from, to) in [(first, last), (last, first)] {
        let before = on(from);
        let deed = Deed::MovePages { from: [from].into(), to: [to].into() };
        let report = actuator.operate(now(), &operation(deed, Target::Job(job.id.clone())), std::slice::from_ref(&job));
        match report.outcome {
            OperationOutcome::Done => assert!(on(from) < before, "{report:?}"),
            // The second way waits its time.
            OperationOutcome::Declined { .. } => {}
            other => panic!("{other:?}"),
        }
        subject.ask("thread");
    }
}

/// Compaction takes CPU time from whoever works here, so it is done in the virtual machine only.
#[test]
fn the_memory_of_a_node_is_compacted() {
    let is_ours = std::fs::read_to_string("/sys/class/dmi/id/sys_vendor").is_ok_and(|vendor| vendor.trim() == "Farmer");
    if !is_ours || !is_root() {
        skip!("compaction is for the virtual machine");
    }
    let bench = Bench::new(None);
    let machine = Linux::new(&bench.roots, GroupUse::Free);
    for part in [Part::new(PartClass::Node, "1"), Part::machine()] {
        let scope = Scope { part: Some(part), ..Scope::default() };
        assert!(matches!(machine.measure(&Deed::Compact, &scope).unwrap(), Measured::Free { free, .. } if free > 0));
        machine.perform(&Deed::Compact, &scope).unwrap();
    }
    let mut actuator = open(&bench.roots);
    let drop_caches = operation(Deed::DropCaches, Target::Part(Part::machine()));
    let report = actuator.operate(now(), &drop_caches, &[]);
    assert!(matches!(report.outcome, OperationOutcome::Declined { .. }), "nobody waits for memory: {report:?}");
    let scope = Scope { part: Some(Part::machine()), ..Scope::default() };
    machine.perform(&Deed::DropCaches, &scope).unwrap();
}
