//! The machine that we run on: all knobs over one procfs and one cgroup2 mount.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

use super::affinity::Affinity;
use super::attribute::{AttributeKnob, catalogue};
use super::cgroup::Tree;
use super::controllers::Controllers;
use super::disk_power::{DiskPower, KernelAta};
use super::entangled::entangled;
use super::fan::{FLOOR, Fan};
use super::gpu::{Gpu, GpuLimit, STACK};
use super::group::Group;
use super::home::GroupUse;
use super::io_cost::IoCost;
use super::io_priority::IoPriorityKnob;
use super::limit::{LimitKnob, limit};
use super::nice::Nice;
use super::oom_score::OomScore;
use super::operation::Operations;
use super::pause::Pause;
use super::sched_class::Class;
use super::shaping::ShapingKnob;
use super::task::{Held, Tasks};
use super::timely::Timely;
use super::timer_slack::TimerSlack;
use super::{
    Glance, Knob, KnobError, Machine, Measured, Place, Portrait, Reversible, ReversibleMachine, Scope, Swept, Unit,
    Value, temp_files,
};
use crate::claim::{Deed, KnobKind};
use crate::inventory::{Capability, CapabilityState};
use crate::kernel::cgroup::{CgroupMode, Mounts};
use crate::kernel::nvml::LockedClock;
use crate::kernel::process::Identity;
use crate::kernel::{Roots, text};
use crate::plotter::TempPattern;
use crate::shaping::Direction;

/// This machine, under roots that tests can move; with all of each knob, or with just that side of it that puts it back.
pub struct Linux<S: Side + ?Sized = dyn Knob> {
    tasks: Tasks,
    boot_id: std::path::PathBuf,
    tree: Option<Tree>,
    /// One for each kind, in the order of kinds.
    knobs: Vec<Box<S>>,
    operations: Operations,
}

/// This machine for a restoration. What only the other side of the knobs needs is not even linked into a program of this.
pub type LinuxToRestore = Linux<dyn Reversible>;

/// The side of a knob that is shown.
pub trait Side {
    fn of(knob: impl Knob + 'static) -> Box<Self>;
    fn reversible(&self) -> &dyn Reversible;
}

impl Side for dyn Knob {
    fn of(knob: impl Knob + 'static) -> Box<Self> {
        Box::new(knob)
    }

    fn reversible(&self) -> &dyn Reversible {
        self
    }
}

impl Side for dyn Reversible {
    fn of(knob: impl Knob + 'static) -> Box<Self> {
        Box::new(knob)
    }

    fn reversible(&self) -> &dyn Reversible {
        self
    }
}

/// What the knobs are made of.
struct Doors<'a> {
    roots: &'a Roots,
    tasks: Tasks,
    tree: Option<Tree>,
    groups: GroupUse,
    mode: CgroupMode,
    timely: Timely,
    /// For NVIDIA's library.
    gpus: Timely,
}

impl Doors<'_> {
    fn knob<S: Side + ?Sized>(&self, kind: KnobKind) -> Box<S> {
        let (tasks, tree) = (self.tasks.clone(), self.tree.clone());
        let (roots, timely) = (self.roots.clone(), self.timely.clone());
        let gpu = |limit| S::of(Gpu { limit, roots: self.roots.clone(), timely: self.gpus.clone() });
        match kind {
            KnobKind::Controllers => S::of(Controllers { tasks, tree, home: self.groups.clone() }),
            KnobKind::Group => {
                S::of(Group { tasks, tree, home: self.groups.clone(), mode: self.mode, asked: Arc::default() })
            }
            KnobKind::Nice => S::of(Nice { tasks }),
            KnobKind::SchedClass => S::of(Class { tasks }),
            KnobKind::IoPriority => S::of(IoPriorityKnob { tasks }),
            KnobKind::Affinity => S::of(Affinity { tasks }),
            KnobKind::OomScore => S::of(OomScore { tasks }),
            KnobKind::TimerSlack => S::of(TimerSlack { tasks }),
            KnobKind::Pause => S::of(Pause { tasks, tree }),
            KnobKind::Shaping => self.shaping(Direction::Leaving),
            KnobKind::ArrivalShaping => self.shaping(Direction::Arriving),
            KnobKind::IoCost => S::of(IoCost { roots: self.roots.clone(), tree, timely: self.timely.clone() }),
            KnobKind::Fan => S::of(Fan { roots, timely, floor: FLOOR }),
            KnobKind::DiskPower => {
                S::of(DiskPower { roots, timely, ata: Arc::new(KernelAta { nodes: "/dev".into() }) })
            }
            KnobKind::GpuPowerLimit => gpu(GpuLimit::Power),
            KnobKind::GpuMaxClock => gpu(GpuLimit::Clock(LockedClock::Cores)),
            KnobKind::GpuMaxMemoryClock => gpu(GpuLimit::Clock(LockedClock::Memory)),
            kind => {
                let attributes: Vec<_> = catalogue::of(kind).copied().collect();
                match limit(kind) {
                    Some(limit) => S::of(LimitKnob { limit, roots, tree, timely }),
                    None => S::of(AttributeKnob { kind, attributes, roots, timely }),
                }
            }
        }
    }
}

