//! The embedded history beside a real Prometheus 2.42 that scrapes the same program: the same expression has the same answer.
//!
//! A scrape shows the tick before it, and a query the scrape before it. So what the server says at a moment is what the
//! history says at a moment up to two seconds earlier, with the same labels and, but for the last digits, the same value.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde_json::Value as Json;
use support::actor::Actor;
use support::alone::alone;
use support::daemon::{Daemon, Options};
use support::prometheus::Prometheus;
use tempfile::TempDir;

const EXPRESSIONS: &[&str] = &[
    "up",
    "plotwarden_ticks_total",
    "rate(plotwarden_ticks_total[10s])",
    "increase(plotwarden_ticks_total[10s])",
    "irate(plotwarden_ticks_total[5s])",
    "resets(plotwarden_ticks_total[10s])",
    "changes(plotwarden_ticks_total[10s])",
    "count_over_time(up[10s])",
    "sum by (mode) (rate(plotwarden_cpu_seconds_total[10s]))",
    "sum without (cpu) (increase(plotwarden_cpu_seconds_total[8s]))",
    "plotwarden_memory_available_bytes",
    "avg_over_time(plotwarden_memory_available_bytes[10s])",
    "min_over_time(plotwarden_memory_available_bytes[10s])",
    "quantile_over_time(0.9, plotwarden_memory_available_bytes[10s])",
    "1 - plotwarden_memory_available_bytes / plotwarden_memory_total_bytes",
    "rate(plotwarden_disk_written_bytes_total[10s])",
    "topk(1, sum by (device) (plotwarden_disk_written_bytes_total))",
    "rate(plotwarden_pressure_waiting_seconds_total[10s])",
    "plotwarden_job_info",
    "plotwarden_job_resident_bytes",
    "avg_over_time(plotwarden_job_threads[10s])",
    "rate(plotwarden_job_file_written_bytes_total[10s])",
    "sum by (job_id) (increase(plotwarden_job_cpu_seconds_total[10s]))",
    "deriv(plotwarden_job_progress_ratio[10s])",
    "delta(plotwarden_job_progress_ratio[10s])",
    "count by (__name__) ({__name__=~\"plotwarden_job_.+_bytes\"})",
    "plotwarden_job_resident_bytes * on (job_id) group_left (profile) plotwarden_job_info",
    "plotwarden_jobs > 0",
    "max_over_time(rate(plotwarden_ticks_total[5s])[8s:1s])",
    "plotwarden_job_resident_bytes offset 4s",
    "label_replace(up, \"port\", \"$1\", \"instance\", \".*:(.*)\")",
    "absent(plotwarden_job_resident_bytes{job_id=\"none\"})",
    "scalar(count({job=\"plotwarden\", __name__=\"plotwarden_mode\"}))",
];

/// How much earlier than the server's the same answer of the history may be.
const EARLIER: f64 = 2.1;
const STEP: f64 = 0.1;
const NEAR: f64 = 0.02;
/// Ticks that the server has to have seen one by one: more than any range above.
const SEEN: usize = 16;
/// The longest range in a shipped policy; the same is behind both answers once both have seen all of it.
const LONGEST: Duration = Duration::from_mins(2);
/// What one sample more or less changes in a share of that range.
const ONE_SAMPLE: f64 = 1.0 / 120.0;

/// What shipped policies ask of series that are not ours: a server that scrapes only us has nothing to say, and we neither.
const OF_OTHERS: &str = "chia_harvester_";

/// What is no question, or has no answer.
const REFUSED: &[(&str, &str)] = &[
    ("query", "sum("),
    ("query", "x[5]"),
    ("query", ""),
    ("query", "up * on () group_left plotwarden_jobs + on () plotwarden_jobs"),
    ("query", "label_replace(up, \"no-label\", \"\", \"\", \"\")"),
    ("query_range", "up[5m]"),
    ("query_range", "\"text\""),
    ("query_range", "sum("),
    ("query_range", "holt_winters(up[5m], 2, 0.5)"),
];

