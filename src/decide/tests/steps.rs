//! Values that go by steps, and what bounds how often a policy acts.

use std::path::Path;

use super::scene::{Felt, Scene};
use crate::claim::{KnobKind, Setting};
use crate::policy::{Policy, Vocabulary, from_text};

const STEPS: &str = "
apiVersion: plotwarden/v1
kind: Cpu
metadata: {name: steps}
spec:
  control: {mode: enforce}
  signals:
    busy: {local: cpu.some, of: machine, window: 1s, maxAge: 5s, onMissing: hold}
  stages:
    - name: on
      at: {signal: busy, above: 50%, clear: 20%, for: 1s, clearFor: 1s}
      do: [{cpu-weight: {atMost: 20, from: 100, toward: {signal: busy, above: 50%}}}]
  behavior: {settle: 2s, cooldown: 4s, steps: {tighten: 50%, relax: 25%}}
";

fn policy(edits: &[(&str, &str)]) -> Policy {
    let mut text = STEPS.to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "no `{from}`");
        text = text.replace(from, to);
    }
    from_text(Path::new("steps.yaml"), &text, &Vocabulary::default()).unwrap().policies.remove(0)
}

/// The weights that the first plot had, one after another, with how long each held in seconds.
fn weights(scene: &mut Scene, ticks: u32, felt: Felt) -> Vec<(u64, u32)> {
    let mut found: Vec<(u64, u32)> = Vec::new();
    for _ in 0..ticks {
        scene.tick(felt);
        let weight = scene.settings(1).into_iter().find_map(|setting| match setting {
            Setting::Number(KnobKind::CpuWeight, weight) => Some(weight),
            _ => None,
        });
        match (found.last_mut(), weight.unwrap_or(100)) {
            (Some((last, ticks)), weight) if *last == weight => *ticks += 1,
            (_, weight) => found.push((weight, 1)),
        }
    }
    found
}

#[test]
fn a_value_tightens_each_settle_and_goes_back_each_cooldown_however_its_stage_stands() {
    let mut scene = Scene::with_jobs(policy(&[]), 1);
    let tightening = weights(&mut scene, 8, Felt::cpu(0.9));
    assert_eq!(tightening, [(100, 1), (60, 2), (20, 5)], "{:?}", scene.said);
    // The stage is in force, and its signal no longer beyond the level.
    assert_eq!(weights(&mut scene, 8, Felt::cpu(0.4)), [(40, 4), (60, 4)], "{:?}", scene.said);
    // The stage has ended.
    let back = weights(&mut scene, 10, Felt::cpu(0.1));
    assert_eq!(back, [(80, 4), (100, 6)], "{:?}", scene.said);
}

#[test]
fn a_value_can_go_toward_a_level_from_either_side() {
    let below = ("toward: {signal: busy, above: 50%}", "toward: {signal: busy, below: 50%}");
    let mut scene = Scene::with_jobs(policy(&[below, ("above: 50%, clear: 20%", "below: 50%, clear: 80%")]), 1);
    assert_eq!(weights(&mut scene, 8, Felt::cpu(0.1)).last().unwrap().0, 20, "{:?}", scene.said);
    assert_eq!(weights(&mut scene, 8, Felt::cpu(0.6)).last().unwrap().0, 60, "{:?}", scene.said);
}

#[test]
fn what_an_hour_allows_ends_nothing_more_and_lets_protection_begin() {
    let hourly = (
        "behavior: {",
        "behavior: {maxActionsPerHour: 3, reversals: {max: 100, per: 1m, then: holdRestrictive, hold: 1m}, ",
    );
    let mut scene = Scene::with_jobs(policy(&[hourly]), 1);
    let stage = |scene: &mut Scene, felt| {
        scene.ticks(20, felt);
        scene.last.stages.clone()
    };
    assert_eq!(stage(&mut scene, Felt::cpu(0.9)), ["on"]);
    assert!(stage(&mut scene, Felt::cpu(0.1)).is_empty());
    assert_eq!(stage(&mut scene, Felt::cpu(0.9)), ["on"]);
    assert_eq!(stage(&mut scene, Felt::cpu(0.1)), ["on"], "three actions are spent: {:?}", scene.said);
    let told = scene.said.iter().filter(|(_, line)| line.contains("all 3 actions of an hour are spent")).count();
    assert_eq!(told, 1, "{:?}", scene.said);
    scene.ticks(3600, Felt::cpu(0.1));
    assert!(scene.last.stages.is_empty(), "an hour later it ends: {:?}", scene.said);
    let spent = ("maxActionsPerHour: 3", "maxActionsPerHour: 1");
    let mut scene = Scene::with_jobs(policy(&[hourly, spent]), 1);
    stage(&mut scene, Felt::cpu(0.9));
    assert_eq!(stage(&mut scene, Felt::cpu(0.1)), ["on"]);
}
