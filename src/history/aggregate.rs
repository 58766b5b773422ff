//! The coarse tier: mean, least and greatest value over five minutes, for the few series whose past matters for weeks.
//!
//! A day cannot tell what a week looks like, and raw samples for a month would need fifty times the memory.

use std::collections::HashMap;

use super::index::Slot;
use super::tier::Tier;
use super::value::{ABSENT, is_live};
use crate::promql::Summary;

/// Length of a bucket, milliseconds. Buckets begin at multiples of it since the epoch.
pub(super) const BUCKET: i64 = 300_000;
/// How long buckets are kept, milliseconds.
pub(super) const SPAN: i64 = 28 * 24 * 3_600_000;
/// Columns per series: mean, least, greatest.
const WIDTH: usize = 3;

/// A bucket that is still filling.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Running {
    pub count: u32,
    pub sum: f64,
    pub min: f64,
    pub max: f64,
}

impl Running {
    const EMPTY: Self = Self { count: 0, sum: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    /// A measured NaN says nothing about the level, so it does not count.
    fn add(&mut self, value: f64) {
        if is_live(value) && !value.is_nan() {
            self.count += 1;
            self.sum += value;
            self.min = self.min.min(value);
            self.max = self.max.max(value);
        }
    }

    fn close(&self) -> [f64; WIDTH] {
        if self.count == 0 { [ABSENT; WIDTH] } else { [self.sum / f64::from(self.count), self.min, self.max] }
    }
}

#[derive(Debug, Clone)]
pub(super) struct Aggregates {
    pub tier: Tier,
    /// The series in each place; a place that lost its series is `None` until another one takes it.
    members: Vec<Option<Slot>>,
    places: HashMap<Slot, usize>,
    running: Vec<Running>,
    /// The number of the bucket that is filling.
    open: Option<i64>,
}

impl Aggregates {
    pub fn new() -> Self {
        Self::restore(Tier::new(SPAN), Vec::new(), Vec::new(), None)
    }

    pub fn restore(tier: Tier, members: Vec<Option<Slot>>, running: Vec<Running>, open: Option<i64>) -> Self {
        let places = members.iter().enumerate().filter_map(|(place, slot)| Some(((*slot)?, place))).collect();
        Self { tier, members, places, running, open }
    }

    /// Whether the end of the bucket is a time that can be told.
    pub fn can_be_closed(bucket: i64) -> bool {
        bucket.checked_add(1).is_some_and(|next| next.checked_mul(BUCKET).is_some())
    }

    /// From now on the series is aggregated.
    pub fn add(&mut self, slot: Slot) {
        if self.places.contains_key(&slot) {
            return;
        }
        let place = self.members.iter().position(Option::is_none).unwrap_or_else(|| {
            self.members.push(None);
            self.running.push(Running::EMPTY);
            self.members.len() - 1
        });
        self.members[place] = Some(slot);
        self.running[place] = Running::EMPTY;
        self.places.insert(slot, place);
    }

    /// The series is aggregated no more, and what is held of it is dropped.
    pub fn remove(&mut self, slot: Slot) {
        if let Some(place) = self.places.remove(&slot) {
            self.members[place] = None;
            (0..WIDTH).for_each(|column| self.tier.clear(place * WIDTH + column));
        }
    }

    pub fn members(&self) -> impl Iterator<Item = Slot> {
        self.members.iter().flatten().copied()
    }

    /// Takes the samples of one tick into the bucket that is filling, which is closed first if it has ended.
    pub fn observe(&mut self, at: i64, row: &[f64]) {
        let bucket = at.div_euclid(BUCKET);
        if self.open != Some(bucket) {
            self.close();
            self.open = Some(bucket);
        }
        for (running, member) in self.running.iter_mut().zip(&self.members) {
            if let Some(value) = member.and_then(|slot| row.get(slot as usize)) {
                running.add(*value);
            }
        }
    }

    pub fn is_empty(&self, slot: Slot) -> bool {
        let Some(place) = self.places.get(&slot) else { return true };
        (0..WIDTH).all(|column| self.tier.is_empty(place * WIDTH + column))
    }

    /// The column that holds this summary of the series; `None` if it is not aggregated.
    pub fn column(&self, slot: Slot, summary: Summary) -> Option<usize> {
        let place = self.places.get(&slot)?;
        Some(place * WIDTH + Self::within(summary))
    }

    /// What the bucket that is filling has of the series so far.
    pub fn so_far(&self, slot: Slot, summary: Summary) -> Option<f64> {
        let running = self.running.get(*self.places.get(&slot)?).filter(|running| running.count > 0)?;
        Some(running.close()[Self::within(summary)])
    }

