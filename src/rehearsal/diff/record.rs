//! What the embedded history tells of the past: pressures, memory, and the plots with what their series say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::clock::Moment;
use crate::history::file::SnapshotFile;
use crate::history::{History, HistoryConfig, Labels, NAME, Query, SnapshotFault, Target, TooMuch};
use crate::kernel::process::{Identity, RunState};
use crate::plotter::{Arguments, Job, JobId, Needs, Owner, Phase, Progress};
use crate::pressure::{Pressure, PressureSet, PressureState, Resource, Stall};
use crate::promql::{MatchOp, Matcher, Semantics, Summary, is_stale};
use crate::sample::{HostSample, JobSample, MemorySample, TempDevices};
use crate::units::{Bytes, Ratio, whole};
use crate::world::{JobView, PauseView, World};

/// Name of the file in the directory that keeps the history over restarts.
const FILE: &str = "history";
/// More than any machine keeps.
const MEMORY: Bytes = Bytes(1 << 30);
/// Time since boot at the first sample: longer than any plot runs.
const UPTIME: Duration = Duration::from_hours(60 * 24);
const MOST_SERIES: usize = 200_000;
const MOST_SAMPLES: usize = 50_000_000;

/// The series that a world is made of.
const READ: &str = "up|plotwarden_(pressure_waiting_seconds_total|job_pressure_waiting_seconds_total|\
memory_(total|available)_bytes|swap_(total|free)_bytes|job_info|job_directory_info|job_temp_device_info|\
job_start_time_seconds|job_phase|job_progress_ratio|job_stalled)";

/// Why the past cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum CannotOpen {
    #[error("cannot read {}: {source}; name a file that `--history.file` of a run has kept", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error("there is no history at {}; name a file that `--history.file` of a run has kept", path.display())]
    Absent { path: PathBuf },
    #[error("{} cannot be used: {fault}", path.display())]
    Damaged { path: PathBuf, fault: SnapshotFault },
    #[error("the history holds too much: {0}")]
    TooMuch(#[from] TooMuch),
    #[error("cannot look for the series: {0}")]
    Pattern(String),
}

/// The past of one machine.
pub struct Record {
    history: History,
    /// The labels of the machine's series.
    pub target: Target,
    /// When it was sampled, milliseconds since the epoch.
    pub stamps: Vec<i64>,
    tracks: BTreeMap<String, Vec<Track>>,
}

struct Track {
    labels: Labels,
    stamps: Arc<[i64]>,
    values: Vec<f64>,
}

impl Track {
    fn value(&self, at: i64) -> Option<f64> {
        let place = self.stamps.binary_search(&at).ok()?;
        self.values.get(place).copied().filter(|value| !is_stale(*value) && value.is_finite())
    }

    /// Growth up to `at` since the sample before, by seconds.
    fn rate(&self, at: i64) -> Option<f64> {
        let place = self.stamps.binary_search(&at).ok()?;
        let before = *self.stamps.get(place.checked_sub(1)?)?;
        let grown = self.value(at)? - self.value(before)?;
        #[expect(clippy::cast_precision_loss, reason = "milliseconds between two samples are few")]
        let seconds = (at - before) as f64 / 1000.0;
        (seconds > 0.0).then_some((grown / seconds).clamp(0.0, 1.0))
    }

    fn label(&self, name: &str) -> &str {
        self.labels.get(name).unwrap_or_default()
    }
}

impl Record {
    /// Opens the file, or the file of the directory; nothing is written to it. The last `range` counts.
    ///
    /// # Errors
    /// There is none, or it cannot be used.
    pub fn open(path: &Path, range: Duration) -> Result<Self, CannotOpen> {
        let path = if path.is_dir() { path.join(FILE) } else { path.to_owned() };
        let nobody = Target { job: String::new(), instance: String::new() };
        let config = HistoryConfig { target: nobody, memory_limit: MEMORY, forecast: Vec::new() };
        match SnapshotFile::new(&path).read(&config) {
            Ok(Some(Ok(history))) => Self::of(history, range),
            Ok(Some(Err(fault))) => Err(CannotOpen::Damaged { path, fault }),
            Ok(None) => Err(CannotOpen::Absent { path }),
            Err(source) => Err(CannotOpen::Io { path, source }),
        }
    }

