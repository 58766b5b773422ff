//! Exists because file servers die: a FUSE file system that takes the question for its space and does not answer it, as a hard NFS
//! mount does, until it is told to. Whoever asks it cannot even be killed.

use std::io;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use fuser::{Errno, FileAttr, FileHandle, FileType, Filesystem, INodeNo, ReplyAttr, ReplyStatfs, Request};
use tempfile::TempDir;

/// What it answers once it lives: its size in bytes, half of it free.
pub const SIZE: u64 = 64 << 30;
const BLOCK: u32 = 4096;

/// A mounted file system that does not answer. Dropping it lets everybody go, and unmounts it.
pub struct DeadFileSystem {
    folder: TempDir,
    silence: Silence,
    session: Option<fuser::BackgroundSession>,
}

/// Those who wait; `None` once everybody is answered.
type Silence = Arc<Mutex<Option<Vec<ReplyStatfs>>>>;

struct Server(Silence);

impl Filesystem for Server {
    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        let now = SystemTime::now();
        reply.attr(
            &Duration::from_secs(1),
            &FileAttr {
                ino,
                size: 0,
                blocks: 0,
                atime: now,
                mtime: now,
                ctime: now,
                crtime: now,
                kind: FileType::Directory,
                perm: 0o755,
                nlink: 2,
                uid: 0,
                gid: 0,
                rdev: 0,
                blksize: BLOCK,
                flags: 0,
            },
        );
    }

    fn lookup(&self, _req: &Request, _parent: INodeNo, _name: &std::ffi::OsStr, reply: fuser::ReplyEntry) {
        reply.error(Errno::ENOENT);
    }

    fn statfs(&self, _req: &Request, _ino: INodeNo, reply: ReplyStatfs) {
        match &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(waiting) => waiting.push(reply),
            None => answer(reply),
        }
    }
}

impl DeadFileSystem {
    /// Mounts it; needs root and /dev/fuse.
    pub fn new() -> io::Result<Self> {
        let folder = TempDir::with_prefix("plotwarden-dead.")?;
        let silence = Silence::new(Mutex::new(Some(Vec::new())));
        let mut config = fuser::Config::default();
        config.mount_options = vec![fuser::MountOption::FSName("nowhere".into())];
        let session = fuser::spawn_mount(Server(Arc::clone(&silence)), folder.path(), &config)?;
        Ok(Self { folder, silence, session: Some(session) })
    }

    pub fn mount_point(&self) -> &Path {
        self.folder.path()
    }

    /// How many wait for an answer.
    pub fn waiting(&self) -> usize {
        self.silence.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map_or(0, Vec::len)
    }

    /// Answers everybody from now on.
    pub fn come_back(&self) {
        let waiting = self.silence.lock().unwrap_or_else(PoisonError::into_inner).take();
        waiting.into_iter().flatten().for_each(answer);
    }

    pub fn unmount(&mut self) {
        self.come_back();
        if let Some(session) = self.session.take() {
            let _ = Command::new("umount").arg("-l").arg(self.folder.path()).status();
            let _ = session.join();
        }
    }
}

impl Drop for DeadFileSystem {
    fn drop(&mut self) {
        self.unmount();
    }
}

fn answer(reply: ReplyStatfs) {
    let blocks = SIZE / u64::from(BLOCK);
    reply.statfs(blocks, blocks / 2, blocks / 2, 1000, 500, BLOCK, 255, BLOCK);
}
