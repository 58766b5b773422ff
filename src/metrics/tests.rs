//! What an operator, a dashboard and a Prometheus server may rely on, whatever the machine looks like.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use super::fixture::{blind, job, snapshot};
use super::{Format, Kind, Snapshot, catalogue, encode};
use crate::sample::Collector;

fn text(snapshot: Snapshot, format: Format) -> String {
    let mut out = String::new();
    encode(&Arc::new(snapshot), format, &mut out);
    out
}

/// The label names that a family may use. A new one is added here with a thought for its cardinality.
const BOUNDED_LABELS: &[&str] = &[
    "alert",
    "action",
    "address",
    "alarm",
    "alertname",
    "architecture",
    "bank",
    "bios_date",
    "bios_vendor",
    "bios_version",
    "board",
    "board_vendor",
    "boot_id",
    "bound",
    "buckets",
    "by",
    "cause",
    "cgroup_mode",
    "channel",
    "chip",
    "class",
    "clock",
    "comm",
    "commit",
    "compute_capability",
    "constraint",
    "container",
    "controller",
    "core",
    "cpu",
    "cpu_model",
    "cpus",
    "cuda_version",
    "defrag",
    "device",
    "direction",
    "distribution",
    "driver",
    "driver_version",
    "duplex",
    "enabled",
    "evidence",
    "family",
    "fan",
    "firmware",
    "flag",
    "form_factor",
    "fstype",
    "gpu",
    "group",
    "hash",
    "hostname",
    "job_id",
    "k",
    "kernel",
    "kind",
    "knob",
    "label",
    "level",
    "limit",
    "locator",
    "manufacturer",
    "microarchitecture",
    "microcode",
    "mode",
    "model",
    "model_name",
    "module",
    "mountpoint",
    "name",
    "node",
    "of",
    "option",
    "order",
    "outcome",
    "owner",
    "package",
    "part",
    "part_number",
    "path",
    "pci_address",
    "peer",
    "pid",
    "plot_id",
    "policy",
    "pressure",
    "priority",
    "product",
    "profile",
    "reason",
    "resource",
    "scheduler",
    "scope",
    "sensor",
    "severity",
    "signal",
    "size",
    "slot",
    "source",
    "state",
    "status",
    "stepping",
    "stage",
    "strategy",
    "supply",
    "surface",
    "target",
    "technology",
    "threads",
    "tier",
    "to",
    "transport",
    "trip",
    "type",
    "use",
    "user",
    "uuid",
    "value",
    "vendor",
    "version",
    "virtualisation",
    "when",
    "window",
    "zone",
];

/// Series without their values.
fn series(exposition: &str) -> Vec<&str> {
    exposition.lines().filter(|line| !line.starts_with('#')).map(|line| line.rsplit_once(' ').unwrap().0).collect()
}

#[test]
fn the_catalogue_follows_the_rules_of_naming() {
    for family in catalogue() {
        let name = family.name;
        assert!(name.starts_with("plotwarden_") || name.starts_with("process_"), "{name}: prefix");
        assert_eq!(family.kind == Kind::Counter, name.ends_with("_total"), "{name}: _total is for counters");
        assert_eq!(family.kind == Kind::Info, name.ends_with("_info"), "{name}: _info is for facts");
        assert!(!family.source.is_empty(), "{name}: no source");
        assert!(family.help.ends_with('.') && !family.help.contains(['\\', '\n', '"']), "{name}: help");
        for label in family.labels {
            assert!(BOUNDED_LABELS.contains(label), "{name}: label {label}");
            assert!(!matches!(*label, "job" | "instance"), "{name}: Prometheus itself sets the label {label}");
        }
    }
}

#[test]
fn no_family_is_listed_twice() {
    let mut seen = BTreeMap::new();
    for family in catalogue() {
        assert!(seen.insert(family.name, family.help).is_none(), "{} twice", family.name);
    }
}

