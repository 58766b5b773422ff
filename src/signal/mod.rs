//! Signals: the answers to what policies ask, each with its age, or the reason why there is none.
//!
//! Local signals are answered from the samples of this machine, in the tick that asks. PromQL signals are asked off the
//! loop, of the embedded history or of a Prometheus server, and the loop reads what has come so far. Neither stands in for the
//! other. A signal that is stale or rests on too little is missing, and missing is never zero.

mod answer;
mod asker;
mod clock_watch;
mod dialect;
mod embedded;
mod local;
mod names;
mod outcome;
mod prometheus;
mod rehearsed;
mod schedule;
mod stored;
mod trends;
mod window;

use std::collections::BTreeMap;

use crate::clock::Moment;
use crate::plotter::JobId;
use crate::policy::{Answerer, Asked, Question, Trend};
use crate::world::World;

pub use answer::Answer;
pub use asker::{Asker, Clock, Tally};
pub use dialect::Dialect;
pub use embedded::Embedded;
pub use names::Names;
pub use outcome::{Failure, Oracle, Outcome, Told};
pub use prometheus::{Access, BadAccess, Server};
pub use rehearsed::Rehearsed;
pub use stored::{Live, Stored, labels};
pub use trends::{Heard, Inquiry, inquiries};

use clock_watch::ClockWatch;
use local::Gauges;
use trends::Trends;

/// The jobs that a policy selects.
#[derive(Debug, Clone, Copy)]
pub struct Selected<'a> {
    pub all: &'a [&'a JobId],
    /// Those that we do not hold paused: a question of each job is about these.
    pub running: &'a [&'a JobId],
}

/// All that signals are answered from in one tick: plain data.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    gauges: Gauges,
    trends: Trends,
    clock: ClockWatch,
}

impl Signals {
    /// Takes what one tick measured.
    pub fn observe(&mut self, world: &World) {
        self.gauges.observe(world);
        self.clock.observe(world.now);
    }

    /// Takes what has been answered to the PromQL signals; `names` is what variables stood for.
    pub fn hear(&mut self, names: Names, heard: BTreeMap<Inquiry, Heard>) {
        self.trends = Trends::new(names, heard);
    }

    /// Answers a question of a policy that selects these jobs.
    pub fn answer(&self, question: &Question, jobs: Selected<'_>, now: Moment) -> Answer {
        match &question.asked {
            Asked::Mean(mean) => self.gauges.answer(question, *mean, jobs.running, now),
            Asked::Trend(trend) => match self.why_not(question, trend, now) {
                Some(why) => Answer { source: question.phrase(), value: Err(why), age: None },
                None => self.trends.answer(question, trend, jobs, now),
            },
        }
    }

    /// Why the time stamps that the answer would rest on are not to be trusted. What a server says is checked against its own clock
    /// when it says it; until it is too old, that stands.
    fn why_not(&self, question: &Question, trend: &Trend, now: Moment) -> Option<String> {
        let is_ours = trend.answerer == Answerer::Embedded;
        self.clock.why_not(now, trend.range.max(question.max_age)).filter(|_| is_ours)
    }
}
