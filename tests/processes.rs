//! The processes that are no jobs, as the real program sees them on the real kernel: groups, competitors with their names, a storm
//! of short lives, and what jobs wait for.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::alone::{alone, is_root};
use support::daemon::{BINARY, Daemon, Metrics, Options};
use support::dialled::Dialled;
use tempfile::TempDir;

/// Processes that come and go in the storm; the figure of the full run is 10,000.
const STORM: &str = "PLOTWARDEN_CHURN";
const SHORT_STORM: u32 = 2_000;
const PER_SECOND: u32 = 200;
/// So long each of them lives.
const LIFE: &str = "0.15";

const EACH_SECOND: &str = "--processes.interval=1s";
const SWITCH: &str = "/proc/sys/kernel/task_delayacct";

/// A process of ours, ended with the value.
struct Companion(Child);

impl Companion {
    fn start(program: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(command.spawn().unwrap())
    }
}

impl Drop for Companion {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn group(metrics: &Metrics, family: &str, name: &str) -> Option<f64> {
    metrics.value(&format!("plotwarden_process_group_{family}"), &[("group", name)])
}

#[test]
fn a_competitor_has_a_name_and_groups_are_those_of_the_file() {
    let _alone = alone();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = folder.path().join("groups.yaml");
    let rules = "schema: 1\ngroups:\n- {name: 'naps of {match.long}', comm: [sleep], cmdline: ['^sleep (?P<long>4711)$']}\n\
                 - {name: burner, comm: [md5sum]}\n";
    fs::write(&config, rules).unwrap();
    let _sleepers = [(); 3].map(|()| Companion::start("sleep", &["4711"]));
    let burner = Companion::start("md5sum", &["/dev/zero"]);
    let flags = vec![EACH_SECOND.to_owned(), format!("--processes.config={}", config.display())];
    let daemon = Daemon::start(&Options { max_mode: Some("off"), flags, ..Options::default() });
    let cpus = daemon.wait_for("the competitor's name", Duration::from_secs(20), |metrics| {
        let pid = burner.0.id().to_string();
        metrics.value("plotwarden_top_process_cpu_ratio", &[("pid", &pid), ("comm", "md5sum")])
    });
    assert!(cpus > 0.1 && cpus < 1.2, "{cpus} CPUs");
    let metrics = daemon.metrics();
    assert_eq!(group(&metrics, "processes", "naps of 4711"), Some(3.0));
    assert_eq!(group(&metrics, "threads", "naps of 4711"), Some(3.0));
    assert!(group(&metrics, "open_files", "naps of 4711").unwrap() >= 9.0);
    let told =
        metrics.value("plotwarden_process_group_cpu_seconds_total", &[("group", "burner"), ("mode", "user")]).unwrap();
    assert!(told > 0.0);
    drop(burner);
    let emptied =
        |metrics: &Metrics| (group(metrics, "processes", "burner") == Some(0.0)).then(|| metrics.text.clone());
    let text = daemon.wait_for("the end of the competitor", Duration::from_secs(10), emptied);
    let after = Metrics { text };
    let counted =
        after.value("plotwarden_process_group_cpu_seconds_total", &[("group", "burner"), ("mode", "user")]).unwrap();
    assert!(counted >= told, "a counter fell from {told} to {counted}");
    assert!(after.all("plotwarden_top_process_cpu_ratio", &[("comm", "md5sum")]).is_empty());
}

#[test]
fn a_wrong_groups_file_is_refused_with_the_place() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let config = folder.path().join("groups.yaml");
    fs::write(&config, "schema: 1\ngroups:\n- name: '{com}'\n  comm: [x]\n").unwrap();
    let output = Command::new(BINARY)
        .args(["run", "--web.listen-address=127.0.0.1:0", "--max-mode=off", "--path.run"])
        .arg(folder.path().join("run"))
        .arg("--processes.config")
        .arg(&config)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("groups.yaml:3:9: `{com}` is not known"), "{said}");
}

/// Starts processes at an even pace, and reaps them.
fn storm(number: u32) {
    let start = Instant::now();
    let mut living = std::collections::VecDeque::new();
    for born in 0..number {
        let due = Duration::from_secs(1) * born / PER_SECOND;
        std::thread::sleep(due.saturating_sub(start.elapsed()));
        living.push_back(Command::new("sleep").arg(LIFE).stdin(Stdio::null()).spawn().unwrap());
        // Those at the front have lived longer than their time.
        if living.len() > PER_SECOND as usize / 2 {
            let mut oldest: Child = living.pop_front().unwrap();
            assert!(oldest.wait().unwrap().success());
        }
    }
    for mut last in living {
        last.wait().unwrap();
    }
}

