use std::path::Path;
use std::time::Duration;

use super::{GOOD, vocabulary};
use crate::claim::Class;
use crate::mode::Mode;
use crate::policy::{Asked, Band, Gauge, Mean, Measure, OnExit, OnMissing, Scope, Vocabulary, from_text, shipped};
use crate::pressure::Resource;

#[test]
fn reads_what_is_written() {
    let set = from_text(Path::new("p.yaml"), GOOD, &vocabulary()).unwrap();
    assert_eq!(set.warnings, []);
    let policy = &set.policies[0];
    assert_eq!((policy.control.mode, policy.control.on_exit), (Mode::Enforce, OnExit::Keep));
    assert_eq!((policy.control.class, policy.control.priority), (Class::Slo, 100));
    let disk = &policy.contention().unwrap().signals["disk"];
    let mean = Mean { gauge: Gauge::Some(Resource::Io), scope: Scope::Jobs, window: Duration::from_secs(2) };
    assert_eq!((&disk.asked, disk.max_age), (&Asked::Mean(mean), Duration::from_secs(5)));
    let pause = &policy.contention().unwrap().stages[1];
    assert_eq!((pause.resource, pause.band), (Resource::Io, Band::Critical));
    assert_eq!(pause.measures, [Measure::Pause]);
    assert_eq!(
        (pause.hold, pause.clear_hold),
        (Duration::from_secs(4), Duration::from_secs(6)),
        "its own, not the trigger's"
    );
    assert_eq!(policy.contention().unwrap().guardrails.min_run, Duration::from_mins(1));
}

#[test]
fn what_is_not_written_is_careful() {
    let text = "
apiVersion: plotwarden/v1
kind: Contention
metadata: {name: short}
spec:
  selector: {jobs: {role: plotter}}
  signals: {disk: {local: io.some, window: 2s, maxAge: 5s, onMissing: hold}}
  severity: [{resource: io, signal: disk, zero: 10%, one: 60%}]
  trigger: {for: 2s, clear: {below: 0.2, for: 3s}}
  stages: [{resource: io, at: critical, do: [pause]}]
";
    let set = from_text(Path::new("p.yaml"), text, &vocabulary()).unwrap();
    let policy = &set.policies[0];
    assert_eq!(policy.control.mode, Mode::DryRun, "nothing is touched unless it is asked for");
    assert!(set.warnings[0].to_string().contains("only rehearses"), "and that is said");
    assert_eq!(policy.control.on_exit, OnExit::Restore);
    assert_eq!(policy.contention().unwrap().guardrails.keep_running, 1);
    assert_eq!(policy.contention().unwrap().signals["disk"].phrase(), "io.some of the machine");
}

#[test]
fn doubts_are_said_at_their_place() {
    for (from, to, part) in [
        ("settle: 3s", "settle: 1s", "p.yaml:9:46: after a pause, 1s later, this window of 2s still holds"),
        ("never: []", "never: [pause]", "p.yaml:18:41: `pause` is forbidden by `guardrails.never`"),
        ("signal: ram,", "signal: disk,", "p.yaml:10:10: the signal `ram` is not used"),
    ] {
        let set = from_text(Path::new("p.yaml"), &GOOD.replacen(from, to, 1), &vocabulary()).unwrap();
        assert_eq!(set.warnings.len(), 1, "{to}: {:?}", set.warnings);
        assert!(set.warnings[0].to_string().contains(part), "{to}: {}", set.warnings[0]);
    }
}

#[test]
fn the_most_careful_of_several_wishes_counts() {
    let set = from_text(Path::new("p.yaml"), GOOD, &vocabulary()).unwrap();
    let rules = set.policies[0].contention().unwrap();
    assert_eq!(rules.on_missing(&["disk"]), OnMissing::Hold);
    assert_eq!(rules.on_missing(&["disk", "ram"]), OnMissing::Deny);
}

#[test]
fn a_node_only_lowers_what_a_policy_may_do() {
    let set = from_text(Path::new("p.yaml"), GOOD, &vocabulary()).unwrap();
    let mode = |most| set.clone().capped(most).policies[0].control.mode;
    assert_eq!(mode(Mode::Enforce), Mode::Enforce);
    assert_eq!(mode(Mode::DryRun), Mode::DryRun);
    assert_eq!(mode(Mode::Off), Mode::Off);
    let rehearsing =
        from_text(Path::new("p.yaml"), &GOOD.replace("mode: enforce", "mode: dryRun"), &vocabulary()).unwrap();
    assert_eq!(rehearsing.capped(Mode::Enforce).policies[0].control.mode, Mode::DryRun);
}

#[test]
fn the_hash_follows_the_text_of_the_policy_alone() {
    let hash = |text: &str| from_text(Path::new("p.yaml"), text, &vocabulary()).unwrap().policies[0].hash;
    assert_eq!(hash(GOOD), hash(&format!("{GOOD}\n\n")));
    assert_ne!(hash(GOOD), hash(&GOOD.replace("settle: 3s", "settle: 4s")));
}

#[test]
fn windows_line_ends_and_byte_order_marks_are_read() {
    let text = format!("\u{feff}{}", GOOD.replace('\n', "\r\n"));
    assert_eq!(from_text(Path::new("p.yaml"), &text, &vocabulary()).unwrap().policies.len(), 1);
}

#[test]
fn the_shipped_policy_cuts_where_it_was_measured() {
    let set = shipped(&Vocabulary { metrics: crate::metrics::names(), ..Vocabulary::default() }).unwrap();
    assert_eq!(set.warnings, [], "{:?}", set.warnings);
    let named = |name| set.policies.iter().find(|policy| policy.name == name).unwrap();
    assert_eq!(named("farm-first").control.mode, Mode::DryRun, "it slows plots down wherever anything else runs");
    let policy = named("stagger-by-pressure");
    assert_eq!(policy.control.mode, Mode::Enforce);
    let rules = policy.contention().unwrap();
    let anchor = rules.anchors.iter().find(|anchor| anchor.resource == Resource::Io).unwrap();
    let share = |severity: f64| ((anchor.zero + severity * (anchor.one - anchor.zero)) * 100.0).round();
    let stage = |measure| rules.stages_doing(Resource::Io, measure).next().map(|(_, stage)| stage).unwrap();
    let admission = stage(Measure::CloseAdmission);
    let pause = stage(Measure::Pause);
    assert!((share(rules.bands.cut_off(admission.band)) - 30.0).abs() < 0.1, "stop admitting at io.some 30 %");
    assert!((share(rules.bands.cut_off(pause.band)) - 50.0).abs() < 0.1, "pause at 50 %");
    assert!((share(pause.clear_below) - 20.0).abs() < 0.1, "resume below 20 %");
    assert!(rules.stages.iter().all(|stage| stage.resource != Resource::Cpu), "more plots than cores are fine");
}
