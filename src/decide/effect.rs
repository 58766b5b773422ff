//! What came of an action: severity before it, and after it had time to settle.

use std::time::Duration;

use super::decision::Effect;
use super::tick::Tick;
use crate::pressure::Resource;

/// Actions whose effect has yet to show.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Effects {
    pending: Vec<Pending>,
}

#[derive(Debug, Clone, PartialEq)]
struct Pending {
    action: String,
    resource: Resource,
    before: Option<f64>,
    at: Duration,
}

impl Effects {
    pub fn expect(&mut self, tick: &Tick<'_>, action: String, resource: Resource) {
        let before = tick.severity(resource);
        self.pending.push(Pending { action, resource, before, at: tick.time() });
    }

    /// Those that have settled by now.
    pub fn settled(&mut self, tick: &Tick<'_>) -> Vec<Effect> {
        let settle = tick.rules.behavior.settle.max(Duration::from_secs(1));
        let elapsed = |pending: &Pending| tick.time().saturating_sub(pending.at);
        let (due, pending) = self.pending.drain(..).partition(|pending| elapsed(pending) >= settle);
        self.pending = pending;
        let due: Vec<Pending> = due;
        due.into_iter()
            .map(|done| Effect {
                elapsed: tick.time().saturating_sub(done.at),
                after: tick.severity(done.resource),
                action: done.action,
                resource: done.resource,
                before: done.before,
            })
            .collect()
    }
}

impl Effect {
    /// `effect of paused chiapos-7-99 after 3s: io severity 0.92 -> 0.41`.
    pub fn sentence(&self) -> String {
        let number = |severity: Option<f64>| severity.map_or("unknown".to_owned(), |value| format!("{value:.2}"));
        format!(
            "effect of {} after {:.0}s: {} severity {} -> {}",
            self.action,
            self.elapsed.as_secs_f64(),
            self.resource.name(),
            number(self.before),
            number(self.after)
        )
    }
}
