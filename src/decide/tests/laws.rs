use std::collections::BTreeSet;

use proptest::prelude::*;

use super::scene::{Felt, Scene, farm_first, shipped_policy};
use crate::claim::{Setting, Target};
use crate::plotter::Phase;

type Claimed = BTreeSet<(Target, Setting)>;

fn claimed(scene: &Scene) -> Claimed {
    scene.last.claims.iter().map(|claim| (claim.target.clone(), claim.setting.clone())).collect()
}

fn of_disk(claimed: &Claimed) -> Claimed {
    let by_disk = |setting: &Setting| matches!(setting, Setting::Paused | Setting::IoPriority(_));
    claimed.iter().filter(|(_, setting)| by_disk(setting)).cloned().collect()
}

fn of_cores(claimed: &Claimed) -> Claimed {
    let by_cores = |setting: &Setting| matches!(setting, Setting::Nice(_) | Setting::SchedClass(_));
    claimed.iter().filter(|(_, setting)| by_cores(setting)).cloned().collect()
}

/// When something was paused or resumed because of pressure, and which of the two.
fn actions(scene: &Scene) -> Vec<(u64, bool)> {
    let by_pressure = scene.said.iter().filter(|(_, line)| !line.contains("no other plot was running"));
    let mut actions: Vec<(u64, bool)> = by_pressure
        .filter_map(|(second, line)| match line.split(' ').next() {
            Some("paused") => Some((*second, true)),
            Some("resumed") => Some((*second, false)),
            _ => None,
        })
        .collect();
    actions.dedup();
    actions
}

/// Seconds of the pauses that answered a resume.
pub fn reversals(scene: &Scene) -> Vec<u64> {
    let actions = actions(scene);
    actions.windows(2).filter(|pair| !pair[0].1 && pair[1].1).map(|pair| pair[1].0).collect()
}

fn any_felt() -> impl Strategy<Value = Felt> {
    let share = || prop::option::weighted(0.8, 0.0..1.0_f64);
    (share(), share(), share()).prop_map(|(io, cpu, memory)| Felt { io, cpu, memory })
}

/// Stretches of like pressure, as a machine has them.
fn any_trace() -> impl Strategy<Value = Vec<Felt>> {
    let stretch = (any_felt(), 1..20_usize).prop_map(|(felt, ticks)| vec![felt; ticks]);
    prop::collection::vec(stretch, 1..20).prop_map(|stretches| stretches.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Law 3: what is not known makes nothing looser, and under `hold` nothing tighter either.
    #[test]
    fn a_missing_signal_moves_nothing_that_it_had_caused(trace in any_trace()) {
        for policy in [shipped_policy(), farm_first()] {
            let mut scene = Scene::with_jobs(policy, 4);
            for felt in &trace {
                let (before, was_closed) = (claimed(&scene), scene.last.admission_closed);
                scene.tick(*felt);
                let missing = |name: &str| {
                    scene.last.inputs.iter().filter(|input| input.signal == name).all(|input| input.missing.is_some())
                };
                if missing("disk") {
                    prop_assert_eq!(of_disk(&before), of_disk(&claimed(&scene)), "{:?}", scene.said);
                }
                if missing("cores") && missing("memory") {
                    prop_assert_eq!(of_cores(&before), of_cores(&claimed(&scene)), "{:?}", scene.said);
                }
                if missing("disk") && missing("memory") {
                    prop_assert_eq!(was_closed, scene.last.admission_closed, "{:?}", scene.said);
                }
            }
        }
    }

    #[test]
    fn somebody_always_runs_and_the_finishing_are_never_paused(
        trace in any_trace(),
        ends in prop::collection::vec((0..200_u64, 1..5_u32), 0..6),
        finishing in prop::option::of(1..5_usize),
    ) {
        let mut scene = Scene::with_jobs(shipped_policy(), 4);
        if let Some(number) = finishing {
            scene.jobs[number - 1].job.progress.phase = Some(Phase::Copying);
        }
        for (second, felt) in (0_u64..).zip(trace) {
            for (_, number) in ends.iter().filter(|(at, _)| *at == second) {
                if scene.jobs.iter().any(|view| view.job.plotter.pid == i32::try_from(*number).unwrap()) {
                    scene.end(*number);
                } else {
                    scene.start(*number);
                }
            }
            scene.tick(felt);
            let paused = scene.paused_numbers();
            let plotting = scene.jobs.iter().filter(|view| view.job.progress.phase != Some(Phase::Copying)).count();
            prop_assert!(plotting == 0 || paused.len() < plotting, "{:?}", scene.said);
            for view in scene.jobs.iter().filter(|view| view.job.progress.phase == Some(Phase::Copying)) {
                prop_assert!(!scene.paused().contains_key(view.job.id.as_str()));
            }
        }
    }

    #[test]
    fn one_action_per_settling_time(trace in any_trace()) {
        let mut scene = Scene::with_jobs(shipped_policy(), 6);
        for felt in trace {
            scene.tick(felt);
        }
        let settle = scene.policy.contention().unwrap().behavior.settle.as_secs();
        for pair in actions(&scene).windows(2) {
            prop_assert!(pair[1].0 == pair[0].0 || pair[1].0 - pair[0].0 >= settle, "{:?}", scene.said);
        }
    }

    /// Of any length and shape; a trace is shorter than an hour.
    #[test]
    fn no_more_actions_than_the_budget_of_an_hour(trace in any_trace(), budget in 0..6_u32) {
        let mut scene = Scene::with_jobs(shipped_policy(), 6);
        scene.rules().behavior.max_actions_per_hour = budget;
        for felt in trace {
            scene.tick(felt);
        }
        let moments: BTreeSet<u64> = actions(&scene).into_iter().map(|(second, _)| second).collect();
        prop_assert!(moments.len() <= budget as usize, "{:?}", scene.said);
    }
}

#[test]
fn too_many_reversals_are_held_and_said() {
    let mut scene = Scene::with_jobs(shipped_policy(), 4);
    for _ in 0..20 {
        scene.ticks(10, Felt::io(0.9));
        scene.ticks(10, Felt::io(0.05));
    }
    assert!(scene.said("nothing is relaxed for 15m after more than 3 reversals within 15m"), "{:?}", scene.said);
    assert_eq!(reversals(&scene).len(), 4);
    scene.end(1);
    scene.ticks(2, Felt::io(0.9));
    assert_eq!(scene.paused_numbers().len(), 2, "plots still follow one another");
}
