//! The hours in which a policy applies, by the clock on the wall of a place.
//!
//! A window is reckoned in local time and then placed on the time line: one from 01:00 to 05:00 is three or five hours long in the night
//! in which clocks change. A time that clocks skip stands for the moment after the gap, and one that they show twice for the first.

use std::time::{Duration, SystemTime};

use jiff::civil::{Date, Time, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::units::Ratio;

#[derive(Debug, Clone, PartialEq)]
pub struct Schedule {
    pub zone: TimeZone,
    pub windows: Vec<Window>,
}

/// From one time of day to another; if that is not later, it is on the next day.
#[derive(Debug, Clone, PartialEq)]
pub struct Window {
    /// On which it begins.
    pub days: Vec<Weekday>,
    pub from: Time,
    pub to: Time,
    pub ramp_in: Duration,
    pub ramp_out: Duration,
}

impl Schedule {
    /// How far the policy applies at `wall`: 0 outside of all windows, 1 within, in between on a ramp. `None` if the clock shows
    /// a time that is in no calendar.
    pub fn open(&self, wall: SystemTime) -> Option<Ratio> {
        let now = Timestamp::try_from(wall).ok()?;
        let today = now.to_zoned(self.zone.clone()).date();
        let mut most: f64 = 0.0;
        // What began yesterday may not have ended.
        for date in [today.checked_sub(1.day()).ok()?, today] {
            for window in self.windows.iter().filter(|window| window.days.contains(&date.weekday())) {
                most = most.max(window.open(&self.zone, date, now)?);
            }
        }
        Some(Ratio(most))
    }
}

impl Window {
    /// As if it began on `date`.
    fn open(&self, zone: &TimeZone, date: Date, now: Timestamp) -> Option<f64> {
        let last_day = if self.to > self.from { date } else { date.checked_add(1.day()).ok()? };
        let start = zone.to_timestamp(date.to_datetime(self.from)).ok()?;
        let end = zone.to_timestamp(last_day.to_datetime(self.to)).ok()?;
        if now < start || now >= end {
            return Some(0.0);
        }
        let share = |passed: jiff::SignedDuration, ramp: Duration| {
            if ramp.is_zero() { 1.0 } else { passed.as_secs_f64() / ramp.as_secs_f64() }
        };
        let (after, before) = (now.duration_since(start), end.duration_since(now));
        Some(share(after, self.ramp_in).min(share(before, self.ramp_out)).clamp(0.0, 1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY_DAY: [Weekday; 7] = [
        Weekday::Monday,
        Weekday::Tuesday,
        Weekday::Wednesday,
        Weekday::Thursday,
        Weekday::Friday,
        Weekday::Saturday,
        Weekday::Sunday,
    ];

    fn schedule(days: &[Weekday], from: (i8, i8), to: (i8, i8), ramp: Duration) -> Schedule {
        let time = |(hour, minute)| Time::new(hour, minute, 0, 0).unwrap();
        let window = Window { days: days.to_vec(), from: time(from), to: time(to), ramp_in: ramp, ramp_out: ramp };
        Schedule { zone: TimeZone::get("Europe/Paris").unwrap(), windows: vec![window] }
    }

    fn at(schedule: &Schedule, moment: &str) -> f64 {
        let moment: Timestamp = moment.parse().unwrap();
        schedule.open(moment.into()).unwrap().0
    }

    #[test]
    fn a_window_opens_and_closes_on_its_days() {
        let weekdays = schedule(&EVERY_DAY[..5], (17, 0), (21, 0), Duration::ZERO);
        // 2026-01-12 is a Monday; Paris is an hour ahead.
        for (moment, open) in [
            ("2026-01-12T15:59:59Z", 0.0),
            ("2026-01-12T16:00:00Z", 1.0),
            ("2026-01-12T19:59:59Z", 1.0),
            ("2026-01-12T20:00:00Z", 0.0),
            ("2026-01-17T18:00:00Z", 0.0),
            ("2026-07-13T15:00:00Z", 1.0),
            ("2026-07-13T19:00:00Z", 0.0),
        ] {
            assert!((at(&weekdays, moment) - open).abs() < 1e-9, "{moment}");
        }
    }

    #[test]
    fn a_window_across_midnight_belongs_to_the_day_on_which_it_begins() {
        let friday = schedule(&[Weekday::Friday], (22, 0), (6, 0), Duration::ZERO);
        for (moment, open) in [
            ("2026-01-16T20:59:00Z", 0.0),
            ("2026-01-16T21:00:00Z", 1.0),
            ("2026-01-17T04:59:00Z", 1.0),
            ("2026-01-17T05:00:00Z", 0.0),
            ("2026-01-16T03:00:00Z", 0.0),
        ] {
            assert!((at(&friday, moment) - open).abs() < 1e-9, "{moment}");
        }
    }

    #[test]
    fn a_night_in_which_clocks_change_is_shorter_or_longer() {
        let night = schedule(&EVERY_DAY, (1, 0), (5, 0), Duration::ZERO);
        let hours = |noon_before: &str| {
            let noon: Timestamp = noon_before.parse().unwrap();
            let minutes = (0..24 * 60).map(|minute| noon.checked_add(minute.minutes()).unwrap());
            minutes.filter(|moment| night.open((*moment).into()).unwrap().0 > 0.5).count() / 60
        };
        // Clocks go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00.
        assert_eq!(["2026-03-27T12:00:00Z", "2026-03-28T12:00:00Z", "2026-10-24T12:00:00Z"].map(hours), [4, 3, 5]);
        let in_the_gap = schedule(&EVERY_DAY, (2, 30), (4, 0), Duration::ZERO);
        assert!(at(&in_the_gap, "2026-03-29T01:29:00Z") < 0.5, "03:29, and the gap ended at 03:00: half an hour in");
        assert!(at(&in_the_gap, "2026-03-29T01:31:00Z") > 0.5);
    }

    #[test]
    fn ramps_go_straight_up_and_down() {
        let ramped = schedule(&EVERY_DAY, (17, 0), (21, 0), Duration::from_mins(10));
        for (moment, open) in [
            ("2026-01-12T16:00:00Z", 0.0),
            ("2026-01-12T16:05:00Z", 0.5),
            ("2026-01-12T16:10:00Z", 1.0),
            ("2026-01-12T19:57:30Z", 0.25),
        ] {
            assert!((at(&ramped, moment) - open).abs() < 1e-9, "{moment}");
        }
    }
}
