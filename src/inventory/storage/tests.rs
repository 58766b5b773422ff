use super::super::survey::{Part, Status};
use super::*;
use crate::kernel::fixture::Fixture;
use crate::sample::SyncAction;
use crate::units::{BytesPerSecond, Celsius, Ratio};
use std::time::UNIX_EPOCH;
use volume::VolumeKind;

fn read(fixture: &Fixture) -> Part<Storage> {
    let mut survey = Survey::default();
    let facts = Storage::read(&fixture.roots, &mut survey);
    survey.close(UNIX_EPOCH, facts)
}

fn of_machine(name: &str) -> Storage {
    read(&Fixture::of_machine(name)).facts
}

fn file_system<'s>(storage: &'s Storage, point: &str) -> &'s FileSystem {
    storage.file_systems.iter().find(|one| one.mount_point == point).unwrap()
}

#[test]
fn a_server_is_known_from_its_mounts_down_to_its_disks() {
    let storage = of_machine("dual-socket-server");
    let names: Vec<&str> = storage.disks.iter().map(|disk| disk.name.as_str()).collect();
    assert_eq!(names, ["nvme0n1", "sda", "sdb", "sdc", "sdd", "sde"]);
    assert_eq!(storage.capacity, Some(Bytes((7_501_476_528 + 5 * 35_156_656_128) * 512)));
    let plots = file_system(&storage, "/mnt/plots");
    assert_eq!((plots.kind.as_str(), plots.volume.as_deref()), ("xfs", Some("dm-0")));
    assert_eq!(plots.disks, ["sda", "sdb", "sdc", "sdd", "sde"], "through LVM and RAID");
    assert_eq!(file_system(&storage, "/").disks, ["nvme0n1"], "through encryption and a partition");
    let nas = file_system(&storage, "/mnt/nas");
    assert_eq!((nas.kind.as_str(), nas.volume.as_deref(), &nas.disks[..]), ("nfs4", None, &[][..]));
    let kinds: Vec<(&str, VolumeKind)> = storage.volumes.iter().map(|one| (one.name.as_str(), one.kind)).collect();
    let expected = [
        ("dm-0", VolumeKind::Lvm),
        ("dm-1", VolumeKind::Crypt),
        ("md0", VolumeKind::Raid),
        ("nvme0n1p1", VolumeKind::Partition),
        ("nvme0n1p2", VolumeKind::Partition),
    ];
    assert_eq!(kinds, expected, "a loop device that is not set up is not there");
    assert_eq!(storage.volumes[0].label.as_deref(), Some("vg0-plots"));
}

#[test]
fn a_raid_set_is_told_with_its_members() {
    let storage = of_machine("dual-socket-server");
    let [set] = &storage.raid_sets[..] else { panic!("{:?}", storage.raid_sets) };
    assert_eq!((set.level.as_deref(), set.disks, set.degraded), (Some("raid5"), Some(4), Some(1)));
    assert_eq!((set.sync_action, set.sync_progress), (Some(SyncAction::Recover), Some(Ratio(0.25))));
    assert_eq!(set.sync_speed, Some(BytesPerSecond(153_600_000.0)));
    assert_eq!(set.chunk, Some(Bytes(512 << 10)));
    let members: Vec<_> =
        set.members.iter().map(|one| (one.device.as_str(), one.state.as_deref().unwrap(), one.slot)).collect();
    let expected = [
        ("sda", "in_sync", Some(0)),
        ("sdb", "in_sync", Some(1)),
        ("sdc", "in_sync", Some(2)),
        ("sdd", "faulty", None),
        ("sde", "spare", Some(3)),
    ];
    assert_eq!(members, expected);
    assert_eq!(set.members[3].errors, Some(24));
}

#[test]
fn a_disk_is_described_by_what_it_says_of_itself() {
    let storage = of_machine("dual-socket-server");
    let [nvme, sas, ..] = &storage.disks[..] else { panic!("{:?}", storage.disks) };
    assert_eq!((nvme.class, nvme.transport), (Some(Class::Nvme), Some(Transport::Nvme)));
    assert_eq!((nvme.model.as_deref(), nvme.firmware.as_deref()), (Some("WD_BLACK SN850X 4000GB"), Some("620311WD")));
    assert_eq!((nvme.wwn.as_deref(), nvme.numa_node), (Some("eui.e8238fa6bf530001001b448b4a1c2d3e"), Some(1)));
    assert_eq!((nvme.temperature, nvme.discard, nvme.rotational), (Some(Celsius(52.85)), Some(true), Some(false)));
    assert_eq!((nvme.scheduler.as_deref(), nvme.queue_requests), (Some("none"), Some(1023)));
    assert_eq!(nvme.schedulers, ["none", "mq-deadline", "kyber", "bfq"]);
    assert_eq!((sas.class, sas.transport), (Some(Class::Hdd), Some(Transport::Sas)));
    assert_eq!((sas.vendor.as_deref(), sas.queue_depth), (Some("SEAGATE"), Some(64)));
    assert_eq!((sas.write_cache.as_deref(), sas.read_ahead), (Some("write back"), Some(Bytes(128 << 10))));
    assert_eq!((sas.temperature, sas.numa_node, sas.wear), (Some(Celsius(41.0)), None, None));
    assert_eq!(storage.disks[4].temperature, None, "a disk without a sensor has no temperature");
}

