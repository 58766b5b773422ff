//! Exists because figures from the slow disk are worth nothing if the disk is not slow, or does not go away.

mod support;

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use support::slow_disk::{SlowDisk, Spec};

#[test]
fn a_slow_disk_is_slow_and_leaves_nothing_behind() -> Result<(), Box<dyn Error>> {
    if !nix::unistd::geteuid().is_root() || !Path::new("/dev/fuse").exists() {
        println!("skipped: needs root and /dev/fuse");
        return Ok(());
    }
    let disk = SlowDisk::new(Spec { size: 256 << 20, ..Spec::slow_hdd() })?;
    let mount_point = disk.mount_point();
    let before = disk.usage();
    let start = Instant::now();
    let mut file = File::create(mount_point.join("file"))?;
    file.write_all(&vec![1; 12_000_000])?;
    file.sync_all()?;
    drop(file);
    let used = disk.usage() - before;
    assert!(start.elapsed() >= Duration::from_millis(200), "12 MB at 60 MB/s took {:?}", start.elapsed());
    assert!(used.busy >= Duration::from_millis(200) && used.seeks > 0, "{used:?}");
    assert!((12_000_000..14_000_000).contains(&used.written_bytes), "{used:?}");
    drop(disk);
    let mounts = fs::read_to_string("/proc/self/mounts")?;
    let dir = mount_point.parent().ok_or("a mount point without a parent")?;
    assert!(!mounts.contains(&dir.display().to_string()), "{mounts}");
    assert!(!dir.exists(), "{} is left", dir.display());
    Ok(())
}
