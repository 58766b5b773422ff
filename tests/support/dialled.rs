//! Plotters, a pressure dial, and a policy that follows the dial within a second: what a test needs to have jobs paused, niced,
//! re-prioritised and moved when it wants them so.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::actor::Actor;
use super::alone::{Alone, alone};
use super::daemon::{Daemon, Options};
use super::dial::PressureDial;
use super::state::State;

/// At 60 % I/O priority falls, and niceness by a step; at 80 % niceness falls to 15, and the youngest job of three is paused.
pub const CALM: u64 = 0;
pub const NICING: u64 = 70;
pub const PAUSING: u64 = 95;
/// The first thread and those of the script's first step.
const MADMAX_THREADS: usize = 6;

/// Everything is taken down, plotters first, when this is dropped. Daemons are the test's own and go before.
pub struct Dialled {
    pub plotters: Vec<Actor>,
    pub dial: PressureDial,
    pub folder: TempDir,
    _alone: Alone,
}

impl Dialled {
    /// No plotter yet.
    pub fn new() -> Self {
        Self::within(alone())
    }

    /// For whoever has waited for its turn already.
    pub fn within(alone: Alone) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        fs::create_dir(folder.path().join("policies")).unwrap();
        fs::write(folder.path().join("policies/dial.yaml"), policy(folder.path())).unwrap();
        Self { plotters: Vec::new(), dial: PressureDial::new(), folder, _alone: alone }
    }

    /// Two plotters under command lines of their own and one behind a wrapper, each thread of the first with settings of its
    /// own; none ends before the test.
    pub fn with_plotters() -> Self {
        let mut dialled = Self::new();
        dialled.start_plotter();
        dialled.give_settings_of_its_own(0);
        dialled.start_wrapped_plotter();
        dialled.start_plotter();
        dialled
    }

    /// The last one started is the one that is paused.
    pub fn start_plotter(&mut self) -> i32 {
        let dir = self.plotter_dir();
        let argv = ["chia_plot", "-k", "32", "-t", text(&dir), "-d", text(&dir)];
        self.start(Actor::command("madmax", &argv, &dir).unwrap(), MADMAX_THREADS)
    }

    pub fn start_wrapped_plotter(&mut self) -> i32 {
        let dir = self.plotter_dir();
        let argv =
            ["python3", "/opt/venv/bin/chia", "plotters", "madmax", "-k", "32", "-t", text(&dir), "-d", text(&dir)];
        self.start(Actor::command("chia-madmax-wrapper", &argv, &dir).unwrap(), 2 + MADMAX_THREADS)
    }

    /// Starts what `Actor::command` made, at a pace at which it plots for hours, and waits until it has so many threads.
    pub fn start(&mut self, mut command: Command, threads: usize) -> i32 {
        // Of two that started within the same tick of the kernel's clock (10 ms) neither is the youngest.
        std::thread::sleep(Duration::from_millis(11));
        let plotter = Actor { child: command.env("PLOTTER_PACE", "10000").process_group(0).spawn().unwrap() };
        let pid = plotter.pid();
        self.plotters.push(plotter);
        wait_until("the plotter shows its threads", || State::of(&[pid]).threads() == threads);
        pid
    }

    pub fn plotter_dir(&self) -> PathBuf {
        let dir = self.folder.path().join(format!("plotter-{}", self.plotters.len()));
        fs::create_dir(&dir).unwrap();
        dir
    }

    pub fn policies(&self) -> PathBuf {
        self.folder.path().join("policies")
    }

    pub fn options(&self) -> Options {
        Options { policies: Some(self.policies()), procfs: Some(self.dial.procfs()), ..Options::default() }
    }

    pub fn pids(&self) -> Vec<i32> {
        self.plotters.iter().map(Actor::pid).collect()
    }

    pub fn state(&self) -> State {
        State::of(&self.pids())
    }

    /// Turns the pressure up and waits until every knob that the policy knows is held, which the kernel confirms.
    pub fn press(&self, daemon: &Daemon) {
        self.dial.turn_to(PAUSING);
        // After failures it tries again later and later.
        daemon.wait_for("every knob is held", Duration::from_mins(1), |metrics| {
            let held = |knob| !metrics.all("plotwarden_knob_setting_info", &[("knob", knob)]).is_empty();
            let moved = held("group")
                || metrics.value("plotwarden_capability", &[("surface", "cgroup-group"), ("state", "usable")])
                    != Some(1.0);
            let all = moved && ["nice", "sched-class", "io-priority", "pause"].into_iter().all(held);
            let first = self.state();
            (all && first.halts_any() && first.any_idle_io() && first.any_nice(15)).then_some(())
        });
    }

    fn give_settings_of_its_own(&self, plotter: usize) {
        let pid = self.plotters[plotter].pid();
        let tids = State::of(&[pid]).tids(pid);
        run(&format!("renice -n 5 -p {}", tids[0]));
        run(&format!("ionice -c 2 -n 6 -p {}", tids[0]));
        run(&format!("taskset -cp 0 {}", tids[0]));
        run(&format!("chrt --batch -p 0 {}", tids[1]));
        run(&format!("renice -n 19 -p {}", tids[1]));
        run(&format!("ionice -c 3 -p {}", tids[2]));
    }
}

/// Runs a command on each thread of a process, as its owner might.
pub fn run_on_threads(pid: i32, command: &str) {
    for tid in State::of(&[pid]).tids(pid) {
        run(&format!("{command} {tid}"));
    }
}

fn run(command: &str) {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn policy(folder: &Path) -> String {
    format!(
        "apiVersion: plotwarden/v1
kind: Contention
metadata: {{name: dial}}
spec:
  control: {{mode: enforce}}
  selector: {{jobs: {{role: plotter, tempDir: ['{}']}}}}
  signals:
    dial: {{local: io.some, of: machine, window: 1s, maxAge: 5s, onMissing: hold}}
  severity:
  - {{resource: io, signal: dial, zero: 0%, one: 100%}}
  - {{resource: cpu, signal: dial, zero: 0%, one: 100%}}
  trigger: {{for: 0s, clear: {{below: 0.2, for: 1s}}}}
  stages:
  - {{resource: cpu, at: warn, do: [lowerPriority]}}
  - {{resource: cpu, at: critical, do: [lowerPriority]}}
  - {{resource: io, at: warn, do: [lowerPriority]}}
  - {{resource: io, at: critical, do: [pause]}}
  behavior: {{settle: 1s, cooldown: 1s, maxActionsPerHour: 3600, reversals: {{max: 1000, per: 15m, then: holdRestrictive, hold: 15m}}}}
  # Of three jobs one is paused and one has idle I/O.
  guardrails: {{keepRunning: 1, maxPaused: 34%}}
",
        folder.display()
    )
}

/// Polls until it is so; a test that waits for 20 s has failed.
pub fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    wait_up_to(Duration::from_secs(20), what, is_so);
}

pub fn wait_up_to(limit: Duration, what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < limit, "{what}: not within {limit:?}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
