//! Holds that alerts, their unit tests, their runbooks and the dashboard speak of what plotwarden publishes, and of nothing else.
//!
//! `promtool` judges the rules where it is installed (Debian: `apt-get install prometheus`). Everything else is checked anyway.

#[path = "alerts/dashboard.rs"]
mod dashboard;
#[path = "alerts/published.rs"]
mod published;
#[path = "alerts/rules.rs"]
mod rules;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use dashboard::Dashboard;
use published::faults;
use rules::{Cases, Fired, Rules};

const RULES: &str = "alerts/plotwarden.rules.yml";
const CASES: &str = "alerts/plotwarden.rules.test.yml";
const DASHBOARD: &str = "grafana/plotwarden.json";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// What `promtool` says; `None`, and a line that says so, where it is not installed.
fn promtool(arguments: &[&str], folder: &Path) -> Option<Output> {
    if let Ok(output) = Command::new("promtool").args(arguments).current_dir(folder).output() {
        return Some(output);
    }
    eprintln!("SKIPPED: promtool {arguments:?}: promtool is not installed (Debian: apt-get install prometheus)");
    None
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn prometheus_takes_the_rules_and_their_unit_tests_pass() {
    for arguments in [["check", "rules", RULES], ["test", "rules", CASES]] {
        let Some(output) = promtool(&arguments, root()) else { return };
        assert!(output.status.success(), "promtool {arguments:?}:\n{}", said(&output));
    }
}

#[test]
fn a_changed_threshold_or_a_shorter_time_fails_the_unit_tests() {
    let folder = tempfile::tempdir().unwrap();
    let name = |path: &str| folder.path().join(Path::new(path).file_name().unwrap());
    fs::copy(root().join(CASES), name(CASES)).unwrap();
    for (from, to) in
        [("> 0.85", "> 0.5"), ("> 0.95", "> 0.8"), ("for: 6h", "for: 5h"), ("severity: critical", "severity: info")]
    {
        let changed = text(RULES).replace(from, to);
        assert_ne!(changed, text(RULES), "{from} is in no rule");
        fs::write(name(RULES), changed).unwrap();
        let Some(output) = promtool(&["test", "rules", "plotwarden.rules.test.yml"], folder.path()) else { return };
        assert!(!output.status.success(), "nobody notices {to} in place of {from}");
    }
}

#[test]
fn each_alert_fires_in_one_case_and_is_quiet_in_another() {
    let (rules, cases) = (Rules::parse(&text(RULES)), Cases::parse(&text(CASES)));
    for alert in rules.alerts() {
        let of_alert = || cases.expectations().filter(|(name, _)| *name == alert.name);
        let severities: BTreeSet<&str> = of_alert().flat_map(|(_, fired)| fired.iter().map(Fired::severity)).collect();
        assert!(severities.contains(alert.severity()), "{} ({}) fires in no case", alert.name, alert.severity());
        assert!(of_alert().any(|(_, fired)| fired.is_empty()), "{} is quiet in no case", alert.name);
    }
    let known: BTreeSet<&str> = rules.alerts().map(|alert| alert.name.as_str()).collect();
    let tested: BTreeSet<&str> = cases.expectations().map(|(name, _)| name).collect();
    assert_eq!(known, tested, "cases of alerts that do not exist");
}

#[test]
fn each_alert_says_what_is_wrong_how_bad_it_is_and_where_to_read_on() {
    for alert in Rules::parse(&text(RULES)).alerts() {
        let name = &alert.name;
        assert!(alert.hold.is_some(), "{name}: no `for`");
        assert!(["info", "warning", "critical"].contains(&alert.severity()), "{name}: severity {}", alert.severity());
        let sentence = alert.annotation("description");
        assert!(!alert.annotation("summary").ends_with('.') && sentence.ends_with('.'), "{name}: {sentence}");
        assert_eq!(alert.annotation("runbook_url"), format!("alerts/runbooks/{name}.md"));
    }
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let rules = Rules::parse(&text(RULES));
    let wanted: BTreeSet<PathBuf> = rules.alerts().map(|alert| root().join(alert.annotation("runbook_url"))).collect();
    let found: BTreeSet<PathBuf> =
        fs::read_dir(root().join("alerts/runbooks")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, wanted);
    for path in found {
        let (runbook, name) = (fs::read_to_string(&path).unwrap(), path.file_stem().unwrap().to_str().unwrap());
        let headings: Vec<&str> =
            runbook.lines().filter(|line| line.starts_with('#') && !line.starts_with("# /")).collect();
        assert_eq!(headings, [&format!("# {name}"), "## What it means", "## How to look", "## What to do"], "{name}");
        for link in runbook.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            assert!(path.with_file_name(link).exists(), "{name}: {link} leads nowhere");
        }
        for metric in runbook.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
            let is_beginning = |family: &str| family.starts_with(metric);
            assert!(
                !metric.starts_with("plotwarden_") || published::families().any(is_beginning),
                "{name}: no metric begins with {metric}"
            );
        }
    }
}

