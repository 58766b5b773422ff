//! How fast knobs may change, whoever wants it: the least time between two changes of one, the largest step of one change, and a
//! budget of changes of all knobs together.
//!
//! Only what is applied is held up. What goes back to its original is never: it counts as a change, and is not kept waiting. Pure.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::claim::{Keyed, KnobKind, Setting, Target};
use crate::policy::LargestStep;
use crate::units::{float, whole};

/// How fast.
#[derive(Debug, Clone, PartialEq)]
pub struct Rates {
    /// Between two changes of one knob of one target.
    pub cooldown: Duration,
    /// So many changes can be made at once, after a quiet time.
    pub burst: u32,
    /// And then one more each time that so much has passed.
    pub every: Duration,
    /// From one value of ours to the next; kinds that are not in it go all the way at once.
    pub largest: BTreeMap<KnobKind, LargestStep>,
}

/// What may become of a want in this tick.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pass {
    /// The wanted value, or as far towards it as one step goes.
    Take(Setting),
    /// Not yet; it stays as we set it before.
    Keep(Setting),
    /// Not yet, and nothing of it is ours.
    Wait(&'static str),
}

type Key = (Target, KnobKind);

/// What was changed when.
#[derive(Debug, Default)]
pub struct Throttle {
    changes: BTreeMap<Key, Change>,
    /// Until when, as time since boot, the changes so far fill their budget.
    spent_until: Duration,
}

#[derive(Debug)]
struct Change {
    at: Duration,
    /// `None` once it is back at its original.
    setting: Option<Setting>,
}

const TOO_SOON: &str = "it was changed a moment ago";
const TOO_MANY: &str = "too many knobs were changed within a short time; it waits for its turn";

impl Default for Rates {
    /// Enough for a farm that starts everything anew at once, and an end to a controller gone wild.
    fn default() -> Self {
        Self {
            cooldown: Duration::from_secs(1),
            burst: 2000,
            every: Duration::from_millis(100),
            largest: BTreeMap::new(),
        }
    }
}

impl Throttle {
    /// Knobs that nobody wants any more go back, which is a change of each.
    pub fn let_go(&mut self, rates: &Rates, now: Duration, is_wanted: impl Fn(&Key) -> bool) {
        for (key, change) in &mut self.changes {
            if change.setting.is_some() && !is_wanted(key) {
                *change = Change { at: now, setting: None };
            }
        }
        self.changes.retain(|_, change| change.setting.is_some() || now.saturating_sub(change.at) < rates.cooldown);
    }

    /// What of `wanted` may be carried out at `now`, time since boot. `held` is what an earlier run has left us.
    pub fn pass(&mut self, rates: &Rates, now: Duration, key: &Key, wanted: &Setting, held: Option<Setting>) -> Pass {
        let known = self.changes.get(key);
        let from = known.map_or(held, |change| change.setting.clone());
        let wait = |why| from.clone().map_or(Pass::Wait(why), Pass::Keep);
        if from.as_ref() == Some(wanted) {
            return Pass::Take(wanted.clone());
        }
        if known.is_some_and(|change| now.saturating_sub(change.at) < rates.cooldown) {
            return wait(TOO_SOON);
        }
        if !self.spend(rates, now) {
            return wait(TOO_MANY);
        }
        let largest = rates.largest.get(&key.1).copied().unwrap_or_default();
        let setting = from.map_or_else(|| wanted.clone(), |from| largest.towards(&from, wanted));
        self.changes.insert(key.clone(), Change { at: now, setting: Some(setting.clone()) });
        Pass::Take(setting)
    }

    /// What is known of a run that has ended is so no more.
    pub fn forget(&mut self) {
        self.changes.clear();
    }

    /// Takes one change out of the budget, if there is one.
    fn spend(&mut self, rates: &Rates, now: Duration) -> bool {
        let filled = self.spent_until.max(now) + rates.every;
        let is_free = filled <= now + rates.every.saturating_mul(rates.burst);
        if is_free {
            self.spent_until = filled;
        }
        is_free
    }
}

impl LargestStep {
    /// As far from one value towards another as one step goes. What is no number goes all the way, and so does what has no limit.
    fn towards(self, from: &Setting, to: &Setting) -> Setting {
        match (from, to) {
            (Setting::Nice(from), Setting::Nice(to)) => Setting::Nice(self.small((*from).into(), (*to).into(), *to)),
            (Setting::OomScore(from), Setting::OomScore(to)) => {
                Setting::OomScore(self.small((*from).into(), (*to).into(), *to))
            }
            (Setting::Number(_, from), Setting::Number(kind, to)) => Setting::Number(*kind, self.number(*from, *to)),
            (Setting::Keyed(_, from), Setting::Keyed(kind, to)) => Setting::Keyed(*kind, self.keyed(from, to)),
            (_, to) => to.clone(),
        }
    }

    fn number(self, from: u64, to: u64) -> u64 {
        if from == Setting::NO_LIMIT || to == Setting::NO_LIMIT {
            return to;
        }
        if to < from {
            self.decrease.map_or(to, |share| to.max(from.saturating_sub(part(from, share))))
        } else {
            self.increase.map_or(to, |share| to.min(from.saturating_add(part(from, share))))
        }
    }

    /// Numbers below zero as well: steps are of their size.
    fn small<T: TryFrom<i64>>(self, from: i64, to: i64, all_the_way: T) -> T {
        let share = if to < from { self.decrease } else { self.increase };
        let Some(share) = share else { return all_the_way };
        let step = i64::try_from(part(from.unsigned_abs(), share)).unwrap_or(i64::MAX);
        let reached = if to < from { to.max(from.saturating_sub(step)) } else { to.min(from.saturating_add(step)) };
        T::try_from(reached).unwrap_or(all_the_way)
    }

    /// A number that was not there before, or is not any more, had no limit or has none.
    fn keyed(self, from: &Keyed, to: &Keyed) -> Keyed {
        let mut reached = to.clone();
        for (of, numbers) in &mut reached {
            for (key, to) in numbers {
                if let Some(from) = from.get(of).and_then(|numbers| numbers.get(key)) {
                    *to = self.number(*from, *to);
                }
            }
        }
        reached
    }
}

/// At least one unit.
fn part(value: u64, share: f64) -> u64 {
    whole((float(value) * share).floor()).max(1)
}

#[cfg(test)]
mod tests;
