//! `histogram_quantile` over the buckets of classic histograms.

use std::collections::HashMap;

use super::call::arg;
use super::error::EvalError;
use super::expression::Evaluator;
use super::grid::Grid;
use super::series::{Column, Series, merged};
use crate::promql::answer::Severity;
use crate::promql::calc::histogram::{Bucket, bucket_quantile};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::{Call, Span};

/// The label that carries the upper bound of a bucket.
const BOUND: &str = "le";

impl Evaluator<'_> {
    pub fn histogram_quantile(&mut self, call: &Call, span: Span, grid: Grid) -> Result<Vec<Series>, EvalError> {
        let quantiles = self.scalar(arg(call, 0, span)?, grid)?;
        self.doubt_quantile(&quantiles, span);
        let buckets = self.vector(arg(call, 1, span)?, grid)?;
        let mut results = Vec::new();
        for (labels, buckets) in self.histograms(buckets, span) {
            self.budget.worked(grid.count.saturating_mul(buckets.len()).saturating_mul(10))?;
            let mut column = Column::absent(grid.count);
            let mut present = Vec::with_capacity(buckets.len());
            for (step, q) in quantiles.iter().enumerate() {
                present.clear();
                present.extend(
                    buckets
                        .iter()
                        .filter_map(|(upper, counts)| Some(Bucket { upper: *upper, count: counts.get(step)? })),
                );
                if present.is_empty() {
                    continue;
                }
                let quantile = bucket_quantile(*q, &mut present, self.engine.semantics);
                column.set(step, quantile.value);
                if quantile.mended {
                    let message = "some buckets counted less than smaller ones; their counts were raised".to_owned();
                    self.reports.note(Severity::Info, span, message);
                }
            }
            results.push(Series { labels, column });
        }
        merged(results, span)
    }

    /// The buckets of each histogram with their bounds, in the order in which the histograms are met.
    fn histograms(&mut self, buckets: Vec<Series>, span: Span) -> Vec<(Labels, Vec<(f64, Column)>)> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut histograms: Vec<(Labels, Vec<(f64, Column)>)> = Vec::new();
        for bucket in buckets {
            let Ok(upper) = bucket.labels.get(BOUND).parse::<f64>() else {
                let message = format!("{} has no usable label `{BOUND}` and is not counted", bucket.labels);
                self.reports.note(Severity::Warning, span, message);
                continue;
            };
            // The name tells histograms apart although the result does not have it.
            let identity = bucket.labels.filtered(|name| name != BOUND);
            let place = *places.entry(identity.clone()).or_insert_with(|| {
                histograms.push((identity.filtered(|name| name != METRIC_NAME), Vec::new()));
                histograms.len() - 1
            });
            histograms[place].1.push((upper, bucket.column));
        }
        histograms
    }
}
