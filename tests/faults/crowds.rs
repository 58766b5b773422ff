//! Ten thousand other processes on the machine change neither how soon a plotter is noticed nor what that costs.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::alone::is_root;
use crate::support::daemon::Daemon;
use crate::support::dialled::Dialled;

const SIZE: u32 = 10_000;

/// Sleeping processes, which end with this or with the test, however that ends.
struct Crowd {
    mother: Child,
}

impl Crowd {
    /// `None`, and a line that says so, if the machine does not allow for so many.
    fn new(size: u32) -> Option<Self> {
        let pid_max: u32 = std::fs::read_to_string("/proc/sys/kernel/pid_max").unwrap().trim().parse().unwrap();
        let (processes, _) = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NPROC).unwrap();
        if pid_max < size * 2 || processes < u64::from(size * 2) {
            eprintln!("SKIPPED: {size} processes need pid_max and `ulimit -u` of twice as many");
            return None;
        }
        // Each child reads from our end of the pipe, on which nothing ever comes but its end.
        let forks =
            format!("exec 3<&0; i=0; while [ $i -lt {size} ]; do (read _ <&3) & i=$((i+1)); done; echo all; wait");
        let mut mother =
            Command::new("sh").args(["-c", &forks]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(mother.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let crowd = Self { mother };
        assert_eq!(line, "all\n");
        Some(crowd)
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.mother.stdin.take());
        drop(self.mother.wait());
    }
}

/// CPU seconds per tick while nothing happens; the less of two measurements, since once a minute all of procfs is looked
/// through besides.
fn cpu_per_tick(daemon: &Daemon) -> f64 {
    let measure = || {
        let (cpu, ticks) = (cpu_time(daemon.pid()), daemon.ticks());
        std::thread::sleep(Duration::from_secs(6));
        cpu_time(daemon.pid()).saturating_sub(cpu).as_secs_f64() / (daemon.ticks() - ticks)
    };
    measure().min(measure())
}

/// Of the loop, to the nanosecond: the usual clock counts in hundredths of a second, which is more than a tick takes. The sweep
/// over all processes has a thread and a benchmark of its own.
fn cpu_time(pid: i32) -> Duration {
    let mut tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten().map(|task| task.path());
    let read = |path: std::path::PathBuf| std::fs::read_to_string(path).unwrap_or_default();
    let the_loop = tasks.find(|task| read(task.join("comm")).trim() == "loop").unwrap();
    Duration::from_nanos(read(the_loop.join("schedstat")).split(' ').next().unwrap().parse().unwrap())
}

/// From the start of a plotter to the first answer that names it.
fn time_to_recognise(daemon: &Daemon, dialled: &mut Dialled) -> Duration {
    let dir = dialled.plotter_dir();
    let path = dir.to_str().unwrap();
    let argv = ["chia_plot", "-k", "32", "-t", path, "-d", path];
    let mut command = crate::support::actor::Actor::command("madmax", &argv, &dir).unwrap();
    let start = Instant::now();
    let child = command.env("PLOTTER_PACE", "10000").spawn().unwrap();
    let job = format!("-{}-", child.id());
    dialled.plotters.push(crate::support::actor::Actor { child });
    daemon.wait_for("a series of the plotter", Duration::from_secs(20), |metrics| {
        metrics.text.contains(&job).then_some(())
    });
    start.elapsed()
}

#[test]
fn a_plotter_is_noticed_among_ten_thousand_processes_at_no_higher_cost() {
    if !is_root("events of processes") {
        return;
    }
    let mut dialled = Dialled::new();
    let mut daemon = Daemon::start(&dialled.options());
    let metrics = daemon.metrics();
    if metrics.value("plotwarden_process_watch", &[("source", "events")]) != Some(1.0) {
        eprintln!("SKIPPED: this kernel tells no events of processes; the cost of sweeps grows with their number");
        return;
    }
    let alone = cpu_per_tick(&daemon);
    let resident = |daemon: &Daemon| daemon.metrics().value("process_resident_memory_bytes", &[]).unwrap();
    let memory = resident(&daemon);
    let Some(_crowd) = Crowd::new(SIZE) else { return };
    // The kernel hands out more events at once than fit its buffer: what was lost is made up for first.
    std::thread::sleep(Duration::from_secs(10));
    let crowded = cpu_per_tick(&daemon);
    eprintln!("CPU per tick: {:.1} ms alone, {:.1} ms in the crowd", alone * 1e3, crowded * 1e3);
    assert!(crowded < 2.0 * alone, "{crowded} s per tick, and {alone} s with few processes");
    let mut times: Vec<Duration> = (0..5).map(|_| time_to_recognise(&daemon, &mut dialled)).collect();
    times.sort();
    eprintln!("recognised after {times:?}");
    // The median: this machine may be busy with something else at one moment.
    assert!(times[2] < Duration::from_secs(1), "recognised after {times:?}");
    let grown = resident(&daemon) - memory;
    eprintln!("{:.1} MB more memory", grown / 1e6);
    assert!(grown < 20e6, "{grown} bytes more for {SIZE} processes");
    assert!(daemon.stop().success());
}
