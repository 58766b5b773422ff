//! The limits of a job's group: each holds the job back, and on whichever way out, the job is where it was and the tree as it was.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use plotwarden::actuate::{Actuator, JobHandle, Outcome};
use plotwarden::claim::{Controller, KnobKind, Part, PartClass, Setting, Target};
use plotwarden::inventory::CapabilityState;
use plotwarden::knob::{Machine, ReversibleMachine};
use plotwarden::plotter::JobId;

use crate::bench::{Bench, Tried, Wishes, assert_soon, hold, tick};
use crate::state::{groups_left, unified_mount};
use crate::{proven, skipped};

/// A disk that takes every limit.
const DISK: &str = "nvme0n1";
const MIB: u64 = 1 << 20;
/// Of 100 ms, on each of which a job gets a twentieth of four CPUs at least.
const QUOTA: u64 = 30_000;

/// What each is tried with, and what the group's file says then.
fn trial(kind: KnobKind) -> (Setting, &'static str, String) {
    let number = |number: u64, file| (Setting::Number(kind, number), file, number.to_string());
    let set = |file| (Setting::Set(kind, [1].into()), file, "1".to_owned());
    match kind {
        KnobKind::CpuWeight => number(50, "cpu.weight"),
        KnobKind::CpuQuota => (Setting::Number(kind, QUOTA), "cpu.max", format!("{QUOTA} 100000")),
        KnobKind::CpuIdle => number(1, "cpu.idle"),
        KnobKind::CpuSet => set("cpuset.cpus"),
        KnobKind::NodeSet => set("cpuset.mems"),
        KnobKind::MemoryLow => number(64 * MIB, "memory.low"),
        KnobKind::MemoryHigh => number(64 * MIB, "memory.high"),
        KnobKind::MemoryMax => number(64 * MIB, "memory.max"),
        KnobKind::SwapMax => number(0, "memory.swap.max"),
        KnobKind::IoWeight => (Setting::Number(kind, 300), "io.bfq.weight", "default 300".to_owned()),
        KnobKind::IoMax => {
            let text = format!("{} rbps={} wbps=max riops=max wiops=max", number_of(DISK), 2 * MIB);
            (by_disk(kind, "rbps", 2 * MIB), "io.max", text)
        }
        KnobKind::IoLatency => {
            (by_disk(kind, "target", 5000), "io.latency", format!("{} target=5000", number_of(DISK)))
        }
        KnobKind::PidsMax => number(64, "pids.max"),
        other => panic!("{} is no limit of a group", other.name()),
    }
}

fn by_disk(kind: KnobKind, key: &str, number: u64) -> Setting {
    let limit = BTreeMap::from([(key.to_owned(), number)]);
    Setting::Keyed(kind, BTreeMap::from([(DISK.to_owned(), limit)]))
}

fn number_of(disk: &str) -> String {
    fs::read_to_string(format!("/sys/block/{disk}/dev")).unwrap().trim().to_owned()
}

/// A shell that plays the job: it does what it is told, line by line.
pub struct Shell {
    process: Child,
    orders: ChildStdin,
    pub job: JobHandle,
    /// Where it lives without us.
    pub home: String,
}

impl Shell {
    pub fn start(bench: &Bench) -> Self {
        let mut process = Command::new("sh").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        let orders = process.stdin.take().unwrap();
        let plotter = bench.machine().identity(process.id().cast_signed()).unwrap();
        let job = JobHandle { id: JobId::new("test", plotter), plotter, processes: vec![plotter], may_pause: true };
        let home = group_of(plotter.pid);
        Self { process, orders, job, home }
    }

    fn order(&mut self, line: &str) {
        writeln!(self.orders, "{line}").unwrap();
    }

    pub fn wish(&self, setting: &Setting) -> Wishes {
        vec![(Target::Job(self.job.id.clone()), setting.clone())]
    }

    #[track_caller]
    fn hold(&self, actuator: &mut Actuator, setting: &Setting) {
        hold(actuator, &self.wish(setting), std::slice::from_ref(&self.job));
    }

