//! One tick's measurements of the machine, each part for itself: one that fails takes no other along.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::collector::Collector::{CpuPace, Disks, FileHandles as Handles, FileSystems as Space, Gpu, Raid, RunQueues};
use super::collector::Collectors;
use super::cpu::CpuPaceSampler;
use super::disk::DeviceKinds;
use super::file_system::FileSystemSampler;
use super::gpu::GpuSampler;
use super::memory::{MemorySampler, MemoryTick};
use super::network::NetworkSampler;
use super::paced::Paced;
use super::power::{PowerSample, PowerSampler};
use super::{
    CpuPaceSample, CpuSample, DiskSample, FileHandles, FileSystems, GpuSamples, LoadSample, MemoryErrors, MemoryPlaces,
    MemorySample, NetworkSample, RaidSample, VmstatSample,
};
use crate::clock::Moment;
use crate::kernel::file::KeptFile;
use crate::kernel::peer::Peer;
use crate::kernel::pressure::PressureReader;
use crate::kernel::{KernelError, Roots};
use crate::pressure::PressureSet;

/// A repair takes hours.
const RAID_PERIOD: Duration = Duration::from_secs(5);

/// One tick's measurements of the machine. A part that could not be read is `None`; `problems` says why.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HostSample {
    pub cpu: Option<CpuSample>,
    pub cpu_pace: Option<Arc<CpuPaceSample>>,
    pub memory: Option<MemorySample>,
    pub vmstat: Option<VmstatSample>,
    pub memory_places: Arc<MemoryPlaces>,
    pub memory_errors: Arc<MemoryErrors>,
    pub disks: Option<Vec<DiskSample>>,
    pub network: NetworkSample,
    pub file_systems: Option<Arc<FileSystems>>,
    pub raids: Option<Arc<Vec<RaidSample>>>,
    pub load: Option<LoadSample>,
    pub file_handles: Option<FileHandles>,
    pub pressure: PressureSet,
    /// Pressure of the group above all job groups, ours, where there is one: what all jobs together suffer.
    pub jobs_pressure: Option<PressureSet>,
    pub power: PowerSample,
    /// `None` on a machine without a GPU that can be measured.
    pub gpus: Option<GpuSamples>,
    pub problems: Vec<SampleProblem>,
}

/// A part of the sample that failed, for the log and `plotwarden_sample_errors_total{part}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleProblem {
    pub part: &'static str,
    pub reason: String,
}

/// Samples the machine; keeps its files open from tick to tick.
#[derive(Debug)]
pub struct HostSampler {
    collectors: Collectors,
    stat: KeptFile,
    cpu_pace: CpuPaceSampler,
    memory: MemorySampler,
    diskstats: KeptFile,
    network: NetworkSampler,
    loadavg: KeptFile,
    file_nr: KeptFile,
    devices: DeviceKinds,
    block: PathBuf,
    raids: Paced<Vec<RaidSample>>,
    file_systems: FileSystemSampler,
    pressure: PressureReader,
    jobs: Option<JobsGroup>,
    power: PowerSampler,
    gpus: GpuSampler,
}

/// A machine that does not plot has no group, and to look for one costs as much as to read three files (measured).
const GROUP_LOOK_AGAIN: Duration = Duration::from_secs(3);

#[derive(Debug)]
struct JobsGroup {
    directory: PathBuf,
    pressure: PressureReader,
    /// While there is no group: since boot, when to look for one again.
    look_again: Duration,
}

impl HostSampler {
    /// `jobs_group` is the directory of the group above all job groups, which need not exist (yet); `None` without cgroup2.
    pub fn new(roots: &Roots, jobs_group: Option<PathBuf>) -> Self {
        let kept = |file: &str| KeptFile::new(roots.proc(file));
        Self {
            collectors: Collectors::ALL,
            stat: kept("stat"),
            cpu_pace: CpuPaceSampler::new(roots),
            memory: MemorySampler::new(roots),
            diskstats: kept("diskstats"),
            network: NetworkSampler::new(roots),
            loadavg: kept("loadavg"),
            file_nr: kept("sys/fs/file-nr"),
            devices: DeviceKinds::new(roots),
            block: roots.sys("block"),
            raids: Paced::new(RAID_PERIOD),
            file_systems: FileSystemSampler::new(roots),
            pressure: PressureReader::of_machine(roots),
            power: PowerSampler::new(roots),
            jobs: jobs_group.map(JobsGroup::new),
            gpus: GpuSampler::new(roots),
        }
    }

