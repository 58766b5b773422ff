//! A process to act upon: several threads, which makes more threads and children when asked.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use plotwarden::actuate::JobHandle;
use plotwarden::claim::KnobKind;
use plotwarden::kernel::Roots;
use plotwarden::kernel::process::Identity;
use plotwarden::knob::{GroupUse, Linux, Machine, ReversibleMachine, Scope};
use plotwarden::plotter::JobId;

const READY: &str = "subject is ready";

/// The subject's own life: `thread` makes a thread, `child` a child.
pub fn play() {
    let sleeper = || std::thread::spawn(|| std::thread::sleep(Duration::from_mins(10)));
    let mut threads: Vec<_> = (0..3).map(|_| sleeper()).collect();
    let mut children = Vec::new();
    println!("\n{READY}");
    for line in std::io::stdin().lock().lines() {
        match line.unwrap().as_str() {
            "thread" => threads.push(sleeper()),
            "child" => children.push(Command::new("sleep").arg("600").spawn().unwrap()),
            other => panic!("what is {other}?"),
        }
        println!("\n{READY}");
    }
    for mut child in children {
        child.kill().unwrap();
        child.wait().unwrap();
    }
    std::process::exit(0);
}

/// The subject as the tests hold it.
pub struct Subject {
    child: Child,
    output: BufReader<ChildStdout>,
    pub identity: Identity,
}

/// Everything about it that a knob can change: a line for each thread, and one for the process.
pub type Snapshot = BTreeMap<String, String>;

impl Subject {
    /// Starts it under `nice`, so that its originals are not just the defaults.
    pub fn start() -> Self {
        let mut command = Command::new("nice");
        command.args(["-n", "2"]).args(crate::in_part("subject"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        wait_for(&mut output, READY);
        let identity = identity(i32::try_from(child.id()).unwrap()).unwrap();
        Self { child, output, identity }
    }

    pub fn ask(&mut self, what: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{what}").unwrap();
        wait_for(&mut self.output, READY);
    }

    pub fn job(&self) -> JobHandle {
        let machine = Linux::new(&crate::roots("/nowhere".as_ref(), None), GroupUse::Free);
        let mut processes = vec![self.identity];
        processes.extend(machine.children(self.identity));
        JobHandle { id: JobId::new("test", self.identity), plotter: self.identity, processes, may_pause: true }
    }

    /// Kills it and its children.
    pub fn kill(&mut self) {
        for process in self.job().processes.into_iter().rev() {
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process.pid), nix::sys::signal::SIGKILL);
        }
        let _ = self.child.wait();
    }

    pub fn snapshot(&self) -> Snapshot {
        self.job().processes.into_iter().flat_map(snapshot).collect()
    }

    pub fn is_stopped(&self) -> bool {
        is_stopped(self.identity.pid)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.kill();
        }
    }
}

pub fn wait_for(output: &mut impl BufRead, text: &str) {
    for line in output.lines() {
        if line.unwrap() == text {
            return;
        }
    }
    panic!("ended without saying \"{text}\"");
}

pub fn identity(pid: i32) -> Option<Identity> {
    Linux::new(&crate::roots("/nowhere".as_ref(), None), GroupUse::Free).identity(pid)
}

pub fn is_stopped(pid: i32) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap().contains("State:\tT")
}

/// Read from procfs, and not with what is tested, but for the I/O priority, which procfs does not show.
fn snapshot(process: Identity) -> Snapshot {
    let pid = process.pid;
    let read = |path: String| std::fs::read_to_string(path).unwrap_or_default();
    let mut snapshot = Snapshot::new();
    for entry in std::fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
        let tid = entry.unwrap().file_name().to_str().unwrap().to_owned();
        let stat = read(format!("/proc/{pid}/task/{tid}/stat"));
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_ascii_whitespace().collect();
        let status = read(format!("/proc/{pid}/task/{tid}/status"));
        let cpus = status.lines().find(|line| line.starts_with("Cpus_allowed:")).unwrap_or_default();
        let slack = read(format!("/proc/{tid}/timerslack_ns"));
        let values = format!("nice {} policy {} slack {} {cpus}", fields[16], fields[38], slack.trim());
        snapshot.insert(format!("{pid}/{tid}"), values);
    }
    let (oom, group) = (read(format!("/proc/{pid}/oom_score_adj")), read(format!("/proc/{pid}/cgroup")));
    snapshot.insert(format!("{pid}"), format!("stopped {} oom score {} {group}", is_stopped(pid), oom.trim()));
    let machine = Linux::new(&crate::roots("/nowhere".as_ref(), None), GroupUse::Free);
    let knob = machine.knob(KnobKind::IoPriority);
    for unit in knob.units(&Scope { processes: vec![process], ..Scope::default() }).unwrap() {
        snapshot.insert(format!("io priority of {unit}"), knob.read(&unit).unwrap().to_string());
    }
    snapshot
}

/// Where the job's group would be.
pub fn group_dir(roots: &Roots, job: &JobHandle) -> std::path::PathBuf {
    roots.cgroupfs.as_ref().unwrap().join("plotwarden").join(job.id.as_str())
}
