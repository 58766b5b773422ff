//! The history over ticks, files and restarts.

use std::fs;
use std::sync::RwLock;

use super::*;
use crate::history::{Query, Target};
use crate::metrics::fixture;
use crate::promql::{Matcher, Summary};
use crate::units::Bytes;

fn config() -> HistoryConfig {
    let target = Target { job: "plotwarden".into(), instance: "plot-01:9037".into() };
    HistoryConfig { target, memory_limit: Bytes(32 << 20), forecast: Vec::new() }
}

fn shared() -> SharedHistory {
    Arc::new(RwLock::new(History::new(config())))
}

/// The tick this many seconds after the fixture's.
fn tick(second: u64) -> Arc<Snapshot> {
    let mut snapshot = fixture::snapshot(2);
    let after = Duration::from_secs(second);
    let now = snapshot.world.now;
    snapshot.world.now = Moment { boot: now.boot + after, wall: now.wall + after };
    Arc::new(snapshot)
}

/// Stamps of the samples of `up`, in seconds after the fixture's tick.
fn ups(history: &History) -> Vec<i64> {
    let matchers = [Matcher::metric("up")];
    let (window, summary) = (None, Summary::Mean);
    let everything =
        Query { matchers: &matchers, start: 0, end: i64::MAX, window, summary, most_series: 9, most_samples: 9999 };
    let first = fixture::now().stamp();
    let series = history.select(&everything).unwrap().series;
    series.iter().flat_map(|one| one.stamps.iter().map(|at| (at - first) / 1000)).collect()
}

#[test]
fn every_tick_is_appended_and_the_end_is_saved() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/history");
    let history = shared();
    let (mut feed, end) = start(Arc::clone(&history), config(), Some(path.clone())).unwrap();
    assert_eq!(feed.state(), None, "no figures before the first tick");
    for second in 0..5 {
        feed.append(tick(second));
    }
    drop(feed);
    end.wait();
    assert_eq!(ups(&history.read().unwrap()), [0, 1, 2, 3, 4]);

    let again = shared();
    let (mut feed, end) = start(Arc::clone(&again), config(), Some(path)).unwrap();
    feed.append(tick(60));
    drop(feed);
    end.wait();
    assert_eq!(ups(&again.read().unwrap()), [0, 1, 2, 3, 4, 60]);
}

#[test]
fn a_kill_loses_at_most_ten_minutes() {
    let folder = tempfile::tempdir().unwrap();
    let file = SnapshotFile::new(folder.path().join("history"));
    let mut appender = Appender::new(shared(), Some(file.clone()), Arc::default());
    for second in 0..=1300 {
        let tick = tick(second);
        appender.append(&tick);
        appender.save_if_due(tick.world.now);
        if let Some(saving) = appender.saving.take() {
            saving.join().unwrap();
        }
    }
    // Nothing else is said to it: this is what a kill leaves.
    let (left, _) = file.load(config());
    assert_eq!(ups(&left).last(), Some(&1200));
    let saved_at = appender.saved_at.lock().unwrap().unwrap();
    assert_eq!(saved_at.duration_since(fixture::now().wall).unwrap(), Duration::from_mins(20));
}

#[test]
fn a_damaged_file_is_put_aside_and_ticks_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    fs::write(&path, "<html>").unwrap();
    let history = shared();
    let (mut feed, end) = start(Arc::clone(&history), config(), Some(path.clone())).unwrap();
    feed.append(tick(0));
    drop(feed);
    end.wait();
    assert_eq!(fs::read_to_string(folder.path().join("history.damaged")).unwrap(), "<html>");
    assert_eq!(ups(&SnapshotFile::new(path).load(config()).0), [0]);
}

#[test]
fn a_run_without_ticks_leaves_the_file_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    let (feed, end) = start(shared(), config(), Some(path.clone())).unwrap();
    drop(feed);
    end.wait();
    assert!(!path.exists());
}

#[test]
fn a_tick_is_there_at_once_where_nobody_reads() {
    let history = shared();
    let (mut feed, end) = start(Arc::clone(&history), config(), None).unwrap();
    let began = std::time::Instant::now();
    while feed.waiting.load(Ordering::Acquire) > 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "the last run's history is still being read");
        thread::sleep(Duration::from_millis(1));
    }
    for second in 0..3 {
        feed.append(tick(second));
        assert_eq!(ups(&history.read().unwrap()).last(), i64::try_from(second).ok().as_ref());
    }
    drop(feed);
    end.wait();
}

#[test]
fn a_loop_that_is_silent_is_down_and_one_that_turns_is_not() {
    let mut appender = Appender::new(shared(), None, Arc::default());
    appender.append(&tick(0));
    let heard = clock::now();
    let after = |seconds| Moment { boot: heard.boot + Duration::from_secs(seconds), ..heard };
    assert!(appender.until_silence(after(4)) <= Duration::from_secs(6));
    assert_eq!(appender.history.read().unwrap().stats().counters.ticks, 1);
    assert_eq!(appender.until_silence(after(11)), SILENCE);
    assert_eq!(appender.history.read().unwrap().stats().counters.ticks, 2, "`up` is 0");
}

#[test]
fn a_reader_that_holds_the_history_does_not_hold_the_loop() {
    let history = shared();
    let (mut feed, end) = start(Arc::clone(&history), config(), None).unwrap();
    let reader = history.read().unwrap();
    for second in 0..10 {
        feed.append(tick(second));
    }
    drop(reader);
    drop(feed);
    end.wait();
    assert_eq!(ups(&history.read().unwrap()).len(), 10, "they waited");
}

#[test]
fn the_figures_are_those_of_the_last_tick() {
    let mut appender = Appender::new(shared(), None, Arc::default());
    appender.append(&tick(0));
    appender.append(&tick(1));
    appender.append(&tick(0));
    let state = appender.state.lock().unwrap().clone().unwrap();
    assert_eq!((state.stats.counters.ticks, state.stats.counters.refused_ticks), (2, 1));
    assert!(state.append > Duration::ZERO && state.saved_at.is_none());
}
