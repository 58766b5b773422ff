//! File locks: who holds one and who waits for it, so that nobody is halted while others wait for what he holds.
//!
//! Source: `Documentation/filesystems/proc.rst` (locks), `proc_locks(5)`.

use super::{KernelError, Roots, file, text};

/// One line of `/proc/locks`, or of the locks in a file of `fdinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileLock {
    /// Those who wait for a lock have the number of the one that they wait for.
    pub number: u64,
    /// Wanted, and not held yet.
    pub waits: bool,
    pub kind: LockKind,
    /// Who took it; `None` where it belongs to an open file and not to a process, or to a process that we cannot see.
    pub pid: Option<i32>,
    /// Device and inode as the kernel writes them, such as `08:01:7864448`.
    pub file: String,
}

/// By which call it was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockKind {
    /// flock(2): belongs to an open file, which children inherit.
    Flock,
    /// fcntl(2): belongs to a process.
    Posix,
    /// fcntl(2), of an open file description.
    OpenFile,
    /// A lease or a delegation: whoever opens the file otherwise waits until it is given up.
    Lease,
    /// Another one that the kernel may know.
    Other,
}

impl LockKind {
    /// For people.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flock => "flock",
            Self::Posix => "POSIX lock",
            Self::OpenFile => "lock of an open file",
            Self::Lease => "lease",
            Self::Other => "lock",
        }
    }
}

/// Every lock of the machine that our namespaces show; `None` on a kernel without file locks.
pub fn read(roots: &Roots) -> Result<Option<Vec<FileLock>>, KernelError> {
    match file::read(&roots.proc("locks"), parse) {
        Ok(locks) => Ok(Some(locks)),
        Err(error) if error.is_gone() => Ok(None),
        Err(error) => Err(error),
    }
}

fn parse(bytes: &[u8]) -> Result<Vec<FileLock>, String> {
    text::lines(bytes).map(parse_line).collect()
}

/// `3: -> POSIX  ADVISORY  WRITE 766 08:01:7864448 0 EOF`; the arrow stands before those who wait.
pub(super) fn parse_line(line: &[u8]) -> Result<FileLock, String> {
    let malformed = |what: &str| format!("no {what} in `{}`", text::lossy(line));
    let mut fields = text::fields(line).peekable();
    let number = fields.next().and_then(|number| text::decimal(number.strip_suffix(b":")?));
    let number = number.ok_or_else(|| malformed("number"))?;
    let waits = fields.next_if(|field| *field == b"->").is_some();
    let kind = match fields.next().ok_or_else(|| malformed("kind"))? {
        b"FLOCK" => LockKind::Flock,
        b"POSIX" => LockKind::Posix,
        b"OFDLCK" => LockKind::OpenFile,
        b"LEASE" | b"DELEG" => LockKind::Lease,
        _ => LockKind::Other,
    };
    // Whether it is advisory, and whether it is for reading or writing.
    let pid = fields.nth(2).and_then(text::signed).ok_or_else(|| malformed("process"))?;
    let file = fields.next().map(text::lossy).ok_or_else(|| malformed("file"))?;
    Ok(FileLock { number, waits, kind, pid: i32::try_from(pid).ok().filter(|pid| *pid > 0), file })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    const LOCKS: &str = "1: POSIX  ADVISORY  READ 5433 08:01:7864448 128 128\n\
                         2: FLOCK  ADVISORY  WRITE 2001 00:2f:32388 0 EOF\n\
                         2: -> FLOCK  ADVISORY  WRITE 2002 00:2f:32388 0 EOF\n\
                         2:  -> FLOCK  ADVISORY  WRITE 2003 00:2f:32388 0 EOF\n\
                         3: OFDLCK ADVISORY  WRITE -1 08:01:17 0 EOF\n\
                         4: LEASE  ACTIVE    READ 0 08:01:18 0 EOF\n\
                         5: ODD    ADVISORY  RW 7 <none>:0 0 EOF\n";

    #[test]
    fn holders_and_those_who_wait_are_told_apart() {
        let fixture = Fixture::new();
        fixture.file("proc/locks", LOCKS);
        let locks = read(&fixture.roots).unwrap().unwrap();
        let told: Vec<_> = locks.iter().map(|lock| (lock.number, lock.waits, lock.kind, lock.pid)).collect();
        assert_eq!(
            told,
            [
                (1, false, LockKind::Posix, Some(5433)),
                (2, false, LockKind::Flock, Some(2001)),
                (2, true, LockKind::Flock, Some(2002)),
                (2, true, LockKind::Flock, Some(2003)),
                (3, false, LockKind::OpenFile, None),
                (4, false, LockKind::Lease, None),
                (5, false, LockKind::Other, Some(7)),
            ]
        );
        assert_eq!((locks[0].file.as_str(), locks[6].file.as_str()), ("08:01:7864448", "<none>:0"));
        fixture.file("proc/locks", "");
        assert_eq!(read(&fixture.roots).unwrap(), Some(Vec::new()));
    }

    #[test]
    fn a_kernel_without_locks_has_none_to_tell_of() {
        assert_eq!(read(&Fixture::new().roots).unwrap(), None);
    }

    #[test]
    fn a_line_that_is_no_lock_is_refused() {
        let fixture = Fixture::new();
        for bad in
            ["x", "1 FLOCK ADVISORY WRITE 7 a 0 EOF", "1: FLOCK ADVISORY WRITE\n", "1: FLOCK A B seven f", "1: ->"]
        {
            fixture.file("proc/locks", bad);
            let error = read(&fixture.roots).unwrap_err().to_string();
            assert!(error.contains("proc/locks") && error.contains("no "), "{bad}: {error}");
        }
    }
}
