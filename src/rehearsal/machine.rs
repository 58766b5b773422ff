//! The machine of a test: its plots as processes of the machine in memory, what has become of them, and what of it is not as before.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use crate::actuate::{Actuator, JobHandle};
use crate::claim::{KnobKind, Part, PartClass};
use crate::clock::Moment;
use crate::kernel::process::{Identity, RunState};
use crate::knob::fake::{Fake, FakePart, State, no_limit};
use crate::plotter::{Arguments, Job, JobId, Needs, Owner, Profiles, Progress, RuntimeKnob};
use crate::policy::PolicyKnob;
use crate::policy::cases::{Case, GivenJob, Topology};
use crate::pressure::PressureSet;
use crate::sample::{JobSample, TempDevices};
use crate::units::Ratio;
use crate::world::{JobView, Layout};

/// Below which the groups lie that we make for jobs.
const OWN_GROUPS: &str = "/plotwarden/";
const FIRST_PID: i32 = 1000;
/// Of the users of a test, who are told apart by name.
const UID: u32 = 1000;

/// The plots that are there now, and those that are yet to come.
pub struct Machine {
    state: Rc<RefCell<State>>,
    plots: Vec<Plot>,
    queue: Vec<GivenJob>,
    next_pid: i32,
    layout: Arc<Layout>,
    /// Plots of the queue that have run.
    begun: BTreeSet<String>,
}

struct Plot {
    given: GivenJob,
    handle: JobHandle,
    /// Time since boot.
    started: Duration,
    /// Running time within the test.
    ran: Duration,
}

/// CPUs are numbered node by node; of parts there is a handful that any policy can name.
fn layout(topology: Topology) -> Layout {
    let of_node = topology.cores_per_node * topology.smt;
    let nodes = (0..topology.numa_nodes).map(|node| (node, (node * of_node..(node + 1) * of_node).collect()));
    Layout { parts: parts().map(|(_, part)| part).collect(), nodes: nodes.collect() }
}

/// Each knob that is no job's, with the parts that have it.
fn parts() -> impl Iterator<Item = (KnobKind, Part)> {
    let class = |kind: KnobKind| match kind {
        KnobKind::Shaping | KnobKind::ArrivalShaping => Some(PartClass::Interface),
        kind => PolicyKnob::of(kind).and_then(|knob| knob.of),
    };
    let of_parts = KnobKind::ALL.iter().filter_map(move |&kind| Some((kind, class(kind)?)));
    of_parts.flat_map(|(kind, class)| names(class).iter().map(move |name| (kind, Part::new(class, *name))))
}

fn names(class: PartClass) -> &'static [&'static str] {
    match class {
        PartClass::Machine => &[""],
        PartClass::Disk => &["nvme0n1", "sda"],
        PartClass::DiskHost => &["host0"],
        PartClass::Interface => &["eth0"],
        PartClass::PowerConstraint => &["intel-rapl:0:0"],
        PartClass::Gpu => &["GPU-0"],
        PartClass::Fan => &["hwmon0/pwm1"],
        PartClass::IdleState => &["0:1"],
        PartClass::PagePool => &["0:2048kB"],
        PartClass::Device => &["pci/0000:00:1f.2"],
        PartClass::Cpu | PartClass::CpuPolicy | PartClass::Node | PartClass::Irq => &["0"],
    }
}

impl Machine {
    /// Its parts and where its CPUs are.
    pub fn layout(&self) -> Arc<Layout> {
        Arc::clone(&self.layout)
    }

    /// `now` is the first moment of the test.
    pub fn new(case: &Case, profiles: &Profiles, now: Moment) -> Self {
        let mut state = State::default();
        let topology = case.topology;
        state.parts = parts().map(|(kind, part)| ((kind, part), FakePart::of(kind))).collect();
        state.online = (0..topology.numa_nodes * topology.cores_per_node * topology.smt).collect();
        let mut machine = Self {
            state: Rc::new(RefCell::new(state)),
            plots: Vec::new(),
            queue: Vec::new(),
            next_pid: FIRST_PID,
            layout: Arc::new(layout(topology)),
            begun: BTreeSet::new(),
        };
        for job in case.jobs.iter().flat_map(GivenJob::each) {
            match job.at {
                Some(_) => machine.queue.push(job),
                None => machine.start(job.clone(), now.boot.saturating_sub(job.age), profiles),
            }
        }
        machine.queue.sort_by_key(|job| job.at);
        machine
    }

    /// What the actuator acts upon.
    pub fn kernel(&self) -> Fake {
        Fake::new(&self.state)
    }

    fn start(&mut self, given: GivenJob, started: Duration, profiles: &Profiles) {
        let pid = self.next_pid;
        self.next_pid += 1;
        let mut state = self.state.borrow_mut();
        let plotter = state.spawn(pid, 1);
        let online = state.online.clone();
        for thread in state.processes.get_mut(&pid).into_iter().flat_map(|process| process.threads.values_mut()) {
            thread.values.cpus.clone_from(&online);
            thread.native.cpus.clone_from(&online);
        }
        drop(state);
        let may_pause = profiles.get(&given.plotter).is_some_and(|profile| profile.allows(RuntimeKnob::Pause));
        let id = JobId::from(given.id.as_str());
        let handle = JobHandle { id, plotter, processes: vec![plotter], may_pause };
        self.plots.push(Plot { given, handle, started, ran: Duration::ZERO });
    }

