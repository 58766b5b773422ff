//! How fast a disk is, measured by reading from it past the page cache, because somebody asked for it. Nothing is written, and a disk
//! that may sleep is left alone.
//!
//! Source: `open(2)` (`O_DIRECT`), `Documentation/ABI/testing/sysfs-devices-power`, `HDIO_DRIVE_CMD` of `linux/hdreg.h`.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::{Duration, Instant};

use super::{KernelError, attribute, file};
use crate::units::{Bytes, BytesPerSecond, float};

/// For reads in a row and for reads here and there, each.
const SPAN: Duration = Duration::from_millis(900);
/// A disk that does not end a read is not waited for any longer.
const PATIENCE: Duration = Duration::from_secs(10);
const LARGE: usize = 1 << 20;
const SMALL: usize = 4096;
/// Covers the blocks of every disk; direct reads must begin and lie at a multiple of them.
const ALIGNMENT: usize = 4096;
/// A disk at work is not asleep; for so long is looked whether it works.
const GLANCE: Duration = Duration::from_secs(1);

/// `CHECK POWER MODE` of ATA, which wakes nothing, and what it answers of a disk that stands still.
const CHECK_POWER_MODE: u8 = 0xe5;
const STANDBY: u8 = 0x00;
const HDIO_DRIVE_CMD: libc::Ioctl = 0x031f;

/// What one reader, who waits for each read, gets from a disk.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DiskSpeed {
    /// Reads of 1 MiB in a row.
    pub sequential: BytesPerSecond,
    /// Reads of 4 KiB here and there: half of them take no longer than this, and 99 of 100 than that.
    pub median: Duration,
    pub p99: Duration,
}

/// Reads from the disk `device`, such as `/dev/sda`, for about two seconds.
pub fn measure(device: &Path, size: Bytes) -> Result<DiskSpeed, KernelError> {
    let (answer, speed) = sync_channel(1);
    let path = device.to_owned();
    let work = move || drop(answer.send(read_all_over(&path, size)));
    let failed = |source| KernelError::io("measure", device, source);
    thread::Builder::new().name("disk-speed".to_owned()).spawn(work).map_err(failed)?;
    let silent = |_| failed(io::ErrorKind::TimedOut.into());
    speed.recv_timeout(PATIENCE).map_err(silent)?.map_err(failed)
}

fn read_all_over(device: &Path, size: Bytes) -> io::Result<DiskSpeed> {
    let disk = OpenOptions::new().read(true).custom_flags(libc::O_DIRECT).open(device)?;
    let mut buffer = vec![0; LARGE + ALIGNMENT];
    let aligned = buffer.as_ptr().align_offset(ALIGNMENT);
    let buffer = buffer.get_mut(aligned..aligned + LARGE).ok_or(io::ErrorKind::OutOfMemory)?;
    let places = Places { size: size.0, state: 0x9e37_79b9_7f4a_7c15 };
    if size.0 < 4 * LARGE as u64 {
        return Err(io::Error::other("too small to be measured"));
    }
    let sequential = in_a_row(&disk, buffer, size.0)?;
    let mut times = here_and_there(&disk, &mut buffer[..SMALL], places)?;
    times.sort_unstable();
    let at = |share: usize| times.get((times.len() * share / 100).min(times.len().saturating_sub(1))).copied();
    let (Some(median), Some(p99)) = (at(50), at(99)) else { return Err(io::Error::other("no read has ended")) };
    Ok(DiskSpeed { sequential, median, p99 })
}

/// From the first quarter of the disk on, where a hard disk is neither at its fastest nor at its slowest.
fn in_a_row(disk: &File, buffer: &mut [u8], size: u64) -> io::Result<BytesPerSecond> {
    let start = size / 4 / LARGE as u64 * LARGE as u64;
    let (begun, mut read) = (Instant::now(), 0);
    while begun.elapsed() < SPAN {
        // A small disk is read again from the same place.
        let offset = start + read % (size / 2 / LARGE as u64 * LARGE as u64);
        disk.read_exact_at(buffer, offset)?;
        read += LARGE as u64;
    }
    Ok(BytesPerSecond(float(read) / begun.elapsed().as_secs_f64()))
}

