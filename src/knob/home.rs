//! Where the groups of jobs are made, which depends on who owns the tree.
//!
//! Under systemd that is a scope for each job, made by systemd with `Delegate=yes`, and not the group of our own service, though
//! that is delegated too: systemd ends what is left in the group of a service that stops, and cannot start one whose group hands
//! controllers down. A scope outlives us and ends with its last process. The job lives in a group below the scope, since the
//! attributes of the scope itself stay systemd's (`https://systemd.io/CGROUP_DELEGATION`).

use std::path::PathBuf;

use super::cgroup::{BASE_GROUP, BASE_SLICE, file_name};

/// Who makes groups in the cgroup2 tree. To put back it needs no leave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupUse {
    /// Groups are made below the root.
    Free,
    /// systemd wants to be the only writer of the tree (`Documentation/admin-guide/cgroup-v2.rst`, delegation), and is asked.
    OwnedBySystemd {
        /// The socket of the system bus.
        bus: PathBuf,
    },
}

impl GroupUse {
    /// On a machine that systemd has booted.
    pub fn of_systemd() -> Self {
        Self::OwnedBySystemd { bus: PathBuf::from("/run/dbus/system_bus_socket") }
    }

    /// The group above those of all jobs, below the mount.
    pub fn base(&self) -> &'static str {
        match self {
            Self::Free => BASE_GROUP,
            Self::OwnedBySystemd { .. } => BASE_SLICE,
        }
    }

    /// Where the group of a job belongs.
    pub fn path_of(&self, job: &str) -> String {
        let name = file_name(job);
        match self {
            Self::Free => format!("/{BASE_GROUP}/{name}"),
            Self::OwnedBySystemd { .. } => format!("/{BASE_SLICE}/{}/{name}", scope_name(&name)),
        }
    }
}

/// The unit that a job's group lies in, and the path of that unit's group.
pub fn scope_of(path: &str) -> Option<(&str, &str)> {
    let (above, _) = path.rsplit_once('/')?;
    let (_, name) = above.rsplit_once('/')?;
    name.strip_suffix(".scope").map(|_| (name, above))
}

/// Names of units know no `%`.
fn scope_name(job: &str) -> String {
    format!("plotwarden-{}.scope", job.replace('%', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_job_name_stays_below_our_group() {
        let free = |job| GroupUse::Free.path_of(job);
        assert_eq!(free("madmax-12-345"), "/plotwarden/madmax-12-345");
        assert_eq!(free("../../etc"), "/plotwarden/%2E.%2F..%2Fetc");
        assert_eq!(free(".."), "/plotwarden/%2E.");
    }

    #[test]
    fn under_systemd_a_job_has_a_scope_of_its_own() {
        let path = GroupUse::of_systemd().path_of("mad max");
        assert_eq!(path, "/plotwarden.slice/plotwarden-mad_20max.scope/mad%20max");
        let scope = "/plotwarden.slice/plotwarden-mad_20max.scope";
        assert_eq!(scope_of(&path), Some(("plotwarden-mad_20max.scope", scope)));
        assert_eq!(scope_of("/plotwarden/madmax"), None);
        assert_eq!(scope_of(scope), None);
    }
}