#[test]
fn both_formats_publish_the_same_series_with_the_same_values() {
    let of = |format| {
        let exposition = text(snapshot(3), format);
        let mut samples: Vec<(String, f64)> = exposition
            .lines()
            .filter(|line| !line.starts_with('#'))
            .map(|line| {
                let (series, value) = line.rsplit_once(' ').unwrap();
                (series.to_owned(), value.parse().unwrap())
            })
            .collect();
        samples.sort_by(|a, b| a.0.cmp(&b.0));
        samples
    };
    assert_eq!(of(Format::Classic), of(Format::OpenMetrics));
}

#[test]
fn every_family_of_the_catalogue_has_a_sample_in_the_fixture() {
    let exposition = text(snapshot(3), Format::Classic);
    // Facts that the fixture's machine does not have: a GPU in use, and a PSS, which is read seldom.
    let absent = ["plotwarden_job_need_vram_bytes", "plotwarden_job_proportional_bytes"];
    for family in catalogue() {
        let head = format!("# TYPE {} ", family.name);
        assert_eq!(exposition.contains(&head), !absent.contains(&family.name), "{}", family.name);
    }
}

#[test]
fn no_series_appears_twice() {
    let exposition = text(snapshot(20), Format::Classic);
    let mut all = series(&exposition);
    let published = all.len();
    all.sort_unstable();
    all.dedup();
    assert_eq!(all.len(), published);
}

#[test]
fn what_could_not_be_read_has_no_sample() {
    let exposition = text(blind(), Format::Classic);
    for absent in [
        "memory_",
        "cpu_seconds",
        "disk_reads",
        "filesystem_size",
        "md_",
        "load1",
        "job_resident",
        "job_progress",
        "job_phase",
        "job_eta",
    ] {
        assert!(!exposition.contains(&format!("plotwarden_{absent}")), "{absent}");
    }
    assert!(!exposition.contains("plotwarden_pressure_ratio"), "pressure that is off is not pressure of zero");
    assert!(exposition.contains("plotwarden_pressure_state{resource=\"memory\",state=\"disabled\"} 1\n"));
    assert!(exposition.contains("plotwarden_pressure_state{resource=\"io\",state=\"measured\"} 0\n"));
}

#[test]
fn the_series_of_a_job_end_with_it() {
    let mut shot = snapshot(3);
    let gone = shot.world.jobs.pop().unwrap().job.id;
    assert!(!text(shot, Format::Classic).contains(gone.as_str()));
}

#[test]
fn a_phase_or_a_pause_changes_values_and_not_series() {
    let before = text(snapshot(2), Format::Classic);
    let mut later = snapshot(2);
    later.world.jobs[1].job.progress.phase = Some(crate::plotter::Phase::Copying);
    later.world.jobs[0].pause.since = None;
    let after = text(later, Format::Classic);
    assert_ne!(before, after);
    assert_eq!(series(&before), series(&after));
}

#[test]
fn no_jobs_is_a_count_of_zero_for_each_known_profile() {
    let exposition = text(snapshot(0), Format::Classic);
    assert!(exposition.contains("plotwarden_jobs{profile=\"chiapos\",state=\"running\"} 0\n"), "{exposition}");
}

#[test]
fn hardware_that_is_not_collected_is_not_published() {
    let mut fewer = snapshot(1);
    fewer.collectors = [Collector::Disks].into_iter().collect();
    for format in [Format::Classic, Format::OpenMetrics] {
        assert!(text(snapshot(1), format).contains("plotwarden_cpu_topology_info{"));
        let fewer = text(fewer.clone(), format);
        assert!(!fewer.contains("plotwarden_cpu_topology") && fewer.contains("plotwarden_build_info{"), "{format:?}");
    }
}

