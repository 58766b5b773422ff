//! The history of the real program, asked by `promtool` and by `plotwarden query`, over restarts and kills.

mod support;

use std::process::{Command, Output};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde_json::Value as Json;
use support::daemon::{BINARY, Daemon, Options};
use tempfile::TempDir;

fn options(flags: &[String]) -> Options {
    Options { max_mode: Some("off"), flags: flags.to_vec(), ..Options::default() }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Waits until the history holds this many ticks.
fn wait_for_ticks(daemon: &Daemon, count: f64) {
    daemon.wait_for("ticks", Duration::from_secs(20), |metrics| {
        (metrics.value("plotwarden_ticks_total", &[])? >= count).then_some(())
    });
}

fn data(daemon: &Daemon, path: &str) -> Json {
    let (status, body) = daemon.get(path).unwrap();
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str::<Json>(&body).unwrap()["data"].clone()
}

/// Seconds since 1970 at which ticks were taken, of the last ten minutes.
fn ticks(daemon: &Daemon) -> Vec<f64> {
    let found = data(daemon, "/api/v1/query?query=up[10m]");
    let values = found["result"][0]["values"].as_array().cloned().unwrap_or_default();
    values.iter().map(|pair| pair[0].as_f64().unwrap()).collect()
}

#[test]
fn promtool_asks_it_as_it_asks_a_server() {
    if Command::new("promtool").arg("--version").output().is_err() {
        eprintln!("SKIPPED: promtool is not installed");
        return;
    }
    let daemon = Daemon::start(&options(&[]));
    wait_for_ticks(&daemon, 4.0);
    let url = format!("http://{}", daemon.address());
    let instance = format!("instance=\"{}\", job=\"plotwarden\"", daemon.address());
    for (arguments, expected) in [
        (vec!["instant", &url, "up"], format!("up{{{instance}}} => 1 @[")),
        (vec!["instant", &url, "sum(rate(plotwarden_ticks_total[5s])) > bool 0.5"], "{} => 1 @[".to_owned()),
        (vec!["range", &url, "up", "--step=1s"], "\n1 @[".to_owned()),
        (vec!["series", &url, "--match=up"], format!("{{__name__=\"up\", {instance}}}")),
        (vec!["labels", &url, "job"], "plotwarden".to_owned()),
        (vec!["labels", &url, "mode"], "idle\n".to_owned()),
    ] {
        let output = Command::new("promtool").arg("query").args(&arguments).output().unwrap();
        let (answer, complaint) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success() && answer.contains(&expected), "{arguments:?}: {answer}{complaint}");
    }
    let refused = Command::new("promtool").args(["query", "instant", &url, "sum(up"]).output().unwrap();
    assert!(!refused.status.success() && text(&refused.stderr).contains("parse error"), "{}", text(&refused.stderr));
}

#[test]
fn query_shows_tables_charts_and_mistakes() {
    let daemon = Daemon::start(&options(&["--history.job=farm".to_owned(), "--history.instance=plot-01".to_owned()]));
    wait_for_ticks(&daemon, 4.0);
    let url = format!("http://{}", daemon.address());
    let query = |arguments: &[&str]| -> Output {
        Command::new(BINARY).arg("query").args(arguments).args(["--url", &url]).output().unwrap()
    };
    let table = query(&["up"]);
    assert_eq!(text(&table.stdout), "VALUE  SERIES\n1      up{instance=\"plot-01\", job=\"farm\"}\n");
    let chart = text(&query(&["plotwarden_ticks_total", "--range", "3s", "--step", "1s"]).stdout);
    let (head, line) = chart.split_once('\n').unwrap();
    assert!(head.starts_with("CHART") && head.ends_with("MIN  MAX  LAST  SERIES"), "{chart}");
    assert!(line.starts_with('▁') && line.contains('█') && line.contains("plotwarden_ticks_total"), "{chart}");
    assert_eq!(text(&query(&["nothing"]).stdout), "no series\n");
    let json: Json = serde_json::from_slice(&query(&["up", "--output", "json"]).stdout).unwrap();
    assert_eq!(json["data"]["resultType"], "vector");
    assert!(text(&query(&["avg_over_time(up[1d])"]).stderr).contains("covers only 0 %"));

    let wrong = query(&["sum(up) by"]);
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stderr).starts_with("sum(up) by\n          ^"), "{}", text(&wrong.stderr));
    let refused = query(&["up * on (job) group_left plotwarden_mode"]);
    assert_eq!(refused.status.code(), Some(1), "{}", text(&refused.stderr));
    drop(daemon);
    let unanswered = query(&["up"]);
    assert_eq!(unanswered.status.code(), Some(2));
    assert!(text(&unanswered.stderr).contains("plotwarden run"), "{}", text(&unanswered.stderr));
}

#[test]
fn a_kill_loses_what_came_after_the_last_file_and_nothing_else() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("state/history");
    let flags = [format!("--history.file={}", file.display()), "--history.instance=plot-01".to_owned()];
    let options = Options { run: Some(folder.path().join("run")), ..options(&flags) };

    let mut first = Daemon::start(&options);
    wait_for_ticks(&first, 4.0);
    assert!(first.stop().success());
    std::thread::sleep(Duration::from_secs(2));
    let mut second = Daemon::start(&options);
    wait_for_ticks(&second, 3.0);
    let saved: Vec<f64> = ticks(&second);
    let restart = saved.windows(2).position(|pair| pair[1] - pair[0] > 1.8).expect("a gap while it was away");
    assert!(restart >= 3, "the ticks of the first run are there: {saved:?}");
    second.signal(Signal::SIGKILL);
    second.wait();

    let third = Daemon::start(&options);
    wait_for_ticks(&third, 3.0);
    let found = ticks(&third);
    assert_eq!(found[..=restart], saved[..=restart], "all that was in the file");
    assert!(found[restart + 1] > *saved.last().unwrap(), "and nothing of what was not: {found:?}");
    assert!(third.log().contains("history restored"), "{}", third.log());
}

#[test]
fn what_the_history_costs_and_holds_is_published() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let flags = [
        format!("--history.file={}", folder.path().join("history").display()),
        "--history.memory-limit=8MiB".to_owned(),
    ];
    let mut daemon = Daemon::start(&options(&flags));
    wait_for_ticks(&daemon, 3.0);
    let metrics = daemon.metrics();
    let value = |name: &str| metrics.value(&format!("plotwarden_history_{name}"), &[]);
    assert!(value("series").unwrap() > 100.0);
    assert!(value("bytes").unwrap() < value("limit_bytes").unwrap());
    assert_eq!(value("limit_bytes"), Some(f64::from(8 << 20)));
    assert_eq!(value("dropped_blocks_total"), Some(0.0));
    assert!(value("append_seconds").unwrap() < 0.5);
    assert_eq!(value("snapshot_last_success_timestamp_seconds"), None, "nothing has been saved yet");
    assert_eq!(metrics.all("plotwarden_history_samples", &[]).len(), 3);
    assert!(daemon.stop().success());
    assert!(folder.path().join("history").exists());
}

#[test]
fn a_damaged_file_does_not_keep_it_from_starting() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let file = folder.path().join("history");
    std::fs::write(&file, "not a history").unwrap();
    let daemon = Daemon::start(&options(&[format!("--history.file={}", file.display())]));
    wait_for_ticks(&daemon, 2.0);
    assert!(daemon.log().contains("damaged"), "{}", daemon.log());
    assert!(folder.path().join("history.damaged").exists());
}
