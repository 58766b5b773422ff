//! Disks, volumes and file systems as `lsblk`, `df`, `findmnt` and `losetup` see them.

use std::path::{Path, PathBuf};
use std::process::Command;

use plotwarden::kernel::disk_speed;
use plotwarden::units::Bytes;
use serde_json::Value;
use tempfile::TempDir;

use super::{discovered, tool};

fn json(name: &str, arguments: &[&str]) -> Option<Value> {
    serde_json::from_str(&tool(name, arguments)?).ok()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn named<'v>(all: &'v Value, key: &str, name: &str) -> Option<&'v Value> {
    list(all).iter().find(|one| one[key] == name)
}

/// Loop devices come and go with other tests; disks do not.
#[test]
fn disks_are_as_lsblk_has_them() {
    let Some(theirs) = json("lsblk", &["--json", "-b", "-O"]) else { return };
    let ours = discovered(&[]);
    let mut compared = 0;
    for their in list(&theirs["blockdevices"]) {
        let name = their["name"].as_str().unwrap();
        if their["type"] != "disk" || their["size"] == 0 || !Path::new("/sys/block").join(name).join("device").exists()
        {
            continue;
        }
        let our = named(&ours["storage"]["disks"], "name", name).unwrap_or_else(|| panic!("{name} is not known"));
        for (our_key, their_key) in [
            ("size_bytes", "size"),
            ("rotational", "rota"),
            ("removable", "rm"),
            ("read_only", "ro"),
            ("logical_block_bytes", "log-sec"),
            ("physical_block_bytes", "phy-sec"),
            ("scheduler", "sched"),
            ("queue_requests", "rq-size"),
            ("transport", "tran"),
            ("model", "model"),
            ("firmware", "rev"),
        ] {
            // lsblk takes the transport and some models from udev, which need not run.
            if !their[their_key].is_null() {
                assert_eq!(our[our_key], their[their_key], "{our_key} of {name}");
            }
        }
        assert_eq!(our["read_ahead_bytes"].as_u64().unwrap(), their["ra"].as_u64().unwrap() * 1024, "{name}");
        assert_eq!(our["discard"].as_bool().unwrap(), their["disc-max"].as_u64().unwrap() > 0, "{name}");
        for part in list(&their["children"]).iter().filter(|child| child["type"] == "part") {
            let volume = named(&ours["storage"]["volumes"], "name", part["name"].as_str().unwrap()).unwrap();
            assert_eq!((&volume["size_bytes"], &volume["disks"][0]), (&part["size"], &their["name"]));
        }
        compared += 1;
    }
    println!("{compared} disks compared");
}

#[test]
fn file_systems_are_as_df_and_findmnt_have_them() {
    let columns = "--output=source,fstype,itotal,size,avail,target";
    let Some(theirs) = tool("df", &["-a", "-B1", columns, "--local"]) else { return };
    let ours = discovered(&[]);
    let mut compared = 0;
    for line in theirs.lines().skip(1) {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let [source, kind, inodes, size, available, target] = fields[..] else { continue };
        // Other tests mount and unmount meanwhile.
        let Some(our) = named(&ours["storage"]["file_systems"], "mount_point", target) else { continue };
        if our["size_bytes"].is_null() {
            continue;
        }
        assert_eq!((our["device"].as_str(), our["type"].as_str()), (Some(source), Some(kind)), "{target}");
        assert_eq!(our["size_bytes"].as_u64(), size.parse().ok(), "{target}");
        assert_eq!(our["files"].as_u64(), inodes.parse().ok(), "{target}");
        // Whoever else writes here may do so between the two looks.
        let (one, other) = (our["available_bytes"].as_u64().unwrap(), available.parse::<u64>().unwrap());
        assert!(one.abs_diff(other) < 4 << 30, "{target}: {one} and {other}");
        compared += 1;
    }
    assert!(compared > 0, "the root at least");
    println!("{compared} file systems compared");

    let Some(table) = json("findmnt", &["--json", "--list", "--real", "-o", "TARGET,SOURCE,FSTYPE,OPTIONS"]) else {
        return;
    };
    let root = named(&table["filesystems"], "target", "/").unwrap();
    let our = named(&ours["storage"]["file_systems"], "mount_point", "/").unwrap();
    let words = |options: &Value| {
        let mut words: Vec<String> = options.as_str().unwrap().split(',').map(str::to_owned).collect();
        words.sort();
        words
    };
    assert_eq!(words(&our["options"]), words(&root["options"]));
}

