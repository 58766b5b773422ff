//! Exists to hold the controller to its purpose: four real plotters that share a slow disk must get more done with it
//! than without, nearly as much as the best plan, and lose nothing where there is nothing to win.
//!
//! `cargo bench --bench contention`, as root. `CONTENTION_K` (22), `CONTENTION_PLOTS` (4) and `CONTENTION_REPEAT` (1)
//! change the work, `CONTENTION_CASES` (`slow,cache`) what is compared, `CONTENTION_PLOTWARDEN` the controller.

mod jobs;
#[path = "../support/mod.rs"]
mod support;
mod warden;

use std::error::Error;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::str::FromStr;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use tokio::signal::unix::{SignalKind, signal};

use jobs::Jobs;
use support::chiapos::{Chiapos, Plot, finished_plots};
use support::slow_disk::{self, SlowDisk, Spec};
use warden::Warden;

/// Managed against unmanaged, on the slow disk.
const GAIN: f64 = 1.25;
/// Managed against the best of the three ways, on the slow disk.
const NEAR_BEST: f64 = 0.9;
/// Managed against unmanaged, where page cache holds all temporary files.
const HARMLESS: f64 = 0.95;

const CHALLENGES: u32 = 20;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Unmanaged,
    OneByOne,
    Managed,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Unmanaged => "all at once",
            Self::OneByOne => "one by one",
            Self::Managed => "managed",
        }
    }
}

struct Options {
    k: u8,
    plots: u32,
    repeat: u32,
    cases: String,
}

/// What one way of making the plots came to.
struct Outcome {
    wall: Duration,
    plots: u32,
    io_some: f64,
    /// Page cache has no device of its own to count.
    disk: Option<slow_disk::Usage>,
    paused: Option<Duration>,
    /// CPUs that were busy with anything but this benchmark: above a few tenths, the machine was not ours alone.
    other_cpus: f64,
}

impl Outcome {
    fn plots_per_hour(&self) -> f64 {
        f64::from(self.plots) * 3600.0 / self.wall.as_secs_f64()
    }
}

fn main() -> ExitCode {
    if !std::env::args().any(|argument| argument == "--bench") {
        println!("contention: takes minutes, so it runs with `cargo bench --bench contention` only");
        return ExitCode::SUCCESS;
    }
    match undo_on_signal().map_err(Into::into).and_then(|()| compare()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("contention: {error}");
            ExitCode::from(2)
        }
    }
}

/// No destructor runs on Ctrl-C, and a frozen plotter or a mounted disk must not stay behind. A handler it is and no
/// blocked signal, because the plotters would inherit the block.
fn undo_on_signal() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    drop(entered);
    thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        });
        warden::stop_own();
        jobs::kill_own();
        slow_disk::remove_own();
        std::process::exit(130);
    });
    Ok(())
}

fn compare() -> Result<bool, Box<dyn Error>> {
    let options = Options {
        k: option("CONTENTION_K", 22)?,
        plots: option("CONTENTION_PLOTS", 4)?,
        repeat: option("CONTENTION_REPEAT", 1)?,
        cases: option("CONTENTION_CASES", "slow,cache".to_owned())?,
    };
    let chiapos = Chiapos::install()?;
    println!(
        "{} plots of chiapos, k{}, repeated {} times; load before: {}",
        options.plots,
        options.k,
        options.repeat,
        fs::read_to_string("/proc/loadavg")?.trim()
    );
    let mut pass = true;
    if options.cases.contains("slow") {
        println!("\ntemporary files on a disk of 60 MB/s and 8 ms a seek");
        let ways = [Way::Unmanaged, Way::OneByOne, Way::Managed];
        let rates = measure(&options, &chiapos, &ways, Some(&Spec::slow_hdd()))?;
        let best = rates.iter().copied().fold(0.0, f64::max);
        pass &= verdict("managed / all at once", rates[2] / rates[0], GAIN);
        pass &= verdict("managed / best", rates[2] / best, NEAR_BEST);
    }
    if options.cases.contains("cache") {
        println!("\ntemporary files in page cache");
        let rates = measure(&options, &chiapos, &[Way::Unmanaged, Way::Managed], None)?;
        pass &= verdict("managed / all at once", rates[1] / rates[0], HARMLESS);
    }
    Ok(pass)
}

fn option<T: FromStr>(name: &str, default: T) -> Result<T, String> {
    let Ok(text) = std::env::var(name) else { return Ok(default) };
    text.parse().map_err(|_| format!("{name}={text} is not understood"))
}

