//! The host alone, in equal sets: what plotwarden is told to collect is what `node_exporter` is told to collect, and it decides
//! nothing. Both run beside each other and are scraped each second, and of both all is counted that they use, whatever for: of
//! plotwarden also the ticks, the embedded history, the watch for plotters and the child that asks file systems. A third
//! plotwarden rehearses its policies as well, which shows what they cost.

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
    /// The same with policies that are rehearsed.
    pub deciding: Duration,
    pub node: Duration,
    pub series: usize,
    pub series_of_node: usize,
    pub resident: u64,
}

impl Equal {
    /// What is compared, for the reader of the table.
    pub fn sets() -> String {
        format!(
            "--max-mode off --collect {COLLECT} with CPU time, load, memory, pressure; node_exporter: {}",
            exporter::COLLECTORS.join(",")
        )
    }
}

pub fn measure(start: impl Fn(&'static str, &[String]) -> Daemon) -> Equal {
    eprintln!("equal sets of the host ...");
    let collect = format!("--collect={COLLECT}");
    let ours = start("off", std::slice::from_ref(&collect));
    let compressing = start("off", &[collect.clone(), "--web.compress-from=0B".to_owned()]);
    let deciding = start("dry-run", &[collect]);
    let mut node = node_exporter();
    let daemons = [&ours, &compressing, &deciding];
    let mut scrapers = daemons.map(|daemon| Scraper::new(daemon.address()));
    let mut second = || {
        std::thread::sleep(Duration::from_secs(1));
        node.scraper.scrape();
        for scraper in &mut scrapers {
            scraper.scrape();
        }
        let [ours, compressing, deciding] = daemons.map(|daemon| with_children(daemon.pid()));
        [ours, compressing, deciding, cpu_of(node.pid())]
    };
    let mut before = second();
    for _ in 0..WARM_UP {
        before = second();
    }
    let mut rounds: [Vec<Duration>; 4] = Default::default();
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
    let [ours_cost, compressing_cost, deciding_cost, node_cost] = rounds.each_mut().map(|costs| median(costs));
    Equal {
        ours: ours_cost,
        compressing: compressing_cost,
        deciding: deciding_cost,
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
