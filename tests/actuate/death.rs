//! `kill -9` of the real process before each of its operations; a restoration makes all of them good.

use std::cell::Cell;
use std::process::Command;
use std::rc::Rc;
use std::time::Duration;

use nix::sys::signal::{SIGKILL, kill};
use nix::unistd::Pid;
use plotwarden::actuate::{Actuator, restore};
use plotwarden::claim::KnobKind;
use plotwarden::knob::{GroupUse, Linux};
use plotwarden::mode::Mode;

use crate::machine::{Mishap, Mishappy};
use crate::subject::Subject;
use crate::{Bench, OF_PROCESSES, cgroup2, is_root, now, roots, skip, subject_job, variable, wanted};

/// Dies before the n-th operation.
struct Death {
    left: Cell<u32>,
}

impl Mishap for Death {
    fn before(&self, _kind: KnobKind) {
        if self.left.get() == 0 {
            kill(Pid::this(), SIGKILL).unwrap();
        }
        self.left.set(self.left.get().saturating_sub(1));
    }
}

/// Applies every knob and releases them again, and dies on the way.
pub fn play() {
    let job = subject_job();
    let roots = roots(variable("RUN").as_ref(), cgroup2());
    let death: Rc<dyn Mishap> = Rc::new(Death { left: Cell::new(variable("STEPS").parse().unwrap()) });
    let machine = Box::new(Mishappy::new(Linux::new(&roots, GroupUse::Free), &death));
    let mut actuator = Actuator::open(&roots, machine, Mode::Enforce, now()).unwrap().0;
    actuator.tick(now(), &wanted(&job, &OF_PROCESSES), std::slice::from_ref(&job));
    actuator.tick(now(), &wanted(&job, &[]), std::slice::from_ref(&job));
    std::process::exit(0);
}

#[test]
fn killed_at_any_step_everything_is_as_before() {
    if !is_root() {
        skip!("needs root to change priorities and groups");
    }
    let bench = Bench::new(cgroup2());
    let run = bench.roots.run.parent().unwrap();
    let mut subject = Subject::start();
    let before = subject.snapshot();
    let mut deaths = 0;
    for steps in 0.. {
        let part = crate::in_part("victim");
        let victim = Command::new(&part[0])
            .args([format!("RUN={}", run.display()), format!("STEPS={}", steps * 2)])
            .args([
                format!("SUBJECT_PID={}", subject.identity.pid),
                format!("SUBJECT_START={}", subject.identity.start_ticks),
            ])
            .args(&part[1..])
            .stdout(std::process::Stdio::null())
            .status()
            .unwrap();
        let report = restore(&bench.roots, now(), Duration::ZERO).unwrap();
        assert!(report.is_complete(), "at step {steps}: {report}");
        assert_eq!(subject.snapshot(), before, "at step {steps}: {report}");
        if victim.success() {
            break;
        }
        deaths += 1;
    }
    assert!(deaths > 50, "only {deaths} deaths");
    subject.ask("thread");
}
