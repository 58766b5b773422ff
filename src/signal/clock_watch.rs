//! Notices when the wall clock was set. Answers that rest on time stamps are none until no stamp of before is left in their window.
//!
//! A clock set forward leaves a gap that never was; one set back hides for a while all that is measured, while what was measured
//! before it looks like now. Local gauges go by the time since boot, which nobody sets, and a Prometheus server is asked for its own
//! time with each answer: neither depends on our wall clock.

use std::cmp::Ordering;
use std::time::{Duration, SystemTime};

use crate::clock::Moment;
use crate::history::LONGEST_SET_BACK;

/// Within the time between two ticks, a clock that is slewed moves by far less.
const LARGEST_STEP: Duration = Duration::from_secs(5);

/// Compares both clocks tick by tick.
#[derive(Debug, Clone, Default)]
pub struct ClockWatch {
    last: Option<Moment>,
    set: Option<Set>,
}

/// The last time that the clock was set.
#[derive(Debug, Clone, Copy)]
struct Set {
    /// Noticed then, as time since boot.
    at: Duration,
    by: Duration,
    back: bool,
    /// From then on, as time since boot, stamps lie where they belong.
    settled: Duration,
}

impl ClockWatch {
    pub fn observe(&mut self, now: Moment) {
        let Some(last) = self.last.replace(now) else { return };
        let expected = last.wall + now.since(last.boot);
        let Some((by, back)) = distance(expected, now.wall).filter(|(by, _)| *by > LARGEST_STEP) else { return };
        let hidden = if back { by.min(LONGEST_SET_BACK) } else { Duration::ZERO };
        let unsettled = self.set.map_or(Duration::ZERO, |set| set.settled);
        let settled = unsettled.max(now.boot + hidden);
        self.set = Some(Set { at: now.boot, by, back, settled });
        tracing::warn!(by = ?by, back, "the clock was set; signals from the history are missing until their windows are clean");
    }

    /// Why an answer from time stamps of the last `reach` is none, if so.
    pub fn why_not(&self, now: Moment, reach: Duration) -> Option<String> {
        let set = self.set.filter(|set| now.boot < set.settled + reach)?;
        let whole = |time: Duration| humantime::format_duration(Duration::from_secs(time.as_secs()));
        let (by, ago, left) =
            (whole(set.by), whole(now.since(set.at)), whole((set.settled + reach).saturating_sub(now.boot)));
        let way = if set.back { "back" } else { "forward" };
        Some(format!("the clock was set {way} by {by} {ago} ago: what is asked for is clean again in {left}"))
    }
}

