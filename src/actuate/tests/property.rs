//! Whatever happens in whatever order, and wherever the power goes: in the end the machine is as it would be without us.

use proptest::prelude::*;

use super::{PLOTTER, Rig, SORTS, WRAPPER};
use crate::claim::{IoPriority, KnobKind};
use crate::knob::fake::part;
use crate::knob::{IoPrio, Policy, Value};

#[derive(Debug, Clone)]
enum Event {
    Want(KnobKind, usize),
    Unwant(KnobKind),
    Tick,
    ThreadIsBorn,
    /// During the next tick, before the n-th operation.
    ThreadIsBornInside(usize),
    ThreadDies,
    ChildIsBorn,
    ChildDies,
    PlotterDies,
    /// The plotter's number goes to a stranger.
    NumberIsUsedAgain,
    /// Somebody else sets another value.
    Foreign(KnobKind),
    /// The n-th operation of the next tick is refused.
    Refuse(usize, i32),
    DieInTick(usize),
    /// Stopped, put back by the guard, and continued.
    PutBackBehindOurBack,
    DieInRestoration(usize),
    Restart,
}

fn kind() -> impl Strategy<Value = KnobKind> {
    // With some that stand in each other's way.
    let more = [KnobKind::CpuWeight, KnobKind::CpuIdle, KnobKind::CpuSet, KnobKind::MemoryMax];
    prop::sample::select(SORTS.into_iter().chain(more).collect::<Vec<_>>())
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (kind(), 0_usize..3).prop_map(|(kind, choice)| Event::Want(kind, choice)),
        3 => kind().prop_map(Event::Unwant),
        6 => Just(Event::Tick),
        2 => Just(Event::ThreadIsBorn),
        2 => (1_usize..20).prop_map(Event::ThreadIsBornInside),
        1 => Just(Event::ThreadDies),
        2 => Just(Event::ChildIsBorn),
        1 => Just(Event::ChildDies),
        1 => Just(Event::PlotterDies),
        1 => Just(Event::NumberIsUsedAgain),
        3 => kind().prop_map(Event::Foreign),
        2 => (1_usize..30, prop::sample::select(vec![libc::EPERM, libc::EINVAL, libc::EBUSY]))
            .prop_map(|(step, errno)| Event::Refuse(step, errno)),
        3 => (1_usize..60).prop_map(Event::DieInTick),
        1 => Just(Event::PutBackBehindOurBack),
        1 => (1_usize..40).prop_map(Event::DieInRestoration),
        1 => Just(Event::Restart),
    ]
}

/// Somebody else changes a value to one that we never set and that was never there before.
fn tamper(rig: &Rig, kind: KnobKind) {
    let mut state = rig.state.borrow_mut();
    if kind == KnobKind::Group && !state.groups.contains_key("/other") {
        state.group("/other", false);
    }
    if !kind.is_of_job() {
        let Some(found) = state.parts.get_mut(&(kind, part(kind))) else { return };
        let foreign = match found.value {
            Value::Number(_) => Value::Number(3),
            Value::Set(_) => Value::Set([3].into()),
            _ => Value::Word("foreign".to_owned()),
        };
        (found.value, found.native) = (foreign.clone(), foreign);
        return;
    }
    let Some(process) = state.processes.get_mut(&PLOTTER) else { return };
    if kind == KnobKind::Group {
        "/other".clone_into(&mut process.group);
        "/other".clone_into(&mut process.native_group);
        return;
    }
    let Some(thread) = process.threads.get_mut(&PLOTTER) else { return };
    for values in [&mut thread.values, &mut thread.native] {
        match kind {
            KnobKind::Nice => values.nice = -7,
            KnobKind::SchedClass => values.class = Policy::Fifo,
            KnobKind::IoPriority => values.io_priority = IoPrio::from(IoPriority::BestEffort(3)),
            KnobKind::Affinity => values.cpus = [0, 3].into(),
            KnobKind::TimerSlack => drop(values.others.insert(kind, Value::Number(3))),
            // What is in a group of ours goes with it; a pause is tampered with by signals.
            _ => {}
        }
    }
}