fn here_and_there(disk: &File, buffer: &mut [u8], places: Places) -> io::Result<Vec<Duration>> {
    let begun = Instant::now();
    let mut times = Vec::new();
    for place in places {
        if begun.elapsed() >= SPAN {
            break;
        }
        let start = Instant::now();
        disk.read_exact_at(buffer, place)?;
        times.push(start.elapsed());
    }
    Ok(times)
}

/// Places all over the disk in no order, the same ones each time: xorshift of Marsaglia.
struct Places {
    size: u64,
    state: u64,
}

impl Iterator for Places {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        Some(self.state % (self.size / SMALL as u64) * SMALL as u64)
    }
}

/// Why a hard disk is not to be read from: to wake it would cost more than the figure is worth. `directory` is its own in sysfs.
pub fn may_sleep(device: &Path, directory: &Path) -> Option<String> {
    let managed = attribute::text(&directory.join("device/power/runtime_status"));
    if managed.is_ok_and(|status| status == "suspended") {
        return Some("it is suspended".to_owned());
    }
    match power_mode(device) {
        Ok(STANDBY) => Some("it sleeps".to_owned()),
        Ok(_) => None,
        Err(_) if works(directory) => None,
        Err(_) => Some("it may sleep: nobody uses it now, and it does not tell".to_owned()),
    }
}

fn power_mode(device: &Path) -> io::Result<u8> {
    let disk = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(device)?;
    let mut command = [CHECK_POWER_MODE, 0, 0, 0];
    // SAFETY: this command moves no data: the kernel reads and writes these four bytes, which outlive the call.
    let done = unsafe { libc::ioctl(disk.as_raw_fd(), HDIO_DRIVE_CMD, command.as_mut_ptr()) };
    if done == 0 { Ok(command[2]) } else { Err(io::Error::last_os_error()) }
}

/// Something is read or written just now.
fn works(directory: &Path) -> bool {
    let counters = || file::read(&directory.join("stat"), |bytes| Ok(bytes.to_vec())).ok();
    let before = counters();
    thread::sleep(GLANCE);
    before.is_some() && counters() != before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    #[test]
    fn places_lie_all_over_the_disk_and_at_blocks() {
        let size = 1 << 30;
        let places: Vec<u64> = Places { size, state: 1 }.take(10_000).collect();
        assert!(places.iter().all(|place| place % SMALL as u64 == 0 && place + SMALL as u64 <= size));
        let quarters: Vec<usize> =
            (0..4).map(|quarter| places.iter().filter(|place| **place / (size / 4) == quarter).count()).collect();
        assert!(quarters.iter().all(|count| *count > 2000), "{quarters:?}");
    }

    #[test]
    fn a_file_is_measured_like_a_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("disk");
        std::fs::write(&path, vec![1; 16 << 20]).unwrap();
        let speed = match measure(&path, Bytes(16 << 20)) {
            Err(KernelError::Io { source, .. }) if source.raw_os_error() == Some(libc::EINVAL) => {
                return eprintln!("SKIPPED: this file system has no direct reads");
            }
            speed => speed.unwrap(),
        };
        assert!(speed.sequential.0 > 0.0 && speed.median <= speed.p99 && speed.p99 > Duration::ZERO, "{speed:?}");
        let said = measure(&path, Bytes(1 << 40)).unwrap_err().to_string();
        assert!(said.contains("disk"), "{said}");
        assert!(measure(&path, Bytes(4096)).is_err() && measure("/no/disk".as_ref(), Bytes(1 << 30)).is_err());
    }

    #[test]
    fn a_disk_is_only_woken_by_whoever_needs_it() {
        let fixture = Fixture::new();
        let directory = fixture.path("sda");
        let reason = || may_sleep("/dev/null".as_ref(), &directory);
        fixture.file("sda/stat", "1 2 3\n");
        assert!(reason().unwrap().contains("nobody uses it"));
        fixture.file("sda/device/power/runtime_status", "suspended\n");
        assert_eq!(reason().as_deref(), Some("it is suspended"));
    }
}
