use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::*;
use crate::policy::tests::{GOOD, vocabulary};
use crate::policy::{Place, PolicySet, Rule, from_text};

const FOLDER: &str = "/home/farmer/checkout";

/// An error with a place, one without, and a warning; in paths and words that every form has to escape.
fn report() -> CheckReport {
    let text = "kind: x\n  zero: 10% # naïve\n";
    let place = Place { line: 2, column: 9, width: 3 };
    let path = Path::new("/home/farmer/checkout/dir, ä:1/p.yaml");
    let errors = vec![
        PolicyError::at(path, text, place, "`10%` is no\nthing: 100%", "write `1`").under(Rule::Unit),
        PolicyError::unreadable(Path::new("/etc/else.yaml"), "cannot be read", ""),
    ];
    let warning = PolicyError::at(Path::new("./q.yaml"), text, Place { line: 1, column: 1, width: 4 }, "odd", "");
    let set = PolicySet { warnings: vec![warning], ..PolicySet::default() };
    CheckReport { set, errors, strict: false }
}

fn good() -> CheckReport {
    CheckReport { set: from_text(Path::new("good.yaml"), GOOD, &vocabulary()).unwrap(), ..CheckReport::default() }
}

fn json(output: Output, report: &CheckReport) -> Value {
    serde_json::from_str(&output.write(report, Path::new(FOLDER))).unwrap()
}

#[test]
fn json_has_its_shape() {
    let found = json(Output::Json, &report());
    let expected = serde_json::json!({
        "errors": [
            {
                "path": "/home/farmer/checkout/dir, ä:1/p.yaml", "line": 2, "column": 9, "width": 3,
                "problem": "`10%` is no\nthing: 100%", "hint": "write `1`", "severity": "error", "rule": "unit",
            },
            {
                "path": "/etc/else.yaml", "line": null, "column": null, "width": null,
                "problem": "cannot be read", "hint": "", "severity": "error", "rule": "unreadable",
            },
        ],
        "warnings": [{
            "path": "./q.yaml", "line": 1, "column": 1, "width": 4, "problem": "odd", "hint": "", "severity": "warning",
        }],
        "policies": [],
    });
    assert_eq!(found, expected);
    let policies = json(Output::Json, &good())["policies"].clone();
    assert_eq!(policies, serde_json::json!([{"name": "test", "mode": "enforce", "path": "good.yaml", "line": 1}]));
}

#[test]
fn github_shows_each_finding_in_one_line_beside_its_place() {
    let text = Output::Github.write(&report(), Path::new(FOLDER));
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(
        lines,
        [
            "::error file=dir%2C ä%3A1/p.yaml,line=2,col=9,endColumn=11,title=plotwarden policy check%3A unit\
             ::`10%25` is no%0Athing: 100%25%0Ahint: write `1`",
            "::error file=/etc/else.yaml,title=plotwarden policy check%3A unreadable::cannot be read",
            "::warning file=q.yaml,line=1,col=1,endColumn=4,title=plotwarden policy check::odd",
            "2 problems; nothing would be loaded",
        ]
    );
}

/// What the schema of SARIF 2.1.0 requires of the objects that are written, and no property that it does not know.
fn assert_sarif(log: &Value) {
    assert_keys(log, &["version", "runs"], &["$schema"]);
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().ends_with("sarif-schema-2.1.0.json"));
    for run in log["runs"].as_array().unwrap() {
        assert_keys(run, &["tool"], &["results", "columnKind"]);
        assert!(["utf16CodeUnits", "unicodeCodePoints"].contains(&run["columnKind"].as_str().unwrap()));
        assert_keys(&run["tool"], &["driver"], &[]);
        let driver = &run["tool"]["driver"];
        assert_keys(driver, &["name"], &["version", "rules"]);
        assert!(driver["name"] == "plotwarden" && driver["version"] == env!("CARGO_PKG_VERSION"));
        let rules = driver["rules"].as_array().unwrap();
        for rule in rules {
            assert_keys(rule, &["id"], &["shortDescription"]);
            assert_message(&rule["shortDescription"]);
        }
        let unique: BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
        assert_eq!(unique.len(), rules.len(), "the schema asks for unique items");
        for result in run["results"].as_array().unwrap() {
            assert_result(result, rules);
        }
    }
}