impl Doors<'_> {
    fn shaping<S: Side + ?Sized>(&self, direction: Direction) -> Box<S> {
        S::of(ShapingKnob { direction, roots: self.roots.clone(), timely: self.timely.clone() })
    }
}

impl Linux {
    pub fn new(roots: &Roots, groups: GroupUse) -> Self {
        let mode = match groups {
            GroupUse::Free => CgroupMode::Unified,
            GroupUse::OwnedBySystemd { .. } => Mounts::read(roots).map_or(CgroupMode::None, |mounts| mounts.mode),
        };
        Self::with(roots, groups, mode)
    }
}

impl LinuxToRestore {
    /// Undoing is allowed even where doing is not.
    pub fn to_restore(roots: &Roots) -> Self {
        Self::with(roots, GroupUse::Free, CgroupMode::Unified)
    }
}

impl<S: Side + ?Sized> Linux<S> {
    fn with(roots: &Roots, groups: GroupUse, mode: CgroupMode) -> Self {
        let tasks = Tasks::new(&roots.procfs);
        let tree = roots.cgroupfs.as_deref().map(Tree::new);
        let (timely, gpus) = (Timely::default(), Timely::with_stack(STACK));
        let doors = Doors { roots, tasks: tasks.clone(), tree: tree.clone(), groups, mode, timely, gpus };
        let knobs = KnobKind::ALL.iter().map(|&kind| doors.knob(kind)).collect();
        let operations =
            Operations { roots: roots.clone(), tasks: tasks.clone(), tree: tree.clone(), timely: doors.timely };
        Self { boot_id: roots.proc("sys/kernel/random/boot_id"), tasks, tree, knobs, operations }
    }
}

impl<S: Side + ?Sized> ReversibleMachine for Linux<S> {
    fn reversible(&self, kind: KnobKind) -> &dyn Reversible {
        self.knobs[kind as usize].reversible()
    }

    fn look_again(&self) {
        self.tasks.look_again();
    }

    fn boot_id(&self) -> Result<String, KnobError> {
        let text = std::fs::read_to_string(&self.boot_id);
        text.map(|text| text.trim().to_owned())
            .map_err(|error| KnobError::Unusable(format!("cannot read {}: {error}", self.boot_id.display())))
    }

    fn identity(&self, pid: i32) -> Option<Identity> {
        Some(self.tasks.process(pid).ok()?.identity)
    }

    fn is_alive(&self, process: Identity) -> bool {
        !matches!(self.tasks.verified(process), Err(KnobError::Gone(_)))
    }

    fn parent(&self, process: Identity) -> Option<Identity> {
        let parent = self.tasks.verified(process).ok()?.parent;
        self.identity(parent).filter(|&parent| self.is_alive(parent))
    }

    fn children(&self, process: Identity) -> Vec<Identity> {
        let threads = self.tasks.thread_units(&[process]).unwrap_or_default();
        let lists = threads.iter().filter_map(|unit| match unit {
            Unit::Thread { pid, tid, .. } => {
                std::fs::read_to_string(self.tasks.dir(*pid).join(format!("task/{tid}/children"))).ok()
            }
            _ => None,
        });
        let pids: Vec<i32> = lists
            .flat_map(|list| list.split_ascii_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>())
            .collect();
        pids.into_iter().filter_map(|pid| self.identity(pid)).collect()
    }

    fn own_groups(&self) -> Vec<(String, u64)> {
        self.tree.as_ref().map(Tree::own).unwrap_or_default()
    }

    fn dissolve(&self, (path, inode): &(String, u64)) -> Result<(), KnobError> {
        let Some(tree) = &self.tree else { return Ok(()) };
        let of_io = |source| KnobError::from_io("dissolve", path, source);
        let group = tree.open(path, *inode).map_err(of_io)?;
        group.write("cgroup.freeze", "0").map_err(of_io)?;
        let root = tree.inode("/").and_then(|inode| tree.open("/", inode)).map_err(of_io)?;
        for pid in group.members().map_err(of_io)? {
            match root.write("cgroup.procs", &pid.to_string()) {
                Err(error) if error.raw_os_error() != Some(libc::ESRCH) => return Err(of_io(error)),
                _ => {}
            }
        }
        self.reversible(KnobKind::Group).finish(&Value::Group { path: path.clone(), inode: *inode })
    }
}

impl Machine for Linux {
    fn knob(&self, kind: KnobKind) -> &dyn Knob {
        self.knobs[kind as usize].as_ref()
    }