    #[track_caller]
    fn let_go(&self, actuator: &mut Actuator) {
        hold(actuator, &Wishes::new(), std::slice::from_ref(&self.job));
    }

    /// Of a file of the group that it is in now.
    pub fn read(&self, file: &str) -> String {
        let group = group_of(self.job.plotter.pid);
        let path = unified_mount().unwrap().join(group.trim_start_matches('/')).join(file);
        fs::read_to_string(path).unwrap_or_default().trim().to_owned()
    }

    /// A number of a file of lines such as `nr_throttled 7`.
    fn count(&self, file: &str, key: &str) -> u64 {
        let text = self.read(file);
        text.lines().find_map(|line| line.strip_prefix(key)?.trim().parse().ok()).unwrap_or(0)
    }

    #[track_caller]
    fn assert_back(&self, kind: KnobKind) {
        assert_eq!(group_of(self.job.plotter.pid), self.home, "{}", kind.name());
        assert_eq!(groups_left(), Vec::<PathBuf>::new(), "{}", kind.name());
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Path of the group that a process is in.
pub fn group_of(pid: i32) -> String {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
    groups.lines().find_map(|line| line.strip_prefix("0::")).unwrap().to_owned()
}

/// A field of `/proc/PID/status`.
fn status(pid: i32, field: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or_default().trim_matches([':', '\t']).to_owned()
}

/// Whether the knob can be tried here; if not, that is said.
fn is_usable(bench: &Bench, kind: KnobKind) -> bool {
    if !nix::unistd::geteuid().is_root() {
        skipped(kind.name(), "needs root");
        return false;
    }
    !bench.usable(|it| it == kind).is_empty()
}

/// BFQ, which heeds weights, on a disk for as long as a test runs.
struct WithBfq(Option<PathBuf>);

impl WithBfq {
    fn on(disk: &str) -> Self {
        let scheduler = Path::new("/sys/block").join(disk).join("queue/scheduler");
        Self(fs::write(&scheduler, "bfq").is_ok().then_some(scheduler))
    }
}

impl Drop for WithBfq {
    fn drop(&mut self) {
        if let Some(scheduler) = &self.0 {
            let _ = fs::write(scheduler, "none");
        }
    }
}

#[test]
fn each_limit_is_in_force_and_keeps_to_the_laws() {
    let bench = Bench::new();
    let _bfq = WithBfq::on(DISK);
    for &kind in KnobKind::ALL.iter().filter(|kind| kind.is_of_group()) {
        if !is_usable(&bench, kind) {
            continue;
        }
        let shell = Shell::start(&bench);
        let (setting, file, text) = trial(kind);
        let mut actuator = bench.actuator();
        let reports = tick(&mut actuator, &shell.wish(&setting), std::slice::from_ref(&shell.job));
        let lacks =
            |outcome: &Outcome| matches!(outcome, Outcome::Failed { error } if error.contains("the kernel lacks it"));
        if kind == KnobKind::IoLatency && reports.iter().any(|report| lacks(&report.outcome)) {
            skipped(kind.name(), "not built into this kernel");
            shell.let_go(&mut actuator);
            shell.assert_back(kind);
            continue;
        }
        shell.let_go(&mut actuator);
        drop(actuator);
        let tried = Tried {
            bench: &bench,
            wishes: shell.wish(&setting),
            jobs: vec![shell.job.clone()],
            assert_held: &|| assert_eq!(shell.read(file), text, "{}", kind.name()),
            assert_as_before: &|| shell.assert_back(kind),
        };
        tried.by_all_laws();
        proven(kind.name());
    }
}

#[test]
fn a_limit_that_is_lifted_leaves_the_others() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::CpuQuota) || !is_usable(&bench, KnobKind::PidsMax) {
        return;
    }
    let shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    let (quota, tasks) = (trial(KnobKind::CpuQuota).0, trial(KnobKind::PidsMax).0);
    let both: Wishes = [shell.wish(&quota), shell.wish(&tasks)].concat();
    hold(&mut actuator, &both, std::slice::from_ref(&shell.job));
    assert_eq!(shell.read("pids.max"), "64");
    shell.hold(&mut actuator, &quota);
    assert_eq!((shell.read("cpu.max").as_str(), shell.read("pids.max").as_str()), ("30000 100000", "max"));
    shell.let_go(&mut actuator);
    shell.assert_back(KnobKind::PidsMax);
}

