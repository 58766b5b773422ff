//! md sets: whether they are whole, and how far a repair has come, from sysfs.
//!
//! Source: `Documentation/admin-guide/md.rst`, the chapter on sysfs.

use std::path::Path;

use super::DiskSample;
use crate::kernel::{KernelError, attribute, file, text};
use crate::units::{Bytes, BytesPerSecond, Ratio, float};

/// sysfs counts sectors of this size.
const SECTOR: u64 = 512;

/// The state of one md set.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RaidSample {
    pub device: String,
    /// `array_state`, such as `clean` or `active`.
    pub state: Option<String>,
    /// Disks that the set should have.
    pub disks: Option<u64>,
    /// Disks that it lacks; `None` at levels that cannot lack any.
    pub degraded: Option<u64>,
    /// Members that work, that are broken, and that wait or are being filled.
    pub members: Option<Members>,
    /// `None` at levels that have nothing to keep in step.
    pub sync: Option<SyncAction>,
    /// How far the present action is; `None` if there is none.
    pub progress: Option<Ratio>,
    pub speed: Option<BytesPerSecond>,
    /// What the last check found to be different.
    pub mismatched: Option<Bytes>,
}

/// Members of a set by what they are worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Members {
    pub in_sync: u64,
    pub faulty: u64,
    pub spare: u64,
}

/// What a set does to keep its members in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SyncAction {
    Idle,
    Resync,
    Recover,
    Check,
    Repair,
    Reshape,
    Frozen,
}

impl RaidSample {
    /// Reads the sets among `disks`, `directory` being that of block devices in sysfs.
    pub(super) fn read_all(disks: &[DiskSample], directory: &Path) -> Vec<Self> {
        let names = disks.iter().map(|disk| &disk.device).filter(|name| name.starts_with("md"));
        names.filter_map(|name| Self::read(name, &directory.join(name))).collect()
    }

    /// Reads a set, `directory` being its own in sysfs. `None` if it is no md set, or no longer.
    pub(crate) fn read(device: &str, directory: &Path) -> Option<Self> {
        let md = directory.join("md");
        let state = attribute::text(&md.join("array_state"));
        if state.as_ref().is_err_and(KernelError::is_gone) {
            return None;
        }
        let progress = file::read(&md.join("sync_completed"), parse_progress).ok().flatten();
        Some(Self {
            device: device.to_owned(),
            state: state.ok(),
            disks: attribute::decimal(&md.join("raid_disks")).ok(),
            degraded: attribute::decimal(&md.join("degraded")).ok(),
            members: Members::read(&md),
            sync: attribute::text(&md.join("sync_action")).ok().and_then(|action| SyncAction::parse(&action)),
            progress,
            speed: progress.and_then(|_| speed(&md)),
            mismatched: sectors(&md.join("mismatch_cnt")),
        })
    }
}

impl Members {
    fn read(md: &Path) -> Option<Self> {
        let mut members = Self::default();
        for name in attribute::entries(md).ok()?.iter().filter(|name| name.starts_with("dev-")) {
            match attribute::text(&md.join(name).join("state")) {
                Ok(state) => members.count(&state),
                // Taken out of the set while we looked.
                Err(error) if error.is_gone() => {}
                Err(_) => return None,
            }
        }
        Some(members)
    }

    /// A list of words such as `in_sync,write_mostly`. One that is neither whole nor broken waits, or is being filled.
    fn count(&mut self, state: &str) {
        let is = |word: &str| state.split(',').any(|found| found == word);
        let which = match () {
            () if is("faulty") => &mut self.faulty,
            () if is("in_sync") => &mut self.in_sync,
            () => &mut self.spare,
        };
        *which += 1;
    }
}

impl SyncAction {
    pub const ALL: [Self; 7] =
        [Self::Idle, Self::Resync, Self::Recover, Self::Check, Self::Repair, Self::Reshape, Self::Frozen];

    pub fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Resync => "resync",
            Self::Recover => "recover",
            Self::Check => "check",
            Self::Repair => "repair",
            Self::Reshape => "reshape",
            Self::Frozen => "frozen",
        }
    }

    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|action| action.name() == word)
    }
}

