//! How many actions a policy takes within an hour: a bound on what one that goes wrong can do to a machine.

use std::collections::VecDeque;
use std::time::Duration;

use super::explain;
use crate::policy::Behavior;

const HOUR: Duration = Duration::from_hours(1);

/// When a policy paused, resumed, or began or ended a stage. Steps of a value are no actions: their pace bounds them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Budget {
    within_hour: VecDeque<Duration>,
    /// Whether it was said that all of it is spent.
    told: bool,
}

impl Budget {
    pub fn allows(&mut self, behavior: &Behavior, now: Duration) -> bool {
        while self.within_hour.front().is_some_and(|oldest| *oldest + HOUR <= now) {
            self.within_hour.pop_front();
        }
        self.within_hour.len() < usize::try_from(behavior.max_actions_per_hour).unwrap_or(usize::MAX)
    }

    pub fn spend(&mut self, now: Duration) {
        self.within_hour.push_back(now);
    }

    /// Says once that nothing is left, and for how long.
    pub fn say(&mut self, behavior: &Behavior, now: Duration) -> Option<String> {
        let spent = !self.allows(behavior, now);
        let told = std::mem::replace(&mut self.told, spent);
        let oldest = self.within_hour.front().filter(|_| spent && !told)?;
        let (most, rest) = (behavior.max_actions_per_hour, explain::duration((*oldest + HOUR).saturating_sub(now)));
        Some(format!("all {most} actions of an hour are spent: for {rest} nothing is paused, resumed or relaxed"))
    }
}
