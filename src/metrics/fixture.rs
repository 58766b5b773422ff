//! A machine in the middle of its work, with everything that can be published, for the tests of this room and of `http`.

mod control;
mod gpu;
mod job;
mod memory;
mod network;
mod power;
mod storage;

use std::sync::{Arc, LazyLock, OnceLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::alert::{ActiveAlert, AlertState};
use crate::clock::Moment;
use crate::history::{self, Resolution, Stats, TierStats};
use crate::inventory::{Capability, CapabilityState, Cpu, Inventory, Part};
use crate::kernel::fixture::Fixture;
use crate::metrics::{Counters, HistoryState, LoopState, ProcessWatch, Reload, Snapshot};
use crate::mode::Mode;
use crate::plotter::{Arguments, Needs, Progress};
use crate::policy::Commit;
use crate::pressure::{Pressure, PressureSet, PressureState, Stall};
use crate::sample::{
    Collectors, CpuFrequency, CpuPaceSample, CpuSample, CpuTimes, FileHandles, GpuSamples, GroupSample, HostSample,
    JobSample, LoadSample, MemorySample, OwnUsage, ProcessesSample, RunQueue, StateCounts, Throttles, TopProcess,
};
use crate::units::{Bytes, Hertz, Ratio};
use crate::world::World;

pub(crate) use job::job;

use control::{counters, knobs, policies, recent};

const GIB: u64 = 1 << 30;

/// Of the desktop, which is a lot of files to lay out for each test.
static CPU: LazyLock<Part<Cpu>> = LazyLock::new(|| Inventory::read(&Fixture::of_machine("desktop").roots, now()).cpu);

/// Read once: tests make thousands of snapshots.
static INVENTORY: LazyLock<Arc<Inventory>> = LazyLock::new(|| Arc::new(inventory()));

/// When the fixture's tick was.
pub(crate) fn now() -> Moment {
    Moment { boot: Duration::from_hours(250), wall: wall(0) }
}

fn wall(seconds_ago: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_770_000_000 - seconds_ago)
}

/// A machine with eight CPUs, two disks and `jobs` plotters, one of them paused and one stalled.
pub(crate) fn snapshot(jobs: u32) -> Snapshot {
    Snapshot {
        world: World {
            now: now(),
            host: host(),
            jobs: (0..jobs).map(job).collect(),
            layout: Arc::default(),
            processes: Some(Arc::new(processes())),
        },
        collectors: Collectors::ALL,
        inventory: Arc::clone(&INVENTORY),
        profiles: ["bladebit", "chiapos", "madmax"].map(str::to_owned).into(),
        policies: policies(),
        reload: Reload {
            succeeded_at: Some(wall(4000)),
            error: Some("policies/mine.yaml:7:12: `clear` is equal to the trigger".to_owned()),
            commits: vec![Commit {
                path: "/etc/plotwarden/policies".into(),
                id: "0d1f7d2b4a3c5e6f708192a3b4c5d6e7f8091a2b".to_owned(),
            }],
        },
        knobs: knobs(),
        counters: counters(),
        recent: recent(),
        own: own(),
        history: Some(history()),
        alerts: alerts(),
        samples: OnceLock::new(),
    }
}

/// A machine of which nothing could be read.
pub(crate) fn blind() -> Snapshot {
    let pressure = PressureSet {
        cpu: PressureState::Absent,
        memory: PressureState::DisabledAtBoot,
        io: PressureState::Unreadable("input/output error".to_owned()),
    };
    let host = HostSample { pressure, ..HostSample::default() };
    let mut unknown = job(0);
    unknown.sample = JobSample::default();
    unknown.job.progress = Progress::default();
    unknown.job.needs = Needs::default();
    unknown.job.arguments = Arguments::default();
    Snapshot {
        world: World { now: now(), host, jobs: vec![unknown], layout: Arc::default(), processes: None },
        inventory: Arc::new(Inventory::read(&Fixture::new().roots, now())),
        policies: Vec::new(),
        knobs: Vec::new(),
        counters: Counters::default(),
        recent: Vec::new(),
        reload: Reload { succeeded_at: None, error: None, commits: Vec::new() },
        own: LoopState { guard_alive: None, usage: OwnUsage::default(), ..own() },
        history: None,
        alerts: Arc::default(),
        ..snapshot(0)
    }
}

