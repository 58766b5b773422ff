//! Tests of policies as they are read: what is given by default, and what is refused where.

use std::path::Path;
use std::time::Duration;

use super::{GOOD, vocabulary};
use crate::mode::Mode;
use crate::policy::cases::{Case, GivenJob, Sample, Source};
use crate::policy::{PolicyError, from_text};

const CASE: &str = "\
tests:
  - name: one
    given: {jobs: [{id: p1}]}
    series: [{signal: disk, values: '5%x1'}]
    expect: [{at: 1m, stage: none, paused: [p1]}]
";

fn cases(text: &str) -> Result<Vec<Case>, Vec<PolicyError>> {
    from_text(Path::new("p.yaml"), text, &vocabulary()).map(|set| set.cases)
}

/// The one error of the policy with this test, edited.
fn error(from: &str, to: &str) -> String {
    assert!(CASE.contains(from), "no `{from}`");
    let errors = cases(&format!("{GOOD}{}", CASE.replacen(from, to, 1))).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:#?}");
    errors[0].to_string()
}

#[test]
fn what_is_not_said_is_sensible() {
    let cases = cases(&format!("{GOOD}{CASE}")).unwrap();
    let [case] = cases.as_slice() else { panic!("{cases:?}") };
    assert_eq!((case.policies.as_slice(), case.mode), (["test".to_owned()].as_slice(), Mode::Enforce));
    assert_eq!((case.interval, case.length()), (Duration::from_secs(1), Duration::from_mins(1)));
    assert_eq!((case.jobs[0].plotter.as_str(), case.jobs[0].k, case.jobs[0].user.as_str()), ("chiapos", 32, "chia"));
    assert_eq!(case.series[0].of, Source::Signal { name: "disk".to_owned(), policy: None });
    assert_eq!(case.series[0].samples(), [Sample::Value(0.05); 2]);
    assert_eq!(case.expect[0].spot.place.map(|place| place.line), Some(31));
}

#[test]
fn a_queue_may_be_long_in_one_line() {
    let queue = "{jobs: [{id: p1}], queue: [{id: q, at: 10s, count: 3, every: 5s, lasts: 1m}]}";
    let cases = cases(&format!("{GOOD}{}", CASE.replace("{jobs: [{id: p1}]}", queue))).unwrap();
    let plots = cases[0].jobs.iter().flat_map(GivenJob::each);
    let queued: Vec<(String, Option<u64>)> = plots.map(|job| (job.id, job.at.map(|at| at.as_secs()))).collect();
    let expected = [("p1", None), ("q-1", Some(10)), ("q-2", Some(15)), ("q-3", Some(20))];
    assert_eq!(queued, expected.map(|(id, at)| (id.to_owned(), at)));
    assert!(cases[0].jobs[1].is_named("q-3") && !cases[0].jobs[1].is_named("q-4") && !cases[0].jobs[1].is_named("q"));
}

#[test]
fn a_series_is_one_of_this_machine_unless_it_says_otherwise() {
    let series = r#"series: 'x{instance="$node", d="a"}'"#;
    let cases = cases(&format!("{GOOD}{}", CASE.replace("signal: disk", series))).unwrap();
    let labels = vec![("d".to_owned(), "a".to_owned())];
    assert_eq!(cases[0].series[0].of, Source::Metric { name: "x".to_owned(), labels });
}

#[test]
fn what_is_wrong_is_said_where_it_is() {
    for (from, to, place, part) in [
        ("paused: [p1]", "paused: [p2]", "31:45", "no plot of this test has the id `p2`"),
        ("signal: disk", "signal: dsk", "30:14", "no policy of this test has a signal `dsk`"),
        ("'5%x1'", "'5% 7furlongs'", "30:41", "`7furlongs` is no number"),
        ("[{at: 1m, stage: none, paused: [p1]}]", "[]", "31:13", "expects nothing"),
        ("- name: one", "- start: '16:50'\n    name: one", "28:12", "no time of day with its offset"),
        ("at: 1m", "at: 60", "31:19", "`60` has no unit"),
        ("paused", "pauses", "31:", "unknown field `pauses`"),
        ("{id: p1}", "{id: p1}, {id: p1}", "29:30", "two plots have the id `p1`"),
        ("{id: p1}", "{id: p1, progress: 120%}", "29:39", "no plot is ever there"),
        ("signal: disk", "series: 'rate(x[5m])'", "30:23", "is an expression"),
        ("signal: disk", "series: 'x{a=~\"b\"}'", "30:23", "`a` has no one value"),
        ("signal: disk", "policy: test", "30:14", "about one signal, or about one series"),
        ("stage: none", "never: [memory-hihg]", "31:", "`memory-hihg` is not known here"),
    ] {
        let error = error(from, to);
        assert!(error.starts_with(&format!("p.yaml:{place}")) && error.contains(part), "{from} -> {to}: {error}");
    }
}

#[test]
fn tests_of_several_policies_stand_by_themselves() {
    let alone = |policy: &str| {
        let indented = CASE.lines().map(|line| format!("  {line}\n")).collect::<Vec<_>>().concat();
        let head = "---\napiVersion: plotwarden/v1\nkind: PolicyTest\nmetadata: {name: both}\n";
        format!("{GOOD}{head}spec:\n  policies: [{policy}]\n{indented}")
    };
    assert_eq!(cases(&alone("test")).unwrap()[0].policies, ["test"]);
    let errors = cases(&alone("tset")).unwrap_err();
    assert!(errors[0].to_string().contains("no policy is named `tset`"), "{errors:?}");
    assert!(errors[0].to_string().contains("did you mean `test`"), "{errors:?}");
    assert!(cases(&alone("")).unwrap_err()[0].to_string().contains("no policy is tested"));
}
