//! Times and shares as people say them.

use std::time::{Duration, SystemTime};

/// `1 h 30 min`, `95 s`, `2 d 4 h`: two units at most, rounded down.
pub(super) fn span(time: Duration) -> String {
    let seconds = time.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    match seconds {
        0..120 => format!("{seconds} s"),
        120..3600 => format!("{minutes} min"),
        3600..86_400 if minutes == 0 => format!("{hours} h"),
        3600..86_400 => format!("{hours} h {minutes} min"),
        _ if hours == 0 => format!("{days} d"),
        _ => format!("{days} d {hours} h"),
    }
}

pub(super) fn ago(age: Duration) -> String {
    if age < Duration::from_secs(2) { "just now".to_owned() } else { format!("{} ago", span(age)) }
}

/// How long before `now` it was; a time stamp of the future is just now.
pub(super) fn since(at: SystemTime, now: SystemTime) -> String {
    ago(now.duration_since(at).unwrap_or_default())
}

pub(super) fn percent(share: f64) -> String {
    if share > 0.0 && share < 0.0995 { format!("{:.1} %", share * 100.0) } else { format!("{:.0} %", share * 100.0) }
}

/// `io-pressure` and `io_optimization` are for metrics; people read them without the signs.
pub(super) fn plain(word: &str) -> String {
    word.replace(['_', '-'], " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_in_two_units_at_most() {
        for (seconds, said) in [
            (0, "0 s"),
            (95, "95 s"),
            (120, "2 min"),
            (5400, "1 h 30 min"),
            (7200, "2 h"),
            (86_400, "1 d"),
            (187_200, "2 d 4 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), said);
        }
        assert_eq!(ago(Duration::from_millis(900)), "just now");
        assert_eq!(ago(Duration::from_secs(95)), "95 s ago");
    }

    #[test]
    fn small_shares_keep_a_digit() {
        assert_eq!(percent(0.004), "0.4 %");
        assert_eq!(percent(0.42), "42 %");
        assert_eq!(percent(0.0), "0 %");
    }
}
