//! Real plots by a real plotter, chiapos, watched and paused by the real program.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};

use support::alone::{alone, is_root};
use support::chiapos::{Chiapos, Plot, finished_plots};
use support::daemon::{Daemon, Metrics, Options};
use support::dial::PressureDial;
use tempfile::TempDir;

/// The id of a plot of middling size: plots this small differ by 3 % from one id to the next.
const TYPICAL: &str = "1111111111111111111111111111111111111111111111111111111111111111";

/// One plot: its directories and its process.
struct Run {
    folder: TempDir,
    child: Child,
}

impl Run {
    fn start(chiapos: &Chiapos, k: u8) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (temp, dst) = (folder.path().join("temp"), folder.path().join("dst"));
        fs::create_dir(&temp).unwrap();
        fs::create_dir(&dst).unwrap();
        let plot = Plot::small(k, &temp, &dst);
        let mut plotter = chiapos.plotter(&plot, &folder.path().join("log")).unwrap();
        let child = plotter.env("PLOT_ID", TYPICAL).spawn().unwrap();
        Self { folder, child }
    }

    /// Bytes written so far, the odometer of progress; `None` once the process has ended.
    fn written(&self) -> Option<f64> {
        let io = fs::read_to_string(format!("/proc/{}/io", self.child.id())).ok()?;
        io.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse().ok()
    }

    fn temp(&self) -> PathBuf {
        self.folder.path().join("temp")
    }

    /// The job that uses our temp directory; other plots may run on this machine.
    fn job(&self, metrics: &Metrics) -> Option<String> {
        let temp = self.temp();
        metrics.label("plotwarden_job_directory_info", &[("path", temp.to_str()?)], "job_id")
    }

    fn is_paused(&self, metrics: &Metrics) -> Option<bool> {
        let job = self.job(metrics)?;
        metrics.value("plotwarden_job_paused", &[("job_id", &job)]).map(|paused| paused > 0.0)
    }

    fn plot(&self) -> PathBuf {
        let plots = finished_plots(&self.folder.path().join("dst")).unwrap();
        assert_eq!(plots.len(), 1, "one plot is made: {plots:?}");
        plots[0].clone()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// What one scrape said of the job, with the bytes that it had written at that moment.
struct Reading {
    phase: Option<f64>,
    progress: Option<f64>,
    written: f64,
}

#[test]
fn a_plot_is_noticed_followed_and_forgotten() {
    if !is_root("watching and pausing real plotters") {
        return;
    }
    let _alone = alone();
    let chiapos = Chiapos::install().unwrap();
    let daemon = Daemon::start(&Options { max_mode: Some("off"), ..Options::default() });
    let started = Instant::now();
    let mut run = Run::start(&chiapos, 23);
    let job = daemon.wait_for("the job is there", Duration::from_secs(5), |metrics| run.job(metrics));
    let noticed = started.elapsed();
    assert!(noticed < Duration::from_secs(1), "noticed after {noticed:?}");

    let readings = follow(&daemon, &mut run);
    let total = readings.last().unwrap().written;
    phases_come_in_order(&readings);
    progress_is_that_of_the_bytes(&readings, total);

    let gone = |metrics: &Metrics| (!metrics.text.contains(&job)).then_some(());
    daemon.wait_for("no series of the ended job", Duration::from_secs(2), gone);
}

#[test]
fn the_size_of_a_plot_is_predicted_within_two_percent() {
    if !is_root("watching and pausing real plotters") {
        return;
    }
    let _alone = alone();
    let chiapos = Chiapos::install().unwrap();
    let daemon = Daemon::start(&Options { max_mode: Some("off"), ..Options::default() });
    let mut run = Run::start(&chiapos, 21);
    let predicted = daemon.wait_for("a prediction", Duration::from_secs(5), |metrics| {
        metrics.value("plotwarden_job_plot_size_bytes", &[("job_id", &run.job(metrics)?)])
    });
    assert!(run.child.wait().unwrap().success());
    let size = fs::metadata(run.plot()).unwrap().len();
    let ratio = predicted / f64::from(u32::try_from(size).unwrap());
    assert!((ratio - 1.0).abs() <= 0.02, "predicted {predicted}, made {size}: {ratio}");
}

#[test]
fn a_plot_that_was_paused_is_as_good_as_any() {
    if !is_root("watching and pausing real plotters") {
        return;
    }
    let _alone = alone();
    let chiapos = Chiapos::install().unwrap();
    let dial = PressureDial::new();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let mut runs = [Run::start(&chiapos, 23), Run::start(&chiapos, 23)];
    let options = Options {
        procfs: Some(dial.procfs()),
        policies: Some(pausing_policy(folder.path(), &runs)),
        ..Options::default()
    };
    let daemon = Daemon::start(&options);
    daemon.wait_for("two jobs", Duration::from_secs(5), |metrics| {
        runs.iter().all(|run| run.job(metrics).is_some()).then_some(())
    });
    for _ in 0..2 {
        dial.turn_to(90);
        daemon.wait_for("one is paused", Duration::from_secs(15), |metrics| {
            (runs.iter().filter(|run| run.is_paused(metrics) == Some(true)).count() == 1).then_some(())
        });
        standing_still(&daemon, &runs);
        dial.turn_to(0);
        daemon.wait_for("none is paused", Duration::from_secs(15), |metrics| {
            runs.iter().all(|run| run.is_paused(metrics) == Some(false)).then_some(())
        });
    }
    for run in &mut runs {
        assert!(run.child.wait().unwrap().success());
        let proofs = chiapos.verify(&run.plot(), 100).unwrap();
        assert_eq!(proofs.bad, 0);
        assert!(proofs.good > 50, "{} of 100 challenges answered; about one each is usual", proofs.good);
    }
    let lines = daemon.audit();
    let said = |word: &str| lines.iter().any(|line| line["changes"].to_string().contains(word));
    assert!(said("paused") && said("resumed"), "the audit file tells of it: {lines:?}");
}

/// Scrapes until the plotter has ended.
fn follow(daemon: &Daemon, run: &mut Run) -> Vec<Reading> {
    let mut readings: Vec<Reading> = Vec::new();
    loop {
        let before = run.written();
        let metrics = daemon.metrics();
        if let Some(status) = run.child.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return readings;
        }
        if let Some(written) = before {
            let job = run.job(&metrics).unwrap_or_default();
            let value = |name| metrics.value(name, &[("job_id", &job)]);
            let (phase, progress) = (value("plotwarden_job_phase"), value("plotwarden_job_progress_ratio"));
            readings.push(Reading { phase, progress, written });
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn phases_come_in_order(readings: &[Reading]) {
    let phases: Vec<f64> = readings.iter().filter_map(|reading| reading.phase).collect();
    assert!(phases.is_sorted(), "phases go forward: {phases:?}");
    for phase in [1.0, 2.0, 3.0] {
        assert!(phases.contains(&phase), "phase {phase} was never seen: {phases:?}");
    }
}

fn progress_is_that_of_the_bytes(readings: &[Reading], total: f64) {
    let known: Vec<(f64, f64)> =
        readings.iter().filter_map(|reading| Some((reading.progress?, reading.written / total))).collect();
    assert!(known.len() * 10 >= readings.len() * 8, "progress is known nearly always");
    assert!(known.windows(2).all(|pair| pair[0].0 <= pair[1].0), "progress never falls");
    // What is published is up to a tick old; the bytes of that tick are the fair measure.
    for (index, (progress, _)) in known.iter().enumerate() {
        let nearby = &known[index.saturating_sub(12)..=index];
        let nearest = nearby.iter().map(|(_, share)| (progress - share).abs()).fold(f64::INFINITY, f64::min);
        assert!(nearest <= 0.05, "progress {progress} where the bytes say {:?}", known[index].1);
    }
}

/// Exactly one of the plotters writes nothing while the other goes on.
fn standing_still(daemon: &Daemon, runs: &[Run]) {
    std::thread::sleep(Duration::from_millis(300));
    let before: Vec<_> = runs.iter().map(Run::written).collect();
    std::thread::sleep(Duration::from_secs(1));
    let after: Vec<_> = runs.iter().map(Run::written).collect();
    let still = before.iter().zip(&after).filter(|(before, after)| before == after).count();
    assert_eq!(still, 1, "{before:?} -> {after:?}\n{}", daemon.log());
}

/// Pauses above 80 % pressure of the machine, at once, and resumes below 20 %.
fn pausing_policy(folder: &Path, runs: &[Run]) -> PathBuf {
    let path = folder.join("pause.yaml");
    let temps: Vec<String> = runs.iter().map(|run| format!("\"{}\"", run.temp().display())).collect();
    let text = "apiVersion: plotwarden/v1
kind: Contention
metadata: {name: pause}
spec:
  control: {mode: enforce, class: throughput, priority: 500}
  selector: {jobs: {role: plotter, tempDir: [TEMPS]}}
  signals: {disk: {local: io.some, of: machine, window: 2s, maxAge: 5s, onMissing: hold}}
  severity: [{resource: io, signal: disk, zero: 0%, one: 100%}]
  bands: {notice: 0.5, warn: 0.6, critical: 0.8}
  trigger: {for: 1s, clear: {below: 0.2, for: 1s}}
  stages: [{resource: io, at: critical, do: [pause]}]
  behavior:
    settle: 2s
    cooldown: 1s
    pauseAtOnce: 50%
    maxActionsPerHour: 1200
    reversals: {max: 100, per: 15m, then: holdRestrictive, hold: 1m}
  guardrails: {keepRunning: 1, maxPaused: 100%, minRun: 1s}
";
    fs::write(&path, text.replace("TEMPS", &temps.join(", "))).unwrap();
    path
}
