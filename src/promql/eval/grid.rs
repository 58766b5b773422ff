//! The moments at which an expression is evaluated.

use crate::promql::Millis;

/// `count` moments, `step` apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Grid {
    pub start: Millis,
    pub step: Millis,
    pub count: usize,
}

impl Grid {
    pub fn instant(at: Millis) -> Self {
        Self { start: at, step: 1, count: 1 }
    }

    /// From `start` to `end`, the latter included if a step falls on it. No moments at all if `end` lies before `start`.
    pub fn between(start: Millis, end: Millis, step: Millis) -> Self {
        let count = if end < start { 0 } else { end.abs_diff(start) / step.unsigned_abs() + 1 };
        Self { start, step, count: usize::try_from(count).unwrap_or(usize::MAX) }
    }

    pub fn times(self) -> impl ExactSizeIterator<Item = Millis> {
        let Self { start, step, count } = self;
        let mut next = start;
        (0..count).map(move |_| {
            let time = next;
            next = next.saturating_add(step);
            time
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_belongs_to_the_grid_if_a_step_falls_on_it() {
        assert_eq!(Grid::between(0, 20, 10).times().collect::<Vec<_>>(), [0, 10, 20]);
        assert_eq!(Grid::between(5, 24, 10).times().collect::<Vec<_>>(), [5, 15]);
        assert_eq!(Grid::between(5, 4, 10).count, 0);
    }
}
