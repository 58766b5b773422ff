//! ip(8) of iproute2.

use std::process::Command;

use plotwarden::kernel::{Roots, clock};
use plotwarden::sample::{HostSampler, InterfaceSample};
use serde_json::Value;

use crate::INVENTORY;

/// What ip says as JSON; `None`, and a line that says so, where it is not installed.
fn ip(arguments: &[&str]) -> Option<Vec<Value>> {
    let Ok(output) = Command::new("ip").arg("-json").args(arguments).output() else {
        eprintln!("SKIPPED: ip is not installed (Debian: apt-get install iproute2)");
        return None;
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn ip_shows_the_same_interfaces_and_addresses() {
    let Some(theirs) = ip(&["addr"]) else { return };
    let network = &INVENTORY["network"];
    let ours = network["interfaces"].as_array().unwrap();
    assert_eq!(theirs.len() as u64, ours.len() as u64 + network["left_out_interfaces"].as_u64().unwrap());
    for interface in ours {
        let name = &interface["name"];
        let theirs = theirs.iter().find(|theirs| theirs["ifname"] == *name).unwrap();
        assert_eq!(interface["mtu_bytes"], theirs["mtu"], "{name}");
        assert_eq!(interface["state"], theirs["operstate"].as_str().unwrap().to_lowercase(), "{name}");
        assert_eq!(interface["part_of"], theirs["master"], "{name}");
        if let Some(address) = interface["hardware_address"].as_str() {
            assert_eq!(theirs["address"], address, "{name}");
        }
        for family in ["inet", "inet6"] {
            let key = if family == "inet" { "ipv4" } else { "ipv6" };
            let infos = theirs["addr_info"].as_array().unwrap().iter().filter(|info| info["family"] == family);
            let mut expected: Vec<String> =
                infos.map(|info| format!("{}/{}", info["local"].as_str().unwrap(), info["prefixlen"])).collect();
            let mut found: Vec<String> = serde_json::from_value(interface[key].clone()).unwrap();
            expected.sort();
            found.sort();
            assert_eq!(found, expected, "{name} {key}");
        }
    }
}

#[test]
fn ip_shows_the_same_default_routes() {
    let Some(theirs) = ip(&["route", "show", "default"]) else { return };
    let network = &INVENTORY["network"];
    let is_ipv4 = |route: &&Value| route["gateway"].as_str().is_none_or(|gateway| !gateway.contains(':'));
    let ours: Vec<&Value> = network["default_routes"].as_array().unwrap().iter().filter(is_ipv4).collect();
    assert_eq!(ours.len(), theirs.len(), "{ours:?} {theirs:?}");
    for route in theirs {
        let is_same = |ours: &&Value| ours["interface"] == route["dev"] && ours["gateway"] == route["gateway"];
        assert!(ours.iter().any(is_same), "{route}");
    }
}

/// Each counter lies between two looks of ip at it.
#[test]
fn ip_counts_the_same() {
    let sample = || HostSampler::new(&Roots::standard(), None).sample(clock::now()).network.interfaces.unwrap();
    let Some(before) = ip(&["-s", "link"]) else { return };
    let ours = sample();
    let after = ip(&["-s", "link"]).unwrap();
    assert!(!ours.is_empty());
    for InterfaceSample { device, counters, .. } in ours {
        let count = |look: &[Value], direction: &str, counter: &str| {
            let interface = look.iter().find(|interface| interface["ifname"] == device.as_str()).unwrap();
            interface["stats64"][direction][counter].as_u64().unwrap()
        };
        for (direction, counter, value) in [
            ("rx", "bytes", counters.received_bytes),
            ("rx", "packets", counters.received_packets),
            ("rx", "errors", counters.received_errors),
            ("rx", "multicast", counters.received_multicast),
            ("tx", "bytes", counters.transmitted_bytes),
            ("tx", "packets", counters.transmitted_packets),
            ("tx", "errors", counters.transmitted_errors),
            ("tx", "dropped", counters.transmitted_dropped),
            ("tx", "collisions", counters.collisions),
        ] {
            let between = count(&before, direction, counter)..=count(&after, direction, counter);
            assert!(between.contains(&value), "{device} {direction} {counter}: {value} is not in {between:?}");
        }
    }
}
