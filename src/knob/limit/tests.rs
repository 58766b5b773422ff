use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;

use super::*;
use crate::claim::{Keyed, Part};
use crate::inventory::CapabilityState;
use crate::kernel::fixture::Fixture;
use crate::plotter::JobId;

const GROUP: &str = "/plotwarden/job";

/// A group as Linux 6 shows it right after it was made, on a machine with four CPUs and two disks.
struct Tree4 {
    fixture: Fixture,
}

const FRESH: &[(&str, &str)] = &[
    ("cpu.weight", "100"),
    ("cpu.max", "max 100000"),
    ("cpu.idle", "0"),
    ("cpuset.cpus", ""),
    ("cpuset.mems", ""),
    ("memory.low", "0"),
    ("memory.high", "max"),
    ("memory.max", "max"),
    ("memory.swap.max", "max"),
    ("memory.current", "1000000000"),
    (
        "memory.stat",
        "anon 600000000\nfile 400000000\ninactive_file 200000000\nactive_file 90000000\nslab_reclaimable 10000000",
    ),
    ("io.weight", "default 100"),
    ("io.max", ""),
    ("io.latency", ""),
    ("pids.max", "max"),
    ("pids.current", "12"),
    ("cgroup.procs", "7"),
    ("cgroup.controllers", "cpuset cpu io memory pids"),
];

impl Tree4 {
    fn new() -> Self {
        let fixture = Fixture::new();
        fixture.file("cgroup/cgroup.controllers", "cpuset cpu io memory hugetlb pids\n");
        for (file, text) in FRESH {
            fixture.file(&format!("cgroup{GROUP}/{file}"), format!("{text}\n"));
        }
        fixture.file("cgroup/plotwarden/cgroup.controllers", "cpuset cpu io memory pids\n");
        for file in ["io.weight", "io.max", "io.latency", "memory.max", "cpu.max", "cpuset.cpus", "cpuset.mems"] {
            fs::copy(
                fixture.path(&format!("cgroup{GROUP}/{file}")),
                fixture.path(&format!("cgroup/plotwarden/{file}")),
            )
            .unwrap();
        }
        fixture.file("sys/devices/system/cpu/online", "0-3\n").file("sys/devices/system/node/has_memory", "0-1\n");
        for (disk, number) in [("sda", "8:0"), ("sdb", "8:16")] {
            fixture.file(&format!("sys/block/{disk}/dev"), format!("{number}\n"));
            fixture.file(&format!("sys/block/{disk}/diskseq"), "9\n");
            fixture.link(&format!("sys/dev/block/{number}"), &format!("../../block/{disk}"));
        }
        fixture.file("proc/swaps", "Filename Type Size Used Priority\n/dev/zram0 partition 1 0 -2\n");
        fixture.file("proc/7/status", "Name:\tchia_plot\nRssAnon:\t  500000 kB\n");
        Self { fixture }
    }

    fn knob(&self, kind: KnobKind) -> LimitKnob {
        let tree = Some(Tree::new(&self.fixture.path("cgroup")));
        LimitKnob { limit: limit(kind).unwrap(), roots: self.fixture.roots.clone(), tree, timely: Timely::default() }
    }

    fn unit(&self) -> Unit {
        let inode = fs::metadata(self.fixture.path(&format!("cgroup{GROUP}"))).unwrap().ino();
        Unit::Group { path: GROUP.to_owned(), inode }
    }

    fn set(&self, file: &str, text: &str) {
        self.fixture.file(&format!("cgroup{GROUP}/{file}"), format!("{text}\n"));
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.fixture.path(&format!("cgroup{GROUP}/{file}"))).unwrap()
    }

    /// What is written for a setting. A file takes a write over what is in it, a kernel's file does not: so it is emptied first.
    fn written(&self, setting: &Setting) -> Result<String, KnobError> {
        let knob = self.knob(setting.kind());
        let value = knob.normalise(&Target::Job(JobId::from("job")), setting)?;
        if !knob.limit.form.is_weight() {
            self.fixture.file(&format!("cgroup{GROUP}/{}", knob.limit.file()), "");
        }
        knob.write(&self.unit(), &value)?;
        Ok(self.text(knob.limit.file()))
    }
}

fn number(kind: KnobKind, number: u64) -> Setting {
    Setting::Number(kind, number)
}

