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

use super::budget::Budget;
use super::explain;
use super::pace::Pace;
use super::tick::{Scene, is_finishing, is_plotting};
use super::vain::{MOST_TRIES, Tries};
use crate::claim::DEFERRED_START;
use crate::plotter::JobId;
use crate::policy::Measure;
use crate::units::{float, whole};
use crate::world::JobView;

/// Why a job that had begun is held.
pub const IO_PRESSURE: &str = "io-pressure";
/// A pause is carried out in the tick that claims it, and seen in the next.
const TAKES_EFFECT: Duration = Duration::from_secs(3);
/// A job that appears now and is older than this was not started now: we were not looking.
const NEWBORN: Duration = Duration::from_secs(30);
/// A plot with less than this has hardly begun to fill its temp directory. Small test plots get this far within a scene.
const NO_PROGRESS: f64 = 0.05;

/// What a policy holds paused, and since when.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Stagger {
    held: BTreeMap<JobId, Held>,
    /// Jobs that could not be paused: their profile forbids it, somebody else resumes them, or a better claim won.
    unpausable: BTreeSet<JobId>,
    /// When a job was last let go.
    resumed: BTreeMap<JobId, Duration>,
    /// Jobs of the last scene; `None` before the first, when nobody can tell which job is new.
    seen: Option<BTreeSet<JobId>>,
    /// How many jobs may run at once, while anything is held or admission is closed.
    limit: Option<usize>,
    pace: Pace,
    tries: Tries,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    pub reason: &'static str,
    pub since: Duration,
}

/// Something that was done to one job.
#[derive(Debug, Clone, PartialEq)]
pub struct Deed {
    /// Such as `paused chiapos-7-99`.
    pub action: String,
    /// By which rule, with its numbers.
    pub why: String,
}

/// What the stage that pauses says in this tick.
#[derive(Debug, Clone, PartialEq)]
pub struct Pausing {
    /// Its trigger has held for long enough.
    pub reached: bool,
    /// Its clear has held for long enough.
    pub cleared: bool,
    /// One more running job does no harm now, as far as is known.
    pub bearable: bool,
    /// How bad it is, whatever the unit: a pause that helps makes it less. `None` if it is not known.
    pub badness: Option<f64>,
    /// Why the trigger holds, or the clear.
    pub why: String,
    pub reason: &'static str,
}

impl Stagger {
    pub fn held(&self, id: &JobId) -> Option<Held> {
        self.held.get(id).copied()
    }

    /// Whether a job that starts now is held, and why.
    pub fn defer(&mut self, scene: &Scene<'_>, closed_by: Option<&str>) -> Vec<String> {
        self.held.retain(|id, _| scene.job(id).is_some());
        self.resumed.retain(|id, _| scene.job(id).is_some());
        self.unpausable.retain(|id| scene.job(id).is_some());
        let mut lines = self.let_go_of_those_that_run(scene);
        self.bound(scene, closed_by.is_some());
        lines.extend(closed_by.map(|why| self.defer_newborn(scene, why)).unwrap_or_default());
        self.seen = Some(scene.jobs.iter().map(|view| view.job.id.clone()).collect());
        lines
    }

    /// Judges the last pause once its effect shows; a rehearsed one has none. Says so when no further one is made until it is clear.
    pub fn judge(&mut self, scene: &Scene<'_>, pause: Option<&Pausing>) -> Option<String> {
        let Some(pause) = pause.filter(|pause| !pause.cleared) else {
            self.tries = Tries::default();
            return None;
        };
        let is_due = scene.enforced && pause.reached && self.pace.settled(scene.behavior, scene.time());
        let is_enough = is_due && self.tries.judge(pause.badness);
        is_enough
            .then(|| format!("no further pause until it is clear: the last {MOST_TRIES} did not help; {}", pause.why))
    }

    /// Whether pauses have turned out to do nothing.
    pub fn is_futile(&self) -> bool {
        self.tries.are_vain()
    }

    /// Pauses or resumes; at most one kind of action in a scene.
    pub fn act(
        &mut self,
        scene: &Scene<'_>,
        pause: Option<&Pausing>,
        admission_open: bool,
        budget: &mut Budget,
    ) -> Vec<Deed> {
        let mut deeds = self.follow_up(scene, pause);
        let at_will = deeds.is_empty() && budget.allows(scene.behavior, scene.time());
        if at_will {
            deeds.extend(self.relax(scene, pause, admission_open));
        }
        if at_will && deeds.is_empty() {
            deeds = self.tighten(scene, pause);
        }
        if !deeds.is_empty() {
            budget.spend(scene.time());
        }
        deeds
    }

