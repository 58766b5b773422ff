//! How much space a file system has, asked by a process of its own.
//!
//! Whoever asks a dead file server, or a FUSE file system whose program does not answer, hangs in the kernel and cannot be
//! killed. A thread that hangs so keeps its whole process from ending, and with it our lock and our port. So a small child asks:
//! paths go in, answers come out in the same order, and one that hangs is left behind with nothing of ours.
//!
//! Source: `statvfs(3)`.

use std::io::{self, BufRead, PipeReader, PipeWriter, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::sys::stat::{Mode, fstat, major, minor};
use nix::sys::statvfs::{FsFlags, Statvfs, fstatvfs};

use super::mounts::{DeviceNumber, Mount};
use super::{KernelError, text};
use crate::units::Bytes;

/// The subcommand of ours that answers; see [`serve`].
pub const SUBCOMMAND: &str = "answer-space";
/// So many children may hang before no more are started.
const MOST_LEFT_BEHIND: usize = 32;
/// Of so many file systems the silence is waited for, one after the other; the others are then not asked.
const MOST_SILENT: usize = 4;
/// Questions that may be open at once, so that the answers fit into their pipe.
const MOST_OPEN: usize = 128;
/// The longest path that the kernel takes, with the zero byte.
const LONGEST_PATH: usize = 4096;
/// A stack for a thread that only waits.
const STACK: usize = 64 << 10;

/// Children that have not ended yet although nobody waits for their answer.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// The size of a file system and what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// `None` of all three if the file system has no size of its own.
    pub size: Option<Bytes>,
    /// Free for root.
    pub free: Option<Bytes>,
    /// Free for everybody else; what is reserved for root is not in it.
    pub available: Option<Bytes>,
    /// Inodes; `None` of both if the file system makes them as they are needed.
    pub files: Option<u64>,
    pub files_free: Option<u64>,
    pub is_read_only: bool,
    /// The file system that answered; 0:0 if that is not told.
    pub number: DeviceNumber,
}

/// What became of a question: the space, or why there is no answer, as the number of an error.
pub type Answer = Result<Space, io::Error>;

/// The child that asks. It ends when this is dropped, or as soon as it can.
#[derive(Debug)]
pub struct Asker {
    child: Option<Child>,
    questions: PipeWriter,
    answers: PipeReader,
    /// Answers that have come in part.
    unread: Vec<u8>,
    /// Questions without an answer.
    open: usize,
}

/// A child that hangs.
#[derive(Debug)]
pub struct LeftBehind(Weak<Burden>);

/// Counts a child that is being waited for.
#[derive(Debug)]
struct Burden;

impl Space {
    /// Whether it is of this mount. One that was unmounted meanwhile has left the way free to what lies below it.
    pub fn is_of(&self, mount: &Mount) -> bool {
        // Each subvolume of btrfs has a number of its own, which the mount table does not tell.
        let unknown = DeviceNumber { major: 0, minor: 0 };
        mount.kind == "btrfs" || self.number == unknown || self.number == mount.number
    }
}

impl Asker {
    /// The program that is started: ourselves.
    ///
    /// # Errors
    /// In a program that only contains ours, such as a test.
    pub fn program() -> Result<PathBuf, KernelError> {
        let failed = |source| KernelError::io("find", "plotwarden", source);
        let ours = std::env::current_exe().map_err(failed)?.with_file_name("plotwarden");
        if ours.is_file() { Ok(ours) } else { Err(KernelError::io("find", ours, io::ErrorKind::NotFound.into())) }
    }

    pub fn start(program: &Path) -> Result<Self, KernelError> {
        let failed = |source| KernelError::io("start", program, source);
        if LEFT_BEHIND.load(Ordering::Relaxed) >= MOST_LEFT_BEHIND {
            let reason = format!("{MOST_LEFT_BEHIND} questions hang already");
            return Err(KernelError::Unsupported { what: "the space of file systems", reason });
        }
        let (theirs_in, questions) = io::pipe().map_err(failed)?;
        let (answers, theirs_out) = io::pipe().map_err(failed)?;
        let mut command = Command::new(program);
        // A child that stood in a mounted folder would keep it from being unmounted.
        command.arg(SUBCOMMAND).current_dir("/").stdin(theirs_in).stdout(theirs_out).stderr(Stdio::null());
        let child = command.spawn().map_err(failed)?;
        Ok(Self { child: Some(child), questions, answers, unread: Vec::new(), open: 0 })
    }

    /// Asks for the file system at `path`, without ever waiting. `false` if so many questions are open that this one has to
    /// come later.
    pub fn ask(&mut self, path: &Path) -> io::Result<bool> {
        let mut question = path.as_os_str().as_bytes().to_vec();
        question.push(0);
        if question.len() > LONGEST_PATH {
            return Err(Errno::ENAMETOOLONG.into());
        }
        // A pipe that takes anything takes this much at once.
        let mut room = [PollFd::new(self.questions.as_fd(), PollFlags::POLLOUT)];
        let is_full = self.open >= MOST_OPEN || poll(&mut room, PollTimeout::ZERO)? == 0;
        if !is_full {
            self.questions.write_all(&question)?;
            self.open += 1;
        }
        Ok(!is_full)
    }

