//! Plays a test: one step after another, each as a tick of the loop, with the clock of the test.

use std::time::{Duration, SystemTime};

use super::feed::Feed;
use super::machine::Machine;
use super::scratch::Scratch;
use super::seen::{Reversals, Seen};
use crate::actuate::{Actuator, Limits, OpenError, Report, Users};
use crate::arbiter::{self, Guardrails, Wanted};
use crate::claim::Claim;
use crate::clock::Moment;
use crate::decide::{self, Decision};
use crate::history::Target;
use crate::kernel::Roots;
use crate::mode::Mode;
use crate::plotter::Profiles;
use crate::policy::cases::Case;
use crate::policy::{OnExit, Policy, PolicyError, Scope};
use crate::signal::{Names, Rehearsed, Signals};
use crate::world::World;

/// Between two steps, as between two ticks of the loop.
const STEP: Duration = Duration::from_secs(1);
/// Jobs that are as they should be are looked at thread by thread this often, as in the loop.
const REST: Duration = Duration::from_secs(10);
/// How long the machine of a test has been up when the test begins: longer than any plot has run.
const UPTIME: Duration = Duration::from_hours(60 * 24);
/// The wall clock of a test that does not say: Monday, 2026-01-05 12:00 UTC.
const NOON: Duration = Duration::from_hours(491_004);

/// Why a test could not be played.
#[derive(Debug, thiserror::Error)]
pub enum CannotPlay {
    /// The test itself is wrong.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<PolicyError>),
    #[error("no directory for the journal of a test can be made: {0}")]
    Scratch(#[from] std::io::Error),
    #[error(transparent)]
    Actuator(#[from] OpenError),
}

/// What one step decided and did.
pub(super) struct Done {
    pub decisions: Vec<Decision>,
    pub wanted: Wanted,
    pub reports: Vec<Report>,
}

/// One test under way.
pub struct Player<'a> {
    case: &'a Case,
    profiles: &'a Profiles,
    policies: Vec<Policy>,
    states: Vec<decide::State>,
    machine: Machine,
    feed: Feed,
    guardrails: Guardrails,
    signals: Signals,
    rehearsed: Rehearsed,
    actuator: Actuator,
    reversals: Reversals,
    target: Target,
    start: Moment,
    /// Whether the test asks for what has been put back.
    looks_at_changes: bool,
    _scratch: Scratch,
}

impl<'a> Player<'a> {
    /// `policies` are all that are known; those that the test names are put in force.
    ///
    /// # Errors
    /// The test cannot mean what it says, or there is no room for a journal.
    pub fn new(case: &'a Case, policies: &[Policy], profiles: &'a Profiles) -> Result<Self, CannotPlay> {
        check_plotters(case, profiles)?;
        let policies: Vec<Policy> = policies
            .iter()
            .filter(|policy| case.policies.contains(&policy.name))
            .cloned()
            .map(|mut policy| {
                policy.control.mode = case.mode;
                policy
            })
            .collect();
        let target = Target { job: "plotwarden".to_owned(), instance: "localhost:9037".to_owned() };
        let feed = Feed::new(case, &policies, &target).map_err(CannotPlay::Wrong)?;
        let start = Moment { boot: UPTIME, wall: case.start.unwrap_or(SystemTime::UNIX_EPOCH + NOON) };
        let machine = Machine::new(case, profiles, start);
        let scratch = Scratch::make()?;
        let roots = Roots { run: scratch.path().to_owned(), ..Roots::standard() };
        let (mut actuator, _) = Actuator::open(&roots, Box::new(machine.kernel()), Mode::Enforce, start)?;
        actuator.rest_for(REST);
        Ok(Self {
            case,
            profiles,
            states: vec![decide::State::default(); policies.len()],
            policies,
            machine,
            feed,
            guardrails: Guardrails::default(),
            signals: Signals::default(),
            rehearsed: Rehearsed::default(),
            actuator,
            reversals: Reversals::default(),
            target,
            start,
            looks_at_changes: case.expect.iter().any(|expectation| expectation.restored.is_some()),
            _scratch: scratch,
        })
    }

