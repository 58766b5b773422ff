//! SIGKILL at each system call while a record is written, replaced and closed: the record is the old one or the new one, whole,
//! and a restoration makes everything good.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::ptrace;
use nix::sys::signal::{SIGKILL, kill};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{Pid, gettid};
use plotwarden::actuate::restore;
use plotwarden::arbiter::Wanted;
use plotwarden::claim::{KnobKind, Setting, Target};

use crate::subject::Subject;
use crate::{Bench, is_root, now, open, roots, skip, subject_job, variable, wanted};

/// Makes the first record, replaces it, and closes it; between these it yields, which nothing else here does.
pub fn play() {
    let job = subject_job();
    let roots = roots(variable("RUN").as_ref(), None);
    let mut actuator = open(&roots);
    let jobs = std::slice::from_ref(&job);
    println!("\nwriter {}", gettid());
    std::io::stdin().read_exact(&mut [0]).unwrap();
    for wanted in [wanted(&job, &[KnobKind::Nice]), more(&job), wanted(&job, &[])] {
        std::thread::yield_now();
        actuator.tick(now(), &wanted, jobs);
    }
    std::thread::yield_now();
    std::process::exit(0);
}

/// As the first wish, but nicer.
fn more(job: &plotwarden::actuate::JobHandle) -> Wanted {
    let mut more = wanted(job, &[KnobKind::Nice]);
    let want = more.settings.get_mut(&(Target::Job(job.id.clone()), KnobKind::Nice)).unwrap();
    want.setting = Setting::Nice(13);
    more
}

/// How far the writer was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    First,
    Replacement,
    Close,
    End,
}

impl Stage {
    fn next(self) -> Self {
        match self {
            Self::Start => Self::First,
            Self::First => Self::Replacement,
            Self::Replacement => Self::Close,
            Self::Close | Self::End => Self::End,
        }
    }

    /// What may be in the journal: nothing, or a record that wants this niceness.
    fn may_be(self, record: Option<i64>) -> bool {
        match self {
            Self::Start | Self::End => record.is_none(),
            Self::First => matches!(record, None | Some(11)),
            Self::Replacement => matches!(record, Some(11 | 13)),
            Self::Close => matches!(record, Some(13) | None),
        }
    }
}

/// The process that writes, with the thread of it that is followed.
struct Traced {
    child: Child,
    writer: Pid,
}

impl Traced {
    fn start(subject: &Subject, run: &Path) -> Self {
        let part = crate::in_part("writer");
        let mut child = Command::new(&part[0])
            .args([format!("RUN={}", run.display())])
            .args([
                format!("SUBJECT_PID={}", subject.identity.pid),
                format!("SUBJECT_START={}", subject.identity.start_ticks),
            ])
            .args(&part[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let line = lines.find(|line| line.starts_with("writer ")).unwrap();
        let writer = Pid::from_raw(line["writer ".len()..].parse().unwrap());
        ptrace::seize(writer, ptrace::Options::PTRACE_O_TRACESYSGOOD).unwrap();
        ptrace::interrupt(writer).unwrap();
        let mut traced = Self { child, writer };
        assert!(matches!(traced.wait(), WaitStatus::PtraceEvent(..)));
        traced.child.stdin.take().unwrap().write_all(b"\n").unwrap();
        traced
    }

    fn wait(&mut self) -> WaitStatus {
        waitpid(self.writer, Some(WaitPidFlag::__WALL)).unwrap()
    }

    /// Lets the writer go on to its next system call, and returns the number of that; `None` if it has ended.
    fn next_call(&mut self) -> Option<u64> {
        loop {
            ptrace::syscall(self.writer, None).ok()?;
            match self.wait() {
                WaitStatus::PtraceSyscall(_) => {
                    let info = ptrace::syscall_info(self.writer).unwrap();
                    if info.op == libc::PTRACE_SYSCALL_INFO_ENTRY {
                        // SAFETY: the kernel has said which of the variants it filled in.
                        return Some(unsafe { info.u.entry }.nr);
                    }
                }
                WaitStatus::Exited(..) | WaitStatus::Signaled(..) => return None,
                _ => {}
            }
        }
    }

    /// Kills it at the n-th system call of its work, which then never happens. Where it was then.
    fn die_at(mut self, count: usize) -> Stage {
        let mut stage = Stage::Start;
        let mut calls = 0;
        while let Some(number) = self.next_call() {
            if number == u64::try_from(libc::SYS_sched_yield).unwrap() {
                stage = stage.next();
                if stage == Stage::End {
                    break;
                }
            }
            calls += usize::from(stage != Stage::Start);
            if calls == count {
                kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), SIGKILL).unwrap();
                break;
            }
        }
        // A thread that is traced is ours to reap, and its process is not gone before that.
        loop {
            let _ = ptrace::cont(self.writer, None);
            match waitpid(self.writer, Some(WaitPidFlag::__WALL)) {
                Ok(WaitStatus::Exited(..) | WaitStatus::Signaled(..)) | Err(_) => break,
                Ok(_) => {}
            }
        }
        drop(self.child.wait());
        stage
    }
}

/// The niceness that the one record wants; panics at one that is not whole.
fn recorded(run: &Path) -> Option<i64> {
    let entries = std::fs::read_dir(run.join("journal")).unwrap().map(|entry| entry.unwrap().path());
    let records: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "json")).collect();
    assert!(records.len() <= 1, "{records:?}");
    let text = std::fs::read(records.first()?).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let wanted = &record["wanted"];
    Some(wanted.as_object().and_then(|fields| fields.values().next()).unwrap_or(wanted).as_i64().unwrap())
}

#[test]
fn killed_at_any_system_call_the_journal_holds_the_old_record_or_the_new_one_whole() {
    if !is_root() {
        skip!("needs root to change priorities");
    }
    let bench = Bench::new(None);
    let run = &bench.roots.run;
    let subject = Subject::start();
    let before = subject.snapshot();
    let mut met = Vec::new();
    for count in 1.. {
        let stage = Traced::start(&subject, run.parent().unwrap()).die_at(count);
        let record = recorded(run);
        assert!(stage.may_be(record), "at call {count}, {stage:?}: {record:?}");
        met.push((stage, record));
        let report = restore(&bench.roots, now(), Duration::ZERO).unwrap();
        assert!(report.is_complete(), "at call {count}, {stage:?}: {report}");
        assert_eq!(subject.snapshot(), before, "at call {count}, {stage:?}: {report}");
        assert_eq!(recorded(run), None);
        if stage == Stage::End {
            break;
        }
    }
    println!("killed at {} system calls", met.len() - 1);
    // Each stage was cut off before and after its record changed.
    for both in [
        [(Stage::First, None), (Stage::First, Some(11))],
        [(Stage::Replacement, Some(11)), (Stage::Replacement, Some(13))],
        [(Stage::Close, Some(13)), (Stage::Close, None)],
    ] {
        assert!(both.iter().all(|one| met.contains(one)), "{both:?} are not among {met:?}");
    }
}
