//! What holds for kinds that act by stages, whatever their levels are and whatever their signals do.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::scene::{Felt, Scene};
use crate::claim::{KnobKind, Setting};
use crate::policy::{Policy, Vocabulary, from_text};

/// Where the value of the first stage begins, and where it goes.
const FROM: u64 = 100;
const VALUE: u64 = 20;

/// Two stages: the first moves a value by steps, the second closes admission, pauses, and lowers priorities.
#[derive(Debug, Clone)]
struct Plan {
    /// Level and width of the gap, in percent.
    levels: [(u32, u32); 2],
    /// `for` and `clearFor`, in seconds.
    holds: [(u32, u32); 2],
    settle: u32,
    cooldown: u32,
    on_missing: [&'static str; 2],
}

impl Plan {
    fn policy(&self) -> Policy {
        let stage = |index: usize, signal: &str| {
            let ((level, gap), (hold, clear)) = (self.levels[index], self.holds[index]);
            format!("{{signal: {signal}, above: {level}%, clear: {}%, for: {hold}s, clearFor: {clear}s}}", level - gap)
        };
        let [disk, memory] = self.on_missing;
        let text = format!(
            "apiVersion: plotwarden/v1\nkind: Cpu\nmetadata: {{name: plan}}\nspec:\n  control: {{mode: enforce}}\n  signals:\n    \
             disk: {{local: io.some, of: machine, window: 1s, maxAge: 2s, onMissing: {disk}}}\n    \
             memory: {{local: memory.full, of: machine, window: 1s, maxAge: 2s, onMissing: {memory}}}\n  stages:\n    \
             - {{name: mild, at: {}, do: [{{cpu-weight: {{atMost: {VALUE}, from: {FROM}}}}}]}}\n    \
             - {{name: strong, at: {}, do: [closeAdmission, pause, {{nice: {{atLeast: 10}}}}]}}\n  \
             safe: [closeAdmission, {{io-weight: {{atMost: 10}}}}]\n  \
             behavior: {{settle: {}s, cooldown: {}s, maxActionsPerHour: 1000, reversals: {{max: 2, per: 15m, then: \
             holdRestrictive, hold: 15m}}}}\n",
            stage(0, "disk"),
            stage(1, "memory"),
            self.settle,
            self.cooldown
        );
        from_text(Path::new("plan.yaml"), &text, &Vocabulary::default()).unwrap().policies.remove(0)
    }
}

fn any_plan_with(on_missing: &'static [&'static str]) -> impl Strategy<Value = Plan> {
    let level = || (30..90_u32, 5..25_u32);
    let hold = || (0..5_u32, 1..6_u32);
    let wish = || prop::sample::select(on_missing);
    ((level(), level()), (hold(), hold()), 1..6_u32, 0..8_u32, (wish(), wish())).prop_map(
        |(levels, holds, settle, cooldown, on_missing)| Plan {
            levels: levels.into(),
            holds: holds.into(),
            settle,
            cooldown,
            on_missing: on_missing.into(),
        },
    )
}

fn any_plan() -> impl Strategy<Value = Plan> {
    any_plan_with(&["hold", "deny", "safe", "release"])
}

/// Stretches of like pressure, some of them unknown.
fn any_trace() -> impl Strategy<Value = Vec<Felt>> {
    let share = || prop::option::weighted(0.75, 0.0..1.0_f64);
    let stretch = (share(), share(), 1..12_usize)
        .prop_map(|(io, memory, ticks)| vec![Felt { io, cpu: Some(0.0), memory }; ticks]);
    prop::collection::vec(stretch, 1..25).prop_map(|stretches| stretches.concat())
}

fn stages(scene: &Scene) -> BTreeSet<String> {
    scene.last.stages.iter().cloned().collect()
}

fn has(scene: &Scene, kind: KnobKind) -> bool {
    scene.last.claims.iter().any(|claim| claim.setting.kind() == kind)
}

/// Where the value of the first stage is; `None` while nobody claims it.
fn weight(scene: &Scene) -> Option<u64> {
    scene.last.claims.iter().find_map(|claim| match claim.setting {
        Setting::Number(KnobKind::CpuWeight, weight) => Some(weight),
        _ => None,
    })
}

