//! The limits that policies in force set: each for its own pauses, and guardrails for everybody.

use std::collections::BTreeSet;

use super::{Limits, PauseBound, Users};
use crate::mode::Mode;
use crate::policy::{Guardrail, Guardrails, Policy, Rules};
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
}
