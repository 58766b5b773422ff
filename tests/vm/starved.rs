//! plotwarden and its guard where memory is short: 24 MB for both of them and a neighbour that wants as much, on a machine where
//! somebody always waits for memory.

use std::sync::LazyLock;

use super::files::Scenario;
use super::report::Report;

const STARVED: Scenario =
    Scenario { name: "starved", modules: &["zram"], tests: &[], systemd: false, policy: Some("starved.yaml") };

static REPORT: LazyLock<Report> = LazyLock::new(|| Report::of_a_boot(&STARVED));

/// What law 1 promises, in seconds.
const PROMISE: f64 = 10.0;

fn told(name: &str) -> &'static str {
    REPORT.given("starved", name)
}

fn number(name: &str) -> f64 {
    told(name).parse().unwrap_or_else(|_| panic!("{name}: {}", told(name)))
}

/// What is told is worth nothing if there was room enough.
#[test]
fn memory_was_as_short_as_it_should_be() {
    for when in ["beating", "killing"] {
        assert_eq!(told(&format!("{when}_held")), "1", "{}", REPORT.section("program"));
        assert_eq!(told(&format!("{when}_limit")), (24 << 20).to_string());
        assert!(number(&format!("{when}_pressure")) >= 90.0);
    }
}

/// The limit is met all the time, by us and by a neighbour in our group. Nobody is killed for it: there is swap.
#[test]
fn the_limit_bites_while_we_go_on() {
    for when in ["beating", "killing"] {
        let [bites, swapped, pressure] =
            ["bites", "swapped", "group_pressure"].map(|what| number(&format!("{when}_{what}")));
        println!(
            "{when}: the limit was met {bites} times, {swapped} kB of plotwarden lay in swap, pressure in its group {pressure} %"
        );
        assert!(bites >= 10.0, "the limit was met {bites} times\n{}", REPORT.section("program"));
        assert!(swapped > 0.0, "nothing of ours had to go to swap");
        assert_eq!(told(&format!("{when}_killed_for_memory")), "0");
    }
}

#[test]
fn the_loop_goes_on_and_what_it_holds_stays() {
    assert!(number("beats") >= 5.0, "{} beats in half a minute\n{}", told("beats"), REPORT.section("program"));
    assert_eq!(told("thawed"), "0", "{}", REPORT.section("program"));
}

#[test]
fn a_plot_is_let_go_in_time_when_we_are_asked_to_end() {
    assert_eq!(told("asked_is_as_before"), "yes", "{}", REPORT.section("program"));
    assert!(number("asked_after") <= PROMISE, "{} s", told("asked_after"));
}

#[test]
fn a_plot_is_let_go_in_time_by_the_guard_when_we_are_killed() {
    assert_eq!(told("killed_is_as_before"), "yes", "{}", REPORT.section("program"));
    assert!(number("killed_after") <= PROMISE, "{} s", told("killed_after"));
}
