use std::process::{Command, Stdio};
use std::time::Instant;

use proptest::prelude::*;

use super::*;
use crate::kernel::fixture::{FakeProcess, Fixture, at};
use crate::kernel::process::read_stat;

const PLOTTER: Identity = Identity { pid: 7, start_ticks: 100 };
const CHILD: Identity = Identity { pid: 8, start_ticks: 200 };

fn second(number: u64) -> Moment {
    at(Duration::from_secs(number))
}

fn subject(processes: &[Identity]) -> Subject {
    Subject {
        plotter: PLOTTER,
        processes: processes.to_vec(),
        temp_patterns: Vec::new(),
        temp_dirs: Vec::new(),
        group: None,
    }
}

fn fake(identity: Identity, user_ticks: u64, wchar: u64) -> FakeProcess<'static> {
    let Identity { pid, start_ticks } = identity;
    FakeProcess { pid, start_ticks, user_ticks, wchar, ..FakeProcess::IDLE }
}

fn sample(sampler: &mut JobSampler, subject: &Subject) -> JobSample {
    sampler.sample(std::slice::from_ref(subject), second(1)).remove(0)
}

#[test]
fn sums_over_processes_and_keeps_what_an_ended_one_had_counted() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000)).process(&fake(CHILD, 30, 200));
    let mut sampler = JobSampler::new(&fixture.roots);
    let both = sample(&mut sampler, &subject(&[PLOTTER, CHILD]));
    assert_eq!((both.cpu_user, both.wchar), (Some(clock::ticks(80)), Some(Bytes(1200))));
    assert_eq!((both.resident, both.threads), (Some(clock::pages(50)), Some(2)));
    assert_eq!((both.written_bytes, both.cancelled_bytes), (Some(Bytes(16384)), Some(Bytes(1024))));
    assert_eq!(both.state, Some(RunState::Sleeping));

    fixture.remove("proc/8").process(&fake(PLOTTER, 60, 1001));
    for processes in [&[PLOTTER, CHILD][..], &[PLOTTER]] {
        let one = sample(&mut sampler, &subject(processes));
        assert_eq!((one.cpu_user, one.wchar), (Some(clock::ticks(90)), Some(Bytes(1201))));
        assert_eq!((one.resident, one.threads), (Some(clock::pages(25)), Some(1)));
    }
}

#[test]
fn a_pid_that_is_used_again_adds_nothing() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000)).process(&fake(CHILD, 30, 200));
    let mut sampler = JobSampler::new(&fixture.roots);
    sample(&mut sampler, &subject(&[PLOTTER, CHILD]));
    fixture.process(&fake(Identity { start_ticks: 999, ..CHILD }, 5000, 5_000_000));
    let after = sample(&mut sampler, &subject(&[PLOTTER, CHILD]));
    assert_eq!((after.cpu_user, after.wchar, after.threads), (Some(clock::ticks(80)), Some(Bytes(1200)), Some(1)));
}

#[test]
fn unreadable_io_is_missing_and_said_while_the_rest_is_there() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000)).process(&fake(CHILD, 30, 200)).file("proc/8/io", "nonsense");
    let sample = sample(&mut JobSampler::new(&fixture.roots), &subject(&[PLOTTER, CHILD]));
    assert_eq!((sample.wchar, sample.cpu_user), (None, Some(clock::ticks(80))));
    assert!(sample.problems.iter().any(|problem| problem.part == "job-io" && problem.reason.contains("proc/8/io")));
}

#[test]
fn no_sum_is_told_while_a_process_cannot_be_read() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000)).process(&fake(CHILD, 30, 200)).file("proc/8/stat", "nonsense");
    let sample = sample(&mut JobSampler::new(&fixture.roots), &subject(&[PLOTTER, CHILD]));
    assert_eq!((sample.wchar, sample.cpu_user, sample.resident), (None, None, None));
    assert_eq!(sample.problems.len(), 1);
}

#[test]
fn of_a_job_that_was_never_read_nothing_is_known() {
    let fixture = Fixture::new();
    let sample = sample(&mut JobSampler::new(&fixture.roots), &subject(&[PLOTTER]));
    assert!(!matches!(sample.temp_devices, TempDevices::Unknown(_)), "{sample:?}");
    assert_eq!(sample, JobSample { temp_devices: sample.temp_devices.clone(), ..JobSample::default() });
}

#[test]
fn a_job_that_is_no_longer_asked_for_is_forgotten() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000));
    let mut sampler = JobSampler::new(&fixture.roots);
    sample(&mut sampler, &subject(&[PLOTTER]));
    assert_eq!(sampler.sample(&[], second(2)), []);
    assert!(sampler.jobs.is_empty());
}

