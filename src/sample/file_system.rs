//! File systems: how full they are, whether they still answer, and which errors they have met.
//!
//! A child asks, see [`space`]: in the order of the table, those first that need no other machine. One that is silent for too long
//! is left behind with its child and reported as late, another child asks for the rest, and it is asked again when it has let
//! its child go. A tick never waits.

mod errors;

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::SampleProblem;
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::mounts::{self, DataMounts, Mount};
use crate::kernel::space::{Answer, Asker, LeftBehind, Space};
use crate::kernel::{KernelError, Roots};

use errors::ErrorCounters;

/// Space changes slowly against it.
const PERIOD: Duration = Duration::from_secs(15);
/// A file system that is silent for longer is late, and no other one waits for it.
const PATIENCE: Duration = Duration::from_secs(2);
/// An answer that is older no longer says anything.
const OUTDATED: Duration = Duration::from_mins(1);
const PART: &str = "file-systems";

/// All file systems that are a place for data.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileSystems {
    pub all: Vec<FileSystemSample>,
    /// How many were left out because there are too many.
    pub left_out: usize,
}

/// A mounted file system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSystemSample {
    pub place: Arc<Place>,
    /// `None` if it has not answered for a minute.
    pub space: Option<Space>,
    /// By its options, or by what it answered: one that met an error turns read-only.
    pub is_read_only: bool,
    /// Its last answer was an error, such as that of a FUSE file system whose program has died; `None` if it never answered.
    pub is_failing: Option<bool>,
    /// For how long it has not answered; zero if it answers in time.
    pub late: Duration,
    /// Errors that it has counted, where it counts them.
    pub errors: Option<u64>,
}

/// What a file system is known by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Place {
    pub mount_point: String,
    /// As it was given to mount.
    pub device: String,
    /// Such as `ext4` or `nfs4`.
    pub kind: String,
}

/// Asks the file systems again and again.
#[derive(Debug)]
pub(super) struct FileSystemSampler {
    roots: Roots,
    program: Result<PathBuf, String>,
    table: KeptFile,
    watched: Vec<Watched>,
    left_out: usize,
    round: Round,
    last: Option<Arc<FileSystems>>,
    problem: Option<String>,
}

/// Which file systems are still to be heard of.
#[derive(Debug, Default)]
struct Round {
    begun: Option<Duration>,
    asker: Option<Asker>,
    /// Places in the list of what is watched, which stays as it is as long as the round lasts.
    waiting: VecDeque<usize>,
    /// Asked and not answered yet; the first is what the child is at.
    open: VecDeque<usize>,
    /// Since when the child has been at it.
    first_since: Duration,
}

#[derive(Debug)]
struct Watched {
    mount: Mount,
    place: Arc<Place>,
    errors: ErrorCounters,
    counted: Option<u64>,
    /// With the time at which it was heard.
    answer: Option<(Duration, Answer)>,
    hangs: Option<Hangs>,
}

#[derive(Debug)]
struct Hangs {
    since: Duration,
    child: LeftBehind,
}

impl FileSystemSampler {
    pub(super) fn new(roots: &Roots) -> Self {
        Self::asking(roots, Asker::program().map_err(|error| error.to_string()))
    }

    fn asking(roots: &Roots, program: Result<PathBuf, String>) -> Self {
        Self {
            roots: roots.clone(),
            program,
            table: KeptFile::new(mounts::table(roots)),
            watched: Vec::new(),
            left_out: 0,
            round: Round::default(),
            last: None,
            problem: None,
        }
    }

    /// What is known now; `None` if not even the mount table can be read.
    pub(super) fn sample(&mut self, now: Moment, problems: &mut Vec<SampleProblem>) -> Option<Arc<FileSystems>> {
        let mut changed = self.last.is_none();
        if self.round.is_over() && self.round.begun.is_none_or(|begun| now.since(begun) >= PERIOD) {
            self.begin_round(now);
            changed = true;
        }
        if !self.round.is_over() {
            changed |= self.ask(now);
        }
        for watched in &mut self.watched {
            changed |= watched.hangs.is_some();
            watched.hangs = watched.hangs.take().filter(|hangs| !hangs.child.has_ended());
        }
        self.tell_problems(now, problems);
        if changed {
            let all = self.watched.iter().map(|watched| watched.sample(now)).collect();
            let is_known = !self.watched.is_empty() || self.problem.is_none();
            self.last = is_known.then(|| Arc::new(FileSystems { all, left_out: self.left_out }));
        }
        self.last.clone()
    }

    fn tell_problems(&self, now: Moment, problems: &mut Vec<SampleProblem>) {
        let silent = |watched: &Watched| {
            let late = now.since(watched.hangs.as_ref()?.since);
            Some(format!("{} has not answered for {} s", watched.place.mount_point, late.as_secs()))
        };
        let reasons = self.watched.iter().filter_map(silent).chain(self.problem.clone());
        problems.extend(reasons.map(|reason| SampleProblem { part: PART, reason }));
    }

