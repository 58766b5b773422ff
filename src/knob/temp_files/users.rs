//! Who has a file open or mapped: what procfs shows of all processes, and where one of them cannot be looked at, the kernel itself.
//!
//! Source: `Documentation/filesystems/proc.rst` (fd, maps), `fcntl(2)` (leases).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::fcntl::{OFlag, openat};
use nix::sys::stat::Mode;

use super::{Number, Place, enter};
use crate::knob::timely::Timely;

/// The users of some files.
pub struct Users {
    known: Vec<(Number, i32)>,
    /// A process that does not let us look at it.
    hidden: Option<i32>,
}

impl Users {
    /// Looks at every process. Threads of one that have files of their own are not told apart by procfs and are not looked for.
    pub fn of(procfs: &Path, wanted: &[(String, Number)]) -> io::Result<Self> {
        let numbers: BTreeSet<Number> = wanted.iter().map(|(_, number)| *number).collect();
        let mut users = Self { known: Vec::new(), hidden: None };
        for entry in fs::read_dir(procfs)? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
            let dir = procfs.join(pid.to_string());
            let open = users.shown(pid, open_files(&dir.join("fd")))?;
            users.known.extend(open.into_iter().filter(|number| numbers.contains(number)).map(|number| (number, pid)));
            let maps = users.shown(pid, fs::read(dir.join("maps")))?;
            for line in maps.split(|&byte| byte == b'\n') {
                users
                    .known
                    .extend(wanted.iter().filter(|file| is_mapped(line, file)).map(|(_, number)| (*number, pid)));
            }
        }
        Ok(users)
    }

    /// Why the file may not go; `None` if nobody uses it.
    pub fn why_kept(&self, timely: &Timely, place: &Place, name: &str, number: Number) -> Option<String> {
        if let Some((_, pid)) = self.known.iter().find(|(used, _)| *used == number) {
            return Some(format!("process {pid} has it open"));
        }
        let pid = self.hidden?;
        let (of, file) = (place.clone(), name.to_owned());
        match timely.run(&place.path.join(name), "ask for the users", move || has_no_user(&of, &file)) {
            Ok(true) => None,
            Ok(false) => Some("somebody has it open".to_owned()),
            Err(error) => Some(format!("process {pid} cannot be looked at, and may have it open: {error}")),
        }
    }

    /// Processes end while they are looked at, and some do not let us look.
    fn shown<T: Default>(&mut self, pid: i32, read: io::Result<T>) -> io::Result<T> {
        match read {
            Err(error) if is_gone(&error) => Ok(T::default()),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                self.hidden = Some(pid);
                Ok(T::default())
            }
            read => read,
        }
    }
}

/// Each by what it really is, whatever it is called in the namespace of its process.
fn open_files(directory: &Path) -> io::Result<Vec<Number>> {
    let mut open = Vec::new();
    for entry in fs::read_dir(directory)? {
        match fs::metadata(entry?.path()) {
            Ok(file) => open.push((file.dev(), file.ino())),
            Err(error) if is_gone(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(open)
}

/// `7f00-7f01 r--s 00000000 08:01 77  /tmp/file`. Some file systems show another device here than stat(2) does: then the name
/// speaks.
fn is_mapped(line: &[u8], (name, (device, inode)): &(String, Number)) -> bool {
    let mut fields = line.split(u8::is_ascii_whitespace).filter(|field| !field.is_empty());
    let (Some(shown), Some(of)) = (fields.nth(3), fields.next()) else { return false };
    if of != inode.to_string().as_bytes() {
        return false;
    }
    let same = format!("{:02x}:{:02x}", libc::major(*device), libc::minor(*device)).as_bytes() == shown;
    same || line.windows(name.len()).any(|part| part == name.as_bytes())
}

/// The kernel gives a lease for writing only to who has the file for himself: no other has it open, mapped, or as a loop device.
fn has_no_user(place: &Place, name: &str) -> io::Result<bool> {
    const F_SETSIG: libc::c_int = 10;
    let dir = enter(place)?;
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file: File = openat(dir.as_fd(), name, flags, Mode::empty())?.into();
    let control = |command, argument: libc::c_int| {
        // SAFETY: the descriptor is ours and open, and both commands take an integer.
        let done = unsafe { libc::fcntl(file.as_raw_fd(), command, argument) };
        if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    };
    // Who opens the file now sends us a signal: one that is ignored, and not the usual one, which kills.
    control(F_SETSIG, libc::SIGURG)?;
    match control(libc::F_SETLEASE, libc::F_WRLCK) {
        Ok(()) => control(libc::F_SETLEASE, libc::F_UNLCK).map(|()| true),
        Err(error) if error.raw_os_error() == Some(libc::EAGAIN) => Ok(false),
        Err(error) => Err(error),
    }
}

fn is_gone(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOENT | libc::ESRCH))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_knows_other_users_where_procfs_does_not_tell() {
        let folder = tempfile::tempdir().unwrap();
        let place = super::super::pin(&Timely::default(), folder.path()).unwrap();
        fs::write(folder.path().join("file"), "x").unwrap();
        // A program that another test is just starting has our files open for a moment.
        let is_free = || {
            let free = std::iter::repeat_with(|| {
                std::thread::sleep(std::time::Duration::from_millis(10));
                has_no_user(&place, "file").unwrap()
            });
            free.take(1000).any(|free| free)
        };
        assert!(is_free());
        let open = File::open(folder.path().join("file")).unwrap();
        assert!(!has_no_user(&place, "file").unwrap());
        let hidden = Users { known: Vec::new(), hidden: Some(1) };
        let number = (open.metadata().unwrap().dev(), open.metadata().unwrap().ino());
        let why = || hidden.why_kept(&Timely::default(), &place, "file", number);
        assert!(why().unwrap().contains("somebody has it open"));
        drop(open);
        assert!(is_free());
        assert_eq!(
            Users { known: Vec::new(), hidden: None }.why_kept(&Timely::default(), &place, "file", number),
            None
        );
    }

    #[test]
    fn a_mapping_is_told_by_its_inode() {
        let file = ("plot-x.tmp".to_owned(), (libc::makedev(8, 1), 77));
        assert!(is_mapped(b"7f00-7f01 r--s 00000000 08:01 77                  /tmp/plot-x.tmp", &file));
        assert!(is_mapped(b"7f00-7f01 r--s 00000000 00:2d 77                  /tmp/plot-x.tmp (deleted)", &file));
        assert!(!is_mapped(b"7f00-7f01 r--s 00000000 00:2d 77                  /usr/lib/libc.so.6", &file));
        assert!(!is_mapped(b"7f00-7f01 r--s 00000000 08:01 78                  /tmp/plot-x.tmp", &file));
        assert!(!is_mapped(b"", &file));
    }
}
