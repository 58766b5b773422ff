//! Keeps the policies in force and what each of them remembers; reads them again when their files change.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::SystemTime;

use crate::actuate::{Limits, PauseBound, Users};
use crate::clock::Moment;
use crate::decide::{self, Decision};
use crate::mode::Mode;
use crate::policy::{
    self, Fingerprint, Guardrails, OnExit, Outcome, Policy, PolicyError, PolicySet, Reloader, Vocabulary,
};
use crate::signal::Signals;
use crate::world::World;

/// The policies of this node.
pub struct Policies {
    /// Empty for the shipped ones, which do not change.
    paths: Vec<PathBuf>,
    vocabulary: Vocabulary,
    most: Mode,
    reloader: Reloader,
    states: BTreeMap<String, decide::State>,
    pub loaded_at: SystemTime,
    /// Why the last reload was refused, if it was.
    pub refused: Option<String>,
}

impl Policies {
    /// Loads the policies at `paths`, or the shipped ones. None of them goes further than `most`.
    ///
    /// # Errors
    /// All that is wrong with any of them: a first start has no last good set to fall back on.
    pub fn load(
        paths: Vec<PathBuf>,
        vocabulary: Vocabulary,
        most: Mode,
        now: Moment,
    ) -> Result<Self, Vec<PolicyError>> {
        let seen = Fingerprint::take(&paths);
        let set = read(&paths, &vocabulary, most)?;
        for warning in &set.warnings {
            tracing::warn!("{warning}");
        }
        let reloader = Reloader::new(set, seen);
        Ok(Self { paths, vocabulary, most, reloader, states: BTreeMap::new(), loaded_at: now.wall, refused: None })
    }

    pub fn in_force(&self) -> &[Policy] {
        &self.reloader.in_force().policies
    }

    /// Reads the files again if they have changed and lie still.
    pub fn follow_files(&mut self, now: Moment) {
        if self.paths.is_empty() {
            return;
        }
        let seen = Fingerprint::take(&self.paths);
        if self.reloader.should_read(&seen) {
            self.take(seen, now);
        }
    }

    /// Reads the files again on the operator's demand.
    pub fn reload(&mut self, now: Moment) {
        let seen = Fingerprint::take(&self.paths);
        self.take(seen, now);
    }

    /// Names of the policies whose settings outlive a clean exit.
    pub fn kept_on_exit(&self) -> BTreeSet<String> {
        let keeps = |policy: &&Policy| policy.control.on_exit == OnExit::Keep;
        self.in_force().iter().filter(keeps).map(|policy| policy.name.clone()).collect()
    }

    /// What holds in a tick beyond what each policy keeps to by itself: its bounds on pauses count the pauses of others as well.
    pub fn limits(&self, world: &World, users: &Users) -> Limits {
        let enforced = self.in_force().iter().filter(|policy| policy.control.mode == Mode::Enforce);
        let of_policy = |policy: &Policy| {
            let selected = world.jobs.iter().filter(|view| policy.selector.selects(&view.job));
            let jobs = selected.map(|view| view.job.id.clone()).collect();
            let Guardrails { keep_running, max_paused, min_run, .. } = policy.rules.guardrails;
            (policy.name.clone(), (jobs, PauseBound { most: max_paused, keep_running, min_run }))
        };
        Limits { users: users.clone(), of_policies: enforced.map(of_policy).collect(), ..Limits::default() }
    }

    /// One decision of each policy. What a policy that has gone remembered is forgotten; its claims lapse with it.
    pub fn decide(&mut self, world: &World, signals: &Signals) -> Vec<Decision> {
        let policies = &self.reloader.in_force().policies;
        self.states.retain(|name, _| policies.iter().any(|policy| policy.name == *name));
        policies
            .iter()
            .map(|policy| {
                let state = self.states.entry(policy.name.clone()).or_default();
                decide::decide(policy, state, world, signals, world.now)
            })
            .collect()
    }

    fn take(&mut self, seen: Fingerprint, now: Moment) {
        match self.reloader.offer(read(&self.paths, &self.vocabulary, self.most), seen) {
            Outcome::Replaced { added, removed, changed } => {
                (self.loaded_at, self.refused) = (now.wall, None);
                tracing::info!(?added, ?removed, ?changed, "policies reloaded");
            }
            Outcome::Same => {
                (self.loaded_at, self.refused) = (now.wall, None);
                tracing::info!("policies read again: nothing has changed");
            }
            Outcome::Refused(errors) => {
                for error in &errors {
                    tracing::error!("{error}");
                }
                tracing::error!(problems = errors.len(), "policies not reloaded: the last good ones stay in force");
                self.refused = errors.first().map(ToString::to_string);
            }
        }
    }
}

fn read(paths: &[PathBuf], vocabulary: &Vocabulary, most: Mode) -> Result<PolicySet, Vec<PolicyError>> {
    let set = if paths.is_empty() { policy::shipped(vocabulary) } else { policy::load(paths, vocabulary) };
    set.map(|set| set.capped(most))
}
