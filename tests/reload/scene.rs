//! A program in dry run, and which policies it has in force; a policy is told from another by its name.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;

use crate::support::daemon::{Daemon, Metrics, Options};

pub const LOADED: &str = "plotwarden_policies_last_reload_successful";
/// What is not seen in this time is not seen.
pub const LIMIT: Duration = Duration::from_secs(40);

const SHIPPED: &str = include_str!("../../policies/stagger-by-pressure.yaml");

/// A good policy of this name.
pub fn policy(name: &str) -> String {
    let text = SHIPPED.replace("name: stagger-by-pressure", &format!("name: {name}"));
    assert_ne!(text, SHIPPED);
    text
}

/// A folder for policies, and what lies beside it.
pub fn folder() -> (TempDir, PathBuf) {
    let root = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let policies = root.path().canonicalize().unwrap().join("policies");
    fs::create_dir(&policies).unwrap();
    (root, policies)
}

pub fn options(policies: &Path) -> Options {
    Options { policies: Some(policies.to_owned()), max_mode: Some("dry-run"), ..Options::default() }
}

pub fn in_force(metrics: &Metrics) -> Vec<String> {
    let all = metrics.all("plotwarden_policy_info", &[]);
    all.iter()
        .map(|(labels, _)| labels.split("policy=\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
        .collect()
}

/// Waits until these policies, and no other, are in force.
pub fn await_policies(daemon: &Daemon, names: &[&str]) {
    daemon.wait_for(&format!("{names:?} in force"), LIMIT, |metrics| (in_force(metrics) == names).then_some(()));
}

pub fn await_result(daemon: &Daemon, is_good: bool) {
    daemon.wait_for("the result of the reload", LIMIT, |metrics| {
        metrics.value(LOADED, &[]).filter(|loaded| (*loaded > 0.5) == is_good)
    });
}

/// Lets the loop turn so often.
pub fn await_ticks(daemon: &Daemon, ticks: f64) {
    let until = daemon.ticks() + ticks;
    daemon.wait_for("further ticks", LIMIT, |_| (daemon.ticks() >= until).then_some(()));
}
