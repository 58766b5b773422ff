//! Two hours of samples with everything that makes a difference: jitter, gaps, counter resets, NaN, infinities, series that
//! come and go.

use std::fmt::Write as _;

use plotwarden::promql::{Labels, METRIC_NAME, Millis};

/// The first sample. Blocks of Prometheus end inside the two hours.
pub const START: Millis = 1_700_000_000_000;
pub const END: Millis = START + 7_200_000;
const SCRAPE: Millis = 15_000;

pub type Samples = Vec<(Millis, f64)>;

/// All series, those of one metric together.
pub fn series() -> Vec<(Labels, Samples)> {
    let mut all = Vec::new();
    let mut seed = 1;
    for instance in ["a:9100", "b:9100", "c:9100", "d:9100"] {
        for mode in ["idle", "user", "system"] {
            let labels = [("job", "node"), ("instance", instance), ("mode", mode)];
            all.push(one("cpu_seconds_total", &labels, &mut seed, counter(3.0, 0.004)));
        }
    }
    for instance in ["a:9100", "b:9100", "e:8080"] {
        for code in ["200", "404", "500"] {
            let labels = [("job", "api"), ("instance", instance), ("code", code)];
            all.push(one("requests_total", &labels, &mut seed, counter(40.0, 0.01)));
        }
    }
    for instance in ["a:9100", "b:9100", "c:9100"] {
        for sensor in ["cpu", "disk"] {
            let labels = [("job", "node"), ("instance", instance), ("sensor", sensor)];
            all.push(one("temperature_celsius", &labels, &mut seed, gauge(40.0, 25.0)));
        }
        all.push(one("memory_bytes", &[("job", "node"), ("instance", instance)], &mut seed, gauge(8e9, 3e9)));
        all.push(one("odd", &[("instance", instance)], &mut seed, odd));
        all.push(one("flapping", &[("instance", instance)], &mut seed, flapping));
        all.push(one("up", &[("job", "node"), ("instance", instance)], &mut seed, |random, _| {
            Some(f64::from(u8::from(random.next() > 0.1)))
        }));
        let version = if instance == "c:9100" { "2" } else { "1" };
        all.push(one("build_info", &[("instance", instance), ("version", version)], &mut seed, |_, _| Some(1.0)));
    }
    for instance in ["a:9100", "b:9100"] {
        let mut share = 0.0;
        for le in ["0.1", "0.5", "1", "2.5", "+Inf"] {
            share += 0.2;
            let labels = [("job", "api"), ("instance", instance), ("le", le)];
            // One seed for all buckets of a histogram: they grow in step.
            let mut same = if instance == "a:9100" { 1_000 } else { 2_000 };
            all.push(one("latency_seconds_bucket", &labels, &mut same, counter(50.0 * share, 0.0)));
        }
    }
    all.sort_by(|a, b| a.0.get(METRIC_NAME).cmp(b.0.get(METRIC_NAME)).then_with(|| a.0.cmp(&b.0)));
    all
}

/// As a server would be given them.
pub fn open_metrics(series: &[(Labels, Samples)]) -> String {
    let mut text = String::new();
    for (labels, samples) in series {
        // OpenMetrics does not know the blank between labels.
        let written = labels.to_string().replace("\", ", "\",");
        for (at, value) in samples {
            let value = if value.is_infinite() { "+Inf".to_owned() } else { format!("{value}") };
            let _ = writeln!(text, "{written} {value} {}.{:03}", at / 1000, at % 1000);
        }
    }
    text + "# EOF\n"
}

/// Numbers that look random and are the same in every run.
pub struct Random(u64);

impl Random {
    /// At least 0, less than 1.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap_or(0)) / 4_294_967_296.0
    }
}

fn one(
    name: &str,
    labels: &[(&str, &str)],
    seed: &mut u64,
    mut value: impl FnMut(&mut Random, f64) -> Option<f64>,
) -> (Labels, Samples) {
    *seed += 1;
    let mut random = Random(*seed);
    let labels = Labels::from_pairs(labels.iter().copied().chain([(METRIC_NAME, name)]));
    // Every third series is scraped with jitter; every fifth has a hole of ten minutes.
    let (jitter, hole) = (seed.is_multiple_of(3), seed.is_multiple_of(5));
    let mut samples = Vec::new();
    for at in (START..=END).step_by(15_000) {
        let elapsed = (at - START) / SCRAPE;
        let late = if jitter { [0, 7, 250, 1_999][usize::try_from(elapsed % 4).unwrap_or(0)] } else { 0 };
        let value = value(&mut random, f64::from(i32::try_from(elapsed).unwrap_or(0)) / 480.0);
        let missed = hole && (200..240).contains(&elapsed);
        if let Some(value) = value.filter(|_| !missed) {
            samples.push((at + late, value));
        }
    }
    (labels, samples)
}

fn counter(slope: f64, resets: f64) -> impl FnMut(&mut Random, f64) -> Option<f64> {
    let mut value = 0.0;
    move |random, _| {
        value = if random.next() < resets { 0.0 } else { value + slope * random.next() };
        Some(value)
    }
}

fn gauge(middle: f64, swing: f64) -> impl FnMut(&mut Random, f64) -> Option<f64> {
    move |random, elapsed| Some(middle + swing * ((elapsed * 20.0).sin() + random.next() - 0.5))
}

#[allow(clippy::unnecessary_wraps, reason = "has the shape of all sources of values")]
fn odd(random: &mut Random, _: f64) -> Option<f64> {
    Some(match random.next() {
        chance if chance < 0.05 => f64::NAN,
        chance if chance < 0.08 => f64::INFINITY,
        chance if chance < 0.5 => -3.5 * chance,
        chance => (chance * 8.0).floor(),
    })
}

fn flapping(random: &mut Random, elapsed: f64) -> Option<f64> {
    ((elapsed * 9.0).sin() > -0.3).then(|| random.next())
}
