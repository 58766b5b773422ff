//! How fast the CPUs go and what holds them up: frequencies, throttling, run queues. These are many files, and some kernels
//! (before 5.18, on x86) sleep 10 ms in the reading of one frequency: they are read every few seconds beside the tick.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::frequency::Frequencies;
use super::throttle::ThrottleCounters;
use super::{CpuFrequency, CpuSample, RunQueue, Throttles};
use crate::clock::Moment;
use crate::kernel::Roots;
use crate::kernel::file::KeptFile;
use crate::sample::background::{Background, Crew};
use crate::sample::collector::{Collector, Collectors};
use crate::sample::host::SampleProblem;

const PERIOD: Duration = Duration::from_secs(5);
/// A machine that tells nothing of all this, as most virtual ones, does not begin to tell soon.
const LOOK_AGAIN: Duration = Duration::from_mins(1);
const PART: &str = "cpu-pace";

/// What is read of the CPUs every few seconds. What this machine does not have is empty or `None`.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct CpuPaceSample {
    /// In the order of the policies of cpufreq.
    pub frequencies: Vec<CpuFrequency>,
    pub throttles: Throttles,
    pub run_queues: Option<Vec<RunQueue>>,
    /// Why the run queues could not be read, although they are there.
    pub problem: Option<String>,
}

/// Reads them again and again, with files kept open until CPUs come or go.
#[derive(Debug)]
pub(crate) struct CpuPaceSampler {
    files: Arc<Mutex<Files>>,
    reading: Background<Arc<CpuPaceSample>>,
}

#[derive(Debug)]
struct Files {
    roots: Roots,
    collectors: Collectors,
    schedstat: KeptFile,
    /// `None` before the first reading.
    of_cpus: Option<OfCpus>,
}

/// The files of the CPUs that are online.
#[derive(Debug)]
struct OfCpus {
    cpus: Vec<u32>,
    frequencies: Frequencies,
    throttles: ThrottleCounters,
}

impl CpuPaceSampler {
    pub(crate) fn new(roots: &Roots) -> Self {
        let schedstat = KeptFile::new(roots.proc("schedstat"));
        let files = Files { roots: roots.clone(), collectors: Collectors::ALL, schedstat, of_cpus: None };
        Self { files: Arc::new(Mutex::new(files)), reading: Background::new(PERIOD, &Crew::default()) }
    }

    pub(crate) fn collecting(self, collectors: Collectors) -> Self {
        self.files.lock().unwrap_or_else(PoisonError::into_inner).collectors = collectors;
        self
    }

    /// The last reading, of at most a few seconds ago; `None` before the first, and while a reading is late.
    pub(crate) fn sample(
        &mut self,
        now: Moment,
        cpu: Option<&CpuSample>,
        problems: &mut Vec<SampleProblem>,
    ) -> Option<Arc<CpuPaceSample>> {
        let Self { files, reading } = self;
        if let Some(answer) = reading.answer()
            && *answer.value == CpuPaceSample::default()
            && now.since(answer.begun) < LOOK_AGAIN
        {
            return Some(Arc::clone(&answer.value));
        }
        reading.poll(now, || {
            let cpus: Vec<u32> = cpu.iter().flat_map(|cpu| &cpu.cpus).map(|(cpu, _)| *cpu).collect();
            let files = Arc::clone(files);
            move || Arc::new(files.lock().unwrap_or_else(PoisonError::into_inner).read(now, cpus))
        });
        if let Some(late) = reading.late(now) {
            let reason = format!("no answer of cpufreq and schedstat for {} s", late.as_secs());
            problems.push(SampleProblem { part: PART, reason });
            return None;
        }
        let answer = Arc::clone(&reading.answer()?.value);
        if let Some(reason) = &answer.problem {
            problems.push(SampleProblem { part: PART, reason: reason.clone() });
        }
        Some(answer)
    }
}