    /// A pause that did not take is no pause: whoever counted on it would let all others stand still beside a job that runs.
    fn let_go_of_those_that_run(&mut self, scene: &Scene<'_>) -> Vec<String> {
        let runs = |id: &JobId| scene.job(id).is_some_and(|view| view.pause.since.is_none());
        let late = |held: &Held| scene.time().saturating_sub(held.since) >= TAKES_EFFECT;
        let failed = self.held.extract_if(.., |id, held| scene.enforced && late(held) && runs(id));
        let failed: Vec<JobId> = failed.map(|(id, _)| id).collect();
        self.unpausable.extend(failed.iter().cloned());
        failed
            .iter()
            .map(|id| format!("{id} goes on although it should be paused; it is left alone from now on"))
            .collect()
    }

    /// Closed admission means no more jobs at once than there are; open admission with nothing held means no limit.
    fn bound(&mut self, scene: &Scene<'_>, closed: bool) {
        let newborn = |view: &&JobView| self.is_newborn(view, scene);
        if closed {
            let established = self.running(scene).iter().filter(|view| !newborn(view)).count();
            self.limit = self.limit.or(Some(established));
        } else if self.held.is_empty() {
            self.limit = None;
        }
        let least = scene.guardrails.keep_running;
        self.limit = self.limit.map(|limit| limit.max(least));
    }

    /// Whether the job appeared with this scene and has not begun.
    fn is_newborn(&self, view: &JobView, scene: &Scene<'_>) -> bool {
        let young = scene.now.since(view.job.started) < NEWBORN;
        let new = self.seen.as_ref().is_some_and(|seen| !seen.contains(&view.job.id));
        new && young && view.job.progress.ratio.is_none_or(|ratio| ratio.0 < NO_PROGRESS)
    }

