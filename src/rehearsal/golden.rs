//! The audit lines of the tests of shipped policies, whole: what each decision says of itself when it is looked at a month later.
//!
//! They lie in `tests/golden`, a file for each policy. `PLOTWARDEN_RENEW=1 cargo test --lib golden` writes them anew; read the
//! difference before it is kept. The hashes that chain the lines of a real file are left out, since each says no more than that
//! one before it has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use super::play::Player;
use crate::audit::{self, Upshot};
use crate::plotter::Profiles;
use crate::policy::cases::Case;
use crate::policy::{Policy, PolicySet, Vocabulary, load};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

/// Of a crowd, or of a long day, the beginning.
const MOST_LINES: usize = 20;

/// The shipped policies, and those that they are tried against.
fn set() -> PolicySet {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let vocabulary = Vocabulary { metrics: crate::metrics::names(), prometheus: true, ..Vocabulary::default() };
    load(&[root.join("policies"), root.join("tests/policies/guardrails.yaml")], &vocabulary).unwrap()
}

/// The lines of one test under its name.
fn told(case: &Case, policies: &[Policy], profiles: &Profiles) -> String {
    let mut player = Player::new(case, policies, profiles).unwrap();
    let seconds = (0..=case.length().as_secs()).map(Duration::from_secs);
    let entries = seconds.flat_map(|elapsed| {
        let done = player.tick(elapsed);
        audit::entries(player.moment(elapsed), &done.decisions, &done.wanted, &done.reports)
    });
    let lines = entries.take(MOST_LINES).map(|entry| serde_json::to_string(&entry).unwrap() + "\n");
    format!("# {}\n", case.name) + &lines.collect::<String>()
}

/// By the name of the policy that is tested.
fn all() -> BTreeMap<String, String> {
    let (set, profiles) = (set(), Profiles::shipped().unwrap());
    let mut files: BTreeMap<String, String> = BTreeMap::new();
    for case in &set.cases {
        let file = files.entry(case.policies[0].clone()).or_default();
        file.push_str(&told(case, &set.policies, &profiles));
    }
    files
}

#[test]
fn each_decision_explains_itself_as_it_is_written_down() {
    let renew = env::var_os("PLOTWARDEN_RENEW").is_some();
    let mut wrong = Vec::new();
    let found = all();
    for (policy, found) in &found {
        let path = folder().join(format!("{policy}.txt"));
        if renew {
            fs::write(&path, found).unwrap();
        }
        let expected = fs::read_to_string(&path).unwrap_or_default();
        wrong.extend(first_difference(&expected, found).map(|line| format!("{}:{line}", path.display())));
    }
    assert!(wrong.is_empty(), "read what has changed, then renew:\n{}", wrong.join("\n"));
    let files: BTreeSet<PathBuf> = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files, found.keys().map(|policy| folder().join(format!("{policy}.txt"))).collect());
}

/// The number of the first line that differs, and both of them.
fn first_difference(expected: &str, found: &str) -> Option<String> {
    let (mut expected, mut found) = (expected.lines(), found.lines());
    for number in 1.. {
        match (expected.next(), found.next()) {
            (None, None) => return None,
            (expected, found) if expected == found => {}
            (expected, found) => {
                let shown = |line: Option<&str>| line.unwrap_or("(no line)").to_owned();
                return Some(format!("{number}: found\n{}\nexpected\n{}", shown(found), shown(expected)));
            }
        }
    }
    None
}

/// Files in which nothing happens would hold nothing.
#[test]
fn all_that_can_come_of_a_decision_is_written_down() {
    let lines: String = all().into_values().collect();
    let outcome = |upshot: Upshot| format!("\"outcome\":\"{}\"", upshot.name());
    for upshot in [Upshot::Applied, Upshot::Denied, Upshot::Unchanged] {
        assert!(lines.contains(&outcome(upshot)), "{upshot:?}");
    }
    for part in ["\"age_seconds\":1.0", "\"missing\":\"", "\"lost_to\":\"", "\"read_back\":\"", "\"stage\":\""] {
        assert!(lines.contains(part), "{part}");
    }
}
