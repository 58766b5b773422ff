//! Replays two sets of policies over the same past, and keeps the claims in which they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use super::record::Record;
use crate::claim::{Claim, KnobKind, Setting, Target};
use crate::decide;
use crate::plotter::JobId;
use crate::policy::{Answerer, PolicySet};
use crate::rehearsal::seen::is_plumbing;
use crate::signal::{Names, Rehearsed, Signals, Stored, inquiries};

/// What two sets would have claimed differently.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Replay {
    pub from: Option<SystemTime>,
    pub until: Option<SystemTime>,
    /// Moments that were replayed.
    pub samples: usize,
    /// Plots that the history tells of.
    pub jobs: usize,
    /// Signals that only a Prometheus server could have answered, as `policy/signal`.
    pub unanswered: BTreeSet<String>,
    pub differences: Vec<Difference>,
}

/// One claim that differs for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub from: SystemTime,
    /// The last sample at which it does.
    pub until: SystemTime,
    pub policy: String,
    pub knob: KnobKind,
    pub target: Target,
    /// `None` if there is no such claim.
    pub old: Option<String>,
    pub new: Option<String>,
}

type Claimed = BTreeMap<(String, Target, KnobKind), String>;

/// Replays both sets over all samples of `record`.
pub fn replay(old: &PolicySet, new: &PolicySet, record: &Record) -> Replay {
    let (mut old, mut new) = (Side::of(old), Side::of(new));
    let mut open: BTreeMap<(String, Target, KnobKind), Difference> = BTreeMap::new();
    let mut closed = Vec::new();
    for &at in &record.stamps {
        let (was, is) = (old.step(record, at), new.step(record, at));
        let keys: BTreeSet<_> = was.keys().chain(is.keys()).chain(open.keys()).cloned().collect();
        let wall = record.moment(at).wall;
        for key in keys {
            let (before, after) = (was.get(&key).cloned(), is.get(&key).cloned());
            if let Some(known) = open.get_mut(&key) {
                if (&known.old, &known.new) == (&before, &after) {
                    known.until = wall;
                    continue;
                }
                closed.extend(open.remove(&key));
            }
            if before != after {
                let (policy, target, knob) = key.clone();
                open.insert(key, Difference { from: wall, until: wall, policy, knob, target, old: before, new: after });
            }
        }
    }
    closed.extend(open.into_values());
    closed.sort_by(|a, b| (a.from, &a.policy, a.knob, &a.target).cmp(&(b.from, &b.policy, b.knob, &b.target)));
    let wall = |at: Option<&i64>| at.map(|at| record.moment(*at).wall);
    Replay {
        from: wall(record.stamps.first()),
        until: wall(record.stamps.last()),
        samples: record.stamps.len(),
        jobs: record.jobs(),
        unanswered: old.unanswered().chain(new.unanswered()).collect(),
        differences: closed,
    }
}

/// One set of policies, and what it remembers.
struct Side<'a> {
    set: &'a PolicySet,
    states: Vec<decide::State>,
    signals: Signals,
    rehearsed: Rehearsed,
    /// What this set would hold paused.
    paused: BTreeMap<JobId, (Duration, String)>,
}

impl<'a> Side<'a> {
    fn of(set: &'a PolicySet) -> Self {
        Self {
            set,
            states: vec![decide::State::default(); set.policies.len()],
            signals: Signals::default(),
            rehearsed: Rehearsed::default(),
            paused: BTreeMap::new(),
        }
    }

    fn step(&mut self, record: &Record, at: i64) -> Claimed {
        let world = record.world(at, &self.paused);
        self.signals.observe(&world);
        let names = Names::of(&record.target, &world);
        self.signals.hear(names.clone(), self.rehearsed.heard());
        let decided = self.set.policies.iter().zip(&mut self.states);
        let claims: Vec<Claim> = decided
            .flat_map(|(policy, state)| decide::decide(policy, state, &world, &self.signals, world.now).claims)
            .collect();
        let mut wanted = inquiries(&self.set.policies, &world, &names);
        wanted.retain(|inquiry, _| inquiry.answerer == Answerer::Embedded);
        self.rehearsed.ask(&wanted, &Stored(record.history()), world.now);
        self.follow_pauses(&claims, world.now.boot);
        claims.iter().filter(|claim| !is_plumbing(claim.setting.kind())).map(shown).collect()
    }

    /// A pause that is claimed is taken to be carried out; whether it was in the past is another matter.
    fn follow_pauses(&mut self, claims: &[Claim], now: Duration) {
        let claimed: BTreeMap<&JobId, &'static str> = claims
            .iter()
            .filter(|claim| claim.setting == Setting::Paused && !claim.dry_run)
            .filter_map(|claim| Some((claim.target.job()?, claim.reason)))
            .collect();
        self.paused.retain(|id, _| claimed.contains_key(id));
        for (id, reason) in claimed {
            self.paused.entry(id.clone()).or_insert_with(|| (now, reason.to_owned()));
        }
    }

    fn unanswered(&self) -> impl Iterator<Item = String> {
        self.set.policies.iter().flat_map(|policy| {
            let by_server = policy.signals().iter().filter(|(_, question)| {
                matches!(&question.asked, crate::policy::Asked::Trend(trend) if trend.answerer == Answerer::Prometheus)
            });
            by_server.map(|(name, _)| format!("{}/{name}", policy.name))
        })
    }
}

fn shown(claim: &Claim) -> ((String, Target, KnobKind), String) {
    let mode = if claim.dry_run { " (rehearsed)" } else { "" };
    let key = (claim.claimant.policy.clone(), claim.target.clone(), claim.setting.kind());
    (key, format!("{}{mode}", claim.setting))
}
