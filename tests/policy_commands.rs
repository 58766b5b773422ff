//! `plotwarden policy check` and `policy fmt` as people and pipelines call them, and the page of the manual that describes them.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use plotwarden::policy::Rule;

const GOOD: &str = include_str!("../policies/farm-first.yaml");

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn plotwarden(folder: &Path, arguments: &[&str], piped: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_plotwarden"))
        .current_dir(folder)
        .arg("policy")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // Whoever does not read it has ended already.
    let _ = child.stdin.take().unwrap().write_all(piped.as_bytes());
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let path = folder.path().to_owned();
    (folder, path)
}

fn bad() -> String {
    GOOD.replacen("window: 30s", "window: 30", 1)
}

/// Warned of: no mode is given.
fn doubtful() -> String {
    GOOD.replacen("mode: dryRun, ", "", 1)
}

#[test]
fn check_ends_with_the_codes_of_the_manual() {
    let (_kept, folder) = folder(&[("good.yaml", GOOD), ("bad.yaml", &bad()), ("doubtful.yaml", &doubtful())]);
    for (arguments, code) in [
        (vec!["good.yaml"], 0),
        (vec!["good.yaml", "--strict"], 0),
        (vec!["doubtful.yaml"], 0),
        (vec!["doubtful.yaml", "--strict"], 1),
        (vec!["bad.yaml"], 1),
        (vec!["missing.yaml"], 2),
        (vec!["good.yaml", "--output", "xml"], 2),
        (vec![], 0),
    ] {
        for output in ["human", "json", "sarif", "github"] {
            let mut arguments = [vec!["check"], arguments.clone()].concat();
            if !arguments.contains(&"--output") {
                arguments.extend(["--output", output]);
            }
            let found = plotwarden(&folder, &arguments, "");
            assert_eq!(found.status.code(), Some(code), "{arguments:?}: {}", text(&found.stderr));
        }
    }
    // The worst of all counts: what cannot be read.
    fs::write(folder.join("latin1.yaml"), b"caf\xe9: 1").unwrap();
    let found = plotwarden(&folder, &["check", "bad.yaml", "latin1.yaml"], "");
    assert_eq!(found.status.code(), Some(2));
    assert!(text(&found.stderr).contains("bad.yaml:") && text(&found.stderr).contains("latin1.yaml"), "{found:?}");
}

#[test]
fn fmt_ends_with_the_codes_of_the_manual() {
    let untidy = GOOD.replace('\n', "  \n");
    let files = [("good.yaml", GOOD), ("untidy.yaml", &untidy), ("no.yaml", "a: [\n"), ("odd.yaml", "? a\n: b\n")];
    let (_kept, folder) = folder(&files);
    for (arguments, code) in [
        (vec!["--check", "good.yaml"], 0),
        (vec!["--check", "untidy.yaml"], 1),
        (vec!["--check", "--diff", "untidy.yaml"], 1),
        (vec!["--diff", "untidy.yaml"], 0),
        (vec!["--check", "no.yaml"], 1),
        (vec!["no.yaml"], 1),
        (vec!["--check", "odd.yaml"], 0),
        (vec!["missing.yaml"], 2),
        (vec![], 2),
    ] {
        let found = plotwarden(&folder, &[vec!["fmt"], arguments.clone()].concat(), "");
        assert_eq!(found.status.code(), Some(code), "{arguments:?}: {}", text(&found.stderr));
    }
    for (name, text) in files {
        assert_eq!(fs::read_to_string(folder.join(name)).unwrap(), text, "{name} was written");
    }
    let found = plotwarden(&folder, &["fmt", "untidy.yaml"], "");
    assert_eq!((found.status.code(), text(&found.stdout).trim()), (Some(0), "untidy.yaml"));
    assert_eq!(fs::read_to_string(folder.join("untidy.yaml")).unwrap(), GOOD);
}

