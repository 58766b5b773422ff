use std::path::Path;

use super::{GOOD, vocabulary};
use crate::policy::from_text;

/// Edits of the good policy: what is replaced, by what, and the parts that the message must have.
const EDITS: &[(&str, &str, &[&str])] = &[
    // The envelope.
    ("apiVersion: plotwarden/v1", "apiVersion: plotwarden/v2", &["p.yaml:1:13:", "`plotwarden/v2`", "plotwarden/v1`"]),
    ("apiVersion: plotwarden/v1\n", "", &["the field `apiVersion` is missing", "add `apiVersion:`"]),
    ("kind: Contention", "kind: Contentment", &["p.yaml:2:7:", "no kind `Contentment`", "did you mean `Contention`?"]),
    ("kind: Contention\n", "", &["field `kind` is missing"]),
    ("{name: test}", "{name: Test It}", &["p.yaml:3:18:", "`Test It` is no name", "stagger-by-pressure"]),
    (
        "metadata: {name: test}",
        "metadata: {title: test}",
        &["p.yaml:3:12:", "unknown field `title`", "known here: name, labels"],
    ),
    ("spec:", "specs:", &["p.yaml:4:1:", "unknown field `specs`", "did you mean `spec`?"]),
    // Names.
    ("mode: enforce", "mode: enforced", &["p.yaml:5:19:", "`enforced` is not known", "did you mean `enforce`?"]),
    ("mode: enforce", "mode: off", &["p.yaml:5:19:", "`off` is not known", "disabled, dryRun, enforce"]),
    ("class: slo", "class: urgent", &["p.yaml:5:35:", "`urgent` is not known", "safety, slo, budget"]),
    ("role: plotter,", "role: farmer,", &["p.yaml:7:18:", "`farmer` is not known here", "plotter"]),
    ("local: io.some", "local: io.sum", &["p.yaml:9:19:", "no local signal `io.sum`", "did you mean `io.some`?"]),
    ("of: jobs", "of: all", &["p.yaml:9:32:", "`all` is not known", "jobs, machine, each"]),
    ("window: 2s", "windo: 2s", &["p.yaml:9:38:", "unknown field `windo`", "did you mean `window`?"]),
    ("maxAge: 5s, ", "max_age: 5s, ", &["p.yaml:9:50:", "unknown field `max_age`", "did you mean `maxAge`?"]),
    ("onMissing: hold", "onMissing: zero", &["p.yaml:9:73:", "`zero` is not known", "hold, release, safe, deny"]),
    (", onMissing: hold", "", &["p.yaml:9:50:", "field `onMissing` is missing"]),
    ("signal: disk", "signal: disc", &["p.yaml:12:30:", "no signal is named `disc`", "did you mean `disk`?"]),
    (
        "resource: io, signal",
        "resource: network, signal",
        &["p.yaml:12:18:", "`network` is not known", "cpu, memory, io"],
    ),
    ("do: [pause]", "do: [kill]", &["p.yaml:18:41:", "`kill` is not known", "closeAdmission, lowerPriority, pause"]),
    // Quantities.
    ("window: 2s", "window: 2", &["p.yaml:9:46:", "`2` has no unit", "such as `30s`"]),
    ("window: 2s", "window: 2%", &["p.yaml:9:46:", "`%`", "not one of ms, s, m, h, d", "hint: write `30s`"]),
    ("window: 2s", "window: soon", &["p.yaml:9:46:", "`soon` does not begin with a number"]),
    ("window: 2s", "window: 2h", &["p.yaml:9:46:", "2h is out of range", "1s to 10m"]),
    ("zero: 10%", "zero: 0.1", &["p.yaml:12:42:", "`0.1` has no unit", "such as `15%`"]),
    ("one: 60%", "one: 160%", &["p.yaml:12:52:", "no signal is ever there", "0% to 100%"]),
    ("zero: 10%", "zero: 10s", &["p.yaml:12:42:", "`10s` is a length of time, but the signal gives a share", "`15%`"]),
    ("below: 0.2", "below: 20%", &["p.yaml:15:37:", "this is no", "write a number, without a unit"]),
    ("settle: 3s", "settle: 3", &["p.yaml:21:13:", "`3` has no unit"]),
    ("priority: 100", "priority: 1001", &["p.yaml:5:50:", "priority 1001 is out of range", "0 to 1000"]),
    ("keepRunning: 1", "keepRunning: one", &["p.yaml:26:29:", "this is no"]),
    ("maxPaused: 75%", "maxPaused: 175%", &["p.yaml:26:43:", "175% is out of range", "at most 100%"]),
    // What one field demands of another.
    ("below: 0.2", "below: 0.4", &["p.yaml:15:37:", "`clear` at 0.4 equals the trigger: notice begins at 0.4"]),
    ("below: 0.2", "below: 0.5", &["p.yaml:15:37:", "`clear` at 0.5 lies above the trigger"]),
    ("below: 0.3", "below: 0.9", &["p.yaml:18:73:", "lies above the trigger: critical begins at 0.8"]),
    ("below: 0.2", "below: 0", &["p.yaml:15:37:", "severity is never below 0"]),
    ("one: 60%", "one: 10%", &["p.yaml:12:52:", "`one` equals `zero`"]),
    ("{notice: 0.4, warn: 0.6", "{notice: 0.6, warn: 0.6", &["p.yaml:14:10:", "do not ascend"]),
    ("keepRunning: 1", "keepRunning: 0", &["p.yaml:26:29:", "all jobs stand still", "1 or more"]),
    ("maxActionsPerHour: 60", "maxActionsPerHour: 0", &["p.yaml:24:24:", "no action at all", "mode: dryRun"]),
    ("reversals: {max: 3", "reversals: {max: 0", &["p.yaml:25:22:", "`max: 0`"]),
    ("do: [lowerPriority]", "do: [pause]", &["p.yaml:19:41:", "keeps its memory", "closeAdmission"]),
    (
        "{resource: memory, at: warn, do: [lowerPriority]}",
        "{resource: cpu, at: warn, do: [pause]}",
        &["`pause` against CPU"],
    ),
    ("{resource: memory, at: warn,", "{resource: cpu, at: warn,", &["p.yaml:19:7:", "how bad cpu is", "resource: cpu"]),
    ("resource: memory, at: warn", "resource: io, at: notice", &["p.yaml:19:7:", "io has two stages at notice"]),
    ("do: [pause]", "do: [pause, closeAdmission]", &["p.yaml:18:48:", "does `closeAdmission` already"]),
    ("local: memory.used,", "local: memory.used, of: jobs,", &["p.yaml:10:35:", "of the machine only", "of: machine"]),
    ("local: io.some, of: jobs", "local: cpu.full, of: machine", &["p.yaml:9:19:", "always 0", "of: jobs"]),
    ("tempDir: [/mnt/ssd*]", "tempDir: [ssd]", &["p.yaml:7:71:", "`ssd` is not an absolute path", "/mnt/ssd*"]),
    // The shape of the document.
    ("plotter: [madmax]", "plotter: madmax", &["p.yaml:7:36:", "a list is expected", "[a, b]"]),
    ("metadata: {name: test}", "metadata: test", &["p.yaml:3:11:", "fields are expected"]),
    ("  control: {mode", "  control: {mode: dryRun, mode", &["p.yaml:5:27:", "`mode` is given twice"]),
    ("  bands:", "\tbands:", &["p.yaml:14:", "tabs"]),
    ("one: 60%}", "one: 60%", &["p.yaml:17:5:", "only valid inside a block", "check brackets"]),
    ("zero: 10%", "zero: *nothing", &["p.yaml:12:42:", "no anchor of this name"]),
];