/// What the root hands down, put back at the end of a test.
struct HandedDown {
    file: PathBuf,
    before: BTreeSet<String>,
}

impl HandedDown {
    fn here() -> Self {
        let file = unified_mount().unwrap().join("cgroup.subtree_control");
        let mut here = Self { file, before: BTreeSet::new() };
        here.before = here.now();
        here
    }

    fn now(&self) -> BTreeSet<String> {
        fs::read_to_string(&self.file).unwrap().split_whitespace().map(str::to_owned).collect()
    }

    fn change(&self, how: &str) {
        fs::write(&self.file, how).unwrap();
    }
}

impl Drop for HandedDown {
    fn drop(&mut self) {
        for controller in Controller::ALL.map(Controller::name) {
            let sign = if self.before.contains(controller) { '+' } else { '-' };
            let _ = fs::write(&self.file, format!("{sign}{controller}"));
        }
    }
}

#[test]
fn controllers_that_nobody_handed_down_are_taken_back() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::Controllers) || !is_usable(&bench, KnobKind::PidsMax) {
        return;
    }
    let handed = HandedDown::here();
    handed.change("-pids -memory");
    let without = handed.now();
    let shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    shell.hold(&mut actuator, &trial(KnobKind::PidsMax).0);
    let expected: BTreeSet<String> = without.iter().cloned().chain(["pids".to_owned()]).collect();
    assert_eq!(handed.now(), expected, "no more than is needed");
    // Somebody else needs one more in the meantime.
    handed.change("+memory");
    drop(actuator);
    bench.restore();
    let left: BTreeSet<String> = without.iter().cloned().chain(["memory".to_owned()]).collect();
    assert_eq!(handed.now(), left);
    shell.assert_back(KnobKind::Controllers);
    proven(KnobKind::Controllers.name());
}

#[test]
fn a_quota_is_not_exceeded() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::CpuQuota) {
        return;
    }
    let mut shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    shell.hold(&mut actuator, &trial(KnobKind::CpuQuota).0);
    shell.order("while :; do :; done");
    assert_soon(|| shell.read("cpu.stat"), || shell.count("cpu.stat", "nr_throttled") > 3);
    let (began, used) = (Instant::now(), shell.count("cpu.stat", "usage_usec"));
    std::thread::sleep(Duration::from_secs(2));
    let used = shell.count("cpu.stat", "usage_usec") - used;
    let periods = u64::try_from(began.elapsed().as_millis()).unwrap() / 100 + 2;
    assert!(used <= periods * QUOTA * 5 / 4, "{used} us in {periods} periods");
    shell.let_go(&mut actuator);
}

#[test]
fn a_set_of_cpus_and_nodes_is_kept_to_and_left_again() {
    let bench = Bench::new();
    for (kind, field) in [(KnobKind::CpuSet, "Cpus_allowed_list"), (KnobKind::NodeSet, "Mems_allowed_list")] {
        if !is_usable(&bench, kind) {
            continue;
        }
        let shell = Shell::start(&bench);
        let pid = shell.job.plotter.pid;
        let before = status(pid, field);
        let mut actuator = bench.actuator();
        shell.hold(&mut actuator, &trial(kind).0);
        assert_eq!(status(pid, field), "1");
        shell.let_go(&mut actuator);
        assert_eq!(status(pid, field), before);
    }
}

/// Linux before 6.2 would forget it; later ones keep it.
#[test]
fn somebody_who_is_pinned_to_cpus_stays_so() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::CpuSet) {
        return;
    }
    let shell = Shell::start(&bench);
    let mut pinned = Command::new("taskset").args(["4", "sleep", "600"]).spawn().unwrap();
    let pid = pinned.id().cast_signed();
    assert_soon(|| status(pid, "Name"), || status(pid, "Name") == "sleep");
    let mut actuator = bench.actuator();
    for _ in 0..2 {
        tick(&mut actuator, &shell.wish(&trial(KnobKind::CpuSet).0), std::slice::from_ref(&shell.job));
        assert_eq!(status(pid, "Cpus_allowed_list"), "2");
    }
    tick(&mut actuator, &Wishes::new(), std::slice::from_ref(&shell.job));
    assert_eq!(status(pid, "Cpus_allowed_list"), "2");
    pinned.kill().unwrap();
    pinned.wait().unwrap();
    shell.assert_back(KnobKind::CpuSet);
}

