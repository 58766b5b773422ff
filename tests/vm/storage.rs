//! Disks of each class, and a mirror of two of them.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::machine::DISK_SIZE;
use super::{DISCOVERED, REPORT, row, value};

fn found() -> &'static Value {
    &DISCOVERED["storage"]
}

#[test]
fn each_disk_is_known_for_what_it_is() {
    for (serial, transport, rotational) in
        [("NVME1", "nvme", false), ("SATA1", "sata", true), ("VIRTIO1", "virtio", true), ("MIRROR1", "virtio", true)]
    {
        let disk = row(found(), "disks", "serial", serial);
        let told = (&disk["transport"], &disk["rotational"], &disk["size_bytes"]);
        assert_eq!(told, (&json!(transport), &json!(rotational), &json!(DISK_SIZE)), "{disk}");
    }
    let class = |serial| &row(found(), "disks", "serial", serial)["class"];
    assert_eq!((class("NVME1"), class("SATA1")), (&json!("nvme"), &json!("hdd")));
    let named = |serial| &row(found(), "disks", "serial", serial)["name"];
    assert_eq!(named("VIRTIO1"), &json!(REPORT.given("given", "VIRTIO1")));
}

#[test]
fn the_mirror_knows_its_members() {
    let mirror = row(found(), "raid_sets", "name", "md0");
    assert_eq!((&mirror["level"], &mirror["disks"], &mirror["degraded"]), (&json!("raid1"), &json!(2), &json!(0)));
    let members = mirror["members"].as_array().unwrap().iter().map(|member| member["device"].as_str().unwrap());
    // The kernel probes the disks side by side: which of them comes first differs from boot to boot.
    let given = REPORT.given("given", "mirror").split(' ');
    assert_eq!(members.collect::<BTreeSet<_>>(), given.collect::<BTreeSet<_>>());
    assert_eq!(value("first", r#"plotwarden_md_degraded_disks{device="md0"}"#), Some(0.0));
}
