//! What an operator would ask of the actuator, one at a time.

use std::collections::BTreeSet;

use super::*;
use crate::knob::{IoPrio, Policy};

fn nice_of(rig: &Rig, pid: i32) -> Vec<i8> {
    rig.state.borrow().processes[&pid].threads.values().map(|thread| thread.values.nice).collect()
}

fn set_nice(rig: &Rig, tid: i32, nice: i8) {
    let mut state = rig.state.borrow_mut();
    let thread = state.processes.get_mut(&PLOTTER).unwrap().threads.get_mut(&tid).unwrap();
    (thread.values.nice, thread.native.nice) = (nice, nice);
}

#[test]
fn every_knob_is_applied_in_order_and_put_back_in_reverse() {
    let mut rig = Rig::new();
    rig.want_all(0);
    let applied: Vec<_> = SORTS.map(|kind| (kind, Action::Apply, "done")).into();
    assert_eq!(outcomes(&rig.tick()), applied);
    {
        let state = rig.state.borrow();
        assert!(state.groups.iter().any(|(path, group)| path.starts_with("/plotwarden/") && group.frozen));
        assert!(state.processes.values().all(|process| !process.stopped), "frozen, not stopped");
        for thread in [WRAPPER, PLOTTER].iter().flat_map(|pid| state.processes[pid].threads.values()) {
            assert_eq!((thread.values.nice, thread.values.class), (5, Policy::Batch));
        }
    }
    rig.wanted.settings.clear();
    let released: Vec<_> = SORTS.iter().rev().map(|&kind| (kind, Action::Restore, "done")).collect();
    assert_eq!(outcomes(&rig.tick()), released);
    rig.assert_as_before();
}

#[test]
fn a_second_tick_writes_and_says_nothing() {
    let mut rig = Rig::new();
    rig.want_all(2);
    rig.tick();
    let writes = rig.state.borrow().writes;
    for _ in 0..5 {
        assert_eq!(rig.tick(), []);
    }
    assert_eq!(rig.state.borrow().writes, writes);
}

#[test]
fn a_report_says_what_was_what_is_and_why() {
    let mut rig = Rig::new();
    set_nice(&rig, PLOTTER, 3);
    rig.want(KnobKind::Nice, 1);
    let reports = rig.tick();
    assert_eq!(reports[0].from.as_deref(), Some("0 (3 units), 3 (1 units)"));
    assert_eq!((reports[0].to.as_deref(), reports[0].read_back.as_deref()), (Some("10"), Some("10")));
    assert_eq!((reports[0].reason.as_str(), reports[0].holders[0].policy.as_str()), ("io-pressure", "calm"));
}

#[test]
fn a_group_that_is_frozen_is_not_left_before_it_is_thawed() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Group, 0);
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    rig.unwant(KnobKind::Group);
    assert_eq!(rig.tick(), []);
    assert!(rig.state.borrow().groups.values().any(|group| group.frozen));
    rig.unwant(KnobKind::Pause);
    rig.tick();
    rig.assert_as_before();
}

/// A freeze that is under way, or one that somebody else orders meanwhile, may not show yet.
#[test]
fn a_thaw_is_written_even_where_the_group_shows_none() {
    let writes_of_a_restoration = |is_shown: bool| {
        let mut rig = Rig::new();
        rig.want(KnobKind::Group, 0);
        rig.want(KnobKind::Pause, 0);
        rig.tick();
        rig.state.borrow_mut().groups.values_mut().for_each(|group| group.frozen &= is_shown);
        let before = rig.state.borrow().writes;
        rig.restore();
        rig.assert_as_before();
        rig.state.borrow().writes - before
    };
    assert_eq!(writes_of_a_restoration(false), writes_of_a_restoration(true));
}

#[test]
fn threads_born_later_are_made_equal_and_go_back_with_their_leader() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 1);
    rig.tick();
    for _ in 0..10 {
        rig.state.borrow_mut().clone_thread(PLOTTER);
    }
    assert_eq!(rig.tick(), []);
    rig.state.borrow_mut().clone_thread(PLOTTER);
    rig.unwant(KnobKind::Nice);
    rig.tick();
    assert_eq!(nice_of(&rig, PLOTTER), [0; 14]);
    rig.assert_as_before();
}

