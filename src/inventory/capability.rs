//! Which surfaces of the kernel can be used here, or why not and what mends it. Found out by looking and reading, never
//! by trying a change.

mod cpu;
mod delays;
mod power;

use std::fs;

use serde::Serialize;

use crate::kernel::cgroup::{CgroupMode, Mounts};
use crate::kernel::privilege::{Privilege, Privileges, is_in_memory, may_create_in, nearest_existing};
use crate::kernel::process::read_stat;
use crate::kernel::process_watch::{ProcessWatch, Source};
use crate::kernel::{KernelError, Roots, file, pressure, text};
use crate::pressure::PressureState;

/// The first process of the machine belongs to root and always lives: if we can see it, we can see all.
const FIRST_PROCESS: i32 = 1;
/// `cgroup.freeze` is there since this kernel.
const FREEZER_SINCE: (u32, u32) = (5, 2);
/// What groups would be limited with.
const CONTROLLERS: [&str; 3] = ["cpu", "memory", "io"];
/// The only I/O schedulers that heed I/O priorities.
const HEEDING_SCHEDULERS: [&str; 2] = ["[bfq]", "[mq-deadline]"];

/// Whether a surface can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum CapabilityState {
    Usable,
    /// Works with limits; the reason says which.
    Limited,
    Unusable,
}

/// One surface of the kernel that we read or write.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Capability {
    /// A short fixed word, such as `cgroup-freeze` or `process-events`.
    pub surface: &'static str,
    pub state: CapabilityState,
    /// Why it is not fully usable; empty if it is.
    pub reason: String,
    /// The command or setting that mends it; empty if nothing does or need be.
    pub mend: String,
}

/// What the probes look at together.
struct Surroundings<'a> {
    roots: &'a Roots,
    mounts: Result<Mounts, KernelError>,
    /// Version, such as (6, 1).
    kernel: Option<(u32, u32)>,
    systemd: bool,
    privileges: Result<Privileges, KernelError>,
}

/// Why we do not have a privilege, and how to get it.
struct Lack {
    why: String,
    mend: String,
}

pub(super) fn probe(
    roots: &Roots,
    mounts: Result<Mounts, KernelError>,
    release: Option<&str>,
    systemd: bool,
) -> Vec<Capability> {
    let privileges = Privileges::read(roots);
    let here = Surroundings { roots, mounts, kernel: release.and_then(version), systemd, privileges };
    vec![
        here.process_events(),
        here.process_list(),
        here.process_io(),
        here.delay_accounting(),
        here.pressure(),
        here.cgroup_mount(),
        here.cgroup_freeze(),
        here.signals(),
        here.scheduling(),
        here.io_priority(),
        here.run_directory(),
        cpu::frequency(roots),
        cpu::run_queues(roots),
        here.energy(),
        here.sensors(),
    ]
}

