//! NVIDIA's GPUs. A library that is not there is no problem, a GPU that answers nothing is one.

use std::path::Path;

use super::{GpuSample, PART};
use crate::kernel::nvml::{Answer, Direction, Gpu, GpuClock, Library, NoNvml};
use crate::sample::SampleProblem;

pub(super) fn samples(library: &Path, problems: &mut Vec<SampleProblem>) -> Vec<GpuSample> {
    let mut problem = |reason: String| problems.push(SampleProblem { part: PART, reason });
    let library = match Library::open(library) {
        Ok(library) => library,
        Err(NoNvml::Absent(_)) => return Vec::new(),
        Err(NoNvml::Broken(reason)) => {
            problem(reason);
            return Vec::new();
        }
    };
    let count = library.count().unwrap_or_else(|error| {
        problem(error.to_string());
        0
    });
    let mut samples = Vec::new();
    for index in 0..count {
        match library.gpu(index) {
            Ok(gpu) => {
                let mut questions = Questions::default();
                samples.push(sample(index, &gpu, &mut questions));
                questions.why_all_failed().map(&mut problem);
            }
            Err(error) => problem(error.to_string()),
        }
    }
    samples
}

fn sample(index: u32, gpu: &Gpu, questions: &mut Questions) -> GpuSample {
    let utilisation = questions.ask(gpu.utilisation());
    let memory = questions.ask(gpu.memory());
    let clock = |(clock, name): (GpuClock, &'static str)| Some((name, questions.ask(gpu.clock(clock))?));
    let clocks = GpuClock::ALL.into_iter().filter_map(clock).collect();
    GpuSample {
        gpu: index.to_string(),
        utilisation: utilisation.map(|(computing, _)| computing),
        memory_utilisation: utilisation.map(|(_, memory)| memory),
        memory_total: memory.map(|memory| memory.total),
        memory_used: memory.map(|memory| memory.used),
        memory_free: memory.map(|memory| memory.free),
        temperature: questions.ask(gpu.temperature()),
        power: questions.ask(gpu.power_draw()),
        power_limit: questions.ask(gpu.power_limit_enforced()),
        energy: questions.ask(gpu.energy()),
        clocks,
        clock_limits: questions.ask(gpu.clock_limits()),
        fans: gpu.fans().into_iter().map(|speed| questions.ask(speed)).collect(),
        corrected_errors: questions.ask(gpu.corrected_errors()),
        uncorrected_errors: questions.ask(gpu.uncorrected_errors()),
        link_received: questions.ask(gpu.link_throughput(Direction::Received)),
        link_sent: questions.ask(gpu.link_throughput(Direction::Sent)),
        link_replays: questions.ask(gpu.link_replays()),
        link_generation: questions.ask(gpu.link_generation()),
        link_lanes: questions.ask(gpu.link_lanes()),
        processes: questions.ask(gpu.processes()),
    }
}

/// A GPU that does not tell one thing is an ordinary one; one that tells nothing has a problem.
#[derive(Debug, Default)]
struct Questions {
    any_answered: bool,
    last_failure: Option<String>,
}

impl Questions {
    fn ask<T>(&mut self, answer: Answer<T>) -> Option<T> {
        match answer {
            Ok(value) => {
                self.any_answered |= value.is_some();
                value
            }
            Err(error) => {
                self.last_failure = Some(error.to_string());
                None
            }
        }
    }

    fn why_all_failed(self) -> Option<String> {
        self.last_failure.filter(|_| !self.any_answered)
    }
}
