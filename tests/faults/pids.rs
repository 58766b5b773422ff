//! A pid says little: the program that has it now may not be the one whose settings were written down.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::exits::{end_both, restore};
use crate::support::alone::is_root;
use crate::support::daemon::Daemon;
use crate::support::dialled::{Dialled, run_on_threads, wait_until};
use crate::support::state::State;

/// Set for the tests that run inside of a pid namespace of their own.
const INSIDE: &str = "PLOTWARDEN_TEST_INSIDE_PID_NAMESPACE";
/// Numbers below 300 are given out once only.
const FIRST_REUSED: u32 = 300;
const PID_MAX: &str = "500";

/// Runs one of the tests below where pids are few. Its lock is its own: we do not wait for our turn here.
fn with_few_pids(test: &str) {
    if !is_root("a pid namespace") || !has_pid_max_of_its_own() {
        return;
    }
    let output = Command::new("unshare")
        .args(["--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c"])
        .arg(format!("echo {PID_MAX} > /proc/sys/kernel/pid_max && exec \"$0\" \"$@\""))
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", test, "--ignored", "--nocapture"])
        .env(INSIDE, "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Before Linux 6.14 there is one for all namespaces, which is not ours to change.
fn has_pid_max_of_its_own() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map(|part| part.trim().parse::<u32>().unwrap_or(0));
    let version = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
    if version < (6, 14) {
        eprintln!("SKIPPED: a pid_max for one namespace needs Linux 6.14");
    }
    version >= (6, 14)
}

/// Three plotters with numbers that can come again, one of them paused, and a plotwarden.
fn held() -> (Dialled, Daemon) {
    while asleep().0.id() <= FIRST_REUSED {}
    let dialled = Dialled::with_plotters();
    let daemon = Daemon::start(&dialled.options());
    dialled.press(&daemon);
    (dialled, daemon)
}

/// A process of another program, which ends with this.
struct Sleeper(Child);

impl Drop for Sleeper {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn asleep() -> Sleeper {
    Sleeper(Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap())
}

/// Ends the paused plotter, and gives its number to a program that looks just as we left the plotter: niced, batched, stopped.
fn take_over_pid(dialled: &mut Dialled) -> (Sleeper, State) {
    let plotter = dialled.plotters.pop().unwrap();
    let pid = plotter.pid();
    assert!(State::of(&[pid]).halts(pid));
    drop(plotter);
    let sleeper = (0..2000).map(|_| asleep()).find(|sleeper| sleeper.0.id().cast_signed() == pid).unwrap();
    run_on_threads(pid, "renice -n 15 -p");
    run_on_threads(pid, "chrt --batch -p 0");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGSTOP).unwrap();
    wait_until("the sleeper is stopped", || State::of(&[pid]).halts(pid));
    let state = State::of(&[pid]);
    (sleeper, state)
}

#[test]
fn whoever_gets_the_pid_of_a_paused_plotter_is_not_touched() {
    with_few_pids("pids::inside::a_running_plotwarden_leaves_the_new_owner_alone");
}

#[test]
fn whoever_gets_the_pid_of_a_paused_plotter_is_not_restored_either() {
    with_few_pids("pids::inside::a_restoration_leaves_the_new_owner_alone");
}

mod inside {
    use super::*;

    #[test]
    #[ignore = "runs inside of a pid namespace, started by the tests above"]
    fn a_running_plotwarden_leaves_the_new_owner_alone() {
        if std::env::var_os(INSIDE).is_none() {
            return;
        }
        let (mut dialled, mut daemon) = held();
        // So that it does not see the plotter end before the number is used again.
        daemon.signal(Signal::SIGSTOP);
        let (sleeper, before) = take_over_pid(&mut dialled);
        daemon.signal(Signal::SIGCONT);
        let pid = sleeper.0.id().cast_signed();
        let ticks = daemon.ticks();
        daemon.wait_for("four ticks", Duration::from_secs(20), |_| {
            assert_eq!(State::of(&[pid]), before);
            (daemon.ticks() >= ticks + 4.0).then_some(())
        });
        let job = format!("-{pid}-");
        let open: Vec<PathBuf> =
            daemon.journal().into_iter().filter(|path| path.to_string_lossy().contains(&job)).collect();
        assert!(open.is_empty(), "{open:?}:\n{}", daemon.log());
        assert_eq!(daemon.stop().code(), Some(0), "{}", daemon.log());
        assert_eq!(State::of(&[pid]), before, "{}", daemon.log());
    }

    #[test]
    #[ignore = "runs inside of a pid namespace, started by the tests above"]
    fn a_restoration_leaves_the_new_owner_alone() {
        if std::env::var_os(INSIDE).is_none() {
            return;
        }
        let (mut dialled, mut daemon) = held();
        end_both(&mut daemon);
        let (sleeper, before) = take_over_pid(&mut dialled);
        let output = restore(&daemon, &dialled);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(0), "{said}");
        assert_eq!(State::of(&[sleeper.0.id().cast_signed()]), before, "{said}");
        assert!(said.contains("the job has ended, nothing to put back"), "{said}");
        assert!(daemon.journal().is_empty());
    }
}
