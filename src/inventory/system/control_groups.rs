//! Which controllers of control groups there are: whether CPU, memory and I/O of a job can be limited at all.
//!
//! Source: `Documentation/admin-guide/cgroup-v2.rst`, cgroups(7) for `/proc/cgroups`.

use std::collections::BTreeSet;
use std::path::Path;

use crate::inventory::Survey;
use crate::kernel::cgroup::Mounts;
use crate::kernel::{KernelError, Roots, file, text};

/// Controllers of either version that are in use, by name; `None` if neither tells.
pub(super) fn controllers(roots: &Roots, mounts: Option<&Mounts>, survey: &mut Survey) -> Option<Vec<String>> {
    // The mount is told as the machine sees it, which may show us its sysfs elsewhere.
    let tree = mounts.and_then(|mounts| mounts.unified.as_ref());
    let tree = tree.map(|tree| tree.strip_prefix("/sys").map_or_else(|_| tree.clone(), |below| roots.sys(below)));
    let unified = tree.and_then(|tree| survey.fact(of_version_2(&tree)));
    let legacy = survey.fact_if_there(of_version_1(roots));
    let is_known = unified.is_some() || legacy.is_some();
    let names: BTreeSet<String> = unified.into_iter().chain(legacy).flatten().collect();
    is_known.then(|| names.into_iter().collect())
}

fn of_version_2(tree: &Path) -> Result<Vec<String>, KernelError> {
    file::read(&tree.join("cgroup.controllers"), |bytes| Ok(text::fields(bytes).map(text::lossy).collect()))
}

/// Name, hierarchy, groups, enabled; hierarchy 0 is that of version 2, or of none.
fn of_version_1(roots: &Roots) -> Result<Vec<String>, KernelError> {
    file::read(&roots.proc("cgroups"), |bytes| {
        let rows = text::lines(bytes).filter(|line| !line.starts_with(b"#"));
        let used = rows.filter_map(|line| match text::fields(line).collect::<Vec<_>>()[..] {
            [name, hierarchy, _, b"1"] if hierarchy != b"0" => Some(text::lossy(name)),
            _ => None,
        });
        Ok(used.collect())
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::fixture::Fixture;

    fn of(fixture: &Fixture) -> Option<Vec<String>> {
        let mounts = Mounts::read(&fixture.roots);
        controllers(&fixture.roots, mounts.as_ref().ok(), &mut Survey::default())
    }

    #[test]
    fn controllers_of_both_versions_are_told() {
        let fixture = Fixture::new();
        fixture
            .file("proc/self/mountinfo", "30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n")
            .file("sys/fs/cgroup/unified/cgroup.controllers", "hugetlb rdma\n")
            .file(
                "proc/cgroups",
                "#subsys_name\thierarchy\tnum_cgroups\tenabled\ncpu\t2\t1\t1\nio\t0\t1\t1\nmemory\t3\t1\t0\n",
            );
        assert_eq!(of(&fixture).unwrap(), ["cpu", "hugetlb", "rdma"]);
    }

    #[test]
    fn lines_that_are_cut_are_no_controllers() {
        let fixture = Fixture::new();
        fixture.file("proc/cgroups", "cpu\t2\nmemory\n\u{fffd}\t1\t1\t2\n");
        assert_eq!(of(&fixture), Some(Vec::new()));
        assert_eq!(of(&Fixture::new()), None);
    }
}
