//! What a day of a plotting machine's series costs: bytes are asserted, time is printed beside a floor measured in the
//! same run.

use std::time::Instant;

use super::tests::{START, config};
use super::*;

/// What the series of a machine are like, with how many of a hundred series are of the kind.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// CPU seconds of a mode or a process, counted in hundredths.
    CpuSeconds,
    /// Bytes read or written by pages.
    PageBytes,
    /// Packets, operations, faults: whole numbers at a wandering rate.
    Events,
    /// A counter that seldom moves.
    Errors,
    /// A share rounded to four decimals.
    Ratio,
    /// Degrees, as sensors give them.
    Temperature,
    /// Watts to three decimals.
    Power,
    /// Memory in pages.
    MemoryBytes,
    /// The phase of a job.
    Phase,
    /// A limit, a size, an info metric.
    Constant,
}

const MIX: [(Kind, usize); 10] = [
    (Kind::CpuSeconds, 12),
    (Kind::PageBytes, 16),
    (Kind::Events, 14),
    (Kind::Errors, 8),
    (Kind::Ratio, 16),
    (Kind::Temperature, 4),
    (Kind::Power, 4),
    (Kind::MemoryBytes, 12),
    (Kind::Phase, 4),
    (Kind::Constant, 10),
];

/// A load that wanders, and what a series of the kind would show of it.
struct Source {
    kind: Kind,
    seed: u64,
    load: f64,
    total: f64,
    rate: f64,
}

impl Source {
    fn new(number: usize) -> Self {
        let mut place = number % 100;
        let kind =
            MIX.iter().find(|(_, share)| place.checked_sub(*share).map(|rest| place = rest).is_none()).unwrap().0;
        let mut source =
            Self { kind, seed: 0x139_408d_cbbf_7a44 ^ (number as u64) << 20, load: 0.0, total: 0.0, rate: 0.0 };
        source.load = source.random();
        source.rate = 10_f64.powf(2.0 + 4.0 * source.random());
        source.total = (source.rate * 3600.0 * source.random()).floor();
        source
    }

