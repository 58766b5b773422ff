//! `plotwarden discover` as an operator meets it: on machines that we do not have, on one of which nothing can be read, and
//! on this one while its hardware changes.

mod support;

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use support::alone::is_root;
use support::daemon::{BINARY, Daemon, Options};
use support::loop_disk::LoopDisk;
use support::machine;

const MACHINES: [&str; 5] = ["dual-socket-server", "desktop", "arm-board", "container", "old-kernel"];

fn discover(root: &Path, output: &str) -> String {
    let answer = Command::new(BINARY)
        .args(["discover", "--output", output, "--path.procfs"])
        .arg(root.join("proc"))
        .arg("--path.sysfs")
        .arg(root.join("sys"))
        .output()
        .unwrap();
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    String::from_utf8(answer.stdout).unwrap()
}

fn inventory(root: &Path) -> Value {
    serde_json::from_str(&discover(root, "json")).unwrap()
}

/// Calls `visit` with the path and value of every fact; capabilities are no facts of the machine.
fn for_each_fact(inventory: &Value, visit: &mut impl FnMut(&str, &Value)) {
    fn walk(path: &str, value: &Value, visit: &mut impl FnMut(&str, &Value)) {
        match value {
            Value::Object(object) => {
                object.iter().for_each(|(key, value)| walk(&format!("{path}/{key}"), value, visit));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(path, value, visit)),
            fact => visit(path, fact),
        }
    }
    for (part, value) in inventory.as_object().unwrap().iter().filter(|(part, _)| *part != "capabilities") {
        walk(part, value, visit);
    }
}

#[test]
fn each_machine_is_found_with_no_fact_that_is_empty() {
    for machine in MACHINES {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        machine::lay_out(machine, root.path());
        let inventory = inventory(root.path());
        for_each_fact(&inventory, &mut |path, fact| assert_ne!(fact, "", "{machine}: {path} is empty, not unknown"));
        for part in ["system", "cpu", "memory", "storage", "network", "gpu", "power"] {
            let status = &inventory[part]["status"];
            assert_ne!(status, "doubtful", "{machine}: {part}: {}", inventory[part]["problems"]);
            assert!(inventory[part]["discovered_at"].is_string(), "{machine}: {part}");
        }
        assert!(!discover(root.path(), "table").is_empty());
    }
}

#[test]
fn of_a_machine_of_which_nothing_can_be_read_nothing_is_claimed() {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    std::fs::create_dir_all(root.path().join("proc")).unwrap();
    std::fs::create_dir_all(root.path().join("sys")).unwrap();
    for_each_fact(&inventory(root.path()), &mut |path, fact| {
        if !path.ends_with("/confidence_ratio") {
            assert!(!fact.is_number(), "{path} is {fact} of a machine that shows nothing");
        }
    });
}

#[test]
fn yaml_and_json_say_the_same() {
    let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    machine::lay_out("dual-socket-server", root.path());
    let mut yaml: Value = serde_yaml::from_str(&discover(root.path(), "yaml")).unwrap();
    let mut json = inventory(root.path());
    for part in [&mut yaml, &mut json].into_iter().flat_map(|all| all.as_object_mut().unwrap().values_mut()) {
        // The two were read one after the other.
        if let Some(part) = part.as_object_mut() {
            part.remove("discovered_at");
        }
    }
    assert_eq!(yaml, json);
}

/// A loop device stands for a disk that is plugged in: it is one for the kernel, and can be had here.
#[test]
fn a_disk_that_comes_is_in_the_inventory_within_seconds() {
    if !is_root("a loop device") {
        return;
    }
    let daemon = Daemon::start(&Options { max_mode: Some("off"), ..Options::default() });
    let disk = LoopDisk::new(8 << 20);
    disk.write_something();
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (_, body) = daemon.get("/api/v1/inventory").unwrap();
        if body.contains(&format!("\"{}\"", disk.name())) {
            return;
        }
        assert!(Instant::now() < deadline, "{} is not in the inventory:\n{}", disk.name(), daemon.log());
        thread::sleep(Duration::from_millis(100));
    }
}
