//! Keeps the jobs: which processes have come and gone, what each plotter shows of its progress, and what it uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::fd::BorrowedFd;
use std::path::PathBuf;
use std::sync::Arc;

use crate::actuate::Actuator;
use crate::clock::Moment;
use crate::inventory::users;
use crate::kernel::process::{Identity, ProcessDir};
use crate::kernel::process_watch::{ProcessWatch, Source};
use crate::kernel::{KernelError, Roots, clock};
use crate::plotter::{Job, JobId, JobRegistry, LogSource, Machine, Observation, Profiles};
use crate::sample::{JobSampler, Subject};
use crate::world::{JobView, PauseView};

/// The jobs of this machine, from one look to the next.
pub struct Jobs {
    roots: Roots,
    watch: ProcessWatch,
    registry: JobRegistry,
    sampler: JobSampler,
    /// Open logs; `None` for a plotter whose output cannot be followed.
    logs: HashMap<JobId, Option<LogSource>>,
    /// Processes that came, or became another program, since they were last asked for.
    arrivals: BTreeSet<i32>,
}

/// What a look at the processes has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// The kernel has told of processes.
    pub had_news: bool,
    /// A job has come or gone.
    pub changed: bool,
}

/// What was done to a job, as far as looking at it needs to know.
#[derive(Debug, Clone, Default)]
pub struct Treatment {
    pub pause: PauseView,
    /// Directory of the job's own group.
    pub group: Option<PathBuf>,
}

impl Treatment {
    pub fn of(actuator: &Actuator, roots: &Roots, job: &JobId, now: Moment) -> Self {
        let below = |group: String| Some(roots.cgroupfs.as_ref()?.join(group.trim_start_matches('/')));
        Self { pause: actuator.pause_view(job, now), group: actuator.group_of(job).and_then(below) }
    }
}

impl Jobs {
    /// `cpus_online` is what plotters take for a default number of threads.
    pub fn new(roots: &Roots, profiles: Arc<Profiles>, cpus_online: Option<u32>) -> Self {
        let machine = Machine { cpus_online, users: users() };
        Self {
            roots: roots.clone(),
            watch: ProcessWatch::new(roots),
            registry: JobRegistry::new(profiles, machine),
            sampler: JobSampler::new(roots),
            logs: HashMap::new(),
            arrivals: BTreeSet::new(),
        }
    }

    /// How new processes are noticed.
    pub fn source(&self) -> &Source {
        self.watch.source()
    }

    /// Whether a look costs next to nothing, since the kernel tells what happened.
    pub fn hears_events(&self) -> bool {
        *self.watch.source() == Source::Events
    }

    /// Readable when processes have come or gone; `None` where the kernel does not tell.
    pub fn news(&self) -> Option<BorrowedFd<'_>> {
        self.watch.readiness()
    }

    pub fn profiles(&self) -> &Arc<Profiles> {
        self.registry.profiles()
    }

    /// Takes in what happened to processes since the last look.
    pub fn look(&mut self, now: Moment) -> Result<Look, KernelError> {
        let before = self.registry.jobs();
        let changes = self.watch.changes(now)?;
        let had_news = changes.heard;
        for pid in changes.exited {
            self.arrivals.remove(&pid);
            self.registry.forget(pid);
        }
        for pid in changes.appeared {
            self.arrivals.insert(pid);
            if self.consider(pid).is_err() {
                // Ended already, or hidden from us: not a job that we could know anything of.
                self.registry.forget(pid);
            }
        }
        Ok(Look { had_news, changed: self.registry.jobs() != before })
    }

    /// The processes that came, or became another program, since the last call; for those who read processes that are no jobs.
    pub fn take_arrivals(&mut self) -> Vec<i32> {
        std::mem::take(&mut self.arrivals).into_iter().collect()
    }

    /// Reads of a process what it is, and the rest only if it plots: where programs come and go by the hundred, that is most of
    /// what a look costs (measured).
    fn consider(&mut self, pid: i32) -> Result<(), KernelError> {
        let process = ProcessDir::open(&self.roots, pid)?;
        if self.registry.consider(&process.program()?) {
            self.registry.describe(process.facts(&self.roots)?);
        }
        Ok(())
    }

    /// The jobs with their measurements, the oldest first. `treatment` says what we have done to each.
    pub fn sample(&mut self, now: Moment, treatment: impl Fn(&JobId) -> Treatment) -> Vec<JobView> {
        let present = self.registry.jobs();
        self.logs.retain(|id, _| present.iter().any(|(other, _)| other == id));
        let treatments: BTreeMap<JobId, Treatment> =
            present.iter().map(|(id, _)| (id.clone(), treatment(id))).collect();
        let observations =
            present.iter().map(|(id, plotter)| (id.clone(), self.observe(id, *plotter, treatments.get(id)))).collect();
        let jobs = self.registry.observe(now, &observations);
        let subjects: Vec<Subject> = jobs.iter().map(|job| self.subject(job, treatments.get(&job.id))).collect();
        let samples = self.sampler.sample(&subjects, now);
        jobs.into_iter()
            .zip(samples)
            .map(|(job, sample)| {
                let pause = treatments.get(&job.id).map(|treatment| treatment.pause.clone()).unwrap_or_default();
                JobView { job, sample, pause }
            })
            .collect()
    }

    fn subject(&self, job: &Job, treatment: Option<&Treatment>) -> Subject {
        Subject {
            plotter: job.plotter,
            processes: job.processes.clone(),
            temp_patterns: self.registry.temp_patterns(&job.id),
            temp_dirs: job.arguments.temp_dirs.clone(),
            group: treatment.and_then(|treatment| treatment.group.clone()),
        }
    }

    /// What the plotter shows of its progress. What cannot be read is absent; the other evidence then speaks.
    fn observe(&mut self, id: &JobId, plotter: Identity, treatment: Option<&Treatment>) -> Observation {
        let paused = treatment.map(|treatment| treatment.pause.total.values().sum()).unwrap_or_default();
        let log = self.read_log(id, plotter);
        let nothing = Observation { log, paused, ..Observation::default() };
        let Ok(process) = ProcessDir::open(&self.roots, plotter.pid) else { return nothing };
        match process.stat() {
            Ok(stat) if stat.identity == plotter => Observation {
                threads: process.thread_names().ok(),
                files: process.open_files().ok(),
                io: process.io().ok(),
                cpu: Some(clock::ticks(stat.user_ticks + stat.system_ticks)),
                ..nothing
            },
            Ok(_) | Err(_) => nothing,
        }
    }

    fn read_log(&mut self, id: &JobId, plotter: Identity) -> Option<crate::plotter::LogChunk> {
        let source = self
            .logs
            .entry(id.clone())
            .or_insert_with(|| LogSource::open(&self.roots, plotter.pid).ok().flatten())
            .as_mut()?;
        match source.read() {
            Ok(chunk) => Some(chunk),
            Err(error) => {
                tracing::debug!(job = %id, %error, "the log of a plotter cannot be read any more");
                self.logs.insert(id.clone(), None);
                None
            }
        }
    }
}
