//! Where the kernel itself watches the temperature, and what it cools with: `/sys/class/thermal`.
//!
//! Source: `Documentation/driver-api/thermal/sysfs-api.rst`.

use std::path::{Path, PathBuf};

use super::{KernelError, Roots, attribute};

/// Where zones and cooling devices are listed.
pub fn class(roots: &Roots) -> PathBuf {
    roots.sys("class/thermal")
}

/// Whether an entry of the class is a zone.
pub fn is_zone(entry: &str) -> bool {
    entry.starts_with("thermal_zone")
}

/// Whether an entry of the class is a cooling device.
pub fn is_cooling_device(entry: &str) -> bool {
    entry.starts_with("cooling_device")
}

/// What a zone or a cooling device is, such as `x86_pkg_temp` or `Processor`.
pub fn kind(directory: &Path) -> Result<String, KernelError> {
    attribute::text(&directory.join("type"))
}

/// Numbers of the trips of a zone: their files begin with `trip_point_N_`.
pub fn trips(directory: &Path) -> Result<Vec<u32>, KernelError> {
    let number = |file: &String| file.strip_prefix("trip_point_")?.strip_suffix("_temp")?.parse().ok();
    Ok(attribute::entries(directory)?.iter().filter_map(number).collect())
}

/// A file of a trip, such as `temp` or `type`.
pub fn trip(directory: &Path, number: u32, attribute: &str) -> PathBuf {
    directory.join(format!("trip_point_{number}_{attribute}"))
}