fn assert_result(result: &Value, rules: &[Value]) {
    assert_keys(result, &["message"], &["ruleId", "ruleIndex", "level", "locations"]);
    assert_message(&result["message"]);
    assert!(["none", "note", "warning", "error"].contains(&result["level"].as_str().unwrap()));
    let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
    assert_eq!(rules[index]["id"], result["ruleId"]);
    for location in result["locations"].as_array().unwrap() {
        assert_keys(location, &["physicalLocation"], &[]);
        let physical = &location["physicalLocation"];
        assert_keys(physical, &["artifactLocation"], &["region"]);
        let uri = physical["artifactLocation"]["uri"].as_str().unwrap();
        assert!(uri.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~/%:".contains(&byte)), "{uri}");
        assert!(uri.starts_with("file:///") || !uri.starts_with('/') && !uri.contains(':'), "{uri}");
        if let Some(region) = physical.get("region") {
            assert_keys(region, &["startLine", "startColumn", "endColumn"], &["snippet"]);
            assert!(region["startLine"].as_u64() >= Some(1) && region["startColumn"].as_u64() >= Some(1));
            assert!(region["endColumn"].as_u64() > region["startColumn"].as_u64(), "{region}");
        }
    }
}

fn assert_message(message: &Value) {
    assert!(message["text"].as_str().is_some_and(|text| !text.is_empty()), "{message}");
}

fn assert_keys(object: &Value, required: &[&str], optional: &[&str]) {
    let keys: Vec<&String> = object.as_object().unwrap().keys().collect();
    assert!(required.iter().all(|key| object.get(key).is_some()), "{object}");
    let known = |key: &str| required.contains(&key) || optional.contains(&key);
    assert!(keys.iter().all(|key| known(key)), "{keys:?}");
}

#[test]
fn sarif_is_what_its_schema_asks_for() {
    for report in [report(), good(), CheckReport::default()] {
        assert_sarif(&json(Output::Sarif, &report));
    }
    let log = json(Output::Sarif, &report());
    let results = log["runs"][0]["results"].as_array().unwrap();
    let levels: Vec<&str> = results.iter().map(|result| result["level"].as_str().unwrap()).collect();
    assert_eq!(levels, ["error", "error", "warning"]);
    let physical = |index: usize| results[index]["locations"][0]["physicalLocation"].clone();
    assert_eq!(physical(0)["artifactLocation"]["uri"], "dir%2C%20%C3%A4%3A1/p.yaml");
    let region = serde_json::json!({
        "startLine": 2, "startColumn": 9, "endColumn": 12, "snippet": {"text": "  zero: 10% # naïve"},
    });
    assert_eq!(physical(0)["region"], region);
    assert_eq!(physical(1)["artifactLocation"]["uri"], "file:///etc/else.yaml");
    assert_eq!(physical(1).get("region"), None);
    assert_eq!(physical(2)["artifactLocation"]["uri"], "q.yaml");
    assert_eq!(results[2]["ruleId"], "policy");
}

#[test]
fn every_form_of_a_mistake_names_the_same_place() {
    let text = GOOD.replacen("window: 2s", "window: 2", 1);
    let errors = from_text(Path::new("p.yaml"), &text, &vocabulary()).unwrap_err();
    let report = CheckReport { errors, ..CheckReport::default() };
    assert!(Output::Human.write(&report, Path::new(FOLDER)).contains("p.yaml:9:46:"));
    assert!(Output::Github.write(&report, Path::new(FOLDER)).contains("file=p.yaml,line=9,col=46,endColumn=46,"));
    let finding = json(Output::Json, &report)["errors"][0].clone();
    assert_eq!((finding["line"].clone(), finding["column"].clone()), (9.into(), 46.into()));
    assert_eq!(finding["rule"], "unit");
}

#[test]
fn warnings_count_where_none_may_be() {
    let doubtful = |strict| CheckReport { errors: Vec::new(), strict, ..report() };
    assert_eq!((doubtful(false).exit_code(), doubtful(true).exit_code()), (0, 1));
    assert!(doubtful(true).summary().contains("1 warning where none may be"));
    assert_eq!(CheckReport { strict: true, ..good() }.exit_code(), 0);
    assert_eq!(report().exit_code(), 2, "a file could not be read");
}

#[test]
fn what_is_piped_in_is_judged_among_the_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("p.yaml");
    std::fs::write(&path, GOOD).unwrap();
    let check = |text: &str| {
        let paths = [path.clone(), PathBuf::from("-")];
        crate::policy::check(&paths, &mut text.as_bytes(), &vocabulary())
    };
    assert_eq!(check(&GOOD.replacen("name: test", "name: other", 1)).set.policies.len(), 2);
    let report = check(&GOOD.replacen("kind: Contention", "kind: Contentment", 1));
    assert!(report.to_string().contains("<stdin>:2:7:"), "{report}");
    assert!(check(GOOD).to_string().contains("is taken"), "the names are those of one set");
    assert_eq!(check("a: \u{0}").exit_code(), 1);
}

/// One mistake of each kind that the loader knows by name.
#[test]
fn mistakes_have_names() {
    for (from, to, rule) in [
        ("spec:", "spec: [", "yaml"),
        ("metadata: {name: test}", "metadata: {name: test, name: test}", "duplicate-key"),
        ("settle: 3s", "setle: 3s", "unknown-field"),
        ("kind: Contention\n", "", "missing-field"),
        ("mode: enforce", "mode: enforced", "unknown-value"),
        ("plotter: [madmax]", "plotter: madmax", "wrong-type"),
        ("settle: 3s", "settle: 3", "unit"),
        ("settle: 3s", "settle: 3W", "unit"),
        ("settle: 3s", "settle: soon", "unit"),
        ("zero: 10%", "zero: *nothing", "reference"),
    ] {
        assert!(GOOD.contains(from), "{from}");
        let errors = from_text(Path::new("p.yaml"), &GOOD.replacen(from, to, 1), &vocabulary()).unwrap_err();
        assert_eq!(errors[0].rule.map(Rule::name), Some(rule), "{to}: {}", errors[0]);
    }
    let twice = from_text(Path::new("p.yaml"), &format!("{GOOD}---\n{GOOD}"), &vocabulary()).unwrap_err();
    assert_eq!(twice[0].rule, Some(Rule::NameTaken));
    let many = from_text(Path::new("p.yaml"), &"---\na: 1\n".repeat(5000), &vocabulary()).unwrap_err();
    assert_eq!((many.len(), many[100].rule, many[100].place.unwrap().line), (101, Some(Rule::TooLarge), 201));
    let deep = from_text(Path::new("p.yaml"), &"[".repeat(5000), &vocabulary()).unwrap_err();
    assert_eq!(deep[0].rule, Some(Rule::TooLarge));
}
