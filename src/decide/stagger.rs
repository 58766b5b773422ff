//! Staggering: which job starts later, which is paused and which goes on, so that those that run get the disk to themselves.
//!
//! Measured with four chiapos plots on a slow disk: four at once make 111 plots an hour, one after another 171. What costs is the
//! time with all of them at once, so a pause takes half of the running jobs; what loses least is to pause the least advanced and
//! to go on with the most advanced.
//!
//! What is controlled is the number of jobs at once, the limit: pressure lowers it, quiet raises it by one, and whenever a job
//! ends while others are held, the next takes its place. Without a limit a disk that is best with two jobs would end up with one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::effect::Effects;
use super::explain::{self, Side};
use super::hysteresis::Gate;
use super::pace::Pace;
use super::tick::{Tick, is_finishing, is_plotting};
use crate::plotter::JobId;
use crate::policy::{Measure, Stage};
use crate::pressure::Resource;
use crate::units::{float, whole};
use crate::world::JobView;

/// Why a job that had begun is held.
pub const IO_PRESSURE: &str = "io-pressure";
/// Why a job is held at its start.
pub const DEFERRED_START: &str = "deferred-start";
/// A job that appears now and is older than this was not started now: we were not looking.
const NEWBORN: Duration = Duration::from_secs(30);
/// A plot with less than this has hardly begun to fill its temp directory. Small test plots get this far within a tick.
const NO_PROGRESS: f64 = 0.05;

/// What a policy holds paused, and since when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stagger {
    held: BTreeMap<JobId, Held>,
    /// When a job was last let go.
    resumed: BTreeMap<JobId, Duration>,
    /// Jobs of the last tick; `None` before the first, when nobody can tell which job is new.
    seen: Option<BTreeSet<JobId>>,
    /// How many jobs may run at once, while anything is held or admission is closed.
    limit: Option<usize>,
    pace: Pace,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub reason: &'static str,
    pub since: Duration,
}

/// The stage that pauses, with its gate; absent if the policy has none.
pub type PauseStage<'a> = Option<(&'a Stage, &'a mut Gate)>;

impl Stagger {
    pub fn held(&self, id: &JobId) -> Option<Held> {
        self.held.get(id).copied()
    }

    /// One tick. Writes what it does to `changes`.
    pub fn step(
        &mut self,
        tick: &Tick<'_>,
        mut pause: PauseStage<'_>,
        closed_by: Option<&str>,
        effects: &mut Effects,
        changes: &mut Vec<String>,
    ) {
        self.held.retain(|id, _| tick.job(id).is_some());
        self.resumed.retain(|id, _| tick.job(id).is_some());
        self.bound(tick, closed_by.is_some());
        if let Some(why) = closed_by {
            self.defer_newborn(tick, why, changes);
        }
        self.seen = Some(tick.jobs.iter().map(|view| view.job.id.clone()).collect());
        let acted = self.follow_up(tick, pause.as_ref().map(|(stage, gate)| (*stage, &**gate)), effects, changes)
            || self.relax(tick, pause.as_ref().map(|(stage, gate)| (*stage, &**gate)), closed_by, effects, changes)
            || self.tighten(tick, pause.as_ref().map(|(stage, gate)| (*stage, &**gate)), effects, changes);
        if let Some((_, gate)) = pause.as_mut().filter(|_| acted) {
            gate.forget();
        }
    }

    /// Closed admission means no more jobs at once than there are; open admission with nothing held means no limit.
    fn bound(&mut self, tick: &Tick<'_>, closed: bool) {
        let newborn = |view: &&JobView| self.is_newborn(view, tick);
        if closed {
            let established = self.running(tick).iter().filter(|view| !newborn(view)).count();
            self.limit = self.limit.or(Some(established));
        } else if self.held.is_empty() {
            self.limit = None;
        }
        let least = tick.rules.guardrails.keep_running;
        self.limit = self.limit.map(|limit| limit.max(least));
    }

    /// Whether the job appeared with this tick and has not begun.
    fn is_newborn(&self, view: &JobView, tick: &Tick<'_>) -> bool {
        let young = tick.now.since(view.job.started) < NEWBORN;
        let new = self.seen.as_ref().is_some_and(|seen| !seen.contains(&view.job.id));
        new && young && view.job.progress.ratio.is_none_or(|ratio| ratio.0 < NO_PROGRESS)
    }

