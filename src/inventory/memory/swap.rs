//! Where memory is swapped to, and what compresses it.
//!
//! Source: `proc_swaps(5)`, `Documentation/admin-guide/blockdev/zram.rst`, `Documentation/admin-guide/mm/zswap.rst`.

use serde::Serialize;

use crate::inventory::Survey;
use crate::kernel::{Roots, attribute, file};
use crate::sample::SwapDevice;
use crate::units::{Bytes, Ratio, float};

/// A device or file that is swapped to.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SwapSpace {
    pub device: String,
    /// `partition`, which a whole device is too, or `file`.
    pub kind: String,
    #[serde(rename = "size_bytes")]
    pub size: Bytes,
    /// The highest is used first.
    pub priority: i32,
}

/// A compressed RAM disk (zram) that has been set up.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CompressedDisk {
    pub device: String,
    /// As it looks from outside; of memory it takes less.
    #[serde(rename = "size_bytes")]
    pub size: Bytes,
    /// Such as `zstd`.
    pub algorithm: Option<String>,
}

/// The compressed cache before the swap devices.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Zswap {
    pub enabled: Option<bool>,
    pub algorithm: Option<String>,
    /// Of the memory, at most.
    #[serde(rename = "largest_ratio")]
    pub largest: Option<Ratio>,
}

pub(super) fn spaces(roots: &Roots, survey: &mut Survey) -> Option<Vec<SwapSpace>> {
    let devices = survey.fact_if_there(file::read(&roots.proc("swaps"), SwapDevice::parse_all))?;
    let space = |SwapDevice { path, kind, size, priority, .. }| SwapSpace { device: path, kind, size, priority };
    Some(devices.into_iter().map(space).collect())
}

pub(super) fn compressed_disks(roots: &Roots, survey: &mut Survey) -> Option<Vec<CompressedDisk>> {
    let all = roots.sys("block");
    // That there are no block devices to be seen is the storage's matter.
    let names = attribute::entries(&all).ok()?;
    let mut disks = Vec::new();
    for device in names.into_iter().filter(|name| name.starts_with("zram")) {
        let directory = all.join(&device);
        let Some(size) = survey.fact_if_there(attribute::decimal(&directory.join("disksize"))) else { continue };
        // Without a size it has not been set up.
        if size > 0 {
            let algorithm = survey.fact(attribute::chosen(&directory.join("comp_algorithm")));
            disks.push(CompressedDisk { device, size: Bytes(size), algorithm });
        }
    }
    Some(disks)
}

impl Zswap {
    pub(super) fn read(roots: &Roots, survey: &mut Survey) -> Option<Self> {
        let directory = roots.sys("module/zswap/parameters");
        let zswap = Self {
            enabled: survey.fact_if_there(attribute::flag(&directory.join("enabled"))),
            algorithm: survey.fact_if_there(attribute::text(&directory.join("compressor"))),
            largest: survey
                .fact_if_there(attribute::decimal(&directory.join("max_pool_percent")))
                .map(|percent| Ratio(float(percent) / 100.0)),
        };
        (zswap != Self { enabled: None, algorithm: None, largest: None }).then_some(zswap)
    }
}
