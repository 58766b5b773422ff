use std::path::Path;
use std::time::Duration;

use super::{GOOD, vocabulary};
use crate::policy::{Answerer, Asked, PolicySet, Trend, Unit, Vocabulary, from_text};

const LOCAL: &str = "ram: {local: memory.used, window: 10s, maxAge: 15s, onMissing: deny}";

/// The good policy with its second signal written as `signal`, and its anchors as `anchors`.
fn with(signal: &str, anchors: &str) -> String {
    assert!(GOOD.contains(LOCAL));
    GOOD.replacen(LOCAL, &format!("ram: {signal}"), 1).replacen("zero: 80%, one: 98%", anchors, 1)
}

fn load(text: &str, prometheus: bool) -> Result<PolicySet, String> {
    let vocabulary = Vocabulary { prometheus, ..vocabulary() };
    from_text(Path::new("p.yaml"), text, &vocabulary)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))
}

fn trend(set: &PolicySet) -> (Trend, Duration) {
    let question = &set.policies[0].contention().unwrap().signals["ram"];
    let Asked::Trend(trend) = &question.asked else { panic!("{question:?}") };
    (trend.clone(), question.max_age)
}

const RATE: &str = "rate(plotwarden_ticks_total[5m])";

#[test]
fn a_promql_signal_is_read_with_careful_defaults() {
    let text = with(&format!("{{promql: '{RATE}', maxAge: 30s, onMissing: hold}}"), "zero: 10, one: -2.5");
    let set = load(&text, false).unwrap();
    let (trend, max_age) = trend(&set);
    assert_eq!((trend.answerer, trend.of_each_job), (Answerer::Embedded, false));
    assert_eq!((trend.every, max_age), (Duration::from_secs(10), Duration::from_secs(30)));
    assert_eq!((trend.expression.text(), trend.range), (RATE, Duration::from_mins(5)));
    assert!((trend.min_history - 0.8).abs() < 1e-9);
    let rules = set.policies[0].contention().unwrap();
    let anchor = rules.anchors.iter().find(|anchor| anchor.signal == "ram").unwrap();
    assert_eq!((anchor.zero, anchor.one, rules.unit("ram")), (10.0, -2.5, Unit::Plain));
    assert_eq!(rules.unit("disk"), Unit::Share);
}

#[test]
fn everything_about_it_can_be_said() {
    let signal = "{promql: 'max(up{job_id=\"$job_id\"})', source: prometheus, of: each, maxAge: 1m, onMissing: safe, \
                  minHistory: 50%, every: 2s}";
    let (trend, _) = trend(&load(&with(signal, "zero: 80%, one: 250%"), true).unwrap());
    assert_eq!((trend.answerer, trend.of_each_job, trend.every), (Answerer::Prometheus, true, Duration::from_secs(2)));
    assert!((trend.min_history - 0.5).abs() < 1e-9);
}

#[test]
fn how_often_it_is_asked_follows_how_old_it_may_be() {
    for (max_age, every) in [("1s", 1), ("3s", 1), ("30s", 10), ("5m", 15)] {
        let text = with(&format!("{{promql: up, maxAge: {max_age}, onMissing: hold}}"), "zero: 0, one: 1");
        assert_eq!(trend(&load(&text, false).unwrap()).0.every, Duration::from_secs(every), "{max_age}");
    }
}

