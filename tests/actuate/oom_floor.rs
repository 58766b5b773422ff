//! The lowest OOM score that a process may give itself is the kernel's secret: it is after us what it was before us.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdout, Command, Stdio};

use plotwarden::actuate::{JobHandle, Outcome};
use plotwarden::arbiter::Wanted;
use plotwarden::claim::{KnobKind, Setting};
use plotwarden::plotter::JobId;

use crate::subject::identity;
use crate::{Bench, is_root, now, open, skip, wanted};

/// `nobody` on every machine: without capabilities the floor binds.
const USER: u32 = 65534;

/// A shell of another user that sets its own score when told so, and says what became of it.
struct Modest {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Modest {
    fn start() -> Self {
        let script =
            "file=/proc/$$/oom_score_adj; while read score; do echo $score > $file; read now < $file; echo $now; done";
        let mut command = Command::new("sh");
        command.args(["-c", script]).uid(USER).gid(USER).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.stderr(Stdio::null()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    /// The score that it has after having tried to give itself this one.
    fn try_score(&mut self, score: i16) -> String {
        writeln!(self.child.stdin.as_mut().unwrap(), "{score}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        line.trim().to_owned()
    }

    fn job(&self) -> JobHandle {
        let plotter = identity(self.child.id().cast_signed()).unwrap();
        JobHandle { id: JobId::new("test", plotter), plotter, processes: vec![plotter], may_pause: true }
    }
}

impl Drop for Modest {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn scored(job: &JobHandle, score: i16) -> Wanted {
    let mut wanted = wanted(job, &[KnobKind::OomScore]);
    wanted.settings.values_mut().for_each(|want| {
        want.setting = Setting::OomScore(score);
        want.bound = plotwarden::claim::Bound::Exactly;
    });
    wanted
}

#[test]
fn what_a_process_could_give_itself_before_it_can_after() {
    if !is_root() {
        skip!("needs root to set the score of another user's process");
    }
    let bench = Bench::new(None);
    let mut modest = Modest::start();
    assert_eq!(modest.try_score(300), "300");
    let job = modest.job();
    let mut actuator = open(&bench.roots);
    let reports = actuator.tick(now(), &scored(&job, 800), std::slice::from_ref(&job));
    assert_eq!(reports[0].outcome, Outcome::Done);
    let reports = actuator.tick(now(), &wanted(&job, &[]), std::slice::from_ref(&job));
    assert_eq!(reports[0].to.as_deref(), Some("300"));
    assert_eq!(modest.try_score(0), "0", "the floor has moved");
}

#[test]
fn a_score_below_the_floor_is_refused_and_nothing_is_left_behind() {
    if !is_root() {
        skip!("needs root to set the score of another user's process");
    }
    let bench = Bench::new(None);
    let mut modest = Modest::start();
    assert_eq!(modest.try_score(0), "0");
    let job = modest.job();
    let mut actuator = open(&bench.roots);
    let reports = actuator.tick(now(), &scored(&job, -500), std::slice::from_ref(&job));
    assert!(matches!(&reports[0].outcome, Outcome::Failed { error } if error.contains("OOM score")), "{reports:#?}");
    actuator.tick(now(), &wanted(&job, &[]), std::slice::from_ref(&job));
    assert_eq!((modest.try_score(-1), actuator.held().count()), ("0".to_owned(), 0));
}
