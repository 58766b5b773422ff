//! A machine made of plain data, one tick a second, whose pauses are those that the policy claims.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::claim::{Setting, Target};
use crate::clock::Moment;
use crate::decide::{Decision, State, decide};
use crate::kernel::process::{Identity, RunState};
use crate::mode::Mode;
use crate::plotter::{Arguments, Job, JobId, Needs, Owner, Phase, Progress};
use crate::policy::{Contention, Policy, Reversals, Rules, Vocabulary, from_text, shipped};
use crate::pressure::{Pressure, PressureSet, PressureState, Stall};
use crate::sample::{HostSample, JobSample};
use crate::signal::{Heard, Names, Signals, inquiries};
use crate::units::Ratio;
use crate::world::{JobView, PauseView, World};

/// Pressures of one tick; `None` where nothing could be read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Felt {
    pub io: Option<f64>,
    pub cpu: Option<f64>,
    pub memory: Option<f64>,
}

impl Felt {
    /// Everything calm but the disk.
    pub fn io(share: f64) -> Self {
        Self { io: Some(share), cpu: Some(0.0), memory: Some(0.0) }
    }

    /// Everything calm but the cores.
    pub fn cpu(share: f64) -> Self {
        Self { cpu: Some(share), ..Self::io(0.0) }
    }

    /// Everything calm but memory.
    pub fn memory(share: f64) -> Self {
        Self { memory: Some(share), ..Self::io(0.0) }
    }
}

pub struct Scene {
    pub policy: Policy,
    pub state: State,
    pub signals: Signals,
    pub jobs: Vec<JobView>,
    pub now: Duration,
    /// Everything that was said so far, with the second in which it was.
    pub said: Vec<(u64, String)>,
    pub last: Decision,
    /// A job whose pauses do not take.
    pub unpausable: Option<u32>,
}

/// `stagger-by-pressure`.
pub fn shipped_policy() -> Policy {
    named("stagger-by-pressure")
}

/// `farm-first`, switched on.
pub fn farm_first() -> Policy {
    let mut policy = named("farm-first");
    policy.control.mode = Mode::Enforce;
    policy
}

fn named(name: &str) -> Policy {
    let vocabulary = Vocabulary { metrics: crate::metrics::names(), ..Vocabulary::default() };
    shipped(&vocabulary).unwrap().policies.into_iter().find(|policy| policy.name == name).unwrap()
}

/// `stagger-by-pressure` with edits of its text.
pub fn edited(edits: &[(&str, &str)]) -> Policy {
    let mut text = include_str!("../../../policies/stagger-by-pressure.yaml").to_owned();
    for (from, to) in edits {
        assert!(text.contains(from), "no `{from}`");
        text = text.replacen(from, to, 1);
    }
    from_text(Path::new("edited.yaml"), &text, &Vocabulary::default()).unwrap().policies.remove(0)
}

pub fn job(number: u32, started: Duration, ratio: f64) -> JobView {
    let plotter = Identity { pid: i32::try_from(number).unwrap(), start_ticks: 1 };
    JobView {
        job: Job {
            id: JobId::from(format!("chiapos-{number}").as_str()),
            profile: "chiapos".to_owned(),
            plotter,
            processes: vec![plotter],
            owner: Owner { uid: 1000, name: Some("chia".to_owned()) },
            started,
            arguments: Arguments::default(),
            progress: Progress { phase: Some(Phase::Number(1)), ratio: Some(Ratio(ratio)), ..Progress::default() },
            needs: Needs::default(),
        },
        sample: JobSample { state: Some(RunState::Running), ..JobSample::default() },
        pause: PauseView::default(),
    }
}

impl Scene {
    pub fn new(policy: Policy) -> Self {
        Self {
            policy,
            state: State::default(),
            signals: Signals::default(),
            jobs: Vec::new(),
            now: Duration::from_secs(1000),
            said: Vec::new(),
            last: Decision::default(),
            unpausable: None,
        }
    }

    /// With `count` jobs that have run for a while; the first is the most advanced.
    pub fn with_jobs(policy: Policy, count: u32) -> Self {
        let mut scene = Self::new(policy);
        for number in 1..=count {
            let ratio = 0.5 - 0.1 * f64::from(number);
            scene.jobs.push(job(number, scene.now.saturating_sub(Duration::from_secs(100 - u64::from(number))), ratio));
        }
        scene
    }

    /// The rules of the policy, to be changed.
    pub fn rules(&mut self) -> &mut Contention {
        match &mut self.policy.rules {
            Rules::Contention(rules) => rules,
            other => panic!("no contention: {other:?}"),
        }
    }

