//! Whether the kernel can shape, found out by looking only: to try would load modules, and leave them behind.

use std::path::Path;

use super::Door;
use crate::kernel::Roots;
use crate::kernel::privilege::{Privilege, Privileges};
use crate::shaping::Direction;

/// What each direction is made of. The rules that tell traffic by cgroup need `nft_socket` of Linux 5.13 besides.
const LEAVING: &[&str] = &["sch_htb", "nf_tables"];
const ARRIVING: &[&str] = &["sch_htb", "sch_ingress", "cls_u32", "act_mirred", "ifb"];

/// `Err` with the reason and what mends it.
pub fn usable(roots: &Roots, direction: Direction) -> Result<(), (String, String)> {
    let rights = Privileges::read(roots).map_err(|error| (error.to_string(), String::new()))?;
    if !rights.has(Privilege::NetAdmin) {
        let reason = format!("{} is missing", Privilege::NetAdmin.name());
        return Err((reason, "run as root, or setcap cap_net_admin+ep on the binary".to_owned()));
    }
    Door::open(roots).map_err(|error| (error.to_string(), String::new()))?;
    let needed = match direction {
        Direction::Leaving => LEAVING,
        Direction::Arriving => ARRIVING,
    };
    let release = nix::sys::utsname::uname().map(|name| name.release().to_string_lossy().into_owned());
    let listed = release.map(|release| listed_in(&Path::new("/lib/modules").join(release)));
    // A kernel without a list of modules has what it has built in, which is seen when it is asked for it.
    let Ok(Some(listed)) = listed else { return Ok(()) };
    let missing = |name: &&&str| !is_listed(&listed, name) && !roots.sys("module").join(name).exists();
    match needed.iter().find(missing) {
        None => Ok(()),
        Some(name) => {
            Err((format!("the kernel has no {name}"), "install the package with the kernel's modules".to_owned()))
        }
    }
}

/// Modules that can be loaded, and those that are built in.
fn listed_in(folder: &Path) -> Option<String> {
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).ok();
    Some([read("modules.dep")?, read("modules.builtin").unwrap_or_default()].concat())
}

fn is_listed(listed: &str, name: &str) -> bool {
    listed.lines().any(|line| {
        let path = line.split(':').next().unwrap_or_default();
        let file = path.rsplit('/').next().unwrap_or_default();
        file.strip_prefix(name).is_some_and(|rest| rest.starts_with(".ko"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_known_by_its_file_whether_compressed_or_built_in() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(listed_in(folder.path()), None, "a kernel that tells nothing lacks nothing");
        std::fs::write(folder.path().join("modules.dep"), "kernel/net/sched/sch_htb.ko.xz: kernel/a.ko\n").unwrap();
        std::fs::write(folder.path().join("modules.builtin"), "kernel/drivers/net/ifb.ko\n").unwrap();
        let listed = listed_in(folder.path()).unwrap();
        assert!(is_listed(&listed, "sch_htb") && is_listed(&listed, "ifb"));
        assert!(!is_listed(&listed, "sch_ht") && !is_listed(&listed, "a"));
    }
}
