//! A sample and an inventory as they are published, of a program that does nothing else.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use plotwarden::clock::Moment;
use plotwarden::inventory::Inventory;
use plotwarden::metrics::{Counters, LoopState, ProcessWatch, Reload, Snapshot};
use plotwarden::mode::Mode;
use plotwarden::sample::{Collectors, HostSample, OwnUsage};
use plotwarden::world::World;

pub fn snapshot(inventory: &Arc<Inventory>, host: HostSample, now: Moment) -> Arc<Snapshot> {
    Arc::new(Snapshot {
        world: World { now, host, jobs: Vec::new(), layout: Arc::default(), processes: None },
        collectors: Collectors::ALL,
        inventory: Arc::clone(inventory),
        profiles: Arc::default(),
        policies: Vec::new(),
        reload: Reload { succeeded_at: None, error: None, commits: Vec::new() },
        knobs: Vec::new(),
        counters: Counters::default(),
        recent: Vec::new(),
        own: LoopState {
            version: "0",
            mode: Mode::Off,
            started: now.wall,
            ticks: 1,
            tick_duration: Duration::ZERO,
            tick_interval: Duration::from_secs(1),
            process_watch: ProcessWatch::Sweep,
            guard_alive: None,
            usage: OwnUsage::default(),
        },
        history: None,
        alerts: Arc::default(),
        samples: OnceLock::new(),
    })
}
