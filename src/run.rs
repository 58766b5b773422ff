//! The loop. One tick, read from top to bottom, is the whole program; this is the only file that knows all rooms.
//!
//! The loop has a thread of its own, and so have the servers: whoever asks slowly does not slow it down, and whoever asks
//! often is answered from the last tick.

mod alerts;
mod complaints;
mod counts;
mod discovery;
mod forecast;
mod history;
mod jobs;
mod layout;
mod orders;
mod policies;
mod publish;
mod questions;
mod service;
mod vigil;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::actuate::{Actuator, JobHandle, Limits, Report, Users, guard};
use crate::arbiter::{self, Guardrails, Wanted};
use crate::audit::{self, AuditLog};
use crate::claim::Claim;
use crate::clock::Moment;
use crate::decide::Decision;
use crate::kernel::page_by_page::PageByPage;
use crate::kernel::service_manager::ServiceManager;
use crate::kernel::{Roots, clock, own_memory};
use crate::metrics::Snapshot;
use crate::mode::Mode;
use crate::plotter::RuntimeKnob;
use crate::sample::{HostSampler, News, Sweeper};
use crate::signal::Signals;
use crate::world::{JobView, World};

pub use forecast::{selector as forecast_selector, standard as standard_forecast};
pub use jobs::{Jobs, Look, Treatment};
pub use service::{HistorySettings, ProcessSettings, RunError, Settings, run};

use alerts::AlertWatch;
use complaints::Complaints;
use discovery::Discovery;
use history::HistoryFeed;
use layout::LayoutWatch;
use orders::{Order, Orders, Wake};
use policies::Policies;
use publish::Publisher;
use questions::Questions;
use vigil::Vigil;

/// Between two ticks. A pause or a resume that comes a tick late costs a plot a second.
const TICK: Duration = Duration::from_secs(1);

/// After so many ticks everything that runs often has run, and the rest of the program need not stay in memory.
const STARTED: u64 = 30;

/// A tick that was stopped or starved for longer than this before it could act does not act.
const STALE: Duration = Duration::from_secs(5);

/// Everything that the loop keeps from one tick to the next.
struct Loop {
    roots: Roots,
    mode: Mode,
    discovery: Discovery,
    layout: LayoutWatch,
    host: HostSampler,
    jobs: Jobs,
    vigil: Vigil,
    /// `None` where other processes are not looked at.
    sweeper: Option<Sweeper>,
    signals: Signals,
    questions: Questions,
    policies: Policies,
    guardrails: Guardrails,
    /// Whose processes may be touched.
    users: Users,
    actuator: Actuator,
    guard: Option<Guarded>,
    manager: ServiceManager,
    audit: AuditLog,
    complaints: Complaints,
    publisher: Publisher,
    snapshots: watch::Sender<Option<Arc<Snapshot>>>,
    history: HistoryFeed,
    alerts: AlertWatch,
    /// From when the start has been given back.
    page_by_page: Option<PageByPage>,
}

/// The guard, and whether it stood by in the last tick.
struct Guarded {
    guard: guard::Guard,
    is_alive: bool,
}

impl Loop {
    /// Turns until it is told to stop; then everything is put back.
    fn turn(mut self, orders: &Orders<Order>) -> bool {
        let mut due = Duration::ZERO;
        loop {
            let now = clock::now();
            let is_due = now.boot >= due;
            // Without events a look is a sweep, which is not for every turn.
            let changed = (is_due || self.jobs.hears_events()) && self.look(now);
            if changed || is_due {
                self.tick(now);
                if let Err(error) = self.manager.turned() {
                    tracing::debug!(%error, "cannot tell the service manager that all is well");
                }
                due = now.boot + TICK;
            }
            match self.rest(orders, now, due) {
                Wake::Order(Order::Reload) => self.read_again(clock::now()),
                Wake::Order(Order::Stop) | Wake::Deserted => return self.stop(clock::now()),
                Wake::Order(Order::Restart) => return self.hand_over(clock::now()),
                Wake::News | Wake::Rested => {}
            }
            self.policies.follow_files();
        }
    }

