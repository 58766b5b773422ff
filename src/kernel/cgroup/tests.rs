use super::super::fixture::Fixture;
use super::*;

const UNIFIED: &str = "29 22 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
const BESIDE: &str = "41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw";
const VERSION_1: &str = "32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu";
const PART: &str = "50 31 0:38 /docker/x /mnt/my\\040group rw - cgroup2 cgroup2 rw";
const OTHER: &str = "22 27 0:21 / /proc rw,relatime - proc proc rw";

fn mounts(lines: &[&str]) -> Mounts {
    Mounts::parse(lines.join("\n").as_bytes(), "/sys/fs/cgroup".as_ref())
}

#[test]
fn tells_how_groups_are_mounted() {
    let table: [(&[&str], CgroupMode, Option<&str>); 6] = [
        (&[OTHER, UNIFIED], CgroupMode::Unified, Some("/sys/fs/cgroup")),
        (&[UNIFIED, VERSION_1], CgroupMode::Unified, Some("/sys/fs/cgroup")),
        (&[VERSION_1, BESIDE], CgroupMode::Hybrid, Some("/sys/fs/cgroup/unified")),
        (&[PART, BESIDE], CgroupMode::Unified, Some("/sys/fs/cgroup/unified")),
        (&[VERSION_1, OTHER], CgroupMode::Legacy, None),
        (&[OTHER, "garbage", "", "1 2 3 - \u{fffd}"], CgroupMode::None, None),
    ];
    for (lines, mode, unified) in table {
        let mounts = mounts(lines);
        assert_eq!((mounts.mode, mounts.unified), (mode, unified.map(PathBuf::from)), "{lines:?}");
    }
}

#[test]
fn a_group_lies_below_the_mount_as_far_as_the_mount_reaches() {
    let part = mounts(&[PART]);
    assert_eq!(part.directory("/docker/x/job".as_ref()), Some("/mnt/my group/job".into()));
    assert_eq!(part.directory("/docker/y".as_ref()), None);
    assert_eq!(mounts(&[UNIFIED]).directory("/a/b".as_ref()), Some("/sys/fs/cgroup/a/b".into()));
    assert_eq!(mounts(&[VERSION_1]).directory("/a".as_ref()), None);
}

#[test]
fn a_given_tree_is_taken_as_it_is() {
    let fixture = Fixture::new();
    let mut roots = fixture.roots.clone();
    assert!(Mounts::read(&roots).unwrap_err().is_gone());
    roots.cgroupfs = Some(fixture.path("cgroup"));
    let mounts = Mounts::read(&roots).unwrap();
    assert_eq!((mounts.mode, mounts.directory("/a".as_ref())), (CgroupMode::Unified, Some(fixture.path("cgroup/a"))));
}

#[test]
fn a_process_is_in_one_group_of_the_tree_or_none() {
    let fixture = Fixture::new();
    let group = |contents: &str| {
        fixture.file("proc/7/cgroup", contents);
        group_of(&fixture.roots, 7).unwrap()
    };
    assert_eq!(group("9:name=systemd:/x\n0::/user.slice/a b\n"), Some("/user.slice/a b".into()));
    assert_eq!(group("4:memory:/x\n"), None);
    assert_eq!(group("0::/job (deleted)\n"), None);
    assert!(group_of(&fixture.roots, 8).unwrap_err().is_gone());
}

#[test]
fn events_and_members_are_read_or_said_to_be_malformed() {
    let fixture = Fixture::new();
    let directory = fixture.path("cgroup/job");
    assert!(events(&directory).unwrap_err().is_gone());
    fixture.file("cgroup/job/cgroup.events", "populated 1\nfrozen 0\n").file("cgroup/job/cgroup.procs", "12\n0\n13\n");
    assert_eq!(events(&directory).unwrap(), Events { populated: true, frozen: Some(false) });
    assert_eq!(members(&directory).unwrap(), [12, 13]);
    fixture.file("cgroup/job/cgroup.events", "populated 1\n");
    assert_eq!(events(&directory).unwrap().frozen, None);
    for bad in ["", "frozen 1\n", "populated yes\n", "populated 1\nfrozen 2\n"] {
        fixture.file("cgroup/job/cgroup.events", bad);
        assert!(matches!(events(&directory), Err(KernelError::Malformed { .. })), "{bad:?}");
    }
    fixture.file("cgroup/job/cgroup.procs", "12\nx\n");
    assert!(matches!(members(&directory), Err(KernelError::Malformed { .. })));
}

#[test]
fn this_process_is_a_member_of_its_own_group() {
    let roots = Roots::standard();
    let mounts = Mounts::read(&roots).unwrap();
    let us = std::process::id().cast_signed();
    let Some(directory) = group_of(&roots, us).unwrap().and_then(|group| mounts.directory(&group)) else {
        assert!(mounts.unified.is_none(), "a cgroup2 tree that this process is not in");
        return;
    };
    assert!(members(&directory).unwrap().contains(&us));
    assert!(inode(&directory).unwrap() > 0);
}
