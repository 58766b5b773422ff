//! Which series exist: a slot number for each, found by label set or by metric name.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::labels::{Interner, Labels, NAME};
use crate::promql::Matcher;

/// The place of a series in every row of samples.
pub(super) type Slot = u32;

/// A series that the caller may keep from tick to tick instead of its labels. It stays good for as long as the history
/// holds any sample of the series; then [`super::History::holds`] turns false.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SeriesId {
    slot: Slot,
    /// Which tenant of the slot is meant.
    birth: u32,
}

#[derive(Debug, Clone, Default)]
pub(super) struct SeriesIndex {
    interner: Interner,
    slots: Vec<Tenancy>,
    free: Vec<Slot>,
    by_labels: BTreeMap<Labels, Slot>,
    /// The series of each metric, in the order of their labels.
    by_metric: BTreeMap<Arc<str>, Vec<Slot>>,
    label_bytes: usize,
}

/// One slot and who lives there.
#[derive(Debug, Clone, Default)]
struct Tenancy {
    birth: u32,
    labels: Option<Labels>,
}

impl SeriesIndex {
    pub fn interner(&mut self) -> &mut Interner {
        &mut self.interner
    }

    pub fn find(&self, labels: &Labels) -> Option<SeriesId> {
        self.by_labels.get(labels).map(|slot| self.id(*slot))
    }

    /// The series of these labels, which must not exist yet.
    pub fn add(&mut self, labels: Labels) -> SeriesId {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Tenancy::default());
            Slot::try_from(self.slots.len() - 1).unwrap_or(Slot::MAX)
        });
        self.occupy(slot, labels);
        self.id(slot)
    }

    /// Forgets the series; its slot may be given to another one.
    pub fn remove(&mut self, slot: Slot) {
        let Some(labels) = self.slots[slot as usize].labels.take() else { return };
        self.slots[slot as usize].birth += 1;
        self.free.push(slot);
        self.label_bytes -= labels.bytes();
        self.by_labels.remove(&labels);
        let name = metric(&labels);
        if let Some(slots) = self.by_metric.get_mut(&name) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.by_metric.remove(&name);
            }
        }
        drop((labels, name));
        self.interner.sweep();
    }

    /// The slot of a series that still exists.
    pub fn slot(&self, id: SeriesId) -> Option<usize> {
        let slot = id.slot as usize;
        self.slots.get(slot).filter(|tenancy| tenancy.birth == id.birth && tenancy.labels.is_some()).map(|_| slot)
    }

    pub fn labels(&self, slot: Slot) -> Option<&Labels> {
        self.slots.get(slot as usize)?.labels.as_ref()
    }

    /// Every series that all of the matchers pick, with its slot, in the order of the labels.
    pub fn select(&self, matchers: &[Matcher]) -> Vec<(Slot, &Labels)> {
        let picked = |(_, labels): &(Slot, &Labels)| labels.match_all(matchers);
        // Most selectors demand a metric, and need to look at no other series.
        match matchers.iter().find_map(Matcher::demanded_metric) {
            Some(name) => {
                let slots = self.by_metric.get(name).into_iter().flatten().copied();
                slots.filter_map(|slot| Some((slot, self.labels(slot)?))).filter(picked).collect()
            }
            None => self.by_labels.iter().map(|(labels, slot)| (*slot, labels)).filter(picked).collect(),
        }
    }

    pub fn occupied(&self) -> impl Iterator<Item = (Slot, &Labels)> {
        (0..).zip(&self.slots).filter_map(|(slot, tenancy)| Some((slot, tenancy.labels.as_ref()?)))
    }

    /// Slots, occupied or free: the width of a row.
    pub fn width(&self) -> usize {
        self.slots.len()
    }

    /// The width of a row if one more series came.
    pub fn width_with_another(&self) -> usize {
        self.slots.len() + usize::from(self.free.is_empty())
    }

    /// Series that exist.
    pub fn len(&self) -> usize {
        self.by_labels.len()
    }

    /// Memory of labels and lookups, lookups estimated as trees that are at least half full.
    pub fn bytes(&self) -> usize {
        let entry = size_of::<Tenancy>() + 2 * (size_of::<(Labels, Slot)>() + size_of::<Slot>());
        self.interner.bytes() + self.label_bytes + self.slots.len() * entry
    }

    /// An index of empty slots, to be filled by [`Self::restore`].
    pub fn of_width(width: usize) -> Self {
        Self { slots: vec![Tenancy::default(); width], ..Self::default() }
    }

    /// Puts the series of a snapshot into their slots. `false` if two have one slot or the same labels, or a slot is
    /// not there; the index is of no use then.
    pub fn restore(&mut self, series: impl IntoIterator<Item = (Slot, Labels)>) -> bool {
        for (slot, labels) in series {
            let free = self.slots.get(slot as usize).is_some_and(|tenancy| tenancy.labels.is_none());
            if !free || self.by_labels.contains_key(&labels) {
                return false;
            }
            self.occupy(slot, labels);
        }
        self.free =
            (0..).zip(&self.slots).filter(|(_, tenancy)| tenancy.labels.is_none()).map(|(slot, _)| slot).collect();
        true
    }

    fn occupy(&mut self, slot: Slot, labels: Labels) {
        self.label_bytes += labels.bytes();
        let same_metric = self.by_metric.entry(metric(&labels)).or_default();
        let slots = &self.slots;
        let place = same_metric.partition_point(|other| slots[*other as usize].labels.as_ref() < Some(&labels));
        same_metric.insert(place, slot);
        self.by_labels.insert(labels.clone(), slot);
        self.slots[slot as usize].labels = Some(labels);
    }

    fn id(&self, slot: Slot) -> SeriesId {
        SeriesId { slot, birth: self.slots[slot as usize].birth }
    }
}