#[test]
fn a_job_beyond_its_memory_is_ended_by_the_kernel_and_not_by_us() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::MemoryMax) || !is_usable(&bench, KnobKind::SwapMax) {
        return;
    }
    let mut shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    let both = [trial(KnobKind::MemoryMax).0, trial(KnobKind::SwapMax).0].map(|setting| shell.wish(&setting)).concat();
    hold(&mut actuator, &both, std::slice::from_ref(&shell.job));
    shell.order("exec dd if=/dev/zero of=/dev/null bs=128M count=1");
    let status = shell.process.wait().unwrap();
    assert_eq!(status.signal(), Some(nix::libc::SIGKILL), "{status}");
    tick(&mut actuator, &Wishes::new(), &[]);
    assert_eq!(groups_left(), Vec::<PathBuf>::new());
}

#[test]
fn memory_that_a_job_holds_is_not_limited_away() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::MemoryMax) {
        return;
    }
    let mut shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    let roomy = Setting::Number(KnobKind::MemoryMax, 512 * MIB);
    shell.hold(&mut actuator, &roomy);
    shell.order("exec dd if=/dev/zero of=/dev/null bs=48M");
    assert_soon(|| shell.read("memory.stat"), || shell.count("memory.stat", "anon ") > 35 * MIB);
    let tight = shell.wish(&Setting::Number(KnobKind::MemoryMax, 16 * MIB));
    let reports = tick(&mut actuator, &tight, std::slice::from_ref(&shell.job));
    let Some(Outcome::Failed { error }) = reports.first().map(|report| &report.outcome) else { panic!("{reports:?}") };
    assert!(error.contains("the kernel would kill it"), "{error}");
    assert_eq!(shell.read("memory.max"), (512 * MIB).to_string());
    shell.let_go(&mut actuator);
    shell.assert_back(KnobKind::MemoryMax);
}

#[test]
fn reading_beyond_the_rate_of_a_disk_waits() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::IoMax) {
        return;
    }
    let mut shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    shell.hold(&mut actuator, &trial(KnobKind::IoMax).0);
    shell.order(&format!("while :; do dd if=/dev/{DISK} of=/dev/null bs=64k count=64 iflag=direct; done 2> /dev/null"));
    let read = || {
        let stat = shell.read("io.stat");
        let line = stat.lines().find_map(|line| line.strip_prefix(&number_of(DISK))).unwrap_or_default().to_owned();
        line.split_whitespace().find_map(|word| word.strip_prefix("rbytes=")?.parse::<u64>().ok()).unwrap_or(0)
    };
    assert_soon(|| shell.read("io.stat"), || read() > 4 * MIB);
    let (began, before) = (Instant::now(), read());
    std::thread::sleep(Duration::from_secs(3));
    let (bytes, milliseconds) = (read() - before, u64::try_from(began.elapsed().as_millis()).unwrap());
    assert!(bytes > 0 && bytes <= 2 * MIB * milliseconds / 1000 * 5 / 4 + MIB, "{bytes} bytes in {milliseconds} ms");
    shell.let_go(&mut actuator);
}

#[test]
fn a_job_cannot_fork_beyond_its_tasks() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::PidsMax) {
        return;
    }
    let mut shell = Shell::start(&bench);
    let mut actuator = bench.actuator();
    shell.hold(&mut actuator, &Setting::Number(KnobKind::PidsMax, 2));
    shell.order("sleep 600 & sleep 600 & sleep 600");
    assert_soon(|| shell.read("pids.events"), || shell.count("pids.events", "max") > 0);
    shell.let_go(&mut actuator);
}

