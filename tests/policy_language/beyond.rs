//! Bad policies that no JSON Schema can refuse, and what it would have to do for each.
//!
//! Whoever adds a bad policy that the schema lets pass has to name the reason here; and once the schema refuses it, to take it out.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use super::verdict::{Verdict, validator, verdict};
use super::{name, policies};

/// What a JSON Schema cannot do, and the files that would need it.
const BEYOND: &[(&str, &[&str])] = &[
    (
        "compares values with each other",
        &[
            "asked-too-seldom",
            "bands-that-descend",
            "ceiling-below-floor",
            "ceiling-below-guarantee",
            "classes-that-overbook",
            "clear-above-the-band",
            "clear-equals-the-trigger",
            "clear-on-the-wrong-side",
            "floors-above-the-budget",
            "forecast-tried-too-short",
            "from-that-is-the-end",
            "lease-window-too-short",
            "member-twice",
            "relax-faster-than-tighten",
            "severity-of-no-width",
            "two-of-one-name",
            "window-of-no-length",
        ],
    ),
    ("looks up a name that stands elsewhere", &["level-of-the-other-signal", "trigger-of-unknown-signal"]),
    ("adds up a length of time", &["window-too-long-in-all"]),
    ("reads PromQL", &["promql-is-a-range", "promql-mistyped", "promql-of-unknown-metric"]),
    ("knows the time zones of the machine", &["time-zone-unknown"]),
    ("sees the quotes of a text", &["time-without-quotes"]),
];

/// The first line beside a bad policy.
pub fn line(verdict: Verdict, path: &Path) -> String {
    let file = name(path);
    let stem = file.trim_end_matches(".yaml");
    match (verdict, BEYOND.iter().find(|(_, files)| files.contains(&stem))) {
        (Verdict::Accepted, Some((reason, _))) => format!("{verdict}: {reason}"),
        _ => verdict.to_string(),
    }
}

#[test]
fn each_bad_policy_that_the_schema_accepts_has_one_reason() {
    let validator = validator();
    let accepted =
        |path: &&std::path::PathBuf| verdict(&validator, &fs::read_to_string(path).unwrap()) == Verdict::Accepted;
    let files = policies("tests/policies/bad");
    let accepted: Vec<String> = files.iter().filter(accepted).map(|path| name(path)).collect();
    let listed: Vec<&str> = BEYOND.iter().flat_map(|(_, files)| files.iter().copied()).collect();
    let unlisted: BTreeSet<&str> = accepted.iter().map(|file| file.trim_end_matches(".yaml")).collect();
    assert_eq!(listed.iter().copied().collect::<BTreeSet<_>>(), unlisted);
    assert_eq!(listed.len(), unlisted.len(), "a file is listed twice");
}
