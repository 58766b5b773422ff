//! One good example of each kind.

use std::collections::BTreeSet;
use std::fs;

use plotwarden::policy::Kind;

use super::{load, name, policies};

/// Kinds and sections that are checked and explained, but that nothing carries out so far: that is said, and nothing else.
const SAID: &str = "in this version";

#[test]
fn each_kind_has_an_example_that_loads_without_a_doubt() {
    let mut kinds = BTreeSet::new();
    let mut all = String::new();
    for path in policies("tests/policies/good") {
        let text = fs::read_to_string(&path).unwrap();
        let kind = text.lines().find_map(|line| line.strip_prefix("kind: ")).unwrap();
        kinds.insert(Kind::from_name(kind).unwrap());
        if kind != "PolicyTest" {
            let set = load(&name(&path), &text).unwrap();
            let says = text.contains(&format!("{SAID}\n")) || text.contains("that is said in a warning");
            assert_eq!(!set.warnings.is_empty(), says, "{}: {:?}", path.display(), set.warnings);
            assert!(set.warnings.iter().all(|warning| warning.problem.contains(SAID)), "{:?}", set.warnings);
        }
        all = format!("{all}---\n{text}");
    }
    assert_eq!(kinds, Kind::ALL.into_iter().collect());
    let set = load("all.yaml", &all).unwrap();
    assert_eq!((set.policies.len(), set.cases.len()), (11, 1));
}
