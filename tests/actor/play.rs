//! Exists to turn a script's steps into what the kernel shows of a process.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use crate::script::{Files, Script, Step, Words};

/// Linux writes at most this much at once; the memory behind it is never touched.
const CHUNK: usize = 1 << 30;
/// Exit code of `chia_plot` when SIGTERM comes twice: -4.
const FORCED: u8 = 252;
const FORCED_WITHIN: Duration = Duration::from_secs(1);

/// Plays all plots; the exit code.
pub fn run(script: &Script, mut words: Words) -> Result<u8, Box<dyn Error>> {
    let count: i64 = match script.count.as_deref().and_then(|name| words.get(name)) {
        Some(text) => text.parse().map_err(|_| format!("count {text} is no number"))?,
        None => 1,
    };
    let k = match words.get("k") {
        Some(text) => text.parse().map_err(|_| format!("k {text} is no number"))?,
        None => 32,
    };
    let last = Arc::new(AtomicBool::new(false));
    if script.finishes_plot_on_sigterm && count != 1 {
        finish_on_sigterm(last.clone())?;
    }
    let mut number = 1;
    while count < 0 || number <= count {
        words.next_plot(number);
        let mut stage = Stage::new(script.entry_bytes.of_plot(k), words.clone())?;
        for step in &script.steps {
            if let Some(code) = stage.play(step)? {
                return Ok(code);
            }
        }
        if last.load(Ordering::Relaxed) {
            break;
        }
        number += 1;
    }
    Ok(0)
}

fn finish_on_sigterm(last: Arc<AtomicBool>) -> nix::Result<()> {
    let signals = SigSet::from(Signal::SIGTERM);
    // Threads inherit the mask, so only the one below sees the signal.
    signals.thread_block()?;
    thread::spawn(move || {
        let mut before: Option<Instant> = None;
        while signals.wait().is_ok() {
            if before.is_some_and(|before| before.elapsed() < FORCED_WITHIN) {
                std::process::exit(FORCED.into());
            }
            before = Some(Instant::now());
            last.store(true, Ordering::Relaxed);
        }
    });
    Ok(())
}

/// What is on show at the moment.
struct Stage {
    words: Words,
    /// Written for one plot.
    plot_bytes: f64,
    null: File,
    bytes: Vec<u8>,
    files: BTreeMap<String, File>,
    memory: Vec<u8>,
    helpers: Helpers,
    pace: f64,
}

impl Stage {
    fn new(plot_bytes: f64, words: Words) -> io::Result<Self> {
        Ok(Self {
            words,
            plot_bytes,
            null: OpenOptions::new().write(true).open("/dev/null")?,
            bytes: vec![0; CHUNK],
            files: BTreeMap::new(),
            memory: Vec::new(),
            helpers: Helpers::default(),
            pace: std::env::var("PLOTTER_PACE").ok().and_then(|pace| pace.parse().ok()).unwrap_or(1.0),
        })
    }

    /// The exit code, if the step ends the process.
    fn play(&mut self, step: &Step) -> Result<Option<u8>, Box<dyn Error>> {
        match step {
            Step::Threads(names) => self.helpers.become_these(names)?,
            Step::Open(files) => self.open(files)?,
            Step::Remove(part) => self.remove(&self.words.fill(part)?)?,
            Step::Plot(files) => {
                self.open(files)?;
                // Closed, as a finished plot is.
                self.files.remove(&self.words.fill(&files.name)?);
            }
            Step::Rename { from, to } => {
                let from = self.words.fill(from)?;
                self.files.remove(&from);
                fs::rename(from, self.words.fill(to)?)?;
            }
            Step::Write(share) => self.write(*share)?,
            Step::Memory(bytes) => self.memory = vec![1; usize::try_from(*bytes)?],
            Step::Log(line) => say(&(self.words.fill(line)? + "\n"))?,
            Step::Print(text) => say(&self.words.fill(text)?)?,
            Step::Error(line) => eprintln!("{}", self.words.fill(line)?),
            Step::Wait(seconds) => thread::sleep(Duration::from_secs_f64(seconds * self.pace)),
            Step::Exit(code) => return Ok(Some(*code)),
        }
        Ok(None)
    }

    fn open(&mut self, files: &Files) -> Result<(), Box<dyn Error>> {
        for number in 0..files.count {
            let name = self.words.with_number(number).fill(&files.name)?;
            let mut file = File::create(&name).map_err(|error| format!("{name}: {error}"))?;
            // Real blocks, because a sparse file takes no space.
            io::copy(&mut io::Read::take(io::repeat(0x70), files.bytes), &mut file)?;
            self.files.insert(name, file);
        }
        Ok(())
    }

    fn remove(&mut self, part: &str) -> io::Result<()> {
        let names: Vec<_> = self.files.keys().filter(|name| name.contains(part)).cloned().collect();
        for name in names {
            self.files.remove(&name);
            fs::remove_file(name)?;
        }
        Ok(())
    }

    fn write(&mut self, share: f64) -> io::Result<()> {
        // A whole number of bytes below 2^53.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut left = (self.plot_bytes * share) as u64;
        while left > 0 {
            let length = usize::try_from(left).unwrap_or(CHUNK).min(CHUNK);
            self.null.write_all(&self.bytes[..length])?;
            left -= length as u64;
        }
        Ok(())
    }
}

/// Written at once, as plotters do that flush each line.
fn say(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Threads that do nothing but carry a name.
#[derive(Default)]
struct Helpers {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Helpers {
    /// Returns when all have their names, so that the next step is seen with them.
    fn become_these(&mut self, names: &[String]) -> io::Result<()> {
        self.end();
        self.over = Arc::default();
        let started = Arc::new(AtomicU32::new(0));
        for name in names {
            let (over, started) = (self.over.clone(), started.clone());
            // The thread takes its name before it runs anything.
            let thread = thread::Builder::new().name(name.clone()).stack_size(64 << 10).spawn(move || {
                started.fetch_add(1, Ordering::Relaxed);
                while !over.load(Ordering::Relaxed) {
                    thread::park();
                }
            })?;
            self.threads.push(thread);
        }
        while (started.load(Ordering::Relaxed) as usize) < names.len() {
            thread::yield_now();
        }
        Ok(())
    }

    fn end(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            thread.thread().unpark();
            let _ = thread.join();
        }
    }
}

impl Drop for Helpers {
    fn drop(&mut self) {
        self.end();
    }
}
