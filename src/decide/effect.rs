//! What came of an action: the signal before it, and after it had time to settle.

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
    signal: String,
    before: Option<f64>,
    at: Duration,
}

impl Effects {
    /// Remembers an action that is to change `resource`.
    pub fn expect(&mut self, tick: &Tick<'_>, action: String, resource: Resource) {
        let driver = tick.reading(resource).and_then(|reading| reading.driver).map(|(anchor, _)| anchor.signal.clone());
        let declared = || tick.rules.anchors.iter().find(|anchor| anchor.resource == resource);
        let Some(signal) = driver.or_else(|| declared().map(|anchor| anchor.signal.clone())) else { return };
        self.pending.push(Pending { action, before: tick.value(&signal), signal, at: tick.time() });
    }

    /// Those that have settled by now.
    pub fn settled(&mut self, tick: &Tick<'_>) -> Vec<Effect> {
        let settle = tick.scene.behavior.settle.max(Duration::from_secs(1));
        let is_due = |pending: &mut Pending| tick.time().saturating_sub(pending.at) >= settle;
        self.pending
            .extract_if(.., is_due)
            .map(|done| Effect {
                elapsed: tick.time().saturating_sub(done.at),
                after: tick.value(&done.signal),
                unit: tick.rules.unit(&done.signal),
                action: done.action,
                signal: done.signal,
                before: done.before,
            })
            .collect()
    }
}

impl Effect {
    /// `effect of paused chiapos-7-99 after 3s: disk 84% -> 41%`.
    pub fn sentence(&self) -> String {
        let share = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| self.unit.show(value));
        format!(
            "effect of {} after {:.0}s: {} {} -> {}",
            self.action,
            self.elapsed.as_secs_f64(),
            self.signal,
            share(self.before),
            share(self.after)
        )
    }
}
