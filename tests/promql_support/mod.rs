//! Samples in memory, as a source for the evaluator under test.

use std::collections::BTreeMap;
use std::sync::Arc;

use plotwarden::promql::{Labels, Millis, Selection, Storage, StorageError, StoredSeries};

#[derive(Debug, Default)]
pub struct Memory {
    series: BTreeMap<Labels, Vec<(Millis, f64)>>,
}

impl Memory {
    /// Adds samples, which need not be in order; a later one at the same time replaces the earlier.
    pub fn add(&mut self, labels: Labels, samples: impl IntoIterator<Item = (Millis, f64)>) {
        let all = self.series.entry(labels).or_default();
        let sorted_until = all.last().map_or(Millis::MIN, |(at, _)| *at);
        let first_new = all.len();
        all.extend(samples);
        if all[first_new..].iter().any(|(at, _)| *at <= sorted_until) {
            let merged: BTreeMap<Millis, f64> = all.iter().copied().collect();
            *all = merged.into_iter().collect();
        }
        if all.is_empty() {
            self.series.retain(|_, samples| !samples.is_empty());
        }
    }

    fn shared(known: &mut Option<Arc<[Millis]>>, stamps: Vec<Millis>) -> Arc<[Millis]> {
        let shared = known.take().filter(|known| **known == *stamps).unwrap_or_else(|| stamps.into());
        *known = Some(Arc::clone(&shared));
        shared
    }
}

impl Storage for Memory {
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
        let mut known = None;
        let mut samples = 0;
        let mut selected = Vec::new();
        for (labels, all) in self.series.iter().filter(|(labels, _)| selection.matches(labels)) {
            let from = all.partition_point(|(at, _)| *at < selection.start);
            let to = all.partition_point(|(at, _)| *at <= selection.end);
            if from >= to {
                continue;
            }
            samples += to - from;
            if selected.len() == selection.series_limit {
                return Err(StorageError::TooManySeries(selection.series_limit));
            }
            if samples > selection.sample_limit {
                return Err(StorageError::TooManySamples(selection.sample_limit));
            }
            let stamps = Self::shared(&mut known, all[from..to].iter().map(|(at, _)| *at).collect());
            let values = all[from..to].iter().map(|(_, value)| *value).collect();
            selected.push(StoredSeries { labels: labels.clone(), stamps, values, tier: None });
        }
        Ok(selected)
    }
}