fn metric(labels: &Labels) -> Arc<str> {
    labels.shared(NAME).cloned().unwrap_or_else(|| "".into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::promql::{MatchOp, Semantics};

    fn index(series: &[&[(&str, &str)]]) -> SeriesIndex {
        let mut index = SeriesIndex::default();
        for labels in series {
            let labels = index.interner().labels(labels.iter().copied());
            index.add(labels);
        }
        index
    }

    fn slots(index: &SeriesIndex, matchers: &[Matcher]) -> Vec<Slot> {
        index.select(matchers).into_iter().map(|(slot, _)| slot).collect()
    }

    #[test]
    fn series_are_found_with_and_without_a_metric_name() {
        let index = index(&[&[(NAME, "a"), ("d", "1")], &[(NAME, "b"), ("d", "1")], &[(NAME, "a"), ("d", "2")]]);
        assert_eq!(slots(&index, &[Matcher::metric("a")]), [0, 2]);
        assert_eq!(slots(&index, &[Matcher::equal("d", "1")]), [0, 1]);
        assert_eq!(slots(&index, &[]), [0, 2, 1], "in the order of the labels");
        assert_eq!(slots(&index, &[Matcher::metric("a"), Matcher::equal("d", "2")]), [2]);
        assert_eq!(slots(&index, &[Matcher::metric("c")]), [0; 0]);
        assert_eq!(slots(&index, &[Matcher::new(NAME, MatchOp::Regex, "a|b", Semantics::V2).unwrap()]), [0, 2, 1]);
    }

    #[test]
    fn an_id_does_not_outlive_its_series() {
        let mut index = index(&[&[(NAME, "a")]]);
        let labels = index.interner().labels([(NAME, "a")]);
        let old = index.find(&labels).unwrap();
        index.remove(0);
        assert_eq!(index.slot(old), None);
        assert_eq!(index.len(), 0);
        let new = index.add(labels);
        assert_eq!(index.slot(new), Some(0), "the slot is used again");
        assert_eq!(index.slot(old), None, "and the old id still does not fit");
    }

    #[test]
    fn memory_goes_down_when_series_leave() {
        let mut index = SeriesIndex::default();
        let empty = index.bytes();
        for job in 0..5000 {
            let name = format!("a rather long name of a job that nobody else has, {job}");
            let labels = index.interner().labels([(NAME, "a"), ("job", name.as_str())]);
            let id = index.add(labels);
            let slot = index.slot(id).unwrap();
            index.remove(Slot::try_from(slot).unwrap());
        }
        assert!(index.bytes() < empty + (1 << 20), "{}", index.bytes());
    }
}
