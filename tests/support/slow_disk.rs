//! Exists because the case for pausing plotters can only be shown on a disk that is the bottleneck, and a test machine's disk is not:
//! this one serves one request at a time, pays for every seek and every byte, and lies under a real ext4 on a real loop device.
//!
//! The stack is FUSE file -> loop device (direct I/O) -> ext4 -> page cache with a strict dirty limit of the loop device's own.
//! Nothing outside these devices is touched, and dropping the disk takes all of it away again.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use fuser::{
    Errno, FileAttr, FileHandle, FileType, Filesystem, FopenFlags, Generation, INodeNo, InitFlags, KernelConfig,
    LockOwner, OpenFlags, ReplyAttr, ReplyData, ReplyEmpty, ReplyEntry, ReplyOpen, ReplyWrite, Request, WriteFlags,
};

/// Directories of slow disks are named by this, the pid of their maker and a number. The pid tells leftovers of a killed
/// run from disks in use.
const PREFIX: &str = "plotwarden-slow-disk.";
const DISK_FILE: &str = "disk";
const DISK_INO: INodeNo = INodeNo(2);
const FOREVER: Duration = Duration::from_hours(1);

/// What the disk costs, and how much of it the page cache may hide.
#[derive(Clone, Debug)]
pub struct Spec {
    pub size: u64,
    pub bytes_per_second: u64,
    /// Paid by a request that does not begin where the one before it ended.
    pub seek: Duration,
    /// Dirty bytes that may wait in page cache for this disk.
    pub dirty_limit: u64,
}

impl Spec {
    /// The slow hard disk of the contention measurements: 60 MB/s and 8 ms a seek.
    pub fn slow_hdd() -> Self {
        Spec { size: 4 << 30, bytes_per_second: 60_000_000, seek: Duration::from_millis(8), dirty_limit: 64 << 20 }
    }
}

/// What the device was asked to do so far; page cache hits are not in it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Usage {
    pub read_bytes: u64,
    pub written_bytes: u64,
    pub seeks: u64,
    pub requests: u64,
    pub busy: Duration,
}

impl std::ops::Sub for Usage {
    type Output = Usage;
    fn sub(self, before: Usage) -> Usage {
        Usage {
            read_bytes: self.read_bytes - before.read_bytes,
            written_bytes: self.written_bytes - before.written_bytes,
            seeks: self.seeks - before.seeks,
            requests: self.requests - before.requests,
            busy: self.busy.saturating_sub(before.busy),
        }
    }
}

/// The mechanics: where the head stands, and until when the last request keeps it busy.
struct Head {
    at: u64,
    free_at: Instant,
    usage: Usage,
}

#[derive(Clone, Copy)]
enum Direction {
    Read,
    Write,
}

struct Platter {
    spec: Spec,
    /// A sparse file in memory: the emulated disk must never wait for the machine's own.
    store: fs::File,
    head: Arc<Mutex<Head>>,
    born: SystemTime,
}

impl Platter {
    /// Waits as long as the request would have taken. FUSE asks from one thread, so one request is served at a time.
    fn serve(&self, direction: Direction, offset: u64, len: u64) {
        let now = Instant::now();
        let free_at = {
            let mut head = lock(&self.head);
            let mut cost = Duration::from_nanos(len.saturating_mul(1_000_000_000) / self.spec.bytes_per_second);
            if offset != head.at {
                cost += self.spec.seek;
                head.usage.seeks += 1;
            }
            head.at = offset + len;
            match direction {
                Direction::Read => head.usage.read_bytes += len,
                Direction::Write => head.usage.written_bytes += len,
            }
            head.usage.requests += 1;
            head.usage.busy += cost;
            // A sleep that ended a little late is taken off the next request, so that the timer's error does not add up.
            let late = now.saturating_duration_since(head.free_at) < Duration::from_millis(1);
            head.free_at = if late { head.free_at } else { now } + cost;
            head.free_at
        };
        thread::sleep(free_at.saturating_duration_since(now));
    }

    fn attr(&self, ino: INodeNo) -> FileAttr {
        let disk = ino == DISK_INO;
        let size = if disk { self.spec.size } else { 0 };
        FileAttr {
            ino,
            size,
            blocks: size / 512,
            atime: self.born,
            mtime: self.born,
            ctime: self.born,
            crtime: self.born,
            kind: if disk { FileType::RegularFile } else { FileType::Directory },
            perm: if disk { 0o600 } else { 0o700 },
            nlink: 1,
            uid: 0,
            gid: 0,
            rdev: 0,
            blksize: 4096,
            flags: 0,
        }
    }
}