    fn random(&mut self) -> f64 {
        self.seed ^= self.seed << 13;
        self.seed ^= self.seed >> 7;
        self.seed ^= self.seed << 17;
        f64::from(u32::try_from(self.seed >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// The value after `seconds` more.
    fn next(&mut self, seconds: f64) -> f64 {
        self.load = (self.load + (self.random() - 0.5) * 0.1).clamp(0.0, 1.0);
        let jitter = 1.0 + (self.random() - 0.5) * 0.2;
        let busy = self.load * jitter;
        match self.kind {
            Kind::CpuSeconds => {
                self.total += (busy * seconds * 100.0).round();
                self.total / 100.0
            }
            Kind::PageBytes => {
                self.total += (busy * self.rate * seconds).round();
                self.total * 4096.0
            }
            Kind::Events => {
                self.total += (busy * self.rate * seconds).round();
                self.total
            }
            Kind::Errors => {
                self.total += if self.random() < 0.002 * seconds { 1.0 } else { 0.0 };
                self.total
            }
            Kind::Ratio => (busy * 1e4).round() / 1e4,
            Kind::Temperature => (35.0 + 40.0 * self.load + self.random()).round(),
            Kind::Power => ((60.0 + 120.0 * busy) * 1e3).round() / 1e3,
            Kind::MemoryBytes => (self.load * 8e6).round() * 4096.0,
            Kind::Phase => (self.load * 5.0).floor(),
            Kind::Constant => self.rate.floor(),
        }
    }
}

/// For ratios of counts, all far below the 53 bits that are exact.
fn float(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap())
}

fn history_of(series: usize) -> (History, Vec<SeriesId>) {
    // One of twenty series is kept for weeks as well, which is more than a machine has.
    let forecast = vec![vec![Matcher::metric("plotwarden_metric_1")], vec![Matcher::metric("plotwarden_metric_2")]];
    let mut history = History::new(HistoryConfig { forecast, ..config() });
    let ids = (0..series).map(|number| {
        let (device, job) = (format!("nvme{}n1", number % 24), format!("{:016x}", number / 24));
        history.series(&format!("plotwarden_metric_{}", number % 40), &[("device", &device), ("job", &job)]).unwrap()
    });
    let ids = ids.collect();
    (history, ids)
}

#[test]
fn a_day_of_fifteen_second_samples_keeps_to_its_bytes() {
    const SERIES: usize = 1000;
    let (mut history, ids) = history_of(SERIES);
    let mut sources: Vec<Source> = (0..SERIES).map(Source::new).collect();
    for tick in 0..6000 {
        let samples: Vec<_> = ids.iter().zip(&mut sources).map(|(id, source)| (*id, source.next(15.0))).collect();
        history.append(START + tick * 15_000, samples).unwrap();
    }
    let stats = history.stats();
    let tier = stats.tiers[1];
    let per_sample = float(tier.sealed_bytes) / float(tier.sealed_samples);
    let weeks = stats.tiers[2].bytes;
    let five_thousand = float(tier.bytes + weeks + history.index.bytes()) * 5000.0 / float(stats.series);
    println!(
        "sealed: {per_sample:.2} B/sample; 5,000 series over 24 h at 15 s, with labels and summaries: {:.1} MB",
        five_thousand / 1e6
    );
    println!("summaries: {} B for each of {} series a day", weeks / 50, history.coarse.members().count());
    println!("labels and lookups: {} B/series", history.index.bytes() / stats.series);
    assert!(tier.sealed_samples > 5500 * SERIES, "a day is held: {}", tier.sealed_samples);
    assert!(per_sample <= 2.5, "{per_sample} bytes per sealed sample");
    assert!(five_thousand <= 70e6, "{five_thousand} bytes");
    assert_eq!(stats.counters.dropped_blocks, 0);
}

#[test]
fn an_hour_of_every_second_keeps_to_its_bytes() {
    const SERIES: usize = 1000;
    let (mut history, ids) = history_of(SERIES);
    let mut sources: Vec<Source> = (0..SERIES).map(Source::new).collect();
    for tick in 0..4000 {
        let samples: Vec<_> = ids.iter().zip(&mut sources).map(|(id, source)| (*id, source.next(1.0))).collect();
        history.append(START + tick * 1000, samples).unwrap();
    }
    let tier = history.stats().tiers[0];
    let per_sample = float(tier.sealed_bytes) / float(tier.sealed_samples);
    println!("sealed: {per_sample:.2} B/sample; 5,000 series over 1 h at 1 s: {:.1} MB", float(tier.bytes) * 5e-6);
    assert!(per_sample <= 2.5, "{per_sample} bytes per sealed sample");
}

/// The time itself depends on the machine and on how this was built; what a tick costs beyond moving its bytes does
/// not much.
#[test]
fn the_time_of_a_tick_is_told_beside_that_of_a_copy() {
    const SERIES: usize = 5000;
    let (mut history, ids) = history_of(SERIES);
    let mut sources: Vec<Source> = (0..SERIES).map(Source::new).collect();
    let (mut appending, mut copying, mut worst) = (0.0, 0.0, 0.0_f64);
    let mut copies: Vec<Vec<(SeriesId, f64)>> = Vec::new();
    let ticks = 480_u32;
    for tick in 0..ticks {
        let samples: Vec<_> = ids.iter().zip(&mut sources).map(|(id, source)| (*id, source.next(1.0))).collect();
        let begun = Instant::now();
        copies.push(samples.clone());
        copying += begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        history.append(START + i64::from(tick) * 1000, samples).unwrap();
        let took = begun.elapsed().as_secs_f64();
        appending += took;
        worst = worst.max(took);
    }
    assert_eq!(copies.len(), ticks as usize);
    let (mean, floor) = (appending / f64::from(ticks), copying / f64::from(ticks));
    println!(
        "5,000 series: {:.3} ms a tick, at worst {:.3} ms; a copy of the samples: {:.3} ms; {:.0} times the copy",
        mean * 1e3,
        worst * 1e3,
        floor * 1e3,
        mean / floor
    );
}