fn own(daemon: &Daemon, name: &str) -> f64 {
    daemon.metrics().value(name, &[]).unwrap()
}

#[test]
fn a_storm_of_processes_takes_no_memory_and_no_job() {
    if !is_root("events of processes") {
        return;
    }
    let number = std::env::var(STORM).ok().map_or(SHORT_STORM, |number| number.parse().unwrap());
    let lasts = Duration::from_secs(1) * number / PER_SECOND;
    let mut dialled = Dialled::new();
    let mut options = dialled.options();
    options.flags.push(EACH_SECOND.to_owned());
    let mut daemon = Daemon::start(&options);
    let mut pids = vec![dialled.start_plotter()];
    // What grows by itself, the history above all, grows in calm weather too. A first gust takes what is taken once.
    storm(2 * PER_SECOND);
    let before = own(&daemon, "process_resident_memory_bytes");
    std::thread::sleep(lasts);
    let calm = own(&daemon, "process_resident_memory_bytes");
    let cpu = own(&daemon, "process_cpu_seconds_total");
    let gusts = 4;
    for _ in 0..gusts {
        storm(number / gusts);
        pids.push(dialled.start_plotter());
    }
    let cpu = own(&daemon, "process_cpu_seconds_total") - cpu;
    let after = own(&daemon, "process_resident_memory_bytes");
    let (calm_growth, growth) = (calm - before, after - calm);
    eprintln!(
        "{number} processes in {lasts:?}: memory {:.2} MB before, {:+.2} MB in calm weather, {:+.2} MB in the storm; {cpu:.2} s of CPU",
        before / 1e6,
        calm_growth / 1e6,
        growth / 1e6,
    );
    assert!(growth < calm_growth + 2e6, "{growth} bytes more, and {calm_growth} in calm weather");
    for pid in &pids {
        let job = format!("-{pid}-");
        daemon.wait_for("a job of each plotter", Duration::from_secs(5), |metrics| {
            let jobs = metrics.all("plotwarden_job_info", &[]);
            jobs.iter().any(|(labels, _)| labels.contains(&job)).then_some(())
        });
    }
    let left = daemon.wait_for("an end of the storm", Duration::from_secs(10), |metrics| {
        let processes = metrics.value("plotwarden_processes", &[("kind", "program")])?;
        (processes < f64::from(PER_SECOND)).then_some(processes)
    });
    assert!(left > 1.0);
    assert!(!daemon.log().contains("level=error"), "{}", daemon.log());
    assert!(daemon.stop().success());
}

/// Delay accounting as it was before, when this is dropped.
struct DelaysCounted(String);

impl DelaysCounted {
    /// `None`, and a line that says so, where the kernel has no such switch.
    fn switch_on() -> Option<Self> {
        let before = fs::read_to_string(SWITCH).ok();
        if before.is_none() || fs::write(SWITCH, "1").is_err() {
            eprintln!("SKIPPED: this kernel has no switch {SWITCH}, or we may not use it");
            return None;
        }
        before.map(Self)
    }
}

impl Drop for DelaysCounted {
    fn drop(&mut self) {
        fs::write(SWITCH, self.0.trim()).unwrap();
    }
}

#[test]
fn what_a_job_waits_for_is_told_where_the_kernel_counts_it() {
    if !is_root("delays of processes") || !Path::new(SWITCH).exists() {
        return;
    }
    let mut dialled = Dialled::new();
    let daemon = Daemon::start(&dialled.options());
    let delay = |metrics: &Metrics, pid: i32, kind: &str| {
        let told = metrics.all("plotwarden_job_delay_seconds_total", &[("kind", kind)]);
        told.into_iter().find(|(labels, _)| labels.contains(&format!("-{pid}-"))).map(|(_, seconds)| seconds)
    };
    let Some(counted) = DelaysCounted::switch_on() else { return };
    let pid = dialled.start_plotter();
    let wait = Duration::from_secs(20);
    daemon.wait_for("waits for disks", wait, |metrics| delay(metrics, pid, "io"));
    assert!(delay(&daemon.metrics(), pid, "cpu").unwrap() > 0.0);
    let was_off = counted.0.trim() == "0";
    drop(counted);
    if was_off {
        daemon.wait_for("silence about disks", wait, |metrics| delay(metrics, pid, "io").is_none().then_some(()));
        assert!(delay(&daemon.metrics(), pid, "cpu").is_some(), "waits for a CPU are always counted");
    }
}
