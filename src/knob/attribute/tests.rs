//! What the catalogue knows of circumstances: parts that are left alone, values that are ours though they look otherwise, and what
//! goes with a word. On trees of files.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;
use crate::claim::{Setting, Target};
use crate::kernel::fixture::Fixture;
use crate::knob::timely::Timely;
use crate::knob::{Knob, Reversible, Scope, Unit};

const POLICY: &str = "sys/devices/system/cpu/cpufreq/policy0";

struct Laid {
    fixture: Fixture,
}

impl Laid {
    fn new(files: &[(&str, &str)]) -> Self {
        let laid = Self { fixture: Fixture::new() };
        for (path, text) in files {
            laid.set(path, text);
        }
        laid
    }

    fn set(&self, path: &str, text: &str) {
        self.fixture.file(path, format!("{text}\n"));
    }

    fn text(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap().trim().to_owned()
    }

    fn at(&self, path: &str) -> std::path::PathBuf {
        let roots = &self.fixture.roots;
        path.strip_prefix("sys/").map_or_else(|| roots.proc(path.trim_start_matches("proc/")), |below| roots.sys(below))
    }

    fn knob(&self, kind: KnobKind) -> AttributeKnob {
        let (roots, timely) = (self.fixture.roots.clone(), Timely::default());
        AttributeKnob { kind, attributes: catalogue::of(kind).copied().collect(), roots, timely }
    }

    fn unit(&self, kind: KnobKind, part: &Part) -> Unit {
        self.knob(kind).units(&Scope { part: Some(part.clone()), ..Scope::default() }).unwrap().remove(0)
    }

    /// What is read now, and why it is left alone, if it is.
    fn look(&self, kind: KnobKind, part: &Part) -> (Value, Option<String>) {
        let (knob, unit) = (self.knob(kind), self.unit(kind, part));
        let value = knob.read(&unit).unwrap();
        (value.clone(), knob.off_limits(&unit, &value))
    }

    #[track_caller]
    fn assert_left_alone(&self, kind: KnobKind, part: &Part, why: &str) {
        let (value, said) = self.look(kind, part);
        assert!(said.as_deref().is_some_and(|said| said.contains(why)), "{}: {value}: {said:?}", kind.name());
    }

    #[track_caller]
    fn assert_usable(&self, kind: KnobKind, part: &Part) {
        let (value, said) = self.look(kind, part);
        assert_eq!(said, None, "{}: {value}", kind.name());
    }

    fn is_veiled(&self, kind: KnobKind, part: &Part, ours: u64) -> bool {
        let (found, _) = self.look(kind, part);
        self.knob(kind).is_veiled(&self.unit(kind, part), &Value::Number(ours), &found)
    }
}

fn policy() -> Part {
    Part::new(PartClass::CpuPolicy, "0")
}

fn disk() -> Part {
    Part::new(PartClass::Disk, "sda")
}

fn frequencies() -> Laid {
    let file = |name: &str| format!("{POLICY}/{name}");
    let laid = Laid::new(&[]);
    for (name, text) in [
        ("cpuinfo_min_freq", "1200000"),
        ("cpuinfo_max_freq", "3600000"),
        ("scaling_available_frequencies", "3600000 3000000 1800000 1200000"),
        ("scaling_max_freq", "3600000"),
        ("scaling_min_freq", "1200000"),
        ("scaling_governor", "powersave"),
        ("scaling_available_governors", "performance powersave"),
        ("energy_performance_preference", "balance_power"),
        ("energy_performance_available_preferences", "default performance balance_power power"),
    ] {
        laid.set(&file(name), text);
    }
    laid
}

#[test]
fn a_highest_frequency_that_is_none_goes_back_as_none() {
    let laid = frequencies();
    let kind = KnobKind::CpuMaxFrequency;
    let (knob, unit) = (laid.knob(kind), laid.unit(kind, &policy()));
    assert_eq!(knob.read(&unit).unwrap(), Value::Number(Setting::NO_LIMIT));
    knob.write(&unit, &Value::Number(Setting::NO_LIMIT)).unwrap();
    assert_eq!(laid.text(&format!("{POLICY}/scaling_max_freq")), "2147483647", "whatever the highest will be by then");
    let target = Target::Part(policy());
    let normal = |number| knob.normalise(&target, &Setting::Number(kind, number)).unwrap();
    assert_eq!([2_000_000, 9_999_999].map(normal), [1_800_000, Setting::NO_LIMIT].map(Value::Number));
}

