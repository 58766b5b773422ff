//! What watching costs: plotwarden, `node_exporter`, process-exporter and a bare sweep, beside each other on this machine, with 0,
//! 100, 1,000 and 5,000 further processes. `cargo bench --bench cost`, as root, some ten minutes; `-- host` or another one of
//! `host`, `processes`, `day`, `latency` measures that part alone. Needs the Debian packages prometheus-node-exporter and
//! prometheus-process-exporter.
//!
//! CPU time is that of the whole process to the nanosecond, ended threads included (its CPU clock); of sweeps, that of the thread
//! that does nothing else. Every exporter is asked as Prometheus asks: one connection, `OpenMetrics` preferred, gzip.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a benchmark that cannot go on has failed")]

#[path = "cost/clock.rs"]
mod clock;
#[path = "cost/crowd.rs"]
mod crowd;
#[path = "cost/equal.rs"]
mod equal;
#[path = "cost/exporter.rs"]
mod exporter;
#[path = "cost/floor.rs"]
mod floor;
#[path = "cost/report.rs"]
mod report;
#[path = "cost/scrape.rs"]
mod scrape;
#[path = "../support/mod.rs"]
mod support;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use clock::{cpu_of, cpu_of_thread, median, resident};
use crowd::{Crowd, Habit};
use exporter::{Exporter, node_exporter, process_exporter};
use floor::Floor;
use report::{Goal, Report, Row};
use scrape::Scraper;
use support::daemon::{Daemon, Options};