#[test]
fn the_history_answers_as_a_server_that_scrapes_us() {
    let Some(mut prometheus) = Prometheus::prepare() else { return };
    let _alone = alone();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut plotter =
        Actor::command("madmax", &["./chia_plot", "-k", "25", "-t", "./", "-d", "./"], folder.path()).unwrap();
    let _plotter = Actor { child: plotter.env("PLOTTER_PACE", "6").spawn().unwrap() };
    let flags = vec![format!("--path.sysfs={}", sysfs_with_a_warm_drive(folder.path()).display())];
    let daemon = Daemon::start(&Options { max_mode: Some("off"), flags, ..Options::default() });
    prometheus.start(daemon.address());
    let begun = Instant::now();
    let server: SocketAddr = prometheus.url().trim_start_matches("http://").parse().unwrap();

    let moment = moment_after_steady_scrapes(server);
    let instance = daemon.address().to_string();
    let shipped = shipped_expressions(&instance);
    println!("history_parity: {} expressions, and {} of the shipped policies", EXPRESSIONS.len(), shipped.len());
    assert!(!shipped.is_empty(), "no shipped policy asks in PromQL");
    let mut faults = Vec::new();
    let mut compared = 0;
    for expression in EXPRESSIONS {
        compared += compare(expression, moment, (server, daemon.address()), 0.0, &mut faults);
    }
    std::thread::sleep((LONGEST + Duration::from_secs(5)).saturating_sub(begun.elapsed()));
    let moment = moment_after_steady_scrapes(server);
    for expression in &shipped {
        compared += compare(expression, moment, (server, daemon.address()), ONE_SAMPLE, &mut faults);
    }
    for (endpoint, query) in REFUSED {
        let steps = ["0", "60", "15"];
        let parameters: Vec<(&str, &str)> =
            [("query", *query)].into_iter().chain(["start", "end", "step"].into_iter().zip(steps)).collect();
        let [theirs, ours] = [server, daemon.address()].map(|address| refusal(address, endpoint, &parameters));
        if theirs != ours {
            faults.push(format!("{endpoint} of {query:?} is refused with {theirs:?} there and {ours:?} here"));
        }
    }
    println!("history_parity: {compared} series compared, {} refusals, {} differences", REFUSED.len(), faults.len());
    assert!(faults.is_empty(), "{} differences:\n{}", faults.len(), faults.join("\n"));
}

/// The sysfs of this machine, with a sensor that it may not have: that of an `NVMe` drive.
fn sysfs_with_a_warm_drive(folder: &Path) -> PathBuf {
    let sysfs = folder.join("sys");
    let links = |from: &str, to: &Path| {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
            symlink(entry.path(), to.join(entry.file_name())).unwrap();
        }
    };
    links("/sys", &sysfs);
    fs::remove_file(sysfs.join("class")).unwrap();
    links("/sys/class", &sysfs.join("class"));
    let chips = sysfs.join("class/hwmon");
    let _ = fs::remove_file(&chips);
    let drive = chips.join("hwmon0");
    fs::create_dir_all(&drive).unwrap();
    fs::write(drive.join("name"), "nvme\n").unwrap();
    fs::write(drive.join("temp1_input"), "61850\n").unwrap();
    fs::write(drive.join("temp1_label"), "Composite\n").unwrap();
    sysfs
}

/// Waits until the server has seen each of the last ticks once: where its scrapes happen to fall together with the ticks,
/// it sees one twice or not at all, and its rates are off by that. Returns the newest moment, seconds since 1970.
fn moment_after_steady_scrapes(server: SocketAddr) -> f64 {
    let begun = Instant::now();
    loop {
        std::thread::sleep(Duration::from_secs(1));
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64() - 0.3;
        let range = format!("plotwarden_last_tick_timestamp_seconds[{SEEN}s]");
        let found = answer(server, "query", &[("query", &range), ("time", &now.to_string())]);
        let ticks: Vec<f64> =
            found["result"][0]["values"].as_array().map(|all| all.iter().map(number).collect()).unwrap_or_default();
        let steady = ticks.windows(2).all(|pair| (0.9..1.1).contains(&(pair[1] - pair[0])));
        if ticks.len() >= SEEN && steady {
            return now;
        }
        assert!(begun.elapsed() < Duration::from_mins(2), "never {SEEN} scrapes of {SEEN} ticks: {ticks:?}");
    }
}