#[test]
fn what_somebody_else_changes_is_left_alone_and_said_once() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 1);
    rig.tick();
    set_nice(&rig, 1001, -7);
    let reports = rig.tick();
    assert_eq!(outcomes(&reports), [(KnobKind::Nice, Action::Apply, "foreign")]);
    assert!(matches!(&reports[0].outcome, Outcome::Foreign { found } if found.contains("-7 at thread 1001")));
    assert_eq!(rig.tick(), []);
    assert_eq!(nice_of(&rig, PLOTTER), [10, -7, 10]);
    rig.open();
    assert_eq!(rig.tick(), [], "a restart does not forget whose it is");
    rig.unwant(KnobKind::Nice);
    rig.tick();
    assert_eq!(nice_of(&rig, PLOTTER), [0, -7, 0]);
    rig.assert_as_before();
}

/// To give somebody a value back that was the original is a change as well.
#[test]
fn somebody_who_puts_the_original_back_is_heeded() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 1);
    rig.tick();
    set_nice(&rig, 1001, 0);
    assert_eq!(outcomes(&rig.tick()), [(KnobKind::Nice, Action::Apply, "foreign")]);
    assert_eq!(nice_of(&rig, PLOTTER), [10, 0, 10]);
}

#[test]
fn another_wanted_value_takes_over_and_what_somebody_else_set_comes_back_after_it() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 1);
    rig.tick();
    set_nice(&rig, 1001, -7);
    rig.tick();
    rig.want(KnobKind::Nice, 2);
    rig.tick();
    assert_eq!(nice_of(&rig, PLOTTER), [15; 3]);
    rig.unwant(KnobKind::Nice);
    rig.tick();
    assert_eq!(nice_of(&rig, PLOTTER), [0, -7, 0]);
}

#[test]
fn ten_restarts_do_not_change_an_original() {
    let mut rig = Rig::new();
    for choice in 0..10 {
        rig.want(KnobKind::Nice, choice);
        rig.want(KnobKind::Pause, 0);
        rig.tick();
        rig.open();
        rig.tick();
    }
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn a_process_that_somebody_has_stopped_is_not_ours_to_continue() {
    let mut rig = Rig::new();
    {
        let mut state = rig.state.borrow_mut();
        let plotter = state.processes.get_mut(&PLOTTER).unwrap();
        (plotter.stopped, plotter.native_stopped) = (true, true);
    }
    rig.want(KnobKind::Pause, 0);
    let outcomes = outcomes(&rig.tick());
    assert!(outcomes.contains(&(KnobKind::Pause, Action::Apply, "foreign")), "{outcomes:?}");
    rig.unwant(KnobKind::Pause);
    rig.tick();
    assert!(rig.state.borrow().processes[&PLOTTER].stopped);
    rig.assert_as_before();
}

#[test]
fn a_process_taken_out_of_the_frozen_group_is_not_hunted() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Group, 0);
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    {
        let mut state = rig.state.borrow_mut();
        state.group("/other", false);
        let wrapper = state.processes.get_mut(&WRAPPER).unwrap();
        (wrapper.group, wrapper.native_group) = ("/other".to_owned(), "/other".to_owned());
    }
    let outcomes = outcomes(&rig.tick());
    assert!(outcomes.iter().all(|(_, _, outcome)| *outcome == "foreign"), "{outcomes:?}");
    assert!(!rig.state.borrow().processes[&WRAPPER].stopped);
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn real_time_threads_are_left_alone_and_said_once() {
    let mut rig = Rig::new();
    {
        let mut state = rig.state.borrow_mut();
        let threads = &mut state.processes.get_mut(&PLOTTER).unwrap().threads;
        let thread = threads.get_mut(&1001).unwrap();
        for values in [&mut thread.values, &mut thread.native] {
            (values.class, values.io_priority) = (Policy::Fifo, IoPrio(IoPrio::REALTIME << 13));
        }
    }
    rig.want(KnobKind::SchedClass, 0);
    rig.want(KnobKind::IoPriority, 0);
    let outcomes = outcomes(&rig.tick());
    assert_eq!(outcomes.iter().filter(|(_, _, outcome)| *outcome == "protected").count(), 2, "{outcomes:?}");
    assert_eq!(rig.tick(), []);
    assert_eq!(rig.state.borrow().processes[&PLOTTER].threads[&1001].values.class, Policy::Fifo);
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn a_group_with_limits_is_not_left_and_its_jobs_are_paused_by_signal() {
    let mut rig = Rig::new();
    {
        let mut state = rig.state.borrow_mut();
        state.group("/limited", true);
        for process in state.processes.values_mut() {
            (process.group, process.native_group) = ("/limited".to_owned(), "/limited".to_owned());
        }
    }
    rig.want(KnobKind::Group, 0);
    rig.want(KnobKind::Pause, 0);
    let outcomes = outcomes(&rig.tick());
    assert_eq!(outcomes, [(KnobKind::Group, Action::Apply, "protected"), (KnobKind::Pause, Action::Apply, "done")]);
    assert!(rig.state.borrow().processes.values().all(|process| process.stopped && process.group == "/limited"));
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn a_job_with_a_protected_process_is_refused_whole() {
    let mut rig = Rig::new();
    rig.state.borrow_mut().processes.get_mut(&WRAPPER).unwrap().comm = "chia_harvester".to_owned();
    rig.want_all_of_job(0);
    let reports = rig.tick();
    let of_job = SORTS.iter().filter(|kind| kind.is_of_job()).count();
    assert!(reports.iter().all(|report| report.outcome.name() == "protected") && reports.len() == of_job);
    assert_eq!(rig.tick(), []);
    assert_eq!(rig.state.borrow().writes, 0);
    rig.assert_as_before();
}

#[test]
fn a_process_that_runs_another_program_by_now_is_put_back_and_refused() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 0);
    rig.tick();
    rig.state.borrow_mut().processes.get_mut(&WRAPPER).unwrap().exe_inode += 1;
    let outcomes = outcomes(&rig.tick());
    assert_eq!(outcomes, [(KnobKind::Nice, Action::Apply, "protected"), (KnobKind::Nice, Action::Restore, "done")]);
    rig.assert_as_before();
}

