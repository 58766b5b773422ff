//! What this process may do, found out by looking only: its capabilities, its user namespace, and where it may write.
//!
//! Source: capabilities(7), `user_namespaces(7)`.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{TMPFS_MAGIC, statfs};
use nix::unistd::{AccessFlags, eaccess};

use super::{KernelError, Roots, file, text};

/// The capabilities that this program has a use for, with their bits in `/proc/self/status`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privilege {
    /// Signals to processes of others.
    Kill = 5,
    /// Delays of processes, and process events before Linux 6.6.
    NetAdmin = 12,
    /// Counters, open files and directories of processes of others.
    SysPtrace = 19,
    /// Priorities, scheduling classes and CPU affinity of others, and a higher priority for oneself.
    SysNice = 23,
}

/// The rights of this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privileges {
    effective: u64,
    /// Else the capabilities hold only for what belongs to our own user namespace.
    pub in_first_user_namespace: bool,
}

impl Privileges {
    pub fn read(roots: &Roots) -> Result<Self, KernelError> {
        let effective = file::read(&roots.proc("self/status"), |bytes| {
            let mask = text::value_of(bytes, b"CapEff").ok_or("no line `CapEff`")?;
            u64::from_str_radix(&text::lossy(mask), 16).map_err(|_| "`CapEff` is not a hexadecimal number".to_owned())
        })?;
        // Without the file the kernel has no user namespaces, so that there is only the first.
        let in_first_user_namespace = match file::read(&roots.proc("self/uid_map"), |bytes| Ok(maps_all_users(bytes))) {
            Err(error) if error.is_gone() => true,
            answer => answer?,
        };
        Ok(Self { effective, in_first_user_namespace })
    }

    pub fn has(self, privilege: Privilege) -> bool {
        self.effective & (1 << privilege as u32) != 0
    }
}

impl Privilege {
    /// As setcap(8) and systemd write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kill => "CAP_KILL",
            Self::NetAdmin => "CAP_NET_ADMIN",
            Self::SysPtrace => "CAP_SYS_PTRACE",
            Self::SysNice => "CAP_SYS_NICE",
        }
    }
}

/// Whether we could make an entry in `directory`, which is not touched. A mount that is read-only refuses even root.
pub fn may_create_in(directory: &Path) -> bool {
    directory.is_dir() && eaccess(directory, AccessFlags::W_OK | AccessFlags::X_OK).is_ok()
}

/// Whether `path` lies in memory, and so ends with the boot; `None` if that cannot be told.
pub fn is_in_memory(path: &Path) -> Option<bool> {
    statfs(path).ok().map(|file_system| file_system.filesystem_type() == TMPFS_MAGIC)
}

/// The path itself, or the nearest directory above it that exists: where the path would have to be made.
pub fn nearest_existing(path: &Path) -> PathBuf {
    path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path).to_owned()
}

/// One line that maps every user to itself.
fn maps_all_users(bytes: &[u8]) -> bool {
    text::fields(bytes).map(text::decimal).eq([Some(0), Some(0), Some(u64::from(u32::MAX))])
}

#[cfg(test)]
mod tests {
    use super::super::fixture::Fixture;
    use super::*;

    fn privileges(status: &str, uid_map: Option<&str>) -> Result<Privileges, KernelError> {
        let fixture = Fixture::new();
        fixture.file("proc/self/status", status);
        uid_map.map(|map| fixture.file("proc/self/uid_map", map));
        Privileges::read(&fixture.roots)
    }

    #[test]
    fn capabilities_are_bits_of_a_mask() {
        let some = privileges("CapEff:\t0000000000800020\n", Some("0 0 4294967295\n")).unwrap();
        assert!(some.has(Privilege::Kill) && some.has(Privilege::SysNice) && some.in_first_user_namespace);
        assert!(!some.has(Privilege::SysPtrace) && !some.has(Privilege::NetAdmin));
        assert!(privileges("CapEff:\t000001ffffffffff\n", None).unwrap().in_first_user_namespace);
        assert!(!privileges("CapEff:\t000001ffffffffff\n", Some("0 1000 1\n")).unwrap().in_first_user_namespace);
    }

    #[test]
    fn unknown_rights_are_an_error_not_none() {
        for bad in ["", "CapEff:\tx\n"] {
            assert!(matches!(privileges(bad, None), Err(KernelError::Malformed { .. })), "{bad:?}");
        }
        assert!(Privileges::read(&Fixture::new().roots).unwrap_err().is_gone());
    }

    #[test]
    fn a_path_is_judged_by_what_exists_of_it() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(nearest_existing(&folder.path().join("a/b/c")), folder.path());
        assert!(may_create_in(folder.path()));
        assert!(!may_create_in(Path::new("/proc/version")) && !may_create_in(&folder.path().join("a")));
    }
}
