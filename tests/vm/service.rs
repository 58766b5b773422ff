//! plotwarden under a real systemd, by our unit file.

use std::sync::LazyLock;

use super::files::Scenario;
use super::report::Report;

const SERVICE: Scenario =
    Scenario { name: "service", modules: &[], tests: &["knobs"], systemd: true, policy: Some("systemd/policy.yaml") };

static REPORT: LazyLock<Report> = LazyLock::new(|| Report::of_a_boot(&SERVICE));

fn told(name: &str) -> &'static str {
    REPORT.given("service", name)
}

#[test]
fn the_service_is_ready_once_it_says_so_and_has_a_tree_of_its_own() {
    assert_eq!(told("started"), "0", "{}", REPORT.section("program"));
    assert_eq!((told("Type"), told("ActiveState"), told("SubState")), ("notify", "active", "running"));
    assert_eq!((told("Delegate"), told("ControlGroup")), ("yes", "/system.slice/plotwarden.service"));
}

/// Main process and guard at once: what is left is what the unit file orders after the end.
#[test]
fn a_kill_of_all_its_processes_puts_the_plot_back_and_starts_it_again() {
    assert!(told("held").starts_with("15 ") && told("before").starts_with("0 "), "{}", REPORT.section("program"));
    assert_eq!(told("killed"), told("before"), "{}", REPORT.section("program"));
    assert_eq!(told("restarts"), "1");
}

#[test]
fn a_stop_puts_the_plot_back() {
    assert_eq!(told("held_again"), told("held"));
    assert_eq!(told("stopped"), told("before"), "{}", REPORT.section("program"));
    assert_eq!(told("Result"), "success");
}

/// What `tests/knobs` has to say of the scopes of jobs can be tried here only.
#[test]
fn a_plot_has_limits_in_a_scope_of_its_own() {
    let said = REPORT.section("scopes");
    assert_eq!(REPORT.given("scopes", "exit"), "0", "{said}");
    assert!(said.contains("test result: ok. 2 passed") && !said.contains("SKIPPED"), "{said}");
}
