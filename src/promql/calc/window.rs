//! The samples of one series that a range function sees at one step.

use super::number::seconds;
use crate::promql::Millis;
use crate::promql::engine::Semantics;

/// At least one sample, no stale markers.
#[derive(Debug, Clone, Copy)]
pub(in crate::promql) struct Window<'a> {
    pub stamps: &'a [Millis],
    pub values: &'a [f64],
    /// Places in `values`, none of them the first, where the value is lower than the one before: a counter that was reset.
    /// Counted from `drops_base` before the window, since they are found once for the whole series.
    pub drops: &'a [usize],
    pub drops_base: usize,
    /// The bounds of the window, which its samples need not reach.
    pub start: Millis,
    pub end: Millis,
    /// The step for which the function is evaluated: the end of the window without `offset` and `@`.
    pub now: Millis,
    pub semantics: Semantics,
}

impl Window<'_> {
    pub fn samples(&self) -> impl Iterator<Item = (Millis, f64)> {
        self.stamps.iter().copied().zip(self.values.iter().copied())
    }

    pub fn first(&self) -> (Millis, f64) {
        (self.stamps[0], self.values[0])
    }

    pub fn last(&self) -> (Millis, f64) {
        let last = self.values.len() - 1;
        (self.stamps[last], self.values[last])
    }

    /// How much a counter had reached each time it was reset.
    pub fn before_resets(&self) -> impl Iterator<Item = f64> {
        self.drops.iter().map(|drop| self.values[drop - self.drops_base - 1])
    }

    pub fn range_seconds(&self) -> f64 {
        seconds(self.end - self.start)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Samples 10 s apart from 0 on, in a window that ends with the last and begins `before` ms before the first.
    pub fn with_window<T>(values: &[f64], before: Millis, f: impl FnOnce(&Window<'_>) -> T) -> T {
        let stamps: Vec<Millis> = (0..).step_by(10_000).take(values.len()).collect();
        let drops: Vec<usize> = (1..values.len()).filter(|nth| values[*nth] < values[nth - 1]).collect();
        let end = stamps[stamps.len() - 1];
        f(&Window {
            stamps: &stamps,
            values,
            drops: &drops,
            drops_base: 0,
            start: -before,
            end,
            now: end,
            semantics: Semantics::V2,
        })
    }
}
