//! The mean of a share over the last seconds, with no more memory than those seconds need.

use std::collections::VecDeque;
use std::time::Duration;

/// The longest window that a policy can ask for.
const LONGEST: Duration = Duration::from_mins(10);
/// The first sample does not tell how much time it speaks of; it is taken for one tick.
const FIRST_SPAN: Duration = Duration::from_secs(1);
/// A mean over less of its window than this is from too little history.
const LEAST_COVERAGE: f64 = 0.8;

/// Shares of consecutive stretches of time, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Ring {
    stretches: VecDeque<Stretch>,
    /// When the source was last read, whether or not it told a share.
    read: Option<Duration>,
}

#[derive(Debug, Clone, Copy)]
struct Stretch {
    from: Duration,
    to: Duration,
    share: f64,
}

/// Why there is no mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMean {
    /// Nothing was ever measured.
    Empty,
    /// Only this much of the window was measured.
    TooShort(Duration),
}

impl Ring {
    /// Takes the share of the time since the previous reading; `None` in the first one, which only marks the time.
    pub fn push(&mut self, at: Duration, share: Option<f64>) {
        if let Some(share) = share.filter(|share| share.is_finite()) {
            let from = self.read.unwrap_or_else(|| at.saturating_sub(FIRST_SPAN));
            self.stretches.push_back(Stretch { from, to: at, share });
        }
        self.read = Some(at);
        while self.stretches.front().is_some_and(|oldest| oldest.to + LONGEST < at) {
            self.stretches.pop_front();
        }
    }

    /// When the newest share ends.
    pub fn newest(&self) -> Option<Duration> {
        self.stretches.back().map(|stretch| stretch.to)
    }

    /// Mean share over the `window` that ends with the newest sample, weighted by time.
    pub fn mean(&self, window: Duration) -> Result<f64, NoMean> {
        let newest = self.newest().ok_or(NoMean::Empty)?;
        let begin = newest.saturating_sub(window);
        let (mut weight, mut sum) = (0.0, 0.0);
        for stretch in self.stretches.iter().rev().take_while(|stretch| stretch.to > begin) {
            let seconds = stretch.to.saturating_sub(stretch.from.max(begin)).as_secs_f64();
            weight += seconds;
            sum += seconds * stretch.share;
        }
        if weight < LEAST_COVERAGE * window.as_secs_f64() || weight <= 0.0 {
            return Err(NoMean::TooShort(Duration::from_secs_f64(weight)));
        }
        Ok(sum / weight)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(value: f64) -> Duration {
        Duration::from_secs_f64(value)
    }

    #[test]
    fn weighs_by_time() {
        let mut ring = Ring::default();
        ring.push(seconds(10.0), None);
        ring.push(seconds(11.5), Some(1.0));
        ring.push(seconds(12.0), Some(0.0));
        assert!((ring.mean(seconds(2.0)).unwrap() - 0.75).abs() < 1e-9);
        assert!((ring.mean(seconds(1.0)).unwrap() - 0.5).abs() < 1e-9, "the older stretch counts in part");
    }

    #[test]
    fn too_little_history_is_no_mean() {
        let mut ring = Ring::default();
        assert_eq!(ring.mean(seconds(2.0)), Err(NoMean::Empty));
        ring.push(seconds(10.0), None);
        ring.push(seconds(11.0), Some(0.9));
        assert_eq!(ring.mean(seconds(2.0)), Err(NoMean::TooShort(seconds(1.0))));
        ring.push(seconds(12.0), Some(f64::NAN));
        ring.push(seconds(13.0), Some(0.9));
        assert!(ring.mean(seconds(2.0)).is_err(), "a gap is not covered by what lies around it");
        ring.push(seconds(14.0), Some(0.9));
        assert!((ring.mean(seconds(2.0)).unwrap() - 0.9).abs() < 1e-9);
    }

    #[test]
    fn forgets_what_no_window_reaches() {
        let mut ring = Ring::default();
        for second in 0..10_000 {
            ring.push(Duration::from_secs(second), Some(0.1));
        }
        assert!(ring.stretches.len() < 700, "{}", ring.stretches.len());
    }
}