fn pressure(io: f64) -> PressureSet {
    let stall = |share: f64| Stall {
        avg10: Ratio(share),
        avg60: Ratio(share / 2.0),
        avg300: Ratio(share / 4.0),
        total: Duration::from_secs_f64(share * 1000.0),
        recent: Some(Ratio(share)),
    };
    let both = |share: f64| PressureState::Measured(Pressure { some: stall(share), full: Some(stall(share / 2.0)) });
    PressureSet {
        cpu: PressureState::Measured(Pressure { some: stall(0.07), full: None }),
        memory: both(0.004),
        io: both(io),
    }
}

fn host() -> HostSample {
    let times = CpuTimes {
        user: Duration::from_millis(5_123_450),
        idle: Duration::from_secs(80_000),
        iowait: Duration::from_mins(15),
        ..CpuTimes::default()
    };
    HostSample {
        cpu: Some(CpuSample {
            cpus: (0..8).map(|number| (number, times)).collect(),
            context_switches: Some(9_876_543_210),
            interrupts: Some(1_234_567_890),
            forks: Some(456_789),
            running: Some(9),
            blocked: Some(4),
            softirqs: Some([1, 2_000_000, 30, 400_000, 5_000_000, 0, 70, 8_000_000, 900, 10_000_000]),
            booted_at: Some(wall(900_000)),
        }),
        cpu_pace: Some(Arc::new(cpu_pace())),
        file_handles: Some(FileHandles { allocated: 8224, maximum: 9_223_372_036_854_775_807 }),
        memory: Some(MemorySample {
            total: Some(Bytes(64 * GIB)),
            free: Some(Bytes(3 * GIB)),
            available: Some(Bytes(27 * GIB)),
            cached: Some(Bytes(25 * GIB)),
            buffers: Some(Bytes(GIB / 8)),
            shmem: Some(Bytes(GIB / 16)),
            dirty: Some(Bytes(GIB / 2)),
            writeback: Some(Bytes(GIB / 64)),
            swap_total: Some(Bytes(8 * GIB)),
            swap_free: Some(Bytes(8 * GIB)),
            ..memory::SAMPLE.memory.clone().unwrap()
        }),
        vmstat: memory::SAMPLE.vmstat.clone(),
        memory_places: Arc::clone(&memory::SAMPLE.memory_places),
        memory_errors: Arc::clone(&memory::SAMPLE.memory_errors),
        disks: Some(["nvme0n1", "sda"].map(storage::disk).into()),
        file_systems: Some(Arc::new(storage::file_systems())),
        raids: Some(Arc::new(vec![storage::raid()])),
        network: network::sample(),
        load: Some(LoadSample { one: 12.34, five: 11.02, fifteen: 9.87 }),
        pressure: pressure(0.42),
        jobs_pressure: Some(pressure(0.57)),
        power: power::power(),
        gpus: Some(GpuSamples { age: Duration::from_secs(3), gpus: [gpu::sample()].into() }),
        ..HostSample::default()
    }
}

fn processes() -> ProcessesSample {
    let group = |name: &str, processes: u64| GroupSample {
        name: name.into(),
        processes,
        states: StateCounts { sleeping: processes, ..StateCounts::default() },
        threads: 3 * processes,
        cpu_user: Duration::from_mins(20),
        cpu_system: Duration::from_secs(130),
        resident: Bytes(2 * GIB),
        virtual_size: Bytes(9 * GIB),
        swapped: Some(Bytes(0)),
        minor_faults: 123_456,
        major_faults: 78,
        read: Some(Bytes(700 * GIB)),
        written: Some(Bytes(3 * GIB)),
        context_switches: Some(4_567_890),
        open_files: Some(210),
        worst_open_files: Some(0.125),
        oldest_start: Some(Duration::from_mins(3)),
    };
    let top = |pid, comm: &str, user: &str, value| TopProcess {
        pid,
        comm: comm.to_owned(),
        user: Some(user.to_owned()),
        value,
    };
    ProcessesSample {
        begun: now().boot.checked_sub(Duration::from_secs(2)).unwrap(),
        took: Duration::from_millis(4),
        processes: 180,
        kernel_threads: 240,
        unchanged: 390,
        groups: vec![group("harvester", 1), group("other", 170), group("copier", 9)],
        crowded_out: 0,
        top_cpu: vec![top(812, "ffmpeg", "media", 3.25), top(977, "kswapd0", "root", 0.12)],
        top_memory: vec![top(812, "ffmpeg", "media", 1_500_000_000.0)],
        top_io: vec![top(4242, "rsync", "chia", 210_000_000.0)],
        problems: Vec::new(),
    }
}

