//! `plotwarden discover`: the machine's facts with what each part is worth, and each control surface: usable, or why not and
//! what mends it.

mod outline;

use super::exit;
use super::options::{DiscoverOptions, InventoryOutput, Measurement};
use crate::inventory::{Inventory, measure_bandwidth, measure_storage};
use crate::kernel::clock;

pub fn discover(options: &DiscoverOptions) -> u8 {
    let roots = options.paths.roots();
    let mut inventory = Inventory::read(&roots, clock::now());
    inventory.network.facts.ask_peers(&options.network.peers);
    for measurement in &options.measure {
        match measurement {
            Measurement::Memory => measure_bandwidth(&roots, &mut inventory.memory),
            Measurement::Storage => measure_storage(&roots, &mut inventory.storage),
        }
    }
    let text = match options.output {
        InventoryOutput::Table => serde_json::to_value(&inventory).map(|value| outline::render(&value)).map_err(said),
        InventoryOutput::Json => serde_json::to_string_pretty(&inventory).map(|json| json + "\n").map_err(said),
        InventoryOutput::Yaml => serde_yaml::to_string(&inventory).map_err(said),
    };
    match text {
        Ok(text) => {
            print!("{text}");
            exit::OK
        }
        Err(error) => {
            eprintln!("plotwarden: cannot write the inventory: {error}");
            exit::CANNOT
        }
    }
}

fn said(error: impl std::error::Error) -> String {
    error.to_string()
}
