//! When to look at the deadlines of records, and when they have passed for good.

/// Looks between two at the deadlines of records: 2 s.
const DEADLINE_LOOKS: u32 = 4;
/// How often in a row a deadline must be found passed: a main process that wakes with the machine renews at its next tick.
const PASSED: u32 = 3;
/// Looks until what could not be put back is tried again: 10 s, twice as long each time, 10 min at most.
const RETRY_LOOKS: (u32, u32) = (20, 1200);

/// Counts looks, and tells when records have lapsed though the main process beats.
#[derive(Debug, Default)]
pub struct Deadlines {
    /// Looks until the next one at the records.
    wait: u32,
    /// How often in a row a deadline was found passed.
    passed: u32,
    retry: u32,
}

impl Deadlines {
    /// `true` if a deadline has passed and nobody is about to renew it.
    pub fn have_passed(&mut self, has_lapsed: impl FnOnce() -> bool) -> bool {
        if self.wait > 0 {
            self.wait -= 1;
            return false;
        }
        self.wait = DEADLINE_LOOKS - 1;
        self.passed = if has_lapsed() { self.passed + 1 } else { 0 };
        self.passed >= PASSED
    }

    /// After something was done about it; `done` if it is all put back.
    pub fn seen_to(&mut self, done: bool) {
        let (least, most) = RETRY_LOOKS;
        self.passed = 0;
        self.retry = if done { 0 } else { (self.retry * 2).clamp(least, most) };
        self.wait = self.retry;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_has_passed_when_it_is_found_so_for_a_while() {
        let mut deadlines = Deadlines::default();
        let mut looks_until =
            |has_lapsed: &dyn Fn(u32) -> bool| (1..5000).find(|&look| deadlines.have_passed(|| has_lapsed(look)));
        assert_eq!(looks_until(&|_| true), Some(9), "4 s");
        assert_eq!(looks_until(&|look| look % 8 < 4), None, "renewed now and then");
    }

    #[test]
    fn what_cannot_be_put_back_is_tried_ever_more_seldom() {
        let mut deadlines = Deadlines::default();
        let mut looks = Vec::new();
        for _ in 0..9 {
            looks.push((1..5000).find(|_| deadlines.have_passed(|| true)).unwrap());
            deadlines.seen_to(false);
        }
        assert_eq!(looks, [9, 29, 49, 89, 169, 329, 649, 1209, 1209]);
        deadlines.seen_to(true);
        assert_eq!((1..5000).find(|_| deadlines.have_passed(|| true)), Some(9));
    }
}