    /// How often the policy may go to and fro, to be changed.
    pub fn reversals(&mut self) -> &mut Reversals {
        match &mut self.policy.rules {
            Rules::Contention(rules) => &mut rules.behavior.reversals,
            Rules::Staged(_, rules) => &mut rules.behavior.reversals,
            other => panic!("nothing goes to and fro: {other:?}"),
        }
    }

    /// A plot starts now.
    pub fn start(&mut self, number: u32) {
        self.jobs.push(job(number, self.now, 0.0));
    }

    pub fn end(&mut self, number: u32) {
        self.jobs.retain(|view| view.job.plotter.pid != i32::try_from(number).unwrap());
    }

    /// One second passes in which `felt` was measured.
    pub fn tick(&mut self, felt: Felt) -> &Decision {
        self.pass(Duration::from_secs(1), felt)
    }

    pub fn pass(&mut self, step: Duration, felt: Felt) -> &Decision {
        self.now += step;
        let world = self.world(felt);
        self.signals.observe(&world);
        self.last = decide(&self.policy, &mut self.state, &world, &self.signals, world.now);
        self.actuate(step);
        let second = self.now.as_secs() - 1000;
        self.said.extend(self.last.changes.iter().map(|line| (second, line.clone())));
        &self.last
    }

    fn world(&self, felt: Felt) -> World {
        let set = pressure_set(felt);
        World {
            now: Moment { boot: self.now, wall: SystemTime::UNIX_EPOCH },
            host: HostSample { pressure: set.clone(), jobs_pressure: Some(set), ..HostSample::default() },
            jobs: self.jobs.clone(),
            layout: Arc::default(),
            processes: None,
        }
    }

    /// What every question in PromQL is answered with from now on; the sample behind it is of now.
    pub fn answer(&mut self, value: f64) {
        let heard = Heard { value: Ok(value), sampled: Some(self.now), trouble: None };
        let wanted = inquiries(std::slice::from_ref(&self.policy), &self.world(Felt::default()), &Names::default());
        let heard = wanted.into_keys().map(|inquiry| (inquiry, heard.clone())).collect();
        self.signals.hear(Names::default(), heard);
    }

    /// What the actuator would do with the claims.
    fn actuate(&mut self, step: Duration) {
        let paused = self.paused();
        for view in &mut self.jobs {
            if let Some((_, reason)) = &view.pause.since {
                *view.pause.total.entry(reason.clone()).or_default() += step;
            }
            let takes = self.unpausable.is_none_or(|number| i32::try_from(number).unwrap() != view.job.plotter.pid);
            let reason = paused.get(view.job.id.as_str()).filter(|_| takes);
            view.pause.since = match (reason, view.pause.since.take()) {
                (Some(_), Some(since)) => Some(since),
                (Some(reason), None) => Some((self.now, (*reason).to_owned())),
                (None, _) => None,
            };
        }
    }

    pub fn ticks(&mut self, count: u32, felt: Felt) {
        for _ in 0..count {
            self.tick(felt);
        }
    }

    /// The jobs claimed to be paused, with the reason.
    pub fn paused(&self) -> BTreeMap<String, &'static str> {
        let claims = self.last.claims.iter().filter(|claim| claim.setting == Setting::Paused);
        claims.map(|claim| (claim.target.to_string(), claim.reason)).collect()
    }

    pub fn paused_numbers(&self) -> Vec<u32> {
        self.paused().keys().map(|id| id.trim_start_matches("chiapos-").parse().unwrap()).collect()
    }

    /// The settings claimed for a job.
    pub fn settings(&self, number: u32) -> Vec<Setting> {
        let target = Target::Job(JobId::from(format!("chiapos-{number}").as_str()));
        self.last.claims.iter().filter(|claim| claim.target == target).map(|claim| claim.setting.clone()).collect()
    }

    /// Whether anything said so far contains `part`.
    pub fn said(&self, part: &str) -> bool {
        self.said.iter().any(|(_, line)| line.contains(part))
    }
}

fn pressure_set(felt: Felt) -> PressureSet {
    let state = |share: Option<f64>| {
        share.map_or(PressureState::Unreadable("dropped by the test".to_owned()), |share| {
            let stall = Stall { recent: Some(Ratio(share)), ..Stall::default() };
            PressureState::Measured(Pressure { some: stall, full: Some(stall) })
        })
    };
    PressureSet { cpu: state(felt.cpu), memory: state(felt.memory), io: state(felt.io) }
}
