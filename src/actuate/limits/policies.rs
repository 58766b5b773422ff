//! The limits that policies in force set: each for its own pauses, and guardrails for everybody.

use std::collections::BTreeSet;

use super::{Limits, PauseBound, Rates, Users};
use crate::mode::Mode;
use crate::policy::{Changes, Guardrail, Guardrails, Policy, Rules};
use crate::world::World;

impl Limits {
    /// Of one tick; `users` are those whom the operator allows by himself.
    pub fn of(policies: &[Policy], world: &World, users: &Users) -> Self {
        let mut limits = Self { users: users.clone(), ..Self::default() };
        for policy in policies.iter().filter(|policy| policy.control.mode == Mode::Enforce) {
            if let Rules::Guardrail(guardrail) = &policy.rules {
                limits.narrow(guardrail, world);
            } else if let Some(Guardrails { keep_running, max_paused, min_run, .. }) = policy.guardrails() {
                let selected = world.jobs.iter().filter(|view| policy.selects(&view.job));
                let jobs = selected.map(|view| view.job.id.clone()).collect();
                let bound = PauseBound { most: *max_paused, keep_running: *keep_running, min_run: *min_run };
                limits.of_policies.insert(policy.name.clone(), (jobs, bound));
            }
        }
        limits
    }

    fn narrow(&mut self, guardrail: &Guardrail, world: &World) {
        self.protected.extend(guardrail.protected.iter().cloned());
        let PauseBound { most, keep_running, min_run } = &mut self.pauses;
        *most = guardrail.max_paused.map_or(*most, |share| most.min(share));
        *keep_running = guardrail.keep_running.map_or(*keep_running, |keep| keep.max(*keep_running));
        *min_run = guardrail.min_run.map_or(*min_run, |least| least.max(*min_run));
        self.slow_down(&guardrail.changes);
        if guardrail.users_allowed.is_empty() {
            return;
        }
        // A name that owns no job need not be known.
        let named = |name: &String| {
            let owners = world.jobs.iter().map(|view| &view.job.owner);
            let number = || owners.clone().find(|owner| owner.name.as_ref() == Some(name)).map(|owner| owner.uid);
            name.parse().ok().or_else(number)
        };
        let allowed: BTreeSet<u32> = guardrail.users_allowed.iter().filter_map(named).collect();
        self.users = match &self.users {
            Users::Everybody => Users::Only(allowed),
            Users::Only(before) => Users::Only(before & &allowed),
        };
    }

    fn slow_down(&mut self, changes: &Changes) {
        let Rates { cooldown, burst, every, largest } = &mut self.rates;
        *cooldown = changes.cooldown.map_or(*cooldown, |least| least.max(*cooldown));
        *burst = changes.burst.map_or(*burst, |most| most.min(*burst));
        *every = changes.every.map_or(*every, |least| least.max(*every));
        for (kind, step) in &changes.largest {
            largest.entry(*kind).and_modify(|before| *before = before.stricter(*step)).or_insert(*step);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::claim::KnobKind;
    use crate::clock::Moment;
    use crate::policy::{LargestStep, Vocabulary, from_text};
    use crate::sample::HostSample;

    fn rates(changes: &[&str]) -> Rates {
        let document = |(number, changes): (usize, &&str)| {
            format!(
                "---\napiVersion: plotwarden/v1\nkind: Guardrail\nmetadata: {{name: g{number}}}\nspec: {{changes: {changes}}}\n"
            )
        };
        let text: String = changes.iter().enumerate().map(document).collect();
        let policies = from_text(Path::new("g.yaml"), &text, &Vocabulary::default()).unwrap().policies;
        let now = Moment { boot: Duration::ZERO, wall: SystemTime::UNIX_EPOCH };
        let world =
            World { now, host: HostSample::default(), jobs: Vec::new(), layout: Arc::default(), processes: None };
        Limits::of(&policies, &world, &Users::Everybody).rates
    }

    #[test]
    fn of_several_guardrails_the_stricter_rate_counts() {
        let patient = "{cooldown: 10s, every: 1s, largestSteps: [{knob: nice, decrease: 50%, increase: 10%}]}";
        let hasty = "{cooldown: 2s, burst: 7, every: 200ms, largestSteps: [{knob: nice, increase: 40%}]}";
        let step = LargestStep { decrease: Some(0.5), increase: Some(0.1) };
        let strict = Rates {
            cooldown: Duration::from_secs(10),
            burst: 7,
            every: Duration::from_secs(1),
            largest: [(KnobKind::Nice, step)].into(),
        };
        assert_eq!(rates(&[patient, hasty]), strict);
        assert_eq!(rates(&[hasty, patient]), strict);
    }

    /// The loosest that may be written is what holds without a guardrail, so that no guardrail makes anything faster.
    #[test]
    fn the_loosest_rates_are_those_without_a_guardrail() {
        assert_eq!(rates(&["{cooldown: 1s, burst: 2000, every: 100ms}"]), Rates::default());
        assert_eq!(rates(&["{}"]), Rates::default());
    }
}
