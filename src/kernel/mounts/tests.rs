use super::*;

const TABLE: &str = "\
22 27 0:21 / /proc rw,relatime - proc proc rw
24 27 0:6 / /dev rw,relatime - devtmpfs devtmpfs rw,size=12334556k,mode=755
25 24 0:23 / /dev/shm rw,relatime - tmpfs tmpfs rw,size=24684100k
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
30 25 0:27 / /dev/shm rw,relatime - tmpfs tmpfs rw
31 27 0:28 / /run rw shared:5 - tmpfs tmpfs rw,mode=755
32 27 0:41 / /mnt/ram\\040disk rw,noatime shared:6 master:2 - tmpfs tmpfs rw,size=8g
33 27 254:0 /srv /srv/again rw,relatime - ext4 /dev/vda rw,discard
34 27 0:51 / /mnt/plots ro,relatime - nfs4 nas:/plots rw,vers=4.2,hard
35 27 7:3 / /snap/core/1 ro,nodev - squashfs /dev/loop3 ro
36 27 0:60 / /mnt/pool rw - fuse.mergerfs 1:2 rw,allow_other
37 27 0:61 / /home/u/.gvfs rw - fuse.gvfsd-fuse gvfsd rw
38 27 0:4 net:[4026532178] /run/netns/x rw shared:2 - nsfs nsfs rw
39 27 0:45 / /var/lib/docker/overlay2/1/merged rw - overlay overlay rw,lowerdir=/x
40 27 0:46 / /net rw - autofs systemd-1 rw,fd=31
41 27 0:47 /@home /home rw - btrfs /dev/mapper/root ro,subvol=/@home
42 27 0:48 / /mnt/zfs rw - zfs tank/plots rw,xattr
";

fn points(table: &str) -> Vec<String> {
    DataMounts::parse(table.as_bytes()).mounts.iter().map(|mount| mount.point.display().to_string()).collect()
}

#[test]
fn places_for_data_are_told_once_and_everything_else_is_not() {
    let expected = ["/", "/dev/shm", "/mnt/ram disk", "/mnt/plots", "/mnt/pool", "/home", "/mnt/zfs"];
    assert_eq!(points(TABLE), expected);
    let found = DataMounts::parse(TABLE.as_bytes());
    let [root, shm, .., home, _] = &found.mounts[..] else { panic!("{found:?}") };
    assert_eq!(
        (root.kind.as_str(), root.source.as_str(), root.number.to_string()),
        ("ext4", "/dev/vda", "254:0".into())
    );
    assert_eq!((root.options.as_str(), &root.also[..]), ("rw,relatime,discard", &[PathBuf::from("/srv/again")][..]));
    assert_eq!((shm.id, found.left_out), (30, 0), "the later one covers the earlier one");
    assert!(home.is_read_only() && !root.is_read_only(), "a file system that went read-only is read-only");
    let remote: Vec<_> = found.mounts.iter().filter(|mount| mount.is_remote()).map(|mount| &mount.kind).collect();
    assert_eq!(remote, ["nfs4", "fuse.mergerfs"]);
}

#[test]
fn what_a_later_mount_covers_is_left_out_with_all_below_it() {
    let table = "\
27 1 8:1 / / rw - ext4 /dev/sda1 rw
28 27 8:2 / /mnt/a rw - ext4 /dev/sda2 rw
29 28 8:3 / /mnt/a/b rw - ext4 /dev/sda3 rw
30 27 8:4 / /mnt rw - xfs /dev/sda4 rw
31 30 8:5 / /mnt/a rw - xfs /dev/sda5 rw
";
    assert_eq!(points(table), ["/", "/mnt", "/mnt/a"]);
    let sources: Vec<String> =
        DataMounts::parse(table.as_bytes()).mounts.into_iter().map(|mount| mount.source).collect();
    assert_eq!(sources, ["/dev/sda1", "/dev/sda4", "/dev/sda5"]);
}

#[test]
fn the_whole_is_told_before_a_part_and_the_short_path_before_the_long_one() {
    let bind = "\
27 1 0:9 / / rw - overlay overlay rw
28 27 8:1 /docker/hosts /etc/hosts rw - ext4 /dev/sda1 rw
29 27 8:1 / /var/lib/volumes/plots rw - ext4 /dev/sda1 rw
30 27 8:1 /x /a rw - ext4 /dev/sda1 rw
";
    let found = DataMounts::parse(bind.as_bytes());
    assert_eq!(points(bind), ["/", "/var/lib/volumes/plots"]);
    assert_eq!(found.mounts[1].also, ["/a", "/etc/hosts"].map(PathBuf::from));
}

#[test]
fn there_is_a_bound_on_what_is_told() {
    let table: Vec<_> = (0..MOST + 7).map(|n| format!("{n} 1 8:{n} / /mnt/{n} rw - ext4 /dev/x rw\n")).collect();
    let found = DataMounts::parse(table.concat().as_bytes());
    assert_eq!((found.mounts.len(), found.left_out), (MOST, 7));
    let binds: Vec<_> = (0..100).map(|n| format!("{n} 1 8:1 / /mnt/{n} rw - ext4 /dev/x rw\n")).collect();
    assert_eq!(DataMounts::parse(binds.concat().as_bytes()).mounts[0].also.len(), MOST_POINTS);
}

#[test]
fn hostile_lines_are_passed_over() {
    let bad: [&[u8]; 9] = [
        b"",
        b"1 2 3",
        b"1 2 8:1 / /x rw",
        b"1 2 8:1 / /x rw -",
        b"x 2 8:1 / /x rw - ext4 /dev/x rw",
        b"1 2 81 / /x rw - ext4 /dev/x rw",
        b"1 2 8:99999999999 / /x rw - ext4 /dev/x rw",
        b"99999999999 2 8:1 / /x rw - ext4 /dev/x rw",
        b"\xff\xfe\x00",
    ];
    for line in bad {
        assert_eq!(DataMounts::parse(line).mounts, [], "{line:?}");
    }
    let odd = DataMounts::parse(b"1 2 8:1 / /\\303\\\\9\xff\\04 rw - ext4 rw\n").mounts;
    let [mount] = &odd[..] else { panic!("{odd:?}") };
    assert_eq!(mount.point.as_os_str().as_encoded_bytes(), b"/\xc3\\\\9\xff\\04");
    assert_eq!((mount.source.as_str(), mount.options.as_str()), ("", "rw"));
    // A mount that is its own parent must not be covered by itself.
    assert_eq!(points("5 5 8:1 / / rw - ext4 /dev/x rw\n"), ["/"]);
}

#[test]
fn a_path_lies_in_the_file_system_with_the_longest_point_above_it() {
    let mounts = DataMounts::parse(TABLE.as_bytes()).mounts;
    let kind = |path: &str| mount_of(&mounts, path.as_ref()).map(|mount| mount.kind.as_str());
    assert_eq!(
        (kind("/mnt/plots/a.plot"), kind("/mnt/plotsx"), kind("/srv/again/x")),
        (Some("nfs4"), Some("ext4"), Some("ext4"))
    );
    assert_eq!(mount_of(&[], "/".as_ref()), None);
}