/// A file system on a loop device on a file, which is taken away again.
struct LoopDisk {
    folder: TempDir,
    device: String,
}

impl LoopDisk {
    const SIZE: u64 = 32 << 20;

    fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::File::create(folder.path().join("disk")).unwrap().set_len(Self::SIZE).unwrap();
        std::fs::create_dir(folder.path().join("mnt")).unwrap();
        let file = folder.path().join("disk");
        let device = tool("losetup", &["--find", "--show", file.to_str()?])?.trim().to_owned();
        let disk = Self { folder, device };
        tool("mkfs.ext4", &["-q", "-F", &disk.device])?;
        tool("mount", &["-o", "ro", &disk.device, disk.mount_point().to_str()?])?;
        Some(disk)
    }

    fn mount_point(&self) -> PathBuf {
        self.folder.path().join("mnt")
    }
}

impl Drop for LoopDisk {
    fn drop(&mut self) {
        drop(Command::new("umount").arg(self.mount_point()).stderr(std::process::Stdio::null()).status());
        drop(Command::new("losetup").args(["-d", &self.device]).status());
    }
}

#[test]
fn a_loop_device_is_known_down_to_the_disk_that_its_file_lies_on() {
    let Some(disk) = LoopDisk::new() else { return };
    let ours = discovered(&[]);
    let storage = &ours["storage"];
    let name = disk.device.strip_prefix("/dev/").unwrap();
    let volume = named(&storage["volumes"], "name", name).unwrap();
    assert_eq!((volume["kind"].as_str(), volume["size_bytes"].as_u64()), (Some("loop"), Some(LoopDisk::SIZE)));
    assert_eq!(volume["backing_file"].as_str(), disk.folder.path().join("disk").to_str());
    let mounted = named(&storage["file_systems"], "mount_point", disk.mount_point().to_str().unwrap()).unwrap();
    assert_eq!((mounted["read_only"].as_bool(), mounted["volume"].as_str()), (Some(true), Some(name)));
    let size = mounted["size_bytes"].as_u64().unwrap();
    assert!(size > LoopDisk::SIZE / 2 && size < LoopDisk::SIZE, "{size}");
    let speed = disk_speed::measure(disk.device.as_ref(), Bytes(LoopDisk::SIZE)).unwrap();
    assert!(speed.sequential.0 > 1e5 && speed.median <= speed.p99, "{speed:?}");
    println!("{name}: {speed:?}");
    // Whatever holds the temporary folder holds the loop device.
    let temp = tool("findmnt", &["-n", "-o", "SOURCE", "--target", disk.folder.path().to_str().unwrap()]).unwrap();
    if named(&storage["disks"], "name", temp.trim().trim_start_matches("/dev/")).is_some() {
        assert_eq!(list(&volume["disks"]), [Value::from(temp.trim().trim_start_matches("/dev/"))]);
        assert_eq!(mounted["disks"], volume["disks"]);
    }
}

#[test]
fn a_disk_is_measured_on_request_and_only_then() {
    let measured = |inventory: &Value| -> Vec<Value> {
        list(&inventory["storage"]["disks"]).iter().map(|disk| disk["measured"].clone()).collect()
    };
    assert!(measured(&discovered(&[])).iter().all(Value::is_null));
    let inventory = discovered(&["--measure", "storage"]);
    let problems = inventory["storage"]["problems"].to_string();
    for (disk, speed) in list(&inventory["storage"]["disks"]).iter().zip(measured(&inventory)) {
        println!("{}: {speed}", disk["name"]);
        let is_explained = problems.contains(&format!("the speed of {}", disk["name"].as_str().unwrap()));
        assert_eq!(speed.is_null(), is_explained, "{problems}");
        if !speed.is_null() {
            assert!(speed["sequential_read_bytes_per_second"].as_f64().unwrap() > 1e5);
            assert!(speed["random_read_median_seconds"].as_f64() <= speed["random_read_p99_seconds"].as_f64());
        }
    }
}
