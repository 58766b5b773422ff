//! Plants that answer late and make any controller swing: however late they are, whatever the noise, nothing goes to and fro more
//! often than its bound.
//!
//! Each is a piece of physics that a policy acts on: PSI that is a mean over the last seconds, a disk that works off its queue, and
//! a package that warms up as a resistor and a capacitor do.

use std::collections::VecDeque;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;

use super::laws;
use super::scene::{Felt, Scene, shipped_policy};
use crate::claim::{KnobKind, Setting};
use crate::policy::{Policy, Vocabulary, from_text};

const JOBS: u32 = 6;
/// Seconds of one run: several times the window within which reversals are counted.
const RUN: usize = 5400;

/// One second of a plant under a load; returns what is measured of it.
trait Plant {
    fn second(&mut self, load: f64) -> f64;
}

/// Waiting for a resource, averaged as the kernel does it: an exponential mean over some seconds.
#[derive(Debug, Clone)]
struct PsiLag {
    /// Share of the time in which each job makes the others wait.
    per_job: f64,
    /// Time constant of the mean, in seconds.
    over: f64,
    mean: f64,
}

/// A disk that is given requests for so many seconds of its work in each second, and works off one. What is waited for is
/// what stands in its queue.
#[derive(Debug, Clone)]
struct Queue {
    per_job: f64,
    /// Each job has no more than so many seconds of work under way.
    depth: f64,
    backlog: f64,
}

/// A package of some thermal resistance and capacity, in a case of 35 C.
#[derive(Debug, Clone)]
struct Package {
    watts_per_job: f64,
    /// Kelvin per watt.
    resistance: f64,
    /// Seconds: resistance times capacity.
    time_constant: f64,
    celsius: f64,
}

impl Plant for PsiLag {
    fn second(&mut self, load: f64) -> f64 {
        let now = (self.per_job * load - 0.2).clamp(0.0, 1.0);
        self.mean += (now - self.mean) * (1.0 - (-1.0 / self.over).exp());
        self.mean
    }
}

impl Plant for Queue {
    fn second(&mut self, load: f64) -> f64 {
        self.backlog = (self.backlog + self.per_job * load - 1.0).clamp(0.0, self.depth * load);
        self.backlog / (self.backlog + 2.0)
    }
}

impl Plant for Package {
    fn second(&mut self, load: f64) -> f64 {
        let settled = 35.0 + self.resistance * (20.0 + self.watts_per_job * load);
        self.celsius += (settled - self.celsius) / self.time_constant;
        self.celsius
    }
}

/// What is measured reaches the policy so many seconds later, with noise.
struct Late<P> {
    plant: P,
    on_the_way: VecDeque<f64>,
    noise: Vec<f64>,
    second: usize,
}

impl<P: Plant> Late<P> {
    /// `noise` is repeated.
    fn new(mut plant: P, delay: usize, noise: &[f64]) -> Self {
        let idle = plant.second(0.0);
        Self { plant, on_the_way: vec![idle; delay].into(), noise: noise.to_vec(), second: 0 }
    }

    fn second(&mut self, load: f64) -> f64 {
        self.on_the_way.push_back(self.plant.second(load));
        self.second += 1;
        let noise = self.noise[self.second % self.noise.len()];
        self.on_the_way.pop_front().unwrap() + noise
    }
}

/// Seconds in which a pause answered a resume, on a plant that is loaded by the jobs that run.
fn pauses(mut plant: Late<impl Plant>, scene: &mut Scene) -> Vec<u64> {
    for _ in 0..RUN {
        let running = f64::from(JOBS - u32::try_from(scene.paused().len()).unwrap());
        let share = plant.second(running).clamp(0.0, 1.0);
        scene.tick(Felt::io(share));
    }
    laws::reversals(scene)
}

/// Holds a package at 80 C by the CPU time of each plot, and pauses plots where that is not enough.
fn cool() -> Policy {
    let text = "apiVersion: plotwarden/v1\nkind: Cpu\nmetadata: {name: cool}\nspec:\n  control: {mode: enforce}\n  signals:\n    \
        temperature: {promql: max(plotwarden_sensor_temperature_celsius), unit: celsius, maxAge: 15s, onMissing: hold}\n  stages:\n    \
        - name: warm\n      at: {signal: temperature, above: 82C, clear: 76C, for: 5s, clearFor: 10s}\n      \
        do: [{cpu-quota: {atMost: 20%, from: 100%, toward: {signal: temperature, above: 80C}}}]\n    \
        - {name: hot, at: {signal: temperature, above: 90C, clear: 80C, for: 2s, clearFor: 10s}, do: [pause]}\n  \
        behavior: {settle: 3s, cooldown: 5s, steps: {tighten: 25%, relax: 25%}, maxActionsPerHour: 1000}\n";
    let vocabulary = Vocabulary { metrics: crate::metrics::names(), ..Vocabulary::default() };
    from_text(Path::new("cool.yaml"), text, &vocabulary).unwrap().policies.remove(0)
}

/// The CPU time that the first job may have, of all; all of it while nobody claims less.
fn quota(scene: &Scene) -> f64 {
    let claimed = scene.last.claims.iter().find_map(|claim| match claim.setting {
        Setting::Number(KnobKind::CpuQuota, quota) => Some(quota),
        _ => None,
    });
    claimed.map_or(1.0, |quota| f64::from(u32::try_from(quota).unwrap()) / 1e6)
}