    /// The last `range` of a history.
    pub fn of(history: History, range: Duration) -> Result<Self, CannotOpen> {
        let matcher = Matcher::new(NAME, MatchOp::Regex, READ, Semantics::default()).map_err(CannotOpen::Pattern)?;
        let end = history.newest().unwrap_or(0);
        let query = Query {
            matchers: &[matcher],
            start: end.saturating_sub(i64::try_from(range.as_millis()).unwrap_or(i64::MAX)),
            end,
            window: None,
            summary: Summary::Most,
            most_series: MOST_SERIES,
            most_samples: MOST_SAMPLES,
        };
        let mut tracks: BTreeMap<String, Vec<Track>> = BTreeMap::new();
        for found in history.select(&query)?.series {
            let name = found.labels.get(NAME).unwrap_or_default().to_owned();
            tracks.entry(name).or_default().push(Track {
                labels: found.labels,
                stamps: found.stamps,
                values: found.values,
            });
        }
        let up = tracks.get("up").and_then(|found| found.first());
        let stamps = up.map(|up| up.stamps.to_vec()).unwrap_or_default();
        let label = |name: &str| up.map_or_else(String::new, |up| up.label(name).to_owned());
        let target = Target { job: label("job"), instance: label("instance") };
        Ok(Self { history, target, stamps, tracks })
    }

    pub fn history(&self) -> &History {
        &self.history
    }

    /// How many plots its series tell of.
    pub fn jobs(&self) -> usize {
        let ids: BTreeSet<&str> = self.series("plotwarden_job_info").iter().map(|info| info.label("job_id")).collect();
        ids.len()
    }

    /// The machine at one of its samples; `paused` says since when a plot is held, and why.
    pub fn world(&self, at: i64, paused: &BTreeMap<JobId, (Duration, String)>) -> World {
        let now = self.moment(at);
        let memory = |name: &str| self.one(name, &[], at).map(|value| Bytes(whole(value)));
        let host = HostSample {
            pressure: self.pressure("plotwarden_pressure_waiting_seconds_total", ("scope", "machine"), at),
            jobs_pressure: Some(self.pressure("plotwarden_pressure_waiting_seconds_total", ("scope", "jobs"), at)),
            memory: Some(MemorySample {
                total: memory("plotwarden_memory_total_bytes"),
                available: memory("plotwarden_memory_available_bytes"),
                swap_total: memory("plotwarden_swap_total_bytes"),
                swap_free: memory("plotwarden_swap_free_bytes"),
                ..MemorySample::default()
            }),
            ..HostSample::default()
        };
        let present = (0..).zip(self.series("plotwarden_job_info")).filter(|(_, track)| track.value(at).is_some());
        let mut jobs: Vec<JobView> = present.map(|(place, track)| self.job(place, track, at, now, paused)).collect();
        jobs.sort_by_key(|view| view.job.started);
        World { now, host, jobs, layout: Arc::default(), processes: None }
    }

    pub fn moment(&self, at: i64) -> Moment {
        let millis = |millis: i64| Duration::from_millis(u64::try_from(millis).unwrap_or(0));
        let first = self.stamps.first().copied().unwrap_or(at);
        Moment { boot: UPTIME + millis(at - first), wall: SystemTime::UNIX_EPOCH + millis(at) }
    }