#[test]
fn a_desktop_has_disks_of_each_kind() {
    let storage = of_machine("desktop");
    let kinds: Vec<_> = storage.disks.iter().map(|disk| (disk.class.unwrap(), disk.transport.unwrap())).collect();
    let expected = [(Class::Nvme, Transport::Nvme), (Class::Ssd, Transport::Sata), (Class::Hdd, Transport::Usb)];
    assert_eq!(kinds, expected);
    let sata = &storage.disks[1];
    assert_eq!((sata.vendor.as_deref(), sata.serial.as_deref()), (None, Some("S6PUNL0T412345A")));
    let farm = file_system(&storage, "/mnt/farm one");
    assert_eq!((farm.volume.as_deref(), &farm.disks[..]), (Some("sdb1"), &["sdb".to_owned()][..]), "btrfs by its path");
    let image = storage.volumes.iter().find(|volume| volume.kind == VolumeKind::Loop).unwrap();
    assert_eq!((&image.lies_on[..], &image.disks[..]), (&["nvme0n1p2".to_owned()][..], &["nvme0n1".to_owned()][..]));
}

#[test]
fn a_board_tells_how_worn_its_memory_is() {
    let storage = of_machine("arm-board");
    let [card] = &storage.disks[..] else { panic!("{:?}", storage.disks) };
    assert_eq!((card.class, card.transport), (Some(Class::Flash), Some(Transport::Mmc)));
    assert_eq!((card.model.as_deref(), card.wear), (Some("BJTD4R"), Some(Ratio(0.3))));
}

#[test]
fn a_container_knows_its_mounts_and_no_disks() {
    let part = read(&Fixture::of_machine("container"));
    let points: Vec<_> = part.facts.file_systems.iter().map(|one| one.mount_point.as_str()).collect();
    assert_eq!(points, ["/", "/dev/shm", "/plots"]);
    assert_eq!((part.facts.disks.len(), part.facts.capacity), (0, None));
    let json = serde_json::to_value(&part.facts).unwrap();
    assert!(json["file_systems"][2]["size_bytes"].is_null(), "what did not answer is unknown, not 0");
}

/// Linux takes any bytes in a path but `/` and the end; JSON and YAML do not.
#[test]
fn a_mount_point_that_is_no_text_is_shown_and_spoils_no_other_fact() {
    let fixture = Fixture::of_machine("container");
    let table = fixture.path("proc/self/mountinfo");
    let mut mounts = std::fs::read(&table).unwrap();
    mounts.extend_from_slice(
        b"990 1 0:77 / /mnt/pl\xe4tze rw - nfs4 nas:/a rw\n991 1 0:77 /b /mnt/\xff rw - nfs4 nas:/a rw\n",
    );
    std::fs::write(&table, mounts).unwrap();
    let storage = read(&fixture).facts;
    let found = file_system(&storage, "/mnt/pl\u{fffd}tze");
    assert_eq!(found.also_mounted_at, ["/mnt/\u{fffd}"]);
    let json = serde_json::to_value(&storage).unwrap();
    assert_eq!(json["file_systems"].as_array().unwrap().len(), 4, "{json}");
    serde_yaml::to_string(&storage).unwrap();
}

#[test]
fn an_old_kernel_leaves_facts_out_and_nothing_is_made_up() {
    let storage = of_machine("old-kernel");
    let [disk] = &storage.disks[..] else { panic!("{:?}", storage.disks) };
    assert_eq!((disk.class, disk.scheduler.as_deref()), (Some(Class::Hdd), Some("cfq")));
    assert_eq!((disk.write_cache.as_deref(), disk.wwn.as_deref(), disk.temperature), (None, None, None));
}

#[test]
fn hostile_files_make_facts_unknown_and_are_named() {
    let fixture = Fixture::new();
    fixture
        .file("proc/self/mountinfo", [0xff, 0x00, b'\n'])
        .file("sys/block/sda/device/model", [0xff, 0xfe])
        .file("sys/block/sda/device/vpd_pg80", [0, 0x80, 0xff, 0xff, b'x'])
        .file("sys/block/sda/device/life_time", "0xff 0x01\n")
        .file("sys/block/sda/device/hwmon/hwmon0/temp1_input", "warm\n")
        .file("sys/block/sda/size", "18446744073709551615\n")
        .file("sys/block/sda/queue/nr_requests", "-1\n")
        .file("sys/block/sda/queue/scheduler", "x".repeat(5 << 20))
        .file("sys/block/dm-0/slaves/dm-0/x", "")
        .file("sys/block/dm-0/dm/uuid", "LVM\n")
        .file("sys/block/dm-0/size", "8\n");
    let part = read(&fixture);
    let disk = &part.facts.disks[0];
    assert_eq!((disk.size, disk.queue_requests, disk.scheduler.as_deref()), (None, None, None));
    assert_eq!((disk.wear, disk.temperature, disk.serial.as_deref()), (None, None, None));
    assert_eq!(part.facts.volumes[0].disks, [""; 0], "a circle ends");
    assert!(part.problems.iter().any(|problem| problem.contains("nr_requests")), "{:?}", part.problems);
    assert!(part.confidence.unwrap().0 < 0.5);
}

#[test]
fn a_machine_without_files_has_nothing() {
    let part = read(&Fixture::new());
    assert_eq!(part.status, Status::Failed, "there is no mount table");
    assert_eq!(part.facts.disks.len() + part.facts.volumes.len() + part.facts.file_systems.len(), 0);
}