    /// The jobs that make plots now, as far as this policy lets them.
    pub fn running<'a>(&self, scene: &Scene<'a>) -> Vec<&'a JobView> {
        let let_go = |view: &&JobView| !self.held.contains_key(&view.job.id) && !is_finishing(view);
        // What was resumed in the last scene may not have been seen running yet.
        let just_resumed = |view: &JobView| {
            let settle = scene.behavior.settle;
            self.resumed.get(&view.job.id).is_some_and(|at| scene.time().saturating_sub(*at) < settle)
        };
        scene.jobs.iter().copied().filter(let_go).filter(|view| is_plotting(view) || just_resumed(view)).collect()
    }

    /// Holds jobs that appear while admission is closed, before they have begun. One may take the place of a job that ended,
    /// unless somebody who is further advanced waits for it.
    fn defer_newborn(&mut self, scene: &Scene<'_>, why: &str) -> Vec<String> {
        if scene.guardrails.never.contains(&Measure::Pause) {
            return Vec::new();
        }
        let (newborn, others): (Vec<&JobView>, Vec<&JobView>) =
            self.running(scene).into_iter().partition(|view| self.is_newborn(view, scene));
        let places = self.limit.unwrap_or(usize::MAX).saturating_sub(others.len() + self.held.len());
        let room = self.room_for_pauses(scene);
        let deferrable = newborn.into_iter().filter(|view| !self.is_spared(view, scene));
        let deferred: Vec<&JobView> = deferrable.skip(places).take(room).collect();
        let held = Held { reason: DEFERRED_START, since: scene.time() };
        self.held.extend(deferred.iter().map(|view| (view.job.id.clone(), held)));
        let line = |view: &&JobView| format!("held back {} at its start: admission is closed, {why}", view.job.id);
        deferred.iter().map(line).collect()
    }

    /// Lets the next job take the place of one that has ended. Up to `keepRunning`, no signal, settling time or budget prevents
    /// it: never may all stand still. Beyond, up to the limit, the disk must be known not to suffer now.
    fn follow_up(&mut self, scene: &Scene<'_>, pause: Option<&Pausing>) -> Vec<Deed> {
        let least = scene.guardrails.keep_running;
        let bearable = pause.is_none_or(|pause| pause.bearable);
        let places = if bearable { self.limit.unwrap_or(least).max(least) } else { least };
        let mut deeds = Vec::new();
        for running in self.running(scene).len()..places {
            let Some(view) = self.most_advanced(scene, |_| true) else { break };
            let why = match running {
                0 => "no other plot was running".to_owned(),
                _ => format!("{running} of {places} that may run at once were running"),
            };
            deeds.push(self.resume(scene, view, &why));
            self.pace.note_action(scene.time());
        }
        deeds
    }

    /// Resumes the most advanced once pressure has been low for a while.
    fn relax(&mut self, scene: &Scene<'_>, pause: Option<&Pausing>, admission_open: bool) -> Option<Deed> {
        let now = scene.time();
        let behavior = scene.behavior;
        let quiet = pause.is_none_or(|pause| pause.cleared);
        if !quiet || !self.pace.may_relax(now) || !self.pace.settled(behavior, now) {
            return None;
        }
        let view = self.most_advanced(scene, |held| match held.reason {
            DEFERRED_START => admission_open,
            _ => now.saturating_sub(held.since) >= behavior.cooldown,
        })?;
        let why = match pause {
            Some(pause) => pause.why.clone(),
            None => "admission is open".to_owned(),
        };
        let deed = self.resume(scene, view, &why);
        self.pace.note_relaxed(now);
        self.limit = Some(self.running(scene).len());
        Some(deed)
    }

    /// Pauses a share of the running jobs, the least advanced first, once pressure has been high for a while.
    fn tighten(&mut self, scene: &Scene<'_>, pause: Option<&Pausing>) -> Vec<Deed> {
        let now = scene.time();
        let behavior = scene.behavior;
        let Some(pause) = pause.filter(|pause| pause.reached) else { return Vec::new() };
        if self.is_futile() || !self.pace.settled(behavior, now) {
            return Vec::new();
        }
        let running = self.running(scene);
        let spare = running.len().saturating_sub(scene.guardrails.keep_running).min(self.room_for_pauses(scene));
        let at_once = share_of(running.len(), behavior.pause_at_once).max(1).min(spare);
        let mut picked: Vec<&JobView> =
            running.iter().copied().filter(|view| self.may_be_paused(view, scene)).collect();
        picked.sort_by(|a, b| least_advanced_first(a, b));
        picked.truncate(at_once);
        if picked.is_empty() {
            return Vec::new();
        }
        let held = Held { reason: pause.reason, since: now };
        self.held.extend(picked.iter().map(|view| (view.job.id.clone(), held)));
        self.limit = Some(self.running(scene).len());
        self.tries.note(pause.badness);
        let mut why = pause.why.clone();
        if let Some(length) = self.pace.note_tightened(behavior, now) {
            let [length, per] = [length, behavior.reversals.per].map(explain::duration);
            let most = behavior.reversals.max;
            why = format!("{why}, and nothing is relaxed for {length} after more than {most} reversals within {per}");
        }
        (0..).zip(&picked).map(|(rank, view)| paused(view, &why, rank, running.len())).collect()
    }

    fn resume(&mut self, scene: &Scene<'_>, view: &JobView, why: &str) -> Deed {
        let id = &view.job.id;
        let (progress, of) = (explain::progress(view), self.held.len());
        self.held.remove(id);
        self.tries.interrupt();
        self.resumed.insert(id.clone(), scene.time());
        let why = format!("{why}; it was the most advanced ({progress}) of {of} held");
        Deed { action: format!("resumed {id}"), why }
    }

    /// Of the held jobs that `may_go`. Those at their start have the least behind them, so they come last.
    fn most_advanced<'a>(&self, scene: &Scene<'a>, may_go: impl Fn(&Held) -> bool) -> Option<&'a JobView> {
        let free = |view: &&JobView| self.held.get(&view.job.id).is_some_and(&may_go);
        scene.jobs.iter().copied().filter(free).min_by(|a, b| most_advanced_first(a, b))
    }

    fn room_for_pauses(&self, scene: &Scene<'_>) -> usize {
        share_of(scene.jobs.len(), scene.guardrails.max_paused).saturating_sub(self.held.len())
    }

    fn is_spared(&self, view: &JobView, scene: &Scene<'_>) -> bool {
        self.unpausable.contains(&view.job.id) || scene.guardrails.never_pause.contains(&view.job.profile)
    }

    fn may_be_paused(&self, view: &JobView, scene: &Scene<'_>) -> bool {
        let cooldown = scene.behavior.cooldown;
        let rested = self.resumed.get(&view.job.id).is_none_or(|at| scene.time().saturating_sub(*at) >= cooldown);
        let grown = view.running_time(scene.now) >= scene.guardrails.min_run;
        rested && grown && !view.job.progress.stalled && !self.is_spared(view, scene)
    }
}

/// `rank` 0 is the least advanced of the `running` jobs.
fn paused(view: &JobView, why: &str, rank: usize, running: usize) -> Deed {
    let place = match rank {
        0 => "the least advanced".to_owned(),
        1 => "the second least advanced".to_owned(),
        _ => format!("the {}th least advanced", rank + 1),
    };
    let why = format!("{why}; it was {place} ({}) of {running} running", explain::progress(view));
    Deed { action: format!("paused {}", view.job.id), why }
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
