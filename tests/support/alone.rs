//! Exists because tests that act on the plotters of this machine see each other's: one at a time may do so.

use std::fs::File;
use std::path::Path;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Nobody else acts on plotters for as long as this lives: no thread of this test program, and no other test program.
pub struct Alone {
    _across_programs: File,
    _within_program: MutexGuard<'static, ()>,
}

/// Waits for its turn.
pub fn alone() -> Alone {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed has put the machine back all the same.
    let within = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let across = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("alone.lock")).unwrap();
    across.lock().unwrap();
    Alone { _across_programs: across, _within_program: within }
}

/// `false`, and a line that says so, where the test cannot be done without root.
pub fn is_root(why: &str) -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        eprintln!("SKIPPED: {why} needs root");
    }
    is_root
}
