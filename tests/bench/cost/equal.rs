//! The host alone, in equal sets: what plotwarden is told to collect is what `node_exporter` is told to collect. Both run beside
//! each other and are scraped each second, and of both all is counted that they use, whatever for: of plotwarden also ticks,
//! decisions, the embedded history and the child that asks file systems.

use std::time::Duration;

use crate::clock::{cpu_of, median, resident};
use crate::exporter::{self, node_exporter};
use crate::scrape::Scraper;
use crate::support::daemon::Daemon;
use crate::support::state::children;

/// The parts that `exporter::COLLECTORS` name, beside those that are no choice: CPU time, load, memory and pressure.
const COLLECT: &str = "cpu-pace,vmstat,disks,file-systems,network,sensors,thermal";
/// Longer than the longest pause between two readings of the same thing.
const ROUND: u32 = 15;
const ROUNDS: usize = 5;
/// Then nothing is left of the start.
const WARM_UP: u32 = 35;

/// CPU time per second with a scrape in it, medians of rounds.
pub struct Equal {
    pub ours: Duration,
    /// The same with compression, which `node_exporter` always does.
    pub compressing: Duration,
    pub node: Duration,
    pub series: usize,
    pub series_of_node: usize,
    pub resident: u64,
}

impl Equal {
    /// What is compared, for the reader of the table.
    pub fn sets() -> String {
        format!(
            "--collect {COLLECT} with CPU time, load, memory, pressure; node_exporter: {}",
            exporter::COLLECTORS.join(",")
        )
    }
}

pub fn measure(start: impl Fn(&[String]) -> Daemon) -> Equal {
    eprintln!("equal sets of the host ...");
    let ours = start(&[format!("--collect={COLLECT}")]);
    let compressing = start(&[format!("--collect={COLLECT}"), "--web.compress-from=0B".to_owned()]);
    let mut node = node_exporter();
    let mut scrapers = [Scraper::new(ours.address()), Scraper::new(compressing.address())];
    let mut second = || {
        std::thread::sleep(Duration::from_secs(1));
        node.scraper.scrape();
        for scraper in &mut scrapers {
            scraper.scrape();
        }
        [with_children(ours.pid()), with_children(compressing.pid()), cpu_of(node.pid())]
    };
    let mut before = second();
    for _ in 0..WARM_UP {
        before = second();
    }
    let mut rounds: [Vec<Duration>; 3] = Default::default();
    for _ in 0..ROUNDS {
        let mut after = before;
        for _ in 0..ROUND {
            after = second();
        }
        for (who, costs) in rounds.iter_mut().enumerate() {
            costs.push(after[who].saturating_sub(before[who]) / ROUND);
        }
        before = after;
    }
    let resident = resident(ours.pid());
    let [ours_cost, compressing_cost, node_cost] = rounds.each_mut().map(|costs| median(costs));
    Equal {
        ours: ours_cost,
        compressing: compressing_cost,
        node: node_cost,
        series: scrapers[0].series(),
        series_of_node: node.scraper.series(),
        resident,
    }
}

/// A child that ends in between takes its share along; those here live as long as the program.
fn with_children(pid: i32) -> Duration {
    cpu_of(pid) + children(pid).into_iter().map(cpu_of).sum::<Duration>()
}
