//! The tests of the shipped policies are strong: all of them pass, and with any one threshold changed at least one fails.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use plotwarden::metrics;
use plotwarden::plotter::Profiles;
use plotwarden::policy::{self, Kind, Policy, PolicySet, Vocabulary};
use plotwarden::rehearsal::{self, Shown};
use regex::Regex;

/// What no threshold is: ranks, names, and what is selected.
const NO_THRESHOLDS: [&str; 6] = ["apiVersion", "name", "priority", "k", "days", "timezone"];

/// Changes that change nothing, each with its reason: file, the line as it stands, what becomes of the number.
const WITHOUT_EFFECT: [(&str, &str, &str); 5] = [
    // Each pause and each resume is followed by `settle`, which is as long: a shorter cooldown is never waited for.
    ("stagger-by-pressure.yaml", "cooldown: 3s", "cooldown: 3s -> 2s"),
    // Answered by a server of which a test has only the answers.
    ("protect-harvester.yaml", LOOKUPS, ": 0.95 -> 0.7125"),
    ("protect-harvester.yaml", LOOKUPS, ": 0.95 -> 1.1875"),
    ("protect-harvester.yaml", LOOKUPS, ": 5m -> 4m"),
    ("protect-harvester.yaml", LOOKUPS, ": 5m -> 6m"),
];
const LOOKUPS: &str =
    r#"histogram_quantile(0.95, sum by (le) (rate(chia_harvester_lookup_seconds_bucket{instance=~".+"}[5m])))"#;

#[test]
fn all_tests_of_the_shipped_policies_pass() {
    let set = load(&[folder(), companions()]).unwrap_or_else(|errors| panic!("{errors}"));
    let report = rehearsal::test(&set, &Profiles::shipped().unwrap(), Shown::Failed);
    assert_eq!(report.exit_code(), 0, "{report}");
    let untested: Vec<&String> = report.untested.iter().filter(|name| !is_companion(&set, name)).collect();
    assert!(untested.is_empty(), "{report}");
}

#[test]
fn each_shipped_policy_is_tested_firing_quiet_and_blind() {
    let set = load(&[folder(), companions()]).unwrap_or_else(|errors| panic!("{errors}"));
    // A guardrail wants nothing itself: what it denies to others is tested beside them.
    let acts = |policy: &&Policy| policy.kind() != Kind::Guardrail && !is_companion(&set, &policy.name);
    for policy in set.policies.iter().filter(acts) {
        let of_policy = || set.cases.iter().filter(|case| case.policies.contains(&policy.name));
        let expectations = || of_policy().flat_map(|case| &case.expect);
        let name = &policy.name;
        assert!(
            expectations().any(|one| one.stage.as_deref().is_some_and(|stage| stage != "none")),
            "{name} never fires"
        );
        // A stage that is always in force is quiet where it claims nothing.
        let quiet = |one: &policy::cases::Expectation| {
            one.stage.as_deref() == Some("none") || one.claims.as_ref().is_some_and(Vec::is_empty)
        };
        assert!(expectations().any(quiet), "{name} is never quiet");
        let blind = |one: &policy::cases::Expectation| one.missing.as_ref().is_some_and(|missing| !missing.is_empty());
        assert!(policy.signals().is_empty() || expectations().any(blind), "{name} never lacks a signal");
    }
}

#[test]
fn any_changed_threshold_fails_a_test() {
    let files = policy_files();
    let mutants: Vec<Mutant> = files.iter().flat_map(|file| mutants(file)).collect();
    assert!(mutants.len() >= 60, "only {} numbers were found", mutants.len());
    let (todo, survivors) = (Mutex::new(mutants.iter()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from).min(4) {
            scope.spawn(|| {
                let profiles = Profiles::shipped().unwrap();
                let bench = tempfile::tempdir().unwrap();
                while let Some(mutant) = { todo.lock().unwrap().next() } {
                    if mutant.survives(&files, bench.path(), &profiles) {
                        survivors.lock().unwrap().push(mutant.to_string());
                    }
                }
            });
        }
    });
    let mut survivors = survivors.into_inner().unwrap();
    survivors.sort();
    let excused = |(file, line, new): &(&str, &str, &str)| format!("{file}: `{line}` with {new}");
    let mut expected: Vec<String> = WITHOUT_EFFECT.iter().map(excused).collect();
    expected.sort();
    let described = |survivor: &String| survivor.split_once(": ").map_or("", |(_, rest)| rest).to_owned();
    let unexpected: Vec<&String> = survivors.iter().filter(|one| !expected.contains(&described(one))).collect();
    assert!(unexpected.is_empty(), "changed, and all tests pass:\n{unexpected:#?}");
    assert_eq!(survivors.len(), expected.len(), "some of WITHOUT_EFFECT fail a test by now: {survivors:#?}");
}