    fn within(summary: Summary) -> usize {
        match summary {
            Summary::Mean => 0,
            Summary::Least => 1,
            Summary::Most => 2,
        }
    }

    pub fn bytes(&self) -> usize {
        let per_member = size_of::<Option<Slot>>() + size_of::<Running>() + 2 * size_of::<(Slot, usize)>();
        self.tier.bytes() + self.members.len() * per_member
    }

    /// The part of the memory that dropping blocks does not give back, with one more series or without.
    pub fn fixed_bytes(&self, another: bool) -> usize {
        self.tier.fixed_bytes((self.members.len() + usize::from(another)) * WIDTH)
    }

    /// What a snapshot keeps beside the tier.
    pub fn filling(&self) -> (&[Option<Slot>], &[Running], Option<i64>) {
        (&self.members, &self.running, self.open)
    }

    fn close(&mut self) {
        let Some(bucket) = self.open.take() else { return };
        if self.members.is_empty() {
            return;
        }
        let row: Vec<f64> = self.running.iter().flat_map(Running::close).collect();
        self.tier.push((bucket + 1) * BUCKET, &row);
        self.running.fill(Running::EMPTY);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::block::Decoder;

    fn held(aggregates: &Aggregates, slot: Slot, summary: Summary) -> Vec<(i64, f64)> {
        let ticks = aggregates.tier.ticks(i64::MIN, i64::MAX);
        let mut found = Vec::new();
        let column = aggregates.column(slot, summary).unwrap();
        aggregates.tier.read(column, &ticks, &mut Decoder::default(), |at, value| found.push((at, value)));
        found
    }

    #[test]
    fn a_bucket_without_an_end_is_told_before_it_is_filled() {
        let last = i64::MAX / BUCKET - 1;
        assert!(Aggregates::can_be_closed(last) && Aggregates::can_be_closed(-last));
        assert!(!Aggregates::can_be_closed(last + 1) && !Aggregates::can_be_closed(i64::MAX));
        assert!(!Aggregates::can_be_closed(i64::MIN));
    }

    #[test]
    fn a_bucket_is_stamped_with_its_end_and_ignores_nan() {
        let mut aggregates = Aggregates::new();
        aggregates.add(1);
        for (at, value) in [(0, 1.0), (100_000, f64::NAN), (299_999, 3.0), (300_000, 50.0), (600_000, 0.0)] {
            aggregates.observe(at, &[7.0, value]);
        }
        assert_eq!(held(&aggregates, 1, Summary::Mean), [(300_000, 2.0), (600_000, 50.0)]);
        assert_eq!(held(&aggregates, 1, Summary::Least), [(300_000, 1.0), (600_000, 50.0)]);
        assert_eq!(held(&aggregates, 1, Summary::Most), [(300_000, 3.0), (600_000, 50.0)]);
        assert_eq!(aggregates.so_far(1, Summary::Mean), Some(0.0));
        assert_eq!(aggregates.column(0, Summary::Mean), None, "series that are not marked are not kept");
    }

    #[test]
    fn buckets_without_a_sample_are_missing() {
        let mut aggregates = Aggregates::new();
        aggregates.add(0);
        for (at, row) in [(0, vec![1.0]), (300_000, vec![ABSENT]), (600_000, vec![]), (2_400_000, vec![4.0])] {
            aggregates.observe(at, &row);
        }
        aggregates.observe(2_700_000, &[5.0]);
        let found: Vec<i64> =
            held(&aggregates, 0, Summary::Mean).iter().filter(|(_, mean)| is_live(*mean)).map(|(at, _)| *at).collect();
        assert_eq!(found, [300_000, 2_700_000]);
    }

    #[test]
    fn a_place_is_given_to_the_next_series_and_nothing_of_the_last_one() {
        let mut aggregates = Aggregates::new();
        aggregates.add(0);
        aggregates.add(1);
        for minute in 0..2_000 {
            aggregates.observe(minute * 60_000, &[1.0, f64::from(i32::try_from(minute).unwrap())]);
        }
        let bytes = aggregates.tier.sealed().1;
        aggregates.remove(1);
        assert!(aggregates.tier.sealed().1 < bytes);
        aggregates.add(9);
        assert_eq!(aggregates.column(9, Summary::Least), Some(4));
        assert_eq!(held(&aggregates, 9, Summary::Mean), []);
        assert_eq!(held(&aggregates, 0, Summary::Mean).len(), 399);
        assert_eq!(aggregates.column(1, Summary::Mean), None);
    }
}
