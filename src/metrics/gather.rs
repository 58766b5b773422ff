//! The samples of a tick, drawn once for all who write them: the text formats and the embedded history.
//!
//! From one tick to the next nearly all series stay, and only values change. So what names the series is kept apart from the
//! values, lies behind one another in memory, and is shared by all ticks in which it is the same: then drawing a sample costs a
//! comparison of its labels, a scrape copies text that is made already and puts the values in between, and the history knows its
//! series without looking them up. A tick comes to caches that others have used for a second, so what counts is how much memory
//! is touched.

use std::sync::{Arc, OnceLock};

use super::family::{Family, Samples};
use super::key;
use super::label::Label;
use super::snapshot::Snapshot;
use super::text::Text;
use super::value::Value;
use super::{Format, TOPICS};

/// All samples of a tick: the series of each topic, and the values of all in the same order.
#[derive(Debug, Clone)]
pub struct Gathered {
    pub(super) topics: Arc<[Arc<TopicSeries>]>,
    pub(super) values: Box<[Value]>,
}

/// The series of one topic, as they follow one another in a scrape.
#[derive(Debug, Default)]
pub(super) struct TopicSeries {
    families: &'static [Family],
    /// Place of the first family among all.
    first: usize,
    /// How many series each family has; those at the end that have none may be missing.
    counts: Vec<usize>,
    keys: Vec<u8>,
    texts: [OnceLock<Text>; 2],
}

/// One series of a topic.
#[derive(Debug, Clone, Copy)]
pub(super) struct Series<'k> {
    pub family: &'static Family,
    /// Place of the family among all.
    pub place: usize,
    /// Its labels as bytes.
    pub key: &'k [u8],
}

/// Draws the samples of one tick after the other.
#[derive(Debug, Default)]
pub struct Gatherer {
    topics: Option<Arc<[Arc<TopicSeries>]>>,
    /// Samples of the last tick.
    samples: usize,
}

impl Gatherer {
    /// Draws the samples of this tick, for whoever writes them.
    pub fn gather(&mut self, snapshot: &mut Snapshot) {
        snapshot.samples = OnceLock::from(self.gathered(snapshot));
    }

    pub(super) fn gathered(&mut self, snapshot: &Snapshot) -> Gathered {
        let mut values = Vec::with_capacity(self.samples);
        let known = self.topics.take().unwrap_or_else(nothing);
        let mut changed = Vec::new();
        for (place, topic) in known.iter().enumerate() {
            let is_drawn = super::is_drawn(place, snapshot);
            let families = if is_drawn { topic.families } else { &[] };
            let mut draft = Draft::of(Arc::clone(topic));
            for family in families {
                (family.draw)(snapshot, &mut Samples::new(&mut draft, &mut values));
                draft.close_family();
            }
            if let Some(series) = draft.finish() {
                changed.push((place, Arc::new(series)));
            }
        }
        let topics = if changed.is_empty() {
            known
        } else {
            let mut topics = known.to_vec();
            for (place, series) in changed {
                topics[place] = series;
            }
            topics.into()
        };
        self.samples = values.len();
        self.topics = Some(Arc::clone(&topics));
        Gathered { topics, values: values.into() }
    }
}

/// Topics without series.
fn nothing() -> Arc<[Arc<TopicSeries>]> {
    let mut place = 0;
    let topic = |&(_, families): &(&str, &'static [Family])| {
        let first = place;
        place += families.len();
        Arc::new(TopicSeries { families, first, ..TopicSeries::default() })
    };
    TOPICS.iter().map(topic).collect()
}

impl TopicSeries {
    pub fn series(&self) -> impl Iterator<Item = Series<'_>> {
        let of_family = |((place, family), count)| std::iter::repeat_n((place, family), count);
        let families = (self.first..).zip(self.families).zip(self.counts.iter().copied());
        let mut rest = self.keys.as_slice();
        families.flat_map(of_family).map(move |(place, family): (usize, &'static Family)| {
            let (key, behind) = key::split(rest, family.labels.len());
            rest = behind;
            Series { family, place, key }
        })
    }

    /// What stays the same of their text, made when it is first asked for.
    pub fn text(&self, format: Format) -> &Text {
        let place = match format {
            Format::OpenMetrics => 0,
            Format::Classic => 1,
        };
        self.texts[place].get_or_init(|| Text::of(self, format))
    }
}

