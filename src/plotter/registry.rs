//! The jobs of the machine over time: which processes make up which job, and how far each is.
//!
//! Pure: the caller reads the kernel, and says what it saw. Regular expressions run once per process and command line, not in
//! every tick, so that thousands of other processes cost a comparison each.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use super::command_line::{self, CommandLine};
use super::evidence::Observation;
use super::family::{self, Family, Member};
use super::job::{Job, JobId, Owner};
use super::needs::needs;
use super::profile::Profile;
use super::profiles::Profiles;
use super::progress::Tracker;
use super::schema::StopSignal;
use super::temp::{self, TempPattern};
use crate::clock::Moment;
use crate::kernel::clock;
use crate::kernel::process::{Identity, ProcessFacts, Program, Stat};

/// Facts of the machine that jobs depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// `None` if it is not known; then what depends on it is not known either.
    pub cpus_online: Option<u32>,
    /// Names by user id.
    pub users: BTreeMap<u32, String>,
}

/// Keeps the jobs over time.
#[derive(Debug)]
pub struct JobRegistry {
    profiles: Arc<Profiles>,
    machine: Machine,
    members: HashMap<i32, Member>,
    /// What tells that a process has become another program: its name, and the hash of its command line.
    seen: HashMap<i32, (String, u64)>,
    /// Facts of plotters only.
    plotters: HashMap<i32, ProcessFacts>,
    jobs: BTreeMap<JobId, Live>,
    /// Processes have come, gone or changed since the families were last found.
    stale: bool,
}

#[derive(Debug)]
struct Live {
    family: Family,
    uid: u32,
    command_line: CommandLine,
    tracker: Tracker,
    plot_id: Option<String>,
}

impl JobRegistry {
    pub fn new(profiles: Arc<Profiles>, machine: Machine) -> Self {
        Self {
            profiles,
            machine,
            members: HashMap::new(),
            seen: HashMap::new(),
            plotters: HashMap::new(),
            jobs: BTreeMap::new(),
            stale: false,
        }
    }

    pub fn profiles(&self) -> &Arc<Profiles> {
        &self.profiles
    }

    /// Takes in the cheap part of a sweep. `true` if the process is new or has become another program: then its facts must be
    /// read and given to [`consider`](Self::consider).
    pub fn needs_facts(&mut self, stat: &Stat) -> bool {
        let pid = stat.identity.pid;
        let ended = stat.has_ended();
        let known = self.members.get_mut(&pid).filter(|member| member.identity == stat.identity);
        match known {
            _ if ended => {
                self.forget(pid);
                false
            }
            None => true,
            Some(member) => {
                if member.parent != stat.parent {
                    member.parent = stat.parent;
                    self.stale = true;
                }
                self.seen.get(&pid).is_none_or(|(comm, _)| *comm != stat.comm)
            }
        }
    }

    /// Takes in a process: new, replaced by exec, or seen before. `true` if it plots and is to be described: its facts are not
    /// known yet.
    pub fn consider(&mut self, program: &Program) -> bool {
        let pid = program.identity.pid;
        let hash = hash_of(&program.argv);
        let same = |member: &&Member| member.identity == program.identity;
        let known = self.members.get(&pid).filter(same).is_some_and(|member| member.parent == program.parent);
        if known && self.seen.get(&pid).is_some_and(|(comm, argv)| *comm == program.comm && *argv == hash) {
            return self.lacks_description(pid);
        }
        let changed = self.seen.get(&pid).is_some_and(|(_, argv)| *argv != hash);
        if changed || self.members.get(&pid).is_some_and(|member| member.identity != program.identity) {
            self.forget(pid);
        }
        let role = self.profiles.recognise(&program.argv);
        self.plotters.remove(&pid);
        self.members.insert(pid, Member { identity: program.identity, parent: program.parent, role });
        self.seen.insert(pid, (program.comm.clone(), hash));
        self.stale = true;
        self.lacks_description(pid)
    }

    /// The facts of a process that plots.
    pub fn describe(&mut self, facts: ProcessFacts) {
        let pid = facts.identity.pid;
        let is_it = |member: &Member| member.identity == facts.identity && member.role.plotter.is_some();
        if self.members.get(&pid).is_some_and(is_it) {
            self.plotters.insert(pid, facts);
            self.stale = true;
        }
    }

    fn lacks_description(&self, pid: i32) -> bool {
        let plots = self.members.get(&pid).is_some_and(|member| member.role.plotter.is_some());
        plots && !self.plotters.contains_key(&pid)
    }