    /// Every step up to the last expectation.
    pub fn play(&mut self) -> Vec<Seen> {
        let steps = self.case.length().as_secs();
        (0..=steps).map(|step| self.step(Duration::from_secs(step))).collect()
    }

    /// One step.
    pub fn step(&mut self, elapsed: Duration) -> Seen {
        let Done { decisions, wanted, reports } = self.tick(elapsed);
        self.reversals.take(&reports);
        let paused = self.machine.halted();
        self.machine.note_starts(&paused);
        let changed = if self.looks_at_changes { self.machine.changed(false) } else { Vec::new() };
        let running = self.machine.running(&paused);
        let (starts, reversals) = (self.machine.starts(), self.reversals.count);
        Seen { paused, running, starts, reversals, changed, ..Seen::of(elapsed, decisions, wanted, &reports) }
    }

    /// Read as a tick of the loop.
    pub(super) fn tick(&mut self, elapsed: Duration) -> Done {
        let now = self.moment(elapsed);
        let step = if elapsed.is_zero() { Duration::ZERO } else { STEP };
        self.machine.advance(step, elapsed, now, self.profiles);
        let each = self.feed.pressure(Scope::Each, elapsed);
        let world = World {
            now,
            host: self.feed.host(self.case, elapsed),
            jobs: self.machine.views(&self.actuator, &each, now),
            layout: self.machine.layout(),
            processes: None,
        };
        self.signals.observe(&world);
        let names = Names::of(&self.target, &world);
        let mut heard = self.rehearsed.heard();
        heard.extend(self.feed.heard(&world, &names, elapsed));
        self.signals.hear(names.clone(), heard);
        let decisions = self.decide(&world);
        let claims: Vec<Claim> = decisions.iter().flat_map(|decision| decision.claims.clone()).collect();
        let (claims, refused) = self.guardrails.permit(claims, &self.policies, &world);
        let wanted = arbiter::join(&claims, now).with_denied(refused);
        self.actuator.limit(Limits::of(&self.policies, &world, &Users::Everybody));
        let reports = self.actuator.tick(now, &wanted, &self.machine.handles());

        self.feed.record(elapsed, now);
        self.rehearsed.ask(&self.feed.wanted(&self.policies, &world, &names), self.feed.storage(), now);
        Done { decisions, wanted, reports }
    }

    /// The end, as a clean exit is one. What is not as it was before the test, in words; nothing where a policy keeps its settings.
    pub fn end(self) -> Vec<String> {
        let Self { machine, actuator, policies, .. } = self;
        if policies.iter().any(|policy| policy.control.on_exit == OnExit::Keep) {
            return Vec::new();
        }
        let now = Moment { boot: self.start.boot + self.case.length() + STEP, wall: self.start.wall };
        match actuator.shutdown(now, &std::collections::BTreeSet::new()) {
            Ok(_) => machine.changed(true),
            Err(error) => vec![format!("everything: {error}")],
        }
    }

    pub(super) fn moment(&self, elapsed: Duration) -> Moment {
        Moment { boot: self.start.boot + elapsed, wall: self.start.wall + elapsed }
    }

    fn decide(&mut self, world: &World) -> Vec<Decision> {
        let decided = self.policies.iter().zip(&mut self.states);
        decided.map(|(policy, state)| decide::decide(policy, state, world, &self.signals, world.now)).collect()
    }
}

fn check_plotters(case: &Case, profiles: &Profiles) -> Result<(), CannotPlay> {
    let unknown = case.jobs.iter().filter(|job| profiles.get(&job.plotter).is_none());
    let names: Vec<&str> = profiles.iter().map(crate::plotter::Profile::name).collect();
    let error = |job: &crate::policy::cases::GivenJob| {
        let hint = format!("known here: {}", names.join(", "));
        job.spot.saying(format!("there is no plotter `{}`", job.plotter), hint)
    };
    let errors: Vec<PolicyError> = unknown.map(error).collect();
    if errors.is_empty() { Ok(()) } else { Err(CannotPlay::Wrong(errors)) }
}