fn happen(rig: &mut Rig, event: &Event) {
    let steps = rig.state.borrow().steps;
    match *event {
        Event::Want(kind, choice) => rig.want(kind, choice),
        Event::Unwant(kind) => rig.unwant(kind),
        Event::Tick => drop(rig.tick()),
        Event::ThreadIsBorn => rig.state.borrow_mut().clone_thread(PLOTTER),
        Event::ThreadIsBornInside(step) => drop(rig.state.borrow_mut().births.insert(steps + step, PLOTTER)),
        Event::ThreadDies => {
            if let Some(process) = rig.state.borrow_mut().processes.get_mut(&PLOTTER)
                && let Some(&tid) = process.threads.keys().find(|&&tid| tid != PLOTTER)
            {
                process.threads.remove(&tid);
            }
        }
        Event::ChildIsBorn => drop(rig.state.borrow_mut().spawn(101, PLOTTER)),
        Event::ChildDies => drop(rig.state.borrow_mut().processes.remove(&101)),
        Event::PlotterDies => drop(rig.state.borrow_mut().processes.remove(&PLOTTER)),
        Event::NumberIsUsedAgain => {
            let mut state = rig.state.borrow_mut();
            state.processes.remove(&PLOTTER);
            state.spawn(PLOTTER, 1);
        }
        Event::Foreign(kind) => tamper(rig, kind),
        Event::Refuse(step, errno) => drop(rig.state.borrow_mut().refuse.insert(steps + step, errno)),
        Event::DieInTick(step) => {
            rig.tick_and_die(step);
            rig.open();
        }
        Event::PutBackBehindOurBack => drop(rig.restore()),
        Event::DieInRestoration(step) => {
            rig.restore_and_die(step);
        }
        Event::Restart => rig.open(),
    }
}

/// Nothing goes wrong any more, and nobody wants anything.
fn settle(rig: &mut Rig) {
    rig.wanted.settings.clear();
    let mut state = rig.state.borrow_mut();
    state.refuse.clear();
    state.births.clear();
}

/// A child of a plotter that died cannot be told from a stranger any more, unless it sits in the job's group.
fn forget_orphans(rig: &Rig) {
    let mut state = rig.state.borrow_mut();
    let plotter = state.processes.get(&PLOTTER).map(|process| process.started);
    let orphaned = state.processes.get(&101).is_some_and(|child| plotter.is_none_or(|plotter| plotter > child.started));
    if orphaned {
        state.processes.remove(&101);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, max_shrink_iters: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_last_tick_puts_everything_back(events in prop::collection::vec(event(), 1..40)) {
        let mut rig = Rig::new();
        for event in &events {
            happen(&mut rig, event);
            forget_orphans(&rig);
        }
        settle(&mut rig);
        for _ in 0..3 {
            rig.seconds += 600;
            rig.tick();
        }
        prop_assert_eq!(rig.differences(), Vec::<String>::new());
        prop_assert_eq!(rig.records(), 0);
    }

    #[test]
    fn a_restoration_puts_everything_back(events in prop::collection::vec(event(), 1..40), last in 1_usize..60) {
        let mut rig = Rig::new();
        for event in &events {
            happen(&mut rig, event);
            forget_orphans(&rig);
        }
        rig.tick_and_die(last);
        settle(&mut rig);
        let report = rig.restore();
        prop_assert!(report.is_complete(), "{report}");
        prop_assert_eq!(rig.differences(), Vec::<String>::new());
        prop_assert_eq!(rig.records(), 0);
    }

    /// Only processes of the job are ever written to, whoever else there is.
    #[test]
    fn strangers_are_never_touched(events in prop::collection::vec(event(), 1..30)) {
        let mut rig = Rig::new();
        rig.state.borrow_mut().spawn(500, 1);
        let stranger = rig.state.borrow().processes[&500].clone();
        for event in &events {
            happen(&mut rig, event);
            prop_assert_eq!(&rig.state.borrow().processes[&500], &stranger);
        }
    }
}

/// Every knob at once, dead before each operation in turn, put back by a restoration that dies at each operation in turn.
#[test]
fn dead_at_any_step_and_dead_again_while_putting_back() {
    let mut step = 1;
    loop {
        let mut rig = Rig::new();
        rig.want_all(0);
        let died = rig.tick_and_die(step);
        let mut again = 1;
        while rig.restore_and_die(again) {
            again += 3;
        }
        rig.restore();
        rig.assert_as_before();
        assert!(rig.state.borrow().processes.contains_key(&WRAPPER));
        if !died {
            break;
        }
        step += 1;
    }
    assert!(step > 40, "only {step} operations");
}
