use std::path::Path;

use super::scene::{Felt, Scene, edited};
use crate::policy::{Policy, Vocabulary, from_text};

const STAGED: &str = "
apiVersion: plotwarden/v1
kind: Storage
metadata: {name: late}
spec:
  control: {mode: enforce}
  signals:
    disk: {local: io.some, of: machine, window: 1s, maxAge: 5s, onMissing: hold}
  stages:
    - {name: late, at: {signal: disk, above: 50%, clear: 20%, for: 2s, clearFor: 3s}, do: [pause]}
  behavior: {settle: 3s, cooldown: 3s, pauseAtOnce: 1%, maxActionsPerHour: 1000}
";

/// One plot at a time, so that six of them allow five pauses.
fn policies() -> [Policy; 2] {
    let staged = from_text(Path::new("late.yaml"), STAGED, &Vocabulary::default()).unwrap().policies.remove(0);
    [edited(&[("pauseAtOnce: 50%", "pauseAtOnce: 1%")]), staged]
}

#[test]
fn after_three_pauses_that_do_not_help_no_further_plot_is_paused_and_an_alert_says_so() {
    for policy in policies() {
        let mut scene = Scene::with_jobs(policy, 6);
        scene.ticks(60, Felt::io(0.9));
        assert_eq!(scene.paused_numbers(), [4, 5, 6], "{:?}", scene.said);
        assert_eq!(scene.last.alerts, ["ActionHasNoEffect"]);
        let told = scene.said.iter().filter(|(_, line)| line.contains("no further pause until it is clear")).count();
        assert_eq!(told, 1, "{:?}", scene.said);
    }
}

#[test]
fn once_it_was_clear_pauses_are_tried_again() {
    for policy in policies() {
        let mut scene = Scene::with_jobs(policy, 6);
        scene.ticks(60, Felt::io(0.9));
        scene.ticks(8, Felt::io(0.05));
        assert_eq!(scene.last.alerts, Vec::<String>::new(), "{:?}", scene.said);
        scene.ticks(60, Felt::io(0.05));
        assert!(scene.paused_numbers().is_empty(), "{:?}", scene.said);
        scene.ticks(8, Felt::io(0.9));
        assert!(!scene.paused_numbers().is_empty(), "{:?}", scene.said);
    }
}

#[test]
fn pauses_that_help_a_little_go_on() {
    for policy in policies() {
        let mut scene = Scene::with_jobs(policy, 6);
        for _ in 0..40 {
            let running = 6 - scene.paused().len();
            scene.tick(Felt::io(0.54 + 0.07 * f64::from(u32::try_from(running).unwrap())));
        }
        assert_eq!(scene.paused_numbers(), [2, 3, 4, 5, 6], "{:?}", scene.said);
        assert_eq!(scene.last.alerts, Vec::<String>::new());
    }
}

#[test]
fn a_rehearsal_proves_nothing() {
    for mut policy in policies() {
        policy.control.mode = crate::mode::Mode::DryRun;
        let mut scene = Scene::with_jobs(policy, 6);
        scene.ticks(60, Felt::io(0.9));
        assert_eq!(scene.last.alerts, Vec::<String>::new());
        assert_eq!(scene.paused_numbers().len(), 5, "{:?}", scene.said);
    }
}

/// Half of the plots at a time is how the shipped policy goes: eight become one before anybody gives up.
#[test]
fn eight_on_a_disk_that_stays_full_become_one() {
    let mut scene = Scene::with_jobs(edited(&[]), 4);
    for number in 5..=8 {
        scene.jobs.push(super::scene::job(number, scene.jobs[3].job.started, 0.05));
    }
    scene.ticks(60, Felt::io(0.95));
    assert_eq!(scene.paused_numbers(), [2, 3, 4, 5, 6, 7, 8], "{:?}", scene.said);
}
