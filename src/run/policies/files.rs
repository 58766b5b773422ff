//! Follows the policy files in a thread of its own: neither a network file system that does not answer nor a thousand policies
//! that have to be read keep the loop waiting, which gets sets that are ready.

use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime};

use tokio::sync::oneshot;

use super::keeper::Keeper;
use super::kept::Kept;
use crate::kernel::folder_watch::FolderWatch;
use crate::kernel::{KernelError, clock, open_writers};
use crate::mode::Mode;
use crate::policy::{
    self, Commit, Fingerprint, FolderMark, PolicyError, PolicySet, Settling, Sources, Step, Vocabulary, Ways,
};
use crate::run::orders::{Bell, Orders, Wake};

/// Between two looks where the kernel tells of changes: those that it does not know of, on network file systems, are seen then.
const POLL: Duration = Duration::from_secs(10);
/// The same where it tells of none.
const UNTOLD_POLL: Duration = Duration::from_secs(1);
/// News come in bursts, and a folder on the way such as `/tmp` may have many that are not ours.
const LULL: Duration = Duration::from_millis(200);
/// Who asks for a reload gets an answer; so often it is tried to find the files at rest.
const TRIES: u32 = 20;
const BETWEEN_TRIES: Duration = Duration::from_millis(100);
/// The ways change while they are looked at.
const WAY_TRIES: u32 = 4;

/// Who asked hears what came of it: what is wrong, if the policies were not taken.
pub type Reply = oneshot::Sender<Result<(), String>>;

/// What is asked of whoever follows the files.
#[derive(Debug)]
pub enum Ask {
    /// Read them now.
    Read(Option<Reply>),
    /// From now on the run directory is ours: keep the last good set there.
    Keep,
}

/// What the loop is told.
#[derive(Debug)]
pub enum News {
    /// The files were read.
    Read { read: Result<Good, Vec<PolicyError>>, replies: Vec<Reply> },
    /// Other commits are checked out, with the same policies.
    Commits(Vec<Commit>),
}

/// A set that can be put in force.
#[derive(Debug)]
pub struct Good {
    pub set: PolicySet,
    pub read_at: SystemTime,
    pub commits: Vec<Commit>,
}

/// What is followed, and how it is read.
#[derive(Debug, Clone)]
pub struct Wanted {
    /// Empty for the shipped policies, which do not change.
    pub paths: Vec<PathBuf>,
    pub vocabulary: Vocabulary,
    pub most: Mode,
    /// The name of this machine, for canaries.
    pub node: String,
    pub run: PathBuf,
}

impl Wanted {
    pub fn load(&self, sources: &Sources) -> Result<PolicySet, Vec<PolicyError>> {
        let loaded = if self.paths.is_empty() {
            policy::shipped(&self.vocabulary)
        } else {
            policy::from_files(sources, &self.vocabulary)
        };
        loaded.map(|set| set.capped(self.most).on_node(&self.node))
    }
}

/// Follows the files for as long as somebody may ask.
pub struct Files {
    wanted: Wanted,
    asks: Orders<Ask>,
    news: mpsc::Sender<News>,
    bell: Bell,
    /// `None` where the kernel tells nothing.
    watch: Option<FolderWatch>,
    is_watch_missed: bool,
    ways: Ways,
    settling: Settling,
    next_look: Duration,
    /// The folders of the last good set, if there was any policy in them.
    folders: Vec<FolderMark>,
    is_refused: bool,
    commits: Vec<Commit>,
    keeper: Keeper,
}

