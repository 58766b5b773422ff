//! Measures the evaluator beside a real Prometheus on 5,000 series of 1,440 samples, both in CPU time.
//!
//! `cargo test --release --test promql_differential -- --ignored --nocapture`; needs `prometheus` and `promtool` on the path and
//! takes some minutes, most of them to fill Prometheus.

use nix::time::{ClockId, clock_gettime};
use plotwarden::promql::{Engine, Labels, METRIC_NAME, Millis, Selection, Storage};

use super::Prometheus;
use super::data::{END, Samples, open_metrics};
use crate::promql_support::Memory;

const QUERY: &str = "sum by (instance) (rate(x_total[5m]))";
const SCRAPE: Millis = 15_000;
const FIRST: Millis = END - 1_440 * SCRAPE;

#[test]
#[ignore = "a measurement, not a check; fills Prometheus with 7.2 million samples"]
fn five_thousand_series() {
    let series = series();
    let Some(prometheus) = Prometheus::start(&open_metrics(&series)) else {
        eprintln!("promql_differential: SKIPPED: prometheus or promtool is not installed");
        return;
    };
    let mut storage = Memory::default();
    for (labels, samples) in series {
        storage.add(labels, samples);
    }
    let engine = Engine::default();
    let query = engine.parse(QUERY).unwrap();
    let steps = (FIRST + 300_000, END, (END - FIRST - 300_000) / 239);
    let never = || None;
    let ours = |rounds: u32, f: &dyn Fn()| {
        f();
        let before = own_cpu();
        (0..rounds).for_each(|_| f());
        (own_cpu() - before) / f64::from(rounds)
    };
    let theirs = |rounds: u32, f: &dyn Fn()| {
        f();
        let before = prometheus.cpu_seconds().unwrap();
        (0..rounds).for_each(|_| f());
        (prometheus.cpu_seconds().unwrap() - before) / f64::from(rounds)
    };
    let instant = ours(20, &|| drop(engine.instant(&query, END, &storage, &never).unwrap()));
    let range = ours(5, &|| drop(engine.range(&query, steps, &storage, &never).unwrap()));
    let matchers = query.readings()[0].matchers.to_vec();
    let selection =
        |start| Selection { matchers: &matchers, start, end: END, series_limit: 5_000, sample_limit: 10_000_000 };
    let read_instant = ours(20, &|| drop(storage.select(&selection(END - 300_000)).unwrap()));
    let read_range = ours(5, &|| drop(storage.select(&selection(FIRST)).unwrap()));
    let their_instant = theirs(20, &|| drop(prometheus.instant(QUERY, END).unwrap()));
    let their_range = theirs(5, &|| drop(prometheus.range(QUERY, steps).unwrap()));
    println!("promql_differential, CPU seconds for {QUERY}:");
    println!("  reading the samples from the test's own storage: {read_instant:.4} and {read_range:.4} of ours");
    println!("  one moment: {instant:.4}, Prometheus {their_instant:.4}, ratio {:.2}", instant / their_instant);
    println!("  240 steps:  {range:.4}, Prometheus {their_range:.4}, ratio {:.2}", range / their_range);
}

fn series() -> Vec<(Labels, Samples)> {
    let one = |nth: u32| {
        let (instance, cpu) = (format!("host{}", nth % 50), format!("{}", nth / 50));
        let pairs = [(METRIC_NAME, "x_total"), ("instance", &instance), ("cpu", &cpu)];
        let slope = f64::from(nth % 17) + 0.25;
        let stamps = (FIRST + SCRAPE..=END).step_by(15_000);
        let samples = stamps.zip(1_u32..).map(|(at, tick)| (at, slope * f64::from(tick)));
        (Labels::from_pairs(pairs), samples.collect())
    };
    (0..5_000).map(one).collect()
}

/// CPU time of this process in seconds.
fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(f64::NAN, |time| std::time::Duration::from(time).as_secs_f64())
}
