//! Whether a file is being written: somebody has it open for that. How long ago it was last written does not tell, since who
//! copies over a slow network may pause in the middle of a line.
//!
//! Source: `F_SETLEASE` in `fcntl(2)`: "a read lease can be placed only on a file descriptor that is opened read-only", and "if
//! any process has the file open for writing", it is refused with EAGAIN (`check_conflicting_open` in `fs/locks.c`).

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// `include/uapi/asm-generic/fcntl.h`; the libc crate does not have it.
const F_SETSIG: i32 = 10;

/// Whether somebody has the file open for writing; `None` where that cannot be told: it is no regular file or not ours, or its
/// file system has no leases, as NFS and FUSE have none for writers elsewhere.
pub fn has_writer(path: &Path) -> Option<bool> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    // What is looked at is opened only if it is a file: opening a device may do something.
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path).ok()?;
    let descriptor = file.as_raw_fd();
    // Who opens the file for writing while we hold the lease waits until it is given back, and we get a signal. SIGIO would end us;
    // SIGURG is one that is ignored unless somebody asks for it.
    control(descriptor, F_SETSIG, libc::SIGURG).ok()?;
    match control(descriptor, libc::F_SETLEASE, libc::F_RDLCK) {
        Ok(()) => {
            // Closing gives it back too.
            let _ = control(descriptor, libc::F_SETLEASE, libc::F_UNLCK);
            Some(false)
        }
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Some(true),
        Err(_) => None,
    }
}

fn control(descriptor: RawFd, command: i32, argument: i32) -> io::Result<()> {
    // SAFETY: the descriptor is open for as long as its owner, which the caller holds; both commands take a number.
    let result = unsafe { libc::fcntl(descriptor, command, argument) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_file_has_a_writer_from_its_opening_to_its_closing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        let file = File::create(&path).unwrap();
        assert_eq!(has_writer(&path), Some(true));
        drop(file);
        let _reader = File::open(&path).unwrap();
        assert_eq!(has_writer(&path), Some(false), "who reads does not count");
        assert_eq!(has_writer(folder.path()), None);
        assert_eq!(has_writer(&folder.path().join("missing")), None);
        assert_eq!(has_writer(Path::new("/dev/zero")), None);
    }

    #[test]
    fn who_writes_while_it_is_asked_is_not_held_up_and_we_live_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("p.yaml");
        fs::write(&path, "").unwrap();
        let is_over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    has_writer(&path);
                }
            });
            for number in 0..2000 {
                fs::write(&path, number.to_string()).unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
        });
        assert_eq!(fs::read_to_string(&path).unwrap(), "1999");
    }
}