const SIZES: [u32; 4] = [0, 100, 1_000, 5_000];
/// Each process has its turn for costly readings once in so many sweeps.
const ROUND: u32 = 12;
const ROUNDS: usize = 3;
/// Enough for a 99th percentile that is no outlier.
const LATENCIES: u32 = 200;
type Part = (&'static str, fn(&mut Report));

const PARTS: [Part; 4] = [("host", host), ("processes", processes), ("day", whole_day), ("latency", latency)];
/// Prometheus asks so often.
const SCRAPE_INTERVAL: Duration = Duration::from_secs(15);

fn main() -> ExitCode {
    if let Some(code) = crowd::play().or_else(floor::play) {
        return code;
    }
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("cost: takes minutes, so it runs with `cargo bench --bench cost` only");
        return ExitCode::SUCCESS;
    }
    for program in [exporter::NODE, exporter::PROCESS] {
        if !exporter::is_installed(program) {
            eprintln!(
                "cost: {program} is missing: apt-get install prometheus-node-exporter prometheus-process-exporter"
            );
            return ExitCode::from(2);
        }
    }
    let chosen: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let mut report = Report::new();
    for (name, part) in PARTS {
        if chosen.is_empty() || chosen.iter().any(|chosen| chosen == name) {
            part(&mut report);
        }
    }
    report.print();
    if report.all_met() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plotwarden as it is installed, but for what could harm those who work on this machine: it only rehearses.
fn plotwarden(flags: &[String]) -> Daemon {
    plotwarden_up_to("dry-run", flags)
}

fn plotwarden_up_to(max_mode: &'static str, flags: &[String]) -> Daemon {
    Daemon::start(&Options { max_mode: Some(max_mode), flags: flags.to_vec(), ..Options::default() })
}

fn host(report: &mut Report) {
    report.equal(&equal::measure(plotwarden_up_to));
}

fn processes(report: &mut Report) {
    for size in SIZES {
        let _crowd = Crowd::start(size, Habit::Idle);
        report.row(measure(size, "idle"));
    }
    let _crowd = Crowd::start(1_000, Habit::WakesEachSecond);
    report.row(measure(1_000, "wake each second"));
}

/// Everything that depends on how many processes there are.
fn measure(size: u32, habit: &'static str) -> Row {
    eprintln!("{size} processes ({habit}) ...");
    let node = of_exporter(&mut node_exporter(), 30, Duration::from_millis(200));
    // It takes seconds for a scrape when there are thousands.
    let scrapes = if size >= 5_000 { 3 } else { 5 };
    let process = of_exporter(&mut process_exporter(), scrapes, Duration::from_millis(500));
    let (floor, floor_resident) = of_floor();
    let ours = of_plotwarden();
    Row { size, habit, node, process, floor, floor_resident, ours }
}

/// Median CPU of a scrape, and memory afterwards.
fn of_exporter(exporter: &mut Exporter, scrapes: u32, pause: Duration) -> report::Exported {
    exporter.scraper.scrape();
    let mut costs = Vec::new();
    for _ in 0..scrapes {
        std::thread::sleep(pause);
        let before = cpu_of(exporter.pid());
        exporter.scraper.scrape();
        // The answer is there before all is tidied up.
        std::thread::sleep(Duration::from_millis(50));
        costs.push(cpu_of(exporter.pid()).saturating_sub(before));
    }
    report::Exported { scrape: median(&mut costs), resident: resident(exporter.pid()) }
}

fn of_floor() -> (Duration, u64) {
    let mut floor = Floor::start();
    floor.sweep();
    let mut costs = Vec::new();
    for _ in 0..ROUND {
        std::thread::sleep(Duration::from_millis(250));
        let before = cpu_of(floor.pid());
        floor.sweep();
        costs.push(cpu_of(floor.pid()).saturating_sub(before));
    }
    (median(&mut costs), resident(floor.pid()))
}

/// Sweeps each second, so that a round is over soon, and is scraped once in each tick.
fn of_plotwarden() -> report::Ours {
    let daemon = plotwarden(&["--processes.interval=1s".to_owned()]);
    let mut scraper = Scraper::new(daemon.address());
    let round = Duration::from_secs(ROUND.into());
    // The first sweep names everybody, and what is idle is known as such after a round.
    std::thread::sleep(round + Duration::from_secs(1));
    let (mut sweeps, mut ticks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (all, sweep, turns, start) =
            (cpu_of(daemon.pid()), cpu_of_thread(daemon.pid(), "sweep"), daemon.ticks(), Instant::now());
        while start.elapsed() < round {
            std::thread::sleep(Duration::from_secs(1));
            scraper.scrape();
        }
        let turned = daemon.ticks() - turns;
        let sweep = cpu_of_thread(daemon.pid(), "sweep").saturating_sub(sweep);
        sweeps.push(sweep.div_f64(turned));
        ticks.push(cpu_of(daemon.pid()).saturating_sub(all + sweep).div_f64(turned));
    }
    let series = scraper.series();
    let ours = report::Ours {
        sweep: median(&mut sweeps),
        tick_and_scrape: median(&mut ticks),
        resident: resident(daemon.pid()),
        series,
    };
    drop(daemon);
    ours
}

/// As on a farm: a tick each second, a sweep every five, and a scrape of everybody every fifteen.
fn whole_day(report: &mut Report) {
    eprintln!("scrapes each 15 s at 1,000 processes ...");
    let _crowd = Crowd::start(1_000, Habit::Idle);
    let daemon = plotwarden(&[]);
    let mut ours = Scraper::new(daemon.address());
    let (mut node, mut process) = (node_exporter(), process_exporter());
    let mut turn = || {
        std::thread::sleep(SCRAPE_INTERVAL);
        ours.scrape();
        node.scraper.scrape();
        process.scraper.scrape();
        [cpu_of(daemon.pid()), cpu_of(node.pid()), cpu_of(process.pid())]
    };
    let before = turn();
    turn();
    turn();
    let after = turn();
    let [own, node, process] = [0, 1, 2].map(|who| after[who].saturating_sub(before[who]) / 3);
    report.day(own, node, process);
}

/// How long a scrape takes while sweeps go on beside it.
fn latency(report: &mut Report) {
    eprintln!("times of scrapes at 1,000 processes ...");
    let _crowd = Crowd::start(1_000, Habit::Idle);
    let daemon = plotwarden(&[]);
    let mut scraper = Scraper::new(daemon.address());
    std::thread::sleep(Duration::from_secs(12));
    let mut times: Vec<Duration> = (0..LATENCIES)
        .map(|_| {
            std::thread::sleep(Duration::from_millis(97));
            let start = Instant::now();
            scraper.scrape();
            start.elapsed()
        })
        .collect();
    times.sort_unstable();
    report.latency(times[times.len() / 2], times[times.len() * 99 / 100]);
    let mut exporters = [("node_exporter", node_exporter()), ("process-exporter", process_exporter())];
    for (name, exporter) in &mut exporters {
        exporter.scraper.scrape();
        let mut times: Vec<Duration> = (0..9)
            .map(|_| {
                std::thread::sleep(Duration::from_millis(200));
                let start = Instant::now();
                exporter.scraper.scrape();
                start.elapsed()
            })
            .collect();
        report.other_latency(name, median(&mut times));
    }
}

/// The limits that were set before this was written.
pub const GOALS: [Goal; 7] = [
    Goal {
        what: "equal sets of the host: ticks, scrapes and all else of plotwarden, of node_exporter's",
        most: 0.2,
        unit: "",
    },
    Goal { what: "sweep, of process-exporter's scrape", most: 1.0 / 15.0, unit: "" },
    Goal { what: "sweep, of the bare sweep", most: 1.5, unit: "" },
    Goal { what: "CPU of all in 15 s, of both exporters'", most: 1.0, unit: "" },
    Goal { what: "resident memory without further processes", most: 12.0, unit: " MB" },
    Goal { what: "resident memory at 5,000 processes", most: 25.0, unit: " MB" },
    Goal { what: "99th percentile of scrapes at 1,000 processes", most: 5.0, unit: " ms" },
];