    /// The process has ended, or is a zombie.
    pub fn forget(&mut self, pid: i32) {
        if let Some(member) = self.members.remove(&pid) {
            self.jobs.retain(|_, live| live.family.plotter != member.identity);
            self.stale = true;
        }
        self.seen.remove(&pid);
        self.plotters.remove(&pid);
    }

    /// After a whole sweep: forgets all processes that it did not find.
    pub fn retain(&mut self, is_alive: impl Fn(Identity) -> bool) {
        let gone: Vec<i32> =
            self.members.values().map(|member| member.identity).filter(|id| !is_alive(*id)).map(|id| id.pid).collect();
        for pid in gone {
            self.forget(pid);
        }
    }

    /// The jobs there are, each with the process whose evidence is wanted.
    pub fn jobs(&mut self) -> Vec<(JobId, Identity)> {
        self.refresh();
        self.jobs.iter().map(|(id, live)| (id.clone(), live.family.plotter)).collect()
    }

    /// The jobs as they are now, the oldest first. A job without an observation keeps what was known of it.
    pub fn observe(&mut self, now: Moment, observations: &BTreeMap<JobId, Observation>) -> Vec<Job> {
        self.refresh();
        let nothing = Observation::default();
        let mut jobs = Vec::with_capacity(self.jobs.len());
        for (id, live) in &mut self.jobs {
            let Some(profile) = self.profiles.at(live.family.role.profile) else { continue };
            let seen = observations.get(id).unwrap_or(&nothing);
            jobs.push(live.observe(id, profile, &self.machine, now, seen));
        }
        jobs.sort_by_key(|job| (job.plotter.start_ticks, job.plotter.pid));
        jobs
    }

    /// Where the temp files of a job lie; none for a job that has none, or whose plot id is not known yet.
    pub fn temp_patterns(&self, id: &JobId) -> Vec<TempPattern> {
        let Some(live) = self.jobs.get(id) else { return Vec::new() };
        let Some(profile) = self.profiles.at(live.family.role.profile) else { return Vec::new() };
        temp::patterns(profile, &live.command_line, live.plot_id.as_deref())
    }

    /// The signal by which a job lets itself be asked to end after the plot at hand; none if it would just die of it.
    pub fn way_to_ask(&self, id: &JobId) -> Option<StopSignal> {
        let live = self.jobs.get(id)?;
        let ask = self.profiles.at(live.family.role.profile)?.ask.as_ref()?;
        let variables = &live.command_line.variables;
        let listens = ask.when.as_ref().is_none_or(|when| when.number(variables).is_some_and(|truth| truth != 0.0));
        listens.then_some(ask.signal)
    }

    /// Finds the families anew if anything has changed; a job that stays keeps its progress.
    fn refresh(&mut self) {
        if !std::mem::take(&mut self.stale) {
            return;
        }
        let mut before = std::mem::take(&mut self.jobs);
        for family in family::families(&self.profiles, &self.members) {
            let Some(profile) = self.profiles.at(family.role.profile) else { continue };
            let id = JobId::new(profile.name(), family.plotter);
            if let Some(live) = before.remove(&id) {
                self.jobs.insert(id, Live { family, ..live });
            } else if let Some(facts) = self.plotters.get(&family.plotter.pid) {
                self.jobs.insert(id, Live::new(profile, family, facts, &self.machine));
            }
        }
    }
}

impl Live {
    fn new(profile: &Profile, family: Family, facts: &ProcessFacts, machine: &Machine) -> Self {
        let command_line = command_line::read(profile, facts, family.role.first_argument, machine.cpus_online);
        Self { family, uid: facts.uid, command_line, tracker: Tracker::default(), plot_id: None }
    }

    fn observe(&mut self, id: &JobId, profile: &Profile, machine: &Machine, now: Moment, seen: &Observation) -> Job {
        let started = clock::ticks(self.family.plotter.start_ticks);
        let running = now.since(started).saturating_sub(seen.paused);
        let progress = self.tracker.observe(profile, &self.command_line, running, seen);
        self.plot_id.clone_from(&progress.plot_id);
        Job {
            id: id.clone(),
            profile: profile.name().to_owned(),
            plotter: self.family.plotter,
            processes: self.family.processes.clone(),
            owner: Owner { uid: self.uid, name: machine.users.get(&self.uid).cloned() },
            started,
            arguments: self.command_line.arguments.clone(),
            needs: needs(profile, &self.command_line, &progress),
            progress,
        }
    }
}

fn hash_of(argv: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    argv.hash(&mut hasher);
    hasher.finish()
}
