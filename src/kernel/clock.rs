//! The clocks, the boot and the units of the kernel's counters. Only the loop reads the clocks; everybody else is handed a [`Moment`].

use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use nix::time::{ClockId, clock_gettime};
use nix::unistd::{SysconfVar, sysconf};

use super::{KernelError, Roots, file, text};
use crate::clock::Moment;
use crate::units::Bytes;

/// What both are on every machine that Linux runs on with default settings; used only if the C library does not tell.
const USUAL_TICKS_PER_SECOND: u64 = 100;
const USUAL_PAGE_SIZE: u64 = 4096;
const NANOSECONDS: u64 = 1_000_000_000;

static TICKS_PER_SECOND: LazyLock<u64> = LazyLock::new(|| system(SysconfVar::CLK_TCK, USUAL_TICKS_PER_SECOND));
static PAGE_SIZE: LazyLock<u64> = LazyLock::new(|| system(SysconfVar::PAGE_SIZE, USUAL_PAGE_SIZE));

/// The moment that it is now.
pub fn now() -> Moment {
    Moment { boot: read(ClockId::CLOCK_BOOTTIME), wall: SystemTime::UNIX_EPOCH + read(ClockId::CLOCK_REALTIME) }
}

/// Does `work` and tells how long it took: what a file costs to read is known only by reading it.
pub fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let began = read(ClockId::CLOCK_MONOTONIC);
    let done = work();
    (done, read(ClockId::CLOCK_MONOTONIC).saturating_sub(began))
}

/// Identifies this boot: `/proc/sys/kernel/random/boot_id`, a UUID.
pub fn boot_id(roots: &Roots) -> Result<String, KernelError> {
    file::read(&roots.proc("sys/kernel/random/boot_id"), |bytes| match bytes.trim_ascii() {
        [] => Err("empty".to_owned()),
        id => Ok(text::lossy(id)),
    })
}

/// Clock ticks of `/proc` (`USER_HZ`) as time.
pub fn ticks(count: u64) -> Duration {
    let rate = *TICKS_PER_SECOND;
    Duration::new(count / rate, 0) + Duration::from_nanos((count % rate) * (NANOSECONDS / rate))
}

/// Pages of memory as bytes.
pub fn pages(count: u64) -> Bytes {
    Bytes(count.saturating_mul(*PAGE_SIZE))
}

/// Neither clock can fail on a kernel that can run this program: `CLOCK_BOOTTIME` is there since Linux 2.6.39.
fn read(clock: ClockId) -> Duration {
    clock_gettime(clock).map_or(Duration::ZERO, Duration::from)
}

fn system(variable: SysconfVar, usual: u64) -> u64 {
    let told = sysconf(variable).ok().flatten().and_then(|value| u64::try_from(value).ok());
    told.filter(|value| *value > 0).unwrap_or(usual)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_clocks_that_others_read() {
        let uptime = std::fs::read_to_string("/proc/uptime").unwrap();
        let uptime: f64 = uptime.split(' ').next().unwrap().parse().unwrap();
        let moment = now();
        assert!((moment.boot.as_secs_f64() - uptime).abs() < 1.0);
        assert!(moment.wall.duration_since(SystemTime::now() - Duration::from_secs(1)).is_ok());
    }

    #[test]
    fn ticks_become_time_without_loss_over_years() {
        let rate = *TICKS_PER_SECOND;
        assert_eq!(ticks(rate * 3 / 2), Duration::from_millis(1500));
        assert_eq!(ticks(rate * 400_000_000), Duration::from_secs(400_000_000));
    }

    #[test]
    fn the_boot_has_an_identity() {
        assert_eq!(boot_id(&Roots::standard()).unwrap().len(), 36);
    }
}