    fn job(
        &self,
        place: i32,
        info: &Track,
        at: i64,
        now: Moment,
        paused: &BTreeMap<JobId, (Duration, String)>,
    ) -> JobView {
        let name = info.label("job_id");
        let id = JobId::from(name);
        let of_job = |series: &str| self.one(series, &[("job_id", name)], at);
        let directories = |purpose: &str| -> Vec<PathBuf> {
            let all = self.matching("plotwarden_job_directory_info", &[("job_id", name), ("use", purpose)], at);
            all.iter().map(|track| PathBuf::from(track.label("path"))).collect()
        };
        let devices: Vec<String> = self
            .matching("plotwarden_job_temp_device_info", &[("job_id", name)], at)
            .iter()
            .map(|track| track.label("device").to_owned())
            .collect();
        let plotter = Identity { pid: place + 1, start_ticks: 1 };
        let owner = info.label("owner");
        let job = Job {
            id: id.clone(),
            profile: info.label("profile").to_owned(),
            plotter,
            processes: vec![plotter],
            owner: Owner { uid: owner.parse().unwrap_or(u32::MAX), name: Some(owner.to_owned()) },
            started: started(of_job("plotwarden_job_start_time_seconds"), now),
            arguments: Arguments {
                k: info.label("k").parse().ok(),
                threads: info.label("threads").parse().ok(),
                temp_dirs: directories("temp"),
                final_dirs: directories("final"),
                ..Arguments::default()
            },
            progress: Progress {
                phase: of_job("plotwarden_job_phase").and_then(phase),
                ratio: of_job("plotwarden_job_progress_ratio").map(Ratio),
                stalled: of_job("plotwarden_job_stalled") == Some(1.0),
                ..Progress::default()
            },
            needs: Needs::default(),
        };
        let sample = JobSample {
            state: Some(RunState::Running),
            pressure: Some(self.pressure("plotwarden_job_pressure_waiting_seconds_total", ("job_id", name), at)),
            temp_devices: if devices.is_empty() { TempDevices::Pending } else { TempDevices::Known(devices) },
            ..JobSample::default()
        };
        let since = paused.get(&id).cloned();
        let total = since.iter().map(|(from, reason)| (reason.clone(), now.since(*from))).collect();
        JobView { job, sample, pause: PauseView { since, total } }
    }

    fn pressure(&self, series: &str, (label, whose): (&str, &str), at: i64) -> PressureSet {
        let of = |resource: Resource| {
            let stall = |kind: &str| {
                let labels = [(label, whose), ("resource", resource.name()), ("kind", kind)];
                let track = self.matching(series, &labels, at).first().copied()?;
                Some(Stall { recent: track.rate(at).map(Ratio), ..Stall::default() })
            };
            match stall("some") {
                Some(some) => PressureState::Measured(Pressure { some, full: stall("full") }),
                None => PressureState::Unreadable("the history does not tell".to_owned()),
            }
        };
        PressureSet { cpu: of(Resource::Cpu), memory: of(Resource::Memory), io: of(Resource::Io) }
    }

    fn series(&self, series: &str) -> &[Track] {
        self.tracks.get(series).map_or(&[], Vec::as_slice)
    }

    fn one(&self, series: &str, labels: &[(&str, &str)], at: i64) -> Option<f64> {
        self.matching(series, labels, at).first().and_then(|track| track.value(at))
    }

    fn matching(&self, series: &str, labels: &[(&str, &str)], at: i64) -> Vec<&Track> {
        let fits = move |track: &&Track| {
            labels.iter().all(|(name, value)| track.label(name) == *value) && track.value(at).is_some()
        };
        self.series(series).iter().filter(fits).collect()
    }
}

/// Of a plot that does not say, the oldest there can be: nobody takes it for one that has just begun.
fn started(since_1970: Option<f64>, now: Moment) -> Duration {
    let wall = now.wall.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs_f64();
    let age = since_1970.map_or(UPTIME, |since| Duration::from_secs_f64((wall - since).max(0.0)));
    now.boot.saturating_sub(age)
}

/// As `plotwarden_job_phase` numbers them.
fn phase(number: f64) -> Option<Phase> {
    match whole(number) {
        0 => Some(Phase::Allocating),
        number @ 1..=9 => u8::try_from(number).ok().map(Phase::Number),
        10 => Some(Phase::Writing),
        11 => Some(Phase::Copying),
        12 => Some(Phase::Done),
        _ => None,
    }
}