    /// Reads the mount table and sets down whom to ask.
    fn begin_round(&mut self, now: Moment) {
        self.round.begun = Some(now.boot);
        self.problem = None;
        match self.table.read(|bytes| Ok(DataMounts::parse(bytes))) {
            Ok(found) => self.follow(found),
            Err(error) => {
                self.watched.clear();
                self.problem = Some(error.to_string());
            }
        }
        for watched in &mut self.watched {
            watched.counted = watched.errors.read();
        }
        let free = |at: &usize| self.watched[*at].hangs.is_none();
        let (far, near): (Vec<_>, Vec<_>) =
            (0..self.watched.len()).filter(free).partition(|at| self.watched[*at].mount.is_remote());
        self.round.waiting = near.into_iter().chain(far).collect();
    }

    /// Keeps what is known of the mounts that are still there.
    fn follow(&mut self, found: DataMounts) {
        self.left_out = found.left_out;
        let mut before = std::mem::take(&mut self.watched);
        for mount in found.mounts {
            // One that was taken away and made again is another one.
            let is_same = |before: &Mount| (before.id, before.number) == (mount.id, mount.number);
            let same = before.iter().position(|watched| is_same(&watched.mount));
            self.watched.push(match same {
                Some(at) => before.swap_remove(at).with(mount),
                None => Watched::new(&self.roots, mount),
            });
        }
    }

    /// Goes on with the round as far as it goes without waiting. `true` if there is news.
    fn ask(&mut self, now: Moment) -> bool {
        match self.try_to_ask(now) {
            Ok(news) => news,
            Err(error) => {
                self.problem = Some(error.to_string());
                self.round.break_off();
                true
            }
        }
    }

    fn try_to_ask(&mut self, now: Moment) -> Result<bool, KernelError> {
        let Self { roots, program, watched, round, .. } = self;
        let program = program
            .as_ref()
            .map_err(|reason| KernelError::Unsupported { what: "the space of file systems", reason: reason.clone() })?;
        let failed = |source| KernelError::io("ask with", program, source);
        let asker = match &mut round.asker {
            Some(asker) => asker,
            none => none.insert(Asker::start(program)?),
        };
        while let Some(&at) = round.waiting.front() {
            match asker.ask(&watched[at].mount.reached_by(roots)) {
                Ok(true) if round.open.is_empty() => round.first_since = now.boot,
                Ok(true) => {}
                Ok(false) => break,
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Err(failed(error)),
                Err(error) => {
                    watched[at].answer = Some((now.boot, Err(error)));
                    round.waiting.pop_front();
                    continue;
                }
            }
            round.open.extend(round.waiting.pop_front());
        }
        let mut news = false;
        while let Some(answer) = asker.answer(Duration::ZERO).map_err(failed)? {
            news = true;
            round.first_since = now.boot;
            if let Some(at) = round.open.pop_front() {
                watched[at].answer = Some((now.boot, answer));
            }
        }
        if !round.open.is_empty() && now.since(round.first_since) > PATIENCE {
            news = true;
            round.leave_behind(watched);
        }
        Ok(news)
    }
}

impl Round {
    fn is_over(&self) -> bool {
        self.waiting.is_empty() && self.open.is_empty()
    }

    fn break_off(&mut self) {
        self.asker = None;
        self.waiting.clear();
        self.open.clear();
    }

    /// The child stays with the first one; another one will ask for the rest.
    fn leave_behind(&mut self, watched: &mut [Watched]) {
        let child = self.asker.take().map(Asker::leave_behind);
        if let Some((at, child)) = self.open.pop_front().zip(child) {
            watched[at].hangs = Some(Hangs { since: self.first_since, child });
        }
        self.open.append(&mut self.waiting);
        std::mem::swap(&mut self.waiting, &mut self.open);
    }
}

impl Watched {
    fn new(roots: &Roots, mount: Mount) -> Self {
        let place = Place {
            mount_point: mount.point.to_string_lossy().into_owned(),
            device: mount.source.clone(),
            kind: mount.kind.clone(),
        };
        let errors = ErrorCounters::of(roots, &mount);
        Self { mount, place: Arc::new(place), errors, counted: None, answer: None, hangs: None }
    }

    /// The same mount, whose options may be others now.
    fn with(self, mount: Mount) -> Self {
        Self { mount, ..self }
    }

    fn sample(&self, now: Moment) -> FileSystemSample {
        let recent = self.answer.as_ref().filter(|(heard, _)| now.since(*heard) < OUTDATED).map(|(_, answer)| answer);
        let space = recent.and_then(|answer| answer.as_ref().ok()).filter(|space| space.is_of(&self.mount)).copied();
        FileSystemSample {
            place: Arc::clone(&self.place),
            space,
            is_read_only: self.mount.is_read_only() || space.is_some_and(|space| space.is_read_only),
            is_failing: recent.map(Result::is_err),
            late: self.hangs.as_ref().map_or(Duration::ZERO, |hangs| now.since(hangs.since)),
            errors: self.counted,
        }
    }
}

#[cfg(test)]
mod tests;
