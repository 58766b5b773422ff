//! PromQL signals as the loop sees them: what is to be asked, and what has been answered so far. Nobody waits here.

use std::collections::BTreeMap;
use std::time::Duration;

use super::Selected;
use super::answer::{Answer, too_old, worst};
use super::names::{Names, Whom};
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
    names: Names,
    heard: BTreeMap<Inquiry, Heard>,
}

/// Everything that the policies want to know now, with the time that may pass between two answers.
pub fn inquiries(policies: &[Policy], world: &World, names: &Names) -> BTreeMap<Inquiry, Duration> {
    let mut wanted = BTreeMap::new();
    for policy in policies.iter().filter(|policy| policy.control.mode != Mode::Off) {
        let selected = world.jobs.iter().filter(|view| policy.selects(&view.job));
        let jobs: Vec<&JobId> = selected.map(|view| &view.job.id).collect();
        for question in policy.signals().values() {
            let Asked::Trend(trend) = &question.asked else { continue };
            let about: Vec<Whom<'_>> = if trend.of_each_job {
                jobs.iter().map(|id| Whom::Job(id)).collect()
            } else {
                vec![Whom::Machine(&jobs)]
            };
            // What cannot be asked now is missing, and says why where it is answered.
            for inquiry in about.into_iter().filter_map(|whom| inquiry(trend, names, whom).ok()) {
                let every = wanted.entry(inquiry).or_insert(trend.every);
                *every = trend.every.min(*every);
            }
        }
    }
    wanted
}

fn inquiry(trend: &Trend, names: &Names, whom: Whom<'_>) -> Result<Inquiry, String> {
    let text = names.fill(&trend.expression, whom)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of 0 to 1 is 0 to 100 percent"
    )]
    let min_history = (trend.min_history * 100.0).round().clamp(0.0, 100.0) as u8;
    Ok(Inquiry { answerer: trend.answerer, text, min_history })
}

impl Trends {
    pub fn new(names: Names, heard: BTreeMap<Inquiry, Heard>) -> Self {
        Self { names, heard }
    }

    /// Answers `question`, which asks for `trend`, for a policy that selects these jobs.
    pub fn answer(&self, question: &Question, trend: &Trend, jobs: Selected<'_>, now: Moment) -> Answer {
        if !trend.of_each_job {
            return self.of(question, trend, Whom::Machine(jobs.all), now);
        }
        let concerned = jobs.running.iter().copied().filter(|id| self.names.concern(&trend.expression, id));
        let concerned: Vec<&JobId> = concerned.collect();
        if concerned.is_empty() && !jobs.running.is_empty() {
            let value = Err("the temp directories of the jobs lie on no block device".to_owned());
            return Answer { source: question.phrase(), value, age: None };
        }
        worst(&concerned, &question.phrase(), |id| {
            let answer = self.of(question, trend, Whom::Job(id), now);
            Answer { source: format!("{} ({id})", answer.source), ..answer }
        })
    }

    fn of(&self, question: &Question, trend: &Trend, whom: Whom<'_>, now: Moment) -> Answer {
        let source = question.phrase();
        let missing = |why: String| Answer { source: question.phrase(), value: Err(why), age: None };
        let heard = match inquiry(trend, &self.names, whom) {
            Ok(inquiry) => self.heard.get(&inquiry),
            Err(why) => return missing(why),
        };
        let Some(heard) = heard else { return missing("not answered yet".to_owned()) };
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