    /// Rests until the next tick is due, an order comes, or processes do; news right after a look wait for more of them.
    fn rest(&self, orders: &Orders<Order>, looked: Moment, due: Duration) -> Wake<Order> {
        let until = |moment: Duration| moment.saturating_sub(clock::now().boot);
        let news = self.jobs.news().filter(|_| self.vigil.is_awake());
        match orders.wait(news, until(due)) {
            Wake::News => orders.wait(None, until(due.min(looked.boot + self.vigil.pause()))),
            wake => wake,
        }
    }

    /// One tick: sample, decide, join, act, say, publish.
    fn tick(&mut self, now: Moment) {
        self.keep_guarded(now);
        let world = self.sample(now);
        self.discovery.follow(now, &world.host);
        self.complaints.follow(&world);
        self.signals.observe(&world);
        self.questions.exchange(self.policies.in_force(), &world, &mut self.signals);
        let decisions = self.policies.decide(&world, &self.signals);
        let claims: Vec<Claim> = decisions.iter().flat_map(|decision| decision.claims.clone()).collect();
        let (claims, refused) = self.guardrails.permit(claims, self.policies.in_force(), &world);
        let wanted = arbiter::join(&claims, now).with_denied(refused);
        if clock::now().since(now.boot) > STALE {
            tracing::warn!("held up in the middle of a tick; what was decided is about a machine that is no more");
            return;
        }
        let handles = self.handles(&world);
        self.actuator.limit(Limits::of(self.policies.in_force(), &world, &self.users));
        let reports = self.actuator.tick(now, &wanted, &handles);

        self.say(now, &decisions, &wanted, &reports);
        self.publish(world, &decisions, &wanted, &reports);
        if self.publisher.ticks() == STARTED {
            self.page_by_page = own_memory::give_back();
        }
    }

    fn sample(&mut self, now: Moment) -> World {
        let Self { roots, actuator, jobs, host, sweeper, discovery, layout, .. } = self;
        let layout = Arc::clone(layout.follow(discovery.current(), actuator));
        let views = jobs.sample(now, |job| Treatment::of(actuator, roots, job, now));
        let mut host = host.sample(now);
        let Some(sweeper) = sweeper else {
            drop(jobs.take_arrivals());
            return World { now, host, jobs: views, layout, processes: None };
        };
        let processes = sweeper.poll(now, || News {
            appeared: jobs.take_arrivals(),
            jobs: pids_of(&views),
            memory_total: host.memory.as_ref().and_then(|memory| memory.total),
        });
        host.problems.extend(sweeper.problems(now));
        World { now, host, jobs: views, layout, processes }
    }

    /// What the operator asks for when policies or hardware have changed.
    fn read_again(&mut self, now: Moment) {
        self.policies.reload();
        self.discovery.request(now);
    }

    /// Takes in which processes came and went. `true` if that changed the jobs, which is worth a tick at once.
    fn look(&mut self, now: Moment) -> bool {
        match self.jobs.look(now) {
            Ok(Look { had_news, changed }) => {
                self.vigil.looked(had_news, changed);
                changed
            }
            Err(error) => {
                self.publisher.count_sample_error("processes");
                tracing::debug!(%error, "cannot look for new processes");
                false
            }
        }
    }

    fn handles(&self, world: &World) -> Vec<JobHandle> {
        let may_pause = |view: &JobView| {
            let profile = self.jobs.profiles().get(&view.job.profile);
            profile.is_some_and(|profile| profile.allows(RuntimeKnob::Pause))
        };
        world.jobs.iter().map(|view| JobHandle::new(&view.job, may_pause(view))).collect()
    }

