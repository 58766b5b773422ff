//! The largest or smallest few, without sorting all.

use std::cmp::Ordering;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) enum Order {
    Ascending,
    Descending,
}

/// Best first: NaN comes last either way.
pub(in crate::promql) fn compare(a: f64, b: f64, order: Order) -> Ordering {
    let by_value = match order {
        Order::Ascending => a.partial_cmp(&b),
        Order::Descending => b.partial_cmp(&a),
    };
    by_value.unwrap_or_else(|| a.is_nan().cmp(&b.is_nan()))
}

/// Keeps the best few of what is offered: a heap with the worst of them on top. Of equal ones, those that came first stay.
#[derive(Debug)]
pub(in crate::promql) struct Best<T> {
    room: usize,
    order: Order,
    heap: Vec<(f64, T)>,
}

impl<T> Best<T> {
    pub fn new(room: usize, order: Order) -> Self {
        Self { room, order, heap: Vec::new() }
    }

    pub fn offer(&mut self, value: f64, item: T) {
        if self.heap.len() < self.room {
            self.heap.push((value, item));
            self.rise(self.heap.len() - 1);
        } else if self.heap.first().is_some_and(|worst| compare(value, worst.0, self.order).is_lt()) {
            self.heap[0] = (value, item);
            self.sink();
        }
    }

    /// Best first.
    pub fn into_sorted(mut self) -> Vec<(f64, T)> {
        self.heap.sort_by(|a, b| compare(a.0, b.0, self.order));
        self.heap
    }

    fn is_worse(&self, a: usize, b: usize) -> bool {
        compare(self.heap[a].0, self.heap[b].0, self.order).is_gt()
    }

    fn rise(&mut self, mut at: usize) {
        while at > 0 && self.is_worse(at, (at - 1) / 2) {
            self.heap.swap(at, (at - 1) / 2);
            at = (at - 1) / 2;
        }
    }

    fn sink(&mut self) {
        let mut at = 0;
        loop {
            let left = 2 * at + 1;
            let Some(worse) = [left, left + 1]
                .into_iter()
                .filter(|child| *child < self.heap.len())
                .reduce(|a, b| if self.is_worse(b, a) { b } else { a })
            else {
                return;
            };
            if !self.is_worse(worse, at) {
                return;
            }
            self.heap.swap(at, worse);
            at = worse;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn keeps_what_sorting_would_put_first(
            values in prop::collection::vec(prop_oneof![Just(f64::NAN), (-5_i8..5).prop_map(f64::from)], 0..40),
            room in 0_usize..10,
            descending: bool,
        ) {
            let order = if descending { Order::Descending } else { Order::Ascending };
            let mut best = Best::new(room, order);
            for (nth, value) in values.iter().enumerate() {
                best.offer(*value, nth);
            }
            let found: Vec<u64> = best.into_sorted().into_iter().map(|(value, _)| value.to_bits()).collect();
            let mut sorted = values;
            sorted.sort_by(|a, b| compare(*a, *b, order));
            let expected: Vec<u64> = sorted.into_iter().take(room).map(f64::to_bits).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
