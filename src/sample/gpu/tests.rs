use std::thread;
use std::time::Instant;

use super::*;
use crate::kernel::fixture::{Fixture, at};
use crate::kernel::nvml::fake::{Driver, FakeNvml};

fn second(number: u64) -> Moment {
    at(Duration::from_secs(number))
}

fn sampler(fake: &FakeNvml) -> GpuSampler {
    let mut roots = Fixture::new().roots;
    roots.nvml = fake.path().to_owned();
    GpuSampler::new(&roots)
}

/// Samples at this simulated second until there is an answer to see.
fn settle(sampler: &mut GpuSampler, number: u64) -> (Option<GpuSamples>, Vec<SampleProblem>) {
    let start = Instant::now();
    let before = sampler.reading.answer().map(|answer| answer.begun);
    loop {
        let mut problems = Vec::new();
        let sample = sampler.sample(second(number), &mut problems);
        if sampler.reading.answer().map(|answer| answer.begun) != before {
            return (sample, problems);
        }
        assert!(start.elapsed() < Duration::from_secs(20), "no answer");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn what_the_gpus_do_is_told_of_each() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("process 0 4711 6442450944\nprocess 1 4711 1024\nprocess 0 12 5");
    let (sample, problems) = settle(&mut sampler(&fake), 1);
    let sample = sample.unwrap();
    assert_eq!(problems, []);
    let [game, server] = &sample.gpus[..] else { panic!("two GPUs") };
    assert_eq!((game.gpu.as_str(), game.utilisation), ("0", Some(Ratio(0.91))));
    assert_eq!((server.utilisation, server.temperature), (Some(Ratio(0.0)), Some(Celsius(51.0))));
    assert_eq!((game.fans.len(), server.fans.len()), (2, 0));
    assert_eq!((game.corrected_errors, server.corrected_errors), (None, Some(3)));
    assert_eq!(game.processes.as_ref().unwrap().len(), 2);
    assert_eq!(fake.changes(), [""; 0]);
}

#[test]
fn a_gpu_that_tells_nothing_is_a_problem_and_takes_no_other_along() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("* 15");
    let (sample, problems) = settle(&mut sampler(&fake), 1);
    assert_eq!(sample.unwrap().gpus[0], GpuSample { gpu: "0".to_owned(), fans: vec![None], ..GpuSample::default() });
    let reasons: Vec<_> = problems.iter().map(|problem| problem.reason.as_str()).collect();
    assert_eq!(reasons.len(), 2, "one for each GPU: {reasons:?}");
    assert!(reasons[0].contains("GPU 0") && reasons[1].contains("GPU 1"), "{reasons:?}");
}

#[test]
fn figures_end_while_the_library_hangs_and_come_back() {
    let fake = FakeNvml::build(Driver::Current);
    let mut sampler = sampler(&fake);
    settle(&mut sampler, 1);
    fake.script("nvmlDeviceGetPowerUsage hang");
    let mut at_second = |number| {
        let mut problems = Vec::new();
        let start = Instant::now();
        let sample = sampler.sample(second(number), &mut problems).unwrap();
        assert!(start.elapsed() < Duration::from_secs(1));
        (sample.age.as_secs(), sample.gpus.len(), problems.len())
    };
    assert_eq!(at_second(6), (5, 2, 0));
    assert_eq!(at_second(16), (15, 2, 0));
    assert_eq!(at_second(17), (16, 0, 1));
    fake.script("gpus 2");
    let (sample, problems) = settle(&mut sampler, 20);
    assert_eq!((sample.unwrap().gpus.len(), problems.len()), (2, 0));
}

#[test]
fn a_machine_without_gpus_is_asked_seldom_and_has_no_problem() {
    let fixture = Fixture::new();
    let mut sampler = GpuSampler::new(&fixture.roots);
    assert_eq!(settle(&mut sampler, 1), (None, vec![]));
    for number in 2..60 {
        sampler.sample(second(number), &mut Vec::new());
    }
    assert_eq!(sampler.reading.answer().unwrap().begun, Duration::from_secs(1));
    assert!(!sampler.is_worth_a_look(second(60)) && sampler.is_worth_a_look(second(61)));
}

#[test]
fn a_library_that_does_not_work_is_said() {
    let fake = FakeNvml::build(Driver::Current);
    fake.script("nvmlInit_v2 18");
    let (sample, problems) = settle(&mut sampler(&fake), 1);
    assert_eq!(sample, None);
    assert!(problems[0].reason.contains("mismatch"), "{problems:?}");
}

#[test]
fn a_card_of_amd_s_is_measured_unless_that_would_wake_it() {
    let fixture = Fixture::of_machine("desktop");
    let mut sampler = GpuSampler::new(&fixture.roots);
    let card = |sample: (Option<GpuSamples>, Vec<SampleProblem>)| {
        assert_eq!(sample.1, []);
        sample.0.unwrap().gpus[0].clone()
    };
    let awake = card(settle(&mut sampler, 1));
    assert_eq!((awake.gpu.as_str(), awake.utilisation), ("0000:03:00.0", Some(Ratio(0.37))));
    assert_eq!(awake.memory_free, Some(Bytes(20_000_000_000)));
    assert_eq!((awake.temperature, awake.processes), (None, None));
    fixture.file("sys/bus/pci/devices/0000:03:00.0/power/runtime_status", "suspended\n");
    let asleep = card(settle(&mut sampler, 6));
    assert_eq!(asleep, GpuSample { gpu: "0000:03:00.0".to_owned(), ..GpuSample::default() });
}
