//! All processes, kept from sweep to sweep, and the groups that they are in.

use std::collections::{BTreeMap, HashMap};

use super::group::Group;
use super::groups::ProcessGroups;
use super::rule::Subject;
use super::sweeper::News;
use super::top::Leaders;
use super::tracked::{Counted, Tracked, Visit};
use super::{ProcessesSample, SampleProblem, TopProcess};
use crate::clock::Moment;
use crate::kernel::process::ProcessReader;
use crate::kernel::{KernelError, Roots, clock};
use crate::units::{Bytes, float};

/// A hundredth of a CPU, of the memory, and a megabyte in a second are notable.
const NOTABLE_CPUS: f64 = 0.01;
const NOTABLE_SHARE_OF_MEMORY: f64 = 0.01;
const NOTABLE_BYTES_PER_SECOND: f64 = 1e6;
/// The place of the group of those that no rule takes.
const OTHER: u16 = 0;

/// All processes that are known, and what they have counted.
#[derive(Debug)]
pub(super) struct Table {
    reader: ProcessReader,
    rules: ProcessGroups,
    users: BTreeMap<u32, String>,
    processes: HashMap<i32, Tracked>,
    groups: Vec<Group>,
    crowded_out: u64,
    sweeps: u32,
    last: Option<Moment>,
    cpu: Leaders,
    memory: Leaders,
    io: Leaders,
}

impl Table {
    /// Keeps at most `room` files open.
    ///
    /// # Errors
    /// procfs cannot be opened.
    pub fn new(
        roots: &Roots,
        rules: ProcessGroups,
        users: BTreeMap<u32, String>,
        room: usize,
    ) -> Result<Self, KernelError> {
        Ok(Self {
            reader: ProcessReader::new(roots, room)?,
            rules,
            users,
            processes: HashMap::new(),
            groups: vec![Group::new(ProcessGroups::OTHER)],
            crowded_out: 0,
            sweeps: 0,
            last: None,
            cpu: Leaders::default(),
            memory: Leaders::default(),
            io: Leaders::default(),
        })
    }

    /// Reads all processes once.
    pub fn sweep(&mut self, news: &News, now: Moment) -> ProcessesSample {
        for pid in &news.appeared {
            self.processes.entry(*pid).or_default().forget_names();
        }
        self.sweeps = self.sweeps.wrapping_add(1);
        let mut sample = ProcessesSample { begun: now.boot, ..ProcessesSample::default() };
        self.visit_all(&mut sample);
        self.sum_up(&mut sample);
        self.rank(news, now, &mut sample);
        self.last = Some(now);
        sample
    }

    fn visit_all(&mut self, sample: &mut ProcessesSample) {
        let mut processes = std::mem::take(&mut self.processes);
        processes.retain(|pid, process| {
            match process.visit(*pid, &mut self.reader, self.sweeps) {
                Visit::Unchanged => sample.unchanged += 1,
                Visit::Read(since) => self.enter(*pid, process, &since),
                Visit::Gone => {
                    process.close(&mut self.reader);
                    return false;
                }
                // Known as it was, if it was ever read.
                Visit::Failed(error) => {
                    if sample.problems.is_empty() {
                        sample.problems.push(SampleProblem { part: "processes", reason: error.to_string() });
                    }
                }
            }
            true
        });
        self.processes = processes;
    }

    fn enter(&mut self, pid: i32, process: &mut Tracked, since: &Counted) {
        let group = match process.group {
            Some(group) => group,
            None => *process.group.insert(self.group_of(pid, process)),
        };
        if let Some(group) = self.groups.get_mut(usize::from(group)) {
            group.enter(since);
        }
    }

    /// The place of the group of a process, which is made if there is room for one more.
    fn group_of(&mut self, pid: i32, process: &Tracked) -> u16 {
        let subject = self.subject(pid, process);
        let Some(name) = self.rules.group_of(&subject) else { return OTHER };
        let known = self.groups.iter().position(|group| group.name() == name);
        let place = known.unwrap_or(self.groups.len());
        if place >= ProcessGroups::MOST {
            self.crowded_out += 1;
            return OTHER;
        }
        if known.is_none() {
            self.groups.push(Group::new(&name));
        }
        u16::try_from(place).unwrap_or(OTHER)
    }

    /// What the rules look at. What cannot be read is absent, and fits no rule that asks for it.
    fn subject(&mut self, pid: i32, process: &Tracked) -> Subject {
        let wants = self.rules.wants;
        Subject {
            comm: process.comm.to_text(),
            exe: wants.exe.then(|| Some(self.reader.program(pid)?.to_string_lossy().into_owned())).flatten(),
            user: self.user(process),
            cgroup: wants.cgroup.then(|| self.reader.cgroup(pid).ok()).flatten().flatten(),
            cmdline: wants.cmdline.then(|| self.reader.command_line(pid).ok()).flatten(),
        }
    }

    fn user(&self, process: &Tracked) -> Option<String> {
        let uid = if process.kernel_thread { 0 } else { process.uid? };
        Some(self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string()))
    }

    fn sum_up(&mut self, sample: &mut ProcessesSample) {
        self.groups.iter_mut().for_each(Group::begin);
        for process in self.processes.values() {
            // One that could not be read the first time has no group yet.
            let Some(group) = process.group.and_then(|group| self.groups.get_mut(usize::from(group))) else { continue };
            group.add(&process.levels, process.start_ticks);
            let count = if process.kernel_thread { &mut sample.kernel_threads } else { &mut sample.processes };
            *count += 1;
        }
        sample.groups = self.groups.iter().map(Group::sample).collect();
        sample.groups.sort_by(|a, b| a.name.cmp(&b.name));
        sample.crowded_out = self.crowded_out;
    }

    fn rank(&mut self, news: &News, now: Moment, sample: &mut ProcessesSample) {
        let seconds = self.last.map(|last| now.since(last.boot).as_secs_f64()).filter(|seconds| *seconds > 0.0);
        let notable_bytes = news.memory_total.map(|total| float(total.0) * NOTABLE_SHARE_OF_MEMORY);
        for (&pid, process) in self.processes.iter().filter(|(pid, _)| news.jobs.binary_search(pid).is_err()) {
            if let Some(notable) = notable_bytes {
                let Bytes(resident) = clock::pages(process.levels.resident_pages);
                self.memory.consider(pid, float(resident), notable);
            }
            let (Some(since), Some(seconds)) = (process.since, seconds) else { continue };
            let on_cpu = clock::ticks(since.user_ticks + since.system_ticks).as_secs_f64();
            self.cpu.consider(pid, on_cpu / seconds, NOTABLE_CPUS);
            if let Some((read, written)) = since.io {
                self.io.consider(pid, float(read.saturating_add(written)) / seconds, NOTABLE_BYTES_PER_SECOND);
            }
        }
        let (cpu, memory, io) = (self.cpu.settle(), self.memory.settle(), self.io.settle());
        sample.top_cpu = self.named(&cpu);
        sample.top_memory = self.named(&memory);
        sample.top_io = self.named(&io);
    }

    fn named(&self, leaders: &[(i32, f64)]) -> Vec<TopProcess> {
        let named = |(pid, value): &(i32, f64)| {
            let process = self.processes.get(pid)?;
            Some(TopProcess { pid: *pid, comm: process.comm.to_text(), user: self.user(process), value: *value })
        };
        leaders.iter().filter_map(named).collect()
    }
}