fn by_disk(kind: KnobKind, limits: &[(&str, &str, u64)]) -> Setting {
    let mut keyed = Keyed::new();
    for (disk, key, number) in limits {
        keyed.entry((*disk).to_owned()).or_default().insert((*key).to_owned(), *number);
    }
    Setting::Keyed(kind, keyed)
}

#[test]
fn each_is_read_as_the_kernel_shows_it() {
    let tree = Tree4::new();
    let none = || Value::Keyed(Lines::new());
    for (kind, value) in [
        (KnobKind::CpuWeight, Value::Number(100)),
        (KnobKind::CpuQuota, Value::Number(Setting::NO_LIMIT)),
        (KnobKind::CpuIdle, Value::Number(0)),
        (KnobKind::CpuSet, Value::Set([].into())),
        (KnobKind::NodeSet, Value::Set([].into())),
        (KnobKind::MemoryLow, Value::Number(0)),
        (KnobKind::MemoryMax, Value::Number(Setting::NO_LIMIT)),
        (KnobKind::IoMax, none()),
        (KnobKind::IoLatency, none()),
        (KnobKind::PidsMax, Value::Number(Setting::NO_LIMIT)),
    ] {
        assert_eq!(tree.knob(kind).read(&tree.unit()).unwrap(), value, "{}", kind.name());
    }
    tree.set("cpu.max", "20000 50000");
    let other_period = tree.knob(KnobKind::CpuQuota).read(&tree.unit()).unwrap();
    assert_eq!(other_period, Value::Word("20000 50000".to_owned()));
    assert_eq!(tree.knob(KnobKind::CpuQuota).limit.form.text(&other_period).as_deref(), Some("20000 50000"));
}

#[test]
fn each_is_written_in_one_piece() {
    let tree = Tree4::new();
    let set = |kind| Setting::Set(kind, [0, 1, 3, 9].into());
    for (setting, text) in [
        (number(KnobKind::CpuWeight, 50), "50"),
        (number(KnobKind::CpuWeight, 1 << 40), "10000"),
        (number(KnobKind::CpuQuota, 150_000), "150000 100000"),
        (number(KnobKind::CpuQuota, Setting::NO_LIMIT), "max 100000"),
        (number(KnobKind::CpuIdle, 1), "1"),
        (set(KnobKind::CpuSet), "0-1,3\n"),
        (set(KnobKind::NodeSet), "0-1\n"),
        (number(KnobKind::MemoryLow, 1 << 30), "1073741824"),
        (number(KnobKind::MemoryHigh, (1 << 30) + 1), "1073741824"),
        (number(KnobKind::MemoryMax, Setting::NO_LIMIT), "max"),
        (number(KnobKind::SwapMax, 0), "0"),
        (number(KnobKind::PidsMax, 64), "64"),
        (number(KnobKind::IoWeight, 500), "default 500\n"),
        (by_disk(KnobKind::IoLatency, &[("sda", "target", 5000)]), "8:0 target=5000"),
        (
            by_disk(KnobKind::IoMax, &[("sda", "rbps", 1 << 20), ("sda", "wiops", 100)]),
            "8:0 rbps=1048576 wbps=max riops=max wiops=100",
        ),
    ] {
        let name = setting.kind().name();
        assert_eq!(tree.written(&setting).unwrap(), text, "{name}");
    }
    assert_eq!(tree.knob(KnobKind::CpuSet).limit.form.text(&Value::Set([].into())).as_deref(), Some("\n"));
}

#[test]
fn a_job_keeps_a_twentieth_of_the_machine() {
    let tree = Tree4::new();
    assert_eq!(tree.written(&number(KnobKind::CpuQuota, 1)).unwrap(), "20000 100000");
}

#[test]
fn a_set_with_nothing_in_it_is_refused() {
    let tree = Tree4::new();
    for kind in [KnobKind::CpuSet, KnobKind::NodeSet] {
        let refused = tree.written(&Setting::Set(kind, [8, 9].into())).unwrap_err().to_string();
        assert!(refused.contains("of 8-9 would be empty: there is 0-"), "{refused}");
    }
}

/// A group with processes in it takes no empty set (ENOSPC).
#[test]
fn the_set_of_all_is_no_set() {
    let tree = Tree4::new();
    tree.fixture.file("sys/devices/system/cpu/possible", "0-7\n");
    let rounds = |found: BTreeSet<u32>| tree.knob(KnobKind::CpuSet).rounds(&Value::Set([].into()), &Value::Set(found));
    assert!(rounds((0..8).collect()));
    assert!(!rounds((0..4).collect()));
}

