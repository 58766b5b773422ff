//! A machine made of files, for tests: procfs, sysfs and cgroupfs in a folder of their own that vanishes with the value.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::Roots;
use crate::clock::Moment;

/// Machines that we do not have, written down as text.
#[path = "../../tests/support/machine.rs"]
mod machine;

pub struct Fixture {
    folder: TempDir,
    pub roots: Roots,
}

/// A process of the fixture; the fields that most tests care about.
pub struct FakeProcess<'a> {
    pub pid: i32,
    pub start_ticks: u64,
    pub parent: i32,
    pub comm: &'a str,
    pub argv: &'a [&'a str],
    pub user_ticks: u64,
    pub wchar: u64,
}

impl FakeProcess<'_> {
    pub const IDLE: FakeProcess<'static> =
        FakeProcess { pid: 7, start_ticks: 100, parent: 1, comm: "idle", argv: &["idle"], user_ticks: 0, wchar: 0 };
}

impl Fixture {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name);
        let nvml = below("libnvidia-ml.so.1");
        let roots = Roots { procfs: below("proc"), sysfs: below("sys"), cgroupfs: None, run: below("run"), nvml };
        fs::create_dir(&roots.procfs).unwrap();
        fs::create_dir(&roots.sysfs).unwrap();
        Self { folder, roots }
    }

    /// The machine that is written down in `tests/machines/NAME/`.
    pub fn of_machine(name: &str) -> Self {
        let fixture = Self::new();
        machine::lay_out(name, fixture.folder.path());
        fixture
    }

    pub fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    /// Writes a file below the folder, such as `proc/stat`, with the folders above it.
    pub fn file(&self, below: &str, contents: impl AsRef<[u8]>) -> &Self {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, contents).unwrap();
        self
    }

    pub fn link(&self, below: &str, target: &str) -> &Self {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        let _ = fs::remove_file(&path);
        symlink(target, path).unwrap();
        self
    }

    pub fn remove(&self, below: &str) -> &Self {
        let path = self.path(below);
        if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) }.unwrap();
        self
    }

    pub fn process(&self, process: &FakeProcess) -> &Self {
        let FakeProcess { pid, start_ticks, parent, comm, argv, user_ticks, wchar } = process;
        let stat = format!(
            "{pid} ({comm}) S {parent} 1 1 0 -1 0 10 0 2 0 {user_ticks} 5 0 0 20 0 1 0 {start_ticks} 4096 25 0\n"
        );
        let io = format!(
            "rchar: 10\nwchar: {wchar}\nsyscr: 1\nsyscw: 1\nread_bytes: 4096\nwrite_bytes: 8192\n\
             cancelled_write_bytes: 512\n"
        );
        let command_line: String = argv.iter().flat_map(|argument| [argument, "\0"]).collect();
        self.file(&format!("proc/{pid}/stat"), stat)
            .file(&format!("proc/{pid}/io"), io)
            .file(&format!("proc/{pid}/cmdline"), command_line)
            .file(&format!("proc/{pid}/status"), "Name:\tx\nUid:\t1000\t0\t0\t0\n")
    }
}

/// A moment so long after boot.
pub fn at(boot: Duration) -> Moment {
    Moment { boot, wall: SystemTime::UNIX_EPOCH + boot }
}
