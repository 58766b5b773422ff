//! Exists to hold the actuator to its budget: a hundred jobs that are as they should be may cost next to nothing per tick, and
//! what is wanted anew must be written soon.
//!
//! `cargo bench --bench actuation`, as root. `ACTUATION_JOBS` (100) and `ACTUATION_THREADS` (16) change the crowd. Beside the
//! actuator runs the floor: a bare reading of the same values, thread by thread.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use plotwarden::actuate::{Actuator, JobHandle, Report};
use plotwarden::arbiter::{Want, Wanted};
use plotwarden::claim::{Bound, Claimant, Class, IoPriority, KnobKind, SchedClass, Setting, Target};
use plotwarden::clock::Moment;
use plotwarden::kernel::Roots;
use plotwarden::kernel::cgroup::Mounts;
use plotwarden::kernel::process::Identity;
use plotwarden::knob::{GroupUse, Linux, ReversibleMachine};
use plotwarden::mode::Mode;
use plotwarden::plotter::JobId;

/// CPU per tick in milliseconds with nothing to do, for 100 jobs.
const BUDGET_MS: f64 = 10.0;
const TICKS: u64 = 40;
/// As the program has it.
const REST: Duration = Duration::from_secs(10);

type Failure = Box<dyn Error>;

fn main() -> Result<ExitCode, Failure> {
    if let Ok(threads) = std::env::var("ACTUATION_SUBJECT") {
        return idle(threads.parse()?);
    }
    if std::env::args().any(|argument| argument == "--test") {
        return Ok(ExitCode::SUCCESS);
    }
    if !nix::unistd::geteuid().is_root() {
        eprintln!("actuation: run as root, who may put back what is set");
        return Ok(ExitCode::FAILURE);
    }
    let (jobs, threads) = (number("ACTUATION_JOBS", 100)?, number("ACTUATION_THREADS", 16)?);
    let crowd = Crowd::start(jobs, threads)?;
    let within = measure(&crowd, threads)?;
    Ok(if within { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn number(name: &str, usual: usize) -> Result<usize, Failure> {
    Ok(std::env::var(name).map_or(Ok(usual), |text| text.parse())?)
}

/// What plays a job: threads that sleep.
fn idle(threads: usize) -> Result<ExitCode, Failure> {
    let forever = || std::thread::sleep(Duration::from_hours(1));
    for _ in 1..threads {
        std::thread::Builder::new().stack_size(16 * 1024).spawn(forever)?;
    }
    forever();
    Ok(ExitCode::SUCCESS)
}

/// Processes that play jobs; ended when dropped.
struct Crowd {
    children: Vec<Child>,
}

impl Crowd {
    fn start(jobs: usize, threads: usize) -> Result<Self, Failure> {
        let mut crowd = Self { children: Vec::new() };
        for _ in 0..jobs {
            let mut command = Command::new(std::env::current_exe()?);
            let child = command.env("ACTUATION_SUBJECT", threads.to_string()).stdout(Stdio::null()).spawn()?;
            crowd.children.push(child);
        }
        let deadline = Instant::now() + Duration::from_mins(1);
        let count = |child: &Child| fs::read_dir(format!("/proc/{}/task", child.id())).map_or(0, Iterator::count);
        while crowd.children.iter().any(|child| count(child) < threads) {
            if Instant::now() > deadline {
                return Err("the threads do not come up".into());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(crowd)
    }

    fn handles(&self, machine: &Linux) -> Vec<JobHandle> {
        let identities = self.children.iter().filter_map(|child| machine.identity(i32::try_from(child.id()).ok()?));
        identities.map(handle).collect()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn handle(plotter: Identity) -> JobHandle {
    JobHandle { id: JobId::new("bench", plotter), plotter, processes: vec![plotter], may_pause: true }
}

/// What an enforcing policy would want of a job: a group of its own, and every knob of its threads.
fn settings() -> Vec<Setting> {
    vec![
        Setting::Group,
        Setting::Nice(10),
        Setting::SchedClass(SchedClass::Batch),
        Setting::IoPriority(IoPriority::Idle),
        Setting::Affinity([0].into()),
    ]
}

fn wanted(jobs: &[JobHandle], settings: &[Setting]) -> Wanted {
    let holders = vec![Claimant { class: Class::Slo, priority: 500, policy: "bench".to_owned() }];
    let want = |setting: &Setting| Want {
        setting: setting.clone(),
        bound: Bound::Exactly,
        holders: holders.clone(),
        reason: "bench",
    };
    let of_job = |job: &JobHandle| {
        let target = Target::Job(job.id.clone());
        settings.iter().map(|setting| ((target.clone(), setting.kind()), want(setting))).collect::<Vec<_>>()
    };
    let settings: BTreeMap<_, _> = jobs.iter().flat_map(of_job).collect();
    Wanted { settings, ..Wanted::default() }
}

fn now() -> Moment {
    let boot = nix::time::clock_gettime(nix::time::ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    Moment { boot, wall: SystemTime::now() }
}

fn cpu_ms() -> Result<f64, Failure> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(f64::from(i32::try_from(microseconds)?) / 1e3)
}

/// Mean and most CPU in milliseconds of ticks a second apart; a mean, since jobs are looked at in turn.
fn cpu_of_ticks(mut tick: impl FnMut(Moment)) -> Result<(f64, f64), Failure> {
    let (start, begin) = (now(), cpu_ms()?);
    let mut most: f64 = 0.0;
    for second in 1..=TICKS {
        let before = cpu_ms()?;
        tick(Moment { boot: start.boot + Duration::from_secs(second), ..start });
        most = most.max(cpu_ms()? - before);
    }
    Ok(((cpu_ms()? - begin) / f64::from(u32::try_from(TICKS)?), most))
}

/// `true` if the budget is kept.
fn measure(crowd: &Crowd, threads: usize) -> Result<bool, Failure> {
    let run = tempfile::tempdir_in("/dev/shm")?;
    let cgroupfs = Mounts::read(&Roots::standard())?.unified;
    let roots = Roots { cgroupfs, run: run.path().join("run"), ..Roots::standard() };
    let machine = Linux::new(&roots, GroupUse::Free);
    let jobs = crowd.handles(&machine);
    let mut settings = settings();
    settings.retain(|setting| setting.kind() != KnobKind::Group || roots.cgroupfs.is_some());
    let wanted = wanted(&jobs, &settings);
    let mut actuator = Actuator::open(&roots, Box::new(machine), Mode::Enforce, now())?.0;
    actuator.rest_for(REST);

    let begin = (Instant::now(), cpu_ms()?);
    let written = actuator.tick(now(), &wanted, &jobs);
    let (apply_wall, apply_cpu) = (begin.0.elapsed(), cpu_ms()? - begin.1);
    done(&written)?;

    let (quiet, most) = cpu_of_ticks(|at| drop(actuator.tick(at, &wanted, &jobs)))?;
    let (floor, _) = cpu_of_ticks(|_| read_bare(&jobs))?;

    let begin = Instant::now();
    let report = actuator.shutdown(now(), &std::collections::BTreeSet::new())?;
    let restore_wall = begin.elapsed();
    if !report.is_complete() {
        return Err(format!("not everything was put back: {report}").into());
    }
    let kinds: Vec<&str> = settings.iter().map(|setting| setting.kind().name()).collect();
    println!("{} jobs of {threads} threads, {} each", jobs.len(), kinds.join(", "));
    println!("| | |\n|---|---|");
    println!("| wanted to written, all | {:.0} ms wall, {apply_cpu:.0} ms CPU |", apply_wall.as_secs_f64() * 1e3);
    println!("| a tick with nothing to do | {quiet:.2} ms CPU, at most {most:.2} |");
    println!("| a bare reading of each thread's state | {floor:.2} ms CPU, ratio {:.2} |", quiet / floor);
    println!("| all put back | {:.0} ms wall |", restore_wall.as_secs_f64() * 1e3);
    println!("budget for 100 jobs: {BUDGET_MS} ms, {}", if quiet < BUDGET_MS { "kept" } else { "exceeded" });
    Ok(quiet < BUDGET_MS)
}

fn done(reports: &[Report]) -> Result<(), Failure> {
    match reports.iter().find(|report| report.outcome.name() != "done") {
        Some(report) => Err(format!("{}: {:?}", report.knob.name(), report.outcome).into()),
        None => Ok(()),
    }
}

/// The least that tells whether somebody else has changed a thread: its stat line.
fn read_bare(jobs: &[JobHandle]) {
    for job in jobs {
        let Ok(tasks) = fs::read_dir(format!("/proc/{}/task", job.plotter.pid)) else { continue };
        for task in tasks.filter_map(Result::ok) {
            std::hint::black_box(fs::read(task.path().join("stat")).ok());
        }
    }
}