#[test]
fn a_profile_that_forbids_pauses_is_obeyed() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Pause, 0);
    let job = JobHandle { may_pause: false, ..rig.job() };
    let reports = rig.actuator.as_mut().unwrap().tick(moment(50), &rig.wanted, &[job]);
    assert_eq!(outcomes(&reports), [(KnobKind::Pause, Action::Apply, "protected")]);
    rig.assert_as_before();
}

#[test]
fn a_process_of_two_jobs_belongs_to_the_first() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Nice, 1);
    rig.tick();
    let other = JobHandle { id: JobId::from("second"), ..rig.job() };
    let key = (Target::Job(other.id.clone()), KnobKind::Nice);
    rig.wanted.settings.insert(key, want(setting(KnobKind::Nice, 2)));
    let jobs = [rig.job(), other];
    assert_eq!(rig.actuator.as_mut().unwrap().tick(moment(50), &rig.wanted, &jobs), []);
    rig.wanted.settings.clear();
    rig.actuator.as_mut().unwrap().tick(moment(51), &rig.wanted, &jobs);
    rig.assert_as_before();
}

#[test]
fn dry_run_writes_nothing_and_counts_each_change_once() {
    let mut rig = Rig::new();
    rig.open_in(Mode::DryRun);
    rig.want_all(0);
    assert!(rig.tick().iter().all(|report| report.outcome == Outcome::Skipped));
    assert_eq!(rig.tick(), []);
    rig.want(KnobKind::Nice, 1);
    assert_eq!(outcomes(&rig.tick()), [(KnobKind::Nice, Action::Apply, "skipped")]);
    assert_eq!((rig.state.borrow().writes, rig.state.borrow().steps), (0, 0));
}

#[test]
fn a_rehearsed_policy_is_counted_beside_an_enforced_one() {
    let mut rig = Rig::new();
    rig.wanted.rehearsed.insert((rig.target(), KnobKind::Pause), want(Setting::Paused));
    rig.want(KnobKind::Nice, 0);
    let said = outcomes(&rig.tick());
    assert_eq!(said, [(KnobKind::Pause, Action::Apply, "skipped"), (KnobKind::Nice, Action::Apply, "done")]);
    assert!(rig.state.borrow().processes.values().all(|process| !process.stopped));
}

#[test]
fn what_an_enforcing_run_left_is_put_back_where_nothing_may_be_written() {
    for mode in [Mode::Off, Mode::DryRun] {
        let mut rig = Rig::new();
        rig.want_all(0);
        rig.tick();
        rig.open_in(mode);
        rig.assert_as_before();
    }
}

