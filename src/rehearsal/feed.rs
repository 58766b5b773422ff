//! What is measured at each step of a test: pressures and memory for local signals, answers for PromQL signals that the test gives by
//! name, and samples in the history for those that are really asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::recorded::Recorded;
use crate::clock::Moment;
use crate::history::Target;
use crate::policy::cases::{Case, Sample, Series, Source};
use crate::policy::{Asked, Gauge, Policy, PolicyError, Scope};
use crate::pressure::{Pressure, PressureSet, PressureState, Resource, Stall};
use crate::promql::Storage;
use crate::sample::{HostSample, MemorySample};
use crate::signal::{Heard, Inquiry, Names, inquiries};
use crate::units::{Bytes, Ratio, float, whole};
use crate::world::World;

/// Swap of a machine of which a test says only how full it is.
const SOME_SWAP: Bytes = Bytes(8 << 30);

/// The series of one test, by what they feed.
pub struct Feed {
    interval: Duration,
    gauges: Vec<(Gauge, Scope, Vec<Sample>)>,
    named: Vec<Named>,
    recorded: Recorded,
}

/// A PromQL signal whose answers the test gives.
struct Named {
    /// Its policy with this signal alone, to learn what it asks.
    asker: Policy,
    values: Vec<Sample>,
    /// The last value, and when it was measured.
    last: Option<(f64, Duration)>,
}

impl Feed {
    /// # Errors
    /// Two lines would say what is measured by one and the same gauge.
    pub fn new(case: &Case, policies: &[Policy], target: &Target) -> Result<Self, Vec<PolicyError>> {
        let mut feed =
            Self { interval: case.interval, gauges: Vec::new(), named: Vec::new(), recorded: Recorded::default() };
        let mut errors = Vec::new();
        for series in &case.series {
            match &series.of {
                Source::Signal { name, policy } => {
                    let meant = policies.iter().filter(|one| policy.as_ref().is_none_or(|policy| one.name == *policy));
                    for policy in meant {
                        errors.extend(feed.add_signal(policy, name, series).err());
                    }
                }
                Source::Metric { .. } => {
                    let added = feed.recorded.add(&series.of, &series.samples(), target);
                    errors.extend(added.err().map(|problem| series.spot.saying(problem, "")));
                }
            }
        }
        if errors.is_empty() { Ok(feed) } else { Err(errors) }
    }

    fn add_signal(&mut self, policy: &Policy, name: &str, series: &Series) -> Result<(), PolicyError> {
        let Some(question) = policy.signals().get(name) else { return Ok(()) };
        match &question.asked {
            Asked::Mean(mean) => {
                let known = self.gauges.iter().find(|(gauge, scope, _)| (*gauge, *scope) == (mean.gauge, mean.scope));
                match known {
                    Some((.., values)) if *values == series.samples() => {}
                    Some(_) => {
                        let problem = format!("{} is given twice, with different values", question.phrase());
                        return Err(series.spot.saying(problem, "signals that measure the same need only one line"));
                    }
                    None => self.gauges.push((mean.gauge, mean.scope, series.samples())),
                }
            }
            Asked::Trend(_) => {
                let asker = policy.asking_only(name);
                self.named.push(Named { asker, values: series.samples(), last: None });
            }
        }
        Ok(())
    }

    /// The samples of a moment: each holds until the next one.
    fn index(&self, elapsed: Duration) -> usize {
        usize::try_from(elapsed.as_millis() / self.interval.as_millis().max(1)).unwrap_or(usize::MAX)
    }

