//! Makes the snapshot of a tick: what servers, page and metrics show until the next one.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use super::TICK;
use super::counts::Counts;
use super::policies::{Policies, Words};
use crate::actuate::{Actuator, Report};
use crate::alert::ActiveAlert;
use crate::arbiter::Wanted;
use crate::audit::Entry;
use crate::claim::{KnobKind, Target};
use crate::clock::Moment;
use crate::decide::Decision;
use crate::inventory::Inventory;
use crate::kernel::process_watch::Source;
use crate::metrics::{
    Gatherer, HistoryState, KnobState, LoopState, PolicyState, ProcessWatch, Reading, Reload, Snapshot,
};
use crate::mode::Mode;
use crate::plotter::Profiles;
use crate::policy::Policy;
use crate::sample::{Collectors, OwnSampler};
use crate::signal::Tally;
use crate::world::World;

/// Keeps what snapshots share and count.
pub struct Publisher {
    collectors: Collectors,
    counts: Counts,
    gatherer: Gatherer,
    own: OwnSampler,
    profiles: Arc<[String]>,
    started: SystemTime,
    ticks: u64,
}

/// What a tick leaves beside its world and its decisions.
pub struct Tick<'a> {
    pub policies: &'a Policies,
    pub inventory: &'a Arc<Inventory>,
    pub actuator: &'a Actuator,
    pub wanted: &'a Wanted,
    pub mode: Mode,
    pub source: &'a Source,
    pub guard_alive: Option<bool>,
    pub history: Option<HistoryState>,
    pub alerts: Arc<[ActiveAlert]>,
    pub finished: Moment,
}

impl Publisher {
    pub fn new(own: OwnSampler, profiles: &Profiles, collectors: Collectors, now: Moment) -> Self {
        let profiles = profiles.iter().map(|profile| profile.name().to_owned()).collect();
        Self {
            collectors,
            counts: Counts::default(),
            gatherer: Gatherer::default(),
            own,
            profiles,
            started: now.wall,
            ticks: 0,
        }
    }

    pub fn count(&mut self, world: &World, decisions: &[Decision], wanted: &Wanted, reports: &[Report]) {
        self.ticks += 1;
        self.counts.count(world, decisions, wanted, reports);
    }

    /// Takes in the decisions of one tick that changed something, as the audit file has them.
    pub fn count_decided(&mut self, entries: &[Entry]) {
        self.counts.count_decided(entries);
    }

    /// Ticks so far.
    pub fn ticks(&self) -> u64 {
        self.ticks
    }

    pub fn count_queries(&mut self, tally: Tally) {
        self.counts.counters.queries = tally;
    }

    pub fn count_sample_error(&mut self, part: &'static str) {
        *self.counts.counters.sample_errors.entry(part).or_default() += 1;
    }

    pub fn snapshot(&mut self, world: World, decisions: &[Decision], tick: &Tick) -> Snapshot {
        let mut counters = self.counts.counters.clone();
        counters.journal_open_records = u64::try_from(tick.actuator.held().count()).ok();
        let began = world.now;
        let mut snapshot = Snapshot {
            collectors: self.collectors,
            inventory: Arc::clone(tick.inventory),
            profiles: Arc::clone(&self.profiles),
            policies: self.policies(decisions, tick),
            reload: Reload {
                succeeded_at: Some(tick.policies.loaded_at),
                error: tick.policies.refused.clone(),
                commits: tick.policies.commits.clone(),
            },
            knobs: knobs(tick),
            counters,
            recent: self.counts.recent.iter().cloned().collect(),
            own: LoopState {
                version: env!("CARGO_PKG_VERSION"),
                mode: tick.mode,
                started: self.started,
                ticks: self.ticks,
                tick_duration: tick.finished.since(began.boot),
                tick_interval: TICK,
                process_watch: match tick.source {
                    Source::Events => ProcessWatch::Events,
                    Source::Sweep { .. } => ProcessWatch::Sweep,
                },
                guard_alive: tick.guard_alive,
                usage: self.own.sample(began),
            },
            history: tick.history.clone(),
            alerts: Arc::clone(&tick.alerts),
            samples: OnceLock::new(),
            world,
        };
        self.gatherer.gather(&mut snapshot);
        snapshot
    }

    fn policies(&self, decisions: &[Decision], tick: &Tick) -> Vec<PolicyState> {
        let decision = |name: &str| decisions.iter().find(|decision| decision.policy == name).cloned();
        let state = |(policy, words): (&Policy, &Words)| PolicyState {
            name: Arc::clone(&words.name),
            kind: policy.kind().name(),
            mode: policy.control.mode,
            hash: Arc::clone(&words.hash),
            decision: decision(&policy.name),
            effect: self.counts.effects.get(&policy.name).copied(),
        };
        tick.policies.with_words().map(state).collect()
    }
}

fn knobs(tick: &Tick) -> Vec<KnobState> {
    let state = |(target, knob): (&Target, KnobKind)| {
        let want = tick.wanted.settings.get(&(target.clone(), knob));
        let values = tick.actuator.values(target, knob);
        let reading = |text: Option<String>| text.map(|text| Reading { number: text.parse().ok(), text });
        KnobState {
            knob,
            target: target.to_string(),
            original: reading(values.original),
            wanted: want.and(reading(values.wanted)),
            actual: reading(values.actual),
            holders: want
                .map(|want| want.holders.iter().map(|holder| holder.policy.clone()).collect())
                .unwrap_or_default(),
            reason: want.map(|want| want.reason.to_owned()).unwrap_or_default(),
        }
    };
    tick.actuator.held().map(state).collect()
}
