//! Modules, nodes and errors of the memory.

use serde_json::{Value, json};

use super::{DISCOVERED, REPORT, row, value};

fn found() -> &'static Value {
    &DISCOVERED["memory"]
}

#[test]
fn the_module_is_the_one_that_the_machine_was_given() {
    let module = row(found(), "modules", "manufacturer", "Micron");
    let told = (&module["locator"], &module["bank"], &module["part_number"]);
    assert_eq!(told, (&json!("DIMM 0"), &json!("BANK0"), &json!("MTA36ASF")));
    assert_eq!((&module["size_bytes"], &found()["populated_slots"]), (&json!(1_u64 << 30), &json!(1)));
    assert_eq!(module["rated_transfers_per_second"], json!(3_200_000_000_u64));
}

#[test]
fn errors_that_were_injected_are_counted() {
    let controller = row(found(), "controllers", "name", "mc0");
    assert_eq!((&controller["corrected_errors"], &controller["uncorrected_errors"]), (&json!(3), &json!(1)));
    let counted = REPORT.section("first").lines().filter(|line| line.contains("corrected") && line.ends_with(" 3"));
    assert!(counted.count() > 0, "no series tells of the three corrected errors");
}

#[test]
fn each_node_has_half_of_the_memory() {
    let nodes = found()["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 2);
    for (number, node) in nodes.iter().enumerate() {
        let total = node["total_bytes"].as_u64().unwrap();
        // The kernel keeps some of it for itself.
        assert!((400 << 20..=512 << 20).contains(&total), "{node}");
        let series = format!("plotwarden_memory_node_total_bytes{{node=\"{number}\"}}");
        assert_eq!(value("first", &series).map(|bytes| format!("{bytes:.0}")), Some(total.to_string()));
    }
}
