//! Looks through the names in a directory without allocating: for the guard, which must go on where there is no memory left.
//!
//! Source: `getdents64(2)`.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;

/// Names handed over by one call; a journal rarely has more than a few dozen.
const ROOM: usize = 4096;
/// Inode, offset, length of the entry, type; then the name, ended by a zero.
const LENGTH_AT: usize = 16;
const NAME_AT: usize = 19;

/// Aligned as the kernel lays entries out.
#[repr(align(8))]
struct Entries([u8; ROOM]);

/// Whether any name in the directory is one that is looked for. `.` and `..` are names too.
pub fn any_name(directory: &Path, mut is_it: impl FnMut(&[u8]) -> bool) -> io::Result<bool> {
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
            if is_it(name) {
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
        let found = any_name(directory, |name| {
            names.push(String::from_utf8_lossy(name).into_owned());
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
            any_name(folder.path(), |_| {
                seen += 1;
                true
            })
            .unwrap()
        );
        assert_eq!(seen, 1);
    }

    #[test]
    fn what_is_no_directory_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let missing = any_name(&folder.path().join("b"), |_| true).unwrap_err();
        assert_eq!(missing.kind(), io::ErrorKind::NotFound);
        let file = folder.path().join("file");
        File::create(&file).unwrap();
        assert!(any_name(&file, |_| true).is_err());
    }
}
