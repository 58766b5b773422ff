//! Every dependency may be shipped with an Apache-2.0 program, and comes from the package registry: no git sources, no unknown licences.

use std::process::Command;

/// Licences whose terms an Apache-2.0 binary can meet.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "0BSD",
    "MIT-0",
    "BSL-1.0",
    "CC0-1.0",
];

/// Crates that are abandoned or known to be unsound, with what is used instead.
const BANNED: &[(&str, &str)] =
    &[("serde_yml", "serde-saphyr"), ("yaml-rust", "serde-saphyr"), ("openssl-sys", "rustls")];

/// Only what is built for the machines that plot; other platforms' crates are not even fetched.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

fn packages() -> Vec<serde_json::Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", PLATFORM])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    metadata["packages"].as_array().unwrap().clone()
}

/// `A OR B` needs one of them, `A AND B` all; brackets do not nest in practice, so both orders of splitting agree.
fn is_allowed(expression: &str) -> bool {
    let plain = expression.replace(['(', ')'], "").replace('/', " OR ");
    plain.split(" AND ").all(|part| part.split(" OR ").any(|licence| ALLOWED.contains(&licence.trim())))
}

#[test]
fn every_dependency_has_a_licence_we_can_meet() {
    let faults: Vec<String> = packages()
        .iter()
        .filter(|package| !is_allowed(package["license"].as_str().unwrap_or("")))
        .map(|package| format!("{} {}: {}", package["name"], package["version"], package["license"]))
        .collect();
    assert!(faults.is_empty(), "licences that are not on the list:\n{}", faults.join("\n"));
}

#[test]
fn every_dependency_comes_from_the_registry() {
    for package in packages() {
        let source = package["source"].as_str();
        let fine = source.is_none_or(|source| source.starts_with("registry+"));
        assert!(fine, "{} comes from {source:?}", package["name"]);
    }
}

#[test]
fn no_dependency_is_a_banned_one() {
    for package in packages() {
        let name = package["name"].as_str().unwrap();
        if let Some((_, instead)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            panic!("{name} is banned; use {instead}");
        }
    }
}

#[test]
fn the_rule_itself_can_say_no() {
    assert!(is_allowed("MIT OR Apache-2.0"));
    assert!(is_allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(!is_allowed("GPL-3.0-only"));
    assert!(!is_allowed("MIT AND GPL-2.0"));
    assert!(!is_allowed(""));
}
