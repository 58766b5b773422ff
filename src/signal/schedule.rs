//! When each question is asked: often enough, never all at once again and again, and a server in trouble is left in peace.

use std::collections::BTreeMap;
use std::time::Duration;

use super::trends::Inquiry;

/// After the first failure; doubles with each further one.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// A server that is back is noticed this much later at most.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// The questions for one answerer, and when each is due. Times are since boot.
#[derive(Debug, Default)]
pub struct Schedule {
    due: BTreeMap<Inquiry, Duration>,
    /// Failures of the answerer since it last answered.
    failures: u32,
    silent_until: Duration,
}

/// What to do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    Ask(Inquiry),
    Wait(Duration),
}

impl Schedule {
    /// Takes over what is wanted. New questions are due at once; those nobody wants any more are forgotten.
    pub fn follow(&mut self, wanted: &BTreeMap<Inquiry, Duration>) {
        self.due.retain(|inquiry, _| wanted.contains_key(inquiry));
        for inquiry in wanted.keys() {
            if !self.due.contains_key(inquiry) {
                self.due.insert(inquiry.clone(), Duration::ZERO);
            }
        }
    }

    /// The question that has been due for longest.
    pub fn next(&self, now: Duration) -> Next {
        const IDLE: Duration = Duration::from_mins(1);
        let Some((inquiry, due)) = self.due.iter().min_by_key(|(_, due)| **due) else { return Next::Wait(IDLE) };
        let due = self.silent_until.max(*due);
        match due.checked_sub(now).filter(|pause| !pause.is_zero()) {
            Some(pause) => Next::Wait(pause),
            None => Next::Ask(inquiry.clone()),
        }
    }

    /// Takes note that `inquiry` was asked at `asked`, that this ended at `ended`, and whether the answerer itself had failed.
    pub fn asked(&mut self, inquiry: &Inquiry, every: Duration, (asked, ended): (Duration, Duration), failed: bool) {
        if let Some(due) = self.due.get_mut(inquiry) {
            // A question that failed is tried again as soon as the answerer is, after the others.
            *due = if failed { ended } else { asked + every };
        }
        if failed {
            let pause = FIRST_PAUSE * 2_u32.saturating_pow(self.failures);
            self.silent_until = ended + pause.min(LONGEST_PAUSE);
            self.failures = (self.failures + 1).min(16);
        } else {
            self.failures = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Answerer;

    fn inquiry(text: &str) -> Inquiry {
        Inquiry { answerer: Answerer::Prometheus, text: text.to_owned(), min_history: 80 }
    }

    fn seconds(value: u64) -> Duration {
        Duration::from_secs(value)
    }

    fn of(texts: &[&str]) -> Schedule {
        let mut schedule = Schedule::default();
        schedule.follow(&texts.iter().map(|text| (inquiry(text), seconds(5))).collect());
        schedule
    }

    #[test]
    fn each_is_asked_at_once_and_then_every_so_often() {
        let mut schedule = of(&["a", "b"]);
        for (now, text) in [(100, "a"), (101, "b"), (105, "a"), (106, "b")] {
            assert_eq!(schedule.next(seconds(now)), Next::Ask(inquiry(text)), "{now}");
            schedule.asked(&inquiry(text), seconds(5), (seconds(now), seconds(now)), false);
        }
        assert_eq!(schedule.next(seconds(107)), Next::Wait(seconds(3)));
        schedule.follow(&BTreeMap::new());
        assert_eq!(schedule.next(seconds(110)), Next::Wait(seconds(60)), "nobody wants to know any more");
    }

    #[test]
    fn an_answerer_in_trouble_is_asked_less_and_less_and_every_question_gets_its_turn() {
        let mut schedule = of(&["a", "b"]);
        let mut now = seconds(100);
        let mut asked = Vec::new();
        for _ in 0..7 {
            if let Next::Wait(pause) = schedule.next(now) {
                asked.push(pause.as_secs().to_string());
                now += pause;
            }
            let Next::Ask(inquiry) = schedule.next(now) else { panic!("it is due") };
            asked.push(inquiry.text.clone());
            schedule.asked(&inquiry, seconds(5), (now, now), true);
        }
        assert_eq!(asked, ["a", "1", "b", "2", "a", "4", "b", "8", "a", "15", "b", "15", "a"]);
        now += seconds(15);
        schedule.asked(&inquiry("b"), seconds(5), (now, now), false);
        assert_eq!(schedule.next(now), Next::Ask(inquiry("a")), "back to normal at once");
    }
}