#[test]
fn hostile_names_stay_inside_their_label() {
    let mut shot = snapshot(1);
    let hostile = "/mnt/\"} evil{x=\"1\\\n# EOF\n\u{1b}[2J";
    shot.world.jobs[0].job.arguments.temp_dirs = vec![hostile.into(), std::path::PathBuf::from("x".repeat(5000))];
    for format in [Format::Classic, Format::OpenMetrics] {
        let exposition = text(shot.clone(), format);
        assert!(exposition.contains(r#"path="/mnt/\"} evil{x=\"1\\\n# EOF\n"#), "{format:?}");
        assert!(!exposition.contains('\u{1b}'));
        assert!(exposition.lines().all(|line| line.len() < 1000), "a very long value is cut");
        assert!(
            exposition.lines().all(|line| line.starts_with("# ") || line.starts_with("pl") || line.starts_with("pr"))
        );
    }
}

#[test]
fn a_path_that_is_no_text_is_published_lossily() {
    use std::os::unix::ffi::OsStringExt as _;
    let mut shot = snapshot(1);
    let path = std::ffi::OsString::from_vec(b"/mnt/\xff\xfe".to_vec());
    shot.world.jobs[0].job.arguments.temp_dirs = vec![path.into()];
    assert!(text(shot, Format::OpenMetrics).contains("path=\"/mnt/\u{fffd}\u{fffd}\""));
}

#[test]
fn openmetrics_names_counters_without_total_and_ends_with_eof() {
    let exposition = text(snapshot(1), Format::OpenMetrics);
    assert!(exposition.ends_with("\n# EOF\n"));
    assert!(
        exposition.contains("# TYPE plotwarden_job_cpu_seconds counter\n# UNIT plotwarden_job_cpu_seconds seconds\n")
    );
    assert!(exposition.contains("# TYPE plotwarden_build info\nplotwarden_build_info{version="));
    assert!(exposition.contains("# UNIT plotwarden_pressure_ratio ratio\n"));
    assert!(!exposition.lines().any(|line| line.starts_with("# TYPE") && line.contains("_total ")));
}

#[test]
fn start_times_do_not_tremble_with_the_clocks() {
    let of = |shot: Snapshot| {
        let exposition = text(shot, Format::Classic);
        exposition.lines().find(|line| line.starts_with("plotwarden_job_start_time_seconds")).unwrap().to_owned()
    };
    let mut later = snapshot(1);
    later.world.now.wall += Duration::from_millis(1003);
    later.world.now.boot += Duration::from_millis(1001);
    assert_eq!(of(snapshot(1)), of(later));
}

#[test]
fn a_reused_buffer_holds_nothing_of_the_scrape_before() {
    let mut out = String::from("left over");
    encode(&Arc::new(snapshot(1)), Format::Classic, &mut out);
    let capacity = out.capacity();
    encode(&Arc::new(snapshot(1)), Format::Classic, &mut out);
    assert_eq!(out, text(snapshot(1), Format::Classic));
    assert_eq!(out.capacity(), capacity);
}

#[test]
fn promtool_finds_nothing() {
    let child = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut child) = child else {
        eprintln!("SKIPPED: promtool is not installed (Debian: apt-get install prometheus)");
        return;
    };
    let mut shot = snapshot(20);
    shot.world.jobs.push({
        let mut odd = job(40);
        odd.job.arguments.final_dirs = vec!["/a\"b\\c\nd".into()];
        odd
    });
    child.stdin.take().unwrap().write_all(text(shot, Format::Classic).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{said}");
}

#[test]
fn only_who_decides_has_a_decision_and_only_who_judges_a_strategy() {
    let published = |edit: fn(&mut Snapshot)| {
        let mut snapshot = snapshot(1);
        snapshot.policies.truncate(1);
        edit(&mut snapshot);
        let text = text(snapshot, Format::Classic);
        ["plotwarden_policy_info{", "plotwarden_admission_open{", "plotwarden_contention_strategy{"]
            .map(|series| text.contains(series))
    };
    assert_eq!(published(|_| ()), [true, true, true]);
    let judges_nothing = |snapshot: &mut Snapshot| {
        snapshot.policies[0].decision.as_mut().unwrap().strategy = None;
    };
    assert_eq!(published(judges_nothing), [true, true, false]);
    assert_eq!(published(|snapshot| snapshot.policies[0].mode = crate::mode::Mode::Off), [true, false, false]);
}