#[test]
fn a_frequency_that_heat_firmware_or_boost_hold_down_is_still_ours() {
    let laid = frequencies();
    let kind = KnobKind::CpuMaxFrequency;
    let shown = |text: &str| laid.set(&format!("{POLICY}/scaling_max_freq"), text);
    shown("1800000");
    assert!(!laid.is_veiled(kind, &policy(), 3_000_000), "somebody else set it");
    laid.assert_usable(kind, &policy());
    laid.set("sys/class/thermal/cooling_device0/type", "Processor");
    laid.set("sys/class/thermal/cooling_device0/cur_state", "3");
    assert!(laid.is_veiled(kind, &policy(), 3_000_000) && !laid.is_veiled(kind, &policy(), 1_200_000));
    laid.assert_left_alone(kind, &policy(), "for heat");
    laid.set("sys/class/thermal/cooling_device0/cur_state", "0");
    laid.assert_usable(kind, &policy());
    laid.set(&format!("{POLICY}/bios_limit"), "1800000");
    assert!(laid.is_veiled(kind, &policy(), 3_000_000));
    // Boost was turned off since.
    laid.set(&format!("{POLICY}/cpuinfo_max_freq"), "1800000");
    assert!(laid.is_veiled(kind, &policy(), 3_000_000));
}

#[test]
fn a_lowest_frequency_above_the_highest_is_still_ours() {
    let laid = frequencies();
    let kind = KnobKind::CpuMinFrequency;
    for name in ["scaling_min_freq", "scaling_max_freq"] {
        laid.set(&format!("{POLICY}/{name}"), "1800000");
    }
    assert!(laid.is_veiled(kind, &policy(), 3_000_000));
    laid.set(&format!("{POLICY}/scaling_max_freq"), "3600000");
    assert!(!laid.is_veiled(kind, &policy(), 3_000_000), "somebody else set it");
}

#[test]
fn a_preference_is_that_of_the_governor_while_it_performs() {
    let laid = frequencies();
    let kind = KnobKind::EnergyPreference;
    laid.assert_usable(kind, &policy());
    laid.set(&format!("{POLICY}/scaling_governor"), "performance");
    laid.set(&format!("{POLICY}/energy_performance_preference"), "performance");
    laid.assert_left_alone(kind, &policy(), "governor performance");
    let (knob, unit) = (laid.knob(kind), laid.unit(kind, &policy()));
    let [ours, found] = ["power", "performance"].map(|word| Value::Word(word.to_owned()));
    assert!(knob.is_veiled(&unit, &ours, &found), "ours comes back with the governor");
    let default = knob.normalise(&Target::Part(policy()), &Setting::Word(kind, "default".to_owned()));
    assert!(default.is_err(), "it would be read back as what it stands for");
}

#[test]
fn boost_is_the_inverse_of_no_turbo_where_there_is_nothing_else() {
    let no_turbo = "sys/devices/system/cpu/intel_pstate/no_turbo";
    let laid = Laid::new(&[(no_turbo, "0")]);
    let (knob, unit) = (laid.knob(KnobKind::CpuBoost), laid.unit(KnobKind::CpuBoost, &Part::machine()));
    assert_eq!(knob.read(&unit).unwrap(), Value::Number(1));
    knob.write(&unit, &Value::Number(0)).unwrap();
    assert_eq!(laid.text(no_turbo), "1");

    let boost = "sys/devices/system/cpu/cpufreq/boost";
    laid.set(boost, "1");
    laid.set(&format!("{POLICY}/boost"), "1");
    laid.assert_usable(KnobKind::CpuBoost, &Part::machine());
    laid.set(&format!("{POLICY}/boost"), "0");
    laid.assert_left_alone(KnobKind::CpuBoost, &Part::machine(), "policy0");
}