    /// Measures the distance to these peers as well.
    #[must_use]
    pub fn with_peers(self, peers: Vec<Peer>) -> Self {
        Self { network: self.network.with_peers(peers), ..self }
    }

    /// Reads only these parts.
    #[must_use]
    pub fn collecting(self, collectors: Collectors) -> Self {
        Self {
            collectors,
            memory: self.memory.collecting(collectors),
            network: self.network.collecting(collectors),
            power: self.power.collecting(collectors),
            cpu_pace: self.cpu_pace.collecting(collectors),
            ..self
        }
    }

    pub fn sample(&mut self, now: Moment) -> HostSample {
        let mut problems = Vec::new();
        let is_read = |collector| self.collectors.has(collector);
        let disks = is_read(Disks).then(|| told("disks", self.diskstats.read(DiskSample::parse_all), &mut problems));
        let disks = disks.flatten();
        let cpu = told("cpu", self.stat.read(CpuSample::parse), &mut problems);
        let raids = disks.as_ref().filter(|_| is_read(Raid));
        let raids = raids.map(|disks| self.raids.get(now, || RaidSample::read_all(disks, &self.block)));
        let MemoryTick { memory, vmstat, places, errors } = self.memory.sample(now, &mut problems);
        HostSample {
            cpu_pace: (is_read(CpuPace) || is_read(RunQueues))
                .then(|| self.cpu_pace.sample(now, cpu.as_ref(), &mut problems))
                .flatten(),
            cpu,
            memory,
            vmstat,
            memory_places: places,
            memory_errors: errors,
            disks: disks.map(|disks| self.devices.select(disks)),
            network: self.network.sample(now, &mut problems),
            file_systems: is_read(Space).then(|| self.file_systems.sample(now, &mut problems)).flatten(),
            raids,
            load: told("load", self.loadavg.read(LoadSample::parse), &mut problems),
            file_handles: is_read(Handles)
                .then(|| told("file-handles", self.file_nr.read(FileHandles::parse), &mut problems))
                .flatten(),
            pressure: self.pressure.read(now),
            jobs_pressure: self.jobs.as_mut().and_then(|jobs| jobs.read(now)),
            power: self.power.sample(now, &mut problems),
            gpus: is_read(Gpu).then(|| self.gpus.sample(now, &mut problems)).flatten(),
            problems,
        }
    }
}

impl JobsGroup {
    fn new(directory: PathBuf) -> Self {
        Self { pressure: PressureReader::of_group(&directory), directory, look_again: Duration::ZERO }
    }

    fn read(&mut self, now: Moment) -> Option<PressureSet> {
        if now.boot < self.look_again {
            return None;
        }
        if !self.directory.is_dir() {
            self.look_again = now.boot + GROUP_LOOK_AGAIN;
            return None;
        }
        Some(self.pressure.read(now))
    }
}

