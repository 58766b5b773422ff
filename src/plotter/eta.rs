//! Time left: progress over running time, smoothed, since phases do not run at the speed that bytes suggest.

use std::time::Duration;

/// Below this share too little is known.
const TOO_EARLY: f64 = 0.02;
/// Time constant of the smoothing, as a share of the time elapsed: plots take seconds in tests and hours on farms.
const SMOOTHING: f64 = 0.1;

/// Predicts the running time of one plot.
#[derive(Debug, Default, Clone, PartialEq)]
pub(super) struct Eta {
    /// Running time of the plotter when the plot, or our watch over it, began.
    begin: Duration,
    /// Ratio at that time.
    ratio_at_begin: Option<f64>,
    last: Duration,
    /// Seconds from `begin` to the end of the plot.
    predicted: Option<f64>,
}

impl Eta {
    /// The plot begins, or is first seen, at this running time of its plotter.
    pub fn from(begin: Duration) -> Self {
        Self { begin, last: begin, ..Self::default() }
    }

    pub fn update(&mut self, running: Duration, ratio: Option<f64>) {
        let Some(ratio) = ratio else { return };
        // A plot that began with its plotter had done nothing then; else count from what it had done when first seen.
        let first = *self.ratio_at_begin.get_or_insert(if self.begin.is_zero() { 0.0 } else { ratio });
        let (elapsed, done) = (running.saturating_sub(self.begin).as_secs_f64(), ratio - first);
        if ratio < TOO_EARLY || done <= 0.0 || elapsed <= 0.0 {
            return;
        }
        let estimate = elapsed * (1.0 - first) / done;
        let step = running.saturating_sub(self.last).as_secs_f64();
        let weight = 1.0 - (-step / (SMOOTHING * elapsed)).exp();
        self.predicted = Some(self.predicted.map_or(estimate, |before| before + weight * (estimate - before)));
        self.last = running;
    }

    /// Running time left; `None` while too little is known.
    pub fn left(&self, running: Duration, ratio: Option<f64>) -> Option<Duration> {
        let ratio = ratio.filter(|ratio| *ratio >= TOO_EARLY)?;
        if ratio >= 1.0 {
            return Some(Duration::ZERO);
        }
        let left = self.predicted? - running.saturating_sub(self.begin).as_secs_f64();
        Duration::try_from_secs_f64(left.max(0.0)).ok()
    }
}
