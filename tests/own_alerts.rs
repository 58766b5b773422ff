//! Alerts without a Prometheus server: the real program evaluates rules over its own history, and shows what fires.

mod support;

use std::process::Command;
use std::time::Duration;

use support::daemon::{BINARY, Daemon, Options};

/// The rules are evaluated each half minute.
const LIMIT: Duration = Duration::from_secs(75);

#[test]
fn what_fires_shows_on_the_page_and_in_the_metrics() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rules = folder.path().join("rules.yml");
    std::fs::write(
        &rules,
        "groups:\n- name: test\n  rules:\n  - alert: HasMemory\n    expr: plotwarden_memory_total_bytes > 0\n    labels: \
         {severity: warning}\n    annotations: {summary: 'There is {{ $value | humanize1024 }}B on {{ $labels.instance }}'}\n  \
         - alert: Later\n    expr: up == 1\n    for: 1h\n  - alert: Never\n    expr: up == 2\n",
    )
    .unwrap();
    let daemon = Daemon::start(&Options {
        max_mode: Some("off"),
        flags: vec![format!("--alerts.rules={}", rules.display())],
        ..Options::default()
    });
    let firing = daemon.wait_for("an alert", LIMIT, |metrics| {
        metrics.value("plotwarden_alerts", &[("alertname", "HasMemory"), ("state", "firing")])
    });
    assert!((firing - 1.0).abs() < f64::EPSILON);
    let metrics = daemon.metrics();
    assert_eq!(metrics.value("plotwarden_alerts", &[("alertname", "Later"), ("state", "pending")]), Some(1.0));
    assert_eq!(metrics.value("plotwarden_alerts", &[("alertname", "Never")]), None);
    let (_, page) = daemon.get("/").unwrap();
    assert!(page.contains("There is ") && page.contains(&format!("GiB on {}", daemon.address())), "{page}");
}

#[test]
fn rules_that_are_wrong_are_refused_at_the_start_with_their_place() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let rules = folder.path().join("rules.yml");
    std::fs::write(&rules, "groups:\n- name: test\n  rules:\n  - alert: A\n    expr: rate(x)\n").unwrap();
    let output = Command::new(BINARY)
        .args(["run", "--max-mode=off", "--web.listen-address=127.0.0.1:0", "--alerts.rules"])
        .arg(&rules)
        .arg("--path.run")
        .arg(folder.path().join("run"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("rules.yml:5:11:"), "{said}");
}
