//! PromQL signals as the loop sees them: what is to be asked, and what has been answered so far. Nobody waits here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::answer::{Answer, too_old, worst};
use crate::clock::Moment;
use crate::mode::Mode;
use crate::plotter::JobId;
use crate::policy::{Answerer, Asked, Policy, Question, Trend};
use crate::world::World;

/// One question in the words of the answerer. Policies that ask the same share the answer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Inquiry {
    pub answerer: Answerer,
    /// PromQL, without variables.
    pub text: String,
    /// Percent of each range that must be covered by samples.
    pub min_history: u8,
}

/// What was last heard of an inquiry.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    pub value: Result<f64, String>,
    /// When the newest sample behind the value was taken, since boot; `None` where there is none.
    pub sampled: Option<Duration>,
    /// Why there is nothing newer, while there should be.
    pub trouble: Option<String>,
}

/// All that has been heard, as of one tick.
#[derive(Debug, Clone, Default)]
pub struct Trends {
    /// What `$node` stands for.
    node: String,
    heard: BTreeMap<Inquiry, Heard>,
}

/// Everything that the policies want to know now, with the time that may pass between two answers.
pub fn inquiries(policies: &[Policy], world: &World, node: &str) -> BTreeMap<Inquiry, Duration> {
    let mut wanted = BTreeMap::new();
    for policy in policies.iter().filter(|policy| policy.control.mode != Mode::Off) {
        for question in policy.rules.signals.values() {
            let Asked::Trend(trend) = &question.asked else { continue };
            let selected = world.jobs.iter().filter(|view| trend.of_each_job && policy.selector.selects(&view.job));
            let jobs = selected.map(|view| Some(&view.job.id));
            let nobody = (!trend.of_each_job).then_some(None);
            for inquiry in jobs.chain(nobody).filter_map(|job| inquiry(trend, node, job)) {
                let every = wanted.entry(inquiry).or_insert(trend.every);
                *every = trend.every.min(*every);
            }
        }
    }
    wanted
}

fn inquiry(trend: &Trend, node: &str, job: Option<&JobId>) -> Option<Inquiry> {
    let text = trend.expression.fill(node, job.map(JobId::as_str))?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 0 to 1 is 0 to 100 percent"
    )]
    let min_history = (trend.min_history * 100.0).round().clamp(0.0, 100.0) as u8;
    Some(Inquiry { answerer: trend.answerer, text, min_history })
}

impl Trends {
    pub fn new(node: String, heard: BTreeMap<Inquiry, Heard>) -> Self {
        Self { node, heard }
    }

    /// Answers `question`, which asks for `trend`; `jobs` are those that a question of each job is about.
    pub fn answer(&self, question: &Question, trend: &Trend, jobs: &[&JobId], now: Moment) -> Answer {
        if trend.of_each_job {
            return worst(jobs, &question.phrase(), |id| {
                let answer = self.of(question, trend, Some(id), now);
                Answer { source: format!("{} ({id})", answer.source), ..answer }
            });
        }
        self.of(question, trend, None, now)
    }

    fn of(&self, question: &Question, trend: &Trend, job: Option<&JobId>, now: Moment) -> Answer {
        let source = question.phrase();
        let heard = inquiry(trend, &self.node, job).and_then(|inquiry| self.heard.get(&inquiry));
        let Some(heard) = heard else {
            return Answer { source, value: Err("not answered yet".to_owned()), age: None };
        };
        let age = heard.sampled.map(|sampled| now.since(sampled));
        let value = match (&heard.value, age) {
            (Ok(_), Some(age)) if age > question.max_age => {
                let why = heard.trouble.as_deref().unwrap_or("no newer sample has come");
                Err(too_old(age, question.max_age, why))
            }
            (Ok(value), Some(_)) if value.is_finite() => Ok(*value),
            (Ok(_), _) => Err("the answer is no number".to_owned()),
            (Err(reason), _) => Err(reason.clone()),
        };
        Answer { source, value, age }
    }
}

#[cfg(test)]
mod tests;
