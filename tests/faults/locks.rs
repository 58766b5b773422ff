//! Somebody may wait for a lock that a plotter holds, and would wait as long as the plotter is paused.

use std::fs::File;
use std::time::Duration;

use crate::support::actor::Actor;
use crate::support::alone::is_root;
use crate::support::daemon::Daemon;
use crate::support::dialled::Dialled;
use crate::support::state::State;

#[test]
fn a_plotter_that_holds_a_lock_is_not_paused_and_another_one_is() {
    if !is_root("pausing plotters") {
        return;
    }
    let mut dialled = Dialled::new();
    let others = [dialled.start_plotter(), dialled.start_plotter()];
    // The youngest would be the one to be paused. It has the locked file from whoever started it, as behind flock(1).
    let shared = File::create(dialled.folder.path().join("shared")).unwrap();
    shared.lock().unwrap();
    let dir = dialled.plotter_dir();
    let path = dir.to_str().unwrap();
    let mut command = Actor::command("madmax", &["chia_plot", "-k", "32", "-t", path, "-d", path], &dir).unwrap();
    command.stdin(shared);
    let holder = dialled.start(command, 6);

    let mut daemon = Daemon::start(&dialled.options());
    dialled.press(&daemon);
    let state = dialled.state();
    assert!(!state.halts(holder), "{}", daemon.log());
    assert!(others.iter().any(|&pid| state.halts(pid)), "{}", daemon.log());
    let job = format!("-{holder}-");
    let said = || daemon.log().lines().any(|line| line.contains(&job) && line.contains("holds a flock"));
    daemon.wait_for("it is said why", Duration::from_secs(10), |_| said().then_some(()));
    assert!(daemon.stop().success(), "{}", daemon.log());
    assert!(!State::of(&others).halts_any());
}
