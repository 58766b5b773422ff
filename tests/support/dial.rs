//! A pressure file that a test turns by hand: procfs bound to a folder of our own, with `/proc/pressure/io` replaced there and only there.
//!
//! Everything else below that root is the real procfs, so that the program under test sees real processes.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use tempfile::TempDir;

/// Turns the machine's I/O pressure; everything is unmounted when it is dropped.
pub struct PressureDial {
    folder: TempDir,
    percent: Arc<AtomicU64>,
    ends: Arc<AtomicBool>,
    writer: Option<JoinHandle<()>>,
}

impl PressureDial {
    pub fn new() -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let (procfs, file) = (folder.path().join("proc"), folder.path().join("io"));
        fs::create_dir(&procfs).unwrap();
        let text = File::create(&file).unwrap();
        write_pressure(&text, 0.0, Duration::ZERO);
        bind(Path::new("/proc"), &procfs);
        bind(&file, &procfs.join("pressure/io"));
        let (percent, ends) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
        let writer = std::thread::spawn({
            let (percent, ends) = (percent.clone(), ends.clone());
            move || keep_writing(&text, &percent, &ends)
        });
        Self { folder, percent, ends, writer: Some(writer) }
    }

    /// The root to hand to `--path.procfs`.
    pub fn procfs(&self) -> PathBuf {
        self.folder.path().join("proc")
    }

    pub fn turn_to(&self, percent: u64) {
        self.percent.store(percent, Ordering::Relaxed);
    }
}

impl Drop for PressureDial {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(writer) = self.writer.take() {
            drop(writer.join());
        }
        for path in [self.procfs().join("pressure/io"), self.procfs()] {
            if let Err(error) = umount2(&path, MntFlags::MNT_DETACH) {
                eprintln!("cannot unmount {}: {error}", path.display());
            }
        }
    }
}

fn bind(from: &Path, to: &Path) {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).unwrap();
    mount(None::<&str>, to, None::<&str>, MsFlags::MS_PRIVATE, None::<&str>).unwrap();
}

/// The kernel's counter moves smoothly; ten steps a second are smooth enough for a sampler that looks once.
fn keep_writing(text: &File, percent: &AtomicU64, ends: &AtomicBool) {
    let mut total = Duration::ZERO;
    let mut last = Instant::now();
    while !ends.load(Ordering::Relaxed) {
        std::thread::sleep(Duration::from_millis(100));
        let share = f64::from(u32::try_from(percent.load(Ordering::Relaxed)).unwrap()) / 100.0;
        total += last.elapsed().mul_f64(share);
        last = Instant::now();
        write_pressure(text, share * 100.0, total);
    }
}

/// Fixed width, one write: a reader never sees half of a line.
fn write_pressure(text: &File, percent: f64, total: Duration) {
    let total = total.as_micros();
    let line =
        |kind| format!("{kind} avg10={percent:05.2} avg60={percent:05.2} avg300={percent:05.2} total={total:012}\n");
    text.write_all_at(format!("{}{}", line("some"), line("full")).as_bytes(), 0).unwrap();
}
