//! Looks through the names in a directory without allocating: for the guard, which must go on where there is no memory left.
//!
//! Source: `getdents64(2)`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

/// Names handed over by one call; a journal rarely has more than a few dozen.
const ROOM: usize = 4096;
/// Inode, offset, length of the entry, type; then the name, ended by a zero.
const LENGTH_AT: usize = 16;
const NAME_AT: usize = 19;

/// One entry of a directory.
pub struct Entry<'a> {
    pub name: &'a [u8],
    directory: &'a File,
}

impl Entry<'_> {
    /// What the file begins with, as much of it as there is room for.
    pub fn beginning<'r>(&self, room: &'r mut [u8]) -> io::Result<&'r [u8]> {
        let file = openat(self.directory, self.name, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
        let read = nix::unistd::read(&file, room)?;
        Ok(&room[..read])
    }
}

/// Aligned as the kernel lays entries out.
#[repr(align(8))]
struct Entries([u8; ROOM]);

/// Whether any entry of the directory is one that is looked for. `.` and `..` are entries too.
pub fn any(directory: &Path, mut is_it: impl FnMut(&Entry<'_>) -> bool) -> io::Result<bool> {
    let directory = File::open(directory)?;
    let mut entries = Entries([0; ROOM]);
    loop {
        let room = entries.0.as_mut_ptr();
        // SAFETY: the kernel writes at most `ROOM` bytes to the buffer, which lives until the next call.
        let read = unsafe { libc::syscall(libc::SYS_getdents64, directory.as_raw_fd(), room, ROOM) };
        let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
        if read == 0 {
            return Ok(false);
        }
        let mut rest = entries.0.get(..read).unwrap_or_default();
        while let Some((name, next)) = split(rest) {
            if is_it(&Entry { name, directory: &directory }) {
                return Ok(true);
            }
            rest = next;
        }
    }
}

/// The first name, and the entries after it.
fn split(entries: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = entries.get(LENGTH_AT..LENGTH_AT + 2)?;
    let length = usize::from(u16::from_ne_bytes(length.try_into().ok()?));
    let name = entries.get(NAME_AT..length)?;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Some((&name[..end], &entries[length..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let mut names = Vec::new();
        let found = any(directory, |entry| {
            names.push(String::from_utf8_lossy(entry.name).into_owned());
            false
        });
        assert!(!found.unwrap());
        names.sort();
        names
    }

    #[test]
    fn every_name_is_seen_even_where_they_do_not_fit_at_once() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(names(folder.path()), [".", ".."]);
        let made: Vec<String> = (0..500).map(|number| format!("madmax-{number:04}.nice.json")).collect();
        for name in &made {
            File::create(folder.path().join(name)).unwrap();
        }
        assert_eq!(names(folder.path())[2..], made);
    }

    #[test]
    fn it_looks_no_further_than_what_it_looks_for() {
        let folder = tempfile::tempdir().unwrap();
        File::create(folder.path().join("a")).unwrap();
        let mut seen = 0;
        assert!(
            any(folder.path(), |_| {
                seen += 1;
                true
            })
            .unwrap()
        );
        assert_eq!(seen, 1);
    }

    #[test]
    fn a_file_is_read_as_far_as_there_is_room() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("record"), "a long record").unwrap();
        let mut room = [0; 6];
        let begins = |entry: &Entry<'_>| entry.beginning(&mut room).is_ok_and(|text| text == b"a long");
        assert!(any(folder.path(), begins).unwrap());
    }

    #[test]
    fn what_is_no_directory_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = any(&folder.path().join("b"), |_| true).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        assert!(any(&file, |_| true).is_err());
    }
}
