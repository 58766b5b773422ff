//! Removes what a killed plotter has left: files of its plot in the very directories that it used, and nothing else.
//!
//! A directory is known by device and inode from the time when the job lived, and is entered without following links. A file goes
//! only if its name holds the plot id, it is a plain file with one name on the same file system, it is no finished plot, and no
//! process has it open or mapped. Source: `openat(2)`, `unlinkat(2)`.

mod users;

use std::fs;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::dir::Dir;
use nix::fcntl::{AtFlags, OFlag};
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use serde::{Deserialize, Serialize};
use users::Users;

use super::KnobError;
use super::timely::Timely;
use crate::plotter::TempPattern;

/// So many at once: large files take their time, and the loop must turn.
const AT_ONCE: usize = 16;
/// Extensions of finished plots.
const FINISHED: [&str; 3] = ["plot", "plot2", "bin"];
/// A plot id has so many hexadecimal digits.
const ID_LENGTH: usize = 64;

/// A directory as it was while the job lived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// Without links in it.
    pub path: PathBuf,
    pub device: u64,
    pub inode: u64,
}

/// What became of the files in one directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Swept {
    pub removed: Vec<PathBuf>,
    /// Left there, and why.
    pub kept: Vec<(PathBuf, String)>,
    /// There are more to remove: sweep again.
    pub unfinished: bool,
}

/// A file by device and inode.
type Number = (u64, u64);

/// Remembers which directory lies at the path now.
pub fn pin(timely: &Timely, directory: &Path) -> Result<Place, KnobError> {
    let path = directory.to_owned();
    timely.run(directory, "look at", move || {
        let path = fs::canonicalize(path)?;
        let meta = fs::metadata(&path)?;
        if !meta.is_dir() {
            return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
        }
        Ok(Place { device: meta.dev(), inode: meta.ino(), path })
    })
}

/// Removes the files that match and may go. Each step that may hang is waited for only so long.
pub fn sweep(timely: &Timely, procfs: &Path, place: &Place, pattern: &TempPattern) -> Result<Swept, KnobError> {
    let mut swept = Swept::default();
    let found = {
        let (place, pattern) = (place.clone(), pattern.clone());
        timely.run(&place.path.clone(), "list", move || matching(&place, &pattern))?
    };
    let mut candidates = Vec::new();
    for (name, file) in found {
        match why_kept(&name, &file, place, pattern) {
            Some(why) => swept.kept.push((place.path.join(&name), why)),
            None => candidates.push((name, number(&file))),
        }
    }
    if candidates.is_empty() {
        return Ok(swept);
    }
    let users = {
        let (procfs, wanted) = (procfs.to_owned(), candidates.clone());
        timely.run(&procfs.clone(), "look through", move || Users::of(&procfs, &wanted))?
    };
    for (name, number) in candidates {
        let path = place.path.join(&name);
        if let Some(why) = users.why_kept(timely, place, &name, number) {
            swept.kept.push((path, why));
            continue;
        }
        if swept.removed.len() == AT_ONCE {
            swept.unfinished = true;
            break;
        }
        let of = place.clone();
        match timely.run(&path, "remove", move || remove(&of, &name, number)) {
            Ok(()) => swept.removed.push(path),
            Err(KnobError::Late { .. }) => {
                swept.kept.push((path, "the file system is still removing it".to_owned()));
                break;
            }
            Err(error) => swept.kept.push((path, error.to_string())),
        }
    }
    Ok(swept)
}

/// Enters the directory, if it is still the one.
fn enter(place: &Place) -> io::Result<Dir> {
    let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
    let dir = Dir::open(&place.path, flags, Mode::empty())?;
    let found = fstat(&dir)?;
    if number(&found) == (place.device, place.inode) {
        Ok(dir)
    } else {
        Err(io::Error::other("another directory lies there by now"))
    }
}

/// Names that match, and what they name; links are not followed.
fn matching(place: &Place, pattern: &TempPattern) -> io::Result<Vec<(String, FileStat)>> {
    let mut dir = enter(place)?;
    let mut names = Vec::new();
    for entry in dir.iter() {
        // A name that is no text matches no pattern.
        names.extend(entry?.file_name().to_str().ok().filter(|name| pattern.matches(name)).map(str::to_owned));
    }
    names.sort_unstable();
    let mut found = Vec::new();
    for name in names {
        match fstatat(dir.as_fd(), name.as_str(), AtFlags::AT_SYMLINK_NOFOLLOW) {
            Err(nix::Error::ENOENT) => {}
            file => found.push((name, file?)),
        }
    }
    Ok(found)
}

/// Why a file that matches stays all the same. Pure.
fn why_kept(name: &str, file: &FileStat, place: &Place, pattern: &TempPattern) -> Option<String> {
    let id = pattern.plot_id().filter(|id| id.len() == ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let extension = Path::new(name).extension().unwrap_or_default();
    let why = match id {
        None => "its name does not tell whose plot it belongs to",
        Some(id) if !name.contains(id) => "it belongs to another plot",
        _ if FINISHED.iter().any(|finished| extension.eq_ignore_ascii_case(finished)) => "it is a finished plot",
        _ if file.st_mode & SFlag::S_IFMT.bits() != SFlag::S_IFREG.bits() => "it is no plain file",
        _ if file.st_nlink != 1 => "it has another name elsewhere",
        _ if file.st_dev != place.device => "it lies on another file system",
        _ => return None,
    };
    Some(why.to_owned())
}

/// Removes the file, if the name still leads to it.
fn remove(place: &Place, name: &str, wanted: Number) -> io::Result<()> {
    let dir = enter(place)?;
    let found = fstatat(dir.as_fd(), name, AtFlags::AT_SYMLINK_NOFOLLOW)?;
    if number(&found) != wanted || found.st_nlink != 1 {
        return Err(io::Error::other("another file has taken its name"));
    }
    Ok(unlinkat(dir.as_fd(), name, UnlinkatFlags::NoRemoveDir)?)
}

fn number(file: &FileStat) -> Number {
    (file.st_dev, file.st_ino)
}

#[cfg(test)]
mod tests;
