//! Reloads without end, while policies hold real processes: nothing is let go for a tick, and nothing is written anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::scene::{await_policies, policy};
use crate::support::alone::is_root;
use crate::support::daemon::{Daemon, Metrics, Options};
use crate::support::dialled::Dialled;
use crate::support::state::State;

const RELOADS: usize = 40;
const EVERY: Duration = Duration::from_millis(200);

/// What is held of whom, by the metrics.
fn held(metrics: &Metrics) -> Vec<(String, f64)> {
    let mut held = metrics.all("plotwarden_knob_setting_info", &[("kind", "actual")]);
    held.sort_by(|one, other| one.0.cmp(&other.0));
    held
}

/// The records of what is to be put back, without their times: how long each holds is renewed while it is held.
fn journal(daemon: &Daemon) -> BTreeMap<PathBuf, serde_json::Value> {
    let record = |path: &PathBuf| {
        let mut record: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        for time in ["until_ms", "written_at"] {
            assert!(record.as_object_mut().unwrap().remove(time).is_some(), "{record}");
        }
        record
    };
    daemon.journal().into_iter().map(|path| (path.clone(), record(&path))).collect()
}

/// Writes by knob, whatever came of them.
fn writes(metrics: &Metrics) -> Vec<(String, f64)> {
    let mut writes = metrics.all("plotwarden_writes_total", &[]);
    writes.sort_by(|one, other| one.0.cmp(&other.0));
    writes
}

#[test]
fn reloads_without_end_never_drop_a_claim_for_a_tick() {
    if !is_root("pausing plotters") {
        return;
    }
    let dialled = Dialled::with_plotters();
    let (file, other) = (dialled.policies().join("dial.yaml"), dialled.policies().join("other.yaml"));
    let hasty = fs::read_to_string(&file).unwrap();
    // A policy that forgot what it knew would let go and need three seconds to begin anew.
    let good = hasty.replace("trigger: {for: 0s", "trigger: {for: 3s");
    assert_ne!(good, hasty);
    fs::write(&file, &good).unwrap();
    let before = dialled.state();
    let flags = vec!["--web.enable-lifecycle".to_owned()];
    let mut daemon = Daemon::start(&Options { flags, ..dialled.options() });
    dialled.press(&daemon);
    let paused = *dialled.pids().last().unwrap();
    // Whatever was under way when everything was held has been written.
    let settled = daemon.ticks() + 3.0;
    daemon.wait_for("rest", Duration::from_secs(20), |_| (daemon.ticks() >= settled).then_some(()));
    let at_rest = daemon.metrics();
    let (first_tick, records, audited) = (daemon.ticks(), journal(&daemon), daemon.audit().len());
    assert!(!records.is_empty() && held(&at_rest).len() >= 4, "{}", at_rest.text);

    for number in 0..RELOADS {
        let next = Instant::now() + EVERY;
        // The policy that holds is another text each time, comes with another beside it, and is broken now and then.
        let is_broken = number % 10 == 9;
        let text = if is_broken { "kind: [".to_owned() } else { format!("# version {number}\n{good}") };
        fs::write(&file, text).unwrap();
        if number % 2 == 0 {
            fs::write(&other, policy("other").replace("mode: enforce", "mode: dryRun")).unwrap();
        } else {
            fs::remove_file(&other).unwrap();
        }
        let (status, said) = daemon.ask("POST", "/-/reload").unwrap();
        assert_eq!(status, if is_broken { 500 } else { 200 }, "{said}");
        assert!(State::of(&[paused]).halts(paused), "reload {number} dropped the pause:\n{}", daemon.log());
        let metrics = daemon.metrics();
        assert_eq!(held(&metrics), held(&at_rest), "after reload {number}:\n{}", daemon.log());
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    fs::write(&file, &good).unwrap();
    assert_eq!(daemon.ask("POST", "/-/reload").unwrap().0, 200);
    await_policies(&daemon, &["dial"]);

    let ticks = daemon.ticks() - first_tick;
    assert!(ticks >= 5.0, "the loop turned {ticks} times only");
    assert_eq!(writes(&daemon.metrics()), writes(&at_rest), "something was written anew:\n{}", daemon.log());
    let later = journal(&daemon);
    let all = records.keys().chain(later.keys());
    let changed: Vec<&PathBuf> = all.filter(|path| records.get(*path) != later.get(*path)).collect();
    assert!(changed.is_empty(), "records that changed: {changed:?}");
    let lines: Vec<String> = daemon.audit()[audited..].iter().map(ToString::to_string).collect();
    assert!(lines.iter().all(|line| !line.contains("released")), "{lines:#?}");
    println!("{RELOADS} reloads within {ticks} ticks; {} further lines in the audit file", lines.len());
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert_eq!(dialled.state(), before);
}
