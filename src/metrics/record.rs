//! The third way of writing: the samples of a tick into the embedded history, under the names of the classic format.
//!
//! Families are drawn in the same order in every tick, and mostly with the same labels. So the series of each family are
//! remembered in that order, and a sample whose series stands where it stood in the last tick costs a comparison of its
//! labels: no lookup and no allocation. Labels lie behind one another in memory: a tick comes to caches that others have used
//! for a second, and with a box for each label there was a miss for each.

use std::fmt;

use super::family::{Family, SampleWriter, Samples};
use super::label::{Label, tame};
use super::snapshot::Snapshot;
use super::value::Value;
use crate::history::{Appended, History, HistoryFull, SeriesId, TickRefused};

/// Writes snapshots into a history, and remembers from one to the next which series are whose.
#[derive(Debug, Default)]
pub struct Recorder {
    /// The series of each family in the order of the last snapshot.
    known: Vec<Row>,
    samples: Vec<(SeriesId, f64)>,
    /// The labels of the sample at hand.
    key: Vec<u8>,
    refused: Option<HistoryFull>,
}

/// What came of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    pub samples: usize,
    /// Series for which there was no room, if any; their samples are missing.
    pub refused: Option<HistoryFull>,
}

/// The series of one family.
#[derive(Debug, Default)]
struct Row {
    series: Vec<Known>,
    /// Their keys.
    keys: Vec<u8>,
}

#[derive(Debug)]
struct Known {
    id: SeriesId,
    key_length: usize,
}

/// Between two series of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Place {
    series: usize,
    byte: usize,
}

impl Recorder {
    /// Appends all samples of the snapshot at `at`, milliseconds since the epoch. Series of the snapshot before that are in
    /// this one no more are marked as ended.
    ///
    /// # Errors
    /// The history has a later tick already.
    pub fn record(&mut self, at: i64, snapshot: &Snapshot, history: &mut History) -> Result<Recorded, TickRefused> {
        self.draw(snapshot, history);
        let Appended { samples, unknown } = history.append(at, self.samples.iter().copied())?;
        if unknown > 0 {
            // Series of ticks that were refused have no sample, and are forgotten. All are looked up again.
            self.known.clear();
        }
        Ok(Recorded { samples, refused: self.refused })
    }

    fn draw(&mut self, snapshot: &Snapshot, history: &mut History) {
        self.samples.clear();
        self.refused = None;
        for (place, family) in super::families_of(snapshot) {
            if self.known.len() <= place {
                self.known.resize_with(place + 1, Row::default);
            }
            let Self { known, samples, key, refused } = self;
            let row = &mut known[place];
            let mut writer = RowWriter { family, row, place: Place::default(), key, samples, refused, history };
            // Writing into memory does not fail; what could is in `refused`.
            let _ = Samples::draw(family, snapshot, &mut writer);
            let used = writer.place;
            row.truncate(used);
        }
    }
}

/// Takes the samples of one family.
struct RowWriter<'a> {
    family: &'static Family,
    row: &'a mut Row,
    /// Where the next sample is expected.
    place: Place,
    key: &'a mut Vec<u8>,
    samples: &'a mut Vec<(SeriesId, f64)>,
    refused: &'a mut Option<HistoryFull>,
    history: &'a mut History,
}

impl SampleWriter for RowWriter<'_> {
    fn sample(&mut self, labels: &[Label<'_>], value: Value) -> fmt::Result {
        let Some(id) = self.series(labels) else { return Ok(()) };
        self.samples.push((id, value.as_float()));
        Ok(())
    }
}

impl RowWriter<'_> {
    fn series(&mut self, labels: &[Label<'_>]) -> Option<SeriesId> {
        write_key(labels, self.key);
        match self.row.find(self.key, self.place) {
            Some(found) if found == self.place => {}
            Some(found) => self.row.forget(self.place, found),
            None => {
                let id = self.look_up(labels)?;
                self.row.insert(self.place, id, self.key);
            }
        }
        let id = self.row.series[self.place.series].id;
        self.place = self.place.behind(self.key.len());
        Some(id)
    }

    fn look_up(&mut self, labels: &[Label<'_>]) -> Option<SeriesId> {
        let texts: Vec<String> = labels.iter().map(|label| label.to_text()).collect();
        let pairs = self.family.labels.iter().zip(&texts).filter(|(_, text)| !text.is_empty());
        let pairs: Vec<(&str, &str)> = pairs.map(|(name, text)| (*name, text.as_str())).collect();
        self.history.series(self.family.name, &pairs).inspect_err(|full| *self.refused = Some(*full)).ok()
    }
}

impl Row {
    /// The place before the series of this key, if it comes at `from` or later.
    fn find(&self, key: &[u8], from: Place) -> Option<Place> {
        let mut place = from;
        for known in &self.series[from.series..] {
            let next = place.behind(known.key_length);
            if self.keys[place.byte..next.byte] == *key {
                return Some(place);
            }
            place = next;
        }
        None
    }

    fn insert(&mut self, place: Place, id: SeriesId, key: &[u8]) {
        self.series.insert(place.series, Known { id, key_length: key.len() });
        self.keys.splice(place.byte..place.byte, key.iter().copied());
    }

    fn forget(&mut self, from: Place, to: Place) {
        self.series.drain(from.series..to.series);
        self.keys.drain(from.byte..to.byte);
    }

    fn truncate(&mut self, end: Place) {
        self.series.truncate(end.series);
        self.keys.truncate(end.byte);
    }
}

impl Place {
    fn behind(self, key_length: usize) -> Self {
        Self { series: self.series + 1, byte: self.byte + key_length }
    }
}

/// No two lists of labels have the same key: the bytes that end a text and begin a number are in no text.
fn write_key(labels: &[Label<'_>], key: &mut Vec<u8>) {
    const END_OF_TEXT: u8 = 0xff;
    const NUMBER: u8 = 0xfe;
    key.clear();
    for label in labels {
        match label {
            Label::Text(text) => {
                key.extend_from_slice(text.as_bytes());
                key.push(END_OF_TEXT);
            }
            Label::Number(number) => {
                key.push(NUMBER);
                key.extend_from_slice(&number.to_ne_bytes());
            }
        }
    }
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
