//! The embedded history as the evaluator reads it: one language, two rooms that need not know each other.

use std::sync::{Arc, PoisonError, RwLock};

use crate::history::{History, Labels as HistoryLabels, Query, TooMuch};
use crate::promql::{Labels, Selection, Storage, StorageError, StoredSeries};

/// A history that nobody changes during the query.
#[derive(Debug, Clone, Copy)]
pub struct Stored<'a>(pub &'a History);

/// A history that goes on while it is read: it is locked for one selector at a time, never for a whole evaluation, so
/// that a long query holds up nobody who appends.
#[derive(Debug, Clone, Copy)]
pub struct Live<'a>(pub &'a RwLock<History>);

impl Storage for Stored<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
        let query = Query {
            matchers: selection.matchers,
            start: selection.start,
            end: selection.end,
            window: selection.window,
            summary: selection.summary,
            most_series: selection.series_limit,
            most_samples: selection.sample_limit,
        };
        let found = self.0.select(&query).map_err(|too_much| match too_much {
            TooMuch::Series(limit) => StorageError::TooManySeries(limit),
            TooMuch::Samples(limit) => StorageError::TooManySamples(limit),
        })?;
        if found.damaged_blocks > 0 {
            // Half of the samples would be taken for all of them.
            let blocks = found.damaged_blocks;
            return Err(StorageError::Unreadable(format!("{blocks} blocks of the embedded history are damaged")));
        }
        let tier: Arc<str> = found.resolution.name().into();
        let series = found.series.into_iter();
        Ok(series
            .map(|one| StoredSeries {
                labels: labels(&one.labels),
                stamps: one.stamps,
                values: one.values,
                tier: Some(Arc::clone(&tier)),
            })
            .collect())
    }
}

impl Storage for Live<'_> {
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
        // A history is never left half changed: whoever panicked with the lock did so between two changes.
        Stored(&self.0.read().unwrap_or_else(PoisonError::into_inner)).select(selection)
    }
}

/// The same labels, with the same strings.
pub fn labels(labels: &HistoryLabels) -> Labels {
    Labels::from_pairs(labels.iter_shared().cloned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{HistoryConfig, Target};
    use crate::promql::{Engine, Limits, Value};
    use crate::units::Bytes;

    const START: i64 = 1_790_000_100_000;

    /// A minute of two disks, of which one is gone after half of it.
    fn history() -> History {
        let target = Target { job: "plotwarden".into(), instance: "farm1:9037".into() };
        let mut history = History::new(HistoryConfig { target, memory_limit: Bytes(1 << 24), forecast: Vec::new() });
        for second in 0..60 {
            let (sda, sdb) = (history.series("w", &[("d", "sda")]), history.series("w", &[("d", "sdb")]));
            let gone = (second < 30).then(|| (sdb.unwrap(), 1.0));
            let row = [(sda.unwrap(), f64::from(second) * 5.0)].into_iter().chain(gone);
            history.append(START + i64::from(second) * 1000, row).unwrap();
        }
        history
    }

    fn ask(engine: Engine, text: &str) -> Result<Vec<String>, String> {
        let query = engine.parse(text).map_err(|error| error.to_string())?;
        let lock = RwLock::new(history());
        let answer =
            engine.instant(&query, START + 59_000, &Live(&lock), &|| None).map_err(|error| error.to_string())?;
        assert!(answer.selectors.iter().all(|one| one.series == 0 || one.tier.as_deref() == Some("tick")));
        let Value::Vector(samples) = answer.value else { return Err("no vector".to_owned()) };
        Ok(samples.iter().map(|sample| format!("{} {}", sample.labels, sample.point.value)).collect())
    }

    #[test]
    fn expressions_are_answered_from_the_history() {
        let asked = |text| ask(Engine::default(), text).unwrap();
        assert_eq!(asked(r#"w{d=~"sd."}"#), [r#"w{d="sda", instance="farm1:9037", job="plotwarden"} 295"#]);
        assert_eq!(asked("sum by (job) (rate(w{d='sda'}[30s]))"), [r#"{job="plotwarden"} 5"#]);
        assert_eq!(asked("count(last_over_time(w[1m]))"), ["{} 2"], "what is stale now was there before");
        assert_eq!(asked("up"), [r#"up{instance="farm1:9037", job="plotwarden"} 1"#]);
        assert_eq!(asked("{d='sda'} offset 59s").len(), 1);
        assert_eq!(asked("{d='sda', __name__!='w'}").len(), 0);
    }

    #[test]
    fn limits_are_those_of_the_query() {
        let limited =
            |series, points| Engine { limits: Limits { series, points, ..Limits::default() }, ..Engine::default() };
        assert!(ask(limited(1, 1000), "sum(last_over_time(w[1m]))").unwrap_err().contains("series"));
        assert!(ask(limited(2, 50), "sum(last_over_time(w[1m]))").unwrap_err().contains("samples"));
    }
}
