//! The floor: the least that a sweep over the same files costs that reads all of them each time. `stat`, `io` and the size of `fd`
//! of every process, kept open, read into one buffer, a minimal parse, sums per command, text into one buffer.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{BufRead, BufReader, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::FileExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitCode, Stdio};

use nix::fcntl::{OFlag, open};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, fstat};

/// The program sweeps on request instead of measuring.
const ROLE: &str = "COST_FLOOR";

/// The bare program while it runs.
pub struct Floor {
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Floor {
    pub fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .env(ROLE, "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (requests, answers) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        Self { child, requests, answers }
    }

    pub fn pid(&self) -> i32 {
        self.child.id().cast_signed()
    }

    /// One sweep.
    pub fn sweep(&mut self) {
        self.requests.write_all(b"\n").unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        assert!(line.trim().parse::<usize>().unwrap() > 0);
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

struct Process {
    stat: File,
    io: File,
    fds: OwnedFd,
    seen: u32,
}

#[derive(Default, Clone, Copy)]
struct Sums {
    processes: u64,
    threads: u64,
    ticks: [u64; 2],
    faults: [u64; 2],
    resident: u64,
    bytes: [u64; 2],
    open_files: u64,
}

/// Sweeps at each line that comes, if that is what this process was started as.
pub fn play() -> Option<ExitCode> {
    std::env::var_os(ROLE)?;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let (mut processes, mut groups, mut text) = (HashMap::new(), HashMap::new(), String::new());
    let mut sweep = 0;
    for _ in std::io::stdin().lines() {
        sweep += 1;
        read_all(sweep, &mut processes, &mut groups);
        write_all(&groups, &mut text);
        println!("{}", text.len());
    }
    Some(ExitCode::SUCCESS)
}

fn read_all(sweep: u32, processes: &mut HashMap<i32, Process>, groups: &mut HashMap<[u8; 16], Sums>) {
    for sums in groups.values_mut() {
        *sums = Sums::default();
    }
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if let Some(process) = processes.get_mut(&pid) {
            process.seen = sweep;
        } else if let Some(process) = keep(pid, sweep) {
            processes.insert(pid, process);
        }
    }
    processes.retain(|_, process| process.seen == sweep);
    let mut buffer = [0; 4096];
    for process in processes.values() {
        let _ = read_one(process, &mut buffer, groups);
    }
}

fn keep(pid: i32, seen: u32) -> Option<Process> {
    let path = |file: &str| format!("/proc/{pid}/{file}");
    let fds = open(path("fd").as_str(), OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    Some(Process { stat: File::open(path("stat")).ok()?, io: File::open(path("io")).ok()?, fds, seen })
}

fn read_one(process: &Process, buffer: &mut [u8; 4096], groups: &mut HashMap<[u8; 16], Sums>) -> Option<()> {
    let length = process.stat.read_at(buffer, 0).ok()?;
    let stat = &buffer[..length];
    let (from, to) = (stat.iter().position(|byte| *byte == b'(')?, stat.iter().rposition(|byte| *byte == b')')?);
    let mut comm = [0; 16];
    let name = &stat[from + 1..to];
    let cut = name.len().min(15);
    comm[..cut].copy_from_slice(&name[..cut]);
    let mut numbers = [0_u64; 24];
    for (field, text) in numbers.iter_mut().zip(stat[to + 2..].split(|byte| *byte == b' ')) {
        *field = number(text);
    }
    let sums = groups.entry(comm).or_default();
    sums.processes += 1;
    sums.threads += numbers[17];
    sums.ticks = [sums.ticks[0] + numbers[11], sums.ticks[1] + numbers[12]];
    sums.faults = [sums.faults[0] + numbers[7], sums.faults[1] + numbers[9]];
    sums.resident += numbers[21];
    let length = process.io.read_at(buffer, 0).ok()?;
    let mut lines = buffer[..length].split(|byte| *byte == b'\n').skip(4);
    for sum in &mut sums.bytes {
        *sum += lines.next()?.rsplit(|byte| *byte == b' ').next().map_or(0, number);
    }
    sums.open_files += u64::try_from(fstat(&process.fds).ok()?.st_size).ok()?;
    Some(())
}

fn number(text: &[u8]) -> u64 {
    text.iter().fold(0, |value, byte| value.wrapping_mul(10).wrapping_add(u64::from(byte.wrapping_sub(b'0'))))
}

fn write_all(groups: &HashMap<[u8; 16], Sums>, text: &mut String) {
    text.clear();
    for (comm, sums) in groups.iter().filter(|(_, sums)| sums.processes > 0) {
        let name = String::from_utf8_lossy(comm);
        let name = name.trim_end_matches('\0');
        let Sums { processes, threads, ticks, faults, resident, bytes, open_files } = sums;
        for (family, value) in [
            ("processes", processes),
            ("threads", threads),
            ("user_ticks_total", &ticks[0]),
            ("system_ticks_total", &ticks[1]),
            ("minor_faults_total", &faults[0]),
            ("major_faults_total", &faults[1]),
            ("resident_pages", resident),
            ("read_bytes_total", &bytes[0]),
            ("written_bytes_total", &bytes[1]),
            ("open_files", open_files),
        ] {
            writeln!(text, "floor_{family}{{group=\"{name}\"}} {value}").unwrap();
        }
    }
}