#[test]
fn every_mistake_is_named_at_its_place_with_a_hint() {
    assert!(EDITS.len() >= 30);
    let mut wrong = Vec::new();
    for (from, to, parts) in EDITS {
        assert!(GOOD.contains(from), "the good policy has no `{from}`");
        let text = GOOD.replacen(from, to, 1);
        let Err(errors) = from_text(Path::new("p.yaml"), &text, &vocabulary()) else {
            wrong.push(format!("`{to}` was accepted"));
            continue;
        };
        let shown = errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
        for part in parts.iter().filter(|part| !shown.contains(**part)) {
            wrong.push(format!("`{to}`: no `{part}` in\n{shown}"));
        }
        if !shown.contains('^') {
            wrong.push(format!("`{to}`: no caret in\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn all_documents_of_a_file_are_judged() {
    let text = format!(
        "{}---\n{}---\n{}",
        GOOD.replacen("window: 2s", "window: 2", 1),
        GOOD.replacen("name: test", "name: other", 1),
        GOOD.replacen("mode: enforce", "mode: on", 1).replacen("name: test", "name: third", 1)
    );
    let errors = from_text(Path::new("p.yaml"), &text, &vocabulary()).unwrap_err();
    let lines: Vec<u32> = errors.iter().filter_map(|error| error.place).map(|place| place.line).collect();
    let third = 2 * u32::try_from(GOOD.lines().count()).unwrap() + 2;
    assert_eq!(lines, [9, third + 5], "{errors:?}");
}

#[test]
fn two_policies_cannot_share_a_name() {
    let text = format!("{GOOD}---\n{GOOD}");
    let errors = from_text(Path::new("p.yaml"), &text, &vocabulary()).unwrap_err();
    assert_eq!(errors.len(), 1);
    let shown = errors[0].to_string();
    assert!(shown.contains("p.yaml:30:18: the name `test` is taken") && shown.contains("p.yaml:1 has it"), "{shown}");
}

#[test]
fn bombs_are_refused() {
    let mut laughs = "a0: &a0 lol\n".to_owned();
    for level in 1..12 {
        let line = vec![format!("*a{}", level - 1); 9].join(",");
        laughs = format!("{laughs}a{level}: &a{level} [{line}]\n");
    }
    let deep = "[".repeat(5000);
    for text in [format!("{GOOD}{laughs}"), laughs.clone(), deep] {
        let errors = from_text(Path::new("bomb.yaml"), &text, &vocabulary()).unwrap_err();
        assert!(errors[0].to_string().contains("larger or deeper"), "{}", errors[0]);
    }
}

#[test]
fn random_bytes_never_panic() {
    use proptest::prelude::*;
    let cut = (0..GOOD.len(), 0..GOOD.len(), "[\\PC\n\t ]{0,8}");
    proptest!(|((from, to, insert) in cut)| {
        let (from, to) = (from.min(to), from.max(to));
        let text = format!("{}{insert}{}", &GOOD[..from], &GOOD[to..]);
        if let Err(errors) = from_text(Path::new("p.yaml"), &text, &vocabulary()) {
            for error in errors {
                prop_assert!(!error.to_string().is_empty());
            }
        }
    });
}
