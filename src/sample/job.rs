//! One tick's measurements of each job: sums over its processes, its group's pressure, and the space of its temp files.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::SampleProblem;
use super::background::{Background, Crew};
use super::delay::DelaySample;
use super::process::{Counted, Ledger, Live, Processes, total};
use super::temp;
use super::temp_device::TempDevices;
use crate::clock::Moment;
use crate::kernel::pressure::PressureReader;
use crate::kernel::process::{Identity, IoCounters, ProcessDir, RunState};
use crate::kernel::taskstats::TaskStats;
use crate::kernel::{Roots, cgroup, clock};
use crate::plotter::TempPattern;
use crate::pressure::PressureSet;
use crate::units::Bytes;

const TEMP_PERIOD: Duration = Duration::from_secs(5);
/// Directories are mounted elsewhere seldom, and a plotter may make its own a moment after its start.
const DEVICES_PERIOD: Duration = Duration::from_secs(15);
const PROPORTIONAL_PERIOD: Duration = Duration::from_mins(1);
/// The kernel walks every page for the proportional size and holds the memory map meanwhile: at some 10 ns a page this
/// stops a plotter that has more for longer than 10 ms, and what a plotter has is its own anyway.
const LARGEST_FOR_PROPORTIONAL: u64 = 4 << 30;

/// One tick's measurements of one job: sums over its processes. Counters include processes that ended while the job lives.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JobSample {
    pub cpu_user: Option<Duration>,
    pub cpu_system: Option<Duration>,
    pub resident: Option<Bytes>,
    /// Proportional set size from `smaps_rollup`, at most a minute old: it stalls the process that is read. `None` also
    /// where a process has more than 4 GiB resident.
    pub proportional: Option<Bytes>,
    pub threads: Option<u64>,
    pub minor_faults: Option<u64>,
    pub major_faults: Option<u64>,
    /// Bytes through read(2) and its kin, cached or not.
    pub rchar: Option<Bytes>,
    /// Bytes through write(2) and its kin: the byte odometer of progress.
    pub wchar: Option<Bytes>,
    pub read_bytes: Option<Bytes>,
    pub written_bytes: Option<Bytes>,
    /// Written to the page cache and dropped before it reached a device.
    pub cancelled_bytes: Option<Bytes>,
    /// Blocks that the job's temp files occupy, as of `temp_age` ago.
    pub temp_bytes: Option<Bytes>,
    /// Grows beyond some seconds where the temp directory does not answer.
    pub temp_age: Option<Duration>,
    pub temp_devices: TempDevices,
    pub open_files: Option<u64>,
    /// State of the plotter process itself.
    pub state: Option<RunState>,
    /// `true` if the job's group is frozen.
    pub frozen: Option<bool>,
    /// Of the job's group; `None` if it shares its group with strangers.
    pub pressure: Option<PressureSet>,
    /// What its processes waited for.
    pub delays: DelaySample,
    pub problems: Vec<SampleProblem>,
}

/// What there is to sample of a job.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The process that plots; the job lasts as long as this process.
    pub plotter: Identity,
    /// All processes of the job, the plotter among them.
    pub processes: Vec<Identity>,
    /// Its temp files. Without any pattern, the space is unknown.
    pub temp_patterns: Vec<TempPattern>,
    pub temp_dirs: Vec<PathBuf>,
    /// Directory of a group that holds nothing but this job.
    pub group: Option<PathBuf>,
}

/// Samples the jobs, and remembers of each what its ended processes had counted.
#[derive(Debug)]
pub struct JobSampler {
    roots: Roots,
    crew: Crew,
    /// `None` where delays may not be asked for, which the capabilities say.
    delays: Option<TaskStats>,
    jobs: HashMap<Identity, Watched>,
}

#[derive(Debug)]
struct Watched {
    ledger: Ledger,
    temp: Background<Result<Bytes, String>>,
    devices: Background<TempDevices>,
    proportional: Background<Option<Bytes>>,
    group: Option<WatchedGroup>,
}

#[derive(Debug)]
struct WatchedGroup {
    directory: PathBuf,
    pressure: PressureReader,
}

impl JobSampler {
    pub fn new(roots: &Roots) -> Self {
        Self { roots: roots.clone(), crew: Crew::default(), delays: TaskStats::open(roots).ok(), jobs: HashMap::new() }
    }

    /// Samples each of `subjects`, in their order. A job that is no longer among them is forgotten.
    pub fn sample(&mut self, subjects: &[Subject], now: Moment) -> Vec<JobSample> {
        self.jobs.retain(|plotter, _| subjects.iter().any(|subject| subject.plotter == *plotter));
        let Self { roots, crew, delays, jobs } = self;
        let sample = |subject: &Subject| {
            let watched = jobs.entry(subject.plotter).or_insert_with(|| Watched::new(crew));
            watched.sample(roots, subject, delays, now)
        };
        subjects.iter().map(sample).collect()
    }
}

impl Watched {
    fn new(crew: &Crew) -> Self {
        Self {
            ledger: Ledger::default(),
            temp: Background::new(TEMP_PERIOD, crew),
            devices: Background::new(DEVICES_PERIOD, crew),
            proportional: Background::new(PROPORTIONAL_PERIOD, crew),
            group: None,
        }
    }

    fn sample(&mut self, roots: &Roots, subject: &Subject, delays: &mut Option<TaskStats>, now: Moment) -> JobSample {
        let mut sample = JobSample::default();
        let processes = self.ledger.read(roots, subject.plotter, &subject.processes, delays, &mut sample.problems);
        sample.state = processes.plotter_state;
        if !processes.unreadable {
            self.enter_counters(&mut sample);
            Self::enter_levels(&processes, &mut sample);
        }
        sample.proportional = self.read_proportional(roots, &processes, now);
        self.read_temp(subject, now, &mut sample);
        sample.temp_devices = self.read_devices(roots, subject, now);
        self.read_group(subject.group.as_deref(), now, &mut sample);
        sample
    }