impl Filesystem for Platter {
    fn init(&mut self, _req: &Request, config: &mut KernelConfig) -> io::Result<()> {
        // Without these the kernel cuts requests to 128 KiB, and one request at a time to a disk that is slow by seeks.
        let _ = config.add_capabilities(InitFlags::FUSE_MAX_PAGES | InitFlags::FUSE_ASYNC_DIO);
        let _ = config.set_max_write(1 << 20);
        Ok(())
    }

    fn lookup(&self, _req: &Request, _parent: INodeNo, name: &OsStr, reply: ReplyEntry) {
        if name == DISK_FILE {
            reply.entry(&FOREVER, &self.attr(DISK_INO), Generation(0));
        } else {
            reply.error(Errno::ENOENT);
        }
    }

    fn getattr(&self, _req: &Request, ino: INodeNo, _fh: Option<FileHandle>, reply: ReplyAttr) {
        reply.attr(&FOREVER, &self.attr(ino));
    }

    fn open(&self, _req: &Request, _ino: INodeNo, _flags: OpenFlags, reply: ReplyOpen) {
        reply.opened(FileHandle(0), FopenFlags::empty());
    }

    fn read(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        size: u32,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyData,
    ) {
        let len = u64::from(size).min(self.spec.size.saturating_sub(offset));
        self.serve(Direction::Read, offset, len);
        let mut data = vec![0; usize::try_from(len).unwrap_or(0)];
        match self.store.read_exact_at(&mut data, offset) {
            Ok(()) => reply.data(&data),
            Err(_) => reply.error(Errno::EIO),
        }
    }

    fn write(
        &self,
        _req: &Request,
        _ino: INodeNo,
        _fh: FileHandle,
        offset: u64,
        data: &[u8],
        _write_flags: WriteFlags,
        _flags: OpenFlags,
        _lock: Option<LockOwner>,
        reply: ReplyWrite,
    ) {
        self.serve(Direction::Write, offset, data.len() as u64);
        match self.store.write_all_at(data, offset) {
            Ok(()) => reply.written(u32::try_from(data.len()).unwrap_or(0)),
            Err(_) => reply.error(Errno::EIO),
        }
    }

    fn fsync(&self, _req: &Request, _ino: INodeNo, _fh: FileHandle, _datasync: bool, reply: ReplyEmpty) {
        reply.ok();
    }

    fn flush(&self, _req: &Request, _ino: INodeNo, _fh: FileHandle, _lock: LockOwner, reply: ReplyEmpty) {
        reply.ok();
    }
}

/// A mounted slow disk. Dropping it unmounts, detaches and removes everything.
pub struct SlowDisk {
    dir: PathBuf,
    head: Arc<Mutex<Head>>,
    /// `None` once undone.
    session: Option<fuser::BackgroundSession>,
}