/// `1234 / 5678` in sectors, `none`, or `delayed`.
fn parse_progress(bytes: &[u8]) -> Result<Option<Ratio>, String> {
    let fields: Vec<&[u8]> = text::fields(bytes).collect();
    match fields[..] {
        [b"none" | b"delayed"] => Ok(None),
        [done, b"/", of] => match (text::decimal(done), text::decimal(of)) {
            (Some(done), Some(of)) if done <= of && of > 0 => Ok(Some(Ratio(float(done) / float(of)))),
            _ => Err("not a part of a whole".to_owned()),
        },
        _ => Err("neither a part of a whole nor none".to_owned()),
    }
}

/// The mean of the last half minute, in KiB per second, or `none`.
fn speed(md: &Path) -> Option<BytesPerSecond> {
    let kibibytes = attribute::decimal(&md.join("sync_speed")).ok()?;
    Some(BytesPerSecond(float(kibibytes.checked_mul(1024)?)))
}

fn sectors(path: &Path) -> Option<Bytes> {
    attribute::decimal(path).ok()?.checked_mul(SECTOR).map(Bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn read(fixture: &Fixture) -> Option<RaidSample> {
        RaidSample::read("md0", &fixture.roots.sys("block/md0"))
    }

    #[test]
    fn a_set_that_is_being_repaired_is_told_with_its_progress() {
        let fixture = Fixture::of_machine("dual-socket-server");
        let set = read(&fixture).unwrap();
        assert_eq!((set.state.as_deref(), set.disks, set.degraded), (Some("active"), Some(4), Some(1)));
        assert_eq!(set.members, Some(Members { in_sync: 3, faulty: 1, spare: 1 }));
        assert_eq!((set.sync, set.progress), (Some(SyncAction::Recover), Some(Ratio(0.25))));
        assert_eq!(set.speed, Some(BytesPerSecond(150_000.0 * 1024.0)));
    }

    #[test]
    fn a_set_that_is_at_rest_has_no_progress_and_a_striped_one_cannot_lack_a_disk() {
        let fixture = Fixture::new();
        fixture
            .file("sys/block/md0/md/array_state", "clean\n")
            .file("sys/block/md0/md/raid_disks", "2\n")
            .file("sys/block/md0/md/sync_completed", "none\n")
            .file("sys/block/md0/md/sync_speed", "0\n")
            .file("sys/block/md0/md/dev-sda1/state", "in_sync,write_mostly\n");
        let set = read(&fixture).unwrap();
        assert_eq!((set.degraded, set.sync, set.progress, set.speed), (None, None, None, None));
        assert_eq!(set.members.unwrap().in_sync, 1);
    }

    #[test]
    fn what_is_no_set_is_none_and_what_is_malformed_unknown() {
        let fixture = Fixture::new();
        fixture.file("sys/block/md0/size", "8\n");
        assert_eq!(read(&fixture), None);
        fixture
            .file("sys/block/md0/md/array_state", "clean\n")
            .file("sys/block/md0/md/degraded", "-1\n")
            .file("sys/block/md0/md/sync_action", [0xff, 0xfe])
            .file("sys/block/md0/md/mismatch_cnt", "18446744073709551615\n")
            .file("sys/block/md0/md/sync_completed", "9 / 4\n");
        let set = read(&fixture).unwrap();
        assert_eq!((set.degraded, set.sync, set.progress, set.mismatched), (None, None, None, None));
    }

    #[test]
    fn progress_is_believed_if_it_can_be_true() {
        assert_eq!(parse_progress(b"25 / 100\n"), Ok(Some(Ratio(0.25))));
        assert_eq!((parse_progress(b"none\n"), parse_progress(b"delayed\n")), (Ok(None), Ok(None)));
        for bad in [&b""[..], b"1", b"1 / 0", b"0 / 0", b"2 / 1", b"x / 1", b"1 / 2 / 3", b"\xff / \xff"] {
            assert!(parse_progress(bad).is_err(), "{bad:?}");
        }
    }
}
