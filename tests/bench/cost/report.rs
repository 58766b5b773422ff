//! The table: medians, ratios, and each goal with what came of it.

use std::time::Duration;

use crate::GOALS;
use crate::equal::Equal;

/// A figure that must not be exceeded.
pub struct Goal {
    pub what: &'static str,
    pub most: f64,
    pub unit: &'static str,
}

/// What a scrape of another exporter costs.
pub struct Exported {
    pub scrape: Duration,
    pub resident: u64,
}

pub struct Ours {
    pub sweep: Duration,
    /// Without sweeps.
    pub tick_and_scrape: Duration,
    pub resident: u64,
    pub series: usize,
}

/// All that was measured with so many further processes.
pub struct Row {
    pub size: u32,
    pub habit: &'static str,
    pub node: Exported,
    pub process: Exported,
    pub floor: Duration,
    pub floor_resident: u64,
    pub ours: Ours,
}

#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
    lines: Vec<String>,
    /// By goal, what was reached, with where it was.
    reached: Vec<(usize, f64, String)>,
}

impl Report {
    pub fn new() -> Self {
        Self::default()
    }

    pub fn row(&mut self, row: Row) {
        let at = format!("{} processes, {}", row.size, row.habit);
        if row.size == 0 {
            self.reach(4, megabytes(row.ours.resident), format!("{} series", row.ours.series));
        } else {
            self.reach(1, ratio(row.ours.sweep, row.process.scrape), at.clone());
            self.reach(2, ratio(row.ours.sweep, row.floor), at);
        }
        if row.size == 5_000 {
            self.reach(5, megabytes(row.ours.resident), format!("{} series", row.ours.series));
        }
        self.rows.push(row);
    }

    pub fn equal(&mut self, equal: &Equal) {
        let Equal { ours, compressing, deciding, node, series, series_of_node, resident } = equal;
        self.lines.push(format!("equal sets of the host: {}", Equal::sets()));
        self.lines.push(format!(
            "a second with a scrape in it: plotwarden {:.3} ms ({series} series, {:.1} MB), {:.3} ms if it compresses, {:.3} ms \
             ({:.3}) with policies; node_exporter {:.3} ms of CPU ({series_of_node} series)",
            ms(*ours),
            megabytes(*resident),
            ms(*compressing),
            ms(*deciding),
            ratio(*deciding, *node),
            ms(*node)
        ));
        self.reach(0, ratio(*ours, *node), format!("{series} and {series_of_node} series"));
        self.reach(0, ratio(*compressing, *node), "the same, compressing".to_owned());
    }

    pub fn day(&mut self, ours: Duration, node: Duration, process: Duration) {
        self.lines.push(format!(
            "15 s with one scrape at 1,000 processes: plotwarden {:.1} ms, node_exporter {:.1} ms, process-exporter {:.1} ms of CPU",
            ms(ours),
            ms(node),
            ms(process)
        ));
        self.reach(3, ratio(ours, node + process), "1000 processes, idle".to_owned());
    }

    pub fn latency(&mut self, middle: Duration, late: Duration) {
        self.lines.push(format!(
            "a scrape of plotwarden at 1,000 processes: median {:.2} ms, 99th percentile {:.2} ms",
            ms(middle),
            ms(late)
        ));
        self.reach(6, ms(late), "200 scrapes".to_owned());
    }

    pub fn other_latency(&mut self, name: &str, middle: Duration) {
        self.lines.push(format!("a scrape of {name} at 1,000 processes: median {:.1} ms", ms(middle)));
    }

    pub fn all_met(&self) -> bool {
        self.reached.iter().all(|(goal, value, _)| *value <= GOALS[*goal].most)
    }

    pub fn print(&self) {
        if !self.rows.is_empty() {
            self.print_rows();
        }
        println!();
        self.lines.iter().for_each(|line| println!("{line}"));
        println!();
        for (goal, value, at) in &self.reached {
            let Goal { what, most, unit } = &GOALS[*goal];
            let verdict = if value <= most { "pass" } else { "MISS" };
            println!("{verdict}  {what}: {value:.3}{unit}, at most {most:.3}{unit} ({at})");
        }
    }

    fn print_rows(&self) {
        println!("\nMilliseconds of CPU per scrape or sweep; resident memory in MB behind the stroke.");
        println!(
            "{:>9}  {:<17} {:>14} {:>17} {:>13} {:>20} {:>22}",
            "processes", "", "node_exporter", "process-exporter", "bare sweep", "our sweep", "our tick and scrape"
        );
        for Row { size, habit, node, process, floor, floor_resident, ours } in &self.rows {
            println!(
                "{size:>9}  {habit:<17} {:>14} {:>17} {:>13} {:>20} {:>22}",
                cell(node.scrape, node.resident),
                cell(process.scrape, process.resident),
                cell(*floor, *floor_resident),
                format!("{:.2}", ms(ours.sweep)),
                cell(ours.tick_and_scrape, ours.resident),
            );
        }
    }

    fn reach(&mut self, goal: usize, value: f64, at: String) {
        self.reached.push((goal, value, at));
        self.reached.sort_by_key(|(goal, ..)| *goal);
    }
}

fn cell(time: Duration, resident: u64) -> String {
    format!("{:.2} / {:.1}", ms(time), megabytes(resident))
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn ratio(ours: Duration, theirs: Duration) -> f64 {
    ours.as_secs_f64() / theirs.as_secs_f64()
}

#[allow(clippy::cast_precision_loss, reason = "a figure of three digits is printed")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