/// Asks both at three moments; how many series were the same.
fn compare(
    expression: &str,
    moment: f64,
    whom: (SocketAddr, SocketAddr),
    tolerance: f64,
    faults: &mut Vec<String>,
) -> usize {
    let mut compared = 0;
    for earlier in [0.0, 1.25, 2.5] {
        match differences(expression, moment - earlier, whom, tolerance) {
            Ok(0) if expression.contains(OF_OTHERS) => {}
            Ok(0) => faults.push(format!("{expression}: nothing to compare")),
            Ok(series) => compared += series,
            Err(fault) => faults.push(fault),
        }
    }
    compared
}

/// How many series were the same; or what is different.
fn differences(
    expression: &str,
    at: f64,
    (server, history): (SocketAddr, SocketAddr),
    tolerance: f64,
) -> Result<usize, String> {
    let theirs = answer(server, "query", &[("query", expression), ("time", &at.to_string())]);
    let theirs: BTreeMap<String, f64> = match theirs["resultType"].as_str() {
        Some("scalar") => BTreeMap::from([("{}".to_owned(), number(&theirs["result"]))]),
        _ => rows(&theirs).map(|row| (row["metric"].to_string(), number(&row["value"]))).collect(),
    };
    let (start, end, step) = ((at - EARLIER).to_string(), at.to_string(), STEP.to_string());
    let ours =
        answer(history, "query_range", &[("query", expression), ("start", &start), ("end", &end), ("step", &step)]);
    let ours: BTreeMap<String, Vec<f64>> = rows(&ours)
        .map(|row| (row["metric"].to_string(), row["values"].as_array().unwrap().iter().map(number).collect()))
        .collect();
    for (labels, value) in &theirs {
        let candidates =
            ours.get(labels).ok_or_else(|| format!("{expression} at {at}: only the server has {labels}"))?;
        let same = |candidate: &f64| (candidate - value).abs() <= NEAR * value.abs() + tolerance + 1e-9;
        if !candidates.iter().any(same) {
            return Err(format!("{expression} at {at}: {labels} is {value} there and {candidates:?} here"));
        }
    }
    let always = ours.iter().filter(|(_, values)| values.len() == 22).map(|(labels, _)| labels);
    for labels in always {
        if !theirs.contains_key(labels) {
            return Err(format!("{expression} at {at}: only the history has {labels}"));
        }
    }
    Ok(theirs.len())
}

/// The expressions of every signal of every shipped policy, about this machine; those about a job or device, about all.
fn shipped_expressions(instance: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        collect(&serde_yaml::from_str(&text).unwrap(), &mut found);
    }
    for expression in &mut found {
        for (variable, value) in [
            ("=\"$job_id\"", "=~\".+\""),
            ("=~\"$device\"", "=~\".+\""),
            ("=\"$device\"", "=~\".+\""),
            ("$node", instance),
            ("$job", "plotwarden"),
        ] {
            *expression = expression.replace(variable, value);
        }
    }
    found
}

fn collect(node: &Json, found: &mut Vec<String>) {
    match node {
        Json::Object(fields) => {
            found.extend(fields.get("promql").and_then(Json::as_str).map(str::to_owned));
            fields.values().for_each(|value| collect(value, found));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, found)),
        _ => {}
    }
}

fn rows(data: &Json) -> impl Iterator<Item = &Json> {
    data["result"].as_array().into_iter().flatten()
}

/// The value of a pair of time and text.
fn number(pair: &Json) -> f64 {
    pair[1].as_str().unwrap().parse().unwrap()
}

/// Status and type of an error.
fn refusal(address: SocketAddr, endpoint: &str, parameters: &[(&str, &str)]) -> (u16, String) {
    let (status, json) = exchange(address, endpoint, parameters);
    (status, json["errorType"].as_str().unwrap_or("none").to_owned())
}

/// The `data` of an answer.
fn answer(address: SocketAddr, endpoint: &str, parameters: &[(&str, &str)]) -> Json {
    let (_, json) = exchange(address, endpoint, parameters);
    assert_eq!(json["status"], "success", "{parameters:?} of {address}: {json}");
    json["data"].clone()
}

fn exchange(address: SocketAddr, endpoint: &str, parameters: &[(&str, &str)]) -> (u16, Json) {
    let escaped = |text: &str| text.bytes().map(|byte| format!("%{byte:02X}")).collect::<Vec<_>>().concat();
    let form: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    let form = form.join("&");
    let mut stream = TcpStream::connect(address).unwrap();
    let head = format!(
        "POST /api/v1/{endpoint} HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n",
        form.len()
    );
    stream.write_all(format!("{head}{form}").as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}