impl Files {
    /// Reads the files, tells what came of it, rings, and follows them. `kept` is what an earlier run left for the same paths.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn follow(
        wanted: Wanted,
        kept: Option<Kept>,
        asks: Orders<Ask>,
        bell: Bell,
    ) -> io::Result<mpsc::Receiver<News>> {
        let (news, told) = mpsc::channel();
        let files = Self {
            asks,
            news,
            bell,
            watch: None,
            is_watch_missed: false,
            ways: Ways::new(),
            settling: Settling::default(),
            next_look: Duration::ZERO,
            folders: kept.as_ref().map(|kept| kept.folders.clone()).unwrap_or_default(),
            is_refused: false,
            commits: Vec::new(),
            keeper: Keeper::new(&wanted.run, kept),
            wanted,
        };
        thread::Builder::new().name("policies".to_owned()).spawn(move || files.run())?;
        Ok(told)
    }

    fn run(mut self) {
        self.watch_ways();
        self.read_at_once(Vec::new(), false);
        let mut rest = POLL;
        loop {
            let news = self.watch.as_ref().map(AsFd::as_fd);
            let mut wake = self.asks.wait(news, rest);
            if matches!(wake, Wake::News) {
                wake = self.asks.wait(None, LULL);
            }
            let mut replies = Vec::new();
            let mut is_asked = false;
            while let Wake::Order(ask) = wake {
                match ask {
                    Ask::Keep => self.keeper.may_write(),
                    Ask::Read(reply) => {
                        is_asked = true;
                        replies.extend(reply);
                    }
                }
                wake = self.asks.wait(None, Duration::ZERO);
            }
            if matches!(wake, Wake::Deserted) {
                return;
            }
            if is_asked {
                self.read_at_once(replies, true);
            }
            rest = self.look();
            self.keeper.write();
        }
    }

    /// Looks whether something has changed, and reads what lies still. How long to rest then.
    fn look(&mut self) -> Duration {
        if self.wanted.paths.is_empty() {
            return POLL;
        }
        let now = clock::now().boot;
        let has_stirred = self.take_events();
        if !has_stirred && now < self.next_look {
            return self.next_look.saturating_sub(now);
        }
        let has_moved = self.watch_ways();
        let poll = if self.watch.is_some() { POLL } else { UNTOLD_POLL };
        let seen = Fingerprint::take(&self.wanted.paths);
        let rest = match self.settling.look(seen, has_stirred || has_moved, now) {
            Step::Rest => {
                self.follow_commits();
                poll
            }
            Step::Wait(rest) => rest,
            Step::Read if self.read(&mut Vec::new(), false) => poll,
            Step::Read => self.settling.begin_anew(now),
        };
        if self.settling.is_overdue(now) {
            let busy = self.busy();
            self.tell(Err(vec![busy]), Vec::new());
        }
        let rest = rest.min(poll);
        self.next_look = now + rest;
        rest
    }

    /// Takes what the kernel told. `true` if it was about policies.
    fn take_events(&self) -> bool {
        let matters = |folder: &Path, name: &std::ffi::OsStr| self.ways.get(folder).is_none_or(|at| at.matters(name));
        self.watch.as_ref().is_some_and(|watch| watch.any(matters))
    }

    /// Watches the folders on the ways as they are now. `true` if they are others than before.
    fn watch_ways(&mut self) -> bool {
        let mut has_moved = false;
        for _ in 0..WAY_TRIES {
            let ways = policy::ways(&self.wanted.paths);
            if ways == self.ways && self.watch.is_some() {
                break;
            }
            has_moved |= ways != self.ways;
            self.ways = ways;
            match watched(&self.ways) {
                Ok(watch) => self.watch = Some(watch),
                Err(error) => {
                    if !self.is_watch_missed {
                        tracing::warn!(%error, "policy files are looked at each second");
                    }
                    (self.watch, self.is_watch_missed) = (None, true);
                    break;
                }
            }
        }
        has_moved
    }

    /// Reads the files as they lie now; only who writes at this moment is waited for, and not for long.
    fn read_at_once(&mut self, mut replies: Vec<Reply>, is_asked: bool) {
        for _ in 0..TRIES {
            if self.read(&mut replies, is_asked) {
                return;
            }
            thread::sleep(BETWEEN_TRIES);
        }
        let busy = self.busy();
        self.tell(Err(vec![busy]), replies);
        self.next_look = Duration::ZERO;
    }

    /// Reads the files and tells what came of it; `false` if somebody writes, so that what would be read was never meant to be.
    fn read(&mut self, replies: &mut Vec<Reply>, is_asked: bool) -> bool {
        let paths = &self.wanted.paths;
        self.take_events();
        let before = Fingerprint::take(paths);
        if written(&before).is_some() {
            return false;
        }
        let (sources, commits) = (Sources::read(paths), policy::commits(paths));
        if Fingerprint::take(paths) != before {
            return false;
        }
        let read = match sources {
            Ok(_) if !is_asked && before.is_emptied_by_exchange(&self.folders) => Err(vec![exchanged(paths)]),
            Ok(sources) => self.wanted.load(&sources).map(|set| (sources, set)),
            Err(errors) => Err(errors),
        };
        let read = read.map(|(sources, set)| {
            let read_at = clock::now().wall;
            self.folders = if sources.files.is_empty() { Vec::new() } else { before.folders().to_owned() };
            self.commits.clone_from(&commits);
            if !paths.is_empty() {
                self.keeper.keep(Kept::new(paths, sources.files, self.folders.clone(), commits.clone(), read_at));
            }
            Good { set, read_at, commits }
        });
        self.settling = Settling::after(before);
        self.tell(read, std::mem::take(replies));
        true
    }

    fn tell(&mut self, read: Result<Good, Vec<PolicyError>>, replies: Vec<Reply>) {
        self.is_refused = read.is_err();
        // The loop has ended otherwise, and this thread will.
        let _ = self.news.send(News::Read { read, replies });
        self.bell.ring();
    }

    /// The work tree may move on to a commit that changes no policy.
    fn follow_commits(&mut self) {
        let commits = policy::commits(&self.wanted.paths);
        if !self.is_refused && commits != self.commits {
            self.commits.clone_from(&commits);
            self.keeper.keep_commits(&commits);
            let _ = self.news.send(News::Commits(commits));
            self.bell.ring();
        }
    }

    fn busy(&self) -> PolicyError {
        let written = written(&Fingerprint::take(&self.wanted.paths));
        let path = written.or_else(|| self.wanted.paths.first().cloned()).unwrap_or_default();
        PolicyError::unreadable(&path, "is being written", "it is read when whoever writes has closed it")
    }
}

/// A file that somebody has open for writing.
fn written(files: &Fingerprint) -> Option<PathBuf> {
    files.files().find(|path| open_writers::has_writer(path) == Some(true)).map(Path::to_owned)
}

fn watched(ways: &Ways) -> Result<FolderWatch, KernelError> {
    let mut watch = FolderWatch::new()?;
    for (folder, station) in ways {
        watch.add(folder, station.ends_here)?;
    }
    Ok(watch)
}

fn exchanged(paths: &[PathBuf]) -> PolicyError {
    let folder = paths.first().map_or_else(|| Path::new("--policies"), PathBuf::as_path);
    let problem = "holds no policy, and is not the folder that held some: is a file system not mounted?";
    let hint =
        "to be without policies, delete the files in the folder, or reload by SIGHUP when it is empty on purpose";
    PolicyError::unreadable(folder, problem, hint)
}
