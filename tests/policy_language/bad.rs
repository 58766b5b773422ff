//! Bad policies, one fault each, and beside each what the schema says and the exact message of the loader.
//!
//! `PLOTWARDEN_RENEW=1 cargo test --test policy_language` writes the expectations anew; read the difference before it is kept.

use std::env;
use std::fs;
use std::path::Path;

use super::beyond;
use super::verdict::{validator, verdict};
use super::{load, name, policies};

const FOLDER: &str = "tests/policies/bad";
const LEAST: usize = 60;

#[test]
fn each_bad_policy_is_refused_with_the_message_beside_it() {
    let validator = validator();
    let renew = env::var_os("PLOTWARDEN_RENEW").is_some();
    let mut wrong = Vec::new();
    let mut counts = [0; 3];
    for path in policies(FOLDER) {
        let text = fs::read_to_string(&path).unwrap();
        let verdict = verdict(&validator, &text);
        counts[verdict as usize] += 1;
        let found = format!("{}\n\n{}", beyond::line(verdict, &path), messages(&path, &text));
        let beside = path.with_extension("txt");
        if renew {
            fs::write(&beside, &found).unwrap();
        }
        let expected = fs::read_to_string(&beside).unwrap_or_default();
        if found != expected {
            wrong.push(format!("{}: found\n{found}\nexpected\n{expected}", path.display()));
        }
    }
    let [no_yaml, refused, beyond] = counts;
    println!("{no_yaml} are no YAML, {refused} are refused by the schema, {beyond} lie beyond it");
    assert!(counts.iter().sum::<usize>() >= LEAST);
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

fn messages(path: &Path, text: &str) -> String {
    match load(&name(path), text) {
        Ok(_) => "accepted\n".to_owned(),
        Err(errors) => errors.iter().fold(String::new(), |all, error| format!("{all}{error}\n")),
    }
}

#[test]
fn each_message_has_a_place_a_caret_and_one_fault() {
    for path in policies(FOLDER) {
        let text = fs::read_to_string(&path).unwrap();
        let errors = load(&name(&path), &text).unwrap_err();
        assert_eq!(errors.len(), 1, "{}: {errors:?}", path.display());
        let shown = errors[0].to_string();
        assert!(errors[0].place.is_some() && shown.contains('^'), "{shown}");
        assert!(shown.contains("hint: "), "says what is wrong, and not what to write: {shown}");
    }
}

/// An expectation without its policy holds nothing.
#[test]
fn no_expectation_is_left_alone() {
    for entry in fs::read_dir(super::root().join(FOLDER)).unwrap() {
        let path = entry.unwrap().path();
        assert!(path.with_extension("yaml").exists(), "{}", path.display());
    }
}

#[test]
fn all_kinds_are_covered() {
    let texts: Vec<String> = policies(FOLDER).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    for kind in plotwarden::policy::Kind::ALL {
        assert!(texts.iter().any(|text| text.contains(&format!("kind: {kind}\n"))), "no bad policy is of kind {kind}");
    }
}