    /// The jobs that make plots now, as far as this policy lets them.
    pub fn running<'a>(&self, tick: &Tick<'a>) -> Vec<&'a JobView> {
        let let_go = |view: &&JobView| !self.held.contains_key(&view.job.id) && !is_finishing(view);
        // What was resumed in the last tick may not have been seen running yet.
        let just_resumed = |view: &JobView| {
            let settle = tick.rules.behavior.settle;
            self.resumed.get(&view.job.id).is_some_and(|at| tick.time().saturating_sub(*at) < settle)
        };
        tick.jobs.iter().copied().filter(let_go).filter(|view| is_plotting(view) || just_resumed(view)).collect()
    }

    /// Holds jobs that appear while admission is closed, before they have begun. One may take the place of a job that ended,
    /// unless somebody who is further advanced waits for it.
    fn defer_newborn(&mut self, tick: &Tick<'_>, why: &str, changes: &mut Vec<String>) {
        if tick.rules.guardrails.never.contains(&Measure::Pause) {
            return;
        }
        let (newborn, others): (Vec<&JobView>, Vec<&JobView>) =
            self.running(tick).into_iter().partition(|view| self.is_newborn(view, tick));
        let places = self.limit.unwrap_or(usize::MAX).saturating_sub(others.len() + self.held.len());
        let room = self.room_for_pauses(tick);
        let deferred = newborn.into_iter().filter(|view| !spared(view, tick)).skip(places).take(room);
        for view in deferred {
            changes.push(format!("held back {} at its start: admission is closed, {why}", view.job.id));
            self.held.insert(view.job.id.clone(), Held { reason: DEFERRED_START, since: tick.time() });
        }
    }

    /// Lets the next job take the place of one that has ended. Up to `keepRunning`, no signal, settling time or budget prevents
    /// it: never may all stand still. Beyond, up to the limit, the disk must be known not to suffer now.
    fn follow_up(
        &mut self,
        tick: &Tick<'_>,
        pause: Option<(&Stage, &Gate)>,
        effects: &mut Effects,
        changes: &mut Vec<String>,
    ) -> bool {
        let least = tick.rules.guardrails.keep_running;
        let bearable = pause.is_none_or(|(stage, _)| {
            tick.severity(stage.resource).is_some_and(|severity| severity < tick.rules.bands.cut_off(stage.band))
        });
        let places = if bearable { self.limit.unwrap_or(least).max(least) } else { least };
        let mut running = self.running(tick).len();
        let mut acted = false;
        while running < places {
            let Some(view) = self.most_advanced(tick, |_, _| true) else { break };
            let others = match running {
                0 => "no other plot was running".to_owned(),
                _ => format!("{running} of {places} that may run at once were running"),
            };
            self.resume(tick, view, &others, effects, changes);
            self.pace.note_action(tick.time());
            running += 1;
            acted = true;
        }
        acted
    }

    /// Resumes the most advanced once pressure has been low for a while.
    fn relax(
        &mut self,
        tick: &Tick<'_>,
        pause: Option<(&Stage, &Gate)>,
        closed_by: Option<&str>,
        effects: &mut Effects,
        changes: &mut Vec<String>,
    ) -> bool {
        let now = tick.time();
        let behavior = &tick.rules.behavior;
        if pause.is_some_and(|(stage, gate)| !gate.cleared(stage, now)) {
            return false;
        }
        if !self.pace.may_relax(now) || !self.pace.allows(behavior, now) {
            return false;
        }
        let may_go = |held: &Held, now: Duration| match held.reason {
            DEFERRED_START => closed_by.is_none(),
            _ => now.saturating_sub(held.since) >= behavior.cooldown,
        };
        let Some(view) = self.most_advanced(tick, may_go) else { return false };
        let why = match pause {
            Some((stage, _)) => explain::cause(tick, stage, Side::Cleared),
            None => "admission is open".to_owned(),
        };
        self.resume(tick, view, &why, effects, changes);
        self.pace.note_relaxed(now);
        self.limit = Some(self.running(tick).len());
        true
    }

    /// Pauses a share of the running jobs, the least advanced first, once pressure has been high for a while.
    fn tighten(
        &mut self,
        tick: &Tick<'_>,
        pause: Option<(&Stage, &Gate)>,
        effects: &mut Effects,
        changes: &mut Vec<String>,
    ) -> bool {
        let now = tick.time();
        let behavior = &tick.rules.behavior;
        let Some((stage, _)) = pause.filter(|(stage, gate)| gate.reached(stage, now)) else { return false };
        if !self.pace.allows(behavior, now) {
            return false;
        }
        let running = self.running(tick);
        let spare = running.len().saturating_sub(tick.rules.guardrails.keep_running).min(self.room_for_pauses(tick));
        let at_once = share_of(running.len(), behavior.pause_at_once).max(1).min(spare);
        let mut candidates: Vec<&JobView> =
            running.iter().copied().filter(|view| self.may_be_paused(view, tick)).collect();
        candidates.sort_by(|a, b| least_advanced_first(a, b));
        let why = explain::cause(tick, stage, Side::Reached);
        for (rank, view) in candidates.iter().take(at_once).enumerate() {
            let id = &view.job.id;
            let place = match rank {
                0 => "the least advanced".to_owned(),
                1 => "the second least advanced".to_owned(),
                _ => format!("the {}th least advanced", rank + 1),
            };
            let of = running.len();
            changes.push(format!("paused {id}: {why}; it was {place} ({}) of {of} running", explain::progress(view)));
            self.held.insert(id.clone(), Held { reason: IO_PRESSURE, since: now });
            effects.expect(tick, format!("paused {id}"), Resource::Io);
        }
        let acted = at_once > 0 && !candidates.is_empty();
        if acted {
            self.limit = Some(self.running(tick).len());
        }
        if acted && let Some(hold) = self.pace.note_tightened(behavior, now) {
            let (most, per) = (behavior.reversals.max, explain::duration(behavior.reversals.per));
            let hold = explain::duration(hold);
            changes.push(format!("holding what is paused for {hold}: more than {most} reversals within {per}"));
        }
        acted
    }

    fn resume(&mut self, tick: &Tick<'_>, view: &JobView, why: &str, effects: &mut Effects, changes: &mut Vec<String>) {
        let id = &view.job.id;
        let of = self.held.len();
        changes
            .push(format!("resumed {id}: {why}; it was the most advanced ({}) of {of} held", explain::progress(view)));
        self.held.remove(id);
        self.resumed.insert(id.clone(), tick.time());
        effects.expect(tick, format!("resumed {id}"), Resource::Io);
    }

    /// Of the held jobs that `may_go`. Those at their start have the least behind them, so they come last.
    fn most_advanced<'a>(&self, tick: &Tick<'a>, may_go: impl Fn(&Held, Duration) -> bool) -> Option<&'a JobView> {
        let free = |view: &&JobView| self.held.get(&view.job.id).is_some_and(|held| may_go(held, tick.time()));
        tick.jobs.iter().copied().filter(free).min_by(|a, b| most_advanced_first(a, b))
    }

    fn room_for_pauses(&self, tick: &Tick<'_>) -> usize {
        share_of(tick.jobs.len(), tick.rules.guardrails.max_paused).saturating_sub(self.held.len())
    }

    fn may_be_paused(&self, view: &JobView, tick: &Tick<'_>) -> bool {
        let cooldown = tick.rules.behavior.cooldown;
        let rested = self.resumed.get(&view.job.id).is_none_or(|at| tick.time().saturating_sub(*at) >= cooldown);
        let grown = view.running_time(tick.now) >= tick.rules.guardrails.min_run;
        rested && grown && !view.job.progress.stalled && !spared(view, tick)
    }
}

