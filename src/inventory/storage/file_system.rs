//! File systems: where they are mounted, how full they are, and on which disks they lie.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::super::Survey;
use super::volume::Stack;
use crate::kernel::mounts::{DataMounts, Mount};
use crate::kernel::space::{self, Answer, Asker, Space};
use crate::kernel::{KernelError, Roots, block};
use crate::units::Bytes;

/// How long a file system may be silent. Discovery is not to wait long for one that will never answer.
const PATIENCE: Duration = Duration::from_millis(500);
/// Make one file system of several devices, so that theirs do not bound its size.
const OVER_SEVERAL: [&str; 3] = ["bcachefs", "btrfs", "zfs"];

/// A mounted file system. Of one that does not answer, the space is not known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSystem {
    /// What is no UTF-8 in a path is shown as U+FFFD, as in the series.
    pub mount_point: String,
    /// Further places where it, or a part of it, is mounted.
    pub also_mounted_at: Vec<String>,
    /// As it was given to mount.
    pub device: String,
    /// Such as `ext4`.
    #[serde(rename = "type")]
    pub kind: String,
    pub options: String,
    pub read_only: bool,
    #[serde(rename = "size_bytes")]
    pub size: Option<Bytes>,
    #[serde(rename = "used_bytes")]
    pub used: Option<Bytes>,
    /// Free for root; the available space is free for everybody.
    #[serde(rename = "free_bytes")]
    pub free: Option<Bytes>,
    #[serde(rename = "available_bytes")]
    pub available: Option<Bytes>,
    pub files: Option<u64>,
    pub files_free: Option<u64>,
    /// The block device that it lies on, by the kernel's name.
    pub volume: Option<String>,
    /// The disks of hardware behind it.
    pub disks: Vec<String>,
}

/// `None` if the table of mounts cannot be read.
pub(super) fn mounts(roots: &Roots, survey: &mut Survey) -> Option<DataMounts> {
    survey.fact(DataMounts::read(roots))
}

pub(super) fn read_all(roots: &Roots, mounts: &[Mount], stack: &Stack, survey: &mut Survey) -> Vec<FileSystem> {
    // Those that wait for nobody else are asked first: if too many are silent, it is the others that are not asked.
    let mut in_turn: Vec<&Mount> = mounts.iter().collect();
    in_turn.sort_by_key(|mount| mount.is_remote());
    let mut found: Vec<FileSystem> = in_turn
        .iter()
        .zip(ask(roots, &in_turn))
        .map(|(mount, answer)| FileSystem::of(roots, mount, answer, stack, survey))
        .collect();
    found.sort_by(|one, other| one.mount_point.cmp(&other.mount_point));
    found
}

fn ask(roots: &Roots, mounts: &[&Mount]) -> Vec<Answer> {
    let paths: Vec<PathBuf> = mounts.iter().map(|mount| mount.reached_by(roots)).collect();
    match Asker::program() {
        Ok(program) => space::ask_each(&program, &paths, PATIENCE),
        Err(error) => paths.iter().map(|_| Err(std::io::Error::other(error.to_string()))).collect(),
    }
}

impl FileSystem {
    fn of(roots: &Roots, mount: &Mount, answer: Answer, stack: &Stack, survey: &mut Survey) -> Self {
        let answer = answer.map_err(|source| KernelError::io("ask for the space of", &mount.point, source));
        let space = survey.fact_if_there(answer).filter(|space| space.is_of(mount));
        let of_space = |pick: fn(&Space) -> Option<Bytes>| space.as_ref().and_then(pick);
        let (size, free) = (of_space(|space| space.size), of_space(|space| space.free));
        let volume = block::device_of(roots, mount);
        let room = volume.as_deref().and_then(|volume| stack.size_of(volume));
        if size > room && room.is_some() && !OVER_SEVERAL.contains(&mount.kind.as_str()) {
            survey.doubt(format!("{} is larger than the device that it lies on", mount.point.display()));
        }
        let shown = |path: &PathBuf| path.to_string_lossy().into_owned();
        Self {
            mount_point: shown(&mount.point),
            also_mounted_at: mount.also.iter().map(shown).collect(),
            device: mount.source.clone(),
            kind: mount.kind.clone(),
            options: mount.options.clone(),
            read_only: mount.is_read_only() || space.is_some_and(|space| space.is_read_only),
            size,
            used: size.zip(free).map(|(size, free)| Bytes(size.0.saturating_sub(free.0))),
            free,
            available: of_space(|space| space.available),
            files: space.and_then(|space| space.files),
            files_free: space.and_then(|space| space.files_free),
            disks: volume.as_deref().map(|volume| stack.disks_behind(volume)).unwrap_or_default(),
            volume,
        }
    }
}
