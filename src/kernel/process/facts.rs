//! What recognition needs to know of a process: names, command line, user, directories, and where its root lies.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::super::{KernelError, Roots, text};
use super::{Identity, ProcessDir};

/// A plotter's command line is a few hundred bytes; more than this is cut, whatever its sender had in mind.
const LONGEST_COMMAND_LINE: usize = 256 << 10;
const DELETED: &[u8] = b" (deleted)";

/// What every process is judged by; of most there is no need to know more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub identity: Identity,
    pub parent: i32,
    pub comm: String,
    /// As in [`ProcessFacts`].
    pub argv: Vec<String>,
}

/// What is to be known of a process that plots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessFacts {
    pub identity: Identity,
    pub parent: i32,
    pub comm: String,
    /// Command line, lossily decoded, at most its first 256 KiB; empty for kernel threads and zombies.
    pub argv: Vec<String>,
    /// Real user.
    pub uid: u32,
    /// As the process sees it; `None` where it may not be read.
    pub cwd: Option<PathBuf>,
    /// As the process sees it, without the mark of a file that was replaced while it runs.
    pub exe: Option<PathBuf>,
    /// Where the process's own root lies for us: `/proc/PID/root` if it lives in another mount namespace or below a
    /// root of its own, else `None`. `None` also where that may not be read.
    pub foreign_root: Option<PathBuf>,
}

/// Reads what recognition needs.
///
/// # Errors
/// [`KernelError::is_gone`] if there is no such process, or it ended meanwhile.
pub fn read_facts(roots: &Roots, pid: i32) -> Result<ProcessFacts, KernelError> {
    ProcessDir::open(roots, pid)?.facts(roots)
}

impl ProcessDir {
    /// A third of the cost of all facts, and most processes come and go without being asked for more.
    pub fn program(&self) -> Result<Program, KernelError> {
        let stat = self.stat()?;
        Ok(Program { identity: stat.identity, parent: stat.parent, comm: stat.comm, argv: self.command_line()? })
    }

    pub fn facts(&self, roots: &Roots) -> Result<ProcessFacts, KernelError> {
        let Program { identity, parent, comm, argv } = self.program()?;
        let root = self.optional_link(c"root")?;
        let inside = |link: PathBuf| root.as_deref().map_or_else(|| link.clone(), |root| below_root(&link, root));
        let foreign = self.lives_elsewhere(roots)? || root.as_deref().is_some_and(|root| root != Path::new("/"));
        Ok(ProcessFacts {
            identity,
            parent,
            comm,
            argv,
            uid: self.read(c"status", parse_uid)?,
            cwd: self.optional_link(c"cwd")?.map(inside),
            exe: self.optional_link(c"exe")?.map(without_deleted_mark).map(inside),
            foreign_root: foreign.then(|| self.path().join("root")),
        })
    }

    pub fn command_line(&self) -> Result<Vec<String>, KernelError> {
        self.read_prefix(c"cmdline", LONGEST_COMMAND_LINE, split_arguments)
    }

    /// In another mount namespace than ours, as far as that may be known.
    fn lives_elsewhere(&self, roots: &Roots) -> Result<bool, KernelError> {
        let ours = std::fs::read_link(roots.proc("self/ns/mnt")).ok();
        let theirs = self.optional_link(c"ns/mnt")?;
        Ok(ours.is_some() && theirs.is_some() && ours != theirs)
    }

    /// A link that others may not read, and that kernel threads and zombies do not have.
    fn optional_link(&self, below: &std::ffi::CStr) -> Result<Option<PathBuf>, KernelError> {
        match self.link(below) {
            Ok(link) => Ok(Some(PathBuf::from(link))),
            Err(KernelError::Io { source, .. }) if is_withheld(&source) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// `ENOENT` is no sign of an ended process here: that is `ESRCH`, and it fails the reading of the other files as well.
fn is_withheld(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::NotFound)
}

pub(super) fn split_arguments(bytes: &[u8]) -> Vec<String> {
    let bytes = bytes.strip_suffix(b"\0").unwrap_or(bytes);
    if bytes.is_empty() { Vec::new() } else { bytes.split(|byte| *byte == 0).map(text::lossy).collect() }
}

/// The first of `Uid: real effective saved file-system`.
pub(super) fn parse_uid(bytes: &[u8]) -> Result<u32, String> {
    let value = text::value_of(bytes, b"Uid").ok_or("no line `Uid`")?;
    let real = text::fields(value).next().and_then(text::decimal);
    real.and_then(|uid| u32::try_from(uid).ok()).ok_or_else(|| "`Uid` does not begin with a number".to_owned())
}

/// The kernel writes links as they look from our root; the process counts from its own.
fn below_root(link: &Path, root: &Path) -> PathBuf {
    link.strip_prefix(root).map_or_else(|_| link.to_owned(), |rest| Path::new("/").join(rest))
}

pub(super) fn without_deleted_mark(link: PathBuf) -> PathBuf {
    let bytes = link.into_os_string().into_vec();
    PathBuf::from(OsStr::from_bytes(bytes.strip_suffix(DELETED).unwrap_or(&bytes)))
}

impl ProcessFacts {
    /// A path of the process as we have to write it: relative ones through its cwd, foreign roots in front.
    pub fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let absolute = if path.is_absolute() { path.to_owned() } else { self.cwd.as_ref()?.join(path) };
        match &self.foreign_root {
            Some(root) => Some(root.join(absolute.strip_prefix("/").unwrap_or(&absolute))),
            None => Some(absolute),
        }
    }
}
