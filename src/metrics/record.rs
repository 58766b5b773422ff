//! The third way of writing: the samples of a tick into the embedded history, under the names of the classic format.
//!
//! Families are drawn in the same order in every tick, and mostly with the same labels. So the series of each family are
//! remembered in that order, and a sample whose series stands where it stood in the last tick costs a comparison of its
//! labels: no lookup and no allocation.

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
    known: Vec<Vec<Known>>,
    samples: Vec<(SeriesId, f64)>,
    refused: Option<HistoryFull>,
}

/// What came of a snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recorded {
    pub samples: usize,
    /// Series for which there was no room, if any; their samples are missing.
    pub refused: Option<HistoryFull>,
}

#[derive(Debug)]
struct Known {
    labels: Box<[KnownLabel]>,
    id: SeriesId,
}

#[derive(Debug)]
enum KnownLabel {
    Text(Box<str>),
    Number(u64),
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
                self.known.resize_with(place + 1, Vec::new);
            }
            let Self { known, samples, refused } = self;
            let known = &mut known[place];
            let mut row = FamilyRow { family, known, place: 0, samples, refused, history };
            // Writing into memory does not fail; what could is in `refused`.
            let _ = Samples::draw(family, snapshot, &mut row);
            let used = row.place;
            known.truncate(used);
        }
    }
}

/// Takes the samples of one family.
struct FamilyRow<'a> {
    family: &'static Family,
    known: &'a mut Vec<Known>,
    /// Where the next sample is expected among the known ones.
    place: usize,
    samples: &'a mut Vec<(SeriesId, f64)>,
    refused: &'a mut Option<HistoryFull>,
    history: &'a mut History,
}

impl SampleWriter for FamilyRow<'_> {
    fn sample(&mut self, labels: &[Label<'_>], value: Value) -> fmt::Result {
        let Some(id) = self.series(labels) else { return Ok(()) };
        self.samples.push((id, value.as_float()));
        Ok(())
    }
}

impl FamilyRow<'_> {
    fn series(&mut self, labels: &[Label<'_>]) -> Option<SeriesId> {
        match self.known[self.place..].iter().position(|known| known.is(labels)) {
            Some(gone) => drop(self.known.drain(self.place..self.place + gone)),
            None => self.learn(labels)?,
        }
        let id = self.known[self.place].id;
        self.place += 1;
        Some(id)
    }

    fn learn(&mut self, labels: &[Label<'_>]) -> Option<()> {
        let texts: Vec<String> = labels.iter().map(|label| label.to_text()).collect();
        let pairs = self.family.labels.iter().zip(&texts).filter(|(_, text)| !text.is_empty());
        let pairs: Vec<(&str, &str)> = pairs.map(|(name, text)| (*name, text.as_str())).collect();
        match self.history.series(self.family.name, &pairs) {
            Ok(id) => {
                self.known.insert(self.place, Known { labels: labels.iter().map(KnownLabel::from).collect(), id });
                Some(())
            }
            Err(full) => {
                *self.refused = Some(full);
                None
            }
        }
    }
}

impl Known {
    fn is(&self, labels: &[Label<'_>]) -> bool {
        self.labels.len() == labels.len() && self.labels.iter().zip(labels).all(|(known, label)| known.is(label))
    }
}

impl KnownLabel {
    fn is(&self, label: &Label<'_>) -> bool {
        match (self, label) {
            (Self::Text(known), Label::Text(text)) => **known == **text,
            (Self::Number(known), Label::Number(number)) => known == number,
            (Self::Text(_), Label::Number(_)) | (Self::Number(_), Label::Text(_)) => false,
        }
    }
}

impl From<&Label<'_>> for KnownLabel {
    fn from(label: &Label<'_>) -> Self {
        match label {
            Label::Text(text) => Self::Text((*text).into()),
            Label::Number(number) => Self::Number(*number),
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
