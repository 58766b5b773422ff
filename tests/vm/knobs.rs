//! The knobs on a kernel that has hardware for nearly all of them: the tests of `tests/knobs`, run in the machine.

use std::collections::BTreeSet;
use std::io::{Write, stderr};
use std::sync::LazyLock;

use plotwarden::knob::Proof;

use super::files::Scenario;
use super::report::Report;

const KNOBS: Scenario = Scenario {
    name: "knobs",
    modules: &[
        "bfq",
        "kyber-iosched",
        "zram",
        "cpufreq_powersave",
        "cpufreq_ondemand",
        "xhci-pci",
        "sch_htb",
        "sch_ingress",
        "cls_u32",
        "cls_fw",
        "cls_cgroup",
        "cls_flower",
        "cls_matchall",
        "cls_bpf",
        "act_mirred",
        "act_skbedit",
        "act_pedit",
        "ifb",
        "veth",
        "sch_tbf",
        "tun",
        "crc32c_generic",
        "nf_tables",
        "nft_socket",
    ],
    tests: &["knobs", "actuate", "shaping"],
    systemd: false,
    policy: None,
};

/// What cannot be tried in this machine: knobs that it has no hardware for, and those that are proven elsewhere.
const SKIPPED: [&str; 9] = [
    // The kernel is built without it.
    "io-latency",
    "controllers",
    // Under systemd, in another boot.
    "scope",
    "gpu-power-limit",
    "gpu-max-clock",
    "gpu-max-memory-clock",
    "disk-power",
    "shaping",
    "arrival-shaping",
];

/// What the kernel derives from a knob when it is written, and does not derive back when it is put back: a share of a queue, and
/// lines that say of a disk that nothing is done.
const DERIVED: [&str; 3] = ["/iosched/async_depth:", "/io.cost.qos:", "/io.cost.model:"];

/// What the knobs of the machine's parts have to be proven on, as the machine's state tells it.
const SURFACES: [&str; 38] = [
    "/sys/devices/system/cpu/cpu3/online:1",
    "/sys/devices/system/cpu/cpu3/power/pm_qos_resume_latency_us:0",
    "/sys/devices/system/cpu/cpu3/cpuidle/state2/disable:0",
    "/sys/devices/system/cpu/smt/control:on",
    "/sys/devices/system/cpu/cpufreq/boost:1",
    "/sys/devices/system/cpu/cpufreq/policy3/scaling_governor:schedutil",
    "/sys/devices/system/cpu/cpufreq/policy3/scaling_min_freq:1200000",
    "/sys/devices/system/cpu/cpufreq/policy3/scaling_max_freq:3600000",
    "/sys/devices/system/cpu/cpufreq/policy3/energy_performance_preference:balance_performance",
    "/dev/cpu_dma_latency:",
    "/proc/irq/default_smp_affinity:f",
    "/sys/class/powercap/intel-rapl:1/constraint_0_power_limit_uw:100000000",
    "/sys/class/powercap/intel-rapl:1/constraint_1_time_window_us:2440",
    "/sys/class/powercap/intel-rapl:1/enabled:1",
    "/pwm1:255",
    "/pwm1_enable:1",
    "/pwm2_enable:2",
    "/sys/firmware/acpi/platform_profile:balanced",
    "/sys/bus/pci/devices/0000:00:1f.2/power/control:",
    "/sys/bus/usb/devices/usb1/power/control:auto",
    "/link_power_management_policy:",
    "/sys/block/nvme0n1/queue/scheduler:[none] mq-deadline bfq kyber",
    "/sys/block/md0/queue/read_ahead_kb:",
    "/sys/block/vda/queue/wbt_lat_usec:",
    "/sys/block/sda/queue/write_cache:write back",
    "/sys/block/sda/queue/rq_affinity:1",
    "/cache_type:write back",
    "/max_ratio:100",
    "/sys/block/md0/md/sync_speed_max:",
    "/proc/sys/vm/swappiness:60",
    "/proc/sys/vm/zone_reclaim_mode:0",
    "/proc/sys/vm/watermark_scale_factor:10",
    "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages:0",
    "/sys/devices/system/node/node1/hugepages/hugepages-2048kB/nr_hugepages:0",
    "/sys/kernel/mm/transparent_hugepage/enabled:",
    "swap /dev/zram0 partition",
    "/sys/class/net/eth1/mtu:1500",
    "qdisc ",
];

