//! Policies that ask in PromQL, carried out by the real program: answered by its own history, by a real Prometheus, and by a
//! server that fails in every way a server can. Law 3: whatever becomes of the server, no pause is dropped for it.

mod support;

use std::fs;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use support::alone::is_root;
use support::daemon::{Daemon, Metrics, Options};
use support::dialled::{CALM, Dialled, PAUSING};
use support::mock_prometheus::{Fault, MockPrometheus};
use support::prometheus::Prometheus;

const LIMIT: Duration = Duration::from_secs(30);
/// Longer than the signal may be old, the server may take, and the policy waits before it relaxes.
const LONG_ENOUGH: Duration = Duration::from_secs(7);
const PRESSURE: &str = "max(rate(plotwarden_pressure_waiting_seconds_total\
                        {scope=\"machine\",resource=\"io\",kind=\"some\",instance=\"$node\"}[5s]))";

/// Three plotters under the dial's policy, whose signal is asked in PromQL.
struct Scene {
    dialled: Dialled,
    last: i32,
}

impl Scene {
    fn new(promql: &str, source: &str) -> Self {
        Self::of("machine", promql, source)
    }

    /// Asked of the machine, or of each job.
    fn of(scope: &str, promql: &str, source: &str) -> Self {
        let dialled = Dialled::with_plotters();
        let path = dialled.policies().join("dial.yaml");
        let local = "{local: io.some, of: machine, window: 1s, maxAge: 5s, onMissing: hold}";
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(local));
        let trend =
            format!("{{promql: '{promql}', source: {source}, of: {scope}, every: 1s, maxAge: 4s, onMissing: hold}}");
        fs::write(&path, text.replace(local, &trend)).unwrap();
        let last = *dialled.pids().last().unwrap();
        Self { dialled, last }
    }

    fn start(&self, flags: &[&str]) -> Daemon {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        Daemon::start(&Options { flags, ..self.dialled.options() })
    }

    fn is_paused(&self) -> bool {
        self.dialled.state().halts(self.last)
    }

    fn wait_until_paused(&self, daemon: &Daemon, what: &str) {
        daemon.wait_for(what, LIMIT, |_| self.is_paused().then_some(()));
    }

    fn wait_until_free(&self, daemon: &Daemon, what: &str) {
        daemon.wait_for(what, LIMIT, |_| (!self.dialled.state().halts_any()).then_some(()));
    }

    /// All the while the dial says that all is calm, or nothing can be said.
    fn assert_stays_paused(&self, daemon: &Daemon, why: &str) {
        let begin = Instant::now();
        while begin.elapsed() < LONG_ENOUGH {
            assert!(self.is_paused(), "{why}: the pause was dropped after {:?}:\n{}", begin.elapsed(), daemon.log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn missing(metrics: &Metrics) -> f64 {
    metrics.value("plotwarden_signal_missing_total", &[("policy", "dial"), ("signal", "dial")]).unwrap_or(0.0)
}

fn queries(metrics: &Metrics, source: &str, outcome: &str) -> f64 {
    metrics.value("plotwarden_signal_queries_total", &[("source", source), ("outcome", outcome)]).unwrap_or(0.0)
}

#[test]
fn the_embedded_history_answers_a_policy() {
    if !is_root("pausing plotters") {
        return;
    }
    let scene = Scene::new(PRESSURE, "embedded");
    let daemon = scene.start(&[]);
    scene.dialled.press(&daemon);
    scene.wait_until_paused(&daemon, "paused by a trend");
    let metrics = daemon.metrics();
    assert!(queries(&metrics, "embedded", "answered") > 0.0, "{}", metrics.text);
    let age = metrics.value("plotwarden_signal_age_seconds", &[("signal", "dial")]).unwrap();
    assert!((0.0..=4.0).contains(&age), "{age}");
    scene.dialled.dial.turn_to(CALM);
    scene.wait_until_free(&daemon, "free when all is calm");
    let said = daemon.audit().iter().any(|line| line["changes"].to_string().contains("by the embedded history was"));
    assert!(said, "the audit file says who answered: {:?}", daemon.audit());
}

#[test]
fn a_real_prometheus_answers_a_policy_and_its_absence_frees_nobody() {
    if !is_root("pausing plotters") {
        return;
    }
    let Some(mut prometheus) = Prometheus::prepare() else { return };
    let scene = Scene::new(PRESSURE, "prometheus");
    let daemon = scene.start(&["--prometheus.url", &prometheus.url(), "--prometheus.timeout", "2s"]);
    daemon.wait_for("a server that is not there yet is missed", LIMIT, |metrics| {
        (queries(metrics, "prometheus", "unreachable") > 0.0 && missing(metrics) > 0.0).then_some(())
    });
    prometheus.start(daemon.address());
    scene.dialled.press(&daemon);
    scene.wait_until_paused(&daemon, "paused by a trend");
    assert!(queries(&daemon.metrics(), "prometheus", "answered") > 0.0);

    // It hangs: connections come about, and nothing is said.
    prometheus.signal(Signal::SIGSTOP);
    scene.dialled.dial.turn_to(CALM);
    let before = missing(&daemon.metrics());
    scene.assert_stays_paused(&daemon, "the server is stopped");
    let metrics = daemon.metrics();
    assert!(queries(&metrics, "prometheus", "timeout") > 0.0 && missing(&metrics) > before, "{}", metrics.text);
    prometheus.signal(Signal::SIGCONT);
    scene.wait_until_free(&daemon, "the server is back and says that all is calm");

    // It dies, and comes back.
    scene.dialled.dial.turn_to(PAUSING);
    scene.wait_until_paused(&daemon, "paused again");
    prometheus.kill();
    scene.dialled.dial.turn_to(CALM);
    scene.assert_stays_paused(&daemon, "the server is killed");
    prometheus.start(daemon.address());
    scene.wait_until_free(&daemon, "the server is restarted and says that all is calm");
}

/// The pressure for the one plotter behind a wrapper, which has more than one process; nothing for the others.
fn of_the_wrapped_job() -> String {
    format!(r#"{PRESSURE} * max(plotwarden_job_processes{{job_id="$job_id",job="$job"}} > bool 1)"#)
}

#[test]
fn the_worst_of_several_jobs_is_found_by_the_embedded_history() {
    if !is_root("pausing plotters") {
        return;
    }
    let scene = Scene::of("each", &of_the_wrapped_job(), "embedded");
    let daemon = scene.start(&[]);
    scene.dialled.dial.turn_to(PAUSING);
    scene.wait_until_paused(&daemon, "paused for what one job suffers");
    says_who_was_the_worst(&daemon, "the embedded history");
    scene.dialled.dial.turn_to(CALM);
    scene.wait_until_free(&daemon, "free when all is calm");
}

#[test]
fn the_worst_of_several_jobs_is_found_by_a_real_prometheus() {
    if !is_root("pausing plotters") {
        return;
    }
    let Some(mut prometheus) = Prometheus::prepare() else { return };
    let scene = Scene::of("each", &of_the_wrapped_job(), "prometheus");
    let daemon = scene.start(&["--prometheus.url", &prometheus.url(), "--prometheus.timeout", "2s"]);
    prometheus.start(daemon.address());
    scene.dialled.dial.turn_to(PAUSING);
    scene.wait_until_paused(&daemon, "paused for what one job suffers");
    says_who_was_the_worst(&daemon, "Prometheus");
    prometheus.signal(Signal::SIGSTOP);
    scene.dialled.dial.turn_to(CALM);
    scene.assert_stays_paused(&daemon, "the server is stopped");
    prometheus.signal(Signal::SIGCONT);
    scene.wait_until_free(&daemon, "the server is back and says that all is calm");
}

/// The audit file does, which is written a moment after the pause.
fn says_who_was_the_worst(daemon: &Daemon, answerer: &str) {
    daemon.wait_for("the audit file says which job was the worst", LIMIT, |metrics| {
        let said = format!("by {answerer} ({})", wrapped_job(metrics));
        daemon.audit().iter().any(|line| line.to_string().contains(&said)).then_some(())
    });
}

/// The job with more processes than its plotter.
fn wrapped_job(metrics: &Metrics) -> String {
    let jobs = metrics.all("plotwarden_job_processes", &[]);
    let (labels, _) = jobs.into_iter().find(|(_, processes)| *processes > 1.0).expect("one has a wrapper");
    labels.split('"').nth(1).unwrap().to_owned()
}

#[test]
fn the_disk_behind_the_temp_directories_is_known_to_an_expression() {
    if !is_root("pausing plotters") {
        return;
    }
    let disk = r#"count(plotwarden_disk_io_time_seconds_total{device=~"$device",instance="$node",job="$job"})"#;
    let scene = Scene::new(&format!("{PRESSURE} * ({disk} > bool 0)"), "embedded");
    let daemon = scene.start(&[]);
    let seconds = Duration::from_secs(5);
    let known = |metrics: &Metrics| metrics.label("plotwarden_job_temp_device_info", &[], "device");
    std::thread::sleep(seconds);
    let Some(device) = known(&daemon.metrics()) else {
        eprintln!("SKIPPED: the folder of the tests lies on no block device");
        return;
    };
    let counted = daemon.metrics().value("plotwarden_disk_io_time_seconds_total", &[("device", &device)]);
    assert!(counted.is_some(), "{device} is a device by the name that diskstats has for it");
    scene.dialled.dial.turn_to(PAUSING);
    scene.wait_until_paused(&daemon, "paused by a trend of the disk");
}

#[test]
fn no_fault_of_a_server_frees_anybody() {
    if !is_root("pausing plotters") {
        return;
    }
    let server = MockPrometheus::start();
    let scene = Scene::new("max(busy)", "prometheus");
    let daemon = scene.start(&["--prometheus.url", &server.url, "--prometheus.timeout", "1s"]);
    for fault in Fault::ALL {
        server.set(0.95, Fault::None);
        scene.wait_until_paused(&daemon, "paused by a server that is well");
        // Whatever it says, it means that all is calm.
        server.set(0.0, fault);
        let before = missing(&daemon.metrics());
        scene.assert_stays_paused(&daemon, &format!("{fault:?}"));
        assert!(missing(&daemon.metrics()) > before, "{fault:?} is missing data:\n{}", daemon.log());
        server.set(0.0, Fault::None);
        scene.wait_until_free(&daemon, "free when a server that is well says so");
    }
    let log = daemon.log();
    for outcome in ["timeout", "unreachable", "malformed", "failed", "refused", "redirected", "partial", "clock_skew"] {
        assert!(log.contains(&format!("outcome={outcome}")), "{outcome} is logged:\n{log}");
        assert!(queries(&daemon.metrics(), "prometheus", outcome) > 0.0, "{outcome} is counted");
    }
    let lines = log.lines().filter(|line| line.contains("has no new answer")).count();
    assert!(lines < 3 * Fault::ALL.len(), "said when it changes, not each time: {lines} lines\n{log}");
}

#[test]
fn a_policy_that_asks_a_server_needs_one() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("p.yaml");
    let text = include_str!("../policies/stagger-by-pressure.yaml");
    let asks = "{promql: 'max(up)', source: prometheus, maxAge: 30s, onMissing: hold}";
    let local = text.lines().find_map(|line| line.split_once("disk:")).unwrap().1.trim();
    fs::write(&path, text.replacen(local, asks, 1)).unwrap();
    let run = Options { policies: Some(path), ..Options::default() };
    let output = run.command(&folder.path().join("run"), support::daemon::free_address()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("no Prometheus server is given") && said.contains("--prometheus.url"), "{said}");
}
