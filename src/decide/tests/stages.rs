use std::time::Duration;

use super::scene::{Felt, Scene, edited, farm_first, shipped_policy};
use crate::claim::{IoPriority, SchedClass, Setting};
use crate::decide::{Cause, Strategy};
use crate::kernel::process::RunState;
use crate::plotter::Phase;

#[test]
fn every_job_gets_a_group_of_its_own_and_nothing_else_while_all_is_calm() {
    let mut scene = Scene::with_jobs(shipped_policy(), 3);
    scene.ticks(5, Felt::io(0.05));
    for number in 1..=3 {
        assert_eq!(scene.settings(number), [Setting::Group]);
    }
    assert_eq!(scene.last.strategy, Some(Strategy::PreventiveOptimization));
    assert_eq!(scene.last.cause, None);
    assert!(!scene.last.admission_closed);
    assert!(scene.last.claims.iter().all(|claim| claim.until > scene.now && !claim.dry_run));
}

#[test]
fn four_on_a_slow_disk_become_two_then_one() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    scene.ticks(4, Felt::io(0.84));
    assert_eq!(scene.paused_numbers(), [3, 4], "half of them, the least advanced: {:?}", scene.said);
    scene.ticks(3, Felt::io(0.62));
    assert_eq!(scene.paused_numbers(), [2, 3, 4], "{:?}", scene.said);
    scene.ticks(60, Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [2, 3, 4], "never the last one");
    assert!(scene.last.admission_closed);
    assert_eq!((scene.last.strategy, scene.last.cause), (Some(Strategy::IoOptimization), Some(Cause::IoBottleneck)));
    let first = "paused chiapos-4: io.some of the jobs was 84% (50% or more for 2s); it was the least advanced (10%) of 4 running";
    assert!(scene.said(first), "{:?}", scene.said);
    assert!(scene.said("effect of paused chiapos-4 after 3s: disk 84% -> 62%"), "{:?}", scene.said);
}

#[test]
fn when_the_last_one_ends_the_most_advanced_goes_on_at_once() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    scene.ticks(8, Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [2, 3, 4]);
    scene.end(1);
    scene.tick(Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [3, 4]);
    assert!(scene.said("resumed chiapos-2: no other plot was running; it was the most advanced (30%) of 3 held"));
    scene.tick(Felt { io: None, ..Felt::io(0.0) });
    scene.end(2);
    scene.tick(Felt { io: None, ..Felt::io(0.0) });
    assert_eq!(scene.paused_numbers(), [4], "not even a missing signal lets all stand still");
}

/// A disk that is best with two plots at once gets two, not one, when one of them ends.
#[test]
fn the_next_takes_the_place_of_one_that_ended() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    scene.ticks(4, Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [3, 4]);
    scene.ticks(10, Felt::io(0.35));
    scene.end(1);
    scene.start(5);
    scene.tick(Felt::io(0.35));
    assert_eq!(scene.paused_numbers(), [4, 5], "the further advanced one goes first: {:?}", scene.said);
    assert!(scene.said("resumed chiapos-3: 1 of 2 that may run at once were running"), "{:?}", scene.said);
    scene.ticks(4, Felt::io(0.6));
    assert_eq!(scene.paused_numbers(), [3, 4, 5]);
    scene.end(2);
    scene.tick(Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [4, 5], "one at a time from now on");
}

#[test]
fn guardrails_hold_whatever_the_disk_says() {
    for (edit, most) in [("maxPaused: 50%", 2), ("maxPaused: 100%\n    never: [pause]", 0)] {
        let mut scene = Scene::with_jobs(edited(&[("maxPaused: 100%", edit)]), 4);
        scene.ticks(30, Felt::io(0.95));
        assert_eq!(scene.paused_numbers().len(), most, "{edit}: {:?}", scene.said);
        scene.start(9);
        scene.tick(Felt::io(0.95));
        assert_eq!(scene.paused_numbers().len(), most, "{edit}: deferring is pausing too");
    }
    let mut scene = Scene::with_jobs(edited(&[("keepRunning: 1", "keepRunning: 3")]), 4);
    scene.ticks(30, Felt::io(0.95));
    assert_eq!(scene.paused_numbers(), [4]);
    let mut scene = Scene::with_jobs(edited(&[("maxActionsPerHour: 1200", "maxActionsPerHour: 1")]), 4);
    scene.ticks(30, Felt::io(0.95));
    assert_eq!(scene.paused_numbers(), [3, 4], "one action, and no more within the hour");
}