    fn enter_counters(&self, sample: &mut JobSample) {
        let sum = |counter: fn(&Counted) -> u64| self.ledger.sum(|counted| Some(counter(counted)));
        sample.cpu_user = sum(|counted| counted.user_ticks).map(clock::ticks);
        sample.cpu_system = sum(|counted| counted.system_ticks).map(clock::ticks);
        sample.minor_faults = sum(|counted| counted.minor_faults);
        sample.major_faults = sum(|counted| counted.major_faults);
        let bytes = |counter: fn(&IoCounters) -> u64| self.ledger.sum(|counted| Some(counter(&counted.io?))).map(Bytes);
        sample.rchar = bytes(|io| io.rchar);
        sample.wchar = bytes(|io| io.wchar);
        sample.read_bytes = bytes(|io| io.read_bytes);
        sample.written_bytes = bytes(|io| io.write_bytes);
        sample.cancelled_bytes = bytes(|io| io.cancelled_write_bytes);
        sample.delays = DelaySample::of(self.ledger.counted().map(|counted| counted.delays));
    }

    /// What processes have now; nothing is known of a job of which none is left.
    fn enter_levels(processes: &Processes, sample: &mut JobSample) {
        let live = &processes.live;
        if live.is_empty() {
            return;
        }
        sample.resident =
            total(live.iter().map(|process| Some(clock::pages(process.stat.resident_pages).0))).map(Bytes);
        sample.threads = total(live.iter().map(|process| Some(process.stat.threads)));
        sample.open_files = total(live.iter().map(|process| process.open_files));
    }

    fn read_proportional(&mut self, roots: &Roots, processes: &Processes, now: Moment) -> Option<Bytes> {
        let small = |process: &Live| clock::pages(process.stat.resident_pages).0 < LARGEST_FOR_PROPORTIONAL;
        if processes.unreadable || processes.live.is_empty() || !processes.live.iter().all(small) {
            self.proportional.forget();
            return None;
        }
        self.proportional.poll(now, || {
            let roots = roots.clone();
            let identities: Vec<Identity> = processes.live.iter().map(|process| process.stat.identity).collect();
            move || total(identities.into_iter().map(|identity| proportional_of(&roots, identity))).map(Bytes)
        });
        self.proportional.answer()?.value
    }

    fn read_temp(&mut self, subject: &Subject, now: Moment, sample: &mut JobSample) {
        if subject.temp_patterns.is_empty() {
            return;
        }
        self.temp.poll(now, || {
            let patterns = subject.temp_patterns.clone();
            move || temp::occupied(&patterns)
        });
        let mut problem = |reason: String| sample.problems.push(SampleProblem { part: "job-temp", reason });
        if let Some(late) = self.temp.late(now) {
            problem(format!(
                "a temp directory has not answered for {} s: {}",
                late.as_secs(),
                directories_of(&subject.temp_patterns)
            ));
        }
        let Some(answer) = self.temp.answer() else { return };
        match &answer.value {
            Ok(bytes) => (sample.temp_bytes, sample.temp_age) = (Some(*bytes), Some(now.since(answer.begun))),
            Err(reason) => problem(reason.clone()),
        }
    }

    /// A directory that does not answer has told before what it lies on, or nothing can be known of it.
    fn read_devices(&mut self, roots: &Roots, subject: &Subject, now: Moment) -> TempDevices {
        self.devices.poll(now, || {
            let (roots, directories) = (roots.clone(), subject.temp_dirs.clone());
            move || TempDevices::look_up(&roots, &directories)
        });
        match (self.devices.answer(), self.devices.late(now)) {
            (Some(answer), _) => answer.value.clone(),
            (None, None) => TempDevices::Pending,
            (None, Some(_)) => TempDevices::Unknown("a temp directory does not answer".to_owned()),
        }
    }

    fn read_group(&mut self, directory: Option<&Path>, now: Moment, sample: &mut JobSample) {
        let Some(directory) = directory else {
            self.group = None;
            return;
        };
        let group = match self.group.take() {
            Some(group) if group.directory == directory => group,
            _ => WatchedGroup { directory: directory.to_owned(), pressure: PressureReader::of_group(directory) },
        };
        let group = self.group.insert(group);
        match cgroup::events(directory) {
            Ok(events) => {
                sample.frozen = events.frozen;
                sample.pressure = Some(group.pressure.read(now));
            }
            // Removed since it was looked up: the job is in no group of its own any more.
            Err(error) if error.is_gone() => {}
            Err(error) => sample.problems.push(SampleProblem { part: "job-group", reason: error.to_string() }),
        }
    }
}

/// One that has ended shares nothing any more; one that cannot be read makes the sum unknown.
fn proportional_of(roots: &Roots, identity: Identity) -> Option<u64> {
    let read = ProcessDir::open(roots, identity.pid).and_then(|process| {
        let same = process.stat()?.identity == identity;
        if same { process.proportional().map(|bytes| bytes.0) } else { Ok(0) }
    });
    match read {
        Err(error) if error.is_gone() => Some(0),
        read => read.ok(),
    }
}

fn directories_of(patterns: &[TempPattern]) -> String {
    let directories: BTreeSet<_> = patterns.iter().map(|pattern| pattern.directory.display().to_string()).collect();
    directories.into_iter().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
