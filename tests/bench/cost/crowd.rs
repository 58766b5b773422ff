//! Further processes: single-threaded and small, asleep for good or awake for a moment each second.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{ForkResult, fork, pause};

/// `size habit`: the program plays the crowd instead of measuring.
const ROLE: &str = "COST_CROWD";

/// What the processes do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    Idle,
    WakesEachSecond,
}

/// The processes, which end with this.
pub struct Crowd {
    mother: Child,
}

impl Crowd {
    pub fn start(size: u32, habit: Habit) -> Self {
        let role = format!("{size} {}", if habit == Habit::Idle { "idle" } else { "wakes" });
        let mut mother = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, role)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(mother.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "all\n");
        Self { mother }
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        drop(self.mother.stdin.take());
        drop(self.mother.wait());
    }
}

/// The mother of the crowd, if that is what this process was started as.
pub fn play() -> Option<ExitCode> {
    let role = std::env::var(ROLE).ok()?;
    let (size, habit) = role.split_once(' ').unwrap();
    let children: Vec<_> = (0..size.parse::<u32>().unwrap()).map(|_| born(habit == "wakes")).collect();
    println!("all");
    let _ = std::io::stdin().read(&mut [0]);
    for child in &children {
        let _ = nix::sys::signal::kill(*child, Signal::SIGKILL);
    }
    for child in children {
        let _ = nix::sys::wait::waitpid(child, None);
    }
    Some(ExitCode::SUCCESS)
}

fn born(wakes: bool) -> nix::unistd::Pid {
    // SAFETY: this process has no second thread that could hold a lock.
    match unsafe { fork() }.unwrap() {
        ForkResult::Parent { child } => child,
        ForkResult::Child => {
            let _ = set_pdeathsig(Signal::SIGKILL);
            loop {
                if wakes {
                    std::thread::sleep(Duration::from_secs(1));
                } else {
                    pause();
                }
            }
        }
    }
}
