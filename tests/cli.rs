//! The command line as an operator meets it: help with examples, versions, completions, clear refusals.

use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

const BINARY: &str = env!("CARGO_BIN_EXE_plotwarden");

fn plotwarden(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_subcommand_has_help_with_an_example() {
    for command in [
        "run",
        "discover",
        "jobs",
        "query",
        "metrics",
        "knobs",
        "restore",
        "audit",
        "policy",
        "policy check",
        "policy fmt",
        "completions",
    ] {
        let mut arguments: Vec<&str> = command.split(' ').collect();
        arguments.push("--help");
        let output = plotwarden(&arguments);
        let help = text(&output.stdout);
        assert!(output.status.success(), "{command}: {help}");
        assert!(help.contains(&format!("Example: plotwarden {command}")), "{command} has no example:\n{help}");
    }
}

#[test]
fn every_metric_is_listed_in_each_form() {
    let json: serde_json::Value = serde_json::from_slice(&plotwarden(&["metrics", "--output", "json"]).stdout).unwrap();
    let (table, page) = (plotwarden(&["metrics"]), plotwarden(&["metrics", "--output", "markdown"]));
    let (table, page) = (text(&table.stdout), text(&page.stdout));
    let families = json.as_array().unwrap();
    assert!(families.len() > 100, "{}", families.len());
    for family in families {
        let name = family["name"].as_str().unwrap();
        assert!(table.contains(name) && page.contains(name), "{name}");
        for fact in ["topic", "help", "kind", "source"] {
            assert!(family[fact].as_str().is_some_and(|fact| !fact.is_empty()), "{name}: {fact}");
        }
    }
}

#[test]
fn every_knob_is_listed_in_each_form_with_what_it_is_here() {
    let json: serde_json::Value = serde_json::from_slice(&plotwarden(&["knobs", "--output", "json"]).stdout).unwrap();
    let forms = ["table", "yaml", "markdown"].map(|form| text(&plotwarden(&["knobs", "--output", form]).stdout));
    let knobs = json.as_array().unwrap();
    assert!(knobs.len() > 50, "{}", knobs.len());
    for knob in knobs {
        let name = knob["name"].as_str().unwrap();
        assert!(forms.iter().all(|form| form.contains(name)), "{name}");
        assert!(knob["state"] == "usable" || !knob["reason"].as_str().unwrap().is_empty(), "{name}: {knob}");
        for part in knob["parts"].as_array().unwrap() {
            assert!(part["value"].is_string() != part["problem"].is_string(), "{name}: {part}");
        }
    }
    let swappiness = knobs.iter().find(|knob| knob["name"] == "swappiness").unwrap();
    let now = std::fs::read_to_string("/proc/sys/vm/swappiness").unwrap();
    assert_eq!(swappiness["parts"][0]["value"], now.trim());
    assert_eq!(swappiness["parts"][0]["part"], "machine");
}

#[test]
fn version_says_the_version() {
    let output = plotwarden(&["--version"]);
    assert_eq!(text(&output.stdout).trim(), concat!("plotwarden ", env!("CARGO_PKG_VERSION")));
}

#[test]
fn completions_are_scripts_that_know_the_subcommands() {
    for shell in ["bash", "zsh", "fish"] {
        let output = plotwarden(&["completions", shell]);
        let script = text(&output.stdout);
        assert!(output.status.success());
        assert!(script.contains("discover") && script.contains("max-mode"), "{shell}:\n{script}");
    }
    let bash = text(&plotwarden(&["completions", "bash"]).stdout);
    let check = Command::new("bash").args(["-n", "-c", &bash]).output().unwrap();
    assert!(check.status.success(), "{}", text(&check.stderr));
}

#[test]
fn a_wrong_flag_is_refused_with_exit_code_2() {
    let output = plotwarden(&["run", "--max-mode", "sometimes"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("dry-run"), "{}", text(&output.stderr));
}

#[test]
fn the_bandwidth_of_the_memory_is_measured_only_when_asked_for() {
    let nodes = |arguments: &[&str]| -> Vec<serde_json::Value> {
        let output = plotwarden(&[&["discover", "--output", "json"], arguments].concat());
        assert!(output.status.success(), "{}", text(&output.stderr));
        let inventory: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        inventory["memory"]["nodes"].as_array().cloned().unwrap_or_default()
    };
    assert!(nodes(&[]).iter().all(|node| node["bandwidth_bytes_per_second"].is_null()));
    let begin = std::time::Instant::now();
    let measured = nodes(&["--measure", "memory"]);
    assert!(begin.elapsed().as_secs() < 10 * (1 + measured.len() as u64), "{:?}", begin.elapsed());
    for rate in measured.iter().filter_map(|node| node["bandwidth_bytes_per_second"].as_f64()) {
        assert!((1e8..1e13).contains(&rate), "{rate} bytes per second");
    }
    assert_eq!(plotwarden(&["discover", "--measure", "colour"]).status.code(), Some(2));
}

#[test]
fn an_address_in_use_is_named_with_the_flag_that_changes_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let output = Command::new(BINARY)
        .args(["run", "--max-mode", "off", "--web.listen-address", &address, "--path.run"])
        .arg(run.path())
        .output()
        .unwrap();
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{message}");
    assert!(message.contains(&address) && message.contains("--web.listen-address"), "{message}");
}

#[test]
fn discover_shows_facts_and_what_cannot_be_used() {
    let output = plotwarden(&["discover", "--output", "json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let facts: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let cpus = facts["cpu"]["online"].as_array().unwrap().len();
    assert_eq!(cpus, std::thread::available_parallelism().unwrap().get());
    for capability in facts["capabilities"].as_array().unwrap() {
        let usable = capability["state"] == "usable";
        assert_eq!(
            usable,
            capability["reason"] == "",
            "a reason stands exactly where something is amiss: {capability}"
        );
    }
    let table = text(&plotwarden(&["discover"]).stdout);
    assert!(table.contains("process-events"), "{table}");
}

#[test]
fn without_root_one_line_says_what_is_missing_and_how_to_get_it() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("SKIPPED: starting the program as another user needs root");
        return;
    }
    let run = tempfile::tempdir_in("/tmp").unwrap();
    std::os::unix::fs::chown(run.path(), Some(65534), Some(65534)).unwrap();
    // Where cargo puts the binary may be closed to others.
    let binary = run.path().join("plotwarden");
    std::fs::copy(BINARY, &binary).unwrap();
    let mut child = Command::new(&binary)
        .args(["run", "--web.listen-address=127.0.0.1:0", "--path.run"])
        .arg(run.path().join("run"))
        .uid(65534)
        .gid(65534)
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert!(child.try_wait().unwrap().is_none(), "observing needs no root");
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(i32::try_from(child.id()).unwrap()),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    let output = child.wait_with_output().unwrap();
    let log = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{log}");
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("root")).collect();
    assert_eq!(lines.len(), 1, "{log}");
    assert!(lines[0].contains("observ") && lines[0].contains("sudo plotwarden run"), "{}", lines[0]);
}