/// One number of one policy, changed.
struct Mutant {
    file: PathBuf,
    /// From 1.
    line: usize,
    /// The line as it stands, for people.
    shown: String,
    new: String,
    text: String,
}

impl std::fmt::Display for Mutant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.file.file_name().unwrap().to_string_lossy();
        write!(f, "{name}:{}: {name}: `{}` with {}", self.line, self.shown, self.new)
    }
}

impl Mutant {
    /// Whether all tests pass nevertheless. What the loader refuses never comes into force.
    fn survives(&self, files: &[PathBuf], bench: &Path, profiles: &Profiles) -> bool {
        for file in files {
            let text = if *file == self.file { self.text.clone() } else { fs::read_to_string(file).unwrap() };
            fs::write(bench.join(file.file_name().unwrap()), text).unwrap();
        }
        let Ok(set) = load(&[bench.to_owned(), companions()]) else { return false };
        let changed = bench.join(self.file.file_name().unwrap());
        let of_file = |name: &String| set.policies.iter().any(|one| one.name == *name && one.origin.path == changed);
        set.cases.iter().filter(|case| case.policies.iter().any(of_file)).all(|case| {
            rehearsal::verdict(case, &set.policies, profiles, Shown::Failed)
                .unwrap_or_else(|error| panic!("{error}"))
                .passed()
        })
    }
}

/// Every number of every `spec`, changed up and down.
fn mutants(file: &Path) -> Vec<Mutant> {
    let text = fs::read_to_string(file).unwrap();
    let number =
        Regex::new(r"(^|[\s\[{(,<>*/+-])(\d+(?:\.\d+)?(?:e\d+)?)(%|[a-zA-Z][a-zA-Z/]*)?($|[\s\]}),'])").unwrap();
    let key = Regex::new(r"([A-Za-z_]\w*):").unwrap();
    let mut found = Vec::new();
    let (mut in_spec, mut start) = (false, 0);
    for (index, line) in text.split_inclusive('\n').enumerate() {
        let top = line.chars().next().is_some_and(|first| first.is_ascii_alphabetic() || first == '-');
        in_spec = if top { line.starts_with("spec:") } else { in_spec };
        let code = without_comment(line);
        let mut from = 0;
        while let Some(captures) = number.captures_at(code, from).filter(|_| in_spec) {
            let digits = captures.get(2).unwrap();
            from = digits.end();
            let unit = captures.get(3).map_or("", |unit| unit.as_str());
            let of = key
                .captures_iter(&code[..digits.start()])
                .last()
                .map_or("", |captures| captures.get(1).unwrap().as_str());
            if NO_THRESHOLDS.contains(&of) {
                continue;
            }
            for new in neighbours(digits.as_str(), unit) {
                let mut changed = text.clone();
                changed.replace_range(start + digits.start()..start + digits.end(), &new);
                let shown = code.trim().to_owned();
                let new = format!("{of}: {}{unit} -> {new}{unit}", digits.as_str());
                found.push(Mutant { file: file.to_owned(), line: index + 1, shown, new, text: changed });
            }
        }
        start += line.len();
    }
    found
}

/// A quarter more and a quarter less, and at least one.
fn neighbours(digits: &str, unit: &str) -> Vec<String> {
    let value: f64 = digits.parse().unwrap();
    if value == 0.0 {
        return vec![if unit == "%" { "10" } else { "1" }.to_owned()];
    }
    if digits.contains('.') || digits.contains('e') {
        return [1.25, 0.75].iter().map(|factor| format!("{}", (value * factor * 1e6).round() / 1e6)).collect();
    }
    let (up, down) = ((value * 1.25).round().max(value + 1.0), (value * 0.75).round().min(value - 1.0));
    vec![format!("{up}"), format!("{down}")]
}

fn without_comment(line: &str) -> &str {
    let comment = Regex::new(r"(^|\s)#").unwrap();
    comment.find(line).map_or(line, |found| &line[..found.start()])
}

fn load(paths: &[PathBuf]) -> Result<PolicySet, String> {
    let vocabulary = Vocabulary { metrics: metrics::names(), prometheus: true, ..Vocabulary::default() };
    let lines =
        |errors: Vec<policy::PolicyError>| errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    policy::load(paths, &vocabulary).map_err(lines)
}

/// Policies that the shipped ones are tried against.
fn companions() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/guardrails.yaml")
}

fn is_companion(set: &PolicySet, name: &str) -> bool {
    set.policies.iter().any(|policy| policy.name == name && policy.origin.path == companions())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("policies")
}

fn policy_files() -> Vec<PathBuf> {
    let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = files.filter(|path| path.extension().is_some_and(|end| end == "yaml")).collect();
    files.sort();
    files
}
