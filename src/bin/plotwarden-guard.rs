//! The guard process of `plotwarden`: small, alone, and hard to kill by accident. Everything it knows is in `actuate::guard`.

#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use nix::sys::signal::{SigSet, Signal};
use nix::time::ClockId;
use plotwarden::actuate::guard::Watch;
use plotwarden::clock::Moment;
use plotwarden::kernel::process::Identity;
use plotwarden::kernel::{Roots, own_memory};

const USAGE: &str =
    "plotwarden-guard puts back what plotwarden has changed when that process is gone; plotwarden starts it.

usage: plotwarden-guard --main PID:START_TICKS --run DIR [--procfs DIR] [--sysfs DIR] [--cgroupfs DIR] [--nvml LIBRARY]
example: plotwarden-guard --main 4711:123456 --run /run/plotwarden --cgroupfs /sys/fs/cgroup/unified";

fn main() -> ExitCode {
    let (main, roots) = match arguments(std::env::args().skip(1)) {
        Ok(parsed) => parsed,
        Err(problem) => {
            say(&format!("{problem}\n{USAGE}"));
            return ExitCode::from(2);
        }
    };
    settle();
    let mut to_log = say;
    let watch = match Watch::new(&roots, main, &now, &mut to_log) {
        Ok(watch) => watch,
        Err(error) => {
            say(&error.to_string());
            return ExitCode::FAILURE;
        }
    };
    // In this order: what is held cannot be given back. From now on libraries come along page by page, as far as the kernel can do
    // that, and not with whatever of them others have in use.
    let _page_by_page = own_memory::give_back();
    own_memory::hold();
    if watch.keep() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn arguments(mut given: impl Iterator<Item = String>) -> Result<(Identity, Roots), String> {
    let mut main = None;
    let mut run = None;
    let mut roots = Roots { run: PathBuf::new(), ..Roots::standard() };
    while let Some(name) = given.next() {
        let value = given.next().ok_or_else(|| format!("{name} needs a value"))?;
        match name.as_str() {
            "--main" => main = Some(identity(&value).ok_or_else(|| format!("{value} is not PID:START_TICKS"))?),
            "--run" => run = Some(PathBuf::from(value)),
            "--procfs" => roots.procfs = value.into(),
            "--sysfs" => roots.sysfs = value.into(),
            "--nvml" => roots.nvml = value.into(),
            "--cgroupfs" => roots.cgroupfs = Some(value.into()),
            other => return Err(format!("{other} is not known")),
        }
    }
    roots.run = run.ok_or("--run is missing")?;
    Ok((main.ok_or("--main is missing")?, roots))
}

fn identity(text: &str) -> Option<Identity> {
    let (pid, start_ticks) = text.split_once(':')?;
    Some(Identity { pid: pid.parse().ok()?, start_ticks: start_ticks.parse().ok()? })
}

/// A session of its own, deaf to what ends the main process, and last in line for the OOM killer. What is refused
/// here makes the guard less sturdy, and no less right.
fn settle() {
    let _ = nix::unistd::setsid();
    let _ = nix::unistd::chdir("/");
    let deaf = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP, Signal::SIGQUIT, Signal::SIGPIPE];
    let _ = deaf.into_iter().collect::<SigSet>().thread_block();
    let _ = std::fs::write("/proc/self/oom_score_adj", "-900");
}

/// Both clocks; a boot clock that cannot be read stands at zero, which spoils only the length of a pause.
fn now() -> Moment {
    let boot = nix::time::clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(Duration::ZERO, Duration::from);
    Moment { boot, wall: SystemTime::now() }
}

fn say(line: &str) {
    // Whoever read the log may be gone as well.
    let _ = writeln!(std::io::stderr(), "plotwarden-guard: {line}");
}