#[test]
fn a_heavier_job_gets_more_of_a_cpu() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::CpuWeight) || !is_usable(&bench, KnobKind::CpuSet) {
        return;
    }
    let mut shells = [Shell::start(&bench), Shell::start(&bench)];
    let mut actuator = bench.actuator();
    let jobs: Vec<JobHandle> = shells.iter().map(|shell| shell.job.clone()).collect();
    let weights = [800, 100].map(|weight| Setting::Number(KnobKind::CpuWeight, weight));
    let together = Setting::Set(KnobKind::CpuSet, [1].into());
    let wishes: Vec<Wishes> = shells
        .iter()
        .zip(&weights)
        .map(|(shell, weight)| [shell.wish(weight), shell.wish(&together)].concat())
        .collect();
    hold(&mut actuator, &wishes.concat(), &jobs);
    for shell in &mut shells {
        shell.order("while :; do :; done");
    }
    let used = |shell: &Shell| shell.count("cpu.stat", "usage_usec");
    assert_soon(
        || format!("{:?}", shells.each_ref().map(used)),
        || {
            let [heavy, light] = shells.each_ref().map(used);
            heavy > 2_000_000 && light > 0 && heavy > 3 * light
        },
    );
    hold(&mut actuator, &Wishes::new(), &jobs);
}

#[test]
fn a_job_is_not_taken_from_under_a_limit_that_somebody_has_set() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::PidsMax) {
        return;
    }
    let handed = HandedDown::here();
    handed.change("+memory");
    let theirs = unified_mount().unwrap().join("limited-by-somebody");
    fs::create_dir(&theirs).unwrap();
    fs::write(theirs.join("memory.high"), "1073741824").unwrap();
    let shell = Shell::start(&bench);
    fs::write(theirs.join("cgroup.procs"), shell.job.plotter.pid.to_string()).unwrap();
    let mut actuator = bench.actuator();
    let said = tick(&mut actuator, &shell.wish(&Setting::Group), std::slice::from_ref(&shell.job));
    let Some(Outcome::Protected { why }) = said.first().map(|report| &report.outcome) else { panic!("{said:?}") };
    assert!(why.ends_with("would leave behind memory.high 1073741824 of /limited-by-somebody"), "{why}");
    assert_eq!(group_of(shell.job.plotter.pid), "/limited-by-somebody");
    tick(&mut actuator, &Wishes::new(), std::slice::from_ref(&shell.job));
    // Without the limit it may go, controllers or not.
    fs::write(theirs.join("memory.high"), "max").unwrap();
    shell.hold(&mut actuator, &Setting::Group);
    shell.let_go(&mut actuator);
    assert_eq!(group_of(shell.job.plotter.pid), "/limited-by-somebody");
    drop(shell);
    assert_soon(|| "the group is still in use".to_owned(), || fs::remove_dir(&theirs).is_ok());
}

#[test]
fn a_disk_is_watched_by_io_cost_and_then_no_more() {
    let bench = Bench::new();
    if !is_usable(&bench, KnobKind::IoCost) {
        return;
    }
    let machine = bench.machine();
    let part = Part::new(PartClass::Disk, DISK);
    let numbers = [("enable", 1), ("rpct", 9500), ("rlat", 5000)].map(|(key, number)| (key.to_owned(), number));
    let keyed = BTreeMap::from([("qos".to_owned(), BTreeMap::from(numbers))]);
    let wishes = vec![(Target::Part(part), Setting::Keyed(KnobKind::IoCost, keyed))];
    let qos = || fs::read_to_string(unified_mount().unwrap().join("io.cost.qos")).unwrap();
    let mut actuator = bench.actuator();
    hold(&mut actuator, &wishes, &[]);
    assert!(qos().contains(&format!("{} enable=1 ctrl=user rpct=95.00 rlat=5000", number_of(DISK))), "{}", qos());
    assert_eq!(machine.knob(KnobKind::IoWeight).probe().state, CapabilityState::Usable, "weights are heeded now");
    hold(&mut actuator, &Wishes::new(), &[]);
    assert!(qos().contains(&format!("{} enable=0 ctrl=auto", number_of(DISK))), "{}", qos());
}