    /// The next answer, if there is one within `patience`.
    ///
    /// # Errors
    /// The child is gone, or speaks nonsense.
    pub fn answer(&mut self, patience: Duration) -> io::Result<Option<Answer>> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                self.open = self.open.saturating_sub(1);
                return parse(&line[..end]).map(Some).ok_or_else(|| io::ErrorKind::InvalidData.into());
            }
            let mut ready = [PollFd::new(self.answers.as_fd(), PollFlags::POLLIN)];
            match poll(&mut ready, PollTimeout::try_from(patience).unwrap_or(PollTimeout::MAX)) {
                Ok(0) => return Ok(None),
                Err(Errno::EINTR) => continue,
                ready => ready?,
            };
            let mut chunk = [0; 4096];
            match self.answers.read(&mut chunk)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                length => self.unread.extend_from_slice(&chunk[..length]),
            }
        }
    }

    /// Leaves the child to what it hangs in. It ends when that is over, since nobody takes its answer any more.
    pub fn leave_behind(mut self) -> LeftBehind {
        LeftBehind(self.child.take().map(wait_for).unwrap_or_default())
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // In most things that hang, this too takes effect only when they no longer do.
            drop(child.kill());
            wait_for(child);
        }
    }
}

/// Has a thread wait for a child, so that it does not stay as a zombie. That is a sleep that holds up nobody's end.
fn wait_for(mut child: Child) -> Weak<Burden> {
    let burden = Arc::new(Burden::new());
    let sign = Arc::downgrade(&burden);
    let wait = move || {
        drop(child.wait());
        drop(burden);
    };
    drop(thread::Builder::new().name("left-behind".to_owned()).stack_size(STACK).spawn(wait));
    sign
}

impl LeftBehind {
    /// What it hung in has come back, or is gone for good.
    pub fn has_ended(&self) -> bool {
        self.0.strong_count() == 0
    }
}

impl Burden {
    fn new() -> Self {
        LEFT_BEHIND.fetch_add(1, Ordering::Relaxed);
        Self
    }
}

impl Drop for Burden {
    fn drop(&mut self) {
        LEFT_BEHIND.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Asks for each of `paths` at once, and waits for each that is silent for `patience` at most. Of those behind the first few
/// that are silent nothing is known.
pub fn ask_each(program: &Path, paths: &[PathBuf], patience: Duration) -> Vec<Answer> {
    let mut answers = Vec::with_capacity(paths.len());
    let mut silent = 0;
    while answers.len() < paths.len() && silent < MOST_SILENT {
        let mut asker = match Asker::start(program) {
            Ok(asker) => asker,
            Err(error) => {
                let reason = error.to_string();
                answers.resize_with(paths.len(), || Err(io::Error::other(reason.clone())));
                break;
            }
        };
        for path in &paths[answers.len()..] {
            let answer = asker.ask(path).and_then(|_| asker.answer(patience));
            let is_silent = !matches!(answer, Ok(Some(_)));
            answers.push(answer.and_then(|answer| answer.unwrap_or_else(|| Err(Errno::ETIMEDOUT.into()))));
            if is_silent {
                silent += 1;
                break;
            }
        }
    }
    answers.resize_with(paths.len(), || Err(io::Error::other("not asked, since others do not answer")));
    answers
}

/// The child's work: reads paths that each end in a zero byte, and answers each with a line, until there are no more.
pub fn serve(mut questions: impl BufRead, mut answers: impl Write) -> io::Result<()> {
    let mut path = Vec::new();
    loop {
        path.clear();
        questions.by_ref().take(LONGEST_PATH as u64).read_until(0, &mut path)?;
        if path.pop() != Some(0) {
            return Ok(());
        }
        writeln!(answers, "{}", said(&path))?;
        answers.flush()?;
    }
}

/// To be called by the child first: it is not to outlive whoever wanted to know.
pub fn end_with_parent() {
    // Refused, it still ends when its pipes are closed.
    let _ = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL);
}

/// `ok SIZE FREE AVAILABLE FILES FILES_FREE READ_ONLY MAJOR MINOR`, or `error NUMBER`.
fn said(path: &[u8]) -> String {
    match look(path) {
        Err(error) => format!("error {}", error as i32),
        Ok((stat, DeviceNumber { major, minor })) => {
            let bytes = |blocks: u64| blocks.saturating_mul(stat.fragment_size());
            let (size, free) = (bytes(stat.blocks()), bytes(stat.blocks_free()));
            let (available, files, files_free) = (bytes(stat.blocks_available()), stat.files(), stat.files_free());
            let is_read_only = u8::from(stat.flags().contains(FsFlags::ST_RDONLY));
            format!("ok {size} {free} {available} {files} {files_free} {is_read_only} {major} {minor}")
        }
    }
}

/// What lies there is taken hold of first, so that both facts are of one and the same file system.
fn look(path: &[u8]) -> nix::Result<(Statvfs, DeviceNumber)> {
    let there = nix::fcntl::open(path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let space = fstatvfs(&there)?;
    // A FUSE file system of another user tells nobody else.
    let number = fstat(&there).map_or(0, |stat| stat.st_dev);
    let part = |part: u64| u32::try_from(part).unwrap_or(0);
    Ok((space, DeviceNumber { major: part(major(number)), minor: part(minor(number)) }))
}

fn parse(line: &[u8]) -> Option<Answer> {
    let mut fields = text::fields(line);
    let kind = fields.next()?;
    let numbers: Option<Vec<u64>> = fields.map(text::decimal).collect();
    match (kind, &numbers?[..]) {
        (b"error", &[number]) => Some(Err(io::Error::from_raw_os_error(i32::try_from(number).ok()?))),
        (b"ok", &[size, free, available, files, files_free, read_only, major, minor]) => {
            let number = DeviceNumber { major: u32::try_from(major).ok()?, minor: u32::try_from(minor).ok()? };
            let bytes = |value| (size > 0).then_some(Bytes(value));
            let inodes = |value| (files > 0).then_some(value);
            Some(Ok(Space {
                size: bytes(size),
                free: bytes(free),
                available: bytes(available),
                files: inodes(files),
                files_free: inodes(files_free),
                is_read_only: read_only != 0,
                number,
            }))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests;