static REPORT: LazyLock<Report> = LazyLock::new(|| Report::of_a_boot(&KNOBS));

/// The lines of a section, without the ends that a serial line gives them.
fn lines(section: &str) -> impl Iterator<Item = &'static str> {
    REPORT.section(section).lines().map(str::trim_end)
}

/// Shows the names whatever comes of it: to the host they all are one test.
#[track_caller]
fn assert_all_pass(section: &str) {
    let said = REPORT.section(section);
    let names = lines(section).filter_map(|line| Some(line.strip_prefix("test ")?.split_once(" ...")?.0));
    let names: Vec<&str> = names.collect();
    let shown = format!("\n{section} in the machine:\n  {}\n", names.join("\n  "));
    let _ = stderr().write_all(shown.as_bytes());
    assert_eq!(REPORT.given(section, "exit"), "0", "{said}");
    assert!(!names.is_empty() && said.contains("test result: ok."), "{said}");
}

#[test]
fn each_test_of_the_knobs_passes_in_the_machine() {
    assert_all_pass("knobs");
}

/// The actuator and the guard, where one tree of groups has all the controllers.
#[test]
fn each_test_of_the_actuator_passes_in_the_machine() {
    assert_all_pass("actuate");
}

#[test]
fn nothing_is_skipped_but_what_the_machine_has_no_hardware_for() {
    let skipped: BTreeSet<&str> = lines("knobs")
        .filter_map(|line| line.strip_prefix("SKIPPED ")?.split_once(": "))
        .map(|(knob, _)| knob)
        .collect();
    assert_eq!(skipped, BTreeSet::from(SKIPPED), "{}", REPORT.section("knobs"));
}

/// What the page of knobs says of the machine is what was done in it.
#[test]
fn what_is_said_to_be_proven_in_the_machine_is() {
    let said = lines("knobs").chain(lines("shaping"));
    let proven: BTreeSet<&str> = said.filter_map(|line| line.strip_prefix("PROVEN ")).collect();
    assert_eq!(proven, plotwarden::knob::proven_kinds(Proof::Guest).collect());
}

#[test]
fn the_machine_has_what_the_knobs_are_to_be_proven_on() {
    let missing: Vec<&&str> =
        SURFACES.iter().filter(|surface| !lines("before").any(|line| line.contains(**surface))).collect();
    assert!(missing.is_empty(), "not there: {missing:#?}\n{}", REPORT.section("before"));
}

/// Queues in networks within the machine, whose kernel keeps traffic control and packet rules in modules, and has `fq_codel`.
#[test]
fn each_test_of_shaping_passes_in_the_machine() {
    assert_all_pass("shaping");
}

#[test]
fn the_machines_state_after_is_the_state_before() {
    // But for the lines that name the two looks.
    let is_change = |line: &&str| {
        let changed = line.strip_prefix(['-', '+']).filter(|rest| !rest.starts_with(['-', '+']));
        changed.is_some_and(|rest| !DERIVED.iter().any(|derived| rest.contains(derived)))
    };
    let changes: Vec<&str> = lines("changes").filter(is_change).collect();
    assert!(changes.is_empty(), "{changes:#?}");
}

#[test]
fn what_is_left_behind_is_seen() {
    let seen = REPORT.section("control");
    for changed in [
        "/sys/block/md0/queue/read_ahead_kb:512",
        "/proc/sys/vm/swappiness:20",
        "+/sys/fs/cgroup/plotwarden/left-behind",
    ] {
        assert!(seen.contains(changed), "{changed}: {seen}");
    }
}

#[test]
fn a_power_limit_slows_the_cpu_down() {
    let number = |name| REPORT.given("plant", name).parse::<u64>().unwrap();
    assert_eq!(number("free"), 3_600_000);
    assert!((900_000..2_800_000).contains(&number("limited")), "{}", number("limited"));
    assert!(number("free_temperature") > 25_000, "{}", number("free_temperature"));
}
