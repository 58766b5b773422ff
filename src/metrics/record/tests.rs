//! What the history holds is what a server would have scraped, whatever comes and goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::*;
use crate::history::{HistoryConfig, NAME, Query, Target, value};
use crate::metrics::fixture::{blind, job, snapshot};
use crate::metrics::{Format, Gatherer, encode};
use crate::promql::Summary;
use crate::units::Bytes;

const START: i64 = 1_790_000_100_000;

fn history() -> History {
    let target = Target { job: "plotwarden".into(), instance: "plot-01:9037".into() };
    History::new(HistoryConfig { target, memory_limit: Bytes(96 << 20), forecast: Vec::new() })
}

/// Series with their values, as the classic format shows them.
fn scraped(snapshot: &Arc<Snapshot>) -> BTreeMap<String, f64> {
    let mut text = String::new();
    encode(snapshot, Format::Classic, &mut text);
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| line.rsplit_once(' ').unwrap())
        .map(|(series, value)| (series.to_owned(), value.parse().unwrap()))
        .collect()
}

/// The same of one tick of the history; what has ended is not there.
fn held(history: &History, at: i64) -> BTreeMap<String, f64> {
    let (window, summary, all) = (None, Summary::Mean, usize::MAX);
    let query = Query { matchers: &[], start: at, end: at, window, summary, most_series: all, most_samples: all };
    let series = history.select(&query).unwrap().series.into_iter();
    let live = series.filter(|one| !value::is_stale(one.values[0]));
    live.map(|one| (written(&one.labels), one.values[0])).filter(|(series, _)| series != "up").collect()
}

/// Labels in the order of the names; those of the target are left out.
fn written(labels: &crate::history::Labels) -> String {
    let own = labels.iter().filter(|(name, _)| ![NAME, "job", "instance"].contains(name));
    let escape = |text: &str| text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    let own: Vec<String> = own.map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
    let name = labels.get(NAME).unwrap();
    if own.is_empty() { name.to_owned() } else { format!("{name}{{{}}}", own.join(",")) }
}

/// The text format gives labels in the order of the family; `,` and `=` inside of values do not matter for comparing.
fn sorted(series: BTreeMap<String, f64>) -> BTreeMap<(String, BTreeSet<String>), u64> {
    let split = |text: &str| {
        let (name, labels) = text.split_once('{').unwrap_or((text, ""));
        (
            name.to_owned(),
            labels.trim_end_matches('}').split("\",").map(|label| label.trim_end_matches('"').to_owned()).collect(),
        )
    };
    series.into_iter().map(|(text, value)| (split(&text), value.to_bits())).collect()
}

#[test]
fn the_history_holds_what_a_scrape_shows() {
    for tick in [snapshot(3), snapshot(0), blind()] {
        let (tick, mut history) = (Arc::new(tick), history());
        let recorded = Recorder::default().record(START, &tick, &mut history).unwrap();
        assert_eq!(sorted(held(&history, START)), sorted(scraped(&tick)));
        assert_eq!(recorded, Recorded { samples: scraped(&tick).len() + 1, refused: None }, "and `up`");
    }
}

#[test]
fn jobs_come_and_go() {
    let (mut history, mut recorder) = (history(), Recorder::default());
    let present: [&[u32]; 8] = [&[], &[0, 1, 2], &[0, 2], &[2, 5, 7, 8], &[1, 2, 5, 6, 8], &[8, 2], &[], &[3]];
    for (second, jobs) in (0..).zip(present) {
        let mut tick = snapshot(0);
        tick.world.jobs = jobs.iter().map(|number| job(*number)).collect();
        let tick = Arc::new(tick);
        let at = START + second * 1000;
        recorder.record(at, &tick, &mut history).unwrap();
        assert_eq!(sorted(held(&history, at)), sorted(scraped(&tick)), "tick {second}");
    }
}

#[test]
fn what_stays_is_not_looked_up_again() {
    let (mut history, mut recorder, mut gatherer) = (history(), Recorder::default(), Gatherer::default());
    let mut tick = |jobs, history: &mut History| {
        let mut tick = snapshot(jobs);
        gatherer.gather(&mut tick);
        recorder.look_up(&tick.samples().topics, history);
    };
    tick(5, &mut history);
    for jobs in [5, 4] {
        // Whoever looked a series up here would create it.
        let mut empty = self::history();
        tick(jobs, &mut empty);
        assert_eq!(empty.stats().series, 0, "{jobs} jobs");
    }
}

#[test]
fn series_of_a_tick_that_was_refused_are_learned_again() {
    let (mut history, mut recorder) = (history(), Recorder::default());
    recorder.record(START, &snapshot(1), &mut history).unwrap();
    assert!(recorder.record(START - 1, &snapshot(9), &mut history).is_err());
    // A column is looked at every 240 ticks, and given back if nothing was ever in it.
    for second in 1..500 {
        recorder.record(START + second * 1000, &snapshot(1), &mut history).unwrap();
    }
    let (tick, at) = (Arc::new(snapshot(9)), START + 501_000);
    recorder.record(at, &tick, &mut history).unwrap();
    recorder.record(at + 1000, &tick, &mut history).unwrap();
    assert_eq!(sorted(held(&history, at + 1000)), sorted(scraped(&tick)));
}

#[test]
fn what_does_not_fit_is_said_and_the_rest_goes_on() {
    let target = Target { job: "plotwarden".into(), instance: "plot-01:9037".into() };
    let small = HistoryConfig { target, memory_limit: Bytes(2 << 20), forecast: Vec::new() };
    let (mut history, mut recorder) = (History::new(small), Recorder::default());
    for second in 0..3 {
        let outcome = recorder.record(START + second * 1000, &snapshot(20), &mut history).unwrap();
        assert!(outcome.refused.is_some() && outcome.samples > 100, "{outcome:?}");
    }
}

/// Prints what a tick costs beside what a scrape costs. No mark to pass: build and machine decide too much of it.
#[test]
fn cost_beside_a_scrape() {
    for jobs in [2, 85] {
        let (mut history, mut recorder, mut text) = (history(), Recorder::default(), String::new());
        let tick = Arc::new(snapshot(jobs));
        let (mut record, mut write) = (Duration::ZERO, Duration::ZERO);
        let series = recorder.record(START, &tick, &mut history).unwrap().samples;
        // As many ticks as it takes to compress every column once.
        for second in 1..=240 {
            let began = Instant::now();
            recorder.record(START + second * 1000, &tick, &mut history).unwrap();
            record += began.elapsed() / 240;
        }
        for _ in 0..20 {
            let began = Instant::now();
            encode(&tick, Format::Classic, &mut text);
            write += began.elapsed() / 20;
        }
        let ratio = record.as_secs_f64() / write.as_secs_f64();
        println!("{series} series: recorded in {record:?}, written as text in {write:?}, ratio {ratio:.2}");
    }
}