/// The sentence with the exit codes is that of `--help`, and the table of rules is that of the program.
#[test]
fn the_manual_says_what_the_program_does() {
    let page = fs::read_to_string(root().join("docs/policy-commands.md")).unwrap();
    for command in ["check", "fmt"] {
        let help = text(&plotwarden(root(), &[command, "--help"], "").stdout);
        let help: Vec<&str> = help.split_whitespace().collect();
        let help = help.join(" ");
        let codes = &help[help.find("Exit codes: ").unwrap()..];
        let section = page.split("\n## ").find(|section| section.starts_with(&format!("policy {command}\n"))).unwrap();
        assert!(section.contains(codes), "docs/policy-commands.md does not say of `policy {command}`:\n{codes}");
    }
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| `") && line.ends_with(". |")).collect();
    let rules: Vec<String> = Rule::ALL.iter().map(|rule| format!("| `{}` | {} |", rule.name(), rule.says())).collect();
    assert_eq!(rows, rules, "docs/policy-commands.md does not list the rules");
}

#[test]
fn what_is_piped_in_is_checked_under_a_name_of_its_own() {
    let found = plotwarden(root(), &["check", "-"], &bad());
    assert_eq!(found.status.code(), Some(1));
    assert!(text(&found.stderr).contains("<stdin>:21:"), "{}", text(&found.stderr));
    let json = plotwarden(root(), &["check", "--output", "json", "-"], &bad());
    let json: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(json["errors"][0]["path"], "<stdin>");
    assert_eq!(json["errors"][0]["rule"], "unit");
}

#[test]
fn paths_of_code_scanning_begin_at_the_checkout() {
    let (_kept, folder) = folder(&[("bad.yaml", &bad())]);
    let absolute = folder.join("bad.yaml");
    for path in ["bad.yaml", "./bad.yaml", absolute.to_str().unwrap()] {
        let found = plotwarden(&folder, &["check", "--output", "sarif", path], "");
        let log: serde_json::Value = serde_json::from_slice(&found.stdout).unwrap();
        let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "bad.yaml", "{path}");
        assert_eq!(place["region"]["startLine"], 21);
        let notes = text(&plotwarden(&folder, &["check", "--output", "github", path], "").stdout);
        assert!(notes.starts_with("::error file=bad.yaml,line=21,col="), "{notes}");
    }
}

#[test]
fn the_shipped_policies_are_in_form() {
    let found = plotwarden(root(), &["fmt", "--check", "--diff", "policies"], "");
    let shown = text(&found.stdout) + &text(&found.stderr);
    assert!(found.status.success() && shown.is_empty(), "run `plotwarden policy fmt policies`:\n{shown}");
}

#[test]
fn what_is_piped_through_fmt_comes_out_in_form() {
    let found = plotwarden(root(), &["fmt", "-"], &GOOD.replace('\n', "\r\n"));
    assert_eq!((found.status.code(), text(&found.stdout)), (Some(0), GOOD.to_owned()));
    let same = plotwarden(root(), &["fmt", "-"], GOOD);
    assert_eq!(text(&same.stdout), GOOD);
    // An editor puts what comes out in place of what went in: what cannot be laid out comes out as it went in.
    let odd = plotwarden(root(), &["fmt", "-"], "? a\n: b\n");
    assert_eq!((odd.status.code(), text(&odd.stdout)), (Some(0), "? a\n: b\n".to_owned()));
    assert!(text(&odd.stderr).contains("<stdin>:1: left as it is"), "{}", text(&odd.stderr));
    let broken = plotwarden(root(), &["fmt", "-"], "a: [\n");
    assert_eq!((broken.status.code(), text(&broken.stdout)), (Some(1), String::new()));
}

#[test]
fn a_file_keeps_its_rights_and_a_file_in_form_is_not_touched() {
    let (_kept, folder) = folder(&[("untidy.yaml", &(GOOD.to_owned() + "\n\n")), ("good.yaml", GOOD)]);
    fs::set_permissions(folder.join("untidy.yaml"), fs::Permissions::from_mode(0o604)).unwrap();
    let before = fs::metadata(folder.join("good.yaml")).unwrap().modified().unwrap();
    let found = plotwarden(&folder, &["fmt", "."], "");
    assert_eq!((found.status.code(), text(&found.stdout)), (Some(0), "./untidy.yaml\n".to_owned()));
    assert_eq!(fs::metadata(folder.join("untidy.yaml")).unwrap().permissions().mode() & 0o7777, 0o604);
    assert_eq!(fs::metadata(folder.join("good.yaml")).unwrap().modified().unwrap(), before);
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
}