fn spared(view: &JobView, tick: &Tick<'_>) -> bool {
    tick.rules.guardrails.never_pause.contains(&view.job.profile)
}

/// `share` of `count`, rounded down.
fn share_of(count: usize, share: f64) -> usize {
    // A hair more, so that 75 % of 4 is 3 whatever the last bit of 0.75 says.
    let exact = float(count as u64) * share + 1e-6;
    usize::try_from(whole(exact.floor())).unwrap_or(usize::MAX)
}

/// Known progress before unknown: a job of which nothing is known is never the best choice. Ties: the youngest.
pub(super) fn least_advanced_first(a: &JobView, b: &JobView) -> Ordering {
    known_first(a, b, |a, b| a.total_cmp(&b)).then_with(|| b.job.started.cmp(&a.job.started))
}

/// Ties: the oldest.
fn most_advanced_first(a: &JobView, b: &JobView) -> Ordering {
    known_first(a, b, |a, b| b.total_cmp(&a)).then_with(|| a.job.started.cmp(&b.job.started))
}

fn known_first(a: &JobView, b: &JobView, by: impl Fn(f64, f64) -> Ordering) -> Ordering {
    match (a.job.progress.ratio, b.job.progress.ratio) {
        (Some(a), Some(b)) => by(a.0, b.0),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}