    fn portrait(&self, process: Identity) -> Result<Portrait, KnobError> {
        let stat = self.tasks.verified(process)?;
        let dir = self.tasks.dir(process.pid);
        let argv = std::fs::read(dir.join("cmdline")).unwrap_or_default();
        let argv = argv.split(|&byte| byte == 0).filter(|part| !part.is_empty());
        Ok(Portrait {
            comm: stat.comm,
            exe: std::fs::read_link(dir.join("exe")).ok(),
            exe_inode: std::fs::metadata(dir.join("exe")).ok().map(|exe| exe.ino()),
            argv: argv.map(|part| String::from_utf8_lossy(part).into_owned()).collect(),
            kernel_thread: stat.kernel_thread,
            users: std::fs::read(dir.join("status")).ok().and_then(|status| users_of(&status)),
        })
    }

    fn entangled(&self, processes: &[Identity]) -> Result<Option<String>, KnobError> {
        entangled(&self.operations.roots, processes)
    }

    fn glance(&self, process: Identity) -> Option<Glance> {
        let stat = self.tasks.verified(process).ok()?;
        Some(Glance { comm: stat.comm, threads: stat.threads })
    }

    fn lineage(&self) -> Vec<Identity> {
        let mut lineage = Vec::new();
        let mut pid = i32::try_from(std::process::id()).unwrap_or(0);
        while pid > 0 {
            let Ok(stat) = self.tasks.process(pid) else { break };
            lineage.push(stat.identity);
            pid = stat.parent;
        }
        lineage
    }

    fn measure(&self, deed: &Deed, scope: &Scope) -> Result<Measured, KnobError> {
        self.operations.measure(deed, scope)
    }

    fn perform(&self, deed: &Deed, scope: &Scope) -> Result<(), KnobError> {
        self.operations.perform(deed, scope)
    }

    fn signal(&self, process: Identity, signal: i32) -> Result<(), KnobError> {
        Held::open(&self.tasks, process)?.signal(signal)
    }

    fn pin(&self, directory: &Path) -> Result<Place, KnobError> {
        temp_files::pin(&self.operations.timely, directory)
    }

    fn sweep(&self, place: &Place, pattern: &TempPattern) -> Result<Swept, KnobError> {
        temp_files::sweep(&self.operations.timely, &self.operations.roots.procfs, place, pattern)
    }
}

/// Real and effective of `Uid: real effective saved file-system`.
fn users_of(status: &[u8]) -> Option<(u32, u32)> {
    let mut users = text::fields(text::value_of(status, b"Uid")?).map(|user| u32::try_from(text::decimal(user)?).ok());
    Some((users.next()??, users.next()??))
}

/// A capability, or the reason and the mend.
pub fn capability_of(surface: &'static str, usable: Result<(), (String, String)>) -> Capability {
    match usable {
        Ok(()) => Capability { surface, state: CapabilityState::Usable, reason: String::new(), mend: String::new() },
        Err((reason, mend)) => Capability { surface, state: CapabilityState::Unusable, reason, mend },
    }
}

/// Effective capability of ours by its number in `capability.h`; `false` if it cannot be read.
fn has_capability(tasks: &Tasks, number: u32) -> bool {
    let status = std::fs::read_to_string(tasks.dir(i32::try_from(std::process::id()).unwrap_or(0)).join("status"));
    let Ok(status) = status else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & (1 << number) != 0)
}

/// Whether niceness, class, I/O priority and affinity of other users' threads can be set and put back.
pub fn may_set_schedulers(tasks: &Tasks) -> Result<(), (String, String)> {
    const CAP_SYS_NICE: u32 = 23;
    if has_capability(tasks, CAP_SYS_NICE) {
        return Ok(());
    }
    let reason = "CAP_SYS_NICE is missing: what is set could not be put back".to_owned();
    Err((reason, "run as root, or setcap cap_sys_nice,cap_kill+ep on the binary".to_owned()))
}

/// Whether attributes of other users' processes can be written.
pub fn may_write_for_others(tasks: &Tasks) -> Result<(), (String, String)> {
    const CAP_DAC_OVERRIDE: u32 = 1;
    if has_capability(tasks, CAP_DAC_OVERRIDE) {
        return Ok(());
    }
    let reason = "CAP_DAC_OVERRIDE is missing: attributes of jobs of other users could not be written".to_owned();
    Err((reason, "run as root, or setcap cap_dac_override,cap_sys_nice,cap_kill+ep on the binary".to_owned()))
}

/// Whether processes of other users can be signalled. Own ones can always.
pub fn may_signal(tasks: &Tasks) -> Result<(), (String, String)> {
    const CAP_KILL: u32 = 5;
    if has_capability(tasks, CAP_KILL) {
        return Ok(());
    }
    let reason = "CAP_KILL is missing: jobs of other users could not be paused and resumed".to_owned();
    Err((reason, "run as root, or setcap cap_sys_nice,cap_kill+ep on the binary".to_owned()))
}
