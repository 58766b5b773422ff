//! Exists because tests trust the actor to look like a plotter: here the kernel is asked what it sees.

mod support;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use support::actor::Actor;

type Tested = Result<(), Box<dyn Error>>;

fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(20), "{what}: not within 20 s");
        thread::sleep(Duration::from_millis(5));
    }
}

fn thread_names(pid: i32) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks
        .filter_map(|task| fs::read_to_string(task.path().join("comm")).ok())
        .map(|name| name.trim().to_owned())
        .collect()
}

fn open_files(pid: i32) -> Vec<String> {
    let fds = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    fds.filter_map(|fd| fs::read_link(fd.path()).ok()).map(|path| path.display().to_string()).collect()
}

fn bytes_written(pid: i32) -> u64 {
    let io = fs::read_to_string(format!("/proc/{pid}/io")).unwrap_or_default();
    io.lines().find_map(|line| line.strip_prefix("wchar: ")).and_then(|bytes| bytes.parse().ok()).unwrap_or(0)
}

fn log_of(dir: &Path) -> String {
    fs::read_to_string(dir.join("log")).unwrap_or_default()
}

#[test]
fn madmax_shows_threads_files_bytes_and_log() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut actor = Actor::start("madmax", &["./chia_plot", "-k", "25", "-t", "./", "-d", "./"], dir.path())?;
    let pid = actor.pid();
    eventually("threads of phase 1", || thread_names(pid).iter().any(|name| name == "phase1/match/0"));
    assert!(thread_names(pid).contains(&"chia_plot".to_owned()), "{:?}", thread_names(pid));
    assert!(fs::read_to_string(format!("/proc/{pid}/cmdline"))?.starts_with("./chia_plot\0-k\x0025\0"));
    eventually("a file of table 4", || open_files(pid).iter().any(|file| file.contains(".p1.t4.sort_bucket_002.tmp")));
    eventually("phase 2", || thread_names(pid).iter().any(|name| name.starts_with("phase2/")));
    // PLOTTERS measured 11.28 GB at k25, 48.5 % of it in phase 1.
    let written = bytes_written(pid);
    assert!((5_400_000_000..7_500_000_000).contains(&written), "{written} bytes written at the start of phase 2");
    assert!(actor.child.wait()?.success());
    let log = log_of(dir.path());
    assert!(log.contains("\nPhase 3 took "), "{log}");
    let left: Vec<_> = fs::read_dir(dir.path())?.flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "a plot and a log, but {left:?}");
    Ok(())
}

#[test]
fn every_script_plays_to_its_end() -> Tested {
    for (script, argv) in [
        ("bladebit-cuda", &["bladebit_cuda", "-z", "5", "cudaplot", "."][..]),
        ("bladebit-disk", &["bladebit", "-t", "2", "diskplot", "-t1", ".", "."]),
        ("bladebit-ram", &["bladebit", "ramplot", "."]),
        ("chia-madmax-wrapper", &["/usr/bin/python3", "/usr/bin/chia", "plotters", "madmax", "-k", "25"]),
        ("chiapos", &["python3", "ProofOfSpace", "create", "-k", "25", "-n", "2"]),
        ("gigahorse", &["cuda_plot_k32", "-C", "7", "-n", "1"]),
        ("pos2", &["plotter", "test", "28", "00000000000000000000000000000000000000000000000000000000000000aa"]),
        ("xchplot2", &["xchplot2", "plot", "-k", "28", "-n", "1"]),
    ] {
        let dir = tempfile::tempdir()?;
        let mut actor = Actor { child: Actor::command(script, argv, dir.path())?.env("PLOTTER_PACE", "0.02").spawn()? };
        let status = actor.child.wait()?;
        assert!(status.success(), "{script} ended with {status}: {}", log_of(dir.path()));
        let temporary =
            fs::read_dir(dir.path())?.flatten().filter(|e| e.file_name().to_string_lossy().ends_with(".tmp"));
        assert_eq!(temporary.count(), 0, "{script} left temporary files");
    }
    Ok(())
}

#[test]
fn madmax_finishes_its_plot_on_sigterm() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut command = Actor::command("madmax", &["chia_plot", "-k", "20", "-n", "-1"], dir.path())?;
    let mut actor = Actor { child: command.env("PLOTTER_PACE", "0.1").spawn()? };
    eventually("the first plot", || log_of(dir.path()).contains("Plot Name:"));
    kill(Pid::from_raw(actor.pid()), Signal::SIGTERM)?;
    assert!(actor.child.wait()?.success());
    assert!(log_of(dir.path()).contains("Phase 4 took"));
    Ok(())
}

#[test]
fn a_full_disk_aborts_madmax_and_leaves_its_files() -> Tested {
    let dir = tempfile::tempdir()?;
    let mut actor = Actor::start("madmax-full-disk", &["chia_plot", "-k", "25"], dir.path())?;
    assert_eq!(actor.child.wait()?.code(), Some(134));
    assert_eq!(fs::read_dir(dir.path())?.count(), 5);
    Ok(())
}