#[test]
fn cpus_that_would_not_come_back_alone_stay() {
    let laid = Laid::new(&[
        ("sys/devices/system/cpu/cpu0/online", "1"),
        ("sys/devices/system/cpu/cpu5/online", "1"),
        ("sys/devices/system/cpu/smt/control", "on"),
        ("sys/devices/system/cpu/present", "0-7"),
        ("sys/devices/system/cpu/online", "0-7"),
    ]);
    let cpu = |number: &str| Part::new(PartClass::Cpu, number);
    laid.assert_left_alone(KnobKind::CpuOnline, &cpu("0"), "started on");
    laid.assert_usable(KnobKind::CpuOnline, &cpu("5"));
    laid.assert_usable(KnobKind::Smt, &Part::machine());
    laid.set("sys/devices/system/cpu/online", "0-4,6-7");
    laid.assert_left_alone(KnobKind::Smt, &Part::machine(), "would come online");
    laid.set("sys/devices/system/cpu/smt/control", "forceoff");
    laid.assert_left_alone(KnobKind::Smt, &Part::machine(), "cannot be written back");

    let old = tempfile::tempdir().unwrap();
    fs::create_dir(old.path().join("docker")).unwrap();
    laid.set("proc/self/mounts", &format!("cgroup {} cgroup rw,cpuset 0 0", old.path().display()));
    laid.assert_left_alone(KnobKind::CpuOnline, &cpu("5"), "cgroup v1");
}

#[test]
fn a_wake_latency_says_no_limit_and_none_at_all_in_its_own_words() {
    let path = "sys/devices/system/cpu/cpu1/power/pm_qos_resume_latency_us";
    let laid = Laid::new(&[(path, "0")]);
    let part = Part::new(PartClass::Cpu, "1");
    let (knob, unit) = (laid.knob(KnobKind::WakeLatency), laid.unit(KnobKind::WakeLatency, &part));
    let before = knob.read(&unit).unwrap();
    assert_eq!(before, Value::Number(Setting::NO_LIMIT));
    knob.write(&unit, &Value::Number(0)).unwrap();
    assert_eq!(laid.text(path), "n/a");
    knob.write(&unit, &before).unwrap();
    assert_eq!(laid.text(path), "0");
}

#[test]
fn limits_of_a_zone_that_is_not_enabled_and_read_only_ones_are_none_of_ours() {
    let zone = "sys/class/powercap/intel-rapl:0";
    let limit = format!("{zone}/constraint_0_power_limit_uw");
    let laid = Laid::new(&[(&limit, "65000000"), (&format!("{zone}/enabled"), "1")]);
    let part = Part::new(PartClass::PowerConstraint, "intel-rapl:0:0");
    laid.assert_usable(KnobKind::PowerLimit, &part);
    laid.set(&format!("{zone}/enabled"), "0");
    laid.assert_left_alone(KnobKind::PowerLimit, &part, "not enabled");
    fs::set_permissions(laid.at(&limit), fs::Permissions::from_mode(0o444)).unwrap();
    let knob = laid.knob(KnobKind::PowerLimit);
    assert_eq!(knob.parts(), []);
    let scope = Scope { part: Some(part), ..Scope::default() };
    assert!(knob.units(&scope).unwrap_err().to_string().contains("is read-only"));
}

#[test]
fn what_carries_disks_and_network_must_not_sleep() {
    let laid = Laid::new(&[
        ("sys/devices/pci0000:00/0000:00:1f.2/power/control", "on"),
        ("sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda/size", "1"),
        ("sys/devices/pci0000:00/0000:00:1b.0/power/control", "on"),
    ]);
    for class in ["block", "bus/pci/devices"] {
        fs::create_dir_all(laid.at(&format!("sys/{class}"))).unwrap();
    }
    let link = |to: &str, at: &str| symlink(laid.at(to), laid.at(at)).unwrap();
    link("sys/devices/pci0000:00/0000:00:1f.2/ata1/block/sda", "sys/block/sda");
    for device in ["0000:00:1f.2", "0000:00:1b.0"] {
        link(&format!("sys/devices/pci0000:00/{device}"), &format!("sys/bus/pci/devices/{device}"));
    }
    let device = |name: &str| Part::new(PartClass::Device, format!("pci/{name}"));
    laid.assert_left_alone(KnobKind::RuntimePower, &device("0000:00:1f.2"), "disk sda");
    laid.assert_usable(KnobKind::RuntimePower, &device("0000:00:1b.0"));
}