    /// A sign of life for the guard, and another guard if the last one is gone.
    fn keep_guarded(&mut self, now: Moment) {
        let Some(Guarded { guard, is_alive }) = &mut self.guard else { return };
        if let Err(error) = self.actuator.beat(now) {
            tracing::error!(%error, "cannot tell the guard that all is well; it will put everything back");
        }
        let kept = guard.keep_alive();
        *is_alive = kept.is_ok();
        match kept {
            Ok(false) => {}
            Ok(true) => {
                tracing::warn!("the guard was gone; another one was started");
                if let Some(identity) = guard.identity() {
                    self.actuator.protect(identity);
                }
            }
            Err(error) => tracing::error!(%error, "nobody guards this machine while plotwarden is gone"),
        }
    }

    /// Every decision that changed something: one structured log line each, one line of the audit file, and one more of its count.
    fn say(&mut self, now: Moment, decisions: &[Decision], wanted: &Wanted, reports: &[Report]) {
        for damaged in self.actuator.take_damaged() {
            tracing::error!("{damaged}");
        }
        let entries = audit::entries(now, decisions, wanted, reports);
        self.publisher.count_decided(&entries);
        for entry in &entries {
            entry.log();
            if let Err(error) = self.audit.append(entry)
                && self.audit.lost() == 1
            {
                tracing::error!(%error, "audit lines are being lost; free space in {}", self.roots.run.display());
            }
        }
    }

    fn publish(&mut self, world: World, decisions: &[Decision], wanted: &Wanted, reports: &[Report]) {
        self.publisher.count(&world, decisions, wanted, reports);
        self.publisher.count_queries(self.questions.tally());
        let loose_ends = publish::Tick {
            policies: &self.policies,
            inventory: self.discovery.current(),
            actuator: &self.actuator,
            wanted,
            mode: self.mode,
            source: self.jobs.source(),
            guard_alive: self.guard.as_ref().map(|guard| guard.is_alive),
            history: self.history.state(),
            alerts: self.alerts.active(),
            finished: clock::now(),
        };
        let snapshot = Arc::new(self.publisher.snapshot(world, decisions, &loose_ends));
        self.snapshots.send_replace(Some(Arc::clone(&snapshot)));
        self.history.append(snapshot);
    }

    /// The end before a new start, if there is a guard to see to it that one comes.
    fn hand_over(mut self, now: Moment) -> bool {
        self.keep_guarded(now);
        if !self.guard.as_ref().is_some_and(|guard| guard.is_alive) {
            return self.stop(now);
        }
        match self.actuator.hand_over(now) {
            Ok(()) => {
                tracing::info!(
                    "ending for a restart; what is held stays, and is put back in a few seconds if nobody comes"
                );
                true
            }
            Err(error) => {
                tracing::warn!(%error, "cannot hand over; putting everything back instead");
                self.stop(now)
            }
        }
    }

    /// The clean end. `true` if everything is as it was before.
    fn stop(mut self, now: Moment) -> bool {
        if let Err(error) = self.manager.stopping() {
            tracing::debug!(%error, "cannot tell the service manager that we end");
        }
        let keep = self.policies.kept_on_exit();
        match self.actuator.shutdown(now, &keep) {
            Ok(report) => {
                let complete = report.is_complete();
                if let Some(entry) = audit::farewell(now, &report.reports) {
                    entry.log();
                    if let Err(error) = self.audit.append(&entry) {
                        tracing::error!(%error, "an audit line is lost");
                    }
                }
                if !complete {
                    tracing::error!(open = report.kept, "not everything could be put back; run `plotwarden restore`");
                }
                complete
            }
            Err(error) => {
                tracing::error!(%error, "cannot put back what was changed; run `plotwarden restore`");
                false
            }
        }
    }
}

/// All processes of all jobs, sorted.
fn pids_of(jobs: &[JobView]) -> Vec<i32> {
    let mut pids: Vec<i32> = jobs.iter().flat_map(|view| &view.job.processes).map(|process| process.pid).collect();
    pids.sort_unstable();
    pids
}