#[test]
fn temp_files_are_counted_in_the_background_and_a_problem_is_said() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000)).file("tmp/plot-a.tmp", [1; 8192]).file("tmp/file", "");
    let mut sampler = JobSampler::new(&fixture.roots);
    let mut asked = subject(&[PLOTTER]);
    let mut answer = |asked: &Subject, seconds| {
        let start = Instant::now();
        loop {
            let sample = sampler.sample(std::slice::from_ref(asked), second(seconds)).remove(0);
            if sample.temp_bytes.is_some() || !sample.problems.is_empty() {
                return sample;
            }
            assert!(start.elapsed() < Duration::from_secs(10), "no answer");
        }
    };
    asked.temp_patterns = vec![TempPattern::new(fixture.path("tmp"), "plot-*.tmp").unwrap()];
    let counted = answer(&asked, 10);
    assert!(counted.temp_bytes >= Some(Bytes(8192)));
    assert_eq!(answer(&asked, 13).temp_age, Some(Duration::from_secs(3)));

    asked.plotter.start_ticks += 1;
    asked.temp_patterns = vec![TempPattern::new(fixture.path("tmp/file"), "x*").unwrap()];
    let failed = answer(&asked, 20);
    assert_eq!((failed.temp_bytes, failed.problems[0].part), (None, "job-temp"));
}

#[test]
fn the_devices_of_temp_directories_are_looked_up_in_the_background() {
    let fixture = Fixture::new();
    fixture.process(&fake(PLOTTER, 50, 1000));
    let asked = Subject { temp_dirs: vec![fixture.path("none")], ..subject(&[PLOTTER]) };
    let mut sampler = JobSampler::new(&fixture.roots);
    let start = Instant::now();
    let found = loop {
        let sample = sampler.sample(std::slice::from_ref(&asked), second(10)).remove(0);
        if sample.temp_devices != TempDevices::Pending {
            break sample;
        }
        assert!(start.elapsed() < Duration::from_secs(10), "no answer");
    };
    assert!(matches!(&found.temp_devices, TempDevices::Unknown(reason) if reason.contains("none")), "{found:?}");
    assert_eq!(found.problems, [], "only who asks for it needs to know");
}

#[test]
fn the_group_of_the_job_tells_pressure_and_whether_it_is_frozen() {
    let fixture = Fixture::new();
    let pressure = "some avg10=10.00 avg60=0.00 avg300=0.00 total=0\n";
    fixture.process(&fake(PLOTTER, 50, 1000));
    fixture.file("group/cgroup.events", "populated 1\nfrozen 1\n").file("group/io.pressure", pressure);
    let mut sampler = JobSampler::new(&fixture.roots);
    let mut asked = subject(&[PLOTTER]);
    assert_eq!(sample(&mut sampler, &asked).pressure, None, "it shares its group with strangers");
    asked.group = Some(fixture.path("group"));
    let grouped = sample(&mut sampler, &asked);
    assert_eq!(grouped.frozen, Some(true));
    assert!(grouped.pressure.unwrap().io.measured().is_some());
    fixture.remove("group");
    assert_eq!(sample(&mut sampler, &asked).frozen, None);
}

#[test]
fn a_real_job_is_measured() {
    let mut child = Command::new("sh").args(["-c", "while :; do echo x; done"]).stdout(Stdio::null()).spawn().unwrap();
    let roots = Roots::standard();
    let plotter = read_stat(&roots, child.id().cast_signed()).unwrap().identity;
    let asked =
        Subject { plotter, processes: vec![plotter], temp_patterns: Vec::new(), temp_dirs: Vec::new(), group: None };
    let mut sampler = JobSampler::new(&roots);
    let start = Instant::now();
    let measured = loop {
        let sample = sampler.sample(std::slice::from_ref(&asked), clock::now()).remove(0);
        let busy = sample.cpu_user > Some(Duration::from_millis(50)) && sample.wchar > Some(Bytes(1000));
        if (busy && sample.proportional.is_some()) || start.elapsed() > Duration::from_secs(10) {
            break sample;
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(measured.problems, []);
    assert!(measured.cpu_user > Some(Duration::from_millis(50)) && measured.wchar > Some(Bytes(1000)), "{measured:?}");
    assert!(measured.proportional > Some(Bytes(0)) && measured.open_files >= Some(3), "{measured:?}");
    let ended = sampler.sample(&[asked], clock::now()).remove(0);
    assert!(ended.cpu_user >= measured.cpu_user && ended.resident.is_none(), "{ended:?}");
}

proptest! {
    // Each case writes files.
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever processes do and whichever are asked for: a counter of a job never falls.
    #[test]
    fn counters_never_fall(steps in proptest::collection::vec((0_u64..1000, 0_u64..1000, any::<bool>(), any::<bool>()), 1..12)) {
        let fixture = Fixture::new();
        let mut sampler = JobSampler::new(&fixture.roots);
        let mut before = None;
        for (plotter_ticks, child_ticks, child_lives, child_asked) in steps {
            fixture.process(&fake(PLOTTER, plotter_ticks, plotter_ticks));
            if child_lives {
                fixture.process(&fake(CHILD, child_ticks, child_ticks));
            } else if fixture.path("proc/8").exists() {
                fixture.remove("proc/8");
            }
            let processes: &[Identity] = if child_asked { &[PLOTTER, CHILD] } else { &[PLOTTER] };
            let now = sample(&mut sampler, &subject(processes));
            prop_assert!(now.cpu_user >= before);
            before = now.cpu_user;
        }
    }
}