#[test]
fn memory_that_is_in_use_is_not_taken_away() {
    let tree = Tree4::new();
    let refused = tree.written(&number(KnobKind::MemoryMax, 690_000_000)).unwrap_err().to_string();
    assert!(refused.starts_with("the job holds 1000000000 bytes, of which 300000000 can be reclaimed"), "{refused}");
    assert_eq!(tree.text("memory.max"), "", "nothing was written");
    assert_eq!(tree.written(&number(KnobKind::MemoryMax, 716_800_000)).unwrap(), "716800000");
}

#[test]
fn a_job_that_could_only_stall_is_not_held_at_memory_high() {
    let tree = Tree4::new();
    let high = || number(KnobKind::MemoryHigh, 1 << 29);
    let all_anonymous = "anon 500000000\ninactive_file 1000000\nactive_file 0\nslab_reclaimable 0";
    tree.set("memory.stat", all_anonymous);
    tree.written(&high()).unwrap();
    tree.set("memory.swap.max", "0");
    let refused = tree.written(&high()).unwrap_err().to_string();
    assert!(refused.starts_with("512000000 bytes of the job are anonymous, 1000000 can be reclaimed"), "{refused}");
    tree.set("memory.swap.max", "max");
    tree.fixture.file("proc/swaps", "Filename Type Size Used Priority\n");
    tree.written(&high()).unwrap_err();
    tree.set("memory.stat", FRESH.iter().find(|(file, _)| *file == "memory.stat").unwrap().1);
    tree.written(&high()).unwrap();
    tree.set("memory.stat", all_anonymous);
    tree.written(&number(KnobKind::MemoryHigh, Setting::NO_LIMIT)).unwrap();
}

#[test]
fn a_job_is_not_kept_from_the_threads_that_it_has() {
    let refused = Tree4::new().written(&number(KnobKind::PidsMax, 11)).unwrap_err().to_string();
    assert_eq!(refused, "the job has 12 tasks: with 11 its next one would fail");
}

#[test]
fn what_is_missing_or_malformed_is_said_with_the_file() {
    for (kind, bad) in [
        (KnobKind::CpuWeight, "heavy"),
        (KnobKind::CpuQuota, "max"),
        (KnobKind::CpuSet, "all"),
        (KnobKind::MemoryMax, "-1"),
        (KnobKind::IoWeight, "default"),
        (KnobKind::IoMax, "8:0 rbps"),
        (KnobKind::PidsMax, ""),
    ] {
        let tree = Tree4::new();
        let knob = tree.knob(kind);
        tree.set(knob.limit.file(), bad);
        let malformed = knob.read(&tree.unit()).unwrap_err();
        let start = format!("{} of group {GROUP} says ", knob.limit.file());
        assert!(malformed.to_string().starts_with(&start) && !malformed.is_gone(), "{malformed}");
        fs::remove_file(tree.fixture.path(&format!("cgroup{GROUP}/{}", knob.limit.file()))).unwrap();
        assert!(knob.read(&tree.unit()).unwrap_err().is_gone(), "the limit went with its file");
        let Unit::Group { path, inode } = tree.unit() else { panic!() };
        let missing = knob.units(&Scope { group: Some((path, inode)), ..Scope::default() }).unwrap_err();
        assert!(missing.to_string().contains(" is not handed down to it"), "{missing}");
        fs::remove_dir_all(tree.fixture.path("cgroup/plotwarden")).unwrap();
        assert!(knob.read(&Unit::Group { path: GROUP.to_owned(), inode: 1 }).unwrap_err().is_gone());
    }
}

#[test]
fn a_group_made_again_under_the_same_path_is_another_one() {
    let tree = Tree4::new();
    let Unit::Group { path, inode } = tree.unit() else { panic!() };
    let before = Unit::Group { path, inode: inode + 1 };
    assert!(tree.knob(KnobKind::CpuWeight).write(&before, &Value::Number(1)).unwrap_err().is_gone());
    assert_eq!(tree.text("cpu.weight"), "100\n");
}

