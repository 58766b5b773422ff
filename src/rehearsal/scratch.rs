//! The run directory of a rehearsal: the actuator keeps its journal as on a machine, in a place that goes with the test.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// In memory where there is such a place: each record is synced, which takes its time on a disk.
const PLACES: [&str; 2] = ["/dev/shm", "/run/user"];

/// A directory that is removed with everything in it.
#[derive(Debug)]
pub struct Scratch(PathBuf);

impl Scratch {
    /// # Errors
    /// No directory can be made, not even among the temporary files.
    pub fn make() -> io::Result<Self> {
        static MADE: AtomicU64 = AtomicU64::new(0);
        let name = format!("plotwarden-rehearsal-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let places = PLACES.iter().map(PathBuf::from).chain([std::env::temp_dir()]);
        let mut problem = None;
        for place in places {
            let path = place.join(&name);
            match fs::DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self(path)),
                Err(error) => problem = Some(error),
            }
        }
        Err(problem.unwrap_or_else(|| io::ErrorKind::NotFound.into()))
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left behind lies in memory, and goes with the boot.
        let _ = fs::remove_dir_all(&self.0);
    }
}