/// Mean plots per hour of each way. The repetitions are interleaved, so that a slow hour of the machine hits all alike.
fn measure(
    options: &Options,
    chiapos: &Chiapos,
    ways: &[Way],
    disk: Option<&Spec>,
) -> Result<Vec<f64>, Box<dyn Error>> {
    println!(
        "{:<12} {:>8} {:>8} {:>12} {:>8} {:>8} {:>8} {:>8} {:>10}",
        "", "wall s", "plots/h", "dev MB/plot", "seeks", "busy s", "io.some", "paused s", "other CPUs"
    );
    let mut sums = vec![0.0; ways.len()];
    for _ in 0..options.repeat {
        for (sum, &way) in sums.iter_mut().zip(ways) {
            let outcome = run(options, chiapos, way, disk)?;
            print_row(way, &outcome);
            *sum += outcome.plots_per_hour();
        }
    }
    Ok(sums.into_iter().map(|sum| sum / f64::from(options.repeat)).collect())
}

fn run(options: &Options, chiapos: &Chiapos, way: Way, disk: Option<&Spec>) -> Result<Outcome, Box<dyn Error>> {
    let work = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    // A fresh disk for each run: no run may profit from what another left in page cache.
    let disk = disk.cloned().map(SlowDisk::new).transpose()?;
    let temp = disk.as_ref().map_or_else(|| work.path().join("temp"), SlowDisk::mount_point);
    let dst = make(work.path().join("dst"))?;
    let warden = if way == Way::Managed { Some(Warden::start(work.path())?) } else { None };
    let before = disk.as_ref().map(SlowDisk::usage);
    let mut jobs = Jobs::new()?;
    let others_before = other_cpu_time()?;
    let start = Instant::now();
    for number in 0..options.plots {
        let plot = Plot::small(options.k, &make(temp.join(format!("temp{number}")))?, &dst);
        jobs.start(&mut chiapos.plotter(&plot, &work.path().join(format!("plotter{number}.log")))?)?;
        if way == Way::OneByOne {
            jobs.wait()?;
        }
    }
    jobs.wait()?;
    let wall = start.elapsed();
    let io_some = jobs.waited_for_io().as_secs_f64() / wall.as_secs_f64();
    let others = other_cpu_time()?.saturating_sub(others_before);
    let used = disk.as_ref().zip(before).map(|(disk, before)| disk.usage() - before);
    let paused = warden.map(Warden::stop).transpose()?;
    verify(chiapos, &dst, options.plots)?;
    Ok(Outcome {
        wall,
        plots: options.plots,
        io_some,
        disk: used,
        paused,
        other_cpus: others.as_secs_f64() / wall.as_secs_f64(),
    })
}

/// CPU time of the host since its boot that neither we nor the plotters used.
fn other_cpu_time() -> Result<Duration, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/stat")?;
    let ticks: Vec<u64> =
        stat.lines().next().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    // user, nice, system, (idle, iowait,) irq, softirq; guests are in user already, and a tick is 10 ms.
    let busy = [0, 1, 2, 5, 6].iter().filter_map(|&at| ticks.get(at)).sum::<u64>() * 10;
    let mut own = 0;
    for who in [UsageWho::RUSAGE_SELF, UsageWho::RUSAGE_CHILDREN] {
        let usage = getrusage(who)?;
        for time in [usage.user_time(), usage.system_time()] {
            own += time.num_milliseconds().cast_unsigned();
        }
    }
    Ok(Duration::from_millis(busy.saturating_sub(own)))
}

fn make(dir: PathBuf) -> io::Result<PathBuf> {
    fs::create_dir_all(&dir)?;
    Ok(dir)
}

/// A plot that was paused and is bad would be no plot.
fn verify(chiapos: &Chiapos, dst: &Path, expected: u32) -> Result<(), Box<dyn Error>> {
    let plots = finished_plots(dst)?;
    if plots.len() != expected as usize {
        return Err(format!("{} plots finished of {expected}", plots.len()).into());
    }
    for plot in plots {
        let proofs = chiapos.verify(&plot, CHALLENGES)?;
        if proofs.good == 0 || proofs.bad > 0 {
            return Err(format!("{} is not a good plot: {proofs:?}", plot.display()).into());
        }
    }
    Ok(())
}

fn print_row(way: Way, outcome: &Outcome) {
    let (bytes, seeks, busy) = match outcome.disk {
        Some(disk) => (
            ((disk.read_bytes + disk.written_bytes) / u64::from(outcome.plots) / 1_000_000).to_string(),
            disk.seeks.to_string(),
            format!("{:.1}", disk.busy.as_secs_f64()),
        ),
        None => ("-".to_owned(), "-".to_owned(), "-".to_owned()),
    };
    println!(
        "{:<12} {:>8.1} {:>8.1} {bytes:>12} {seeks:>8} {busy:>8} {:>8.2} {:>8} {:>10.2}",
        way.name(),
        outcome.wall.as_secs_f64(),
        outcome.plots_per_hour(),
        outcome.io_some,
        outcome.paused.map_or_else(|| "-".to_owned(), |paused| format!("{:.1}", paused.as_secs_f64())),
        outcome.other_cpus,
    );
}

fn verdict(what: &str, ratio: f64, at_least: f64) -> bool {
    let pass = ratio >= at_least;
    println!("{} {what} = {ratio:.3}, wanted at least {at_least}", if pass { "PASS" } else { "FAIL" });
    pass
}
