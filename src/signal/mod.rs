//! Signals: the answers to what policies ask, each with its age, or the reason why there is none.
//!
//! Local signals are answered from the samples of this machine, in the tick that asks. PromQL signals are asked off the
//! loop, of the embedded history or of a Prometheus server, and the loop reads what has come so far. Neither stands in for the
//! other. A signal that is stale or rests on too little is missing, and missing is never zero.

mod answer;
mod asker;
mod embedded;
mod local;
mod outcome;
mod prometheus;
mod schedule;
mod stored;
mod trends;
mod window;

use std::collections::BTreeMap;

use crate::clock::Moment;
use crate::plotter::JobId;
use crate::policy::{Asked, Question};
use crate::world::World;

pub use answer::Answer;
pub use asker::{Asker, Clock, Tally};
pub use embedded::Embedded;
pub use outcome::{Failure, Oracle, Outcome, Told};
pub use prometheus::{Access, BadAccess, Server};
pub use stored::{Live, Stored, labels};
pub use trends::{Heard, Inquiry, inquiries};

use local::Gauges;
use trends::Trends;

/// All that signals are answered from in one tick: plain data.
#[derive(Debug, Clone, Default)]
pub struct Signals {
    gauges: Gauges,
    trends: Trends,
}

impl Signals {
    /// Takes what one tick measured.
    pub fn observe(&mut self, world: &World) {
        self.gauges.observe(world);
    }

    /// Takes what has been answered to the PromQL signals; `node` is what `$node` stood for.
    pub fn hear(&mut self, node: &str, heard: BTreeMap<Inquiry, Heard>) {
        self.trends = Trends::new(node.to_owned(), heard);
    }

    /// Answers `question`; `jobs` are those that a question of each job is about.
    pub fn answer(&self, question: &Question, jobs: &[&JobId], now: Moment) -> Answer {
        match &question.asked {
            Asked::Mean(mean) => self.gauges.answer(question, *mean, jobs, now),
            Asked::Trend(trend) => self.trends.answer(question, trend, jobs, now),
        }
    }
}