/// The series of a topic while they are drawn: those of the tick before for as long as they are the same.
#[derive(Debug)]
pub(super) struct Draft {
    known: Arc<TopicSeries>,
    /// How many bytes of the known keys have been found again.
    found: usize,
    /// The family at hand, and how many series of it were drawn.
    family: usize,
    drawn: usize,
    /// From the first difference on.
    fresh: Option<(Vec<usize>, Vec<u8>)>,
}

impl Draft {
    fn of(known: Arc<TopicSeries>) -> Self {
        Self { known, found: 0, family: 0, drawn: 0, fresh: None }
    }

    /// The next series of the family at hand.
    pub fn add(&mut self, labels: &[Label<'_>]) {
        debug_assert_eq!(Some(labels.len()), self.known.families.get(self.family).map(|family| family.labels.len()));
        let is_expected = self.fresh.is_none() && self.drawn < self.expected();
        self.drawn += 1;
        match key::behind(&self.known.keys[self.found..], labels).filter(|_| is_expected) {
            Some(rest) => self.found = self.known.keys.len() - rest.len(),
            None => key::push(labels, &mut self.differ().1),
        }
    }

    fn close_family(&mut self) {
        let drawn = std::mem::take(&mut self.drawn);
        if self.fresh.is_some() || drawn != self.expected() {
            self.differ().0.push(drawn);
        }
        self.family += 1;
    }

    /// The series, if they are not those of the tick before.
    fn finish(mut self) -> Option<TopicSeries> {
        if self.found < self.known.keys.len() || self.family < self.known.counts.len() {
            self.differ();
        }
        let (counts, keys) = self.fresh?;
        let &TopicSeries { families, first, .. } = &*self.known;
        Some(TopicSeries { families, first, counts, keys, ..TopicSeries::default() })
    }

    fn expected(&self) -> usize {
        self.known.counts.get(self.family).copied().unwrap_or(0)
    }

    /// What was drawn so far, to be gone on with.
    fn differ(&mut self) -> &mut (Vec<usize>, Vec<u8>) {
        self.fresh.get_or_insert_with(|| {
            let mut counts = self.known.counts.clone();
            counts.resize(self.family, 0);
            (counts, self.known.keys[..self.found].to_vec())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::fixture::{blind, job, snapshot};
    use crate::metrics::{Format, encode};

    fn text(snapshot: &Snapshot) -> String {
        let mut out = String::new();
        encode(snapshot, Format::OpenMetrics, &mut out);
        out
    }

    #[test]
    fn whatever_was_before_the_samples_are_those_of_the_tick() {
        let mut gatherer = Gatherer::default();
        let jobs: [&[u32]; 8] = [&[], &[0, 1, 2], &[0, 2], &[2, 5, 7, 8], &[1, 2, 5, 6, 8], &[8, 2], &[], &[3]];
        let ticks = jobs.map(|jobs| {
            let mut tick = snapshot(0);
            tick.world.jobs = jobs.iter().map(|number| job(*number)).collect();
            tick
        });
        for mut tick in ticks.into_iter().chain([blind(), snapshot(3), blind(), snapshot(1)]) {
            let alone = text(&tick);
            gatherer.gather(&mut tick);
            assert_eq!(text(&tick), alone);
        }
    }

    #[test]
    fn what_stays_is_shared() {
        let mut gatherer = Gatherer::default();
        let first = gatherer.gathered(&snapshot(2));
        let second = gatherer.gathered(&snapshot(2));
        assert!(Arc::ptr_eq(&first.topics, &second.topics));
        let third = gatherer.gathered(&snapshot(3));
        let kept = first.topics.iter().zip(third.topics.iter()).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert!(kept > 20 && kept < TOPICS.len(), "only the topics that are about jobs have changed: {kept}");
    }
}