/// Seconds in which a pause answered a resume, and those in which CPU time was taken after some was given back.
fn cooled(mut plant: Late<impl Plant>, scene: &mut Scene) -> (Vec<u64>, Vec<u64>) {
    let (mut was, mut was_given, mut taken) = (quota(scene), false, Vec::new());
    for second in 0..RUN as u64 {
        let running = f64::from(JOBS - u32::try_from(scene.paused().len()).unwrap());
        let celsius = plant.second(running * was);
        scene.answer(celsius);
        scene.tick(Felt::io(0.0));
        let is = quota(scene);
        if is < was && was_given {
            taken.push(second);
        }
        if is.total_cmp(&was).is_ne() {
            was_given = is > was;
        }
        was = is;
    }
    (laws::reversals(scene), taken)
}

/// The most that lie within the time in which they are counted.
fn densest(reversals: &[u64], scene: &mut Scene) -> usize {
    let per = scene.reversals().per.as_secs();
    let from = |first: usize| reversals[first..].iter().take_while(|at| **at - reversals[first] < per).count();
    (0..reversals.len()).map(from).max().unwrap_or_default()
}

/// As many as are allowed, and the one that was too many.
fn bound(scene: &mut Scene) -> usize {
    scene.reversals().max as usize + 1
}

fn noise(of: f64) -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-of..of, 50)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn reversals_are_bounded_where_pressure_is_a_mean(
        (per_job, over) in (0.05..0.6_f64, 1.0..30.0_f64),
        delay in 0..61_usize,
        noise in noise(0.3),
    ) {
        let mut scene = Scene::with_jobs(shipped_policy(), JOBS);
        let plant = Late::new(PsiLag { per_job, over, mean: 0.0 }, delay, &noise);
        let reversals = pauses(plant, &mut scene);
        prop_assert!(densest(&reversals, &mut scene) <= bound(&mut scene), "{reversals:?}");
    }

    #[test]
    fn reversals_are_bounded_where_a_queue_fills(
        (per_job, depth) in (0.1..0.9_f64, 0.5..20.0_f64),
        delay in 0..61_usize,
        noise in noise(0.2),
    ) {
        let mut scene = Scene::with_jobs(shipped_policy(), JOBS);
        let plant = Late::new(Queue { per_job, depth, backlog: 0.0 }, delay, &noise);
        let reversals = pauses(plant, &mut scene);
        prop_assert!(densest(&reversals, &mut scene) <= bound(&mut scene), "{reversals:?}");
    }

    #[test]
    fn reversals_are_bounded_where_heat_builds_up(
        (watts_per_job, resistance) in (10.0..40.0_f64, 0.2..0.6_f64),
        time_constant in 5.0..120.0_f64,
        delay in 0..61_usize,
        noise in noise(3.0),
    ) {
        let mut scene = Scene::with_jobs(cool(), JOBS);
        let plant = Late::new(Package { watts_per_job, resistance, time_constant, celsius: 35.0 }, delay, &noise);
        let (paused, taken) = cooled(plant, &mut scene);
        for reversals in [paused, taken] {
            prop_assert!(densest(&reversals, &mut scene) <= bound(&mut scene), "{reversals:?}: {:?}", scene.said);
        }
    }
}

/// The plants are worth their name: what is not bounded swings on each of them, and what is bounded is held for longer and longer.
#[test]
fn without_the_bound_each_plant_swings() {
    let unbounded = |policy: Policy| {
        let mut scene = Scene::with_jobs(policy, JOBS);
        scene.reversals().max = 1000;
        scene
    };
    let of = |scene: &mut Scene, reversals: &[u64]| densest(reversals, scene);

    let lag = Late::new(PsiLag { per_job: 0.2, over: 10.0, mean: 0.0 }, 20, &[0.0]);
    let mut scene = unbounded(shipped_policy());
    let reversals = pauses(lag, &mut scene);
    assert!(of(&mut scene, &reversals) > 4, "{reversals:?}");

    let queue = Late::new(Queue { per_job: 0.4, depth: 4.0, backlog: 0.0 }, 20, &[0.0]);
    let mut scene = unbounded(shipped_policy());
    let reversals = pauses(queue, &mut scene);
    assert!(of(&mut scene, &reversals) > 4, "{reversals:?}");

    let heat = || Late::new(PACKAGE, 20, &[0.0]);
    let mut scene = unbounded(cool());
    let (_, taken) = cooled(heat(), &mut scene);
    assert!(of(&mut scene, &taken) > 4, "{taken:?}");
}

const PACKAGE: Package = Package { watts_per_job: 25.0, resistance: 0.4, time_constant: 20.0, celsius: 35.0 };

#[test]
fn a_value_that_went_to_and_fro_is_held_where_it_is_tight_and_that_is_said() {
    let mut scene = Scene::with_jobs(cool(), JOBS);
    let (_, taken) = cooled(Late::new(PACKAGE, 20, &[0.0]), &mut scene);
    assert!(
        scene.said("`cpu-quota` does not go back for 15m after more than 3 reversals within 15m"),
        "{:?}",
        scene.said
    );
    assert!(scene.said("`cpu-quota` does not go back for 30m"), "{:?}", scene.said);
    let first_hold = taken[bound(&mut scene) - 1];
    let next = taken[bound(&mut scene)];
    assert!(next - first_hold >= Duration::from_mins(15).as_secs(), "{taken:?}");
}
