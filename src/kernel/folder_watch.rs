//! Changes in folders, as the kernel tells of them. What happens on another machine, on NFS or behind a FUSE file system, it does
//! not know: whoever watches looks for himself from time to time as well.
//!
//! Source: `inotify(7)`.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags as On, InitFlags, Inotify, WatchDescriptor};

use super::KernelError;

/// One look ends after so many reads of up to 4 KiB, even in a storm.
const READS: usize = 256;

/// Folders that are watched.
#[derive(Debug)]
pub struct FolderWatch {
    inotify: Inotify,
    folders: BTreeMap<WatchDescriptor, PathBuf>,
}

impl FolderWatch {
    /// # Errors
    /// All instances that a user may have are taken (`fs.inotify.max_user_instances`).
    pub fn new() -> Result<Self, KernelError> {
        let opened = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK);
        let inotify = opened.map_err(|errno| unavailable(errno, "fs.inotify.max_user_instances"))?;
        Ok(Self { inotify, folders: BTreeMap::new() })
    }

    /// Watches what comes into a folder and goes from it; with `writes` also what is written there. A folder that is not there
    /// is not watched.
    ///
    /// # Errors
    /// All watches that a user may have are taken (`fs.inotify.max_user_watches`).
    pub fn add(&mut self, folder: &Path, writes: bool) -> Result<(), KernelError> {
        let entries = On::IN_CREATE | On::IN_DELETE | On::IN_MOVE | On::IN_DELETE_SELF | On::IN_MOVE_SELF;
        let written = On::IN_MODIFY | On::IN_CLOSE_WRITE | On::IN_ATTRIB;
        let on = if writes { entries | written } else { entries };
        match self.inotify.add_watch(folder, on | On::IN_ONLYDIR) {
            Ok(descriptor) => {
                self.folders.insert(descriptor, folder.to_owned());
                Ok(())
            }
            Err(errno @ (Errno::ENOSPC | Errno::ENOMEM)) => Err(unavailable(errno, "fs.inotify.max_user_watches")),
            Err(_) => Ok(()),
        }
    }

    /// Takes the changes since the last call. `true` if one of them `matters`, which is asked with the folder and the name in it;
    /// what happens to a folder itself always does, and so does an event that was lost.
    pub fn any(&self, matters: impl Fn(&Path, &OsStr) -> bool) -> bool {
        let mut any = false;
        for _ in 0..READS {
            let Ok(events) = self.inotify.read_events() else { break };
            any |= events.iter().any(|event| match (self.folders.get(&event.wd), &event.name) {
                (Some(folder), Some(name)) => matters(folder, name),
                _ => true,
            });
        }
        any
    }
}

impl AsFd for FolderWatch {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

fn unavailable(errno: Errno, limit: &str) -> KernelError {
    let reason = format!("{}; `sysctl {limit}` is the limit", std::io::Error::from(errno));
    KernelError::Unsupported { what: "news of changed files", reason }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn watched(folder: &Path, writes: bool) -> FolderWatch {
        let mut watch = FolderWatch::new().unwrap();
        watch.add(folder, writes).unwrap();
        watch
    }

    #[test]
    fn every_way_of_changing_a_file_is_told_and_strangers_do_not_matter() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("p.yaml");
        fs::write(&file, "one").unwrap();
        let watch = watched(folder.path(), true);
        let any = || watch.any(|at, name| at == folder.path() && name == "p.yaml");
        assert!(!any());
        fs::write(&file, "two").unwrap();
        assert!(any(), "written in place");
        fs::write(folder.path().join("4913"), "").unwrap();
        assert!(!any(), "another file");
        fs::rename(folder.path().join("4913"), &file).unwrap();
        assert!(any(), "renamed over");
        fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert!(any(), "another mode");
        fs::remove_file(&file).unwrap();
        assert!(any() && !any(), "removed, and told once");
        fs::remove_dir(folder.path()).unwrap();
        assert!(any(), "the folder itself");
    }

    #[test]
    fn on_the_way_only_what_comes_and_goes_is_told() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("link"), "").unwrap();
        let watch = watched(folder.path(), false);
        fs::write(folder.path().join("link"), "more").unwrap();
        assert!(!watch.any(|_, _| true));
        fs::rename(folder.path().join("link"), folder.path().join("other")).unwrap();
        assert!(watch.any(|_, name| name == "link"));
    }

    #[test]
    fn a_storm_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let watch = watched(folder.path(), true);
        // More than fs.inotify.max_queued_events of any machine would be too many for a test: reads end all the same.
        for number in 0..1000 {
            fs::write(folder.path().join(number.to_string()), "").unwrap();
        }
        assert!(watch.any(|_, name| name == "999"));
        assert!(!watch.any(|_, _| true));
    }

    #[test]
    fn a_folder_that_is_not_there_is_not_watched() {
        let mut watch = FolderWatch::new().unwrap();
        assert!(watch.add(Path::new("/nonexistent/folder"), true).is_ok());
        assert!(!watch.any(|_, _| true));
    }
}