impl SlowDisk {
    /// Makes the disk; needs root, /dev/fuse and a free loop device.
    pub fn new(spec: Spec) -> io::Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        remove_leftovers();
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("{PREFIX}{}.{number}", std::process::id()));
        let fuse_dir = dir.join("fuse");
        fs::create_dir_all(&fuse_dir)?;
        fs::create_dir_all(dir.join("mnt"))?;
        let head = Arc::new(Mutex::new(Head { at: 0, free_at: Instant::now(), usage: Usage::default() }));
        let store = tempfile::tempfile_in("/dev/shm")?;
        store.set_len(spec.size)?;
        let dirty_limit = spec.dirty_limit;
        let platter = Platter { spec, store, head: head.clone(), born: SystemTime::now() };
        let mut config = fuser::Config::default();
        config.mount_options = vec![fuser::MountOption::FSName("plotwarden-slow-disk".into())];
        let session = fuser::spawn_mount(platter, &fuse_dir, &config)?;
        // From here on Drop takes down whatever part stands.
        let disk = SlowDisk { dir, head, session: Some(session) };
        disk.put_file_system_on_it(dirty_limit)?;
        Ok(disk)
    }

    fn put_file_system_on_it(&self, dirty_limit: u64) -> io::Result<()> {
        let file = self.dir.join("fuse").join(DISK_FILE);
        let device =
            run("losetup", &["--direct-io=on".as_ref(), "--find".as_ref(), "--show".as_ref(), file.as_os_str()])?;
        let device = device.trim();
        // No journal and no lazy initialisation: the disk must be idle when the plotters are.
        run(
            "mkfs.ext4",
            ["-q", "-F", "-m0", "-O", "^has_journal", "-E", "lazy_itable_init=0,nodiscard", "-N", "4096", device]
                .map(OsStr::new)
                .as_slice(),
        )?;
        let mnt = self.mount_point();
        run("mount", &["-o".as_ref(), "noatime".as_ref(), device.as_ref(), mnt.as_os_str()])?;
        let bdi = bdi_of(Path::new(device))?;
        fs::write(bdi.join("strict_limit"), "1")?;
        fs::write(bdi.join("max_bytes"), dirty_limit.to_string())
    }

    /// Where the disk's file system is mounted.
    pub fn mount_point(&self) -> PathBuf {
        self.dir.join("mnt")
    }

    pub fn usage(&self) -> Usage {
        lock(&self.head).usage
    }
}

impl Drop for SlowDisk {
    fn drop(&mut self) {
        tear_down(&self.dir);
        if let Some(session) = self.session.take() {
            let _ = session.join();
        }
    }
}

/// Undoes the disks of test programs that were killed before they could.
pub fn remove_leftovers() {
    remove(|maker| !Path::new("/proc").join(maker).exists());
}

/// Undoes this process's disks from a signal's thread, where no destructor runs.
pub fn remove_own() {
    let own = std::process::id().to_string();
    remove(|maker| maker == own);
}

fn remove(is_due: impl Fn(&str) -> bool) {
    let Ok(entries) = fs::read_dir(std::env::temp_dir()) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('.').next());
        if maker.is_some_and(&is_due) {
            tear_down(&entry.path());
        }
    }
}

fn tear_down(dir: &Path) {
    // Lazily, because a plotter that is just dying may still hold a file; the loop device goes when the last one is closed.
    let _ = run("umount", &["-l".as_ref(), dir.join("mnt").as_os_str()]);
    let file = dir.join("fuse").join(DISK_FILE);
    for device in loops_on(&file) {
        // The loop device outlives its file, and so would the limit.
        if let Ok(bdi) = bdi_of(&device) {
            let _ = fs::write(bdi.join("strict_limit"), "0");
            let _ = fs::write(bdi.join("max_ratio"), "100");
        }
        let _ = run("losetup", &["-d".as_ref(), device.as_os_str()]);
    }
    let _ = run("umount", &["-l".as_ref(), dir.join("fuse").as_os_str()]);
    for part in [dir.join("mnt"), dir.join("fuse"), dir.to_path_buf()] {
        // Not recursively: whatever is still mounted must not be emptied.
        let _ = fs::remove_dir(part);
    }
}

fn lock(head: &Mutex<Head>) -> MutexGuard<'_, Head> {
    head.lock().unwrap_or_else(PoisonError::into_inner)
}

fn loops_on(file: &Path) -> Vec<PathBuf> {
    let Ok(blocks) = fs::read_dir("/sys/block") else { return Vec::new() };
    let backed = |block: &fs::DirEntry| {
        fs::read_to_string(block.path().join("loop/backing_file")).is_ok_and(|b| Path::new(b.trim_end()) == file)
    };
    blocks.flatten().filter(backed).map(|block| Path::new("/dev").join(block.file_name())).collect()
}

/// The device's own share of the dirty page limits.
fn bdi_of(device: &Path) -> io::Result<PathBuf> {
    let numbers = fs::read_to_string(Path::new("/sys/block").join(device.file_name().unwrap_or_default()).join("dev"))?;
    Ok(Path::new("/sys/class/bdi").join(numbers.trim()))
}

fn run(program: &str, args: &[&OsStr]) -> io::Result<String> {
    let out = Command::new(program).args(args).output()?;
    if out.status.success() {
        return Ok(String::from_utf8_lossy(&out.stdout).into_owned());
    }
    Err(io::Error::other(format!("{program} {args:?}: {}", String::from_utf8_lossy(&out.stderr).trim())))
}