impl Files {
    fn read(&mut self, now: Moment, cpus: Vec<u32>) -> CpuPaceSample {
        let queues = self.collectors.has(Collector::RunQueues).then(|| self.schedstat.read(RunQueue::parse_all));
        let (run_queues, problem) = match queues {
            Some(Ok(queues)) => (Some(queues), None),
            Some(Err(error)) if !error.is_gone() => (None, Some(error.to_string())),
            Some(Err(_)) | None => (None, None),
        };
        if !self.collectors.has(Collector::CpuPace) {
            return CpuPaceSample { run_queues, problem, ..CpuPaceSample::default() };
        }
        let of_cpus = match self.of_cpus.take().filter(|known| known.cpus == cpus) {
            Some(known) => known,
            None => OfCpus::find(&self.roots, cpus),
        };
        let OfCpus { frequencies, throttles, .. } = self.of_cpus.insert(of_cpus);
        CpuPaceSample { frequencies: frequencies.read(now), throttles: throttles.read(), run_queues, problem }
    }
}

impl OfCpus {
    fn find(roots: &Roots, cpus: Vec<u32>) -> Self {
        Self { frequencies: Frequencies::find(roots), throttles: ThrottleCounters::find(roots, &cpus), cpus }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::kernel::fixture::{Fixture, at};
    use crate::sample::CpuTimes;
    use crate::units::Hertz;

    fn second(number: u64) -> Moment {
        at(Duration::from_secs(number))
    }

    fn cpus(count: u32) -> CpuSample {
        CpuSample { cpus: (0..count).map(|cpu| (cpu, CpuTimes::default())).collect(), ..CpuSample::default() }
    }

    /// Asks until there is an answer that was begun at `now` or later.
    fn take(sampler: &mut CpuPaceSampler, now: Moment, cpu: &CpuSample) -> Arc<CpuPaceSample> {
        let start = Instant::now();
        loop {
            let mut problems = Vec::new();
            let sample = sampler.sample(now, Some(cpu), &mut problems);
            if let Some(sample) = sample
                && sampler.reading.answer().is_some_and(|answer| answer.begun >= now.boot)
            {
                return sample;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "no answer");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn everything_that_a_desktop_tells_is_read() {
        let fixture = Fixture::of_machine("desktop");
        let mut sampler = CpuPaceSampler::new(&fixture.roots);
        let sample = take(&mut sampler, second(10), &cpus(8));
        assert_eq!((sample.frequencies.len(), sample.throttles.cores.len()), (8, 4));
        assert_eq!(sample.throttles.packages, [(0, 5)]);
        assert_eq!(sample.frequencies[7].current, Some(Hertz(4_400_122_000.0)));
        assert_eq!(sample.run_queues.as_ref().unwrap()[3].waiting, Duration::from_millis(250));
    }

    #[test]
    fn a_cpu_that_went_is_told_no_more() {
        let fixture = Fixture::of_machine("desktop");
        let mut sampler = CpuPaceSampler::new(&fixture.roots);
        take(&mut sampler, second(10), &cpus(8));
        fixture.remove("sys/devices/system/cpu/cpufreq/policy7");
        let sample = take(&mut sampler, second(20), &cpus(7));
        assert_eq!((sample.frequencies.len(), sample.throttles.cores.len()), (7, 4));
    }

    #[test]
    fn where_nothing_of_it_is_there_nothing_is_wrong() {
        let mut sampler = CpuPaceSampler::new(&Fixture::new().roots);
        assert_eq!(*take(&mut sampler, second(10), &cpus(1)), CpuPaceSample::default());
        let fixture = Fixture::new();
        fixture.file("proc/schedstat", "version 99\n");
        let mut sampler = CpuPaceSampler::new(&fixture.roots);
        take(&mut sampler, second(10), &cpus(1));
        let mut problems = Vec::new();
        sampler.sample(second(11), None, &mut problems);
        assert!(problems[0].reason.contains("version 99"), "{problems:?}");
    }
}
