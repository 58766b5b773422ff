use std::path::Path;
use std::time::Duration;

use super::{DiffReport, Record, compare, replay};
use crate::claim::KnobKind;
use crate::history::file::SnapshotFile;
use crate::history::{History, HistoryConfig, Target};
use crate::policy::{PolicySet, Vocabulary, from_text};
use crate::units::Bytes;

const START: i64 = 1_790_000_000_000;
const POLICY: &str = include_str!("../../../policies/stagger-by-pressure.yaml");

/// Two minutes of two plots on a disk: half a minute calm, a minute at 45 %, and calm again.
fn history() -> History {
    let target = Target { job: "plotwarden".into(), instance: "farm1:9037".into() };
    let mut history = History::new(HistoryConfig { target, memory_limit: Bytes(1 << 24), forecast: Vec::new() });
    let mut series = |name: &str, labels: &[(&str, &str)]| history.series(name, labels).unwrap();
    let pressure = |scope, resource, kind| [("scope", scope), ("resource", resource), ("kind", kind)];
    let io = series("plotwarden_pressure_waiting_seconds_total", &pressure("jobs", "io", "some"));
    let memory = ["some", "full"]
        .map(|kind| series("plotwarden_pressure_waiting_seconds_total", &pressure("machine", "memory", kind)));
    let jobs = ["a", "b"].map(|id| {
        let facts = [("job_id", id), ("profile", "chiapos"), ("k", "32"), ("owner", "chia")];
        (
            series("plotwarden_job_info", &facts),
            series("plotwarden_job_progress_ratio", &[("job_id", id)]),
            series("plotwarden_job_start_time_seconds", &[("job_id", id)]),
        )
    });
    let mut waited = 0.0;
    for second in 0..120_u32 {
        waited += if (30..90).contains(&second) { 0.45 } else { 0.05 };
        let mut row = vec![(io, waited), (memory[0], 0.0), (memory[1], 0.0)];
        for ((info, progress, started), share) in jobs.iter().zip([0.8, 0.2]) {
            row.extend([(*info, 1.0), (*progress, share), (*started, 1_789_990_000.0)]);
        }
        history.append(START + i64::from(second) * 1000, row).unwrap();
    }
    history
}

fn set(text: &str) -> PolicySet {
    from_text(Path::new("p.yaml"), text, &Vocabulary::default()).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn without_tests() -> &'static str {
    POLICY.split("\n# Tests").next().unwrap()
}

#[test]
fn a_lower_threshold_would_have_paused() {
    let (old, new) = (set(without_tests()), set(&without_tests().replace("one: 60%", "one: 50%")));
    let changes = compare(&old, &new);
    assert_eq!((changes.changed.as_slice(), changes.same.len()), (["stagger-by-pressure".to_owned()].as_slice(), 0));
    let record = Record::of(history(), Duration::from_hours(1)).unwrap();
    let replay = replay(&old, &new, &record);
    assert_eq!((replay.samples, replay.jobs), (120, 2));
    let pauses: Vec<_> = replay.differences.iter().filter(|one| one.knob == KnobKind::Pause).collect();
    let [pause] = pauses.as_slice() else { panic!("{:?}", replay.differences) };
    let second = |at: std::time::SystemTime| {
        at.duration_since(std::time::SystemTime::UNIX_EPOCH).unwrap().as_secs() - START as u64 / 1000
    };
    assert_eq!(
        (pause.target.to_string().as_str(), pause.old.as_deref(), pause.new.as_deref()),
        ("b", None, Some("paused"))
    );
    assert!((32..36).contains(&second(pause.from)) && (90..96).contains(&second(pause.until)), "{pause:?}");

    let report = DiffReport { changes, replay: Some(replay) };
    let text = report.to_string();
    assert!(text.contains("changed: stagger-by-pressure") && text.contains("does not know"), "{text}");
    assert_eq!((report.exit_code(), report.json()["replay"]["jobs"].as_u64()), (1, Some(2)));
}

#[test]
fn what_is_the_same_makes_no_difference() {
    let (old, new) = (set(POLICY), set(without_tests()));
    let record = Record::of(history(), Duration::from_hours(1)).unwrap();
    let report = DiffReport { changes: compare(&old, &new), replay: Some(replay(&old, &new, &record)) };
    assert_eq!(report.changes.same, ["stagger-by-pressure"], "tests and comments are no rules");
    assert_eq!(report.exit_code(), 0, "{report}");
    assert!(report.to_string().contains("no claim would have differed"));
}

#[test]
fn a_policy_that_came_or_only_rehearses_shows() {
    let rehearsing = without_tests().replace("mode: enforce", "mode: dryRun");
    let (old, new) = (PolicySet::default(), set(&rehearsing));
    let record = Record::of(history(), Duration::from_hours(1)).unwrap();
    let report = DiffReport { changes: compare(&old, &new), replay: Some(replay(&old, &new, &record)) };
    assert_eq!(report.changes.came, ["stagger-by-pressure"]);
    let differences = &report.replay.as_ref().unwrap().differences;
    assert!(differences.iter().any(|one| one.new.as_deref() == Some("idle (rehearsed)")), "{differences:?}");
}

#[test]
fn a_snapshot_is_read_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history");
    SnapshotFile::new(&path).save(&history()).unwrap();
    for at in [folder.path(), &path] {
        let record = Record::open(at, Duration::from_secs(30)).unwrap();
        assert_eq!((record.stamps.len(), record.target.instance.as_str()), (31, "farm1:9037"));
    }
    std::fs::write(&path, "no history").unwrap();
    assert!(Record::open(&path, Duration::from_secs(30)).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "no history", "it is not put aside");
    assert!(Record::open(&folder.path().join("missing"), Duration::from_secs(30)).is_err());
}