#[test]
fn a_selector_leaves_the_others_alone() {
    let policy = edited(&[("{role: plotter}", "{role: plotter, plotter: [madmax]}")]);
    let mut scene = Scene::with_jobs(policy, 3);
    scene.jobs[0].job.profile = "madmax".to_owned();
    scene.ticks(10, Felt::io(0.95));
    assert!(scene.settings(2).is_empty() && scene.settings(1).contains(&Setting::Group));
    assert!(scene.paused().is_empty(), "of the selected ones, the last is never paused");
}

#[test]
fn a_plot_on_its_way_out_makes_room_for_the_next() {
    let mut scene = Scene::with_jobs(shipped_policy(), 3);
    scene.ticks(8, Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [2, 3]);
    scene.jobs[0].job.progress.phase = Some(Phase::Copying);
    scene.tick(Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [3]);
    scene.ticks(20, Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [3], "the copying one is never picked");
}

#[test]
fn goes_on_with_the_most_advanced_when_the_disk_is_quiet() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    scene.ticks(8, Felt::io(0.8));
    scene.ticks(8, Felt::io(0.3));
    assert_eq!(scene.paused_numbers(), [2, 3, 4], "30 % is no reason to go on");
    scene.ticks(6, Felt::io(0.1));
    assert_eq!(scene.paused_numbers(), [3, 4], "one after another: {:?}", scene.said);
    scene.ticks(3, Felt::io(0.1));
    assert_eq!(scene.paused_numbers(), [4]);
    assert!(scene.said("resumed chiapos-2: io.some of the jobs was 10% (below 20% for 3s)"), "{:?}", scene.said);
    assert!(!scene.last.admission_closed);
}

#[test]
fn a_plot_that_starts_while_admission_is_closed_waits() {
    let mut scene = Scene::with_jobs(shipped_policy(), 1);
    scene.ticks(6, Felt::io(0.35));
    assert!(scene.last.admission_closed);
    assert_eq!(scene.last.strategy, Some(Strategy::MonitoringAndMinorAdjustments));
    scene.start(7);
    scene.tick(Felt::io(0.35));
    assert_eq!(scene.paused()["chiapos-7"], "deferred-start");
    assert!(scene.said("held back chiapos-7 at its start: admission is closed, io.some of the jobs was 35%"));
    scene.ticks(30, Felt::io(0.35));
    assert_eq!(scene.paused_numbers(), [7]);
    scene.ticks(6, Felt::io(0.1));
    assert!(scene.paused().is_empty(), "{:?}", scene.said);
}

#[test]
fn a_deferred_plot_starts_when_nothing_else_runs() {
    let mut scene = Scene::with_jobs(shipped_policy(), 1);
    scene.ticks(6, Felt::io(0.35));
    scene.start(7);
    scene.tick(Felt::io(0.35));
    scene.end(1);
    scene.tick(Felt::io(0.35));
    assert!(scene.paused().is_empty());
}

#[test]
fn a_plot_that_had_begun_before_we_looked_is_not_deferred() {
    let mut scene = Scene::with_jobs(shipped_policy(), 1);
    scene.ticks(6, Felt::io(0.35));
    scene.start(7);
    scene.jobs[1].job.progress.ratio = Some(crate::units::Ratio(0.2));
    scene.tick(Felt::io(0.35));
    assert!(scene.paused().is_empty());
}

