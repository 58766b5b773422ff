//! `plotwarden discover`: the machine's facts, and each control surface: usable, or why not and what mends it.

use super::options::{DiscoverOptions, Output};
use super::{exit, table};
use crate::inventory::{Capability, Inventory};
use crate::units::Bytes;

pub fn discover(options: &DiscoverOptions) -> u8 {
    let inventory = Inventory::read(&options.paths.roots());
    match options.output {
        Output::Table => print(&inventory),
        Output::Json => match serde_json::to_string_pretty(&inventory) {
            Ok(json) => println!("{json}"),
            Err(error) => {
                eprintln!("plotwarden: cannot write the inventory as JSON: {error}");
                return exit::CANNOT;
            }
        },
    }
    exit::OK
}

fn print(inventory: &Inventory) {
    let text = |fact: &Option<String>| fact.clone().unwrap_or_else(|| "unknown".to_owned());
    let size = |fact: Option<Bytes>| fact.map_or_else(|| "unknown".to_owned(), |bytes| bytes.to_string());
    let cpus =
        if inventory.cpus_online.is_empty() { "unknown".to_owned() } else { inventory.cpus_online.len().to_string() };
    let facts = [
        ("host", text(&inventory.hostname)),
        ("distribution", text(&inventory.distribution)),
        ("kernel", text(&inventory.kernel)),
        ("architecture", inventory.architecture.to_owned()),
        ("cpu", text(&inventory.cpu_model)),
        ("cpus online", cpus),
        ("memory", size(inventory.memory_total)),
        ("swap", size(inventory.swap_total)),
        ("cgroups", inventory.cgroup_mode.name().to_owned()),
        ("systemd", if inventory.systemd { "yes" } else { "no" }.to_owned()),
    ];
    let rows: Vec<Vec<String>> = facts.into_iter().map(|(name, fact)| vec![name.to_owned(), fact]).collect();
    table::print(&["FACT", "VALUE"], &rows);
    println!();
    let rows: Vec<Vec<String>> = inventory.capabilities.iter().map(row).collect();
    table::print(&["SURFACE", "STATE", "REASON", "WHAT MENDS IT"], &rows);
}

fn row(capability: &Capability) -> Vec<String> {
    let Capability { surface, state, reason, mend } = capability;
    vec![(*surface).to_owned(), state.name().to_owned(), reason.clone(), mend.clone()]
}
