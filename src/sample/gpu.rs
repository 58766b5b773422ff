//! What the GPUs do, read in the background: NVIDIA's library may take its time or hang, and makes its caller wait for
//! figures that it averages. While it hangs there are no figures, and that is said.

use std::sync::Arc;
use std::time::Duration;

use super::SampleProblem;
use super::background::{Background, Crew};
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::graphics_card::{GraphicsCard, graphics_cards};
use crate::units::{Bytes, BytesPerSecond, Celsius, Hertz, Joules, Ratio, Watts};

mod card;
mod nvidia;

pub use crate::kernel::nvml::GpuProcess;

const PERIOD: Duration = Duration::from_secs(5);
/// So often is looked for GPUs, and for a driver, where none were found.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
const PART: &str = "gpu";

/// What one GPU does. What it does not measure, or may not tell, is `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct GpuSample {
    /// NVIDIA's index, or the PCI address of others: the same as in the inventory.
    pub gpu: String,
    /// Share of the time in which it computed.
    pub utilisation: Option<Ratio>,
    /// Share of the time in which its memory was read or written.
    pub memory_utilisation: Option<Ratio>,
    pub memory_total: Option<Bytes>,
    pub memory_used: Option<Bytes>,
    pub memory_free: Option<Bytes>,
    pub temperature: Option<Celsius>,
    pub power: Option<Watts>,
    /// The limit in force, which a controller may change.
    pub power_limit: Option<Watts>,
    /// Since the driver was loaded.
    pub energy: Option<Joules>,
    /// By the name of the clock.
    pub clocks: Vec<(&'static str, Hertz)>,
    /// Each reason that can keep the clocks down, and whether it does.
    pub clock_limits: Option<Vec<(&'static str, bool)>>,
    /// In the order of the fans; one that cannot be read is `None`.
    pub fans: Vec<Option<Ratio>>,
    pub corrected_errors: Option<u64>,
    pub uncorrected_errors: Option<u64>,
    /// Of the last 20 ms.
    pub link_received: Option<BytesPerSecond>,
    pub link_sent: Option<BytesPerSecond>,
    pub link_replays: Option<u32>,
    pub link_generation: Option<u32>,
    pub link_lanes: Option<u32>,
    pub processes: Option<Vec<GpuProcess>>,
}

/// The GPUs as of `age` ago.
#[derive(Debug, Clone, PartialEq)]
pub struct GpuSamples {
    /// Grows while the driver does not answer.
    pub age: Duration,
    /// Empty while the driver does not answer.
    pub gpus: Arc<[GpuSample]>,
}

/// Samples the GPUs.
#[derive(Debug)]
pub(super) struct GpuSampler {
    roots: Roots,
    reading: Background<Reading>,
}

#[derive(Debug)]
struct Reading {
    gpus: Arc<[GpuSample]>,
    problems: Vec<SampleProblem>,
    cards: Found,
}

/// The cards that their drivers in the kernel measure, and when they were looked for, as time since boot.
#[derive(Debug, Clone)]
struct Found {
    at: Duration,
    cards: Arc<[GraphicsCard]>,
}

impl GpuSampler {
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), reading: Background::new(PERIOD, &Crew::default()) }
    }

    /// The last answer; `None` before the first one, and on a machine without a GPU that can be measured.
    pub fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> Option<GpuSamples> {
        if self.is_worth_a_look(now) {
            let known = self.reading.answer().map(|answer| answer.value.cards.clone());
            let roots = &self.roots;
            self.reading.poll(now, || {
                let roots = roots.clone();
                move || Reading::take(&roots, known.filter(|known| now.since(known.at) < LOOK_AGAIN), now)
            });
        }
        let late = self.reading.late(now);
        if let Some(late) = late {
            let reason = format!("the GPUs have not answered for {} s; see whether nvidia-smi answers", late.as_secs());
            problems.push(SampleProblem { part: PART, reason });
        }
        let answer = self.reading.answer()?;
        let Reading { gpus, problems: found, .. } = &answer.value;
        let age = now.since(answer.begun);
        if late.is_some() {
            return Some(GpuSamples { age, gpus: Arc::default() }).filter(|_| !gpus.is_empty());
        }
        problems.extend_from_slice(found);
        Some(GpuSamples { age, gpus: Arc::clone(gpus) }).filter(|samples| !samples.gpus.is_empty())
    }

    /// A machine without GPUs is not asked for them all the time.
    fn is_worth_a_look(&self, now: Moment) -> bool {
        let nothing = |reading: &Reading| reading.gpus.is_empty() && reading.problems.is_empty();
        self.reading.answer().is_none_or(|last| !nothing(&last.value) || now.since(last.begun) >= LOOK_AGAIN)
    }
}

impl Reading {
    fn take(roots: &Roots, known: Option<Found>, now: Moment) -> Self {
        let cards = known.unwrap_or_else(|| Found::look(roots, now));
        let mut problems = Vec::new();
        let mut gpus = nvidia::samples(&roots.nvml, &mut problems);
        gpus.extend(cards.cards.iter().map(|card| card::sample(card, &mut problems)));
        Self { gpus: gpus.into(), problems, cards }
    }
}

impl Found {
    fn look(roots: &Roots, now: Moment) -> Self {
        // The inventory says why they cannot be listed.
        let cards = graphics_cards(roots).unwrap_or_default();
        Self { at: now.boot, cards: cards.into_iter().filter(GraphicsCard::is_measured).collect() }
    }
}

#[cfg(test)]
mod tests;