/// What is written for `ram`, its anchors, and what the message must have.
const BAD: &[(&str, &str, &[&str])] = &[
    (
        "{promql: 'sum(rate(up[5m]) by (job)', maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:37:", "PromQL: ", "sum(rate(up[5m]) by", "^"],
    ),
    ("{promql: 'up +', maxAge: 30s, onMissing: hold}", "zero: 0, one: 1", &["p.yaml:10:24:", "PromQL"]),
    (
        "{promql: 'rate(plotwarden_tick_total[5m])', maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &[
            "p.yaml:10:25:",
            "no `plotwarden_tick_total`",
            "did you mean `plotwarden_ticks_total`?",
            "^^^^^^^^^^^^^^^^^^^^^\n",
        ],
    ),
    (
        "{promql: '{__name__=\"plotwarden_x\"}', maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:20:", "no `plotwarden_x`", "/metrics"],
    ),
    ("{promql: 'up[5m]', maxAge: 30s, onMissing: hold}", "zero: 0, one: 1", &["p.yaml:10:20:", "no number", "rate("]),
    (
        "{promql: 'up{instance=\"$host\"}', maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:33:", "no variable `$host`", "`$node`, `$job`, `$job_id`, `$device`"],
    ),
    (
        "{promql: 'up{device=~\"$devise\"}', maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:32:", "no variable `$devise`", "did you mean `$device`?"],
    ),
    (
        "{promql: up > $node, maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:24:", "outside of a string"],
    ),
    (
        "{promql: 'up{job_id=\"$job_id\"}', maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:19:", "nobody", "write `of: each`"],
    ),
    ("{promql: up, of: each, maxAge: 30s, onMissing: hold}", "zero: 0, one: 1", &["the same answer", "$job_id"]),
    ("{promql: up, of: jobs, maxAge: 30s, onMissing: hold}", "zero: 0, one: 1", &["not answered for all jobs"]),
    (
        "{promql: 'up{a=\"$job_id\"}', of: each, maxAge: 30s, onMissing: hold}",
        "zero: 1, one: 0",
        &["the lowest is the worst", "negate"],
    ),
    (
        "{promql: up, source: prometheus, maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:31:", "no Prometheus server", "--prometheus.url"],
    ),
    (
        "{promql: up, source: thanos, maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:31:", "`thanos` is not known", "embedded, prometheus"],
    ),
    (
        "{promql: up, window: 5m, maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:31:", "no `window`", "[5m]"],
    ),
    ("{promql: up, local: io.some, maxAge: 30s, onMissing: hold}", "zero: 0, one: 1", &["asks two things"]),
    ("{maxAge: 30s, onMissing: hold}", "zero: 0, one: 1", &["asks nothing", "`local: io.some`"]),
    (
        "{promql: up, every: 1m, maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:30:", "older than `maxAge`"],
    ),
    (
        "{promql: up, minHistory: 120%, maxAge: 30s, onMissing: hold}",
        "zero: 0, one: 1",
        &["p.yaml:10:35:", "0% to 100%"],
    ),
    (
        "{promql: up, maxAge: 30s, onMissing: hold}",
        "zero: 10%, one: 1",
        &["p.yaml:13:55:", "the other level of the signal has one"],
    ),
    (
        "{promql: up, maxAge: 30s, onMissing: hold}",
        "zero: 450W, one: 1",
        &["p.yaml:13:56:", "`1` has no unit", "`450W`"],
    ),
    ("{promql: up, maxAge: 30s, onMissing: hold}", "zero: 3, one: 3", &["p.yaml:13:53:", "`one` equals `zero`"]),
    (
        "{local: memory.used, window: 9s, maxAge: 9s, onMissing: hold, every: 2s}",
        "zero: 0%, one: 9%",
        &["`every` belongs"],
    ),
    ("{local: memory.used, maxAge: 9s, onMissing: hold}", "zero: 0%, one: 9%", &["`window` is missing"]),
];

#[test]
fn every_mistake_is_named_inside_the_expression() {
    let mut wrong = Vec::new();
    for (signal, anchors, parts) in BAD {
        match load(&with(signal, anchors), false) {
            Ok(_) => wrong.push(format!("`{signal}` was accepted")),
            Err(shown) => {
                let lacking = parts.iter().filter(|part| !shown.contains(**part));
                wrong.extend(lacking.map(|part| format!("`{signal}`: no `{part}` in\n{shown}")));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn the_place_is_found_in_a_block_too() {
    let block =
        "\n      promql: |\n        sum(\n          bad bad\n        )\n      maxAge: 30s\n      onMissing: hold";
    let shown = load(&with(block, "zero: 0, one: 1"), false).unwrap_err();
    assert!(
        shown.contains("p.yaml:13:15:") && shown.contains("13 |           bad bad\n     |               ^^^"),
        "{shown}"
    );
}

#[test]
fn short_ranges_are_doubted() {
    let warnings = |source: &str, range: &str| {
        let signal = format!("{{promql: 'rate(up[{range}])', source: {source}, maxAge: 30s, onMissing: hold}}");
        let set = load(&with(&signal, "zero: 0, one: 1"), true).unwrap();
        set.warnings.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(warnings("embedded", "4s"), Vec::<String>::new());
    assert_eq!(warnings("prometheus", "1m"), Vec::<String>::new());
    assert!(warnings("embedded", "3s")[0].contains("p.yaml:10:25: a range of 3s holds fewer than 4 samples"));
    assert!(warnings("prometheus", "30s")[0].contains("write `[1m]` or more"));
}

#[test]
fn devices_may_be_several_and_each_has_its_own() {
    let load = |signal: &str| load(&with(signal, "zero: 0, one: 1"), false).unwrap();
    let each = "{promql: 'max(up{device=~\"$device\",job=\"$job\"})', of: each, maxAge: 30s, onMissing: hold}";
    assert!(trend(&load(each)).0.of_each_job && load(each).warnings.is_empty());
    let one = load("{promql: 'max(up{device=\"$device\"})', maxAge: 30s, onMissing: hold}");
    let said = one.warnings[0].to_string();
    assert!(said.contains("p.yaml:10:35:") && said.contains("several devices") && said.contains("^^^^^^^\n"), "{said}");
}

#[test]
fn what_only_a_newer_server_reads_is_for_a_server_only() {
    let with = |source: &str| {
        let signal = format!("{{promql: 'rate(up[300])', source: {source}, maxAge: 30s, onMissing: hold}}");
        load(&with(&signal, "zero: 0, one: 1"), true)
    };
    assert!(with("prometheus").is_ok());
    assert!(with("embedded").is_err());
}

#[test]
fn a_check_shows_numbers_as_they_were_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, with("{promql: 'max(up)', maxAge: 30s, onMissing: hold}", "zero: 100, one: 200")).unwrap();
    let shown = crate::policy::check(&[path], &mut std::io::empty(), &vocabulary()).to_string();
    assert!(shown.contains("`max(up)` by the embedded history from 160 for 2s"), "{shown}");
}
