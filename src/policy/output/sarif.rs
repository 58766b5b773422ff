//! A check as SARIF, for code scanning.
//!
//! Source: Static Analysis Results Interchange Format (SARIF) Version 2.1.0, OASIS Standard.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Value, json};

use super::{findings, message, seen_from};
use crate::policy::check::CheckReport;
use crate::policy::error::{Place, PolicyError};
use crate::policy::rule::Rule;

/// The rule of what is a contradiction of this one policy, and has no name of its own.
const UNNAMED: (&str, &str) = ("policy", "A policy says what can be done, and does not contradict itself.");

pub fn write(report: &CheckReport, folder: &Path) -> String {
    let broken: BTreeSet<Option<Rule>> = findings(report).map(|(_, finding)| finding.rule).collect();
    let broken: Vec<Option<Rule>> = broken.into_iter().collect();
    let rules: Vec<Value> = broken.iter().map(|rule| descriptor(*rule)).collect();
    let results: Vec<Value> = findings(report)
        .map(|(severity, finding)| {
            json!({
                "ruleId": id(finding.rule),
                "ruleIndex": broken.iter().position(|rule| *rule == finding.rule),
                "level": severity.name(),
                "message": {"text": message(finding)},
                "locations": [location(finding, folder)],
            })
        })
        .collect();
    super::pretty(&json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "plotwarden", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    }))
}

fn id(rule: Option<Rule>) -> &'static str {
    rule.map_or(UNNAMED.0, Rule::name)
}

fn descriptor(rule: Option<Rule>) -> Value {
    json!({"id": id(rule), "shortDescription": {"text": rule.map_or(UNNAMED.1, Rule::says)}})
}

fn location(finding: &PolicyError, folder: &Path) -> Value {
    let mut physical = json!({"artifactLocation": {"uri": uri(seen_from(folder, &finding.path))}});
    if let Some(place) = finding.place {
        physical["region"] = region(place, finding);
    }
    json!({"physicalLocation": physical})
}

fn region(place: Place, finding: &PolicyError) -> Value {
    let mut region = json!({
        "startLine": place.line,
        "startColumn": place.column,
        "endColumn": place.column + place.width.max(1),
    });
    if let Some(line) = &finding.source_line {
        region["snippet"] = json!({"text": line.text});
    }
    region
}

/// A relative reference, or an absolute URI for a path outside of the checkout; RFC 3986.
fn uri(path: &Path) -> String {
    let mut uri = String::from(if path.is_absolute() { "file://" } else { "" });
    for byte in path.as_os_str().as_encoded_bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            other => {
                let _ = write!(uri, "%{other:02X}");
            }
        }
    }
    uri
}