    /// What is measured of the machine as a whole, and of all jobs together.
    pub fn host(&self, case: &Case, elapsed: Duration) -> HostSample {
        let topology = case.topology;
        let free = |gauge: Gauge, total: Bytes| {
            let used = self.value(gauge, Scope::Machine, elapsed)?;
            Some(Bytes(whole((1.0 - used).clamp(0.0, 1.0) * float(total.0))))
        };
        let swap = if topology.swap == Bytes(0) && self.feeds(Gauge::SwapUsed) { SOME_SWAP } else { topology.swap };
        HostSample {
            pressure: self.pressure(Scope::Machine, elapsed),
            jobs_pressure: Some(self.pressure(Scope::Jobs, elapsed)),
            memory: Some(MemorySample {
                total: Some(topology.memory),
                available: free(Gauge::MemoryUsed, topology.memory),
                swap_total: Some(swap),
                swap_free: free(Gauge::SwapUsed, swap),
                ..MemorySample::default()
            }),
            ..HostSample::default()
        }
    }

    /// What is measured of the machine, of all jobs, or of each job.
    pub fn pressure(&self, scope: Scope, elapsed: Duration) -> PressureSet {
        let of = |resource: Resource| {
            let stall = |gauge: Gauge| {
                let recent = self.value(gauge, scope, elapsed).map(Ratio);
                recent.map(|recent| Stall { recent: Some(recent), ..Stall::default() })
            };
            match (stall(Gauge::Some(resource)), stall(Gauge::Full(resource))) {
                (None, None) => PressureState::Unreadable("the test gives no sample".to_owned()),
                (some, full) => PressureState::Measured(Pressure { some: some.unwrap_or_default(), full }),
            }
        };
        PressureSet { cpu: of(Resource::Cpu), memory: of(Resource::Memory), io: of(Resource::Io) }
    }

    fn feeds(&self, gauge: Gauge) -> bool {
        self.gauges.iter().any(|(fed, ..)| *fed == gauge)
    }

    fn value(&self, gauge: Gauge, scope: Scope, elapsed: Duration) -> Option<f64> {
        let (.., values) = self.gauges.iter().find(|(fed, whom, _)| (*fed, *whom) == (gauge, scope))?;
        match values.get(self.index(elapsed))? {
            Sample::Value(value) => Some(*value),
            Sample::Gap | Sample::Stale => None,
        }
    }

    /// The answers that the test gives by the name of the signal, as they stand now.
    pub fn heard(&mut self, world: &World, names: &Names, elapsed: Duration) -> BTreeMap<Inquiry, Heard> {
        let index = self.index(elapsed);
        let mut heard = BTreeMap::new();
        for named in &mut self.named {
            match named.values.get(index) {
                Some(Sample::Value(value)) => named.last = Some((*value, world.now.boot)),
                Some(Sample::Stale) => named.last = None,
                Some(Sample::Gap) | None => {}
            }
            let answer = match named.last {
                Some((value, sampled)) => Heard { value: Ok(value), sampled: Some(sampled), trouble: None },
                None => Heard { value: Err("the test gives no sample".to_owned()), sampled: None, trouble: None },
            };
            let asked = inquiries(std::slice::from_ref(&named.asker), world, names);
            heard.extend(asked.into_keys().map(|inquiry| (inquiry, answer.clone())));
        }
        heard
    }

    /// Appends to the history what is sampled now.
    pub fn record(&mut self, elapsed: Duration, now: Moment) {
        if elapsed.as_millis().is_multiple_of(self.interval.as_millis().max(1)) {
            self.recorded.append(self.index(elapsed), now.stamp());
        }
    }

    /// What PromQL asks, but for what the test answers by name.
    pub fn wanted(&self, policies: &[Policy], world: &World, names: &Names) -> BTreeMap<Inquiry, Duration> {
        let mut wanted = inquiries(policies, world, names);
        let answered: BTreeSet<Inquiry> = self
            .named
            .iter()
            .flat_map(|named| inquiries(std::slice::from_ref(&named.asker), world, names).into_keys())
            .collect();
        wanted.retain(|inquiry, _| !answered.contains(inquiry));
        wanted
    }

    pub fn storage(&self) -> &dyn Storage {
        &self.recorded
    }
}
