//! Exists so that tests control a plotter that really plots: chiapos, the one plotter that can be had as a package.
//!
//! It is installed once into the target folder and started as people start it, `ProofOfSpace create -k ...`.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERSION: &str = "2.0.12";
const LAUNCHER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/ProofOfSpace");

/// An installed chiapos.
#[derive(Debug, Clone)]
pub struct Chiapos {
    package: PathBuf,
}

/// What is asked of one plotter; the directories must exist.
#[derive(Debug, Clone)]
pub struct Plot {
    pub k: u8,
    pub threads: u32,
    pub buckets: u32,
    pub buffer_mib: u32,
    pub temp: PathBuf,
    pub dst: PathBuf,
}

impl Plot {
    /// A plot that is small enough for a test, with the buckets that such a small one allows.
    pub fn small(k: u8, temp: &Path, dst: &Path) -> Self {
        Self { k, threads: 2, buckets: 16, buffer_mib: 512, temp: temp.to_owned(), dst: dst.to_owned() }
    }
}

/// What a plot answered to challenges.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proofs {
    pub good: u32,
    pub bad: u32,
}

impl Chiapos {
    /// Installs it with pip unless an earlier run has; says why when that cannot be done.
    pub fn install() -> io::Result<Self> {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap_or(Path::new("target"));
        let package = target.join("chiapos").join(VERSION);
        if !package.exists() {
            // Another test program may be at the same; the rename makes one of them win with a whole package.
            let mine = target.join("chiapos").join(format!("{VERSION}.{}", std::process::id()));
            let out = Command::new("python3")
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target"])
                .arg(&mine)
                .arg(format!("chiapos=={VERSION}"))
                .output()?;
            if !out.status.success() {
                return Err(failed("pip install chiapos", &out.stderr));
            }
            if fs::rename(&mine, &package).is_err() {
                fs::remove_dir_all(&mine)?;
            }
        }
        Ok(Self { package })
    }

    /// The command line of a plotter; its log goes to the file.
    pub fn plotter(&self, plot: &Plot, log: &Path) -> io::Result<Command> {
        let log = File::create(log)?;
        let mut command = self.launcher();
        command
            .args(["create", "-k", &plot.k.to_string(), "-r", &plot.threads.to_string()])
            .args(["-u", &plot.buckets.to_string(), "-b", &plot.buffer_mib.to_string()])
            .arg("-t")
            .arg(&plot.temp)
            .arg("-2")
            .arg(&plot.temp)
            .arg("-d")
            .arg(&plot.dst)
            .stdin(Stdio::null())
            .stderr(log.try_clone()?)
            .stdout(log);
        Ok(command)
    }

    /// Asks the plot for proofs and checks each.
    pub fn verify(&self, plot: &Path, challenges: u32) -> io::Result<Proofs> {
        let out = self
            .launcher()
            .args(["check", "-n", &challenges.to_string(), "-f"])
            .arg(plot)
            .stdin(Stdio::null())
            .output()?;
        let answer = String::from_utf8_lossy(&out.stdout);
        let count = |what: &str| {
            let words: Vec<_> = answer.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
            words.windows(2).find(|pair| pair[1] == what).and_then(|pair| pair[0].parse().ok())
        };
        match (out.status.success(), count("good"), count("bad")) {
            (true, Some(good), Some(bad)) => Ok(Proofs { good, bad }),
            _ => Err(failed("ProofOfSpace check", &out.stderr)),
        }
    }

    fn launcher(&self) -> Command {
        let mut command = Command::new("python3");
        command.arg(LAUNCHER).env("PYTHONPATH", &self.package).env("PYTHONDONTWRITEBYTECODE", "1");
        command
    }
}

/// The finished plots in a directory.
pub fn finished_plots(dir: &Path) -> io::Result<Vec<PathBuf>> {
    let mut plots = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "plot") {
            plots.push(path);
        }
    }
    Ok(plots)
}

fn failed(what: &str, stderr: &[u8]) -> io::Error {
    io::Error::other(format!("{what}: {}", String::from_utf8_lossy(stderr).trim()))
}
