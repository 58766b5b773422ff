//! Holds that the manual tells the truth: its examples load, each by itself, and say what they are said to.

use std::collections::BTreeSet;
use std::path::Path;

use crate::policy::{Kind, Policy, PolicySet, Rule, Vocabulary, from_text};

const MANUAL: &str = include_str!("../../../docs/policies.md");

fn examples() -> Vec<PolicySet> {
    let vocabulary = Vocabulary { metrics: crate::metrics::names(), prometheus: true, ..Vocabulary::default() };
    let blocks = MANUAL.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next());
    let examples = blocks.filter(|block| block.starts_with("apiVersion"));
    let load = |text: &str| {
        from_text(Path::new("policies.md"), text, &vocabulary).unwrap_or_else(|errors| panic!("{}\n{text}", errors[0]))
    };
    examples.map(load).collect()
}

#[test]
fn its_examples_load_and_leave_nothing_to_doubt() {
    for set in examples() {
        // What is not decided yet is said in the manual too.
        let doubts = set.warnings.iter().filter(|doubt| doubt.rule != Some(Rule::NotDecided));
        let doubts: Vec<String> = doubts.map(ToString::to_string).collect();
        assert_eq!(doubts, Vec::<String>::new());
    }
}

#[test]
fn there_is_an_example_of_each_kind_that_wants_something() {
    let shown: BTreeSet<String> =
        examples().iter().flat_map(|set| &set.policies).map(|p: &Policy| p.kind().to_string()).collect();
    let kinds: BTreeSet<String> =
        Kind::NAMES.iter().filter(|name| **name != "PolicyTest").map(|name| (*name).to_owned()).collect();
    assert_eq!(shown, kinds);
}

/// The sentences that the manual quotes are those that the program says.
#[test]
fn the_policy_that_is_worked_through_is_explained_in_these_words() {
    let known = Vocabulary { metrics: crate::metrics::names(), prometheus: true, ..Vocabulary::default() };
    let set = crate::policy::shipped(&known).unwrap();
    let harvester = set.policies.iter().find(|policy| policy.name == "protect-harvester").unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let (manual, explained) = (words(MANUAL), words(&crate::policy::explain(harvester).join("\n")));
    for sentence in [
        "It only rehearses (`mode: dryRun`): it says what it would do, and touches nothing.",
        "if there is no answer younger than 1m 30s, nothing gets tighter or looser for it",
        "- lookups above 2s for 10s, until lookups is not above 1s for 1m: pause the least advanced plots, and go on with the most advanced later (`pause`)",
        "It waits 15s for an effect to show before the next step, and 10s before it takes one back.",
        "A pause takes 50% of the running plots at once, at most 100% of all; 1 always run, and none younger than 0s is paused.",
    ] {
        assert!(manual.contains(sentence) && explained.contains(sentence), "{sentence}\n{explained}");
    }
}