#[test]
fn a_scheduler_goes_back_with_its_queue_and_tunables() {
    let queue = |name: &str| format!("sys/block/sda/queue/{name}");
    let laid = Laid::new(&[
        (&queue("scheduler"), "none [mq-deadline] bfq"),
        (&queue("nr_requests"), "256"),
        (&queue("iosched/fifo_batch"), "8"),
    ]);
    let kind = KnobKind::IoScheduler;
    let (knob, unit) = (laid.knob(kind), laid.unit(kind, &disk()));
    let found = knob.read(&unit).unwrap();
    let original = knob.remember(&unit, found.clone());
    assert_eq!(original, found, "what goes with a word is no part of it");
    let ours = knob.normalise(&Target::Part(disk()), &Setting::Word(kind, "bfq".to_owned())).unwrap();
    knob.write(&unit, &ours).unwrap();
    assert_eq!(laid.text(&queue("nr_requests")), "256");
    // As the kernel does it when the scheduler changes.
    laid.set(&queue("nr_requests"), "64");
    laid.set(&queue("iosched/fifo_batch"), "16");
    let journalled = serde_json::to_string(&original).unwrap();
    knob.write(&unit, &serde_json::from_str(&journalled).unwrap()).unwrap();
    assert_eq!(laid.text(&queue("scheduler")), "mq-deadline");
    assert_eq!([laid.text(&queue("nr_requests")), laid.text(&queue("iosched/fifo_batch"))], ["256", "8"]);
}

#[test]
fn disks_are_left_alone_where_what_they_have_could_not_be_put_back() {
    let laid = Laid::new(&[
        ("sys/block/sda/queue/scheduler", "none [bfq]"),
        ("sys/block/sda/queue/wbt_lat_usec", "75000"),
        ("sys/block/sda/bdi/max_ratio", "33"),
        ("sys/block/sda/device/scsi_disk/0:0:0:0/cache_type", "write back"),
        ("sys/block/sda/device/vendor", "SEAGATE"),
    ]);
    laid.assert_left_alone(KnobKind::WriteLatency, &disk(), "bfq");
    laid.set("sys/block/sda/queue/scheduler", "[none] bfq");
    laid.assert_usable(KnobKind::WriteLatency, &disk());

    laid.assert_usable(KnobKind::DirtyShare, &disk());
    laid.set("sys/block/sda/bdi/max_ratio_fine", "335000");
    laid.assert_left_alone(KnobKind::DirtyShare, &disk(), "335000 millionths");
    laid.set("sys/block/sda/bdi/max_ratio_fine", "330000");
    laid.assert_usable(KnobKind::DirtyShare, &disk());

    laid.assert_left_alone(KnobKind::WriteCache, &disk(), "loss of power");
    laid.set("sys/block/sda/device/vendor", "ATA");
    laid.assert_usable(KnobKind::WriteCache, &disk());
    laid.set("sys/block/sda/device/scsi_disk/0:0:0:0/cache_type", "none");
    laid.assert_left_alone(KnobKind::WriteCache, &disk(), "cannot be written back");
}

#[test]
fn huge_pages_of_each_size_are_counted_without_those_that_are_lent() {
    let pool = |size: &str, name: &str| format!("sys/devices/system/node/node0/hugepages/hugepages-{size}/{name}");
    let laid = Laid::new(&[
        (&pool("2048kB", "nr_hugepages"), "512"),
        (&pool("2048kB", "surplus_hugepages"), "12"),
        (&pool("1048576kB", "nr_hugepages"), "4"),
    ]);
    let knob = laid.knob(KnobKind::HugePages);
    let parts: Vec<String> = knob.parts().iter().map(ToString::to_string).collect();
    assert_eq!(parts, ["page-pool/0:2048kB", "page-pool/0:1048576kB"]);
    let (value, _) = laid.look(KnobKind::HugePages, &Part::new(PartClass::PagePool, "0:2048kB"));
    assert_eq!(value, Value::Number(500));
}

#[test]
fn errors_say_what_they_mean_here() {
    let laid = Laid::new(&[("proc/irq/24/smp_affinity_list", "0-3")]);
    let part = Part::new(PartClass::Irq, "24");
    let (knob, unit) = (laid.knob(KnobKind::IrqAffinity), laid.unit(KnobKind::IrqAffinity, &part));
    let path = laid.at("proc/irq/24/smp_affinity_list");
    fs::remove_file(&path).unwrap();
    // It takes nothing: ENOSPC, which means nothing special here.
    symlink("/dev/full", &path).unwrap();
    let plain = knob.write(&unit, &Value::Set([0].into())).unwrap_err().to_string();
    assert!(plain.contains("No space left"), "{plain}");
    let attribute = Attribute { refusals: &[(libc::ENOSPC, "there is no room on it")], ..knob.attributes[0] };
    let explaining = AttributeKnob { attributes: vec![attribute], ..laid.knob(KnobKind::IrqAffinity) };
    let explained = explaining.write(&unit, &Value::Set([0].into())).unwrap_err().to_string();
    assert!(explained.contains("there is no room on it"), "{explained}");
}
