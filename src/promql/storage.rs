//! Where samples come from: the one thing the evaluator asks of the world.

use std::sync::Arc;

use super::Millis;
use super::labels::Labels;
use super::syntax::Matcher;

/// The value that marks the end of a series: a NaN with this payload, as Prometheus writes it.
pub const STALE: f64 = f64::from_bits(0x7ff0_0000_0000_0002);

/// Whether a value is the stale marker; an ordinary NaN is not.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE.to_bits()
}

/// What one selector of a query needs.
#[derive(Debug, Clone, Copy)]
pub struct Selection<'q> {
    /// All must match; a label that a series lacks counts as empty.
    pub matchers: &'q [Matcher],
    /// First time stamp wanted, inclusive.
    pub start: Millis,
    /// Last time stamp wanted, inclusive.
    pub end: Millis,
    /// Length of the windows that are moved over the samples; `None` where only the newest one counts.
    pub window: Option<Millis>,
    /// What serves best where the storage has no longer the samples themselves.
    pub summary: Summary,
    /// More series than this need not be collected: the query is refused.
    pub series_limit: usize,
    /// More samples than this need not be collected: the query is refused.
    pub sample_limit: usize,
}

/// What stands for several samples of a time of which only summaries are left.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Summary {
    #[default]
    Mean,
    Least,
    /// Of a counter also its last value, which means and minima are not.
    Most,
}

impl Selection<'_> {
    /// Whether a series is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels.get(&matcher.name)))
    }
}

/// One series with its samples in the range asked for.
#[derive(Debug, Clone)]
pub struct StoredSeries {
    pub labels: Labels,
    /// Strictly ascending. Series that were sampled together should share one list: windows are then found once for all.
    pub stamps: Arc<[Millis]>,
    /// One value for each stamp; [`STALE`] where the series ended.
    pub values: Vec<f64>,
    /// The resolution that was read, as it should be named to the user: `15s`. `None` for storage that has only one.
    pub tier: Option<Arc<str>>,
}

/// Why samples could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageError {
    #[error("more than {0} series match")]
    TooManySeries(usize),
    #[error("more than {0} samples lie in the range")]
    TooManySamples(usize),
    #[error("the stored samples cannot be read: {0}")]
    Unreadable(String),
}

/// A source of samples. `select` is called once for each selector of a query, whatever the number of steps.
pub trait Storage {
    /// The series that match, sorted by labels, no two with the same labels; those without samples in the range may be
    /// left out.
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError>;
}
