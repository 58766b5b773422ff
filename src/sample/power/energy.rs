//! Energy from a counter that begins anew: the hardware's register has 32 bits, and at 300 W it is full within minutes, on some
//! machines within one.

use std::time::Duration;

use crate::units::{Joules, Watts, float};

const MICROJOULES: f64 = 1e6;
/// No zone of a machine draws more: what would need it is a counter that was reset, or wrapped who knows how often.
const MOST_WATTS: f64 = 2000.0;

/// The energy between two readings of the counter, in microjoules; `None` if that cannot be told: so much time has passed
/// that it may have wrapped twice, or what it says cannot be true.
pub(super) fn between(before: u64, now: u64, range: u64, elapsed: Duration) -> Option<u64> {
    let most = MOST_WATTS * elapsed.as_secs_f64() * MICROJOULES;
    let grown = if now >= before { now - before } else { range.checked_sub(before)?.checked_add(now)? };
    let is_certain = most < float(range) && float(grown) <= most;
    is_certain.then_some(grown)
}

/// What has come together since the first reading.
#[derive(Debug, Default)]
pub(super) struct Meter {
    last: Option<(u64, Duration)>,
    total: u64,
}

/// What a reading adds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Metered {
    /// Only grows, until it begins at nothing again because of a gap that nobody can fill.
    pub total: Joules,
    /// The mean since the reading before; `None` without one.
    pub power: Option<Watts>,
    /// There was such a gap.
    pub is_broken: bool,
}

impl Meter {
    /// Takes a reading of the counter at a time since boot.
    pub(super) fn read(&mut self, counter: u64, range: u64, at: Duration) -> Metered {
        let before = self.last.replace((counter, at));
        let step = before.map(|(before, since)| {
            let elapsed = at.saturating_sub(since);
            (between(before, counter, range, elapsed), elapsed)
        });
        let mut power = None;
        match step {
            Some((Some(grown), elapsed)) => {
                self.total = self.total.saturating_add(grown);
                power = (!elapsed.is_zero()).then(|| Watts(float(grown) / MICROJOULES / elapsed.as_secs_f64()));
            }
            // A total that begins anew is seen as such by whoever computes a rate; one that goes on would tell of a rest.
            Some((None, _)) => self.total = 0,
            None => {}
        }
        let is_broken = matches!(step, Some((None, _)));
        Metered { total: Joules(float(self.total) / MICROJOULES), power, is_broken }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// As on most machines of Intel: 2^32 units of 61 microjoules.
    const RANGE: u64 = 262_143_328_850;
    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn energy_is_what_the_counter_grew_by_also_over_its_end() {
        for (before, now, elapsed, grown) in [
            (0, 0, SECOND, Some(0)),
            (1_000_000, 301_000_000, SECOND, Some(300_000_000)),
            (RANGE, 0, SECOND, Some(0)),
            (RANGE - 1, 299_999_999, SECOND, Some(300_000_000)),
            (RANGE - 100_000_000, 200_000_000, SECOND, Some(300_000_000)),
            (0, RANGE / 2, Duration::from_secs(130), Some(RANGE / 2)),
        ] {
            assert_eq!(between(before, now, RANGE, elapsed), grown, "{before} {now} {elapsed:?}");
        }
    }

    #[test]
    fn what_cannot_be_told_is_not_invented() {
        for (why, before, now, range, elapsed) in [
            ("it may have wrapped twice", 0, 1_000_000, RANGE, Duration::from_secs(132)),
            ("a small counter wraps sooner", 0, 1, 65_532_610_987, Duration::from_secs(33)),
            ("it was reset", 200_000_000_000, 5_000_000, RANGE, SECOND),
            ("nothing draws 20 kW", 0, 20_000_000_000, RANGE, SECOND),
            ("no time has passed", 0, 1, RANGE, Duration::ZERO),
            ("beyond its own range", RANGE + 5, 1, RANGE, SECOND),
            ("no range at all", 5, 6, 0, SECOND),
        ] {
            assert_eq!(between(before, now, range, elapsed), None, "{why}");
        }
    }

    #[test]
    fn a_total_grows_over_wraps_and_missed_ticks() {
        let mut meter = Meter::default();
        let mut at = |second: u64, counter| meter.read(counter, RANGE, Duration::from_secs(second));
        assert_eq!(at(0, RANGE - 50_000_000), Metered { total: Joules(0.0), power: None, is_broken: false });
        assert_eq!(at(1, 50_000_000), Metered { total: Joules(100.0), power: Some(Watts(100.0)), is_broken: false });
        assert_eq!(at(11, 1_050_000_000).total, Joules(1100.0));
    }

    #[test]
    fn a_gap_breaks_the_total_and_has_no_power() {
        let mut meter = Meter::default();
        let mut at = |second: u64, counter| meter.read(counter, RANGE, Duration::from_secs(second));
        at(0, 0);
        assert_eq!(at(1, 100_000_000).total, Joules(100.0));
        assert_eq!(at(1000, 9_000_000_000), Metered { total: Joules(0.0), power: None, is_broken: true });
        assert_eq!(
            at(1001, 9_150_000_000),
            Metered { total: Joules(150.0), power: Some(Watts(150.0)), is_broken: false }
        );
    }

    proptest! {
        #[test]
        fn no_reading_whatever_makes_energy_that_cannot_be(before: u64, now: u64, range: u64, millis in 0_u64..1_000_000) {
            let elapsed = Duration::from_millis(millis);
            if let Some(grown) = between(before, now, range, elapsed) {
                prop_assert!(float(grown) <= MOST_WATTS * elapsed.as_secs_f64() * MICROJOULES);
            }
        }

        #[test]
        fn a_steady_draw_is_metered_wherever_the_counter_stands(start in 0..=RANGE, watts in 1_u64..1500) {
            let mut meter = Meter::default();
            for second in 0..400 {
                let counter = (start + second * watts * 1_000_000) % (RANGE + 1);
                meter.read(counter, RANGE, Duration::from_secs(second));
            }
            // A wrap loses one of the counter's units.
            let total = float(meter.total) / MICROJOULES;
            prop_assert!((total - float(399 * watts)).abs() < 0.001, "{total}");
        }
    }
}