/// How far `found` lies from `expected`, and whether behind it.
fn distance(expected: SystemTime, found: SystemTime) -> Option<(Duration, bool)> {
    match found.cmp(&expected) {
        Ordering::Less => expected.duration_since(found).ok().map(|by| (by, true)),
        _ => found.duration_since(expected).ok().map(|by| (by, false)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::{Answerer, Asked, Expression, OnMissing, Question, Trend};
    use crate::sample::HostSample;
    use crate::signal::{Heard, Inquiry, Names, Selected, Signals};
    use crate::world::World;

    const MINUTE: Duration = Duration::from_mins(1);

    /// A watch that has seen a tick a second, whose wall clock is ahead by `ahead(second)` milliseconds.
    fn watch(seconds: u64, ahead: impl Fn(u64) -> i64) -> ClockWatch {
        let mut watch = ClockWatch::default();
        for second in 0..=seconds {
            watch.observe(moment(second, ahead(second)));
        }
        watch
    }

    fn moment(second: u64, ahead: i64) -> Moment {
        let wall = 1_790_000_000_000 + i64::try_from(second).unwrap() * 1000 + ahead;
        let wall = SystemTime::UNIX_EPOCH + Duration::from_millis(wall.unsigned_abs());
        Moment { boot: Duration::from_secs(second), wall }
    }

    fn is_missing(watch: &ClockWatch, second: u64, reach: Duration) -> bool {
        watch.why_not(moment(second, 0), reach).is_some()
    }

    #[test]
    fn a_clock_that_runs_or_is_slewed_disturbs_nothing() {
        // As fast as chronyd slews at most: a tenth.
        let slewed = watch(600, |second| i64::try_from(second).unwrap() * 100);
        assert!(!is_missing(&slewed, 601, MINUTE));
        let nearly = watch(10, |second| if second < 5 { 0 } else { 5000 });
        assert!(!is_missing(&nearly, 10, MINUTE));
    }

    #[test]
    fn a_loop_that_was_held_up_is_no_clock_that_was_set() {
        let mut watch = watch(10, |_| 0);
        watch.observe(moment(400, 0));
        assert!(!is_missing(&watch, 400, MINUTE));
    }

    #[test]
    fn what_reaches_over_the_step_is_missing_until_it_lies_behind() {
        let forward = watch(10, |second| if second < 10 { 0 } else { 5001 });
        assert!(is_missing(&forward, 10, Duration::from_secs(1)));
        assert!(is_missing(&forward, 69, MINUTE));
        assert!(!is_missing(&forward, 70, MINUTE));
        let why = forward.why_not(moment(40, 0), MINUTE).unwrap();
        assert_eq!(why, "the clock was set forward by 5s 30s ago: what is asked for is clean again in 30s");
    }

    #[test]
    fn a_clock_that_was_set_back_has_to_catch_up_first() {
        let back = watch(10, |second| if second < 10 { 0 } else { -120_000 });
        assert!(is_missing(&back, 10 + 120 + 59, MINUTE), "for two minutes nothing was kept");
        assert!(!is_missing(&back, 10 + 120 + 60, MINUTE));
        let far = watch(10, |second| if second < 10 { 0 } else { -86_400_000 });
        assert!(is_missing(&far, 10 + 3600 + 59, MINUTE));
        assert!(!is_missing(&far, 10 + 3600 + 60, MINUTE), "the history has begun anew by then");
    }

    fn question(answerer: Answerer) -> Question {
        let trend = Trend {
            expression: Expression::parse("rate(x[1m])").unwrap(),
            answerer,
            of_each_job: false,
            min_history: 0.8,
            every: Duration::from_secs(5),
            range: MINUTE,
        };
        Question { asked: Asked::Trend(trend), max_age: Duration::from_secs(10), on_missing: OnMissing::Hold }
    }

    /// The value at `second` of a signal that has just been answered, where the clock is set by `step` milliseconds at second 100.
    fn told(answerer: Answerer, step: i64, second: u64) -> Result<f64, String> {
        let mut signals = Signals::default();
        for second in 90..=second {
            let now = moment(second, if second < 100 { 0 } else { step });
            signals.observe(&World {
                now,
                host: HostSample::default(),
                jobs: Vec::new(),
                layout: std::sync::Arc::default(),
                processes: None,
            });
        }
        let inquiry = Inquiry { answerer, text: "rate(x[1m])".to_owned(), min_history: 80 };
        let heard = Heard { value: Ok(0.5), sampled: Some(Duration::from_secs(second)), trouble: None };
        signals.hear(Names::new("farm1:9", "plotwarden", &[]), [(inquiry, heard)].into());
        signals.answer(&question(answerer), Selected { all: &[], running: &[] }, moment(second, step)).value
    }

    #[test]
    fn a_signal_from_the_history_is_missing_until_its_window_is_clean() {
        for step in [-6000, 6000] {
            assert_eq!(told(Answerer::Embedded, step, 99), Ok(0.5));
            let why = told(Answerer::Embedded, step, 100).unwrap_err();
            assert!(why.contains("the clock was set"), "{why}");
            assert!(told(Answerer::Embedded, step, 159).is_err());
            assert_eq!(told(Answerer::Embedded, step, 166), Ok(0.5));
            assert_eq!(
                told(Answerer::Prometheus, step, 100),
                Ok(0.5),
                "a server has its own clock, and says what it is"
            );
        }
    }

    #[test]
    fn there_and_back_is_twice_and_the_longer_lasts() {
        let twice = watch(20, |second| if (10..15).contains(&second) { -600_000 } else { 0 });
        assert!(is_missing(&twice, 10 + 600 + 59, MINUTE));
        assert!(!is_missing(&twice, 10 + 600 + 60, MINUTE));
    }
}