#[test]
fn the_unpausable_are_left_alone() {
    let stalled = |scene: &mut Scene| scene.jobs[2].job.progress.stalled = true;
    let finishing = |scene: &mut Scene| scene.jobs[2].job.progress.phase = Some(Phase::Writing);
    let spared = |scene: &mut Scene| scene.jobs[2].job.profile = "bladebit-ram".to_owned();
    let stopped = |scene: &mut Scene| scene.jobs[2].sample.state = Some(RunState::Stopped);
    let young = |scene: &mut Scene| scene.jobs[2].job.started = scene.now.saturating_sub(Duration::from_secs(10));
    let edits = [("minRun: 2s", "neverPause: [bladebit-ram]\n    minRun: 5m")];
    for prepare in [stalled, finishing, spared, stopped, young] {
        let mut scene = Scene::with_jobs(edited(&edits), 3);
        for view in &mut scene.jobs {
            view.job.started = Duration::ZERO;
        }
        prepare(&mut scene);
        scene.ticks(20, Felt::io(0.95));
        assert!(!scene.paused_numbers().contains(&3), "{:?}", scene.said);
        assert!(scene.paused_numbers().contains(&2), "the next one is taken instead: {:?}", scene.said);
    }
}

#[test]
fn a_pause_that_does_not_take_is_not_counted_on() {
    let mut scene = Scene::with_jobs(shipped_policy(), 2);
    scene.unpausable = Some(2);
    scene.ticks(5, Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [2]);
    scene.ticks(5, Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [1], "the other one is paused instead: {:?}", scene.said);
    assert!(scene.said("chiapos-2 goes on although it should be paused"), "{:?}", scene.said);
    scene.ticks(60, Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [1]);
    scene.end(2);
    scene.tick(Felt::io(0.9));
    assert!(scene.paused().is_empty());
}

#[test]
fn unknown_progress_is_not_taken_for_none() {
    let mut scene = Scene::with_jobs(edited(&[("pauseAtOnce: 50%", "pauseAtOnce: 1%")]), 2);
    scene.jobs[1].job.progress.ratio = None;
    scene.ticks(5, Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), [1]);
}

#[test]
fn of_equals_the_youngest_is_paused_and_the_oldest_goes_on() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    for view in &mut scene.jobs {
        view.job.progress.ratio = Some(crate::units::Ratio(0.3));
    }
    scene.ticks(8, Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [2, 3, 4]);
    scene.end(1);
    scene.tick(Felt::io(0.8));
    assert_eq!(scene.paused_numbers(), [3, 4]);
}

#[test]
fn a_plot_that_yields_the_disk_keeps_yielding() {
    let mut scene = Scene::with_jobs(shipped_policy(), 3);
    scene.ticks(6, Felt::io(0.45));
    assert_eq!(scene.last.strategy, Some(Strategy::ProcessPriorityOptimization));
    let idle = Setting::IoPriority(IoPriority::Idle);
    assert_eq!(scene.settings(3), [Setting::Group, idle.clone()]);
    scene.jobs[2].job.progress.ratio = Some(crate::units::Ratio(0.9));
    scene.ticks(3, Felt::io(0.45));
    assert!(scene.settings(3).contains(&idle), "whoever overtakes whom");
    scene.ticks(8, Felt::io(0.1));
    assert_eq!(scene.settings(3), [Setting::Group]);
}

#[test]
fn busy_cores_make_all_plots_step_back_and_none_stand_still() {
    let mut scene = Scene::with_jobs(farm_first(), 4);
    scene.ticks(60, Felt::cpu(0.85));
    assert_eq!(scene.last.strategy, Some(Strategy::GradualResourceAdjustment));
    assert!(scene.settings(1).contains(&Setting::Nice(5)), "{:?}", scene.said);
    scene.ticks(30, Felt::cpu(0.85));
    assert!(scene.settings(1).contains(&Setting::Nice(10)), "a step at a time: {:?}", scene.said);
    scene.ticks(70, Felt::cpu(0.97));
    assert_eq!(scene.last.strategy, Some(Strategy::ImmediateCpuReallocation));
    for number in 1..=4 {
        let expected = [Setting::Group, Setting::Nice(15), Setting::SchedClass(SchedClass::Batch)];
        assert_eq!(scene.settings(number), expected);
    }
    assert!(!scene.last.admission_closed, "more plots than cores cost nothing");
    scene.ticks(600, Felt::cpu(0.1));
    assert_eq!(scene.settings(1), [Setting::Group], "{:?}", scene.said);
}

