//! The third way of writing: the samples of a tick into the embedded history, under the names of the classic format.
//!
//! Series stand in the same order in every tick in which they are the same. So their ids are remembered in that order, and only
//! where a topic has other series than in the tick before is anything looked up.

use std::collections::HashMap;
use std::sync::Arc;

use super::gather::{Series, TopicSeries};
use super::key;
use super::label::{Label, tame};
use super::snapshot::Snapshot;
use crate::history::{Appended, History, HistoryFull, SeriesId, TickRefused};

/// Writes snapshots into a history, and remembers from one to the next which series are whose.
#[derive(Debug, Default)]
pub struct Recorder {
    known: Vec<Known>,
    refused: Option<HistoryFull>,
}

/// What came of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    pub samples: usize,
    /// Series for which there was no room, if any; their samples are missing.
    pub refused: Option<HistoryFull>,
}

/// The series of one topic in the history.
#[derive(Debug, Default)]
struct Known {
    topic: Arc<TopicSeries>,
    /// `None` for a series for which there was no room.
    ids: Vec<Option<SeriesId>>,
    is_complete: bool,
}

impl Recorder {
    /// Appends all samples of the snapshot at `at`, milliseconds since the epoch. Series of the snapshot before that are in
    /// this one no more are marked as ended.
    ///
    /// # Errors
    /// The history has a later tick already.
    pub fn record(&mut self, at: i64, snapshot: &Snapshot, history: &mut History) -> Result<Recorded, TickRefused> {
        let gathered = snapshot.samples();
        self.look_up(&gathered.topics, history);
        let ids = self.known.iter().flat_map(|known| &known.ids);
        let samples = ids.zip(&gathered.values).filter_map(|(id, value)| Some(((*id)?, value.as_float())));
        let Appended { samples, unknown } = history.append(at, samples)?;
        if unknown > 0 {
            // Series of ticks that were refused have no sample, and are forgotten. All are looked up again.
            self.known.clear();
        }
        Ok(Recorded { samples, refused: self.refused })
    }

    fn look_up(&mut self, topics: &[Arc<TopicSeries>], history: &mut History) {
        self.refused = None;
        self.known.resize_with(topics.len(), Known::default);
        for (known, topic) in self.known.iter_mut().zip(topics) {
            if !known.is_complete || !Arc::ptr_eq(&known.topic, topic) {
                *known = known.followed_by(topic, history, &mut self.refused);
            }
        }
    }
}

impl Known {
    fn followed_by(&self, topic: &Arc<TopicSeries>, history: &mut History, refused: &mut Option<HistoryFull>) -> Self {
        let before: HashMap<(usize, &[u8]), SeriesId> = self
            .topic
            .series()
            .zip(&self.ids)
            .filter_map(|(series, id)| Some(((series.place, series.key), (*id)?)))
            .collect();
        let mut find = |series: Series<'_>| match before.get(&(series.place, series.key)) {
            Some(id) => Some(*id),
            None => create(series, history).inspect_err(|full| *refused = Some(*full)).ok(),
        };
        let ids: Vec<Option<SeriesId>> = topic.series().map(&mut find).collect();
        Self { topic: Arc::clone(topic), is_complete: ids.iter().all(Option::is_some), ids }
    }
}

/// The series in the history, which is created if there is none.
fn create(series: Series<'_>, history: &mut History) -> Result<SeriesId, HistoryFull> {
    let texts: Vec<String> = key::labels(series.key).map(Label::to_text).collect();
    let pairs = series.family.labels.iter().zip(&texts).filter(|(_, text)| !text.is_empty());
    let pairs: Vec<(&str, &str)> = pairs.map(|(name, text)| (*name, text.as_str())).collect();
    history.series(series.family.name, &pairs)
}

impl Label<'_> {
    /// As both text formats write it, before escaping.
    fn to_text(self) -> String {
        match self {
            Label::Text(text) => tame(text).into_owned(),
            Label::Number(number) => number.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
