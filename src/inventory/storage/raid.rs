//! md sets with their members.
//!
//! Source: `Documentation/admin-guide/md.rst`, the chapter on sysfs.

use std::path::Path;

use serde::Serialize;

use super::super::Survey;
use super::volume;
use crate::kernel::{Roots, attribute, block};
use crate::sample::{RaidSample, SyncAction};
use crate::units::{Bytes, BytesPerSecond, Ratio};

/// An md set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RaidSet {
    pub name: String,
    /// Such as `raid5`.
    pub level: Option<String>,
    /// Such as `clean`.
    pub state: Option<String>,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    #[serde(rename = "chunk_bytes")]
    pub chunk: Option<Bytes>,
    /// Disks that it should have, and how many of them it lacks.
    pub disks: Option<u64>,
    pub degraded: Option<u64>,
    pub sync_action: Option<SyncAction>,
    #[serde(rename = "sync_progress_ratio")]
    pub sync_progress: Option<Ratio>,
    #[serde(rename = "sync_speed_bytes_per_second")]
    pub sync_speed: Option<BytesPerSecond>,
    pub members: Vec<RaidMember>,
}

/// A member of an md set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RaidMember {
    pub device: String,
    /// Words such as `in_sync`, `faulty`, `spare`.
    pub state: Option<String>,
    /// `None` of one that has no place in the set.
    pub slot: Option<u64>,
    /// Read errors that were put right.
    pub errors: Option<u64>,
}

impl RaidSet {
    pub(super) fn read(roots: &Roots, name: &str, survey: &mut Survey) -> Self {
        let directory = block::directory(roots, name);
        let md = directory.join("md");
        let now = survey.known(RaidSample::read(name, &directory)).unwrap_or_default();
        let members = survey.fact(attribute::entries(&md)).unwrap_or_default();
        let members: Vec<RaidMember> =
            members.iter().filter_map(|entry| RaidMember::read(&md, entry.strip_prefix("dev-")?, survey)).collect();
        let chunk = survey.fact_if_there(attribute::decimal(&md.join("chunk_size")));
        Self {
            name: name.to_owned(),
            level: survey.fact(attribute::text(&md.join("level"))),
            state: survey.known(now.state),
            size: volume::size(&directory),
            // Levels without stripes say 0.
            chunk: chunk.filter(|chunk| *chunk > 0).map(Bytes),
            disks: survey.known(now.disks),
            degraded: now.degraded,
            sync_action: now.sync,
            sync_progress: now.progress,
            sync_speed: now.speed,
            members,
        }
    }
}

impl RaidMember {
    /// `None` of one that was taken out of the set while we looked.
    fn read(md: &Path, device: &str, survey: &mut Survey) -> Option<Self> {
        let directory = md.join(format!("dev-{device}"));
        let state = attribute::text(&directory.join("state"));
        if state.as_ref().is_err_and(crate::kernel::KernelError::is_gone) {
            return None;
        }
        Some(Self {
            device: device.replace('!', "/"),
            state: survey.fact(state),
            slot: attribute::decimal(&directory.join("slot")).ok(),
            errors: attribute::decimal(&directory.join("errors")).ok(),
        })
    }
}