#[test]
fn steps_back_towards_the_original_wait_for_the_signal() {
    let mut scene = Scene::with_jobs(farm_first(), 2);
    scene.ticks(70, Felt::cpu(0.97));
    assert!(scene.settings(1).contains(&Setting::Nice(15)), "{:?}", scene.said);
    while scene.settings(1).contains(&Setting::Nice(15)) {
        scene.tick(Felt::cpu(0.1));
    }
    assert!(scene.settings(1).contains(&Setting::Nice(10)));
    scene.ticks(600, Felt { cpu: None, ..Felt::io(0.0) });
    assert!(scene.settings(1).contains(&Setting::Nice(10)), "{:?}", scene.said);
}

#[test]
fn short_memory_closes_admission_and_pauses_nobody() {
    let mut scene = Scene::with_jobs(shipped_policy(), 3);
    scene.ticks(40, Felt::memory(0.5));
    assert_eq!(
        (scene.last.strategy, scene.last.cause),
        (Some(Strategy::MemoryRebalancing), Some(Cause::MemoryPressure))
    );
    assert!(scene.last.admission_closed && scene.paused().is_empty());
    assert!(scene.said("pausing would free no memory"), "{:?}", scene.said);
    let mut scene = Scene::with_jobs(farm_first(), 3);
    scene.ticks(130, Felt::memory(0.5));
    assert!(scene.settings(1).contains(&Setting::Nice(15)), "{:?}", scene.said);
}

#[test]
fn a_missing_signal_does_what_the_policy_says() {
    let without_io = Felt { io: None, ..Felt::io(0.0) };
    for (wish, admission_closed, yields) in
        [("hold", false, false), ("release", false, false), ("safe", true, true), ("deny", true, false)]
    {
        let policy = edited(&[("maxAge: 5s, onMissing: hold", &format!("maxAge: 5s, onMissing: {wish}"))]);
        let mut scene = Scene::with_jobs(policy, 2);
        scene.ticks(5, Felt::io(0.1));
        scene.ticks(25, without_io);
        assert_eq!(scene.last.admission_closed, admission_closed, "{wish}");
        assert!(scene.paused().is_empty(), "{wish}");
        let idle = Setting::IoPriority(IoPriority::Idle);
        assert_eq!(scene.settings(2).contains(&idle), yields, "{wish}: {:?}", scene.said);
        assert!(scene.said("signal disk is missing"), "{wish}: {:?}", scene.said);
    }
}

#[test]
fn inputs_say_what_was_measured_of_whom_or_why_not() {
    let policy = edited(&[("of: jobs, window: 2s", "of: each, window: 2s")]);
    let mut scene = Scene::with_jobs(policy, 1);
    scene.ticks(5, Felt::io(0.1));
    let disk = scene.last.inputs.iter().find(|input| input.signal == "disk").unwrap();
    assert_eq!((disk.value, disk.source.as_str()), (None, "io.some of chiapos-1"));
    assert_eq!(disk.missing.as_deref(), Some("there is no group to measure"));
}

#[test]
fn a_rehearsal_claims_nothing_for_real_and_a_disabled_policy_nothing_at_all() {
    let mut scene = Scene::with_jobs(edited(&[("mode: enforce", "mode: dryRun")]), 4);
    scene.ticks(10, Felt::io(0.9));
    assert!(!scene.last.claims.is_empty() && scene.last.claims.iter().all(|claim| claim.dry_run));
    let mut scene = Scene::with_jobs(edited(&[("mode: enforce", "mode: disabled")]), 4);
    scene.ticks(10, Felt::io(0.9));
    assert!(scene.last.claims.is_empty() && scene.said.is_empty());
}

#[test]
fn a_policy_that_changes_keeps_what_it_holds() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    scene.ticks(8, Felt::io(0.9));
    let held = scene.paused_numbers();
    scene.policy = edited(&[("settle: 3s", "settle: 4s")]);
    scene.tick(Felt::io(0.9));
    assert_eq!(scene.paused_numbers(), held);
}
