//! Unix time as a date, in UTC.

use super::number::{float, whole};

/// The fields of a date that PromQL asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::promql) struct CivilTime {
    year: i64,
    /// 1 to 12.
    month: i64,
    /// 1 to 31.
    day: i64,
    /// Days since 1970-01-01.
    days: i64,
    second_of_day: i64,
}

const DAY: i64 = 86_400;
/// Dates repeat after this many days: 400 years.
const ERA: i64 = 146_097;

impl CivilTime {
    /// `None` for NaN, infinities and what lies more than 30 million years away.
    pub fn from_unix(seconds: f64) -> Option<Self> {
        let seconds = whole(seconds).filter(|seconds| seconds.abs() < 1_000_000_000_000_000)?;
        let days = seconds.div_euclid(DAY);
        // Years are counted from March, so that the leap day comes last; 719,468 days lie between 0000-03-01 and 1970-01-01.
        let shifted = days + 719_468;
        let day_of_era = shifted.rem_euclid(ERA);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + shifted.div_euclid(ERA) * 400 + i64::from(month <= 2);
        Some(Self { year, month, day, days, second_of_day: seconds.rem_euclid(DAY) })
    }

    pub fn year(&self) -> f64 {
        float(self.year)
    }

    pub fn month(&self) -> f64 {
        float(self.month)
    }

    pub fn day_of_month(&self) -> f64 {
        float(self.day)
    }

    /// 0 is Sunday; the epoch was a Thursday.
    pub fn day_of_week(&self) -> f64 {
        float((self.days + 4).rem_euclid(7))
    }

    /// 1 to 366.
    pub fn day_of_year(&self) -> f64 {
        let before: i64 = (1..self.month).map(|month| days_in(self.year, month)).sum();
        float(before + self.day)
    }

    pub fn days_in_month(&self) -> f64 {
        float(days_in(self.year, self.month))
    }

    pub fn hour(&self) -> f64 {
        float(self.second_of_day / 3_600)
    }

    pub fn minute(&self) -> f64 {
        float(self.second_of_day / 60 % 60)
    }
}

fn days_in(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn date(seconds: f64) -> (i64, i64, i64) {
        let time = CivilTime::from_unix(seconds).unwrap();
        (time.year, time.month, time.day)
    }

    #[test]
    fn dates_around_leap_days_and_the_epoch() {
        for (seconds, expected) in [
            (0.0, (1970, 1, 1)),
            (-1.0, (1969, 12, 31)),
            (951_782_399.0, (2000, 2, 28)),
            (951_782_400.0, (2000, 2, 29)),
            (4_107_542_399.0, (2100, 2, 28)),
            (4_107_542_400.0, (2100, 3, 1)),
            (-62_135_596_800.0, (1, 1, 1)),
        ] {
            assert_eq!(date(seconds), expected, "{seconds}");
        }
    }

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut expected = (1600, 1, 1);
        for day in -135_140_i32..157_054 {
            let time = CivilTime::from_unix(f64::from(day) * 86_400.0).unwrap();
            assert_eq!((time.year, time.month, time.day), expected);
            let (year, month, day) = expected;
            expected = if day < days_in(year, month) {
                (year, month, day + 1)
            } else if month < 12 {
                (year, month + 1, 1)
            } else {
                (year + 1, 1, 1)
            };
        }
        assert_eq!(expected, (2400, 1, 1));
    }

    #[test]
    fn what_is_no_time_has_no_date() {
        assert_eq!(CivilTime::from_unix(f64::NAN), None);
        assert_eq!(CivilTime::from_unix(f64::INFINITY), None);
        assert_eq!(CivilTime::from_unix(1e18), None);
    }
}
