//! Readings that cost more than they change: taken every so often, and the same in between.

use std::sync::Arc;
use std::time::Duration;

use crate::clock::Moment;

/// A reading that is repeated at most so often.
#[derive(Debug)]
pub(super) struct Paced<T> {
    period: Duration,
    last: Option<(Duration, Arc<T>)>,
}

impl<T> Paced<T> {
    pub(super) fn new(period: Duration) -> Self {
        Self { period, last: None }
    }

    /// The last reading, or a new one if it is time.
    pub(super) fn get(&mut self, now: Moment, read: impl FnOnce() -> T) -> Arc<T> {
        match &self.last {
            Some((at, value)) if now.since(*at) < self.period => Arc::clone(value),
            _ => {
                let value = Arc::new(read());
                self.last = Some((now.boot, Arc::clone(&value)));
                value
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::at;

    #[test]
    fn is_read_again_when_it_is_time() {
        let mut paced = Paced::new(Duration::from_secs(5));
        let mut at_second = |second, value| *paced.get(at(Duration::from_secs(second)), || value);
        assert_eq!([at_second(1, 1), at_second(5, 2), at_second(6, 3), at_second(7, 4)], [1, 1, 3, 3]);
    }
}
