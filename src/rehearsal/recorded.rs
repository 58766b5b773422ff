//! The samples of a test in the embedded history, where PromQL really asks for them.
//!
//! Each series has a history of its own: a gap in one of several lines would otherwise be the end of that series, as it is where all are
//! sampled together, and could not be told from `stale`.

use crate::history::{History, HistoryConfig, SeriesId, Target};
use crate::policy::cases::{Sample, Source};
use crate::promql::{Selection, Storage, StorageError, StoredSeries};
use crate::signal::Stored;
use crate::units::Bytes;

/// A series of samples of one day takes less.
const MEMORY: Bytes = Bytes(64 << 20);

/// The series of a test.
#[derive(Debug, Default)]
pub struct Recorded {
    lines: Vec<Line>,
}

#[derive(Debug)]
struct Line {
    history: History,
    series: SeriesId,
    values: Vec<Sample>,
}

impl Recorded {
    /// Takes in a series that is about a metric; `ours` are the labels of this machine.
    ///
    /// # Errors
    /// In plain words: the history has no room for it.
    pub fn add(&mut self, source: &Source, values: &[Sample], ours: &Target) -> Result<(), String> {
        let Source::Metric { name, labels } = source else { return Ok(()) };
        let label = |name: &str| labels.iter().find(|(label, _)| label == name).map(|(_, value)| value.clone());
        let target = Target {
            job: label("job").unwrap_or_else(|| ours.job.clone()),
            instance: label("instance").unwrap_or_else(|| ours.instance.clone()),
        };
        let own = labels.iter().filter(|(label, _)| label != "job" && label != "instance");
        let own: Vec<(&str, &str)> = own.map(|(label, value)| (label.as_str(), value.as_str())).collect();
        let mut history = History::new(HistoryConfig { target, memory_limit: MEMORY, forecast: Vec::new() });
        let series = history.series(name, &own).map_err(|full| full.to_string())?;
        self.lines.push(Line { history, series, values: values.to_vec() });
        Ok(())
    }

    /// Appends the samples number `index`, at `stamp`.
    pub fn append(&mut self, index: usize, stamp: i64) {
        for line in &mut self.lines {
            let sample = match line.values.get(index) {
                Some(Sample::Value(value)) => Some((line.series, *value)),
                Some(Sample::Stale) => None,
                Some(Sample::Gap) | None => continue,
            };
            // Time only goes on in a test, so no tick is refused.
            let _ = line.history.append(stamp, sample);
        }
    }
}

impl Storage for Recorded {
    fn select(&self, selection: &Selection<'_>) -> Result<Vec<StoredSeries>, StorageError> {
        let mut found = Vec::new();
        for line in &self.lines {
            found.extend(Stored(&line.history).select(selection)?);
        }
        // Each history has an `up` of its own.
        found.sort_by(|a, b| a.labels.cmp(&b.labels));
        found.dedup_by(|a, b| a.labels == b.labels);
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{Engine, Value};
    use Sample::{Gap, Stale, Value as V};

    #[test]
    fn a_gap_is_no_end_and_other_machines_have_their_own_labels() {
        let target = Target { job: "plotwarden".into(), instance: "here".into() };
        let mut recorded = Recorded::default();
        let metric = |labels: &[(&str, &str)]| Source::Metric {
            name: "x".to_owned(),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
        };
        recorded.add(&metric(&[("d", "a")]), &[V(1.0), Gap, Gap], &target).unwrap();
        recorded.add(&metric(&[("d", "b")]), &[V(2.0), V(2.0), Stale], &target).unwrap();
        recorded.add(&metric(&[("instance", "there")]), &[V(4.0), V(4.0), V(5.0)], &target).unwrap();
        for index in 0..3 {
            recorded.append(index, 1_790_000_000_000 + 1000 * i64::try_from(index).unwrap());
        }
        let ask = |text: &str| {
            let query = Engine::default().parse(text).unwrap();
            let answer = Engine::default().instant(&query, 1_790_000_002_000, &recorded, &|| None).unwrap();
            let Value::Vector(samples) = answer.value else { panic!("no vector") };
            samples.iter().map(|sample| sample.point.value).collect::<Vec<_>>()
        };
        assert_eq!(ask("x"), [1.0, 5.0]);
        assert_eq!(ask(r#"x{instance="here"}"#), [1.0]);
        assert_eq!(ask("count(up)"), [2.0]);
    }
}
