//! The column of time stamps that all series of a tier share: one entry per tick, strictly rising.

use std::collections::VecDeque;
use std::ops::Range;

use super::block::TickNo;

/// Milliseconds since the Unix epoch of each tick that is still held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Stamps {
    first: TickNo,
    stamps: VecDeque<i64>,
}

impl Stamps {
    /// `None` if the stamps do not rise.
    pub fn restore(first: TickNo, stamps: VecDeque<i64>) -> Option<Self> {
        let rising = stamps.iter().zip(stamps.iter().skip(1)).all(|(earlier, later)| earlier < later);
        rising.then_some(Self { first, stamps })
    }

    pub fn push(&mut self, at: i64) {
        self.stamps.push_back(at);
    }

    pub fn first(&self) -> TickNo {
        self.first
    }

    /// The number that the next tick will get.
    pub fn next(&self) -> TickNo {
        self.first + TickNo::try_from(self.stamps.len()).unwrap_or(TickNo::MAX)
    }

    pub fn newest(&self) -> Option<i64> {
        self.stamps.back().copied()
    }

    pub fn at(&self, tick: TickNo) -> Option<i64> {
        self.stamps.get(tick.checked_sub(self.first)? as usize).copied()
    }

    /// The stamps of ticks that are held; ticks that are not have none.
    pub fn of(&self, ticks: &Range<TickNo>) -> impl Iterator<Item = i64> {
        let place = |tick: TickNo| (tick.saturating_sub(self.first) as usize).min(self.stamps.len());
        let (start, end) = (place(ticks.start), place(ticks.end));
        self.stamps.range(start..end.max(start)).copied()
    }

    /// The ticks from `start` to `end`, both included.
    pub fn ticks(&self, start: i64, end: i64) -> Range<TickNo> {
        let number = |place: usize| self.first + TickNo::try_from(place).unwrap_or(TickNo::MAX);
        let low = number(self.stamps.partition_point(|stamp| *stamp < start));
        let high = number(self.stamps.partition_point(|stamp| *stamp <= end));
        low..high.max(low)
    }

    pub fn forget_before(&mut self, tick: TickNo) {
        while self.first < tick && self.stamps.pop_front().is_some() {
            self.first += 1;
        }
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = i64> {
        self.stamps.iter().copied()
    }

    pub fn bytes(&self) -> usize {
        self.stamps.capacity() * size_of::<i64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_include_both_ends() {
        let mut stamps = Stamps::default();
        for at in [1000, 2000, 2900, 9000] {
            stamps.push(at);
        }
        assert_eq!(stamps.ticks(1000, 9000), 0..4);
        assert_eq!(stamps.ticks(1001, 8999), 1..3);
        assert_eq!(stamps.ticks(3000, 8000), 3..3);
        assert_eq!(stamps.ticks(9001, 10_000), 4..4);
        assert_eq!(stamps.ticks(5000, 2000), 3..3, "an inverted range is empty");
        stamps.forget_before(2);
        assert_eq!(stamps.ticks(0, 2900), 2..3);
        assert_eq!(stamps.of(&(2..4)).collect::<Vec<_>>(), [2900, 9000]);
        assert_eq!(stamps.of(&(3..99)).collect::<Vec<_>>(), [9000]);
        assert_eq!(stamps.at(1), None);
        assert_eq!(stamps.at(2), Some(2900));
        assert_eq!(stamps.next(), 4);
    }

    #[test]
    fn stamps_that_do_not_rise_are_refused() {
        assert!(Stamps::restore(0, [1, 2, 2].into()).is_none());
        assert!(Stamps::restore(9, [1, 2, 3].into()).is_some());
    }
}