impl Surroundings<'_> {
    fn process_events(&self) -> Capability {
        const SURFACE: &str = "process-events";
        match ProcessWatch::new(self.roots).source() {
            Source::Events => Capability::usable(SURFACE),
            Source::Sweep { reason } => Capability {
                surface: SURFACE,
                state: CapabilityState::Limited,
                reason: format!("{reason}; processes are looked for each second instead"),
                mend: self.lacks(Privilege::NetAdmin).map_or_else(outside_of_containers, |lack| lack.mend),
            },
        }
    }

    fn process_list(&self) -> Capability {
        const SURFACE: &str = "process-list";
        match read_stat(self.roots, FIRST_PROCESS) {
            Ok(_) => Capability::usable(SURFACE),
            Err(error) => Capability {
                surface: SURFACE,
                state: CapabilityState::Limited,
                reason: format!("processes of others cannot be seen: {error}"),
                mend: format!("mount -o remount,hidepid=0 {}", self.roots.procfs.display()),
            },
        }
    }

    fn process_io(&self) -> Capability {
        const SURFACE: &str = "process-io";
        // Our own counters show whether there are any.
        match file::read(&self.roots.proc("self/io"), |_| Ok(())) {
            Ok(()) => {
                let without = "bytes, open files and directories are known of our own user's processes only";
                self.privileged(SURFACE, Privilege::SysPtrace, without)
            }
            Err(error) => Capability::unusable(SURFACE, error.to_string(), "a kernel with CONFIG_TASK_IO_ACCOUNTING"),
        }
    }

    fn pressure(&self) -> Capability {
        const SURFACE: &str = "pressure";
        let unusable = |reason: &str, mend| Capability::unusable(SURFACE, reason.to_owned(), mend);
        match pressure::probe(self.roots) {
            PressureState::Measured(_) => Capability::usable(SURFACE),
            PressureState::DisabledAtBoot => unusable(
                "pressure stall information is switched off",
                "add psi=1 to the kernel's command line and boot",
            ),
            PressureState::Absent => {
                unusable("the kernel has no pressure stall information", "a kernel from 4.20 on with CONFIG_PSI")
            }
            PressureState::Unreadable(why) => unusable(&why, "run as root"),
        }
    }

    fn cgroup_mount(&self) -> Capability {
        const SURFACE: &str = "cgroup2-mount";
        let (mounts, tree) = match &self.mounts {
            Err(error) => return Capability::unusable(SURFACE, error.to_string(), "mount procfs"),
            Ok(mounts) => (mounts, mounts.unified.as_ref()),
        };
        let Some(tree) = tree else { return self.no_cgroup_mount(mounts.mode) };
        let offered = file::read(&tree.join("cgroup.controllers"), |bytes| Ok(text::lossy(bytes)));
        let offered = match offered {
            Ok(offered) => offered,
            Err(error) => return Capability::unusable(SURFACE, error.to_string(), "run as root"),
        };
        let missing: Vec<&str> =
            CONTROLLERS.into_iter().filter(|wanted| !offered.split_whitespace().any(|name| name == *wanted)).collect();
        if missing.is_empty() {
            return Capability::usable(SURFACE);
        }
        Capability {
            surface: SURFACE,
            state: CapabilityState::Limited,
            reason: format!(
                "{} has no {}: groups can be frozen and tell their pressure, but not be limited",
                tree.display(),
                missing.join(", ")
            ),
            mend: self.mend_by_unified_boot(),
        }
    }

    fn no_cgroup_mount(&self, mode: CgroupMode) -> Capability {
        let reason = match mode {
            CgroupMode::Legacy => "control groups are mounted as version 1 only",
            _ => "no control groups are mounted",
        };
        Capability::unusable("cgroup2-mount", reason.to_owned(), &self.mend_by_unified_boot())
    }

    fn mend_by_unified_boot(&self) -> String {
        if self.systemd {
            "add systemd.unified_cgroup_hierarchy=1 to the kernel's command line and boot".to_owned()
        } else {
            format!(
                "boot without version 1 groups, and: mount -t cgroup2 none {}",
                self.roots.sys("fs/cgroup").display()
            )
        }
    }

    fn cgroup_freeze(&self) -> Capability {
        const SURFACE: &str = "cgroup-freeze";
        const INSTEAD: &str = "jobs are paused by SIGSTOP instead";
        let tree = self.mounts.as_ref().ok().and_then(|mounts| mounts.unified.as_ref());
        let Some(tree) = tree else {
            let reason = format!("no cgroup2 tree is mounted; {INSTEAD}");
            return Capability::unusable(SURFACE, reason, &self.mend_by_unified_boot());
        };
        match self.kernel {
            Some(kernel) if kernel < FREEZER_SINCE => {
                Capability::unusable(SURFACE, format!("the kernel is older than 5.2; {INSTEAD}"), "a newer kernel")
            }
            _ if !may_create_in(tree) => {
                let reason = format!("no group can be made in {}; {INSTEAD}", tree.display());
                Capability::unusable(SURFACE, reason, "run as root; in a container, with the tree mounted read-write")
            }
            _ => Capability::usable(SURFACE),
        }
    }

    fn signals(&self) -> Capability {
        self.privileged("signals", Privilege::Kill, "only our own user's jobs can be paused")
    }

    fn scheduling(&self) -> Capability {
        let without = "only our own user's jobs can be given less, and nothing can be given back to them";
        self.privileged("scheduling", Privilege::SysNice, without)
    }

    fn io_priority(&self) -> Capability {
        const SURFACE: &str = "io-priority";
        let ours = self.privileged(SURFACE, Privilege::SysNice, "only our own user's jobs can be given less");
        if ours.state != CapabilityState::Usable || self.some_disk_heeds_priorities() {
            return ours;
        }
        Capability {
            surface: SURFACE,
            state: CapabilityState::Limited,
            reason: "no disk uses the I/O scheduler bfq or mq-deadline, and no other heeds priorities".to_owned(),
            mend: format!("echo mq-deadline > {}/DISK/queue/scheduler", self.roots.sys("block").display()),
        }
    }

    fn some_disk_heeds_priorities(&self) -> bool {
        let Ok(disks) = fs::read_dir(self.roots.sys("block")) else { return false };
        disks.flatten().any(|disk| {
            let schedulers = file::read(&disk.path().join("queue/scheduler"), |bytes| Ok(text::lossy(bytes)));
            let heeds = |line: String| line.split_whitespace().any(|name| HEEDING_SCHEDULERS.contains(&name));
            disk.path().join("device").exists() && schedulers.is_ok_and(heeds)
        })
    }

    fn run_directory(&self) -> Capability {
        const SURFACE: &str = "run-directory";
        let run = &self.roots.run;
        let existing = nearest_existing(run);
        if !may_create_in(&existing) {
            let reason = format!("{} cannot be written, so that nothing can be changed safely", run.display());
            let mend = format!("run as root, or: sudo install -d -o \"$(id -un)\" {}", run.display());
            return Capability::unusable(SURFACE, reason, &mend);
        }
        if is_in_memory(&existing) == Some(true) {
            return Capability::usable(SURFACE);
        }
        Capability {
            surface: SURFACE,
            state: CapabilityState::Limited,
            reason: format!(
                "{} is not in memory: the journal outlives the boot, unlike what it is about",
                run.display()
            ),
            mend: format!("mount -t tmpfs none {}", existing.display()),
        }
    }

    fn privileged(&self, surface: &'static str, privilege: Privilege, without: &str) -> Capability {
        match self.lacks(privilege) {
            None => Capability::usable(surface),
            Some(Lack { why, mend }) => {
                Capability { surface, state: CapabilityState::Limited, reason: format!("{why}: {without}"), mend }
            }
        }
    }

    /// `None` if we have the privilege.
    fn lacks(&self, privilege: Privilege) -> Option<Lack> {
        match &self.privileges {
            Err(error) => Some(Lack { why: format!("our rights are unknown ({error})"), mend: grant(privilege) }),
            Ok(ours) if !ours.in_first_user_namespace => {
                let why = format!("{} would hold in our own user namespace only", privilege.name());
                Some(Lack { why, mend: outside_of_containers() })
            }
            Ok(ours) if !ours.has(privilege) => {
                Some(Lack { why: format!("without {}", privilege.name()), mend: grant(privilege) })
            }
            Ok(_) => None,
        }
    }
}

impl Capability {
    fn usable(surface: &'static str) -> Self {
        Self { surface, state: CapabilityState::Usable, reason: String::new(), mend: String::new() }
    }

    fn unusable(surface: &'static str, reason: String, mend: &str) -> Self {
        Self { surface, state: CapabilityState::Unusable, reason, mend: mend.to_owned() }
    }
}

impl CapabilityState {
    pub fn name(self) -> &'static str {
        match self {
            Self::Usable => "usable",
            Self::Limited => "limited",
            Self::Unusable => "unusable",
        }
    }
}

fn grant(privilege: Privilege) -> String {
    let name = privilege.name().to_lowercase();
    format!("run as root, or: sudo setcap {name}+ep \"$(command -v plotwarden)\"")
}

fn outside_of_containers() -> String {
    "run outside of containers, or in the host's pid, user and network namespaces".to_owned()
}

/// The first two numbers of a release such as `6.1.0-56-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|character: char| !character.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

#[cfg(test)]
mod tests;
