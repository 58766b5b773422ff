//! How fast the disks are, measured because somebody asked for it: two seconds of reading from each, one after the other.

use std::path::Path;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::super::Part;
use super::{Class, Disk, Storage};
use crate::kernel::disk_speed::{self, DiskSpeed};
use crate::kernel::{Roots, block};
use crate::units::BytesPerSecond;

/// What one reader, who waits for each read, got from a disk.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Measured {
    /// Reads of 1 MiB in a row.
    #[serde(rename = "sequential_read_bytes_per_second")]
    pub sequential: BytesPerSecond,
    /// Reads of 4 KiB here and there: half of them took no longer.
    #[serde(rename = "random_read_median_seconds", serialize_with = "as_seconds")]
    pub median: Duration,
    #[serde(rename = "random_read_p99_seconds", serialize_with = "as_seconds")]
    pub p99: Duration,
}

/// Measures each disk in turn; why one was not measured becomes a problem of the part.
pub fn measure_storage(roots: &Roots, storage: &mut Part<Storage>) {
    for disk in &mut storage.facts.disks {
        match measure(roots, disk) {
            Ok(DiskSpeed { sequential: BytesPerSecond(rate), median, p99 }) => {
                disk.measured = Some(Measured { sequential: BytesPerSecond(rate.round()), median, p99 });
            }
            Err(why) => storage.problems.push(format!("the speed of {} was not measured: {why}", disk.name)),
        }
    }
}

fn measure(roots: &Roots, disk: &Disk) -> Result<DiskSpeed, String> {
    let device = Path::new("/dev").join(&disk.name);
    let size = disk.size.ok_or("its size is not known")?;
    // Whatever may have a motor is not to be started.
    let stands_still_by_itself = matches!(disk.class, Some(Class::Nvme | Class::Ssd | Class::Flash | Class::Virtual));
    let asleep = if stands_still_by_itself {
        None
    } else {
        disk_speed::may_sleep(&device, &block::directory(roots, &disk.name))
    };
    match asleep {
        Some(why) => Err(why),
        None => disk_speed::measure(&device, size).map_err(|error| error.to_string()),
    }
}

fn as_seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}
