//! CPUs, their nodes and frequencies.

use serde_json::{Value, json};

use super::{DISCOVERED, row, value};

fn found() -> &'static Value {
    &DISCOVERED["cpu"]
}

#[test]
fn sockets_and_nodes_are_those_that_the_machine_was_given() {
    assert_eq!(
        (&found()["sockets"], &found()["cores"], &found()["online"]),
        (&json!(2), &json!(2), &json!([0, 1, 2, 3]))
    );
    let nodes = json!([
        {"node": 0, "cpus": [0, 1], "distances": {"0": 10, "1": 21}},
        {"node": 1, "cpus": [2, 3], "distances": {"0": 21, "1": 10}},
    ]);
    assert_eq!(found()["numa_nodes"], nodes);
    let last = &found()["cpus"][3];
    assert_eq!((&last["package"], &last["node"], &last["siblings"]), (&json!(1), &json!(1), &json!([2, 3])));
}

#[test]
fn frequencies_are_those_of_the_driver() {
    let policy = row(found(), "frequency_policies", "driver", "farmplant");
    assert_eq!((&policy["min_hertz"], &policy["max_hertz"]), (&json!(1.2e9), &json!(3.6e9)));
    assert_eq!(
        (&policy["governor"], &policy["energy_preference"]),
        (&json!("schedutil"), &json!("balance_performance"))
    );
}

#[test]
fn design_power_is_what_the_energy_driver_tells() {
    let processor = &found()["processors"][1];
    let told = (&processor["design_power_watts"], &processor["design_power_source"]);
    assert_eq!(told, (&json!(125.0), &json!("powercap")));
}

#[test]
fn the_system_is_known_as_what_it_is() {
    let system = &DISCOVERED["system"];
    assert_eq!((&system["cgroup_mode"], &system["pressure"]), (&json!("unified"), &json!("measured")));
    assert_eq!(system["machine"]["product"], json!("Field"));
    assert!(system["virtualisation"].as_str().is_some_and(|kind| kind != "none"), "{system}");
    assert_eq!(value("first", "plotwarden_cpus_online"), Some(4.0));
}