#[test]
fn rules_and_their_cases_read_only_what_is_published() {
    assert_eq!(faults(&Rules::parse(&text(RULES)).expressions()), Vec::<String>::new());
    assert_eq!(faults(&Cases::parse(&text(CASES)).series()), Vec::<String>::new());
}

#[test]
fn the_dashboard_reads_only_what_is_published() {
    let dashboard = Dashboard::parse(&text(DASHBOARD));
    assert_eq!(faults(&dashboard.expressions()), Vec::<String>::new());
    assert_eq!(faults(&dashboard.variable_queries()), Vec::<String>::new());
}

#[test]
fn a_misspelt_metric_or_label_is_noticed_wherever_it_stands() {
    let misspelt = |path: &str, from: &str, to: &str| {
        let spoilt = text(path).replace(from, to);
        assert_ne!(spoilt, text(path), "{path} does not hold {from}");
        spoilt
    };
    for (from, to) in [("plotwarden_guard_alive", "plotwarden_guard_alife"), ("kind=\"some\"", "kid=\"some\"")] {
        assert_ne!(faults(&Rules::parse(&misspelt(RULES, from, to)).expressions()), Vec::<String>::new(), "{to}");
        assert_ne!(faults(&Cases::parse(&misspelt(CASES, from, to)).series()), Vec::<String>::new(), "{to}");
    }
    for (from, to) in
        [("plotwarden_guard_alive", "plotwarden_guard_alife"), ("kind=\\\"some", "kid=\\\"some"), ("rate(", "rat(")]
    {
        let spoilt = Dashboard::parse(&misspelt(DASHBOARD, from, to));
        assert_ne!(faults(&spoilt.expressions()), Vec::<String>::new(), "{to}");
    }
    let spoilt = Dashboard::parse(&misspelt(
        DASHBOARD,
        "label_values(plotwarden_build_info",
        "label_values(plotwarden_built_info",
    ));
    assert_eq!(faults(&spoilt.variable_queries()).len(), 2);
}

#[test]
fn every_panel_can_be_read_by_who_did_not_make_it() {
    assert_eq!(Dashboard::parse(&text(DASHBOARD)).panel_faults(), Vec::<String>::new());
}

#[test]
fn panels_lie_beside_each_other() {
    let dashboard = Dashboard::parse(&text(DASHBOARD));
    let panels = dashboard.panels();
    for (index, panel) in panels.iter().enumerate() {
        let at = &panel.grid_pos;
        assert!(at.w > 0 && at.h > 0 && at.x + at.w <= 24, "{}: {at:?}", panel.title);
        for other in &panels[index + 1..] {
            assert!(!at.overlaps(&other.grid_pos), "{} covers {}", panel.title, other.title);
            assert_ne!(panel.id, other.id, "{} and {}", panel.title, other.title);
        }
    }
}
