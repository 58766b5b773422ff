//! The real `plotwarden run` under test: its own run directory and port, its metrics as numbers, and an end that is always reached.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::state::children;

/// The program while it runs, and what it left behind.
pub struct Daemon {
    child: Child,
    /// Holds the log, and the run directory unless another one was asked for.
    folder: TempDir,
    run: PathBuf,
    address: SocketAddr,
}

/// What differs from one start to the next.
#[derive(Default, Clone)]
pub struct Options {
    /// The run directory of an earlier instance, to start beside or after it.
    pub run: Option<PathBuf>,
    pub policies: Option<PathBuf>,
    pub procfs: Option<PathBuf>,
    pub max_mode: Option<&'static str>,
    /// Where the service manager listens.
    pub notify: Option<PathBuf>,
    /// A program, with its arguments, that starts ours in its own place.
    pub wrapper: Vec<String>,
    /// Further flags.
    pub flags: Vec<String>,
}

/// The program's binary, as cargo built it for the tests.
pub const BINARY: &str = env!("CARGO_BIN_EXE_plotwarden");

impl Options {
    /// The command line; `run` is the run directory unless another one was asked for.
    pub fn command(&self, run: &Path, address: SocketAddr) -> Command {
        let mut words = self.wrapper.iter().map(String::as_str).chain([BINARY, "run"]);
        let mut command = Command::new(words.next().unwrap());
        command.args(words).arg(format!("--web.listen-address={address}"));
        command.arg("--path.run").arg(self.run.as_deref().unwrap_or(run));
        // Nobody's own profiles are to change what a test sees.
        command.arg("--profiles").arg("/nonexistent");
        if let Some(policies) = &self.policies {
            command.arg("--policies").arg(policies);
        }
        if let Some(procfs) = &self.procfs {
            command.arg("--path.procfs").arg(procfs);
        }
        if let Some(mode) = self.max_mode {
            command.arg("--max-mode").arg(mode);
        }
        if let Some(notify) = &self.notify {
            command.env("NOTIFY_SOCKET", notify);
        }
        command.args(&self.flags);
        command.stdin(Stdio::null());
        command
    }
}

impl Daemon {
    /// Starts the program and waits until it has published its first sample.
    pub fn start(options: &Options) -> Self {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let run = options.run.clone().unwrap_or_else(|| folder.path().join("run"));
        let address = free_address();
        let log = std::fs::File::create(folder.path().join("stderr.log")).unwrap();
        let child = options.command(&run, address).stderr(log).stdout(Stdio::null()).spawn().unwrap();
        let mut daemon = Self { child, folder, run, address };
        let deadline = Instant::now() + Duration::from_secs(20);
        while !matches!(daemon.get("/-/ready"), Some((200, _))) {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("plotwarden ended with {status} before it was ready:\n{}", daemon.log());
            }
            assert!(Instant::now() < deadline, "not ready within 20 s:\n{}", daemon.log());
            std::thread::sleep(Duration::from_millis(50));
        }
        daemon
    }

    pub fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap()
    }

    pub fn run_dir(&self) -> &Path {
        &self.run
    }

    /// The guard's process now, which is a child until the program ends.
    pub fn guard(&self) -> Option<i32> {
        let is_guard = |pid: &i32| {
            std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.starts_with("plotwarden-guar"))
        };
        children(self.pid()).into_iter().find(is_guard)
    }

    /// Records of what is to be put back.
    pub fn journal(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.run.join("journal")).into_iter().flatten().flatten();
        entries.map(|entry| entry.path()).collect()
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("stderr.log")).unwrap_or_default()
    }

    /// The audit file's lines, parsed.
    pub fn audit(&self) -> Vec<serde_json::Value> {
        let text = std::fs::read_to_string(self.run.join("audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    pub fn get(&self, path: &str) -> Option<(u16, String)> {
        get(self.address, path)
    }

    /// A request of another method, without a body.
    pub fn ask(&self, method: &str, path: &str) -> Option<(u16, String)> {
        ask(self.address, method, path)
    }

    /// How often the loop has turned.
    pub fn ticks(&self) -> f64 {
        self.metrics().value("plotwarden_ticks_total", &[]).unwrap()
    }

    pub fn metrics(&self) -> Metrics {
        let (status, text) = self.get("/metrics").expect("a scrape is answered");
        assert_eq!(status, 200);
        Metrics { text }
    }

    /// Waits until `found` finds something in the metrics.
    pub fn wait_for<T>(&self, what: &str, limit: Duration, found: impl Fn(&Metrics) -> Option<T>) -> T {
        let deadline = Instant::now() + limit;
        loop {
            let metrics = self.metrics();
            if let Some(answer) = found(&metrics) {
                return answer;
            }
            assert!(Instant::now() < deadline, "{what}: not within {limit:?}; log:\n{}\n{}", self.log(), metrics.text);
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(self.pid()), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(Instant::now() < deadline, "did not end within 20 s:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// SIGTERM, and the exit status.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal(nix::sys::signal::Signal::SIGTERM);
        self.wait()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            // A stopped process takes no SIGTERM until it is continued.
            self.signal(nix::sys::signal::Signal::SIGCONT);
            self.signal(nix::sys::signal::Signal::SIGTERM);
            let deadline = Instant::now() + Duration::from_secs(10);
            while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(20));
            }
            drop(self.child.kill());
            drop(self.child.wait());
        }
        if std::thread::panicking() {
            eprintln!("log of plotwarden:\n{}", self.log());
        }
    }
}

/// One scrape.
pub struct Metrics {
    pub text: String,
}

impl Metrics {
    /// The value of the one series of `name` that has all of `labels`.
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        self.all(name, labels).first().map(|(_, value)| *value)
    }

    /// All series of `name` that have all of `labels`: the text of the labels, and the value.
    pub fn all(&self, name: &str, labels: &[(&str, &str)]) -> Vec<(String, f64)> {
        let mut found = Vec::new();
        for line in self.text.lines().filter(|line| line.starts_with(name)) {
            let rest = &line[name.len()..];
            let Some((series, value)) = rest.rsplit_once(' ') else { continue };
            let is_name_whole = series.is_empty() || series.starts_with('{');
            if is_name_whole && labels.iter().all(|(key, value)| series.contains(&format!("{key}=\"{value}\""))) {
                found.push((series.to_owned(), value.parse().unwrap()));
            }
        }
        found
    }

    /// The value of a label in the first series of `name` that has all of `labels`.
    pub fn label(&self, name: &str, labels: &[(&str, &str)], wanted: &str) -> Option<String> {
        let (series, _) = self.all(name, labels).into_iter().next()?;
        let start = series.find(&format!("{wanted}=\""))? + wanted.len() + 2;
        Some(series[start..].split('"').next()?.to_owned())
    }
}

/// A loopback address whose port is free now.
pub fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

/// A plain GET: status and body; `None` if nobody answers.
pub fn get(address: SocketAddr, path: &str) -> Option<(u16, String)> {
    ask(address, "GET", path)
}

fn ask(address: SocketAddr, method: &str, path: &str) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(2)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(10))).ok()?;
    write!(stream, "{method} {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    let answer = String::from_utf8_lossy(&answer);
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_owned()))
}
