//! Exists to hold the evaluator to its price: on 5,000 series of 1,440 samples, a rate summed up costs at most half the CPU
//! time that it costs Prometheus, and a range query of 240 steps no more than there.
//!
//! `cargo bench --bench promql`; needs `prometheus` and `promtool` on the path (Debian: `apt-get install prometheus`). Takes a
//! minute, most of it to fill Prometheus. CPU time is that of the whole process, ours and theirs, so other work on the machine
//! matters little. Measured is what answers a policy, the embedded history with its compressed blocks, and beside it the
//! evaluator alone, over samples that lie ready in memory.

#[allow(dead_code, reason = "the tests use the rest")]
#[path = "../promql_oracle/mod.rs"]
mod promql_oracle;
#[path = "../promql_support/mod.rs"]
mod promql_support;

use std::error::Error;
use std::process::ExitCode;

use nix::time::{ClockId, clock_gettime};
use plotwarden::history::{History, HistoryConfig, SeriesId, Target};
use plotwarden::promql::{Answer, Engine, Labels, METRIC_NAME, Millis, Query, Storage, Value};
use plotwarden::signal::Stored;
use plotwarden::units::Bytes;
use promql_oracle::Prometheus;
use promql_oracle::data::{END, Samples, open_metrics};
use promql_support::Memory;

const QUERY: &str = "sum by (instance) (rate(x_total[5m]))";
const SERIES: u32 = 5_000;
const INSTANCES: u32 = 50;
const TICKS: u32 = 1_440;
const SCRAPE: Millis = 15_000;
const FIRST: Millis = END - 1_439 * SCRAPE;
const STEPS: (Millis, Millis, Millis) = (FIRST + 300_000, END, (END - FIRST - 300_000) / 239);

/// Most CPU time, as a share of Prometheus's.
const INSTANT_GOAL: f64 = 0.5;
const RANGE_GOAL: f64 = 1.0;
const INSTANT_ROUNDS: u32 = 40;
const RANGE_ROUNDS: u32 = 8;

/// CPU seconds for one moment, and for 240 steps.
struct Cost {
    instant: f64,
    range: f64,
}

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("promql: takes a minute, so it runs with `cargo bench --bench promql` only");
        return ExitCode::SUCCESS;
    }
    match compare() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("promql: {error}");
            ExitCode::from(2)
        }
    }
}

fn compare() -> Result<bool, Box<dyn Error>> {
    let series: Vec<(Labels, Samples)> = (0..SERIES).map(samples_of).collect();
    let theirs = of_prometheus(&open_metrics(&series))?;
    let query = Engine::default().parse(QUERY)?;
    let history = of_storage(&query, &Stored(&history(&series)?))?;
    let mut memory = Memory::default();
    for (labels, samples) in series {
        memory.add(labels, samples);
    }
    let evaluator = of_storage(&query, &memory)?;

    println!("{QUERY}, {SERIES} series of {TICKS} samples, CPU milliseconds of one query:\n");
    println!("{:<34} {:>12} {:>7} {:>12} {:>7}", "", "one moment", "ratio", "240 steps", "ratio");
    for (name, cost) in [
        ("Prometheus", &theirs),
        ("plotwarden, embedded history", &history),
        ("plotwarden, evaluator alone", &evaluator),
    ] {
        let (instant, range) = (cost.instant / theirs.instant, cost.range / theirs.range);
        println!("{name:<34} {:>12.1} {instant:>7.2} {:>12.1} {range:>7.2}", cost.instant * 1e3, cost.range * 1e3);
    }
    println!();
    let kept = [
        verdict("one moment", history.instant / theirs.instant, INSTANT_GOAL),
        verdict("240 steps", history.range / theirs.range, RANGE_GOAL),
    ];
    Ok(kept == [true, true])
}

fn verdict(what: &str, ratio: f64, at_most: f64) -> bool {
    let pass = ratio <= at_most;
    println!(
        "{} {what}: {ratio:.2} of Prometheus's CPU time, wanted at most {at_most}",
        if pass { "PASS" } else { "FAIL" }
    );
    pass
}

fn of_prometheus(open_metrics: &str) -> Result<Cost, Box<dyn Error>> {
    let prometheus = Prometheus::start(open_metrics).ok_or("prometheus and promtool have to be installed")?;
    let cpu = || prometheus.cpu_seconds().unwrap_or(f64::NAN);
    Ok(Cost {
        instant: each(INSTANT_ROUNDS, cpu, || prometheus.instant(QUERY, END).map(drop).map_err(Into::into))?,
        range: each(RANGE_ROUNDS, cpu, || prometheus.range(QUERY, STEPS).map(drop).map_err(Into::into))?,
    })
}

fn of_storage(query: &Query, storage: &dyn Storage) -> Result<Cost, Box<dyn Error>> {
    let engine = Engine::default();
    let never = || None;
    Ok(Cost {
        instant: each(INSTANT_ROUNDS, own_cpu, || whole(&engine.instant(query, END, storage, &never)?))?,
        range: each(RANGE_ROUNDS, own_cpu, || whole(&engine.range(query, STEPS, storage, &never)?))?,
    })
}

/// All instances are in the answer, or nothing is measured.
fn whole(answer: &Answer) -> Result<(), Box<dyn Error>> {
    let found = match &answer.value {
        Value::Vector(samples) => samples.len(),
        Value::Matrix(rows) => rows.iter().filter(|row| row.points.len() == 240).count(),
        Value::Scalar(_) | Value::Text(_) => 0,
    };
    if found == INSTANCES as usize { Ok(()) } else { Err(format!("{found} whole series in the answer").into()) }
}

/// What one round costs in the mean, after one that does not count.
fn each(
    rounds: u32,
    cpu: impl Fn() -> f64,
    work: impl Fn() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    work()?;
    let before = cpu();
    (0..rounds).try_for_each(|_| work())?;
    Ok((cpu() - before) / f64::from(rounds))
}

fn history(series: &[(Labels, Samples)]) -> Result<History, Box<dyn Error>> {
    let target = Target { job: String::new(), instance: String::new() };
    let mut history = History::new(HistoryConfig { target, memory_limit: Bytes(1 << 30), forecast: Vec::new() });
    let ids = series.iter().map(|(labels, _)| {
        let own: Vec<(&str, &str)> = labels.iter().map(|label| (&*label.name, &*label.value)).collect();
        history.series("x_total", &own)
    });
    let ids: Vec<SeriesId> = ids.collect::<Result<_, _>>()?;
    for tick in 0..TICKS as usize {
        let row = ids.iter().zip(series).map(|(id, (_, samples))| (*id, samples[tick].1));
        history.append(series[0].1[tick].0, row)?;
    }
    Ok(history)
}

fn samples_of(number: u32) -> (Labels, Samples) {
    let (instance, cpu) = (format!("host{}", number % INSTANCES), format!("{}", number / INSTANCES));
    let pairs = [(METRIC_NAME, "x_total"), ("instance", &instance), ("cpu", &cpu)];
    let slope = f64::from(number % 17) + 0.25;
    let samples = (FIRST..=END).step_by(15_000).zip(1_u32..).map(|(at, tick)| (at, slope * f64::from(tick)));
    (Labels::from_pairs(pairs), samples.collect())
}

/// CPU time of this process in seconds.
fn own_cpu() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID);
    time.map_or(f64::NAN, |time| std::time::Duration::from(time).as_secs_f64())
}