    /// One step passes for the plots that ran since the last one; those that are finished end, and those whose time has come start.
    pub fn advance(&mut self, step: Duration, elapsed: Duration, now: Moment, profiles: &Profiles) {
        let halted = self.halted();
        for plot in &mut self.plots {
            if !halted.contains(&plot.given.id) {
                plot.ran += step;
            }
        }
        let finished = |plot: &mut Plot| plot.given.lasts.is_some_and(|lasts| plot.ran >= lasts);
        for plot in self.plots.extract_if(.., finished) {
            self.state.borrow_mut().processes.remove(&plot.handle.plotter.pid);
        }
        let due = self.queue.partition_point(|job| job.at.is_some_and(|at| at <= elapsed));
        for job in self.queue.drain(..due).collect::<Vec<_>>() {
            self.start(job, now.boot, profiles);
        }
    }

    /// Takes note of which plots of the queue have come to run.
    pub fn note_starts(&mut self, halted: &BTreeSet<String>) {
        let of_queue = self.plots.iter().filter(|plot| plot.given.at.is_some());
        let running = of_queue.filter(|plot| !halted.contains(&plot.given.id));
        self.begun.extend(running.map(|plot| plot.given.id.clone()));
    }

    /// How many plots of the queue have run so far.
    pub fn starts(&self) -> usize {
        self.begun.len()
    }

    pub fn handles(&self) -> Vec<JobHandle> {
        self.plots.iter().map(|plot| plot.handle.clone()).collect()
    }

    /// The plots as they would be recognised and measured, the oldest first; `pressure` is that of each job.
    pub fn views(&self, actuator: &Actuator, pressure: &PressureSet, now: Moment) -> Vec<JobView> {
        let mut views: Vec<JobView> = self.plots.iter().map(|plot| plot.view(actuator, pressure, now)).collect();
        views.sort_by_key(|view| view.job.started);
        views
    }

    /// The plots that stand still, by signal or with their group.
    pub fn halted(&self) -> BTreeSet<String> {
        let state = self.state.borrow();
        let stands = |plotter: Identity| {
            let process = state.live(plotter)?;
            let frozen = state.groups.get(&process.group).is_some_and(|group| group.frozen);
            Some(process.stopped || frozen)
        };
        let halted = self.plots.iter().filter(|plot| stands(plot.handle.plotter) == Some(true));
        halted.map(|plot| plot.given.id.clone()).collect()
    }

    /// The plots that are there, without those that stand still.
    pub fn running(&self, halted: &BTreeSet<String>) -> BTreeSet<String> {
        self.plots.iter().map(|plot| plot.given.id.clone()).filter(|id| !halted.contains(id)).collect()
    }

    /// Everything that is not as it was before the test, in words. The groups of jobs stay for as long as a policy looks at the jobs:
    /// they, and the controllers in them, count only `after_all`.
    pub fn changed(&self, after_all: bool) -> Vec<String> {
        let state = self.state.borrow();
        let names: BTreeMap<i32, &str> =
            self.plots.iter().map(|plot| (plot.handle.plotter.pid, plot.given.id.as_str())).collect();
        let mut changed = Vec::new();
        for (pid, process) in &state.processes {
            let name = names.get(pid).copied().unwrap_or("a process");
            let mut note = |what: &str, differs: bool| {
                if differs {
                    changed.push(format!("{what} of {name}"));
                }
            };
            note("pause", process.stopped != process.native_stopped);
            note("oom-score", process.oom_score != process.native_oom_score);
            let moved = process.group != process.native_group;
            note("group", moved && (after_all || !process.group.starts_with(OWN_GROUPS)));
            note("priority or CPUs", process.threads.values().any(|thread| thread.values != thread.native));
        }
        for (path, group) in state.groups.iter().filter(|(path, _)| path.starts_with(OWN_GROUPS)) {
            let name = path.trim_start_matches(OWN_GROUPS);
            if group.frozen {
                changed.push(format!("pause of {name}"));
            }
            let set = group.limits.iter().filter(|(kind, value)| **value != no_limit(**kind));
            changed.extend(set.map(|(kind, _)| format!("{} of {name}", kind.name())));
        }
        let parts = state.parts.iter().filter(|(_, found)| found.value != found.native);
        changed.extend(parts.map(|((kind, part), _)| format!("{} of {part}", kind.name())));
        let handed = state.handed.iter().filter(|(_, (reach, native))| after_all && reach != native);
        changed.extend(handed.map(|(controller, _)| format!("controller {}", controller.name())));
        changed
    }
}

impl Plot {
    fn view(&self, actuator: &Actuator, pressure: &PressureSet, now: Moment) -> JobView {
        let Self { given, handle, started, .. } = self;
        let job = Job {
            id: handle.id.clone(),
            profile: given.plotter.clone(),
            plotter: handle.plotter,
            processes: handle.processes.clone(),
            owner: Owner { uid: UID, name: Some(given.user.clone()) },
            started: *started,
            arguments: Arguments {
                k: Some(given.k),
                threads: given.threads,
                temp_dirs: given.temp_dirs.clone(),
                final_dirs: given.final_dirs.clone(),
                ..Arguments::default()
            },
            progress: Progress { phase: given.phase, ratio: Some(self.progress()), ..Progress::default() },
            needs: Needs::default(),
        };
        let sample = JobSample {
            state: Some(RunState::Running),
            pressure: Some(pressure.clone()),
            temp_devices: given.devices.clone().map_or(TempDevices::Pending, TempDevices::Known),
            ..JobSample::default()
        };
        JobView { job, sample, pause: actuator.pause_view(&handle.id, now) }
    }

    /// Straight from where it began to its end, if it has one.
    fn progress(&self) -> Ratio {
        let Some(lasts) = self.given.lasts.filter(|lasts| !lasts.is_zero()) else { return Ratio(self.given.progress) };
        let share = (self.ran.as_secs_f64() / lasts.as_secs_f64()).min(1.0);
        Ratio(self.given.progress + (1.0 - self.given.progress) * share)
    }
}
