//! One test at a time may run the program that acts on plotters: two of them would fight over each other's jobs.

use std::fs::File;

use nix::fcntl::{Flock, FlockArg};

/// Waits for all other such tests, of this test program and of others, until the returned lock is dropped.
pub fn alone() -> Flock<File> {
    let file = File::create(concat!(env!("CARGO_TARGET_TMPDIR"), "/alone.lock")).unwrap();
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error).unwrap()
}
