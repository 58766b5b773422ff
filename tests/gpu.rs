//! The real program on a machine whose NVIDIA library is played: right figures, no wait for a library that hangs, and never a
//! setting that is changed.

mod support;

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use support::actor::Actor;
use support::alone::{alone, is_root};
use support::daemon::{BINARY, Daemon, Options};
use support::nvml::{Driver, FakeNvml};
use tempfile::TempDir;

const NOTHING: [&str; 0] = [];

fn options(library: &Path) -> Options {
    let flags = vec!["--path.nvml".to_owned(), library.display().to_string(), "--log.level=info".to_owned()];
    Options { max_mode: Some("off"), flags, ..Options::default() }
}

fn discover(library: &Path) -> serde_json::Value {
    let output =
        Command::new(BINARY).args(["discover", "--output", "json", "--path.nvml"]).arg(library).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn capability(inventory: &serde_json::Value) -> &serde_json::Value {
    inventory["capabilities"].as_array().unwrap().iter().find(|capability| capability["surface"] == "gpu").unwrap()
}

#[test]
fn discover_tells_what_the_gpus_are() {
    let fake = FakeNvml::build(Driver::Current);
    let inventory = discover(fake.path());
    let gpu = &inventory["gpu"];
    assert_eq!((gpu["status"].as_str(), gpu["confidence_ratio"].as_f64()), (Some("valid"), Some(1.0)));
    assert_eq!(gpu["nvidia"]["driver"], "550.54.14");
    let first = &gpu["devices"][0];
    assert_eq!(first["model"], "NVIDIA GeForce RTX 4090");
    assert_eq!(first["memory_total_bytes"], 24_u64 << 30);
    assert_eq!(first["cuda_cores"], 16384);
    assert_eq!(first["pci_link"]["generation_max"], 4);
    assert_eq!(first["power_limit"]["enforced_watts"], 290.5);
    assert_eq!(first["clock_max"]["memory_hertz"], 10.501e9);
    assert_eq!(first["temperature_limit"]["shutdown_celsius"], 100.0);
    assert!(first["ecc"].is_null(), "this GPU has no ECC, which is not off");
    assert_eq!(gpu["devices"][1]["ecc"], true);
    assert_eq!(capability(&inventory)["state"], "usable");
    assert_eq!(fake.changes(), NOTHING);
}

#[test]
fn discover_of_an_old_driver_and_of_none_says_what_is_unknown_and_why() {
    let old = discover(FakeNvml::build(Driver::Old).path());
    assert_eq!(old["gpu"]["status"], "partial");
    assert!(old["gpu"]["devices"][0]["cuda_cores"].is_null());
    assert!(old["gpu"]["problems"][0].as_str().unwrap().contains("too old"), "{}", old["gpu"]["problems"]);

    let none = discover(Path::new("/nonexistent/libnvidia-ml.so.1"));
    let capability = capability(&none);
    assert_eq!(capability["state"], "unusable");
    assert!(capability["reason"].as_str().unwrap().contains("/nonexistent"), "{capability}");
    assert!(capability["mend"].as_str().unwrap().contains("nvidia-driver"), "{capability}");
}

#[test]
fn a_run_publishes_what_the_gpus_do_and_what_a_job_has_of_them() {
    if !is_root("looking at other users' plots") {
        return;
    }
    let _alone = alone();
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let actor = Actor::start("madmax", &["./chia_plot", "-k", "25", "-t", "./", "-d", "./"], folder.path()).unwrap();
    let fake = FakeNvml::build(Driver::Current);
    fake.script(&format!("process 0 {} 6442450944\nprocess 0 1 1048576", actor.pid()));
    let daemon = Daemon::start(&options(fake.path()));
    let metrics = daemon.wait_for("the GPUs", Duration::from_secs(15), |metrics| {
        let job = metrics.value("plotwarden_job_gpu_memory_bytes", &[("gpu", "0")]);
        (job.is_some() && metrics.value("plotwarden_gpu_info", &[]).is_some()).then(|| daemon.metrics())
    });
    let of = |name: &str, labels: &[(&str, &str)]| metrics.value(&format!("plotwarden_gpu_{name}"), labels);
    let first = ("gpu", "0");
    assert_eq!(of("utilization_ratio", &[first]), Some(0.91));
    assert_eq!(of("utilization_ratio", &[("gpu", "1")]), Some(0.0), "idle is known to be idle");
    assert_eq!(of("power_watts", &[first]), Some(287.5));
    assert_eq!(of("energy_joules_total", &[first]), Some(123_456.789));
    assert_eq!(of("power_limit_bound_watts", &[first, ("bound", "max")]), Some(600.0));
    assert_eq!(of("clock_hertz", &[first, ("clock", "graphics")]), Some(2.52e9));
    assert_eq!(of("clock_limited", &[first, ("reason", "power_cap")]), Some(1.0));
    assert_eq!(of("clock_limited", &[first, ("reason", "idle")]), Some(0.0));
    assert_eq!(of("fan_speed_ratio", &[first, ("fan", "1")]), Some(0.61));
    assert_eq!(of("fan_speed_ratio", &[("gpu", "1")]), None, "it has no fan, which is not a fan that stands");
    assert_eq!(of("memory_errors_total", &[first]), None);
    assert_eq!(of("memory_errors_total", &[("gpu", "1"), ("kind", "corrected")]), Some(3.0));
    assert_eq!(of("pcie_bytes_per_second", &[first, ("direction", "received")]), Some(9.2e9));
    assert_eq!((of("processes", &[first]), of("processes", &[("gpu", "1")])), (Some(2.0), Some(0.0)));
    assert_eq!(metrics.value("plotwarden_job_gpu_memory_bytes", &[("gpu", "0")]), Some(6.0 * 1024.0 * 1024.0 * 1024.0));
    assert_eq!(metrics.all("plotwarden_job_gpu_memory_bytes", &[]).len(), 1);
    assert_eq!(metrics.label("plotwarden_gpu_info", &[first], "cuda_version").as_deref(), Some("12.4"));
    assert_eq!(metrics.value("plotwarden_capability", &[("surface", "gpu"), ("state", "usable")]), Some(1.0));
    assert_eq!(fake.changes(), NOTHING);
}

/// The longest of ten scrapes, and of how many ticks the loop fell behind meanwhile.
fn slowest(daemon: &Daemon) -> (Duration, f64) {
    let (ticks, begun) = (daemon.ticks(), Instant::now());
    let mut longest = Duration::ZERO;
    for _ in 0..10 {
        let asked = Instant::now();
        daemon.metrics();
        longest = longest.max(asked.elapsed());
        std::thread::sleep(Duration::from_millis(300));
    }
    (longest, begun.elapsed().as_secs_f64() - (daemon.ticks() - ticks))
}

#[test]
fn a_call_that_hangs_keeps_ticks_and_scrapes_fast_and_is_reported() {
    let fake = FakeNvml::build(Driver::Current);
    let daemon = Daemon::start(&options(fake.path()));
    let power = |metrics: &support::daemon::Metrics| metrics.value("plotwarden_gpu_power_watts", &[("gpu", "0")]);
    daemon.wait_for("the GPUs", Duration::from_secs(15), power);
    fake.script("nvmlDeviceGetPowerUsage hang");
    daemon.wait_for("the lateness", Duration::from_secs(30), |metrics| {
        let counted = metrics.value("plotwarden_sample_errors_total", &[("part", "gpu")]);
        counted.filter(|count| *count > 0.0)
    });
    let (longest, behind) = slowest(&daemon);
    assert!(longest < Duration::from_secs(1) && behind < 2.0, "{longest:?}, {behind} ticks behind");
    let metrics = daemon.metrics();
    assert_eq!(power(&metrics), None, "a figure that nobody has any more is not shown");
    assert!(metrics.value("plotwarden_gpu_sample_age_seconds", &[]).unwrap() > 10.0);
    let complaints = daemon.log().lines().filter(|line| line.contains("GPUs have not answered")).count();
    assert_eq!(complaints, 1, "said when it begins, not in each tick:\n{}", daemon.log());
    fake.script("nvmlDeviceGetPowerUsage answers 100000");
    let again = daemon.wait_for("the GPUs again", Duration::from_secs(15), power);
    assert!((again - 100.0).abs() < 1e-9);
    assert_eq!(fake.changes(), NOTHING);
}

#[test]
fn a_library_that_hangs_from_the_start_on_holds_up_neither_start_nor_end() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlInit_v2 hang");
    let begun = Instant::now();
    let mut daemon = Daemon::start(&options(fake.path()));
    assert!(begun.elapsed() < Duration::from_secs(8), "ready only after {:?}", begun.elapsed());
    let (longest, behind) = slowest(&daemon);
    assert!(longest < Duration::from_secs(1) && behind < 2.0, "{longest:?}, {behind} ticks behind");
    let reason = daemon.metrics().label("plotwarden_capability", &[("surface", "gpu")], "reason");
    assert!(reason.as_deref().is_some_and(|reason| reason.contains("has not answered")), "{reason:?}");
    let asked = Instant::now();
    assert!(daemon.stop().success());
    assert!(asked.elapsed() < Duration::from_secs(8), "ended only after {:?}", asked.elapsed());
}

#[test]
fn without_gpus_there_is_no_series_no_line_of_log_and_one_capability_that_says_why() {
    let daemon = Daemon::start(&options(Path::new("/nonexistent/libnvidia-ml.so.1")));
    let unusable = [("surface", "gpu"), ("state", "unusable")];
    let metrics = daemon.wait_for("the capability", Duration::from_secs(10), |metrics| {
        let reason = metrics.label("plotwarden_capability", &unusable, "reason")?;
        reason.contains("/nonexistent").then(|| daemon.metrics())
    });
    assert!(!metrics.text.contains("plotwarden_gpu_"), "{}", metrics.text);
    std::thread::sleep(Duration::from_secs(2));
    assert!(!daemon.log().to_lowercase().contains("nvidia"), "{}", daemon.log());
}
