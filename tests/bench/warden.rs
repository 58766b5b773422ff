//! Exists to run the real plotwarden with the shipped policies beside the plotters, and to ask it what it did.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Another plotwarden than the one built here, to compare releases.
const PROGRAM: &str = "CONTENTION_PLOTWARDEN";
const POLICIES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/policies");
const PAUSED: &str = "plotwarden_job_paused_seconds_total";
const START_LIMIT: Duration = Duration::from_secs(15);
const STOP_LIMIT: Duration = Duration::from_secs(15);

static RUNNING: AtomicI32 = AtomicI32::new(0);

/// A running plotwarden. Dropping it stops it, and it thaws what it froze.
pub struct Warden {
    child: Child,
    log: PathBuf,
    paused: Arc<Paused>,
    watcher: Option<JoinHandle<()>>,
}

/// The series of a job ends with the job, so each is followed while it is there.
#[derive(Default)]
struct Paused {
    seconds: Mutex<HashMap<String, f64>>,
    done: AtomicBool,
}

impl Warden {
    /// Starts it with its run directory and log in `work`, and waits until it answers.
    pub fn start(work: &Path) -> io::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let log = work.join("plotwarden.log");
        let out = File::create(&log)?;
        let program = std::env::var_os(PROGRAM).unwrap_or_else(|| env!("CARGO_BIN_EXE_plotwarden").into());
        let child = Command::new(program)
            .arg("run")
            .arg(format!("--web.listen-address={address}"))
            .args(["--policies", POLICIES, "--max-mode", "enforce", "--path.run"])
            .arg(work.join("run"))
            .stdin(Stdio::null())
            .stderr(out.try_clone()?)
            .stdout(out)
            .spawn()?;
        RUNNING.store(child.id().cast_signed(), Ordering::Relaxed);
        let mut warden = Self { child, log, paused: Arc::default(), watcher: None };
        warden.wait_until_it_answers(address)?;
        let paused = warden.paused.clone();
        warden.watcher = Some(thread::spawn(move || paused.follow(address)));
        Ok(warden)
    }

    /// Stops it; how long it kept jobs paused in all.
    pub fn stop(mut self) -> io::Result<Duration> {
        self.end_watching();
        self.terminate()?;
        let seconds = self.paused.seconds.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(Duration::from_secs_f64(seconds.values().sum()))
    }

    fn wait_until_it_answers(&mut self, address: SocketAddr) -> io::Result<()> {
        let start = Instant::now();
        while metrics(address).is_err() {
            if let Some(status) = self.child.try_wait()? {
                return Err(self.failed(&format!("ended with {status} at once")));
            }
            if start.elapsed() > START_LIMIT {
                return Err(self.failed("does not answer"));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    fn terminate(&mut self) -> io::Result<()> {
        if self.child.try_wait()?.is_none() {
            kill(Pid::from_raw(self.child.id().cast_signed()), Signal::SIGTERM)?;
        }
        let start = Instant::now();
        while self.child.try_wait()?.is_none() {
            if start.elapsed() > STOP_LIMIT {
                self.child.kill()?;
                return Err(self.failed("does not stop when told to"));
            }
            thread::sleep(Duration::from_millis(50));
        }
        RUNNING.store(0, Ordering::Relaxed);
        Ok(())
    }

    fn end_watching(&mut self) {
        self.paused.done.store(true, Ordering::Relaxed);
        if let Some(watcher) = self.watcher.take() {
            let _ = watcher.join();
        }
    }

    /// The log goes with its directory, so the error takes it along.
    fn failed(&self, what: &str) -> io::Error {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        io::Error::other(format!("plotwarden {what}; its log:\n{log}"))
    }
}

impl Drop for Warden {
    fn drop(&mut self) {
        self.end_watching();
        let _ = self.terminate();
    }
}

/// Ends it from a signal's thread, where no destructor runs.
pub fn stop_own() {
    let pid = RUNNING.load(Ordering::Relaxed);
    if pid > 0 {
        let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
    }
}

impl Paused {
    fn follow(&self, address: SocketAddr) {
        while !self.done.load(Ordering::Relaxed) {
            if let Ok(text) = metrics(address) {
                let mut seconds = self.seconds.lock().unwrap_or_else(PoisonError::into_inner);
                for line in text.lines().filter(|line| line.starts_with(PAUSED)) {
                    if let Some((series, value)) = line.rsplit_once(' ')
                        && let Ok(value) = value.parse::<f64>()
                    {
                        let most = seconds.entry(series.to_owned()).or_default();
                        *most = most.max(value);
                    }
                }
            }
            thread::sleep(Duration::from_millis(500));
        }
    }
}

/// One scrape. HTTP/1.0, so that the answer comes whole and ends with the connection.
fn metrics(address: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
    stream.set_read_timeout(Some(Duration::from_secs(2)))?;
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200") {
        Ok(answer)
    } else {
        Err(io::Error::other(answer.lines().next().unwrap_or("no answer").to_owned()))
    }
}