/// The value, or `None` and a problem that says why.
pub(super) fn told<T>(
    part: &'static str,
    read: Result<T, KernelError>,
    problems: &mut Vec<SampleProblem>,
) -> Option<T> {
    read.inspect_err(|error| problems.push(SampleProblem { part, reason: error.to_string() })).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::clock;
    use crate::kernel::fixture::{Fixture, at};
    use crate::pressure::PressureState;
    use crate::units::Ratio;

    fn second(number: u64) -> Moment {
        at(Duration::from_secs(number))
    }

    #[test]
    fn a_part_that_fails_takes_no_other_along() {
        let fixture = Fixture::new();
        fixture.file("proc/loadavg", "1 2 3 1/1 1\n").file("proc/meminfo", [0xff, 0xfe]).file("proc/stat", "");
        let sample = HostSampler::new(&fixture.roots, None).sample(second(1));
        assert_eq!(sample.load, Some(LoadSample { one: 1.0, five: 2.0, fifteen: 3.0 }));
        assert_eq!((sample.cpu, sample.memory, sample.disks, sample.network.interfaces), (None, None, None, None));
        assert_eq!((sample.pressure.io, sample.jobs_pressure), (PressureState::Absent, None));
        let parts: Vec<_> = sample.problems.iter().map(|problem| problem.part).collect();
        assert_eq!(parts, ["disks", "cpu", "memory", "vmstat", "interfaces", "file-systems", "file-handles"]);
        assert!(sample.problems.iter().all(|problem| problem.reason.contains("/proc/")), "{:?}", sample.problems);
    }

    #[test]
    fn what_is_left_out_is_not_read_and_no_problem() {
        let nothing = Collectors::from_iter([]);
        let sample = HostSampler::new(&Fixture::new().roots, None).collecting(nothing).sample(second(1));
        let parts: Vec<_> = sample.problems.iter().map(|problem| problem.part).collect();
        assert_eq!(parts, ["cpu", "memory", "load"]);
        let machine = HostSampler::new(&Roots::standard(), None).collecting(nothing).sample(clock::now());
        assert!(machine.cpu.is_some() && machine.memory.is_some() && machine.load.is_some());
        assert_eq!((machine.disks, machine.vmstat, machine.network), (None, None, NetworkSample::default()));
    }

    #[test]
    fn the_group_of_all_jobs_is_read_from_when_it_is_made_on() {
        let fixture = Fixture::new();
        let mut sampler = HostSampler::new(&fixture.roots, Some(fixture.path("cgroup/plotwarden")));
        let mut recent = |seconds| {
            let jobs = sampler.sample(second(seconds)).jobs_pressure?;
            Some(jobs.io.measured()?.some.recent)
        };
        let total = |micros: u64| {
            fixture.file(
                "cgroup/plotwarden/io.pressure",
                format!("some avg10=0.00 avg60=0.00 avg300=0.00 total={micros}\n"),
            );
        };
        assert_eq!(recent(1), None);
        total(0);
        assert_eq!(recent(3), None, "it is not looked for in each tick");
        assert_eq!(recent(4), Some(None));
        total(500_000);
        assert_eq!(recent(5), Some(Some(Ratio(0.5))), "and read in each, once it is there");
        fixture.remove("cgroup/plotwarden");
        assert_eq!(recent(6), None);
    }

    #[test]
    fn this_machine_is_sampled_as_others_see_it() {
        let mut sampler = HostSampler::new(&Roots::standard(), None);
        let first = sampler.sample(clock::now());
        // The program that asks file systems does not lie beside a test.
        assert!(first.problems.iter().all(|problem| problem.part == "file-systems"), "{:?}", first.problems);
        assert!(first.file_systems.unwrap().all.iter().any(|one| one.place.mount_point == "/"));
        let memory = first.memory.unwrap();
        let told = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = told.lines().next().unwrap().split_whitespace().nth(1).unwrap().parse::<u64>().unwrap();
        assert_eq!(memory.total.unwrap().0, total * 1024);
        assert!(memory.available.unwrap() <= memory.total.unwrap());
        let cpus = std::thread::available_parallelism().unwrap().get();
        assert!(first.cpu.unwrap().cpus.len() >= cpus);
        assert!(first.network.interfaces.unwrap().iter().any(|interface| interface.device.as_str() == "lo"));
        let whole = |disk: &DiskSample| std::path::Path::new("/sys/block").join(&disk.device).exists();
        assert!(first.disks.unwrap().iter().all(whole));
    }

    #[test]
    fn counters_of_this_machine_only_grow() {
        let mut sampler = HostSampler::new(&Roots::standard(), None);
        let busy = |sample: &HostSample| {
            let cpu = sample.cpu.as_ref().unwrap();
            cpu.cpus.iter().map(|(_, times)| times.user + times.system + times.idle).sum::<Duration>()
        };
        let first = sampler.sample(clock::now());
        std::thread::sleep(Duration::from_millis(50));
        let second = sampler.sample(clock::now());
        assert!(busy(&second) > busy(&first));
        assert!(second.cpu.unwrap().context_switches > first.cpu.unwrap().context_switches);
    }
}
