use std::collections::BTreeSet;

use proptest::prelude::*;

use super::scene::{Felt, Scene, farm_first, shipped_policy};
use crate::claim::{Setting, Target};
use crate::plotter::Phase;

/// The settings claimed, without those that merely name a group.
fn claimed(scene: &Scene) -> BTreeSet<(Target, Setting)> {
    scene.last.claims.iter().map(|claim| (claim.target.clone(), claim.setting.clone())).collect()
}

/// Whether `now` restricts every living job at least as much as `before` did.
fn no_looser(before: &BTreeSet<(Target, Setting)>, now: &BTreeSet<(Target, Setting)>) -> bool {
    before.iter().all(|(target, setting)| {
        now.iter().any(|(other, held)| other == target && held.kind() == setting.kind() && held >= setting)
    })
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
fn reversals(scene: &Scene) -> Vec<u64> {
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
    fn missing_samples_never_loosen_anything(trace in any_trace(), dropped in 6..40_u32) {
        for policy in [shipped_policy(), farm_first()] {
            let mut scene = Scene::with_jobs(policy, 4);
            for felt in &trace {
                scene.tick(*felt);
            }
            // Longer than any maxAge, so that the last values are too old.
            scene.ticks(20, Felt::default());
            let (before, closed) = (claimed(&scene), scene.last.admission_closed);
            for _ in 0..dropped {
                scene.tick(Felt::default());
                prop_assert_eq!(&claimed(&scene), &before);
                prop_assert_eq!(scene.last.admission_closed, closed);
            }
        }
    }

    /// From whatever state: a tick without samples restricts at least what the tick before it did, once signals are stale.
    #[test]
    fn a_tick_that_knows_nothing_relaxes_nothing(trace in any_trace()) {
        let mut scene = Scene::with_jobs(shipped_policy(), 4);
        let mut blind = 0;
        for felt in trace {
            let before = claimed(&scene);
            scene.tick(felt);
            blind = if felt.io.is_none() && felt.cpu.is_none() && felt.memory.is_none() { blind + 1 } else { 0 };
            if blind > 15 {
                prop_assert!(no_looser(&before, &claimed(&scene)));
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
        let settle = scene.policy.rules.behavior.settle.as_secs();
        for pair in actions(&scene).windows(2) {
            prop_assert!(pair[1].0 == pair[0].0 || pair[1].0 - pair[0].0 >= settle, "{:?}", scene.said);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Law 4, on plants that answer late and noisily and make any controller swing.
    #[test]
    fn reversals_are_bounded(
        per_job in 0.05..0.6_f64,
        delay in 0..30_usize,
        noise in prop::collection::vec(-0.3..0.3_f64, 50),
    ) {
        let mut scene = Scene::with_jobs(shipped_policy(), 6);
        let mut running = vec![6.0];
        for second in 0..3600_usize {
            let seen = running[running.len().saturating_sub(1 + delay)];
            let share: f64 = per_job * seen - 0.2 + noise[second % noise.len()];
            scene.tick(Felt::io(share.clamp(0.0, 1.0)));
            running.push(6.0 - f64::from(u32::try_from(scene.paused().len()).unwrap()));
        }
        let bound = scene.policy.rules.behavior.reversals;
        let reversals = reversals(&scene);
        for (index, second) in reversals.iter().enumerate() {
            let window = reversals[index..].iter().take_while(|other| **other - second < bound.per.as_secs()).count();
            prop_assert!(window <= bound.max as usize + 1, "{window} within {:?} from {second}", bound.per);
        }
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