#[test]
fn a_clean_exit_puts_everything_back() {
    let mut rig = Rig::new();
    rig.want_all(0);
    rig.tick();
    let report = rig.actuator.take().unwrap().shutdown(moment(60), &BTreeSet::new()).unwrap();
    let order: Vec<KnobKind> = report.reports.iter().map(|report| report.knob).collect();
    assert_eq!(order, SORTS.iter().rev().copied().collect::<Vec<_>>());
    assert!(report.to_string().ends_with("everything that was held is put back"), "{report}");
    rig.assert_as_before();
}

#[test]
fn paused_time_is_known_by_reason_and_survives_a_restart() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    let since = rig.seconds;
    rig.open();
    rig.seconds += 60;
    rig.tick();
    let view = |rig: &Rig| rig.actuator.as_ref().unwrap().pause_view(&rig.id(), moment(rig.seconds));
    assert_eq!(view(&rig).since, Some((Duration::from_secs(since), "io-pressure".to_owned())));
    assert_eq!(view(&rig).total["io-pressure"], Duration::from_secs(61));
    rig.wanted.settings.values_mut().for_each(|want| want.reason = "deferred-start");
    rig.tick();
    rig.seconds += 9;
    rig.unwant(KnobKind::Pause);
    rig.tick();
    rig.seconds += 1000;
    assert_eq!(view(&rig).since, None);
    let total = view(&rig).total;
    assert_eq!((total["io-pressure"].as_secs(), total["deferred-start"].as_secs()), (62, 10));
}

#[test]
fn a_plot_that_is_nicer_than_wanted_is_left_as_it_is() {
    let mut rig = Rig::new();
    for tid in [PLOTTER, WRAPPER] {
        rig.state.borrow_mut().processes.get_mut(&tid).unwrap().threads.values_mut().for_each(|thread| {
            (thread.values.nice, thread.native.nice) = (19, 19);
        });
    }
    rig.want(KnobKind::Nice, 1);
    assert_eq!(rig.tick(), []);
    assert_eq!(rig.state.borrow().writes, 0);
    assert_eq!(nice_of(&rig, PLOTTER), [19, 19, 19]);
}

#[test]
fn a_pause_that_somebody_ends_is_counted_until_then() {
    let mut rig = Rig::new();
    rig.want(KnobKind::Pause, 0);
    rig.tick();
    rig.seconds += 29;
    for process in rig.state.borrow_mut().processes.values_mut() {
        process.stopped = false;
    }
    rig.tick();
    rig.seconds += 1000;
    let view = rig.actuator.as_ref().unwrap().pause_view(&rig.id(), moment(rig.seconds));
    assert_eq!((view.since, view.total["io-pressure"].as_secs()), (None, 30));
}

#[test]
fn a_job_that_rests_is_not_read_until_something_shows_or_its_look_is_due() {
    let mut rig = Rig::new();
    rig.actuator.as_mut().unwrap().rest_for(Duration::from_secs(10));
    rig.want_all_of_job(0);
    rig.unwant(KnobKind::Pause);
    rig.tick();
    let steps = |rig: &Rig| rig.state.borrow().steps;
    let mut idle = 0;
    for _ in 0..30 {
        let before = steps(&rig);
        assert_eq!(rig.tick(), []);
        // Its limits need two controllers of the machine, which are read each tick.
        idle += usize::from(steps(&rig) - before <= 2);
    }
    assert_eq!(idle, 27, "three looks in 30 s");
    // A new thread shows.
    rig.state.borrow_mut().clone_thread(PLOTTER);
    let before = steps(&rig);
    rig.tick();
    assert!(steps(&rig) - before > 5);
    // So does another wish, at once.
    rig.want(KnobKind::Nice, 2);
    assert_eq!(outcomes(&rig.tick()), [(KnobKind::Nice, Action::Apply, "done")]);
    // And that nobody wants anything any more.
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}

#[test]
fn what_somebody_else_does_to_a_resting_job_is_noticed_with_its_next_look() {
    let mut rig = Rig::new();
    rig.actuator.as_mut().unwrap().rest_for(Duration::from_secs(10));
    rig.want(KnobKind::Nice, 0);
    rig.tick();
    set_nice(&rig, PLOTTER, -7);
    let noticed = (0..10).find(|_| rig.tick().iter().any(|report| report.outcome.name() == "foreign"));
    assert!(noticed.is_some(), "within the length of a rest");
    rig.wanted.settings.clear();
    rig.tick();
    rig.assert_as_before();
}