fn are_missing(scene: &Scene) -> bool {
    scene.last.inputs.iter().all(|input| input.missing.is_some())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn what_is_not_known_makes_nothing_looser(plan in any_plan_with(&["hold", "deny", "safe"]), trace in any_trace()) {
        let mut scene = Scene::with_jobs(plan.policy(), 4);
        for felt in trace {
            let before = scene.last.clone();
            let (was, held) = (stages(&scene), scene.paused_numbers());
            let weighed = weight(&scene);
            scene.tick(felt);
            if !are_missing(&scene) {
                continue;
            }
            prop_assert_eq!(&was, &stages(&scene), "{:?}", scene.said);
            prop_assert!(held.iter().all(|job| scene.paused_numbers().contains(job)), "{:?}", scene.said);
            prop_assert!(!before.admission_closed || scene.last.admission_closed, "{:?}", scene.said);
            prop_assert_eq!(weighed, weight(&scene), "{:?}", scene.said);
        }
    }

    #[test]
    fn a_value_stays_between_where_it_begins_and_where_it_goes(plan in any_plan(), trace in any_trace()) {
        let mut scene = Scene::with_jobs(plan.policy(), 1);
        for felt in trace {
            scene.tick(felt);
            if let Some(weight) = weight(&scene) {
                prop_assert!((VALUE..=FROM).contains(&weight), "{weight}");
            }
        }
    }

    #[test]
    fn claims_begin_and_end_with_their_stage(plan in any_plan(), trace in any_trace()) {
        let mut scene = Scene::with_jobs(plan.policy(), 2);
        for felt in trace {
            let held = weight(&scene).is_some();
            scene.tick(felt);
            let in_force = stages(&scene);
            prop_assert_eq!(in_force.contains("strong"), has(&scene, KnobKind::Nice), "{:?}", scene.said);
            // The value goes back by steps behind its stage, but never begins without it.
            prop_assert!(!in_force.contains("mild") || weight(&scene).is_some(), "{:?}", scene.said);
            prop_assert!(held || in_force.contains("mild") || weight(&scene).is_none(), "{:?}", scene.said);
        }
        scene.ticks(1300, Felt::io(0.0));
        prop_assert!(stages(&scene).is_empty() && weight(&scene).is_none() && scene.paused().is_empty(), "{:?}", scene.said);
    }

    #[test]
    fn stages_come_one_after_another_each_once_the_one_before_has_settled(plan in any_plan(), trace in any_trace()) {
        let mut scene = Scene::with_jobs(plan.policy(), 2);
        let mut mild_since = None;
        for felt in trace {
            let was = stages(&scene);
            scene.tick(felt);
            let is = stages(&scene);
            prop_assert!(is.difference(&was).count() <= 1, "{was:?} became {is:?}");
            if !is.contains("mild") {
                mild_since = None;
            } else if mild_since.is_none() {
                mild_since = Some(scene.now);
            }
            if is.contains("strong") && !was.contains("strong") {
                let settled = mild_since.is_some_and(|since| scene.now.saturating_sub(since) >= Duration::from_secs(plan.settle.into()));
                prop_assert!(settled, "{:?}", scene.said);
            }
        }
    }

    /// For as long as the trigger takes, nobody knows whether the new text would have begun what is in force. What `release` lets
    /// go with the tick in which its signal is lost goes whatever was edited.
    #[test]
    fn an_edited_policy_keeps_what_is_in_force(
        plan in any_plan_with(&["hold", "deny", "safe"]),
        trace in any_trace(),
        at in 0..100_usize,
    ) {
        let mut scene = Scene::with_jobs(plan.policy(), 4);
        let mut last = Felt::io(0.0);
        for felt in trace.iter().take(at + 1) {
            scene.tick(*felt);
            last = *felt;
        }
        let (was, held) = (stages(&scene), scene.paused_numbers());
        scene.policy.hash ^= 1;
        scene.tick(last);
        prop_assert!(was.is_subset(&stages(&scene)), "{was:?}: {:?}", scene.said);
        if was.contains("strong") {
            prop_assert!(held.iter().all(|job| scene.paused_numbers().contains(job)), "{:?}", scene.said);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    /// Whatever the period and however noisy: a stage that ends and begins again does so a bounded number of times.
    #[test]
    fn a_signal_that_swings_makes_a_stage_swing_only_so_often(
        plan in any_plan(),
        high in 1..40_usize,
        low in 1..40_usize,
        noise in prop::collection::vec(-0.1..0.1_f64, 31),
    ) {
        let mut scene = Scene::with_jobs(plan.policy(), 1);
        let mut begun = Vec::new();
        for second in 0..2400_usize {
            let base = if second % (high + low) < high { 0.95 } else { 0.03 };
            let was = stages(&scene);
            scene.tick(Felt::io((base + noise[second % noise.len()]).clamp(0.0, 1.0)));
            if stages(&scene).contains("mild") && !was.contains("mild") {
                begun.push(second);
            }
        }
        let bound = scene.policy.staged().unwrap().behavior.reversals;
        // The first time it begins nothing has been reversed.
        let reversals = &begun[1.min(begun.len())..];
        for (index, from) in reversals.iter().enumerate() {
            let within = reversals[index..].iter().take_while(|at| Duration::from_secs((*at - from) as u64) < bound.per);
            prop_assert!(within.count() <= bound.max as usize + 1, "{begun:?}");
        }
    }
}
