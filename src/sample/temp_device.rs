//! Which block devices a job's temp directories lie on: a fact that expressions ask for as `$device`.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::kernel::{Roots, backing};

/// The block devices behind the temp directories of a job, as `/proc/diskstats` names them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum TempDevices {
    /// Nobody has looked yet.
    #[default]
    Pending,
    /// Each once, sorted; none where no directory lies on a block device of this machine.
    Known(Vec<String>),
    /// Why it cannot be told.
    Unknown(String),
}

impl TempDevices {
    /// Those that are known.
    pub fn names(&self) -> &[String] {
        match self {
            Self::Known(names) => names,
            Self::Pending | Self::Unknown(_) => &[],
        }
    }

    /// Of all directories, or of none: what one of them does not tell may be what matters.
    ///
    /// May block for as long as a file server does not answer.
    pub(super) fn look_up(roots: &Roots, directories: &[PathBuf]) -> Self {
        let found: Result<BTreeSet<Option<String>>, _> =
            directories.iter().map(|directory| backing::device_of(roots, directory)).collect();
        match found {
            Ok(devices) => Self::Known(devices.into_iter().flatten().collect()),
            Err(error) => Self::Unknown(error.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn one_directory_that_tells_nothing_leaves_the_whole_unknown() {
        let roots = Roots::standard();
        let of = |paths: &[&str]| {
            TempDevices::look_up(&roots, &paths.iter().map(|path| Path::new(path).to_owned()).collect::<Vec<_>>())
        };
        assert_eq!(of(&[]), TempDevices::Known(Vec::new()), "a plotter in memory");
        assert_eq!(of(&["/dev/shm"]), TempDevices::Known(Vec::new()));
        let TempDevices::Unknown(reason) = of(&["/dev/shm", "/nonexistent"]) else { panic!("it is not there") };
        assert!(reason.contains("/nonexistent"), "{reason}");
    }
}
