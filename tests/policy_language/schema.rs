//! The schema as editors find it.

use std::fs;
use std::process::Command;

use serde_json::Value;

use super::{policies, root};

const FIRST_LINE: &str = "# yaml-language-server: $schema=./policy.schema.json";

#[test]
fn the_checked_in_schema_is_that_of_the_program() {
    let output = Command::new(env!("CARGO_BIN_EXE_plotwarden")).args(["policy", "schema"]).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    let kept = fs::read_to_string(root().join("policies/policy.schema.json")).unwrap();
    assert!(kept == printed, "run `plotwarden policy schema >policies/policy.schema.json`");
}

#[test]
fn each_shipped_policy_names_it_first() {
    for path in policies("policies") {
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text.lines().next(), Some(FIRST_LINE), "{}", path.display());
    }
}

#[test]
fn it_is_a_schema() {
    assert!(jsonschema::draft7::meta::is_valid(&plotwarden::policy::json_schema()));
}

/// No one reads a pattern that did not match.
#[test]
fn each_pattern_has_words_that_editors_show_in_its_place() {
    let mut without = Vec::new();
    collect_mute(&plotwarden::policy::json_schema(), &mut without);
    assert!(without.is_empty(), "{without:?}");
}

fn collect_mute(schema: &Value, mute: &mut Vec<String>) {
    if let (Some(Value::String(pattern)), None) = (schema.get("pattern"), schema.get("errorMessage")) {
        mute.push(pattern.clone());
    }
    let below: Vec<&Value> = match schema {
        Value::Object(object) => object.values().collect(),
        Value::Array(items) => items.iter().collect(),
        _ => Vec::new(),
    };
    for schema in below {
        collect_mute(schema, mute);
    }
}

/// A reference that leads nowhere, or a definition that nobody refers to, is a slip of whoever put the schema together.
#[test]
fn its_references_and_definitions_are_the_same() {
    let schema = plotwarden::policy::json_schema();
    let text = schema.to_string();
    let referred: std::collections::BTreeSet<&str> =
        text.split("\"#/definitions/").skip(1).map(|rest| rest.split('"').next().unwrap()).collect();
    let defined = schema["definitions"].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(referred, defined);
}
