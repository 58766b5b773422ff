//! The last good policies over restarts: kept beside the journal, used while the files are broken, and for no other files.

use std::fs;
use std::path::Path;

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::scene::{LOADED, await_policies, await_result, await_ticks, folder, in_force, options, policy};
use crate::support::daemon::{Daemon, Options, free_address};

const LOADED_AT: &str = "plotwarden_policies_last_reload_success_timestamp_seconds";

fn options_in(run: &Path, policies: &Path) -> Options {
    Options { run: Some(run.to_owned()), ..options(policies) }
}

/// Starts and ends the program, so that what is in force is kept.
fn run_once(options: &Options, names: &[&str]) -> f64 {
    let mut daemon = Daemon::start(options);
    await_policies(&daemon, names);
    // What is kept is written in a thread of its own.
    await_ticks(&daemon, 1.0);
    let loaded_at = daemon.metrics().value(LOADED_AT, &[]).unwrap();
    assert!(daemon.stop().success());
    loaded_at
}

fn refused(options: &Options) -> String {
    let output = options.command(Path::new("/nonexistent"), free_address()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn with_broken_files_a_restart_goes_on_with_the_last_good_policies_and_says_so() {
    let run = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (_root, policies) = folder();
    let options = options_in(run.path(), &policies);
    let path = policies.join("p.yaml");
    fs::write(&path, policy("good")).unwrap();
    let loaded_at = run_once(&options, &["good"]);

    fs::write(&path, policy("good").replace("severity:", "severety:")).unwrap();
    let mut daemon = Daemon::start(&options);
    let metrics = daemon.metrics();
    assert_eq!((in_force(&metrics), metrics.value(LOADED, &[])), (vec!["good".to_owned()], Some(0.0)));
    let kept_from = metrics.value(LOADED_AT, &[]).unwrap();
    assert!((loaded_at - kept_from).abs() < 1.0, "{loaded_at} {kept_from}");
    let log = daemon.log();
    assert!(log.contains("kept in the run directory, are in force") && log.contains("severety"), "{log}");
    // Again and again, also after an end that was none.
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    let daemon = Daemon::start(&options);
    assert_eq!(in_force(&daemon.metrics()), ["good"]);

    fs::write(&path, policy("mended")).unwrap();
    await_policies(&daemon, &["mended"]);
    await_result(&daemon, true);
}

#[test]
fn what_is_kept_of_other_paths_is_not_used() {
    let run = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let ((_one, mine), (_other, others)) = (folder(), folder());
    fs::write(mine.join("p.yaml"), policy("mine")).unwrap();
    run_once(&options_in(run.path(), &mine), &["mine"]);
    fs::write(others.join("p.yaml"), "kind: [").unwrap();
    let said = refused(&options_in(run.path(), &others));
    assert!(said.contains("p.yaml:1:") && said.contains("nothing was started"), "{said}");
    fs::write(run.path().join("policies.json"), "{").unwrap();
    fs::write(mine.join("p.yaml"), "kind: [").unwrap();
    let said = refused(&options_in(run.path(), &mine));
    assert!(said.contains("policies.json") && said.contains("nothing was started"), "{said}");
}

#[test]
fn policies_that_were_removed_on_purpose_do_not_come_back() {
    let run = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let (_root, policies) = folder();
    let options = options_in(run.path(), &policies);
    fs::write(policies.join("p.yaml"), policy("first")).unwrap();
    run_once(&options, &["first"]);
    // While nobody looked.
    fs::remove_file(policies.join("p.yaml")).unwrap();
    run_once(&options, &[]);
    fs::write(policies.join("broken.yaml"), "kind: [").unwrap();
    let daemon = Daemon::start(&options);
    let metrics = daemon.metrics();
    assert_eq!((in_force(&metrics), metrics.value(LOADED, &[])), (Vec::new(), Some(0.0)), "{}", daemon.log());
}
