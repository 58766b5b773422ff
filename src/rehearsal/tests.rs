//! What an operator sees of his tests: those that fail say where and how, and what a test shows is what would happen.

use std::path::Path;

use super::{Shown, TestReport, test};
use crate::plotter::Profiles;
use crate::policy::{Vocabulary, from_text};

const POLICY: &str = include_str!("../../policies/stagger-by-pressure.yaml");

/// The shipped policy with other tests.
fn report(tests: &str) -> TestReport {
    let policy = POLICY.split("\n# Tests").next().unwrap();
    let set = from_text(Path::new("p.yaml"), &format!("{policy}\ntests:\n{tests}"), &Vocabulary::default());
    test(&set.unwrap_or_else(|errors| panic!("{errors:?}")), &Profiles::shipped().unwrap(), Shown::Failed)
}

fn busy(expect: &str) -> TestReport {
    report(&format!(
        "  - name: busy\n    given: {{jobs: [{{id: p1, progress: 80%}}, {{id: p2, progress: 20%}}]}}\n    series:\n      \
         - {{signal: disk, values: '5%x9 85%x19 5%x19'}}\n      - {{signal: memory, values: '0%x49'}}\n    \
         expect: [{{{expect}}}]\n"
    ))
}

#[test]
fn a_failure_shows_place_expected_actual_and_the_way_there() {
    let report = busy("at: 20s, stage: warn, paused: []");
    let text = report.to_string();
    let line = POLICY.split("\n# Tests").next().unwrap().lines().count() + 8;
    for part in [
        format!("p.yaml:{line}:").as_str(),
        "stage: expected warn, was critical",
        "paused: expected none, was p2",
        "> 20s",
        "13s",
        "1 test, 1 policy: 1 failed",
    ] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert_eq!(report.exit_code(), 1);
    let json = report.json();
    assert_eq!((json["failed"].as_u64(), json["tests"][0]["passed"].as_bool()), (Some(1), Some(false)));
}

#[test]
fn each_expectation_can_fail() {
    for wrong in [
        "at: 20s, stage: none",
        "at: 20s, admission: open",
        "at: 20s, claims: []",
        "at: 20s, claims: [{knob: pause, target: p1}]",
        "at: 20s, claims: [{knob: io-priority, target: p2, value: best-effort/7}]",
        "at: 20s, never: [pause]",
        "at: 20s, denied: [{knob: pause}]",
        "at: 20s, paused: [p1]",
        "at: 20s, running: [p1, p2]",
        "at: 20s, starts: 1",
        "at: 20s, reversals: 1",
        "at: 20s, restored: true",
        "at: 5s, restored: false",
        "at: 20s, missing: [disk]",
        "at: 20s, reason: deferred-start",
        "at: 20s, says: nothing of the kind",
        "at: 20s, alerts: [NobodyRaisesThis]",
    ] {
        let report = busy(wrong);
        assert_eq!((report.exit_code(), report.verdicts[0].faults.len()), (1, 1), "{wrong}: {report}");
    }
    for right in ["at: 9s, claims: [], restored: true, alerts: []", "at: 20s, never: [nice], restored: false"] {
        assert_eq!(busy(right).exit_code(), 0, "{right}: {}", busy(right));
    }
}

#[test]
fn a_policy_that_rehearses_claims_and_does_nothing() {
    let tests = "  - name: dry\n    mode: dryRun\n    given: {jobs: [{id: p1}, {id: p2}]}\n    \
                 series: [{signal: disk, values: '85%x29'}]\n    \
                 expect: [{at: 20s, stage: critical, claims: [{knob: pause}], paused: [], restored: true}]\n";
    assert_eq!(report(tests).exit_code(), 0, "{}", report(tests));
    let off = tests.replace("dryRun", "disabled");
    assert!(report(&off).to_string().contains("stage: expected critical, was none"));
}

#[test]
fn a_plotter_that_nobody_knows_is_refused() {
    let tests = "  - name: unknown\n    given: {jobs: [{id: p1}, {id: p2, plotter: PLOTTER, progress: 10%}]}\n    \
                 series: [{signal: disk, values: '85%x29'}]\n    expect: [{at: 20s, stage: critical}]\n";
    let unknown = report(&tests.replace("PLOTTER", "nobody-knows-it"));
    assert_eq!(unknown.exit_code(), 2);
    assert!(unknown.to_string().contains("there is no plotter `nobody-knows-it`"), "{unknown}");
}

#[test]
fn one_gauge_cannot_be_two_things() {
    let lines = "{signal: disk, values: '1%'}, {signal: disk, values: '2%'}";
    let report = report(&format!("  - name: twice\n    series: [{lines}]\n    expect: [{{at: 0s, stage: none}}]\n"));
    assert!(report.to_string().contains("is given twice, with different values"), "{report}");
}
