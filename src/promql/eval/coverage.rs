//! How far an answer can be trusted: what the selectors found, how old it is, how much of a range it covers.

use super::grid::Grid;
use super::series::Series;
use crate::promql::Millis;
use crate::promql::answer::{Annotation, Covered, SelectorReport, Severity};
use crate::promql::calc::{count, float};
use crate::promql::storage::StoredSeries;
use crate::promql::syntax::Span;

/// What is returned beside the values.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub annotations: Vec<Annotation>,
    pub selectors: Vec<SelectorReport>,
}

impl Reports {
    /// Says a thing once for each place in the query.
    pub fn note(&mut self, severity: Severity, span: Span, message: String) {
        let annotation = Annotation { severity, span, message };
        if !self.annotations.contains(&annotation) {
            self.annotations.push(annotation);
        }
    }

    /// Reports a selector; `last` is the moment that the last step asked about.
    pub fn read(&mut self, span: Span, stored: &[StoredSeries], last: Option<Millis>) {
        let newest = stored.iter().filter_map(|series| series.stamps.last());
        let ages: Vec<Millis> = newest.filter_map(|newest| last.map(|last| last.saturating_sub(*newest))).collect();
        self.selectors.push(SelectorReport {
            span,
            series: ages.len(),
            newest_age: ages.iter().min().copied(),
            oldest_age: ages.iter().max().copied(),
            covered: None,
            tier: stored.iter().find_map(|series| series.tier.clone()),
        });
    }

    /// Reports a subquery by the steps at which its expression had a value inside the last window.
    pub fn evaluated(&mut self, span: Span, series: &[Series], grid: Grid, (start, end): (Millis, Millis)) {
        let inside: Vec<bool> = grid.times().map(|at| start <= at && at <= end).collect();
        let steps = inside.iter().filter(|inside| **inside).count();
        let present = series.iter().map(|one| one.column.present().filter(|(step, _)| inside[*step]).count());
        let newest = series.iter().filter_map(|one| one.column.present().last());
        let times: Vec<Millis> = grid.times().collect();
        let ages: Vec<Millis> = newest.map(|(step, _)| end - times[step]).collect();
        self.selectors.push(SelectorReport {
            span,
            series: series.len(),
            newest_age: ages.iter().min().copied(),
            oldest_age: ages.iter().max().copied(),
            covered: spread(present.map(|present| count(present) / count(steps.max(1)))),
            tier: None,
        });
    }

    /// Adds to the report of a range selector how much of its last window each series covered.
    pub fn cover(&mut self, span: Span, shares: impl Iterator<Item = f64>) {
        let report = self.selectors.iter_mut().rev().find(|report| report.span == span);
        if let Some(report) = report.filter(|report| report.covered.is_none()) {
            report.covered = spread(shares);
        }
    }
}

fn spread(shares: impl Iterator<Item = f64>) -> Option<Covered> {
    shares.fold(None, |covered, share| {
        let Covered { least, most } = covered.unwrap_or(Covered { least: share, most: share });
        Some(Covered { least: least.min(share), most: most.max(share) })
    })
}

/// The share of a window in which samples follow each other at no more than three times their usual distance. A lone sample
/// covers nothing.
pub fn covered_share(stamps: &[Millis], start: Millis, end: Millis) -> f64 {
    let (Some(first), Some(last)) = (stamps.first(), stamps.last()) else { return 0.0 };
    let mut gaps: Vec<Millis> = stamps.windows(2).map(|pair| pair[1] - pair[0]).collect();
    if gaps.is_empty() || end <= start {
        return 0.0;
    }
    let middle = gaps.len() / 2;
    let usual = *gaps.select_nth_unstable(middle).1;
    let inner: Millis = gaps.iter().filter(|gap| **gap <= usual.saturating_mul(3)).sum();
    // A window seldom begins and ends with a sample: up to one distance at either end is covered.
    let edge = |gap: Millis| if gap <= usual { gap } else { 0 };
    float(inner + edge(first - start) + edge(end - last)) / float(end - start)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_minutes_of_a_day_cover_little() {
        let stamps: Vec<Millis> = (0..=10).map(|minute| 85_800_000 + minute * 60_000).collect();
        let share = covered_share(&stamps, 0, 86_400_000);
        assert!((share - 600.0 / 86_400.0).abs() < 1e-12, "{share}");
    }

    #[test]
    fn regular_samples_cover_all_wherever_the_window_begins() {
        let stamps: Vec<Millis> = (0..20).map(|nth| 7_000 + nth * 15_000).collect();
        assert!((covered_share(&stamps, 0, 300_000) - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_hole_is_not_covered() {
        let stamps: Vec<Millis> =
            (0..=100).filter(|second| !(20..70).contains(second)).map(|second| second * 1_000).collect();
        assert!((covered_share(&stamps, 0, 100_000) - 0.49).abs() < 1e-12);
    }

    #[test]
    fn one_sample_covers_nothing() {
        assert!(covered_share(&[50], 0, 100).abs() < 1e-12);
        assert!(covered_share(&[], 0, 100).abs() < 1e-12);
    }
}