#[test]
fn limits_are_those_of_a_disk_and_not_of_its_number() {
    let tree = Tree4::new();
    let knob = tree.knob(KnobKind::IoMax);
    tree.set("io.max", "8:0 rbps=1048576 wbps=max riops=max wiops=max\n8:16 rbps=max wbps=max riops=9 wiops=max");
    let both = knob.read(&tree.unit()).unwrap();
    assert_eq!(both.to_string(), "sda rbps=1048576, sdb riops=9");
    let Value::Keyed(lines) = &both else { panic!() };
    let sda = BTreeMap::from([("rbps".to_owned(), "1048576".to_owned())]);
    assert_eq!(lines["sda 8:0 9"], sda);
    tree.fixture.file("sys/block/sdb/diskseq", "10\n");
    tree.set("io.max", "8:0 rbps=1048576 wbps=max riops=max wiops=max");
    assert!(knob.is_same(&both, &knob.read(&tree.unit()).unwrap()), "what was of the other disk went with it");
    tree.set("io.max", "8:0 rbps=2097152 wbps=max riops=max wiops=max");
    assert!(!knob.is_same(&both, &knob.read(&tree.unit()).unwrap()), "somebody else has changed it");
    let texts = knob.texts(&knob.open(&tree.unit()).unwrap().0, &tree.unit(), &both).unwrap();
    assert_eq!(texts, [("io.max", "8:0 rbps=1048576 wbps=max riops=max wiops=max".to_owned())], "a stranger's disk");
    let texts = knob.texts(&knob.open(&tree.unit()).unwrap().0, &tree.unit(), &Value::Keyed(Lines::new())).unwrap();
    assert_eq!(texts, [("io.max", "8:0 rbps=max wbps=max riops=max wiops=max".to_owned())]);
}

#[test]
fn a_limit_of_no_disk_that_is_there_is_refused() {
    let tree = Tree4::new();
    let refused = |limits| tree.written(&by_disk(KnobKind::IoMax, limits)).unwrap_err().to_string();
    assert_eq!(refused(&[("sdz", "rbps", 1)]), "no limit of a disk that is there: sdz");
    assert_eq!(refused(&[("sda", "speed", 1)]), "speed is no limit of a disk: rbps, wbps, riops, wiops");
}

#[test]
fn weights_are_written_where_the_kernel_has_them() {
    let tree = Tree4::new();
    tree.set("io.bfq.weight", "default 100");
    tree.written(&number(KnobKind::IoWeight, 5000)).unwrap();
    assert!(tree.text("io.bfq.weight").starts_with("default 1000"), "{}", tree.text("io.bfq.weight"));
    let found = tree.knob(KnobKind::IoWeight).read(&tree.unit()).unwrap();
    let wanted = tree.knob(KnobKind::IoWeight).normalise(&Target::Job("job".into()), &number(KnobKind::IoWeight, 5000));
    assert!(tree.knob(KnobKind::IoWeight).rounds(&wanted.unwrap(), &found), "{found}");
}

#[test]
fn what_would_do_nothing_is_a_capability_lost() {
    let reason = |tree: &Tree4, kind| tree.knob(kind).probe().reason;
    let tree = Tree4::new();
    assert_eq!(reason(&tree, KnobKind::CpuQuota), "");
    assert!(reason(&tree, KnobKind::IoWeight).starts_with("no disk heeds weights"));
    tree.fixture.file("sys/block/sda/queue/scheduler", "none [bfq]\n");
    assert_eq!(reason(&tree, KnobKind::IoWeight), "");
    tree.fixture.file("sys/block/sda/queue/scheduler", "[none] bfq\n");
    tree.fixture.file("cgroup/io.cost.qos", "8:0 enable=1 ctrl=auto\n");
    assert_eq!(reason(&tree, KnobKind::IoWeight), "");
    fs::remove_file(tree.fixture.path("cgroup/plotwarden/io.latency")).unwrap();
    assert_eq!(reason(&tree, KnobKind::IoLatency), "this kernel has no io.latency");
    tree.fixture.file("cgroup/cgroup.controllers", "hugetlb\n");
    let hybrid = tree.knob(KnobKind::MemoryMax).probe();
    assert_eq!(hybrid.state, CapabilityState::Unusable);
    assert!(hybrid.reason.ends_with("has no controller memory (only hugetlb): version 1 has it, or the kernel not"));
    let machine = Target::Part(Part::machine());
    assert!(tree.knob(KnobKind::CpuWeight).normalise(&machine, &number(KnobKind::CpuWeight, 1)).is_err());
}