fn cpu_pace() -> CpuPaceSample {
    let frequency = |cpu| CpuFrequency {
        cpu,
        current: Some(Hertz(4.4e9)),
        scaling_min: Some(Hertz(0.8e9)),
        scaling_max: Some(Hertz(4.5e9)),
    };
    let queue = |cpu| RunQueue {
        cpu,
        running: Duration::from_secs(70_000),
        waiting: Duration::from_mins(12),
        timeslices: 9_000_000,
    };
    CpuPaceSample {
        frequencies: (0..8).map(frequency).collect(),
        throttles: Throttles { cores: (0..4).map(|cpu| (cpu, 3)).collect(), packages: vec![(0, 5)] },
        run_queues: Some((0..8).map(queue).collect()),
        problem: None,
    }
}

fn alerts() -> Arc<[ActiveAlert]> {
    let text =
        |pairs: &[(&str, &str)]| pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let alert = ActiveAlert {
        name: "HostCpuHigh".to_owned(),
        state: AlertState::Firing,
        labels: text(&[("instance", "plot-01:9037"), ("severity", "warning")]),
        annotations: text(&[
            ("summary", "The CPUs of plot-01:9037 are busy"),
            ("description", "They work 91.2% of the time."),
        ]),
        since: 1_770_000_000_000 - 600_000,
        value: 0.912,
    };
    [alert].into()
}

fn inventory() -> Inventory {
    let capability = |surface, state, reason: &str, mend: &str| Capability {
        surface,
        state,
        reason: reason.to_owned(),
        mend: mend.to_owned(),
    };
    let machine = Fixture::new();
    storage::lay_out(&machine);
    machine
        .file("proc/sys/kernel/hostname", "plot-01\n")
        .file("proc/sys/kernel/osrelease", "6.12.9-amd64\n")
        .file("proc/1/comm", "systemd\n")
        .file("proc/1/root/etc/os-release", "PRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n")
        .file("proc/cmdline", "BOOT_IMAGE=/vmlinuz ro quiet psi=1 mitigations=off\n")
        .file("sys/class/dmi/id/board_name", "PRIME Z270-A\n")
        .file("proc/meminfo", "MemTotal: 67108864 kB\nSwapTotal: 8388608 kB\n")
        .file("proc/cpuinfo", "model name\t: AMD Ryzen 9 5950X\n")
        .file("sys/devices/system/cpu/online", "0-7\n")
        .file("sys/class/thermal/thermal_zone0/type", "x86_pkg_temp\n")
        .file("sys/class/thermal/thermal_zone0/trip_point_0_temp", "95000\n")
        .file("sys/class/thermal/thermal_zone0/trip_point_0_type", "critical\n");
    let found = Inventory::read(&machine.roots, now());
    Inventory {
        gpu: Part { facts: gpu::facts(), ..found.gpu },
        capabilities: vec![
            capability("cgroup-freeze", CapabilityState::Usable, "", ""),
            capability(
                "process-events",
                CapabilityState::Limited,
                "the process connector needs CAP_NET_ADMIN; /proc is read each second instead",
                "systemctl edit plotwarden, then AmbientCapabilities=CAP_NET_ADMIN",
            ),
            capability(
                "pressure",
                CapabilityState::Unusable,
                "the kernel was built with CONFIG_PSI_DEFAULT_DISABLED",
                "add psi=1 to the kernel command line and boot again",
            ),
        ],
        cpu: CPU.clone(),
        memory: memory::FACTS.clone(),
        ..found
    }
}

fn history() -> HistoryState {
    let tier = |resolution, sealed_samples: usize| TierStats {
        resolution,
        sealed_samples,
        sealed_bytes: sealed_samples * 2,
        bytes: sealed_samples * 3,
        complete_from: None,
        newest: Some(1_770_000_000_000),
    };
    let stats = Stats {
        series: 375,
        bytes: 9_000_000,
        limit_bytes: 96 << 20,
        tiers: [
            tier(Resolution::EveryTick, 1_350_000),
            tier(Resolution::FifteenSeconds, 2_160_000),
            tier(Resolution::FiveMinutes, 0),
        ],
        counters: history::Counters { dropped_blocks: 3, ..history::Counters::default() },
    };
    HistoryState { stats, append: Duration::from_micros(60), saved_at: Some(wall(420)) }
}

fn own() -> LoopState {
    LoopState {
        version: "0.1.0",
        mode: Mode::Enforce,
        started: wall(50_000),
        ticks: 49_998,
        tick_duration: Duration::from_micros(8_300),
        tick_interval: Duration::from_secs(1),
        process_watch: ProcessWatch::Events,
        guard_alive: Some(true),
        usage: OwnUsage {
            cpu: Some(Duration::from_millis(61_230)),
            resident: Some(Bytes(9_400_000)),
            open_files: Some(61),
        },
    }
}
