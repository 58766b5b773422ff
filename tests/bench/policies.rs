//! Exists to hold `plotwarden policy check` to its price: 1,000 policies take less than a second and 100 MB, so that nobody hesitates
//! to run it before each commit, and a reload costs a machine that plots next to nothing.
//!
//! `cargo bench --bench policies`. The policies are the shipped ones, tests included, and the examples of all kinds, over and over under
//! other names. `POLICIES_PLOTWARDEN` names another program to measure. CPU time is what counts: other work on the machine matters little.

use std::env;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;

const POLICIES: usize = 1_000;
const MOST_MILLIS: i64 = 1_000;
const MOST_KIB: i64 = 100_000_000 / 1024;
const ROUNDS: usize = 5;
const FOLDERS: [&str; 2] = ["policies", "tests/policies/good"];

fn main() -> ExitCode {
    if !env::args().any(|argument| argument == "--bench") {
        println!(
            "policies: says something of an optimised program only, so it runs with `cargo bench --bench policies` only"
        );
        return ExitCode::SUCCESS;
    }
    match measure() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("policies: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure() -> Result<bool, Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let bytes = fill(folder.path())?;
    let program = env::var_os("POLICIES_PLOTWARDEN").unwrap_or_else(|| env!("CARGO_BIN_EXE_plotwarden").into());
    let mut best = i64::MAX;
    for _ in 0..ROUNDS {
        let before = cpu_millis()?;
        let checked =
            Command::new(&program).args(["policy", "check"]).arg(folder.path()).stdout(Stdio::null()).status()?;
        if !checked.success() {
            return Err(format!("the policies were refused: {checked}").into());
        }
        best = best.min(cpu_millis()? - before);
    }
    let kib = getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss();
    println!("{POLICIES} policies of {} KiB: {best} ms of {MOST_MILLIS}, {kib} KiB of {MOST_KIB}", bytes / 1024);
    Ok(best < MOST_MILLIS && kib < MOST_KIB)
}

fn cpu_millis() -> Result<i64, nix::Error> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(usage.user_time().num_milliseconds() + usage.system_time().num_milliseconds())
}

/// Writes the policies; their bytes in all.
fn fill(folder: &Path) -> Result<usize, Box<dyn Error>> {
    let texts = examples()?;
    let mut bytes = 0;
    for (number, (name, text)) in texts.iter().cycle().take(POLICIES).enumerate() {
        let text = text.replacen(&format!("name: {name}"), &format!("name: {name}-{number}"), 1);
        bytes += text.len();
        fs::write(folder.join(format!("{number:04}.yaml")), text)?;
    }
    Ok(bytes)
}

/// Names and texts; tests that stand alone name policies that are not here.
fn examples() -> Result<Vec<(String, String)>, Box<dyn Error>> {
    let mut texts = Vec::new();
    for folder in FOLDERS {
        let entries = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))?;
        let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<PathBuf>, _>>()?;
        paths.sort();
        for path in paths.iter().filter(|path| path.extension().is_some_and(|end| end == "yaml")) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let text = fs::read_to_string(path)?;
            if !text.contains("kind: PolicyTest") {
                texts.push((name, text));
            }
        }
    }
    Ok(texts)
}
